"""A photograph of a document becomes page, portrait and machine-readable zone.

The zone is found first and read alone: text is looked for on a small picture, and only lines that can be a
zone are cut out of a fine one. Zone and portrait say which way is up, and the zone where the page must be.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from visavis.documents.mrz.decode import Line, decode
from visavis.documents.page import FORMS, Page, find_edges, flatten, page_by_zone
from visavis.documents.portrait import SURE, choose_portrait, crop_box
from visavis.documents.text import WIDTHS, LineReader, TextFinder, legibility
from visavis.faces.detect import Detector, detail_for
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.packs.install import require, require_any
from visavis.packs.runtime import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.documents.mrz.mrz import Mrz
    from visavis.documents.portrait import Portraits
    from visavis.documents.text import Zone
    from visavis.faces.detect import Found
    from visavis.faces.face import Face
    from visavis.geometry import Box
    from visavis.photo import Photo

PACK = "mrz"
SIDES = (
    640,
    1280,
)  # pixels of the longer side of the pictures on which text is looked for, one after the other
ILLEGIBLE = 0.25  # legibility under which nothing is a zone, or one upside down
MOST_READ = 4  # zones of one look that are read in full


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What was read off a photo of a document.

    Attributes:
        page: The page, or None where no zone says where it is.
        portrait: The face of the portrait, its points placed, in pixels of the full-size photo; or None.
        portrait_box: Where the printed portrait is, in the same pixels.
        ghost: The face of the ghost portrait, as it was found, or None.
        mrz: The machine-readable zone, or None.
        turned: By how many degrees (0, 90, 180, 270) clockwise the photo is to be turned to be upright.
        problems: Codes of what is missing or unclear: `no_mrz`, `no_portrait`,
            `two_portraits`.
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


class DocumentReader:
    """Reads photos of documents, with networks loaded once; safe for several threads at once."""

    def __init__(self, pack: str = DEFAULT_PACK, *, threads: int | None = None) -> None:
        """Load the networks.

        Args:
            pack: The engine whose detectors find the portrait.
            threads: How many threads a call may use inside the networks; as many as the process has cores by
                default.

        Raises:
            PackError: The engine or the pack `mrz` isn't installed or is damaged.
        """
        engine, text = require(pack), require_any(PACK)
        self._detector = Detector(
            Network(engine.model("detector"), threads=threads),
            Network(engine.model("landmarks"), threads=threads),
        )
        self._finder = TextFinder(Network(text.model("text_detector"), threads=threads))
        self._reader = LineReader(Network(text.model("text_recogniser"), threads=threads))

    def read(self, photo: Photo) -> Reading:
        """Read a photo.

        Raises:
            PhotoError: A finer look at the photo shows that it's damaged.
        """
        timings_ms: dict[str, float] = {}
        with _timed(timings_ms, "portrait"):
            found = self._detector.find(photo)
        photo, zone, mrz = self._read_zone(photo, found, timings_ms)
        turned = found.turned if zone is None else _quarter(zone)
        corners, confidence = None, 0.0
        if zone is not None and mrz is not None:
            with _timed(timings_ms, "page"):
                expected = page_by_zone(zone, FORMS[mrz.format])
                corners, confidence = find_edges(photo.pixels, expected)
                corners = corners / photo.scale
        portraits = choose_portrait(found.faces, corners)
        portrait = portraits.portrait
        if portrait is not None:
            photo = self._finer(photo, detail_for(portrait), timings_ms)
            with _timed(timings_ms, "portrait"):
                portrait = self._detector.place(photo, portrait)
        page = None
        if corners is not None and mrz is not None:
            with _timed(timings_ms, "page"):
                form = FORMS[mrz.format]
                pixels = flatten(photo.pixels, corners * photo.scale, form.width, form.height)
                page = Page(pixels, corners, confidence)
        return Reading(
            page=page,
            portrait=portrait,
            portrait_box=None if portrait is None else crop_box(portrait),
            ghost=portraits.ghost,
            mrz=mrz,
            turned=turned,
            problems=_problems(mrz, portraits),
            timings_ms=timings_ms,
        )

    def _read_zone(
        self, photo: Photo, found: Found, timings_ms: dict[str, float]
    ) -> tuple[Photo, Zone | None, Mrz | None]:
        """The first zone that can be read, in pixels of the photo that comes with it."""
        along = _rightward(found)
        for side in _sides(photo):
            photo = self._finer(photo, side / max(photo.width, photo.height), timings_ms)
            looks, scale, certain = self._finder.zones(photo.pixels, side, along=along), photo.scale, along
            while True:
                with _timed(timings_ms, "zone"):
                    zones = next(looks, None)
                if zones is None:
                    break
                zones = [zone.scaled(1 / scale) for zone in zones]
                for part in (zones[:1], zones[1:]):
                    # Nearly always the likeliest zone is one, and runs the way that the portrait says.
                    chosen = (
                        [_towards(zone, certain) for zone in part]
                        if certain
                        else self._legible(photo, part, timings_ms)
                    )
                    certain = None
                    for zone in chosen:
                        photo, found_zone, mrz = self._try(photo, zone, timings_ms)
                        if mrz is not None:
                            return photo, found_zone, mrz
        return photo, None, None

    def _legible(self, photo: Photo, zones: list[Zone], timings_ms: dict[str, float]) -> list[Zone]:
        """Those of the zones that are legible, likeliest first, in the sense in which most of them are."""
        if not zones:
            return []
        with _timed(timings_ms, "zone"):
            senses = [zones, [zone.turned() for zone in zones]]
            scaled = [zone.scaled(photo.scale) for sense in senses for zone in sense]
            scores = np.array(self._reader.glance(photo.pixels, scaled)).reshape(2, -1)
        better = int(scores[1].sum() > scores[0].sum())
        legible = [
            zone
            for sense in (better, 1 - better)
            for zone, score in zip(senses[sense], scores[sense], strict=True)
            if score > ILLEGIBLE
        ]
        return legible[:MOST_READ]

    def _try(self, photo: Photo, zone: Zone, timings_ms: dict[str, float]) -> tuple[Photo, Zone, Mrz | None]:
        """Read a zone that is given in pixels of the full-size photo."""
        photo = self._finer(photo, WIDTHS[len(zone.curves)] / zone.length, timings_ms)
        zone = zone.scaled(photo.scale)
        with _timed(timings_ms, "mrz"):
            lines = self._reader(photo.pixels, zone)
            if legibility(lines) < ILLEGIBLE:
                return photo, zone, None
            return photo, zone, decode([Line(line) for line in lines])

    @staticmethod
    def _finer(photo: Photo, scale: float, timings_ms: dict[str, float]) -> Photo:
        with _timed(timings_ms, "photo"):
            return photo.finer(min(1.0, scale))


def _sides(photo: Photo) -> tuple[int, ...]:
    """The sides to try: nothing is gained far above the picture's own size."""
    longer = max(photo.width, photo.height)
    return tuple(side for index, side in enumerate(SIDES) if index == 0 or longer > SIDES[index - 1])


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


def _quarter(zone: Zone) -> int:
    """By how many quarters clockwise, in degrees, the photo must be turned for a zone to run to the right."""
    x, y = zone.direction
    if abs(x) >= abs(y):
        return 0 if x > 0 else 180
    return 270 if y > 0 else 90


def _problems(mrz: Mrz | None, portraits: Portraits) -> tuple[str, ...]:
    missing = () if mrz is not None else ("no_mrz",)
    return missing if portraits.problem is None else (*missing, portraits.problem)


@contextmanager
def _timed(timings_ms: dict[str, float], stage: str) -> Iterator[None]:
    """Adds the time that the block takes to a stage."""
    start = time.perf_counter()
    yield
    timings_ms[stage] = timings_ms.get(stage, 0.0) + (time.perf_counter() - start) * 1000
