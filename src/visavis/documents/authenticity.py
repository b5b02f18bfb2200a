"""Passive authentication of a chip's files (Doc 9303-11, 5.1), in stages that are reported one by one.

1. ``hashes``: each data group has the digest that the security object states.
2. ``signature``: the security object is signed with the key of its document signer's certificate.
3. ``chain``: that certificate leads to a certificate of the issuing state (CSCA) that the user supplied.
4. ``state``: that state is the one that issued the document, by DG1: no state vouches for another's.
5. ``revocation``: the issuing state hasn't revoked it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from visavis.documents.chain import check_chain, check_revocation
from visavis.documents.cms import SignedData
from visavis.documents.lds import TAGS, SecurityObject
from visavis.documents.mrz.countries import canonical, of_certificates
from visavis.documents.signatures import UnsupportedError, digest
from visavis.documents.stages import NAMES, Outcome, Stage
from visavis.documents.tlv import Tlv
from visavis.photo.refusals import one_line

if TYPE_CHECKING:
    from visavis.documents.certificates import Certificate
    from visavis.documents.chip import ChipFiles
    from visavis.documents.trust import Trust

SECURITY_OBJECT = "2.23.136.1.1.1"

NOT_A_CLONE_TEST = (
    "Passive authentication shows that the data are as the issuing state signed them. It does not detect a "
    "cloned chip: active or chip authentication, which would, needs the chip itself and isn't done."
)


@dataclass(frozen=True, slots=True)
class Authenticity:
    """What passive authentication came to.

    Attributes:
        hashes: Stage 1.
        signature: Stage 2.
        chain: Stage 3.
        state: Stage 4.
        revocation: Stage 5.
        groups: Names of the data groups whose digests are right.
        country: Two letters of the signer's country as its certificate has it, or nothing.
        signed_at: When the security object says it was signed, where it says.
        certificates_given: Whether the user supplied any certificate that the signer could lead to.
        limits: What all of it doesn't show.
    """

    hashes: Stage
    signature: Stage
    chain: Stage
    state: Stage
    revocation: Stage
    groups: tuple[str, ...]
    country: str
    signed_at: datetime | None
    certificates_given: bool
    limits: str = field(default=NOT_A_CLONE_TEST, init=False)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All of them in the order of `NAMES`."""
        return self.hashes, self.signature, self.chain, self.state, self.revocation

    @property
    def outcome(self) -> Outcome:
        """``"failed"`` where a stage failed; ``"passed"`` where all but revocation did.

        A revocation list is something that few have: without one it isn't held against the document.
        """
        if any(stage.outcome == "failed" for stage in self.stages):
            return "failed"
        if all(stage.outcome == "passed" for stage in self.stages if stage is not self.revocation):
            return "passed"
        return "not done"

    def vouches_for(self, group: str) -> bool:
        """Whether all passed and a data group (``"DG2"``) was among what was checked."""
        return self.outcome == "passed" and group in self.groups

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "outcome": self.outcome,
            "stages": [stage.to_dict() for stage in self.stages],
            "groups": list(self.groups),
            "country": self.country,
            "signed_at": None if self.signed_at is None else self.signed_at.isoformat(),
            "certificates_given": self.certificates_given,
            "limits": self.limits,
        }


def authenticate(chip: ChipFiles, trust: Trust | None = None, *, now: datetime | None = None) -> Authenticity:
    """Authenticate a chip's files, as far as what is there allows.

    Nothing on a chip raises an error here: what is damaged or unknown is the outcome of a stage.

    Args:
        chip: The files.
        trust: Certificates and revocation lists of issuing states; without them nobody knows the signer.
        now: The present, with a time zone; by this machine's clock where none is given.
    """
    now = now or datetime.now(UTC)
    given = trust is not None and bool(trust.certificates)
    if "SOD" not in chip.groups:
        return _nothing("not done", "there is no security object (EF.SOD)", given=given)
    try:
        signed = SignedData.read(Tlv.whole(chip.groups["SOD"]).must_be(TAGS["SOD"]).only())
        table = SecurityObject.read(signed.content)
    except UnsupportedError as error:
        why = f"the security object uses something unknown: {one_line(error)}"
        return _nothing("not done", why, given=given)
    except ValueError as error:
        return _nothing("failed", f"the security object is damaged: {one_line(error)}", given=given)
    hashes, groups = _check_hashes(chip, table)
    signature, signer = _check_signature(signed, trust)
    signed_at, odd = _signing_time(signed)
    path: tuple[Certificate, ...] = ()
    if signer is None or trust is None or not trust.certificates:
        missing = (
            "the signer's certificate isn't known" if signer is None else "no certificates were supplied"
        )
        chain = Stage("chain", "not done", missing)
    elif odd:
        chain = Stage("chain", "failed", odd)
    else:
        chain, path = check_chain(signer, trust, signed_at, now)
    return Authenticity(
        hashes=hashes,
        signature=signature,
        chain=chain,
        state=_check_state(chip, groups, signer),
        revocation=check_revocation(path, trust, now),
        groups=groups,
        country=signer.issuer.country if signer else "",
        signed_at=signed_at,
        certificates_given=given,
    )


def _nothing(outcome: Outcome, why: str, *, given: bool) -> Authenticity:
    """The result where there is no table of hashes to begin with."""
    stages = {name: Stage(name, "not done", why) for name in NAMES}
    if outcome == "failed":
        stages |= {name: Stage(name, "failed", why) for name in ("hashes", "signature")}
    return Authenticity(**stages, groups=(), country="", signed_at=None, certificates_given=given)


# 1


def _check_hashes(chip: ChipFiles, table: SecurityObject) -> tuple[Stage, tuple[str, ...]]:
    """Each data group against the table; the names of those that are right."""
    given = {name: data for name, data in chip.groups.items() if name.startswith("DG")}
    if not given:
        return Stage("hashes", "not done", "there is no data group to check"), ()
    stated = {name: table.hashes.get(int(name.removeprefix("DG"))) for name in given}
    unknown = [name for name, value in stated.items() if value is None]
    wrong = [name for name, data in given.items() if stated[name] not in (None, digest(table.digest, data))]
    right = tuple(name for name in given if name not in unknown and name not in wrong)
    notes = (
        ["SHA-1 is weak: somebody may have made two files of one digest"] if table.digest == "SHA-1" else []
    )
    absent = [f"DG{number}" for number in sorted(table.hashes) if f"DG{number}" not in given]
    if absent:
        notes.append(f"not checked, since they aren't there: {', '.join(absent)}")
    if wrong or unknown:
        found = [f"{name} was changed: its {table.digest} is another" for name in wrong]
        found += [f"the security object has no hash of {name}" for name in unknown]
        return Stage("hashes", "failed", "; ".join(found), tuple(notes)), right
    why = f"{' and '.join(right)} {'has' if len(right) == 1 else 'have'} the stated {table.digest}"
    return Stage("hashes", "passed", why, tuple(notes)), right


# 2


def _check_signature(signed: SignedData, trust: Trust | None) -> tuple[Stage, Certificate | None]:
    """The signature under the signer's certificate, which lies in the security object or with the user's."""
    try:
        known = signed.signer.find(signed.certificates) or signed.signer.find(
            trust.certificates if trust else ()
        )
    except ValueError as error:
        return Stage("signature", "failed", f"a certificate is damaged: {one_line(error)}"), None
    if not known and signed.certificates:
        return Stage(
            "signature", "failed", "the security object holds another certificate than its signer's"
        ), None
    if not known:
        return Stage(
            "signature", "not done", "the security object doesn't hold its signer's certificate"
        ), None
    signer = known[0]
    try:
        checked = signed.check(signer, SECURITY_OBJECT)
    except UnsupportedError as error:
        return Stage(
            "signature", "not done", f"the signature uses something unknown: {one_line(error)}"
        ), signer
    except ValueError as error:
        return Stage("signature", "failed", one_line(error)), signer
    if not checked.valid:
        why = f"the signature isn't that of {signer.subject.text} over this security object"
        return Stage("signature", "failed", why), signer
    notes = ("it rests on SHA-1, which is weak",) if checked.weak else ()
    return Stage("signature", "passed", f"{checked.algorithm}, by {signer.subject.text}", notes), signer


def _signing_time(signed: SignedData) -> tuple[datetime | None, str]:
    """When it was signed, and what is wrong with that."""
    try:
        return signed.signer.signing_time, ""
    except ValueError as error:
        return None, f"the signing time is damaged: {one_line(error)}"


# 4


def _check_state(chip: ChipFiles, groups: tuple[str, ...], signer: Certificate | None) -> Stage:
    """The country in the signer's certificate against the issuing state in DG1."""
    if signer is None:
        return Stage("state", "not done", "the signer's certificate isn't known")
    if not signer.subject.country:
        return Stage("state", "not done", "the signer's certificate names no country")
    if "DG1" not in groups:
        missing = "there is no DG1" if "DG1" not in chip.groups else "DG1 isn't what was signed"
        return Stage("state", "not done", f"{missing}, which names the issuing state")
    issued_by = chip.mrz_lines[0][2:5].strip("<")  # in all forms (Doc 9303-4 to -6, 4.2.2)
    country, expected = signer.subject.country, of_certificates(issued_by)
    if country in expected or (len(country) == 3 and canonical(country) == canonical(issued_by)):
        return Stage("state", "passed", f"DG1 says {issued_by}, the signer's certificate {country}")
    if not expected:
        return Stage("state", "not done", f"nothing here knows the issuing state {issued_by or '(none)'}")
    why = f"DG1 says {issued_by}, and the signer is of {country} instead of {' or '.join(expected)}"
    return Stage("state", "failed", why)
