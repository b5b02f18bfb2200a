"""The page of a document found from its contour alone, around its portrait.

A portrait stands on the page as upright as the page lies, and its size tells roughly that of the page. So the
picture is turned by the face and brought to one size, and straight contours are sought above, below, left and
right of it. Of all quadrilaterals that they bound, the page is the one that has the shape of a document and
differs from what it lies on all along its four edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.geometry import Floats

    Pixels = NDArray[np.uint8]
    Picture = NDArray[np.float32]
    Indices = NDArray[np.intp]

# Width and height of ID-1, of a visa of format A, and of ID-3, in mm. ID-2 has the shape of ID-3 and isn't
# told from it.
SIZES = ((85.6, 54.0), (120.0, 80.0), (125.0, 88.0))

UNIT = 18  # pixels from the eyes to the mouth on the turned picture; lengths below that name none are in it
SMALLEST = 6.0  # pixels of the given picture from eyes to mouth, under which edges can't be told from print
ASIDE, ABOVE = 18.0, 8.0  # how far edges are sought from the middle of the face
HEIGHTS = 5.0, 13.0  # of a page: documents print the portrait in many sizes
LEVEL = 0.3, 0.7  # where the face is, as a share of the page's height,
INSET = 0.1, 0.45  # and how far from the nearer of the sides, in heights

PRINT = 7  # pixels: dark strokes as thin as this are taken away, or lines of text would be contours
BAND = 3  # pixels on either side of a contour that are compared
FULL = 16.0  # difference of two tones, of 255, that counts in full
FAINT = 8.0  # and one that makes no edge

NEAREST = 1.6  # from the middle of the face to an edge
SLANT = 0.22  # tangent of the angle between an edge and the face; tilting the page adds to the portrait's own
SLANTS = 29
LINES = 14  # candidates for each edge
APART = 3  # pixels between two of them
EVERY = 2  # pixels between two places at which a candidate is looked at
MIDDLE = 4.0  # to either side of the face, where the page is in any case
COLUMN, BLOCK, BLOCK_SLANTS = 4, 8, 9  # pixels summed first, columns summed next, and along how many slants

CORNER = 0.06  # of an edge at either end that isn't looked at: corners are round
BEYOND = 0.12  # of an edge, past its ends, where a page's contour doesn't go on,
PAST = 0.6  # and what it costs where it does
EVEN = 0.7  # weight of the mean of the four edges; the weakest has the rest
FOCAL = 1.0  # focal length over the picture's longer side: phones have 0.75 to 1.3
SKEW = 0.15  # cosine of the angle at the corners of the page seen from above
MISSHAPEN = 0.07  # log of the ratio of a page's proportions to a document's,
SHAPE = 0.12  # and what a page as misshapen as that loses
OUTSIDE = 0.01  # of the picture's longer side that a corner may lie beside it
CONTOUR = 0.5  # score of a page
WEAKEST = 0.3  # and of its weakest edge

REACH = 4  # pixels from an edge within which it's placed in the end,
FINE = 0.5  # in steps of so many
SAMPLES = 40  # along it


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Where a page lies on a picture.

    Attributes:
        corners: 4 x 2, in the order of `Page.corners`, in pixels of the picture.
        size: Width and height in mm of the document whose proportions come nearest to those of the page seen
            from above.
        confidence: 0 to 1: how clear the contour is along the four edges.
    """

    corners: Floats
    size: tuple[float, float]
    confidence: float


def find_outline(pixels: Pixels, points: Floats) -> Outline | None:
    """The page that carries a portrait, from its contour.

    Args:
        pixels: H x W x 3, RGB; 900 pixels of the longer side are enough.
        points: 5 x 2: the face of the portrait, in pixels of this picture, placed: a finder's points may
            stand upright on a face that leans.

    Returns:
        None where no clear contour of a document's shape runs round the portrait, because there's none, or a
        part of the page lies beside the picture.
    """
    view = _View.by_face(pixels, points)
    if view is None:
        return None
    picture, seen = view.of(pixels)
    origin = view.origin
    rows = _Lines(_steps(picture, seen), origin)
    columns = _Lines(_steps(picture.transpose(1, 0, 2), seen.transpose(1, 0, 2)), origin[::-1])
    found = _best(rows, columns, view)
    if found is None:
        return None
    corners, confidence = found
    corners = view.to_picture(_refined(picture, corners + origin) - origin)
    errors, _ = _distortions(corners[None], view)
    return Outline(corners, SIZES[int(errors[0].argmin())], confidence)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A picture turned and scaled so that a face on it is upright, `UNIT` pixels from its eyes to its mouth.

    Places on the view are counted from the middle of the face, which lies at `origin`.
    """

    turn: Floats  # 2 x 2, view -> picture
    middle: Floats  # of the face, in pixels of the picture
    width: int  # of the picture
    height: int

    @classmethod
    def by_face(cls, pixels: Pixels, points: Floats) -> _View | None:
        """None where the face lies beside the picture, or no page around it could be seen."""
        height, width = pixels.shape[:2]
        if not (np.abs(points) < 2 * max(height, width)).all():  # nor is NaN
            return None
        eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
        middle = (eyes + mouth) / 2
        x, y = mouth - eyes
        long = float(np.hypot(x, y))
        if not ((middle > 0).all() and (middle < (width, height)).all()):
            return None
        if not SMALLEST <= long <= max(height, width) / HEIGHTS[0]:
            return None
        return cls(np.array([[y, x], [-x, y]]) / UNIT, middle, width, height)

    @property
    def origin(self) -> Floats:
        return np.array([ASIDE, ABOVE]) * UNIT

    @property
    def scale(self) -> float:
        """Pixels of the view per pixel of the picture."""
        return 1 / float(np.hypot(*self.turn[0]))

    def to_picture(self, places: Floats) -> Floats:
        return np.asarray(places @ self.turn.T + self.middle)

    def of(self, pixels: Pixels) -> tuple[Picture, NDArray[np.bool_]]:
        """The view without thin strokes, H x W x 3, and which of its pixels lie well inside the picture."""
        import cv2

        scale = min(1.0, self.scale)
        small = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        shrunk = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
        inner = np.zeros(small[::-1], np.uint8)
        inner[BAND + 1 : -BAND - 1, BAND + 1 : -BAND - 1] = 1
        ratio = np.array(small) / (self.width, self.height)
        turn = self.turn * ratio[:, None]
        # OpenCV's pixel centres lie at whole numbers, ours at halves.
        to_small = np.column_stack([turn, self.middle * ratio - turn @ (self.origin - 0.5) - 0.5])
        width, height = (2 * self.origin).round().astype(int).tolist()
        flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
        turned = cv2.warpAffine(shrunk, to_small, (width, height), flags=flags, borderMode=border)
        plain = cv2.morphologyEx(turned, cv2.MORPH_CLOSE, np.ones((PRINT, PRINT), np.uint8))
        seen = cv2.warpAffine(
            inner, to_small, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        )
        return cv2.GaussianBlur(plain, (0, 0), 1.0).astype(np.float32), (seen > 0)[..., None]


# Candidates


def _steps(picture: Picture, seen: NDArray[np.bool_]) -> Picture:
    """What lies below a place less what lies above it, -1 to 1 in each channel; 0 where nothing is seen."""
    import cv2

    kernel = np.zeros(2 * BAND + 1, np.float32)
    kernel[:BAND], kernel[-BAND:] = -1 / (BAND * FULL), 1 / (BAND * FULL)
    filtered = cv2.sepFilter2D(np.ascontiguousarray(picture), -1, np.ones(1, np.float32), kernel)
    steps = np.asarray(filtered, np.float32)
    np.clip(steps, -1, 1, out=steps)
    steps *= seen
    return steps


class _Lines:
    """The clearest contours that run across a picture above and below the face, from left to right.

    A line has an offset below the face and a slant: y = offset + slant x.

    Attributes:
        offsets: n.
        slants: n.
        above: How many of the n run above the face; they come first.
    """

    def __init__(self, steps: Picture, origin: Floats) -> None:
        """Find them.

        Args:
            steps: H x W x 3, from `_steps`.
            origin: Where the face is.
        """
        import cv2

        height, width = steps.shape[:2]
        strength = _sums(steps, float(origin[0]))
        slants, y = np.linspace(-SLANT, SLANT, SLANTS), np.arange(height) + 0.5 - origin[1]
        peaks = (strength > 0) & (strength >= cv2.dilate(strength, np.ones((5, 2 * APART + 1), np.uint8)))
        chosen = []
        for side in (y < -NEAREST * UNIT, y > NEAREST * UNIT):
            slant, row = np.nonzero(peaks & side)
            first = np.argsort(-strength[slant, row], kind="stable")[:LINES]
            chosen.append((slant[first], row[first]))
        self.above = len(chosen[0][0])
        self.slants = np.concatenate([slants[slant] for slant, _ in chosen])
        self.offsets = np.concatenate([y[row] for _, row in chosen])
        columns = np.arange(0, width, EVERY)
        x = columns + 0.5 - origin[0]
        rows = np.floor(self.offsets[:, None] + self.slants[:, None] * x + origin[1]).astype(int)
        on_line = steps[rows.clip(0, height - 1), columns]
        on_line *= ((rows >= 0) & (rows < height))[..., None]
        self._sums = np.pad(on_line.cumsum(axis=1), ((0, 0), (1, 0), (0, 0)))
        self._left = float(origin[0])

    def contrast(self, lines: Indices, start: Floats, end: Floats) -> Floats:
        """Between two places of each line, 0 to 1; a page differs from its ground to one side all along."""
        first, last = (np.rint((each + self._left) / EVERY).astype(int) for each in (start, end))
        last_column = self._sums.shape[1] - 1
        total = self._sums[lines, last.clip(0, last_column)] - self._sums[lines, first.clip(0, last_column)]
        return np.asarray(np.abs(total).max(axis=1) / np.maximum(last - first, 1))


def _sums(steps: Picture, x: float) -> Picture:
    """Steps summed along every line, by its slant and its height at `x`, where the face is: SLANTS x H.

    As in a fast Hough transform, sums over a few columns are made once and put together for every slant.
    A page has the face at its left or at its right, so that a line counts from the face to either end.
    """
    import cv2

    height, blocks = steps.shape[0], steps.shape[1] // (COLUMN * BLOCK)
    width = blocks * BLOCK
    half = BLOCK * COLUMN / 2
    reach = int(SLANT * (max(x, steps.shape[1] - x) + half)) + 2
    columns = np.zeros((blocks, BLOCK, height + 2 * reach, 3), np.float32)
    narrow = cv2.resize(steps[:, : width * COLUMN], (width, height), interpolation=cv2.INTER_AREA)
    columns[:, :, reach:-reach] = narrow.transpose(1, 0, 2).reshape(blocks, BLOCK, height, 3)
    coarse = np.linspace(-SLANT, SLANT, BLOCK_SLANTS)
    edge = int(SLANT * half) + 1
    summed = np.zeros((BLOCK_SLANTS, blocks, height + 2 * reach, 3), np.float32)
    for slant, sums in zip(coarse, summed, strict=True):
        for column in range(BLOCK):
            shift = edge + round(slant * ((column + 0.5) * COLUMN - half))
            sums[:, edge:-edge] += columns[:, column, shift : shift + height + 2 * (reach - edge)]
    places = (np.arange(blocks) * BLOCK * COLUMN + half) - x
    parts = np.digitize(places, (-MIDDLE * UNIT, MIDDLE * UNIT))
    strength = np.zeros((SLANTS, height), np.float32)
    for index, slant in enumerate(np.linspace(-SLANT, SLANT, SLANTS)):
        sums = summed[int(np.abs(coarse - slant).argmin())]
        by_part = np.zeros((3, height, 3), np.float32)
        for block, part in enumerate(parts):
            shift = reach + round(slant * places[block])
            by_part[part] += sums[block, shift : shift + height]
        left, right = np.abs(by_part[0] + by_part[1]), np.abs(by_part[1] + by_part[2])
        strength[index] = np.maximum(left, right).max(axis=1)
    return strength


# Which of them bound the page


def _best(rows: _Lines, columns: _Lines, view: _View) -> tuple[Floats, float] | None:
    """Corners on the view, and the score, of the likeliest page."""
    edges = _plausible(rows, columns)
    quads = _corners(rows, columns, edges)
    at = quads @ view.turn.T + view.middle
    beside = OUTSIDE * max(view.width, view.height)
    sides = np.roll(quads, -1, axis=1) - quads
    turns = _cross(sides, np.roll(sides, -1, axis=1))
    within = (at > -beside) & (at < np.array([view.width, view.height]) + beside)
    kept = within.all(axis=(1, 2)) & (turns > UNIT**2).all(axis=1)
    edges, quads, at = edges[kept], quads[kept], at[kept]
    errors, cosines = _distortions(at, view)
    misshapen = errors.min(axis=1)
    kept = (misshapen < MISSHAPEN) & (np.abs(cosines) < SKEW)
    edges, quads, misshapen = edges[kept], quads[kept], misshapen[kept]
    if not len(edges):
        return None
    contrasts, past = [], []
    for lines, side, first, last, axis in (
        (rows, 0, 0, 1, 0),
        (rows, 1, 3, 2, 0),
        (columns, 2, 0, 3, 1),
        (columns, 3, 1, 2, 1),
    ):
        index, start, end = edges[:, side], quads[:, first, axis], quads[:, last, axis]
        long = end - start
        contrasts.append(lines.contrast(index, start + CORNER * long, end - CORNER * long))
        past += [
            lines.contrast(index, start - BEYOND * long, start),
            lines.contrast(index, end, end + BEYOND * long),
        ]
    contrast = np.array(contrasts)
    scores = EVEN * contrast.mean(axis=0) + (1 - EVEN) * contrast.min(axis=0)
    scores -= PAST * np.mean(past, axis=0) + SHAPE * (misshapen / MISSHAPEN) ** 2
    best = int(scores.argmax())
    if scores[best] < CONTOUR or contrast[:, best].min() < WEAKEST:
        return None
    return quads[best], float(scores[best])


def _plausible(rows: _Lines, columns: _Lines) -> Indices:
    """Upper, lower, left and right edge of every page that may carry the face so: n x 4."""
    upper, lower = _pairs(rows)
    left, right = _pairs(columns)
    high, wide = rows.offsets[lower] - rows.offsets[upper], columns.offsets[right] - columns.offsets[left]
    level = -rows.offsets[upper] / high
    by_row = (high > HEIGHTS[0] * UNIT) & (high < HEIGHTS[1] * UNIT) & (level > LEVEL[0]) & (level < LEVEL[1])
    upper, lower, high = upper[by_row], lower[by_row], high[by_row]
    one, other = (each.ravel() for each in np.indices((len(upper), len(left))))
    ratio = wide[other] / high[one]
    inset = np.minimum(-columns.offsets[left], columns.offsets[right])[other] / high[one]
    # Perspective changes the proportions of a page, by no more than these.
    kept = (ratio > 1.15) & (ratio < 1.95) & (inset > INSET[0]) & (inset < INSET[1])
    one, other = one[kept], other[kept]
    return np.stack([upper[one], lower[one], left[other], right[other]], axis=1)


def _pairs(lines: _Lines) -> Indices:
    """Every line before the face with every line behind it, 2 x n."""
    first, last = np.indices((lines.above, len(lines.offsets) - lines.above)).reshape(2, -1)
    return np.stack([first, last + lines.above])


def _corners(rows: _Lines, columns: _Lines, edges: Indices) -> Floats:
    """Where the edges of pages meet, n x 4 x 2."""
    across, along = edges[:, [0, 0, 1, 1]], edges[:, [2, 3, 3, 2]]
    offset, slant = rows.offsets[across], rows.slants[across]
    x = (columns.offsets[along] + columns.slants[along] * offset) / (1 - columns.slants[along] * slant)
    return np.stack([x, offset + slant * x], axis=-1)


def _distortions(corners: Floats, view: _View) -> tuple[Floats, Floats]:
    """How far pages (n x 4 x 2, in pixels of the picture) are from each of `SIZES`, and from right angles.

    Returns:
        Log of the ratio of the proportions, n x 3, and the cosine at the corners, n.
    """
    longer = max(view.width, view.height)
    ratio, cosine = _proportions(corners - (view.width / 2, view.height / 2), FOCAL * longer)
    return np.abs(np.log(ratio)[:, None] - np.log([width / height for width, height in SIZES])), cosine


def _proportions(quads: Floats, focal: float) -> tuple[Floats, Floats]:
    """Width over height of rectangles seen in perspective, and the cosine at their corners.

    By the projection of a square onto a quadrilateral (Heckbert, "Fundamentals of Texture Mapping and Image
    Warping", 1989): with the camera's focal length its first two columns are the rectangle's sides in space.

    Args:
        quads: n x 4 x 2, convex, in pixels from the picture's middle.
        focal: Focal length in pixels.
    """
    first, second, third, fourth = quads.transpose(1, 0, 2)
    one, other, sum_ = second - third, fourth - third, first - second + third - fourth
    area = _cross(one, other)
    g, h = _cross(sum_, other) / area, _cross(one, sum_) / area
    across = np.column_stack([(second - first + g[:, None] * second) / focal, g])
    down = np.column_stack([(fourth - first + h[:, None] * fourth) / focal, h])
    wide, high = np.linalg.norm(across, axis=1), np.linalg.norm(down, axis=1)
    return wide / high, (across * down).sum(axis=1) / (wide * high)


def _cross(first: Floats, second: Floats) -> Floats:
    return np.asarray(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0])


def _refined(picture: Picture, corners: Floats) -> Floats:
    """Each edge of a page moved to the line of most contrast within `REACH`."""
    import cv2

    along = np.linspace(CORNER, 1 - CORNER, SAMPLES)
    across = np.arange(-REACH - FINE, REACH + 2 * FINE, FINE)
    ends = np.arange(1, len(across) - 1)
    places = np.rint(ends[:, None, None] * (1 - along) + ends[None, :, None] * along).astype(int)
    lines = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        x, y = (end - start) / np.linalg.norm(end - start)
        normal = np.array([-y, x])
        points = start + along[:, None, None] * (end - start) + across[:, None] * normal
        at = (points - 0.5).astype(np.float32)
        profile = cv2.remap(picture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        steps = np.pad(profile[:, 2:] - profile[:, :-2], ((0, 0), (1, 1), (0, 0)))
        steps /= np.maximum(np.abs(steps).max(axis=(1, 2), keepdims=True), FAINT)
        share = np.abs(steps[np.arange(SAMPLES), places].mean(axis=2)).max(axis=2)
        first, last = np.unravel_index(int(share.argmax()), share.shape)
        moved = start + across[ends[first]] * normal, end + across[ends[last]] * normal
        lines.append(np.cross(*np.column_stack([moved, (1, 1)])))
    met = np.array([np.cross(lines[index - 1], lines[index]) for index in range(4)])
    return np.asarray(met[:, :2] / met[:, 2:])
