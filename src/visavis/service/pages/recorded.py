"""What stands in an entry of the ledger, in plain words of the reader's language."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from visavis.access.subjects import is_look_at_pictures
from visavis.service.pages import details
from visavis.service.pages.details import FACES, SCOPES
from visavis.service.pages.languages import marked as _
from visavis.service.pages.words import REASONS, Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from visavis.access.subjects import Use
    from visavis.ledger.entry import Entry, Scalar
    from visavis.service.pages.languages import Language


KINDS: Mapping[str, tuple[str, str]] = {
    "start": (_("Beginning"), _("The ledger began.")),
    "verdict": (
        _("Verification"),
        _("It was asked whether two pictures, or a picture and a document, show the same person."),
    ),
    "crosscheck": (_("Two documents"), _("It was asked whether two documents belong to the same person.")),
    "document": (_("Document"), _("A document was read.")),
    "quality": (_("Quality"), _("The quality of a picture was examined.")),
    "liveness": (_("Liveness"), _("It was examined whether a living person was in front of the camera.")),
    "template": (_("Template"), _("A template was made of a face and handed out.")),
    "conversion": (_("Conversion"), _("A record of a face was brought into another form.")),
    "refusal": (_("Refusal"), _("Something was asked for and refused.")),
    "key": (_("Key"), _("A key was made or changed.")),
    "rotation": (_("Signing key"), _("The key that signs the ledger was exchanged.")),
    "access": (_("Access"), _("What is recorded or kept about a person was looked at, or was to be erased.")),
    "erasure": (_("Erasure"), _("What could show whom earlier entries are about was destroyed.")),
    "user": (_("User"), _("A user of the desk was added or changed, or signed in.")),
    "review": (_("Review"), _("A second person decided on a case that was put aside.")),
}
"""By kind: its name, and what it means."""

DECISIONS: Mapping[str, str] = {
    **FACES,
    "live": _("a living person"),
    "attack": _("no living person"),
    "not assessed": _("could not be found out"),
    "read": _("the document was read"),
    "undecided": _("the document could not be relied on"),
    "meets": _("the picture is good enough"),
    "falls_short": _("the picture is not good enough"),
    "not_assessed": _("could not be found out"),
    "measured": _("the picture was measured"),
    "extracted": _("a template was made"),
    "too_poor": _("too poor for a template"),
    "converted": _("the record was converted"),
    "segmented": _("the record was split"),
    "not_segmented": _("the record could not be split"),
    "stopped": _("stopped: one face and too many others"),
    "create": _("the key was made"),
    "rotate": _("the key got another secret"),
    "revoke": _("the key was ended"),
    "add": _("the user was added"),
    "roles": _("the user got other roles"),
    "block": _("the user was blocked"),
    "unblock": _("the user was let in again"),
    "end-sessions": _("the user was signed out everywhere"),
    "purpose": _("the user got a purpose"),
    "purpose-end": _("a purpose was taken from the user"),
    "invite": _("a link was made by which the user sets a password"),
    "password": _("the user set a password"),
    "sign-in": _("the user signed in"),
    "second-factor": _("the user turned the second factor on"),
    "second-factor-reset": _("the user’s second factor was taken away"),
    "recovery-code": _("the user signed in with a recovery code"),
}
"""By decision: what it came to."""
USES = tuple(DECISIONS)[: tuple(DECISIONS).index("stopped") + 1]
"""Decisions about a face or a document, and not about keys and users."""

REFUSALS: Mapping[str, tuple[str, str]] = {
    "access.fan_out": (
        _("One face and too many others"),
        _(
            "One face was to be compared with more different people than is allowed in a day. That is how "
            "somebody searches for a person, one pair at a time. Nothing was compared. Ask whoever holds "
            "the key what they did at that time."
        ),
    ),
    "access.locked": (
        _("Signing in failed often"),
        _(
            "Somebody gave wrong passwords or codes again and again and had to wait. It may be a person who "
            "forgot a password, or somebody who guesses."
        ),
    ),
    "access.rate": (
        _("Too many calls in a minute"),
        _("A key was used faster than it may be. A program may be at fault, or the key is in wrong hands."),
    ),
    "access.quota": (
        _("The day’s calls were used up"),
        _("A key was used more often in a day than it may be."),
    ),
    "access.scope": (
        _("Not what the key is for"),
        _("A key was used for something that it does not allow."),
    ),
    "access.role": (
        _("Not in the user’s role"),
        _("A user tried something that their roles do not allow."),
    ),
    "access.policy": (
        _("A laxer rule than allowed"),
        _("A call asked for a higher false match rate than its key allows."),
    ),
    "access.expired": (_("The key had ended"), _("A key was used after its time was over.")),
    "access.revoked": (
        _("The key was revoked"),
        _("A key was used after it was revoked. Whoever still has it should not."),
    ),
    "photo.": (_("A picture could not be used"), _("A picture was damaged, too large, or of another kind.")),
    "document.": (_("A document could not be used"), _("Pictures of a document could not be read.")),
    "chip.": (_("A chip could not be used"), _("The files of a chip could not be read.")),
}
"""By code, or what it begins with: what a refusal is called, and what it means."""

ROLES_OF_INPUTS: Mapping[str, str] = {
    "reference": _("reference picture"),
    "probe": _("picture of the face"),
    "picture": _("picture"),
    "frames": _("frames of the camera"),
    "document": _("document"),
    "first document": _("first document"),
    "second document": _("second document"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entry.

    Attributes:
        name: What it is called.
        value: What it says.
        told: What that means; empty where it speaks for itself.
        is_code: Whether the value is for machines, such as a digest.
    """

    name: str
    value: str
    told: str = ""
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Entries in the words of one language.

    Attributes:
        language: The language.
    """

    language: Language

    def kind(self, name: str) -> str:
        """What a kind of entries is called."""
        return self._say(KINDS[name][0]) if name in KINDS else name

    def kinds(self) -> list[tuple[str, str]]:
        """All kinds, by the names that they have here."""
        from visavis.ledger import entry

        return sorted(((name, self.kind(name)) for name in entry.KINDS), key=lambda each: each[1].lower())

    def decision(self, name: str) -> str:
        """What an entry came to."""
        return self._say(DECISIONS[name]) if name in DECISIONS else name.replace("_", " ")

    def decisions(self) -> list[tuple[str, str]]:
        """What entries of uses and refusals come to."""
        return [(name, self.decision(name)) for name in USES]

    def scope(self, name: str) -> str:
        """What a scope of a key is called."""
        return self._say(SCOPES[name][0]) if name in SCOPES else name

    def scopes(self) -> list[tuple[str, str, str]]:
        """Scopes with their names and what they allow, for boxes of a form."""
        return [(name, self._say(title), self._say(told)) for name, (title, told) in SCOPES.items()]

    def moment(self, entry: Entry) -> datetime:
        """When it was."""
        return datetime.fromisoformat(entry.time)

    def refusal(self, codes: tuple[str, ...]) -> tuple[str, str]:
        """What a refusal is called, and what it means; the first code that is known says it."""
        for code in codes:
            for found, (title, told) in REFUSALS.items():
                if code == found or (found[-1] == "." and code.startswith(found)):
                    return self._say(title), self._say(told)
        names = self.language.listed(code.replace("_", " ") for code in codes)
        return names or self.kind("refusal"), ""

    def reason(self, code: str) -> str:
        """A reason in a sentence, or by its code."""
        if code in REASONS:
            return self._say(REASONS[code])
        return self.refusal((code,))[0]

    def outcome(self, entry: Entry) -> str:
        """What it came to, in a few words; empty where nothing was decided."""
        if entry.kind == "refusal":
            return self.refusal(entry.reasons)[0]
        return "" if entry.decision is None else self.decision(entry.decision)

    def fields(self, entry: Entry) -> list[Field]:
        """All that an entry says."""
        plain = [self._plain(name, value) for name, value in sorted(entry.details.items())]
        return [*self._main(entry), *self._digests(entry), *plain]

    def rules(self, entry: Entry) -> list[Field]:
        """The policy that applied, rule by rule, under the names that the settings have."""
        return [
            Field(name, self._say("not set")) if value is None else replace(self._plain("", value), name=name)
            for name, value in sorted((entry.policy or {}).items())
        ]

    def use(self, use: Use) -> list[str]:
        """One use of a person's data, in sentences."""
        entry, _ = use.entry, self._say
        said = [_(KINDS[entry.kind][1]) if entry.kind in KINDS else entry.kind]
        if is_look_at_pictures(entry):
            said = [_("Pictures of the person that are kept were looked at.")]
        if entry.kind == "refusal":
            said.append(_("Why: %(why)s.", why=self.refusal(entry.reasons)[0]))
        elif entry.decision is not None:
            said.append(_("Result: %(result)s.", result=self.decision(entry.decision)))
            if entry.fmr is not None or entry.fmr_upper is not None:
                told = self._rate(entry)
                said.append(
                    _("So many pairs of two different people look at least as alike: %(rate)s.", rate=told)
                )
            said.extend(self.reason(code) for code in entry.reasons)
        if entry.pack is not None:
            said.append(_("Engine: %(pack)s.", pack=entry.pack))
        if entry.purpose is not None:
            said.append(_("Purpose: %(purpose)s.", purpose=entry.purpose))
        if use.legal_basis is not None:
            said.append(_("Legal basis: %(basis)s.", basis=use.legal_basis))
        if entry.key is None:
            said.append(_("Done by the operator."))
        else:
            said.append(_("Asked with the key %(key)s.", key=entry.key))
        return said

    def _main(self, entry: Entry) -> Iterator[Field]:
        _ = self._say
        yield Field(_("When"), self.language.time(self.moment(entry)))
        told = _(KINDS[entry.kind][1]) if entry.kind in KINDS else ""
        yield Field(_("What"), self.kind(entry.kind), told)
        if entry.kind == "refusal":
            yield Field(_("Why"), *self.refusal(entry.reasons))
        elif entry.decision is not None:
            yield Field(_("Result"), self.decision(entry.decision))
        if entry.fmr is not None or entry.fmr_upper is not None:
            yield Field(
                _("False match rate"),
                self._rate(entry),
                _("How many pairs of two different people look at least as alike as these pictures."),
            )
        for code in entry.reasons if entry.kind != "refusal" else ():
            yield Field(_("Remark"), self.reason(code))
        yield Field(_("Purpose"), entry.purpose or _("none was given"), _("What it was done for."))
        yield Field(
            _("Key"),
            entry.key or _("none: it was done by the operator or by the service itself"),
            "" if entry.key is None else _("Which key asked. The list of keys says whose it is."),
        )
        if entry.pack is not None:
            yield Field(_("Engine"), entry.pack, _("The pack of networks that looked at the pictures."))
        if entry.fingerprint is not None:
            yield Field(
                _("Fingerprint of the engine"), entry.fingerprint, _("Which version of it."), is_code=True
            )
        if entry.calibration is not None:
            yield Field(
                _("Calibration"),
                entry.calibration,
                _("The digest of the measurements that the rates come from."),
                is_code=True,
            )

    def _digests(self, entry: Entry) -> Iterator[Field]:
        _ = self._say
        if entry.subject is not None:
            told = _(
                "Stands for the person’s reference. Entries about one person have the same digest; without "
                "the reference nobody can tell whose it is."
            )
            yield Field(_("Person"), entry.subject.digest, told, is_code=True)
        for role, salted in entry.inputs.items():
            about, _gap, number = role.partition(" ")
            name = ROLES_OF_INPUTS.get(role) or (ROLES_OF_INPUTS.get(about) if number.isdigit() else None)
            label = role if name is None else f"{_(name)} {'' if role in ROLES_OF_INPUTS else number}".strip()
            told = _("Stands for the file that was given. Whoever has the file can show that it was this.")
            yield Field(_("Digest: %(what)s", what=label), salted.digest, told, is_code=True)

    def _plain(self, name: str, value: Scalar) -> Field:
        return Field(details.label(self.language, name), details.value(self.language, name, value))

    def _rate(self, entry: Entry) -> str:
        return Words(self.language).rate(entry.fmr, entry.fmr_upper)

    def _say(self, text: str, **values: object) -> str:
        return self.language.gettext(text, **values)
