"""Two documents against each other: their fields, one picture on both, and the rule that decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.decision.verdict import Decision, DocumentPart, LedgerPlace, Reason, Verdict
from visavis.documents.mrz import countries
from visavis.documents.mrz.compare import Row, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from visavis.documents.mrz.mrz import Mrz

    Pixels = NDArray[np.uint8]

OF_THE_PERSON = ("surname", "given_names", "date_of_birth", "sex", "nationality")
NEEDED = ("surname", "date_of_birth")
ONE_DOCUMENT = ("document_code", "issuing_state", "document_number")
OF_IT = (*OF_THE_PERSON, "date_of_expiry", "personal_number")

RULE = """\
It is a match where the faces match, surname and date of birth are the same on both documents, and no field of
the person differs.

It is no match where the faces don't match, and a field of the person differs or none can be compared.

Where faces and fields contradict each other, or surname or date of birth can't be compared, nothing is
decided.

Fields of the person are surname, given names, date of birth, sex and nationality; nationality may differ
where each document was issued by the state of its own nationality.

Document code, issuing state, document number, date of expiry and personal number may differ; where the first
three are the same, both are one document, and neither expiry, nationality nor personal number may differ.

Where both carry the same picture, it proves nothing about the faces, and nothing is decided.
"""
RULES = tuple(" ".join(sentence.split()) for sentence in RULE.split("\n\n"))
"""The rule in words, as every report prints it; `decide` is the rule itself."""

SAME_PICTURE = 0.8
"""Correlation of the fine structure of two chips from which on they are of one picture.

Pictures that were printed on two specimens and photographed with care reached 0.89 or more, on any day 0.81.
Of 260 pairs of two pictures of one person (LFW) two reached 0.8, and one of these (0.92) is one picture
twice. Poor photographs of one picture may stay below it.
"""

SHIFT = 3  # pixels by which the points of one picture may lie elsewhere on another photograph of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosscheck:
    """What two documents came to against each other.

    Attributes:
        decision: By the `rule`: ``"match"``, ``"no_match"`` or ``"inconclusive"``.
        faces: The portraits against each other; the first document's is the reference.
        fields: Every field that one of them has.
        first: What was read on the first document, and how it agrees with itself.
        second: Likewise.
        same_picture: How it was noticed that both carry one picture, or None.
        reasons: Why it was decided so, or why nothing was, and what to keep in mind.
        rule: The rule in words.
        ledger: Where it was recorded; None where no ledger is named.
    """

    decision: Decision
    faces: Verdict
    fields: tuple[Row, ...]
    first: DocumentPart
    second: DocumentPart
    same_picture: str | None
    reasons: tuple[Reason, ...]
    rule: tuple[str, ...] = RULES
    ledger: LedgerPlace | None = None

    def __repr__(self) -> str:
        return f"<Crosscheck {self.decision}: {', '.join(reason.code for reason in self.reasons)}>"

    def to_dict(self) -> dict[str, Any]:
        """As plain data, ready for JSON."""
        return {
            "decision": self.decision,
            "faces": self.faces.to_dict(),
            "fields": [row.to_dict() for row in self.fields],
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "same_picture": self.same_picture,
            "reasons": [reason.to_dict() for reason in self.reasons],
            "rule": list(self.rule),
            "ledger": None if self.ledger is None else self.ledger.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Crosscheck:
        """The inverse of `to_dict`, up to its rounding."""
        return cls(
            decision=data["decision"],
            faces=Verdict.from_dict(data["faces"]),
            fields=tuple(Row(**row) for row in data["fields"]),
            first=DocumentPart.from_dict(data["first"]),
            second=DocumentPart.from_dict(data["second"]),
            same_picture=data["same_picture"],
            reasons=tuple(Reason(**reason) for reason in data["reasons"]),
            rule=tuple(data["rule"]),
            ledger=LedgerPlace.from_dict(data.get("ledger")),
        )


def compare_fields(first: Mrz | None, second: Mrz | None) -> tuple[Row, ...]:
    """Every field that one of two zones has, by its meaning; one whose check digit is wrong never differs.

    Args:
        first: A zone, or None where there is none.
        second: The other one.
    """
    doubted = [
        {name for name, field in zone.fields.items() if field.checked is False}
        if zone is not None
        else set[str]()
        for zone in (first, second)
    ]
    return tuple(_fair(row, doubted) for row in compare(first or {}, second or {}))


def crosscheck(
    faces: Verdict,
    fields: Sequence[Row],
    first: DocumentPart,
    second: DocumentPart,
    *,
    same_picture: str | None = None,
    notes: Sequence[Reason] = (),
) -> Crosscheck:
    """Put faces and fields together and decide by the rule.

    Args:
        faces: The portraits against each other.
        fields: The fields.
        first: What was read on the first document.
        second: On the second one.
        same_picture: How it was noticed that both carry one picture, or None.
        notes: What else is to be kept in mind.
    """
    decision, why = decide(faces.decision, fields, same_picture)
    return Crosscheck(
        decision=decision,
        faces=faces,
        fields=tuple(fields),
        first=first,
        second=second,
        same_picture=same_picture,
        reasons=(why, *faces.reasons, *_one_document(fields), *notes),
    )


def decide(faces: Decision, fields: Sequence[Row], same_picture: str | None) -> tuple[Decision, Reason]:
    """The decision by `RULES`, and why."""
    wrong = differing(fields)
    same = {row.field for row in fields if row.outcome == "same"}
    listed = ", ".join(words(name) for name in wrong)
    if same_picture is not None:
        message = f"{same_picture}: that the faces are alike proves nothing"
        return "inconclusive", Reason("same_picture", "comparison", message, decisive=True)
    if faces == "inconclusive":
        message = "the faces could not be compared"
        return "inconclusive", Reason("faces_not_compared", "comparison", message, decisive=True)
    if faces == "match" and wrong:
        message = f"the faces match, and the documents differ in what may not: {listed}"
        return "inconclusive", Reason("fields_contradict", "comparison", message, decisive=True)
    if faces == "match" and not same.issuperset(NEEDED):
        lacking = " and ".join(words(name) for name in NEEDED if name not in same)
        message = f"the faces match, and {lacking} can't be compared"
        return "inconclusive", Reason("fields_missing", "comparison", message, decisive=True)
    if faces == "match":
        message = "the faces match, and no field of the person differs"
        return "match", Reason("faces_and_fields_agree", "comparison", message, decisive=False)
    if wrong:
        message = f"the faces don't match, and the documents differ in what may not: {listed}"
        return "no_match", Reason("faces_and_fields_differ", "comparison", message, decisive=False)
    if same & {*OF_THE_PERSON}:
        message = "the faces don't match, and no field of the person differs"
        return "inconclusive", Reason("faces_contradict", "comparison", message, decisive=True)
    message = "the faces don't match, and no field of the person could be compared"
    return "no_match", Reason("faces_differ", "comparison", message, decisive=False)


def differing(fields: Sequence[Row]) -> tuple[str, ...]:
    """Names of the fields that differ and may not."""
    row_of = {row.field: row for row in fields}
    one = _are_one_document(fields)
    free = set() if one or not _own_states(row_of) else {"nationality"}
    fixed = OF_IT if one else OF_THE_PERSON
    return tuple(
        row.field
        for row in fields
        if row.outcome == "differs" and row.field in fixed and row.field not in free
    )


def same_structure(first: Pixels, second: Pixels) -> float:
    """Correlation (-1 to 1) of the fine structure of two chips, by the best of small shifts.

    It is that of the grey values between two blurs, whatever light, colours and contrast of print and camera
    are.

    Args:
        first: 112 x 112 x 3, RGB.
        second: Likewise.
    """
    import cv2
    import numpy as np

    def structure(chip: Pixels) -> NDArray[np.float32]:
        grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine = cv2.GaussianBlur(grey, (0, 0), 1.2) - cv2.GaussianBlur(grey, (0, 0), 6)
        return np.asarray(fine[12:-8, 12:-12])

    a, b = structure(first), structure(second)
    inner = a[SHIFT:-SHIFT, SHIFT:-SHIFT]
    if not inner.any() or not b.any():  # of one grey: nothing is like it
        return 0.0
    return float(cv2.matchTemplate(b, inner, cv2.TM_CCOEFF_NORMED).max())


def words(name: str) -> str:
    """A field's name for a person."""
    return name.replace("_", " ")


def _fair(row: Row, doubted: Sequence[set[str]]) -> Row:
    """A row as it is, or without a difference that may be one of reading."""
    doubtful = [
        about for about, names in zip(("first", "second"), doubted, strict=True) if row.field in names
    ]
    if row.outcome != "differs" or not doubtful:
        return row
    why = f"its check digit is wrong on the {' and the '.join(doubtful)}"
    return replace(row, outcome="not_comparable", why=why)


def _own_states(row_of: Mapping[str, Row]) -> bool:
    """Whether each document is of the state of its own nationality, as two passports of one person may be."""
    state, nationality = row_of.get("issuing_state"), row_of.get("nationality")
    if state is None or nationality is None or state.outcome != "differs":
        return False
    pairs = ((state.first, nationality.first), (state.second, nationality.second))
    return all(a and b and countries.canonical(a) == countries.canonical(b) for a, b in pairs)


def _are_one_document(fields: Sequence[Row]) -> bool:
    same = {row.field for row in fields if row.outcome == "same"}
    return same.issuperset(ONE_DOCUMENT)


def _one_document(fields: Sequence[Row]) -> Iterator[Reason]:
    if _are_one_document(fields):
        message = (
            "code, state and number are the same: these are two pictures of one document, or copies of it"
        )
        yield Reason("same_document", "comparison", message, decisive=False)
