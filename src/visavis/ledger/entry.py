"""One entry of the ledger: what happened, and the bytes that are its leaf.

An entry holds what a verdict came to and under which rules, never a picture, a template, a name or anything
that was read on a document. What was compared, and whose it was, stands there as salted digests (`digests`).

The leaf is the entry as JSON in one fixed form: names sorted, no white space, UTF-8. What is stored and
hashed are these bytes; nobody who checks a proof has to make them anew.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from visavis.errors import LedgerError

VERSION = 1

Kind = Literal[
    "start",
    "verdict",
    "crosscheck",
    "document",
    "quality",
    "liveness",
    "template",
    "conversion",
    "review",
    "refusal",
    "key",
    "rotation",
    "access",
    "erasure",
    "user",
]
KINDS: tuple[str, ...] = get_args(Kind)

Scalar = str | int | float | bool | None

MAX_TEXT = 200
"""Characters of any text in an entry: room for a purpose or a reference, none for a template."""
MAX_ITEMS = 64
"""Inputs, reasons, rules of a policy or details of one entry, each."""
MAX_LEAF = 16_384
"""Bytes of an entry; one with all that a verdict has takes 1,300."""

ROLE = re.compile(r"[a-z][a-z0-9 _-]{0,39}")
DIGEST = re.compile(r"[0-9a-f]{64}")
SALT_DIGEST = re.compile(r"[0-9a-f]{32}")
TEXT = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{0,{MAX_TEXT}}}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass(frozen=True, slots=True)
class Salted:
    """A salted digest, and what binds the entry to its salt.

    Attributes:
        digest: HMAC-SHA256 in hex; without the salt it means nothing.
        salt: The first half of a digest of the salt, in hex: another salt can't be put in its place.
    """

    digest: str
    salt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What is to be recorded, as the caller knows it; the ledger adds the time, and salts.

    Attributes:
        kind: One of `KINDS`.
        purpose: What it was done for.
        key: The name of the key that asked, where a service was asked.
        subject: The operator's own reference of the person, never a name. It is only kept as salted digest.
        place: Instead of the subject, where the ledger has the person's row (`digests.lookup`): for whoever
            has no reference. It counts as long as the person isn't erased.
        inputs: By role (``"reference"``, ``"probe"``): SHA-256 of the bytes that were given. Only kept
            salted.
        decision: What it came to.
        fmr: False match rate at the similarity.
        fmr_upper: Its bound.
        policy: The rules that were applied.
        pack: The pack's name.
        fingerprint: The pack's fingerprint.
        calibration: SHA-256 of the calibration, in hex.
        reasons: Codes of the reasons.
        details: What else belongs to this kind of entry.
    """

    kind: Kind
    purpose: str | None = None
    key: str | None = None
    subject: str | None = None
    place: bytes | None = None
    inputs: Mapping[str, bytes] | None = None
    decision: str | None = None
    fmr: float | None = None
    fmr_upper: float | None = None
    policy: Mapping[str, Scalar] | None = None
    pack: str | None = None
    fingerprint: str | None = None
    calibration: str | None = None
    reasons: tuple[str, ...] = ()
    details: Mapping[str, Scalar] | None = None

    def __post_init__(self) -> None:
        inputs: Mapping[str, object] = self.inputs or {}
        for role, digest in inputs.items():
            if not isinstance(digest, bytes) or len(digest) != 32:
                raise _unfit(f"the input {role!r}", expected="the 32 bytes of a SHA-256")
        if self.subject is not None:
            if not (self.subject.strip() and len(self.subject) <= MAX_TEXT):
                raise _unfit("the subject", expected=f"1 to {MAX_TEXT} characters")
            reference_bytes(self.subject)
        place: object = self.place
        if place is not None and not (isinstance(place, bytes) and len(place) == 32 and self.subject is None):
            raise _unfit("the place of a subject", expected="32 bytes, and no subject beside it")
        # What it would be as an entry must be one, or the group that is written with it would fail.
        nothing = Salted("0" * 64, "0" * 32)
        entry = self.entry(
            "0001-01-01T00:00:00.000000Z",
            dict.fromkeys(inputs, nothing),
            None if self.subject is None and self.place is None else nothing,
        )
        _check(entry)
        if (length := len(entry.leaf())) > MAX_LEAF:
            raise _unfit("the entry", found=f"{length} bytes", expected=f"at most {MAX_LEAF}")

    def entry(self, time: str, inputs: Mapping[str, Salted], subject: Salted | None) -> Entry:
        """The entry that is made of it.

        Args:
            time: When it happened, as `stamp` gives it.
            inputs: The inputs, salted.
            subject: The subject, salted.
        """
        return Entry(
            kind=self.kind,
            time=time,
            purpose=self.purpose,
            key=self.key,
            subject=subject,
            inputs=inputs,
            decision=self.decision,
            fmr=self.fmr,
            fmr_upper=self.fmr_upper,
            policy=self.policy,
            pack=self.pack,
            fingerprint=self.fingerprint,
            calibration=self.calibration,
            reasons=self.reasons,
            details=self.details or {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is recorded; the fields are those of `Event`, the time is UTC."""

    kind: Kind
    time: str
    purpose: str | None
    key: str | None
    subject: Salted | None
    inputs: Mapping[str, Salted]
    decision: str | None
    fmr: float | None
    fmr_upper: float | None
    policy: Mapping[str, Scalar] | None
    pack: str | None
    fingerprint: str | None
    calibration: str | None
    reasons: tuple[str, ...]
    details: Mapping[str, Scalar]

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "version": VERSION,
            "kind": self.kind,
            "time": self.time,
            "purpose": self.purpose,
            "key": self.key,
            "subject": None if self.subject is None else _salted(self.subject),
            "inputs": {role: _salted(value) for role, value in self.inputs.items()},
            "decision": self.decision,
            "fmr": self.fmr,
            "fmr_upper": self.fmr_upper,
            "policy": None if self.policy is None else dict(self.policy),
            "pack": self.pack,
            "fingerprint": self.fingerprint,
            "calibration": self.calibration,
            "reasons": list(self.reasons),
            "details": dict(self.details),
        }

    def leaf(self) -> bytes:
        """The bytes that are hashed and stored."""
        return canonical(self.to_dict())

    @classmethod
    def parse(cls, leaf: bytes) -> Entry:
        """The entry of a leaf; whatever differs from what `leaf` gives is refused.

        Raises:
            LedgerError: `ledger.entry`: these bytes are no entry of this version.
        """
        if len(leaf) > MAX_LEAF:
            raise _unfit("the entry", found=f"{len(leaf)} bytes", expected=f"at most {MAX_LEAF}")
        try:
            data = json.loads(leaf)
        except (ValueError, RecursionError):
            raise _unfit("the entry", found="no JSON") from None
        if not isinstance(data, dict) or data.get("version") != VERSION:
            found = data.get("version") if isinstance(data, dict) else type(data).__name__
            raise _unfit("the entry's version", found=found, expected=VERSION)
        names = [field.name for field in fields(cls)]
        if set(data) != {"version", *names}:
            raise _unfit("the entry", found=", ".join(sorted({*data} ^ {"version", *names}))[:MAX_TEXT])
        entry = cls(
            **{
                **{name: data[name] for name in names},
                "subject": None if data["subject"] is None else _unsalted(data["subject"]),
                "inputs": {role: _unsalted(each) for role, each in _mapping(data["inputs"]).items()},
                "reasons": tuple(data["reasons"]) if isinstance(data["reasons"], list) else None,
            }
        )
        _check(entry)
        if entry.leaf() != leaf:
            raise _unfit("the entry", found="JSON of another form")
        return entry


def canonical(data: object) -> bytes:
    """Plain data as JSON in the one form that a leaf has."""
    return json.dumps(
        data, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def reference_bytes(reference: str) -> bytes:
    """An operator's reference of a person as it is hashed.

    Raises:
        LedgerError: `ledger.entry`: it has half of a surrogate pair, as a command line with bytes that are no
            UTF-8 gives it.
    """
    try:
        return reference.encode()
    except UnicodeEncodeError:
        raise _unfit("the subject", expected="text that can be written as UTF-8") from None


def stamp(moment: datetime) -> str:
    """A moment as an entry has it: UTC, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _check(entry: Entry) -> None:
    """Refuse what no entry holds, whatever the types of its fields are."""
    value: Any = entry  # as it came out of JSON, or from a caller
    if value.kind not in KINDS:
        raise _unfit("the kind", found=repr(value.kind)[:MAX_TEXT], expected=", ".join(KINDS))
    if not isinstance(value.time, str) or not TIME.fullmatch(value.time):
        raise _unfit("the time", found=repr(value.time)[:MAX_TEXT], expected="UTC to the microsecond")
    for name in ("purpose", "key", "decision", "pack", "fingerprint", "calibration"):
        text = getattr(value, name)
        if text is not None and not _is_text(text):
            raise _unfit(name, expected=f"1 to {MAX_TEXT} characters")
    for name in ("fmr", "fmr_upper"):
        rate = getattr(value, name)
        if rate is not None and not (_is_number(rate) and 0 <= rate <= 1):
            raise _unfit(name, found=repr(rate)[:MAX_TEXT], expected="0 to 1")
    if not isinstance(value.reasons, tuple) or len(value.reasons) > MAX_ITEMS:
        raise _unfit("the reasons", expected=f"at most {MAX_ITEMS}")
    if not all(_is_text(code) for code in value.reasons):
        raise _unfit("a reason", expected=f"1 to {MAX_TEXT} characters")
    _check_digests(entry)
    _check_plain("policy", {} if entry.policy is None else entry.policy)
    _check_plain("details", entry.details)


def _check_digests(entry: Entry) -> None:
    if entry.subject is not None:
        _check_salted(entry.subject)
    for role, salted in _bounded("inputs", entry.inputs).items():
        if not isinstance(role, str) or not ROLE.fullmatch(role):
            raise _unfit("the role of an input", found=repr(role)[:MAX_TEXT])
        _check_salted(salted)


def _check_plain(name: str, plain: Mapping[str, Scalar]) -> None:
    for key, value in _bounded(name, plain).items():
        if not _is_text(key) or not (value is None or _is_number(value) or _is_text(value, empty=True)):
            raise _unfit(f"{name}: {key!r}"[:MAX_TEXT], expected="a number, a yes or no, or a short text")


def _check_salted(salted: Salted) -> None:
    pairs: tuple[tuple[object, re.Pattern[str]], ...] = ((salted.digest, DIGEST), (salted.salt, SALT_DIGEST))
    for value, form in pairs:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise _unfit("a digest", found=repr(value)[:MAX_TEXT])


def _is_text(value: object, *, empty: bool = False) -> bool:
    """Whether it is a text of bearable length without control characters, that can be written as UTF-8."""
    return isinstance(value, str) and (empty or value != "") and TEXT.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    """Whether it is a yes or no, or a number that JSON has and every reader holds exactly."""
    if isinstance(value, int):
        return abs(value) < 2**53
    return isinstance(value, float) and math.isfinite(value)


def _bounded(name: str, value: object) -> Mapping[Any, Any]:
    mapping = _mapping(value)
    if len(mapping) > MAX_ITEMS:
        raise _unfit(name, found=len(mapping), expected=f"at most {MAX_ITEMS}")
    return mapping


def _mapping(value: object) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise _unfit("the entry", found=type(value).__name__, expected="names with values")
    return value


def _salted(value: Salted) -> dict[str, str]:
    return {"digest": value.digest, "salt": value.salt}


def _unsalted(data: object) -> Salted:
    if not isinstance(data, dict) or set(data) != {"digest", "salt"}:
        raise _unfit("a digest", expected="digest and salt")
    return Salted(data["digest"], data["salt"])


def _unfit(what: str, *, found: object = None, expected: object = None) -> LedgerError:
    return LedgerError("ledger.entry", f"{what} doesn't fit into the ledger", found=found, expected=expected)
