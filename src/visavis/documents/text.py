"""Lines of text on a picture: where they run, which of them may be a machine-readable zone, what they say.

A zone's lines are two or three, parallel, as long as each other, one above the other at a distance that the
standard sets (ICAO Doc 9303-3, 4.2, and the parts on each form): on most documents a line is about 17 times
as long as they lie apart. Hardly any other text is like that.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from visavis.geometry import Floats
    from visavis.packs.runtime import Network

    Pixels = NDArray[np.uint8]

MULTIPLE = 32  # of the detector's sides
TEXT = 0.3  # probability from which a pixel is text
FEWEST = 8  # pixels of a piece of text
MOST_LINES = 40  # looked at, the longest ones
LONGER = 4.0  # than thick: the least of a piece that says where its line runs

STRAY = 0.8  # how far a piece may lie off the line that it continues, in thicknesses of that line
GAPS = (0.05, 0.3, 1.2)
"""Of a line's length, that may part its pieces: first no more than parts a zone from text beside the page."""
PARALLEL = 0.09  # radians between the lines of a zone: perspective
MOST_LINES_OF_ZONE = 3
ALIKE = 0.5  # length of a shorter line of a zone: fillers at its end may have gone unseen
EVEN = 0.3  # by how much two distances of three lines may differ
IN_A_STACK = 0.5  # what remains of their likeness for each further line like them: a paragraph
STACKED = 0.1  # of its length, by which such a line may begin and end elsewhere
PARALLEL_TO_FACE = 0.7  # sine of the angle between lines and the eyes of a portrait, which are rough,
ASKEW = 0.4  # and what remains of the likeness where it's more
UNEVEN = 6.0  # what a pixel by which lines end apart takes off their likeness
USUAL_RATIO = 17.3
RATIOS = (8.0, 26.0)
"""Length over distance of the lines of a zone: near 17 on most documents, foreshortened by perspective."""
SAME = 0.01  # of a line's length, by which two zones may differ and be one
MOST_ZONES = 6  # of one look

LINE_HEIGHT = 48  # pixels of a line as the recogniser reads it
COVER = 0.8  # of the distance between lines that this height shows
MARGINS = 0.03, 0.04
"""Of the lines' length, shown before and behind them, at the first and the second look: cut otherwise, each
character meets the recogniser's steps in another place, and other ones are misread."""
MOST_LEAN = 1.5  # between the distances of the lines at either end
FINEST = 1.5  # pixels of the picture for a pixel of the line, beyond which they are averaged
GLANCE = (0.39, 0.61)  # the part of a line that tells whether it's worth reading,
GLANCE_WIDTH = 160  # the pixels to which it's brought,
GLANCE_MARGIN = 0.02  # and what is shown beyond it
WIDTHS = {2: 736, 3: 560}
"""Pixels to which a line is brought, by the number of lines: about 16 for each of 44, 36 or 30 characters."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """The middle of a line of text.

    Attributes:
        points: n x 2, pixels of the picture that belong to it.
        centre: Their mean.
        direction: Unit vector along it, to the right or, where it runs upright, down.
        low: Where it begins, from the centre along the direction.
        high: Where it ends.
        thickness: Of the strip that its points fill.
    """

    points: Floats
    centre: tuple[float, float]
    direction: tuple[float, float]
    low: float
    high: float
    thickness: float

    @property
    def length(self) -> float:
        """From end to end in pixels."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Zone:
    """Two or three lines that may be a machine-readable zone, in a frame of their own.

    A point of line i is centre + u direction + (c0 + c1 u + c2 u^2) normal, with u from `low` to `high`; the
    normal points to the right of the direction: down, where the text is upright.

    Attributes:
        centre: x, y.
        direction: Unit vector in the sense in which the lines are read.
        low: Where the lines begin.
        high: Where they end.
        curves: c0, c1, c2 of each line, in the order in which they are read.
    """

    centre: tuple[float, float]
    direction: tuple[float, float]
    low: float
    high: float
    curves: tuple[tuple[float, float, float], ...]

    @property
    def length(self) -> float:
        """Of a line, in pixels."""
        return self.high - self.low

    @property
    def distance(self) -> float:
        """Between two lines, in pixels."""
        return (self.curves[-1][0] - self.curves[0][0]) / (len(self.curves) - 1)

    def scaled(self, factor: float) -> Zone:
        """The same zone on a picture that is `factor` times as large."""
        return replace(
            self,
            centre=(self.centre[0] * factor, self.centre[1] * factor),
            low=self.low * factor,
            high=self.high * factor,
            curves=tuple((c0 * factor, c1, c2 / factor) for c0, c1, c2 in self.curves),
        )

    def moved(self, right: float, down: float) -> Zone:
        """The same zone on a picture whose first pixel lies so far to the left and above."""
        return replace(self, centre=(self.centre[0] + right, self.centre[1] + down))

    def resembles(self, other: Zone) -> bool:
        """Whether both are the same lines but for a pixel or two."""
        corners = np.array([self.low, self.high]), np.array([0.0, len(self.curves) - 1.0])
        return len(self.curves) == len(other.curves) and bool(
            np.allclose(
                self.points(*corners),
                other.points(np.array([other.low, other.high]), corners[1]),
                atol=SAME * self.length,
            )
        )

    def turned(self) -> Zone:
        """The same zone read from the other side."""
        return replace(
            self,
            direction=(-self.direction[0], -self.direction[1]),
            low=-self.high,
            high=-self.low,
            curves=tuple((-c0, c1, -c2) for c0, c1, c2 in reversed(self.curves)),
        )

    @property
    def lean(self) -> float:
        """Distance between the first and the last line at `low` over that at `high`."""
        first, last = self.curves[0], self.curves[-1]
        at_low, at_high = (
            sum((b - a) * end**power for power, (a, b) in enumerate(zip(first, last, strict=True)))
            for end in (self.low, self.high)
        )
        lean = at_low / at_high if min(at_low, at_high) > 0 else 1.0
        return float(min(max(lean, 1 / MOST_LEAN), MOST_LEAN))

    def places(self, share: Floats) -> Floats:
        """Where a share of the line's characters ends, u, from 0 at `low` to 1 at `high`.

        A camera that looks at the page from the side sees one end of the lines smaller: the distance between
        them shrinks with the depth there, and the characters' pitch with its square.
        """
        return np.asarray(self.low + self.length * self.lean * share / (1 + (self.lean - 1) * share))

    def points(self, along: Floats, line: Floats) -> Floats:
        """Points of the zone on the picture.

        Args:
            along: n places along the lines, u.
            line: m numbers of lines; between two lines and beyond them they may be broken.

        Returns:
            m x n x 2.
        """
        first, last = (c0 + along * (c1 + along * c2) for c0, c1, c2 in (self.curves[0], self.curves[-1]))
        aside = first + (last - first) * (line / (len(self.curves) - 1))[:, None]
        (x, y), (right, down) = self.centre, self.direction
        return np.stack([x + right * along - down * aside, y + down * along + right * aside], axis=2)


class TextFinder:
    """Finds zones by the text detector. Safe for several threads at once."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def zones(
        self, pixels: Pixels, side: int, *, along: tuple[float, float] | None = None
    ) -> Iterator[list[Zone]]:
        """What may be a machine-readable zone, likeliest first; which end is the first isn't known.

        Args:
            pixels: H x W x 3, RGB.
            side: Pixels of the longer side of the picture that the detector sees.
            along: Unit vector along the document's lines, where a portrait tells.
        """
        import cv2

        height, width = pixels.shape[:2]
        scale = side / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        canvas = np.zeros((*(-(-length // MULTIPLE) * MULTIPLE for length in size[::-1]), 3), np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=shrink)
        text = self._network(canvas[None])["text"][0, 0, : size[1], : size[0]]
        seen: list[Zone] = []
        for gap in GAPS:
            zones = find_zones(find_lines(text, gap), along=along)
            zones = [zone for zone in zones if not any(zone.resembles(other) for other in seen)]
            seen += zones
            yield [zone.scaled(1 / scale) for zone in zones]


def find_lines(text: NDArray[np.float32], gap: float = GAPS[0]) -> list[TextLine]:
    """Lines of text, longest first.

    Args:
        text: H x W, 0 to 1, as the detector gives it: a strip along the middle of each line, often in pieces.
        gap: Of a line's length, that may part its pieces.
    """
    pieces = _pieces(text > TEXT)
    taken: set[int] = set()
    lines: list[TextLine] = []
    for seed, piece in enumerate(pieces):
        if len(lines) == MOST_LINES or piece.length < LONGER * piece.thickness:
            continue
        if seed not in taken:
            line, members = _continue(seed, pieces, taken, gap)
            taken |= members
            lines.append(line)
    return sorted(lines, key=lambda line: -line.length)


def _pieces(mask: NDArray[np.bool_]) -> list[TextLine]:
    import cv2

    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    rows, columns = np.nonzero(mask)
    labels = labels[rows, columns]
    order = np.argsort(labels, kind="stable")
    points = np.stack([columns, rows], axis=1)[order] + 0.5
    ends = np.cumsum(np.bincount(labels, minlength=count))
    groups = (points[start:end] for start, end in itertools.pairwise(ends))
    return sorted((_fit(group) for group in groups if len(group) >= FEWEST), key=lambda piece: -piece.length)


def _fit(points: Floats) -> TextLine:
    """A straight line through points, by their second moments."""
    centre = points.mean(axis=0)
    spread = points - centre
    (xx, xy), (_, yy) = spread.T @ spread / len(points)
    angle = 0.5 * math.atan2(2 * xy, xx - yy)
    direction = np.array([math.cos(angle), math.sin(angle)])
    if direction[1] < -abs(direction[0]):
        direction = -direction  # upright lines run down, to whichever side they lean
    along = spread @ direction
    across = spread @ np.array([-direction[1], direction[0]])
    # A strip of thickness t has the variance t^2 / 12; a pixel is one wide.
    return TextLine(
        points,
        (float(centre[0]), float(centre[1])),
        (float(direction[0]), float(direction[1])),
        float(along.min()),
        float(along.max()),
        max(1.0, math.sqrt(12 * float(across.var()))),
    )


def _continue(
    seed: int, pieces: Sequence[TextLine], taken: set[int], most: float
) -> tuple[TextLine, set[int]]:
    """A line from its longest piece: pieces that lie along it are added, the nearest first."""
    line, members = pieces[seed], {seed}
    while True:
        best: tuple[float, int] | None = None
        for index, piece in enumerate(pieces):
            if index in members or index in taken:
                continue
            x, y = piece.centre[0] - line.centre[0], piece.centre[1] - line.centre[1]
            right, down = line.direction
            if abs(right * y - down * x) > STRAY * line.thickness:
                continue
            gap = abs(right * x + down * y - (line.low + line.high) / 2) - (line.length + piece.length) / 2
            if gap < most * line.length and (best is None or gap < best[0]):
                best = gap, index
        if best is None:
            return line, members
        members.add(best[1])
        line = _fit(np.concatenate([line.points, pieces[best[1]].points]))


def find_zones(lines: Sequence[TextLine], *, along: tuple[float, float] | None = None) -> list[Zone]:
    """Which lines may be a machine-readable zone, likeliest first.

    Args:
        lines: Of a picture.
        along: Unit vector along the document's lines, where a portrait tells.
    """
    groups: list[tuple[float, tuple[TextLine, ...]]] = []
    for first in lines:
        beside = sorted(_beside(first, lines), key=lambda pair: pair[0])
        stacked = [distance for distance, other in beside if _uneven(first, other) < STACKED * first.length]
        below = [pair for pair in beside if pair[0] > 0]
        pairs = [(distance, (first, second)) for distance, second in below]
        triples = [
            (farther / 2, (first, second, third))
            for (distance, second), (farther, third) in itertools.combinations(below, 2)
            if abs(farther - 2 * distance) < EVEN * distance
        ]
        askew = along is not None and _turn(along, first.direction) > PARALLEL_TO_FACE
        for distance, members in (*pairs, *triples):
            reach = -1.5 * distance, (len(members) + 0.5) * distance
            others = sum(reach[0] < place < reach[1] for place in stacked) - len(members) + 1
            likeness = _likeness(distance, *members) * IN_A_STACK ** max(0, others) * (ASKEW if askew else 1)
            groups.append((likeness, members))
    groups.sort(key=lambda group: -group[0])
    return [_zone(*members) for likeness, members in groups[:MOST_ZONES] if likeness > 0]


def _beside(line: TextLine, lines: Sequence[TextLine]) -> Iterator[tuple[float, TextLine]]:
    """The lines that may be of one zone with a line, and their distance from it, below it a positive one."""
    right, down = line.direction
    for other in lines:
        longer = max(line.length, other.length)
        if other is line or min(line.length, other.length) < ALIKE * longer:
            continue
        if _turn(line.direction, other.direction) > PARALLEL:
            continue
        x, y = other.centre[0] - line.centre[0], other.centre[1] - line.centre[1]
        distance, shift = right * y - down * x, right * x + down * y
        common = min(line.high, shift + other.high) - max(line.low, shift + other.low)
        if abs(distance) < longer / RATIOS[0] * MOST_LINES_OF_ZONE and common > ALIKE * longer:
            yield distance, other


def _likeness(distance: float, *lines: TextLine) -> float:
    """How much lines look like a zone: by length, distance, and whether they begin and end together."""
    ratio = max(line.length for line in lines) / distance
    if not RATIOS[0] < ratio < RATIOS[1]:
        return 0.0
    seen = sum(line.length for line in lines) - UNEVEN * _uneven(*lines)
    return seen * (1 - abs(math.log(ratio / USUAL_RATIO)))


def _uneven(*lines: TextLine) -> float:
    """By how much lines begin and end apart, in pixels."""
    right, down = lines[0].direction
    shifts = [right * line.centre[0] + down * line.centre[1] for line in lines]
    begins = [shift + line.low for shift, line in zip(shifts, lines, strict=True)]
    ends = [shift + line.high for shift, line in zip(shifts, lines, strict=True)]
    return max(begins) - min(begins) + max(ends) - min(ends)


def _turn(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Sine of the angle between two directions, of which neither has a sense."""
    return abs(first[0] * second[1] - first[1] * second[0])


def _zone(*lines: TextLine) -> Zone:
    direction = np.sum([np.array(line.direction) * line.length for line in lines], axis=0)
    direction /= np.linalg.norm(direction)
    normal = np.array([-direction[1], direction[0]])
    centre = np.mean([line.centre for line in lines], axis=0)
    curves, ends = [], []
    for line in lines:
        along, aside = (line.points - centre) @ direction, (line.points - centre) @ normal
        ends.append((float(along.min()), float(along.max())))
        c2, c1, c0 = np.polyfit(along, aside, 2)
        curves.append((float(c0), float(c1), float(c2)))
    return Zone(
        (float(centre[0]), float(centre[1])),
        (float(direction[0]), float(direction[1])),
        min(low for low, _ in ends),
        max(high for _, high in ends),
        tuple(curves),
    )


class LineReader:
    """Reads the lines of a zone by the text recogniser. Safe for several threads at once."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, pixels: Pixels, zone: Zone, *, look: int = 0) -> list[NDArray[np.float32]]:
        """What the lines say.

        Args:
            pixels: H x W x 3, RGB.
            zone: In pixels of this picture, in the sense in which it is to be read.
            look: 0, or 1 for a second look: cut otherwise.

        Returns:
            For each line steps x 38 probabilities, from left to right: blank, A to Z, 0 to 9, and `<`.
        """
        lines = rectify(pixels, zone, WIDTHS[len(zone.curves)], margin=MARGINS[look])
        return list(self._network(lines)["characters"])

    def glance(self, pixels: Pixels, zones: Sequence[Zone]) -> list[float]:
        """How legible each of several zones is, by the middle of its lines.

        Of three lines the second is enough. Of two the less legible one counts: upside down, fillers still
        look like fillers, and one of the lines may have nothing else in its middle.
        """
        parts, owners = [], []
        for index, zone in enumerate(zones):
            begin, end = (zone.low + at * zone.length for at in GLANCE)
            lines = rectify(pixels, replace(zone, low=begin, high=end), GLANCE_WIDTH, margin=GLANCE_MARGIN)
            lines = lines[1:2] if len(lines) == MOST_LINES_OF_ZONE else lines
            parts.append(lines)
            owners += [index] * len(lines)
        scores = [1.0] * len(zones)
        seen = self._network(np.concatenate(parts))["characters"]
        for owner, line in zip(owners, seen, strict=True):
            scores[owner] = min(scores[owner], legibility([line]))
        return scores


def rectify(pixels: Pixels, zone: Zone, width: int, *, margin: float) -> Pixels:
    """The lines of a zone, straight and of one size, with a margin in lengths: lines x 48 x width x 3."""
    import cv2

    count = len(zone.curves)
    along = zone.places(np.linspace(-margin, 1 + margin, width))
    across = COVER * ((np.arange(LINE_HEIGHT) + 0.5) / LINE_HEIGHT - 0.5)
    points = zone.points(along, (np.arange(count)[:, None] + across).ravel())
    left, top = (int(each) for each in (np.floor(points.min(axis=(0, 1))) - 2).clip(0))
    right, bottom = (max(int(each), 1) for each in np.ceil(points.max(axis=(0, 1))) + 3)
    part = pixels[top:bottom, left:right]
    if not part.size:
        return np.zeros((count, LINE_HEIGHT, width, 3), np.uint8)
    # A pixel of the line covers several of the picture: they are averaged, not skipped.
    shrink = min(1.0, FINEST * width / zone.length)
    size = [max(1, round(side * shrink)) for side in part.shape[1::-1]]
    if shrink < 1:
        points = (points - (left, top)) * (np.array(size) / part.shape[1::-1])
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    else:
        points = points - (left, top)
    # OpenCV's pixel centres lie at whole numbers, ours at halves.
    flat = cv2.remap(
        part, (points - 0.5).astype(np.float32), None, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE
    )  # type: ignore[call-overload]
    return np.asarray(flat, np.uint8).reshape(count, LINE_HEIGHT, width, 3)


def legibility(lines: Sequence[NDArray[np.float32]]) -> float:
    """How much of a zone is filled with characters that were read without doubt, 0 to 1.

    0.38 to 0.52 where a zone is read as it should be, at most 0.26 where it's upside down.

    Args:
        lines: What `LineReader` gives.
    """
    best = [line.max(axis=1) * (line.argmax(axis=1) > 0) for line in lines]
    return float(np.concatenate(best).mean())
