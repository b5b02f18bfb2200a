"""A verdict as one HTML file that needs nothing else: for a clerk to print and an auditor to keep."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import visavis
from visavis.decision.verdict import NOT_ASKED
from visavis.documents.templates import templates
from visavis.report import scores, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL import Image

    from visavis.decision.calibration import Calibration
    from visavis.decision.verdict import DocumentPart, Evidence, Liveness, Verdict
    from visavis.examiner import Examined
    from visavis.faces.face import Face
    from visavis.verifier import ExaminedDocument

SIDE = 720
"""Longest side of an embedded photograph in pixels: sharp enough in print, and nine stay about 1 MB."""

QUALITY = 85
MARKED_FMRS = (1e-3, 1e-4, 1e-5, 1e-6)

NOT_MEASURED = (
    (
        "How old the pictures are.",
        "Faces change over the years, and pictures of one person become less alike.",
    ),
    (
        "How good the pictures are",
        "beyond the scores above: what covers a face, closed eyes, its expression and traces of compression.",
    ),
    (
        "The error rates for these people and this camera.",
        (
            "They were measured on the pictures named under “How it was made”. For other people and cameras "
            "they may differ; groups of people differ, and relatives are mistaken for each other more often."
        ),
    ),
    (
        "How often the rule misses",
        "that two pictures show one person (false non-matches): no rate is given for it here.",
    ),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One photograph as the page shows it; coordinates are pixels of the upright full-size picture."""

    about: str
    evidence: Evidence
    image: str
    chip: str | None
    alt: str

    @property
    def title(self) -> str:
        """``"Reference 2"``."""
        return self.about.capitalize()

    @property
    def name(self) -> str:
        """The file name, or words for none."""
        return words.name_of(self.evidence.name)

    @property
    def rows(self) -> Iterator[tuple[str, str]]:
        """What was measured on it, label and value."""
        evidence, face = self.evidence, self.evidence.face
        yield "Picture", f"{evidence.width} × {evidence.height} pixels, {evidence.format}"  # noqa: RUF001
        if face is None:
            yield "Face", "none that could be compared"
        else:
            yield "Between the eyes", f"{face.inter_eye_px:.1f} pixels"
            yield "Confidence of the detector", f"{face.confidence:.2f} (of 1)"
            yield "Roll", f"{_signed(face.roll_deg)}°, clockwise positive"
            if face.disagreement is not None:
                yield (
                    "Detectors differ by",
                    f"{100 * face.disagreement:.0f} % of the distance between the eyes",
                )
            if face.placed_confidence is not None:
                yield "Confidence of the second detector", f"{face.placed_confidence:.2f} (of 1)"
        yield ("Other faces" if face else "Faces found"), str(len(evidence.others))
        if face and evidence.turned:
            yield "Turned to find the face", f"{evidence.turned}° clockwise"
        if evidence.notes:
            yield "On the way", "; ".join(evidence.notes)


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """One picture of a document as the page shows it."""

    name: str
    caption: str
    image: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A threshold on the scale."""

    similarity: float
    fmr: float
    at: float
    is_rule: bool
    is_modelled: bool = False

    @property
    def words(self) -> str:
        """The false match rate at this threshold."""
        return f"{words.one_in(self.fmr)}{' by a model' if self.is_modelled else ''}"


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis of similarity; places on it are per cent of its width.

    Attributes:
        low: Similarity at the left end; the right end is 1.
        flags: Thresholds, rising.
        rule: The one that was applied.
        marker: Place of the measured similarity, or None.
        unsupported: False match rates that the data is too small for, in words.
        finest: The finest one it supports, in words.
    """

    low: float
    flags: tuple[Flag, ...]
    rule: Flag
    marker: float | None
    unsupported: tuple[str, ...]
    finest: str

    @property
    def words_left(self) -> bool:
        """Whether *no match* stands at the left end and not at the rule: out of the marker's way."""
        return self.marker is None or self.marker > self.rule.at / 2

    @property
    def words_right(self) -> bool:
        """Whether *match* stands at the right end of its side."""
        return self.marker is None or self.marker < (self.rule.at + 100) / 2


def page(
    verdict: Verdict,
    references: Sequence[Examined],
    probe: Examined,
    *,
    calibration: Calibration,
    document: ExaminedDocument | None = None,
    made_at: datetime | None = None,
) -> str:
    """The verdict with its pictures as HTML, without scripts and without anything from outside.

    Args:
        verdict: What `Verifier.compare` said.
        references: What it was said of, in the same order.
        probe: Likewise.
        calibration: The one that the verdict's error rates come from.
        document: The one that the verdict is about, where it is about one; its pictures are shown.
        made_at: When the verdict was made, with a time zone; now by default.

    Raises:
        ValueError: The pictures or the calibration aren't the verdict's, or `made_at` has no time zone.
    """
    seen = [*references, probe]
    evidence = (verdict.reference, *verdict.further_references, verdict.probe)
    if [each.evidence.sha256 for each in seen] != [each.sha256 for each in evidence]:
        raise ValueError("the pictures of the verdict were expected, found others")
    if calibration.digest != verdict.calibration.digest:
        raise ValueError(
            f"the calibration {verdict.calibration.digest} was expected, found {calibration.digest}"
        )
    names = ("Reference", *(f"Reference {number}" for number in range(2, len(seen))), "Probe")
    similarity, threshold = words.compared(verdict.similarity, verdict.threshold)
    upper = _upper(calibration, verdict.threshold)
    template = templates("visavis.report").get_template("verdict.html")
    return template.render(
        verdict=verdict,
        words=words,
        calibration=calibration,
        pictures=[picture(about, each) for about, each in zip(names, seen, strict=True)],
        document_pages=[] if document is None else document_pages(document),
        reasons=words.ordered(verdict.reasons),
        scale=scale_of(verdict, calibration),
        similarity=similarity,
        threshold=threshold,
        rule_upper=words.one_in(upper),
        views=max((len(each.chips) for each in seen if each.chips is not None), default=0),
        qualities=scores.of_verdict(verdict, names, seen, of_documents=False),
        not_measured=not_measured(verdict.document, liveness=verdict.liveness),
        made_at=stamp(made_at),
        version=visavis.__version__,
    )


def stamp(made_at: datetime | None) -> str:
    """A time, or the present, in UTC.

    Raises:
        ValueError: It has no time zone.
    """
    made_at = made_at or datetime.now(UTC)
    if made_at.tzinfo is None:
        raise ValueError("a time with a time zone was expected, found one without")
    return made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def not_measured(*parts: DocumentPart | None, liveness: Liveness = NOT_ASKED) -> tuple[tuple[str, str], ...]:
    """What a page says that wasn't measured; of documents and liveness exactly what was and what wasn't."""
    told = tuple(words.genuine(part) for part in parts)
    return (words.not_live(liveness), *dict.fromkeys(told), *NOT_MEASURED)


def document_pages(document: ExaminedDocument) -> list[DocumentPage]:
    """Each page of a document, seen from straight above where it was found, and the chip's portrait."""
    from PIL import Image

    shown = []
    for number, side in enumerate(document.document.pages, 1):
        page = side.reading.page
        caption = f"Picture {number}, {'as it was given' if page is None else 'seen from straight above'}"
        image = Image.fromarray(side.photo.pixels if page is None else page.pixels)
        image.thumbnail((SIDE, SIDE), reducing_gap=3.0)
        shown.append(
            DocumentPage(words.name_of(side.name), caption, _embedded(image, "JPEG", quality=QUALITY))
        )
    if document.document.chip_portrait is not None:
        image = Image.fromarray(document.document.chip_portrait.pixels)
        image.thumbnail((SIDE, SIDE), reducing_gap=3.0)
        shown.append(
            DocumentPage("DG2", "The portrait on the chip", _embedded(image, "JPEG", quality=QUALITY))
        )
    return shown


def picture(about: str, seen: Examined) -> Picture:
    """A photograph with the face marked, and the face as it was compared."""
    from PIL import Image

    evidence = seen.evidence
    photograph = Image.fromarray(seen.photo.pixels)
    photograph.thumbnail((SIDE, SIDE), reducing_gap=3.0)
    return Picture(
        about=about,
        evidence=evidence,
        image=_embedded(photograph, "JPEG", quality=QUALITY),
        chip=None if seen.chips is None else _embedded(Image.fromarray(seen.chips[0]), "PNG"),
        alt=f"{about}: {_described(evidence.face, len(evidence.others))}",
    )


def _described(face: Face | None, others: int) -> str:
    more = f"{others} {'other face' if others == 1 else 'other faces'} marked by dashed boxes"
    if face is None:
        return f"no face that could be compared; {more}" if others else "no face found"
    marked = "a face marked by a box and five points"
    return f"{marked}; {more}" if others else marked


def _embedded(image: Image.Image, kind: str, **options: int) -> str:
    """An image as a data URL."""
    encoded = io.BytesIO()
    image.save(encoded, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(encoded.getvalue()).decode('ascii')}"


def scale_of(verdict: Verdict, calibration: Calibration) -> Scale:
    """The axis of similarity with the verdict's threshold and those that calibrations mark."""
    similarity = verdict.similarity
    reaches = min(0.0, verdict.threshold, similarity or 0.0)
    low = -1.0 if reaches < -0.5 else -0.5 if reaches < -0.2 else -0.2 if reaches < 0 else 0.0

    def place(value: float) -> float:
        return round(100 * (value - low) / (1 - low), 2)

    rule = Flag(
        verdict.threshold,
        verdict.policy.fmr,
        place(verdict.threshold),
        is_rule=True,
        is_modelled=verdict.threshold_modelled,
    )
    flags, unsupported = [rule], []
    for fmr in MARKED_FMRS:
        if fmr == rule.fmr:
            continue
        if calibration.supports(fmr):
            threshold = calibration.threshold(fmr)
            flags.append(Flag(threshold, fmr, place(threshold), is_rule=False))
        else:
            unsupported.append(words.one_in(fmr))
    return Scale(
        low=low,
        flags=tuple(sorted(flags, key=lambda flag: (flag.similarity, -flag.fmr))),
        rule=rule,
        marker=None if similarity is None else min(100.0, place(similarity)),
        unsupported=tuple(unsupported),
        finest=words.one_in(calibration.finest),
    )


def _upper(calibration: Calibration, threshold: float) -> float:
    """Bound of the false match rate of the rule that calls everything from `threshold` on a match."""
    first = calibration.marks[0]
    return first.fmr_upper if threshold <= first.threshold else calibration.rate(threshold).upper


def _signed(degrees: float) -> str:
    rounded = round(degrees, 1) + 0.0  # never a negative zero
    return f"{rounded:+.1f}".replace("-", "−")  # noqa: RUF001  # a minus sign, as wide as the plus
