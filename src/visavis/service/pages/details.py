"""Details of an entry of the ledger: what they are called, and what they say, in the reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.service.pages.languages import marked as _
from visavis.service.pages.words import LIVE, OUTCOMES, STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.ledger.entry import Scalar
    from visavis.service.pages.languages import Language


DETAILS: Mapping[str, str] = {
    "threshold": _("Threshold"),
    "portrait": _("Portrait that was used"),
    "liveness": _("Living person"),
    "asked": _("Asked for"),
    "found": _("Found"),
    "expected": _("Allowed"),
    "window_hours": _("Within hours"),
    "noted": _("Noted"),
    "user": _("User"),
    "entry": _("Entry"),
    "by": _("Done by the user"),
    "how": _("How"),
    "roles": _("Roles"),
    "before": _("Roles before"),
    "key": _("Key"),
    "what": _("What"),
    "first": _("First entry"),
    "last": _("Last entry"),
    "salts": _("Salts that were destroyed"),
    "scopes": _("Allowed calls"),
    "legal_basis": _("Legal basis"),
    "rate_per_min": _("Calls a minute"),
    "quota_per_day": _("Calls a day"),
    "max_fmr": _("Highest false match rate"),
    "expires_at": _("Ends"),
    "previous_until": _("The previous secret is valid until"),
    "version": _("Version"),
    "verifier_key": _("Public key"),
    "former": _("Public key before"),
    "leaked": _("Somebody else may have it"),
    "zone": _("Machine-readable zone"),
    "chip": _("Chip"),
    "frames": _("Frames"),
    "challenge": _("Challenge"),
    "faces": _("Faces"),
    "same_picture": _("The same picture twice"),
    "fields_same": _("Fields that agree"),
    "fields_different": _("Fields that differ"),
    "profile": _("Quality that was asked for"),
    "failures": _("Failed attempts"),
    "answer": _("Answer"),
    "openid": _("OpenID provider"),
    "batch": _("Batch"),
    "row": _("Row"),
}
"""By name: what a detail of an entry is called; others are shown under the name that they have."""
LIMITS = frozenset({"max_fmr", "expires_at"})
"""Details that limit something; where one is empty, no limit was set."""

SCOPES: Mapping[str, tuple[str, str]] = {
    "verifications": (_("Verifications"), _("Ask whether a person is the one on a picture or a document.")),
    "crosschecks": (_("Two documents"), _("Ask whether two documents belong to one person.")),
    "documents": (_("Documents"), _("Have a document read.")),
    "quality": (_("Quality"), _("Ask whether a picture is good enough.")),
    "templates": (_("Templates"), _("Have a template made of a face, through the door for MOSIP.")),
    "challenges": (_("Challenges"), _("Check whether a living person is before the camera.")),
    "subjects": (_("Reports"), _("Ask what was done with a person’s data.")),
    "ledger": (_("Ledger"), _("Read the ledger.")),
    "metrics": (_("Metrics"), _("Read how much is going on.")),
}
"""By scope of a key: its name, and what it allows."""

FACES: Mapping[str, str] = {
    "match": _("the same person"),
    "no_match": _("not the same person"),
    "inconclusive": _("nothing could be decided"),
}
"""By decision: what a comparison of two faces came to."""
ROLES: Mapping[str, str] = {
    "clerk": _("Clerk"),
    "reviewer": _("Reviewer"),
    "auditor": _("Auditor"),
    "administrator": _("Administrator"),
}
"""By role of a user: what it is called."""
CALLS: Mapping[str, str] = {
    **{scope: title for scope, (title, _told) in SCOPES.items()},
    "sign-in": _("Sign in"),
    "verdict": _("Verification"),
    "crosscheck": _("Two documents"),
    "faces": _("Quality"),
    "a verdict that was given": _("an answer that is kept"),
}
"""What may be asked for."""
VALUES: Mapping[str, Mapping[str, str]] = {
    "portrait": {
        "printed": _("Portrait on the document"),
        "chip": _("Portrait on the chip"),
        "none": _("none"),
    },
    "liveness": LIVE,
    "faces": FACES,
    "zone": {
        "valid": _("read, and its check digits are right"),
        "not valid": _("read, and its check digits are wrong"),
    },
    "what": {
        "report": _("a report for the person"),
        "pictures": _("pictures that are kept"),
        "a statement": _("a signed statement"),
        "entries of a person": _("entries about a person"),
        "show": _("entries about a person"),
        "erasure of a person": _("to erase a person’s data"),
        "erasure of entries": _("to erase what entries were about"),
        "expiry": _("to delete what is past its time"),
    },
    "how": {
        "password": _("password"),
        "password and code": _("password and second factor"),
        "password and recovery code": _("password and recovery code"),
        "openid": _("OpenID provider"),
        "old password": _("with the previous password"),
        "invitation": _("by a link"),
    },
    "asked": CALLS,
    "noted": {"the first one in a minute": _("the first one in a minute")},
    "roles": ROLES,
    "before": ROLES,
    "scopes": CALLS,
}
"""By name of a detail: what its values are called; others are shown as they are."""
LISTS = frozenset({"roles", "before", "scopes"})
"""Details with several values, a comma between each two."""
CHIP = "chip: "
"""What the details begin with that say what a stage of a chip's authentication came to."""


def label(language: Language, name: str) -> str:
    """What a detail is called."""
    gettext, stage = language.gettext, name.removeprefix(CHIP)
    if name.startswith(CHIP) and stage in STAGES:
        return gettext("%(about)s: %(remark)s", about=gettext(DETAILS["chip"]), remark=gettext(STAGES[stage]))
    return gettext(DETAILS[name]) if name in DETAILS else name.replace("_", " ")


def value(language: Language, name: str, found: Scalar) -> str:
    """What a detail says."""
    gettext = language.gettext
    if found is None:
        return gettext("not set") if name in LIMITS else gettext("none")
    if isinstance(found, bool):
        return gettext("yes") if found else gettext("no")
    if isinstance(found, int) or (isinstance(found, float) and abs(found) >= 0.001):
        return language.number(found, None if abs(found) >= 1 else 4)
    if isinstance(found, float):
        return f"{found:g}"
    known = OUTCOMES if name.startswith(CHIP) else VALUES.get(name, {})
    parts = found.split(",") if name in LISTS else [found]
    said = [gettext(known[part]) if part in known else part for part in parts if part]
    return language.listed(said) if said else gettext("nothing")
