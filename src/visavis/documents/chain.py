"""From a document signer to a certificate of its state that the user supplied, and what the state revoked.

Which moment counts: a signer must have been valid when it signed. Where the security object states that time,
it is the one; it was signed with the rest. Where it doesn't, the signer's certificate must be valid now: a
state gives it a validity that lasts as long as the documents it signs (Doc 9303-12), so that only a document
that is out of date itself can be refused by this. Each certificate above it must have been valid when the one
below began to be; it may have ended since.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from visavis.documents.certificates import CERTIFICATE_SIGN, CRL_SIGN, DIGITAL_SIGNATURE
from visavis.documents.signatures import UnsupportedError
from visavis.documents.stages import Stage
from visavis.photo.refusals import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from visavis.documents.certificates import Certificate, Revocations
    from visavis.documents.trust import Trust

MAX_CHAIN = 6
"""Certificates of a chain: the signer, its CSCA, and links to earlier keys of the CSCA."""

CLOCKS = timedelta(days=1)
"""By how much a signing time may lie ahead of this machine's clock."""

OTHER_ROLES = {
    "2.23.136.1.1.3": "master lists",
    "2.23.136.1.1.8": "deviation lists",
    "1.3.6.1.5.5.7.3.1": "servers",
    "1.3.6.1.5.5.7.3.2": "clients",
}
"""Purposes of certificates that a state issues for others than document signers (Doc 9303-12, 7.1.1)."""


MAX_WAYS = 16
"""Ways that are followed at a time: several keys of a state have one name."""


def check_chain(
    signer: Certificate, trust: Trust, signed_at: datetime | None, now: datetime
) -> tuple[Stage, tuple[Certificate, ...]]:
    """The way from the signer to a certificate that the user trusts, and what is wrong with it."""
    try:
        wrong = _what_is_wrong_with_signer(signer, signed_at, now)
        path, reasons = _path(signer, trust.certificates)
    except UnsupportedError as error:
        return Stage("chain", "not done", f"a certificate uses something unknown: {one_line(error)}"), ()
    except ValueError as error:
        return Stage("chain", "failed", f"a certificate is damaged: {one_line(error)}"), ()
    if not path:
        return Stage("chain", "failed", "; ".join((*wrong, reasons)), trust.notes), ()
    if wrong:
        return Stage("chain", "failed", "; ".join(wrong), trust.notes), path
    moment = f"signed on {signed_at:%Y-%m-%d}" if signed_at else "no signing time: checked for today"
    links = f" over {len(path) - 2} link certificates" if len(path) > 2 else ""
    notes = [*trust.notes]
    if not path[-1].valid_at(now):
        notes.append(
            "the certificate of the issuing state has ended since, which is no fault of the document"
        )
    why = f"{signer.subject.text} was certified by {path[-1].subject.text}{links}; {moment}"
    return Stage("chain", "passed", why, tuple(notes)), path


def _what_is_wrong_with_signer(signer: Certificate, signed_at: datetime | None, now: datetime) -> list[str]:
    """Whatever speaks against a document signer, apart from who issued it (Doc 9303-12, 7.1.1)."""
    wrong = []
    moment = signed_at or now
    if not signer.valid_at(moment):
        told = "when it signed" if signed_at else "now, and no signing time is stated"
        span = f"{signer.not_before:%Y-%m-%d} to {signer.not_after:%Y-%m-%d}"
        wrong.append(f"the signer's certificate wasn't valid {told} ({moment:%Y-%m-%d}; valid {span})")
    if signed_at and signed_at > now + CLOCKS:
        wrong.append(f"it was signed in the future, on {signed_at:%Y-%m-%d}")
    if signer.authority:
        wrong.append("the signer's certificate is one for issuing certificates, not for signing documents")
    if signer.may(DIGITAL_SIGNATURE) is False:
        wrong.append("the signer's key isn't meant for signatures")
    wrong += [
        f"the signer's key is meant for {OTHER_ROLES[u]}" for u in signer.extended_usage if u in OTHER_ROLES
    ]
    if signer.not_understood:
        wrong.append(
            f"the signer's certificate has the unknown critical extension {signer.not_understood[0]}"
        )
    if signer.subject.country != signer.issuer.country:
        wrong.append(
            f"the signer is of {signer.subject.country or 'no country'}, "
            f"its issuer of {signer.issuer.country or 'no country'}"
        )
    return wrong


def _path(signer: Certificate, supplied: Iterable[Certificate]) -> tuple[tuple[Certificate, ...], str]:
    """The shortest way from the signer to a self-signed certificate; or none, and why not."""
    authorities = [known for known in supplied if known.authority is not False and known.raw != signer.raw]
    reason = f"none of the supplied certificates is of {signer.issuer.text}, which issued the signer's"
    ways: list[tuple[Certificate, ...]] = [(signer,)]
    unsupported: UnsupportedError | None = None
    for _ in range(MAX_CHAIN - 1):
        longer = []
        for way in ways:
            for above in authorities:
                if above.subject != way[-1].issuer or any(above is known for known in way):
                    continue
                try:
                    wrong = _what_is_wrong_with_issue(way[-1], above)
                    if not wrong and above.self_issued and above.check(above).valid:
                        return (*way, above), ""
                except UnsupportedError as error:
                    unsupported = error
                    continue
                if wrong:
                    reason = wrong
                elif above.authority:
                    reason = f"{above.subject.text} leads to no self-signed certificate that was supplied"
                    longer.append((*way, above))
        ways = longer[:MAX_WAYS]
    if unsupported is not None:
        raise unsupported
    return (), reason


def _what_is_wrong_with_issue(below: Certificate, above: Certificate) -> str:
    """Why a certificate can't have been issued by another of the right name, or nothing."""
    if not below.check(above).valid:
        return f"{below.subject.text} isn't certified with the supplied key of {above.subject.text}"
    if not above.valid_at(below.not_before):
        span = f"{above.not_before:%Y-%m-%d} to {above.not_after:%Y-%m-%d}"
        return f"{above.subject.text} ({span}) wasn't valid when it issued one, {below.not_before:%Y-%m-%d}"
    if above.may(CERTIFICATE_SIGN) is False:
        return f"the key of {above.subject.text} isn't meant for issuing certificates"
    if above.not_understood:
        return f"{above.subject.text} has the unknown critical extension {above.not_understood[0]}"
    if above.subject.country != below.subject.country:
        return f"{below.subject.text} and {above.subject.text} are of different countries"
    return ""


def check_revocation(path: tuple[Certificate, ...], trust: Trust | None, now: datetime) -> Stage:
    """Whether a list of the state names the signer, or a link certificate on the way."""
    if trust is None or not trust.revocations:
        return Stage("revocation", "not done", "no revocation list was supplied")
    if not path:
        return Stage("revocation", "not done", "there is no chain to check it for")
    good, bad, unknown = _usable_lists(path, trust)
    for certificate in path[:-1]:
        if any(
            certificate.serial in listed.serials for listed in good if listed.issuer == certificate.issuer
        ):
            why = f"{certificate.issuer.text} has revoked the certificate of {certificate.subject.text}"
            return Stage("revocation", "failed", why)
    own = [listed for listed in good if listed.issuer == path[0].issuer]
    if own:
        newest = max(own, key=lambda listed: listed.this_update)
        notes = (
            f"its newest list is of {newest.this_update:%Y-%m-%d}",
            *_freshness(newest, now),
            *bad,
            *unknown,
        )
        return Stage("revocation", "passed", f"{path[0].issuer.text} hasn't revoked the signer", notes)
    if bad:
        return Stage("revocation", "failed", bad[0], tuple(unknown))
    missing = f"no revocation list of {path[0].issuer.text} was supplied"
    return Stage("revocation", "not done", unknown[0] if unknown else missing)


def _usable_lists(
    path: tuple[Certificate, ...], trust: Trust
) -> tuple[list[Revocations], list[str], list[str]]:
    """The lists that the path's issuers signed; what is wrong with others; what can't be said."""
    issuers = {certificate.issuer.parts for certificate in path}
    good, bad, unknown = [], [], []
    for listed in trust.revocations:
        if listed.issuer.parts not in issuers:
            continue
        if listed.partial:
            unknown.append(f"a revocation list isn't for all certificates of its issuer ({listed.partial})")
            continue
        try:
            # A state signs all its lists with its newest key, which may not be the one on the path.
            keys = (key for key in (*path[1:], *trust.certificates) if key.subject == listed.issuer)
            if any(_signed_list(listed, key, trusted=key in path) for key in keys):
                good.append(listed)
            else:
                bad.append(f"the revocation list of {listed.issuer.text} isn't signed with a key of it")
        except ValueError as error:
            unknown.append(f"a revocation list can't be checked: {one_line(error)}")
    return good, bad, unknown


def _signed_list(listed: Revocations, key: Certificate, *, trusted: bool) -> bool:
    """Whether a certificate of the path, or another that is self-signed, signed a list."""
    if key.may(CRL_SIGN) is False or not (trusted or (key.self_issued and key.authority)):
        return False
    return listed.check(key).valid and (trusted or key.check(key).valid)


def _freshness(listed: Revocations, now: datetime) -> list[str]:
    if listed.this_update > now + CLOCKS:
        return ["it lies in the future"]
    if listed.next_update and listed.next_update < now:
        return [f"it is stale: the next one was due on {listed.next_update:%Y-%m-%d}"]
    return []
