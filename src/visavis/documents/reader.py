"""A photograph of a document becomes page, portrait and machine-readable zone.

Where a portrait leaves no doubt, the page is sought around it, and the zone on the page's lower part alone.
Otherwise the zone is sought on the whole picture; then it says which way is up, and where the page must be.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from visavis.documents.mrz.decode import Line, decode
from visavis.documents.outline import find_outline
from visavis.documents.page import FORMS, Page, find_edges, flatten, page_by_zone, to_page, to_photo
from visavis.documents.portrait import SURE, choose_portrait, crop_box, look_for_ghost, moved
from visavis.documents.text import WIDTHS, LineReader, TextFinder, legibility
from visavis.faces.detect import Detector, detail_for
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.packs.install import require, require_any
from visavis.packs.runtime import networks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from visavis.documents.mrz.mrz import Mrz
    from visavis.documents.text import Zone
    from visavis.faces.detect import Found
    from visavis.faces.face import Face
    from visavis.geometry import Box, Floats
    from visavis.photo import Photo

    Pixels = NDArray[np.uint8]

PACK = "mrz"
SIDES = 640, 1280  # pixels of the longer side of the pictures on which text is looked for, in turns
PAGE_SIDE = 480  # the same for the lower part of a page seen from straight above
LOWER = 0.4  # of a page's height, that has its zone
ROOM = 0.05  # of a photo's height, that a zone below the portrait needs at least
BELOW = 0.3  # of a photo's height, that a portrait must leave above for a look below it to be worth while
LIKELIEST = 2  # zones of a page that are tried
ILLEGIBLE = 0.25  # legibility under which nothing is a zone, or one upside down
MOST_READ = 4  # zones of one look that are read in full
LEAN = 0.1  # logarithm of a zone's lean on a page that was made straight, which shows that it wasn't
DOUBT = 0.7  # confidence of a field under which its lines are looked at again
ELSEWHERE = 0.1  # of its longer edge, by which a page may lie off the place that its zone expects


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What was read off a photo of a document.

    Attributes:
        page: The page, or None where neither its contour nor a zone says where it is.
        portrait: The face of the portrait, its points placed, in pixels of the full-size photo; or None.
        portrait_box: Where the printed portrait is, in the same pixels.
        ghost: The face of the ghost portrait, as it was found, or None.
        mrz: The machine-readable zone, or None.
        turned: By how many degrees (0, 90, 180, 270) clockwise the photo is to be turned to be upright.
        problems: Codes of what is missing or unclear: `no_mrz`, `no_portrait`, `two_portraits`.
        timings_ms: Wall time by stage.
    """

    page: Page | None
    portrait: Face | None
    portrait_box: Box | None
    ghost: Face | None
    mrz: Mrz | None
    turned: int
    problems: tuple[str, ...]
    timings_ms: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a page is.

    Attributes:
        corners: 4 x 2, as those of `Page`, in pixels of the full-size photo.
        size: Width and height in mm.
        confidence: As that of `Page`.
    """

    corners: Floats
    size: tuple[float, float]
    confidence: float

    def is_near(self, expected: Floats) -> bool:
        """Whether it's where a zone expects it."""
        edges = np.linalg.norm(np.roll(expected, -1, axis=0) - expected, axis=1)
        return bool(np.linalg.norm(self.corners - expected, axis=1).mean() < ELSEWHERE * edges.max())


class DocumentReader:
    """Reads photos of documents, with networks loaded once; safe for several threads at once."""

    def __init__(self, pack: str = DEFAULT_PACK, *, threads: int | None = None, device: str = "cpu") -> None:
        """Load the networks.

        Args:
            pack: The engine whose detectors find the portrait.
            threads: How many threads a call may use inside the networks; as many as the process has cores by
                default.
            device: On what the networks run, ``"cpu"`` or ``"cuda"``.

        Raises:
            PackError: The engine or the pack `mrz` isn't installed or is damaged, or can't run on that
                device.
        """
        engine, text = require(pack), require_any(PACK)
        made = networks(
            lambda role: (text if role in text.entries else engine).model(role),
            ("detector", "landmarks", "text_detector", "text_recogniser"),
            threads=threads,
            device=device,
        )
        self._face_finder = made["detector"]
        self._detector = Detector(self._face_finder, made["landmarks"])
        self._finder = TextFinder(made["text_detector"])
        self._reader = LineReader(made["text_recogniser"])

    def read(self, photo: Photo) -> Reading:
        """Read a photo.

        Raises:
            PhotoError: A finer look at the photo shows that it's damaged.
        """
        work = _Work(photo)
        with work.timed("portrait"):
            found = self._detector.first_look(photo)
        place, zone, mrz = None, None, None
        if found is not None:
            place, mrz = self._read_on_page(work, found)
        if mrz is None or not mrz.valid or place is None:
            zone, mrz = self._read_on_photo(work, found, mrz)
        turned = None if zone is None else _quarter(zone.direction)
        if found is None or turned not in (None, found.turned):
            with work.timed("portrait"):
                again = self._detector.find(work.photo, turned=turned)
            found = again if found is None or again.faces else found
            place, on_page = self._read_on_page(work, found, needed=mrz is None or not mrz.valid)
            if on_page is not None and (mrz is None or on_page.valid):
                zone, mrz = None, on_page
        if mrz is not None:
            place = _by_zone(work, zone, mrz, place)
        corners = None if place is None else place.corners
        portraits = choose_portrait(found.faces, corners)
        portrait = None if portraits.portrait is None else self._placed(work, portraits.portrait)
        page, ghost = None, portraits.ghost
        if place is not None:
            with work.timed("page"):
                page = Page(_flat(work, place), place.corners, place.confidence)
            if portrait is not None and ghost is None:
                with work.timed("portrait"):
                    ghost = self._ghost(page, portrait)
        return Reading(
            page=page,
            portrait=portrait,
            portrait_box=None if portrait is None else crop_box(portrait),
            ghost=ghost,
            mrz=mrz,
            turned=found.turned if corners is None else _quarter(corners[1] - corners[0]),
            problems=tuple(code for code in ("no_mrz" if mrz is None else None, portraits.problem) if code),
            timings_ms=work.timings_ms,
        )

    def _by_contour(self, work: _Work, found: Found) -> _Place | None:
        """Where the page of the likeliest portrait is."""
        portrait = choose_portrait(found.faces).portrait
        if portrait is None:
            return None
        points = self._placed(work, portrait).points
        with work.timed("page"):
            outline = find_outline(work.photo.pixels, points * work.photo.scale)
        if outline is None:
            return None
        return _Place(outline.corners / work.photo.scale, outline.size, outline.confidence)

    def _placed(self, work: _Work, face: Face) -> Face:
        if face not in work.placed:
            work.finer(detail_for(face))
            with work.timed("portrait"):
                work.placed[face] = self._detector.place(work.photo, face)
        return work.placed[face]

    def _ghost(self, page: Page, portrait: Face) -> Face | None:
        """The ghost portrait that only the page shows, in pixels of the photo."""
        size = page.pixels.shape[1], page.pixels.shape[0]
        on_page = moved(portrait, lambda points: to_page(points, page.corners, size))
        ghost = look_for_ghost(self._face_finder, page.pixels, on_page)
        return None if ghost is None else moved(ghost, lambda points: to_photo(points, page.corners, size))

    def _read_on_page(
        self, work: _Work, found: Found, *, needed: bool = True
    ) -> tuple[_Place | None, Mrz | None]:
        """The page around the likeliest portrait and, where it's needed, its zone.

        Nothing beside the page is taken for a part of the zone. One that runs askew there tells that the page
        isn't where it seemed: then there's no place.
        """
        place = self._by_contour(work, found)
        if place is None or not needed:
            return place, None
        edge = float(np.linalg.norm(place.corners[1] - place.corners[0]))
        work.finer(WIDTHS[2] / edge)
        with work.timed("zone"):
            flat = _flat(work, place)
            lower = flat[round((1 - LOWER) * len(flat)) :]
        looks = self._finder.zones(lower, PAGE_SIDE, along=(1.0, 0.0))
        while True:
            with work.timed("zone"):
                zones = next(looks, None)
            if zones is None:
                return place, None
            for zone in zones[:LIKELIEST]:
                mrz = self._read(work, lower, _towards(zone, (1.0, 0.0)))
                if mrz is not None and abs(np.log(zone.lean)) > LEAN:
                    return None, mrz
                if mrz is not None:
                    return place, mrz

    def _read_on_photo(
        self, work: _Work, found: Found | None, otherwise: Mrz | None
    ) -> tuple[Zone | None, Mrz | None]:
        """The first zone on the whole photo that can be read, in pixels of the full size.

        Args:
            work: The photo.
            found: The faces, where they are known already.
            otherwise: What was read on the page; comes back, with None, where nothing better is found.
        """
        along = None if found is None else _rightward(found)
        longer = max(work.photo.width, work.photo.height)
        for side, top in _parts(work.photo, found):
            work.finer(side / longer)
            scale, certain = work.photo.scale, along
            pixels = work.photo.pixels[round(top * scale) :]
            part_side = round(side * max(pixels.shape[:2]) / (longer * scale))
            looks = self._finder.zones(pixels, part_side, along=along)
            while True:
                with work.timed("zone"):
                    zones = next(looks, None)
                if zones is None:
                    break
                zones = [zone.moved(0, round(top * scale)).scaled(1 / scale) for zone in zones]
                # Nearly always the likeliest zone is one, and runs the way that the portrait says. If not, it
                # is looked at once more with the others, in either sense.
                others = zones if certain else zones[1:]
                for part in (zones[:1], others):
                    chosen = (
                        [_towards(zone, certain) for zone in part] if certain else self._legible(work, part)
                    )
                    certain = None if part else certain
                    for zone in chosen:
                        work.finer(WIDTHS[len(zone.curves)] / zone.length)
                        mrz = self._read(work, work.photo.pixels, zone.scaled(work.photo.scale))
                        if mrz is not None and (otherwise is None or mrz.valid):
                            return zone, mrz
        return None, otherwise

    def _legible(self, work: _Work, zones: list[Zone]) -> list[Zone]:
        """Those of the zones that are legible, likeliest first, in the sense in which most of them are."""
        if not zones:
            return []
        with work.timed("zone"):
            senses = [zones, [zone.turned() for zone in zones]]
            scaled = [zone.scaled(work.photo.scale) for sense in senses for zone in sense]
            scores = np.array(self._reader.glance(work.photo.pixels, scaled)).reshape(2, -1)
        better = int(scores[1].sum() > scores[0].sum())
        legible = [
            zone
            for sense in (better, 1 - better)
            for zone, score in zip(senses[sense], scores[sense], strict=True)
            if score > ILLEGIBLE
        ]
        return legible[:MOST_READ]

    def _read(self, work: _Work, pixels: Pixels, zone: Zone) -> Mrz | None:
        """What a zone says that is given in these pixels, by a second look where the first leaves a doubt."""
        with work.timed("mrz"):
            first = [Line(line) for line in self._reader(pixels, zone)]
            if legibility([line.probabilities for line in first]) < ILLEGIBLE:
                return None
            mrz = decode(first)
            if mrz is None or not mrz.valid or min(f.confidence for f in mrz.fields.values()) < DOUBT:
                second = [Line(line) for line in self._reader(pixels, zone, look=1)]
                again = decode(first, second)
                # A second look may settle a doubt, and never undoes what was right.
                if again is not None and (mrz is None or again.valid >= mrz.valid):
                    mrz = again
            return mrz


class _Work:
    """A photo under the reader's eyes: decoded as finely as was needed, and how long each stage took."""

    def __init__(self, photo: Photo) -> None:
        self.photo = photo
        self.placed: dict[Face, Face] = {}
        self.timings_ms: dict[str, float] = {}

    def finer(self, scale: float) -> None:
        with self.timed("photo"):
            self.photo = self.photo.finer(min(1.0, scale))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the time that the block takes to a stage."""
        start = time.perf_counter()
        yield
        self.timings_ms[stage] = self.timings_ms.get(stage, 0.0) + (time.perf_counter() - start) * 1000


def _by_zone(work: _Work, zone: Zone | None, mrz: Mrz, place: _Place | None) -> _Place | None:
    """Where the page is, with its form's size; by the zone where the contour says another place or none."""
    form = FORMS[mrz.format]
    size = form.width, form.height
    if zone is not None:
        expected = page_by_zone(zone, form)
        if place is None or not place.is_near(expected):
            with work.timed("page"):
                corners, confidence = find_edges(work.photo.pixels, expected * work.photo.scale)
            return _Place(corners / work.photo.scale, size, confidence)
    return None if place is None else replace(place, size=size)


def _flat(work: _Work, place: _Place) -> Pixels:
    return flatten(work.photo.pixels, place.corners * work.photo.scale, *place.size)


def _parts(photo: Photo, found: Found | None) -> list[tuple[int, float]]:
    """The parts of a photo to look at, one after the other.

    Each by the pixels to which the photo's longer side is brought, and the row of the full-size photo from
    which on it is looked at.

    A zone stands below the portrait. Nothing is gained far above the picture's own size.
    """
    longer = max(photo.width, photo.height)
    whole = [(side, 0.0) for index, side in enumerate(SIDES) if index == 0 or longer > SIDES[index - 1]]
    chins = [face.box.y + face.box.height for face in found.faces if face.confidence >= SURE] if found else []
    if not chins or found is None or found.turned or not BELOW < min(chins) / photo.height < 1 - ROOM:
        return whole
    return [(SIDES[0], min(chins)), *whole]


def _rightward(found: Found) -> tuple[float, float] | None:
    """The way that the document's lines run, as unit vector: along the eyes of the largest sure face."""
    sure = [face for face in found.faces if face.confidence >= SURE]
    if not sure:
        return None
    face = max(sure, key=lambda face: face.box.area)
    eyes = face.points[1] - face.points[0]
    eyes = eyes / max(float(np.linalg.norm(eyes)), 1e-6)
    return float(eyes[0]), float(eyes[1])


def _towards(zone: Zone, along: tuple[float, float]) -> Zone:
    """The zone in the sense that comes nearer to a direction."""
    return zone if along[0] * zone.direction[0] + along[1] * zone.direction[1] >= 0 else zone.turned()


def _quarter(direction: Floats | tuple[float, float]) -> int:
    """By how many degrees clockwise, in quarters, a photo must be turned for lines to run to the right."""
    x, y = direction
    if abs(x) >= abs(y):
        return 0 if x > 0 else 180
    return 270 if y > 0 else 90
