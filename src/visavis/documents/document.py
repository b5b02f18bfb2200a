"""One document as a result: its pictures, its portrait, its machine-readable zone, and its chip.

A document comes as several pictures (front and back) or as a PDF. What is printed and what the chip holds are
read each on its own and then laid side by side.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from visavis.decision.verdict import Reason
from visavis.documents.authenticity import authenticate
from visavis.documents.chip import ChipFiles
from visavis.documents.mrz import dates
from visavis.documents.mrz.compare import compare
from visavis.documents.mrz.mrz import parse
from visavis.documents.pdf import MAX_PAGES, is_pdf, render
from visavis.documents.portrait import EQUAL, SURE
from visavis.errors import DocumentError, PhotoError
from visavis.photo import Photo
from visavis.photo.refusals import one_line
from visavis.photo.source import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from visavis.documents.authenticity import Authenticity
    from visavis.documents.chip import ChipSource
    from visavis.documents.mrz.compare import Row
    from visavis.documents.mrz.mrz import Mrz
    from visavis.documents.reader import DocumentReader, Reading
    from visavis.documents.trust import Trust
    from visavis.faces.face import Face
    from visavis.geometry import Box
    from visavis.photo import PhotoSource

EXPECTED_PICTURES = f"1 to {MAX_PAGES}, a PDF counts each of its pages"
OF_ONE_DOCUMENT = ("document_number", "date_of_birth")
DATES = ("date_of_birth", "date_of_expiry")
AGAINST_THE_CHIP = frozenset({"chip_failed", "chip_of_another_document", "chip_differs"})
"""Codes of problems that say that a chip's data aren't those of the page, or not as they were signed."""

CUT = 0.05  # of a page's longer edge, by which a corner may lie beside the photo: it's not found more exactly


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One picture of a document, and what was read off it.

    Attributes:
        name: The file's name, or None.
        photo: The picture.
        reading: What was read.
    """

    name: str | None
    photo: Photo
    reading: Reading

    def to_dict(self) -> dict[str, Any]:
        """As plain data, places in pixels of the upright full-size photo."""
        page, box, mrz = self.reading.page, self.reading.portrait_box, self.reading.mrz
        return {
            "name": self.name,
            "width": self.photo.width,
            "height": self.photo.height,
            "format": self.photo.format,
            "sha256": self.photo.sha256,
            "notes": list(self.photo.notes),
            "turned": self.reading.turned,
            "corners_px": None if page is None else page.corners.round(1).tolist(),
            "corners_confidence": None if page is None else page.confidence,
            "portrait_px": None if box is None else _rounded(box),
            "mrz": None if mrz is None else mrz.to_dict(),
            "timings": {stage: round(ms, 2) for stage, ms in self.reading.timings_ms.items()},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face printed on a document, on the photo that shows it.

    Attributes:
        face: Where it is, in pixels of the upright full-size photo; its box tells an Examiner which is meant.
        photo: The photo.
        page: Number of the picture among the document's, from 0.
    """

    face: Face
    photo: Photo
    page: int

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"page": self.page, "face": self.face.to_dict()}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Document:
    """What was read of one document.

    Attributes:
        name: What the caller calls it, or the first picture's file name; None where it has none.
        pages: Its pictures in the order given.
        portrait: The printed portrait; None where a decisive problem says why.
        further_portraits: The portraits on its other pictures, where they are about as large: it has one
            holder, so they must be of one person. A ghost portrait is smaller.
        ghost: The small pale second print of it, or None.
        mrz: The best machine-readable zone of all pictures, or None.
        chip: The chip's files, where they were given.
        chip_mrz: The zone that DG1 holds, or None.
        chip_portrait: The portrait that DG2 holds, or None.
        authenticity: What passive authentication came to, where a chip was given.
        printed_against_chip: The printed zone (first) and the chip's (second), field by field.
        problems: What is missing, unclear, or to be kept in mind. A decisive one keeps the printed portrait
            from being compared: `no_portrait`, `two_portraits`; `several_documents` the chip's as well.
        notes: What was done on the way, and what was odd.
        read_at: When it was read, by which expiry and certificates were judged.
    """

    name: str | None
    pages: tuple[Side, ...]
    portrait: Portrait | None
    further_portraits: tuple[Portrait, ...]
    ghost: Portrait | None
    mrz: Mrz | None
    chip: ChipFiles | None
    chip_mrz: Mrz | None
    chip_portrait: Photo | None
    authenticity: Authenticity | None
    printed_against_chip: tuple[Row, ...]
    problems: tuple[Reason, ...]
    notes: tuple[str, ...]
    read_at: datetime

    def __repr__(self) -> str:
        form = "no zone" if self.mrz is None else self.mrz.format
        problems = ", ".join(problem.code for problem in self.problems) or "no problem"
        return f"<Document {self.name}: {form}, {problems}>"

    @property
    def best_mrz(self) -> Mrz | None:
        """The printed zone where it's valid, else the chip's where there is one, else the printed one."""
        printed_counts = self.mrz is not None and (self.mrz.valid or self.chip_mrz is None)
        return self.mrz if printed_counts else self.chip_mrz

    @property
    def chip_is_of_another(self) -> tuple[str, ...]:
        """The fields by which the chip is of another document than the printed page; none where it isn't.

        Only valid zones can say so: in another one a character may be misread.
        """
        if self.mrz is None or self.chip_mrz is None or not (self.mrz.valid and self.chip_mrz.valid):
            return ()
        return tuple(_tells_documents_apart(self.printed_against_chip))

    def to_dict(self) -> dict[str, Any]:
        """As plain data, ready for JSON."""
        return {
            "name": self.name,
            "read_at": self.read_at.isoformat(timespec="seconds"),
            "mrz": None if self.mrz is None else self.mrz.to_dict(),
            "portrait": None if self.portrait is None else self.portrait.to_dict(),
            "further_portraits": [portrait.to_dict() for portrait in self.further_portraits],
            "ghost": None if self.ghost is None else self.ghost.to_dict(),
            "pages": [side.to_dict() for side in self.pages],
            "chip": None if self.chip is None else self._chip_to_dict(self.chip),
            "problems": [problem.to_dict() for problem in self.problems],
            "notes": list(self.notes),
        }

    def _chip_to_dict(self, chip: ChipFiles) -> dict[str, Any]:
        photo, authenticity = self.chip_portrait, self.authenticity
        return {
            "groups": list(chip.groups),
            "mrz": None if self.chip_mrz is None else self.chip_mrz.to_dict(),
            "mrz_lines": list(chip.mrz_lines),
            "portrait": None
            if photo is None
            else {
                "width": photo.width,
                "height": photo.height,
                "format": photo.format,
                "sha256": photo.sha256,
            },
            "authenticity": None if authenticity is None else authenticity.to_dict(),
            "printed_against_chip": [row.to_dict() for row in self.printed_against_chip],
            "notes": list(chip.notes),
        }


def read_document(
    sources: PhotoSource | Photo | Sequence[PhotoSource | Photo],
    *,
    reader: DocumentReader,
    chip: ChipSource | ChipFiles | None = None,
    trust: Trust | None = None,
    now: datetime | None = None,
    name: str | None = None,
) -> Document:
    """Read all that was given of one document.

    Args:
        sources: A picture (path, bytes, file object or `Photo`), a PDF, or several of them of *one* document.
        reader: Reads the pictures.
        chip: The chip's files: a folder, a zip, the bytes of a zip, or `ChipFiles`.
        trust: Certificates that the user trusts, by which the chip's signer is judged.
        now: The present, with a time zone; by this machine's clock where none is given.
        name: What to call the document in the result.

    Raises:
        PhotoError: A picture can't be used.
        DocumentError: `document.count`: no picture, or too many; `document.pdf`: the PDF can't be used; a
            code that begins with ``chip.``: the chip's files can't be.
    """
    now = now or datetime.now(UTC)
    files = ChipFiles.read(chip) if chip is not None and not isinstance(chip, ChipFiles) else chip
    chip_mrz = parse(files.mrz_lines, today=now.date()) if files is not None and files.mrz_lines else None
    given = _several(sources)
    pages = tuple(Side(called, photo, reader.read(photo)) for called, photo in _photos(given))
    portrait = None if _contradictions(pages) else _portrait(pages)
    mrz = max(
        (side.reading.mrz for side in pages if side.reading.mrz is not None),
        key=lambda each: (each.valid, each.confidence),
        default=None,
    )
    document = Document(
        name=name or _name(given[0]),
        pages=pages,
        portrait=portrait,
        further_portraits=() if portrait is None else tuple(_further(pages, portrait)),
        ghost=None if portrait is None else _ghost(pages[portrait.page], portrait.page),
        mrz=mrz,
        chip=files,
        chip_mrz=chip_mrz,
        chip_portrait=None if files is None or files.portrait is None else _decoded(files.portrait.data),
        authenticity=None if files is None else authenticate(files, trust, now=now),
        printed_against_chip=() if mrz is None or chip_mrz is None else compare(mrz, chip_mrz),
        problems=(),
        notes=() if trust is None else trust.notes,
        read_at=now,
    )
    return replace(document, problems=tuple(_problems(document)))


# Pictures


def _several(sources: PhotoSource | Photo | Sequence[PhotoSource | Photo]) -> Sequence[PhotoSource | Photo]:
    """Pictures as a sequence, one or many; bytes and paths are sequences of their own kind."""
    several = sources if isinstance(sources, list | tuple) else [cast("PhotoSource | Photo", sources)]
    _check_count(len(several))
    return several


def _photos(sources: Sequence[PhotoSource | Photo]) -> list[tuple[str | None, Photo]]:
    """Name and photo of each picture, and of each page of a PDF."""
    photos: list[tuple[str | None, Photo]] = []
    for source in sources:
        if isinstance(source, Photo):
            photos.append((None, source))
            continue
        name, data = _name(source), read_bytes(source)
        if is_pdf(data):
            before = f"{name}, " if name else ""
            photos += [(f"{before}page {number}", photo) for number, photo in enumerate(render(data), 1)]
        else:
            photos.append((name, Photo.open(data)))
    _check_count(len(photos))
    return photos


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_PAGES:
        raise DocumentError(
            "document.count",
            "too many or too few pictures of one document",
            found=count,
            expected=EXPECTED_PICTURES,
        )


def _name(source: PhotoSource | Photo) -> str | None:
    """The file name of a source that has one, without its folders."""
    path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return os.path.basename(os.fsdecode(path)) if isinstance(path, str | os.PathLike) else None  # noqa: PTH119


def _decoded(data: bytes) -> Photo:
    """DG2's picture; `ChipFiles` has seen its header, and only decoding shows the rest."""
    try:
        return Photo.open(data)
    except PhotoError as error:
        raise DocumentError(
            "chip.damaged", "the portrait in DG2 can't be used", found=one_line(error)
        ) from None


# Portraits


def _portrait(pages: Sequence[Side]) -> Portrait | None:
    """The surest face of all pages first, the largest of those; none where a page has two likely ones."""
    if any("two_portraits" in side.reading.problems for side in pages):
        return None
    return max(
        _faces(pages), key=lambda each: (each.face.confidence >= SURE, each.face.box.area), default=None
    )


def _faces(pages: Sequence[Side]) -> Iterator[Portrait]:
    for number, side in enumerate(pages):
        if side.reading.portrait is not None:
            yield Portrait(side.reading.portrait, side.photo, number)


def _further(pages: Sequence[Side], main: Portrait) -> Iterator[Portrait]:
    """Faces of other pictures that are as sure and about as large as the portrait.

    They are measured by the page where both pictures show where it is, otherwise by the picture.
    """
    for other in _faces(pages):
        if other.page == main.page or other.face.confidence < SURE:
            continue
        shown = pages[main.page], pages[other.page]
        by_page = all(side.reading.page is not None for side in shown)
        sizes = [
            each.face.box.area / _area(side, by_page=by_page)
            for each, side in zip((main, other), shown, strict=True)
        ]
        if min(sizes) >= EQUAL * max(sizes):
            yield other


def _area(side: Side, *, by_page: bool) -> float:
    """Square pixels of a page, or of the whole picture."""
    if not by_page or side.reading.page is None:
        return float(side.photo.width * side.photo.height)
    x, y = side.reading.page.corners.T
    return max(1.0, abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2)


def _ghost(side: Side, number: int) -> Portrait | None:
    return None if side.reading.ghost is None else Portrait(side.reading.ghost, side.photo, number)


def _contradictions(pages: Sequence[Side]) -> list[str]:
    """The fields that say that the pictures are of several documents."""
    zones = [side.reading.mrz for side in pages if side.reading.mrz is not None and side.reading.mrz.valid]
    rows = [row for one, other in itertools.combinations(zones, 2) for row in compare(one, other)]
    return _tells_documents_apart(rows)


def _tells_documents_apart(rows: Iterable[Row]) -> list[str]:
    """The fields that are other ones, and that no document has two of."""
    return sorted({row.field for row in rows if row.field in OF_ONE_DOCUMENT and row.outcome == "differs"})


# Problems


def _problems(document: Document) -> Iterator[Reason]:
    """All that is to be said of a document, what is decisive first."""
    if differing := _contradictions(document.pages):
        message = f"the pictures are of several documents: {_differ(differing)} from one to another"
        yield _problem("several_documents", message, decisive=True)
    elif document.portrait is None:
        yield _without_portrait(document)
    yield from _of_zone(document)
    for number, side in enumerate(document.pages, 1):
        if _is_cut(side):
            where = "the picture" if len(document.pages) == 1 else f"picture {number}"
            yield _problem("page_cut", f"{where} doesn't show the whole page: use one that shows its corners")
    yield from _of_chip(document)
    best = document.best_mrz
    if best is not None:
        birth, expiry = (best.fields[name].value if name in best.fields else "" for name in DATES)
        yield from dates.concerns("document", birth or None, expiry or None, document.read_at.date())


def _problem(code: str, message: str, *, decisive: bool = False) -> Reason:
    return Reason(code, "document", message, decisive)


def _without_portrait(document: Document) -> Reason:
    if any("two_portraits" in side.reading.problems for side in document.pages):
        message = (
            "a picture of the document shows several faces of comparable size, and any may be its portrait: "
            "photograph the document alone"
        )
        return _problem("two_portraits", message, decisive=True)
    message = "no portrait was found on the document: use a sharp picture of the side that carries it"
    return _problem("no_portrait", message, decisive=True)


def _of_zone(document: Document) -> Iterator[Reason]:
    if document.mrz is None:
        message = (
            "no machine-readable zone was found: use a sharp picture of the side that carries it, "
            "without glare or fingers on its lines"
        )
        yield _problem("no_mrz", message)
    elif not document.mrz.valid:
        wrong = [_words(name) for name, field in document.mrz.fields.items() if field.checked is False]
        what = (
            f"check digits are wrong for {', '.join(wrong)}"
            if wrong
            else "a check digit or a letter is wrong"
        )
        message = f"{what}: it was misread, or is wrong on the document; use a sharper picture"
        yield _problem("mrz_invalid", message)


def _is_cut(side: Side) -> bool:
    """Whether a corner of the page lies clearly beside the photo."""
    if side.reading.page is None:
        return False
    corners = side.reading.page.corners
    edge = float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).max())
    beside = np.maximum(-corners, corners - (side.photo.width, side.photo.height)).max()
    return bool(beside > CUT * edge)


def _of_chip(document: Document) -> Iterator[Reason]:
    if document.chip is None or document.authenticity is None:
        return
    if document.authenticity.outcome != "passed":
        stage = next(
            each
            for outcome in ("failed", "not done")
            for each in document.authenticity.stages
            if each.outcome == outcome
        )
        failed = stage.outcome == "failed"
        code, what = ("chip_failed", "failed") if failed else ("chip_not_authenticated", "was not completed")
        yield _problem(code, f"passive authentication of the chip {what}: {stage.why}")
    if document.chip.mrz_lines and (document.chip_mrz is None or not document.chip_mrz.valid):
        yield _problem(
            "chip_mrz_invalid", "the zone that the chip holds has wrong check digits or no known form"
        )
    if document.chip_is_of_another:
        message = (
            f"the chip is of another document than the printed page: {_differ(document.chip_is_of_another)}"
        )
        yield _problem("chip_of_another_document", message)
        return
    differing = [_words(row.field) for row in document.printed_against_chip if row.outcome == "differs"]
    if differing:
        yield _problem("chip_differs", f"printed page and chip differ in {', '.join(differing)}")


def _differ(fields: Sequence[str]) -> str:
    """``"date of birth and document number differ"``."""
    return f"{' and '.join(map(_words, fields))} {'differs' if len(fields) == 1 else 'differ'}"


def _words(name: str) -> str:
    """A field's name for a person."""
    return name.replace("_", " ")


def _rounded(box: Box) -> list[float]:
    return [round(value, 1) for value in (box.x, box.y, box.width, box.height)]
