"""Faces on a photo: found in the whole picture by YuNet, their points placed on a close crop by CenterFace.

Finding is quick on a small picture; the recogniser feels every pixel that a point is off, so the points of
the face that counts are placed again on a crop turned upright and brought to the size that the second network
likes best.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from visavis import geometry
from visavis.faces import centerface, yunet
from visavis.faces.align import CHIP_POINTS, inside, warp
from visavis.faces.face import Face
from visavis.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.geometry import Floats
    from visavis.packs.runtime import Network
    from visavis.photo import Photo

    Pixels = NDArray[np.uint8]

# Longer sides, in pixels, of the pictures in which faces are looked for, until one of them holds a face that
# is large enough to be sure of.
SIDES = (320, 640, 1280)
SURE = 0.7  # score and
SURE_HEIGHT = 32  # height in pixels of a face that makes the next larger picture needless
UPRIGHT = 0.9  # score that nearly every upright face reaches, and hardly any other
UNTURNED = 0.02  # by how much a turned picture must be surer: most pictures are upright
THRESHOLD = 0.5  # score under which nothing is called a face
FRAME = 0.5  # of the longer side, laid around a picture that a face may overfill
OVERFILLED_SIDE = 160

CROP_SIDE = 160  # pixels; of the crop on which points are placed,
CROP_INTER_EYE = 40  # and the distance between the eyes on it
CLOSER_INTER_EYE = 56  # the same where a neighbour confused the first look
NEAR_CENTRE = 0.25  # of the crop's side: further from its middle another face begins
DOUBTFUL = 0.6  # disagreement that calls for further looks, and after them for the finder's points
LOOKS = 3  # at most, each on a crop turned by the points of the one before
SETTLED = 0.2  # disagreement of the placing network with itself under which it sees one face,
MOVED = 0.5  # and how far its middle may then lie from the finder's, in distances between the eyes


@dataclass(frozen=True, slots=True)
class Found:
    """All faces of a photo, largest and most central first.

    `turned` says by how many degrees clockwise the picture was turned to find them upright.
    """

    faces: tuple[Face, ...]
    turned: int


class Detector:
    """Finds faces and places their points. Safe for several threads at once."""

    def __init__(self, finder: Network, placer: Network) -> None:
        self._finder = finder
        self._placer = placer
        middle = (CHIP_POINTS[:2].mean(axis=0) + CHIP_POINTS[3:].mean(axis=0)) / 2
        inter_eye = float(np.linalg.norm(CHIP_POINTS[1] - CHIP_POINTS[0]))
        self._canonical = (CHIP_POINTS - middle) / inter_eye

    def first_look(self, photo: Photo) -> Found | None:
        """The faces on a photo where its smallest picture shows any, as `find` has them if they're doubtful.

        Returns:
            None where it shows none, which `find` may still do.
        """
        side = _sides(photo)[0]
        faces = central_first(self._look(photo.finer(side / max(photo.width, photo.height)), side), photo)
        if not faces:
            return None
        sure = _confidence(faces) >= UPRIGHT and any(_sure(face, photo, side) for face in faces)
        return Found(faces, 0) if sure else self.find(photo)

    def find(self, photo: Photo, *, turned: int | None = None) -> Found:
        """All faces on a photo.

        The photo is looked at in growing sizes until a face is found that leaves no doubt; where none is, it
        is looked at in a frame too (a face may overfill it). A face that lies on its side or upside down gets
        points as if it were upright, but a lower score than any upright one: where the score is low, the
        photo is turned by quarters, and the turn with a surer face is the right one.

        Args:
            photo: The photo.
            turned: By how many degrees clockwise (0, 90, 180, 270) it must be turned, where that is known.
        """
        known = turned or 0
        faces: tuple[Face, ...] = ()
        side = SIDES[0]
        for side in _sides(photo):
            photo = photo.finer(side / max(photo.width, photo.height))
            faces = self._look(photo, side, turned=known) or faces
            if any(_sure(face, photo, side) for face in faces):
                break
        faces = central_first(faces, photo)
        if _confidence(faces) < UPRIGHT:
            framed = central_first(self._look(photo, OVERFILLED_SIDE, frame=FRAME, turned=known), photo)
            faces = max(faces, framed, key=_confidence)
        if turned is not None or _confidence(faces) >= UPRIGHT:
            return Found(faces, known)
        turns = {0: faces}
        for degrees in (90, 180, 270):
            turns[degrees] = central_first(self._look(photo, side, turned=degrees), photo)
        likeliest = max(turns, key=lambda degrees: _confidence(turns[degrees]) + UNTURNED * (degrees == 0))
        return Found(turns[likeliest], likeliest)

    def place(self, photo: Photo, face: Face) -> Face:
        """The same face with its points placed precisely, on a photo decoded at `detail_for` the face.

        Where the placing network strays far from what the finder saw, either may be wrong. The finder draws
        upright points on a face that leans; then the network, on a crop turned by its own points, finds them
        again where they were. Two faces that touch confuse the network; then a closer crop is tried, and
        where that strays too, the finder's points stay. `Face.disagreement` says how far apart the two looks
        are that count in the end, `Face.placed_confidence` how sure the network was in its own.
        """
        placed = self._place(photo, face, CROP_INTER_EYE)
        if _disagreement(placed) > DOUBTFUL:
            again = placed
            for _ in range(LOOKS):
                again = self._place(photo, again, CROP_INTER_EYE)
                if _disagreement(again) < SETTLED:
                    break
            closer = self._place(photo, face, CLOSER_INTER_EYE)
            if _disagreement(again) < SETTLED and _apart(again, face) < MOVED:
                placed = again
            else:
                placed = min(placed, closer, key=_disagreement)
        if _disagreement(placed) > DOUBTFUL:
            placed = replace(
                face, disagreement=placed.disagreement, placed_confidence=placed.placed_confidence
            )
        return replace(placed, inside=inside(photo, placed))

    def _look(self, photo: Photo, side: int, *, frame: float = 0.0, turned: int = 0) -> tuple[Face, ...]:
        """Faces found with the longer side at `side` pixels, in coordinates of the full picture."""
        pixels = np.rot90(photo.pixels, -turned // 90)
        pixels, scale = _fit(pixels, side / (1 + 2 * frame))
        margin = round(frame * max(pixels.shape[:2]))
        canvas = _canvas(pixels, margin)
        height, width = canvas.shape[:2]
        finds = yunet.decode(self._finder(canvas[None]), height, width, threshold=THRESHOLD)
        scale *= photo.scale
        full = photo.width, photo.height
        faces = []
        for box, points, score in zip(finds.boxes, finds.points, finds.scores, strict=True):
            corners = np.array([box[:2], box[:2] + box[2:]])
            corners, points = ((part - margin) / scale for part in (corners, points))  # noqa: PLW2901
            corners, points = (_turn_back(part, turned, *full) for part in (corners, points))  # noqa: PLW2901
            low, high = corners.min(axis=0), corners.max(axis=0)
            first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
            faces.append(
                Face(
                    box=Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])),
                    landmarks=(first, second, third, fourth, fifth),
                    confidence=float(score),
                )
            )
        return tuple(faces)

    def _place(self, photo: Photo, face: Face, inter_eye: int) -> Face:
        """Points by the second network on a crop with `inter_eye` pixels between the eyes."""
        target = self._canonical * inter_eye + CROP_SIDE / 2
        to_crop = geometry.similarity_transform(face.points, target)
        crop = warp(photo, to_crop, CROP_SIDE)
        outputs = self._placer(crop[None])
        near = _near_centre(outputs["heatmap"].shape[-1])
        rows, columns = centerface.peak(outputs["heatmap"][:, 0] * near)
        placed = centerface.decode(outputs, rows, columns)
        points = geometry.apply(geometry.invert(to_crop), placed.points[0])
        apart = np.linalg.norm(points - face.points, axis=1).max()
        first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
        moved = replace(face, landmarks=(first, second, third, fourth, fifth))
        return replace(
            moved,
            disagreement=float(apart / max(moved.inter_eye_px, face.inter_eye_px)),
            placed_confidence=float(placed.scores[0]),
        )


def detail_for(face: Face) -> float:
    """Decoded pixels per pixel of the full picture that placing the points and cutting the chip need."""
    return min(1.0, CROP_INTER_EYE / max(face.inter_eye_px, 1.0))


def central_first(faces: tuple[Face, ...], photo: Photo) -> tuple[Face, ...]:
    """The likeliest to be meant first: by area less twice the squared distance from the middle."""

    def standing(face: Face) -> float:
        x, y = face.box.centre
        return face.box.area - 2 * ((x - photo.width / 2) ** 2 + (y - photo.height / 2) ** 2)

    return tuple(sorted(faces, key=standing, reverse=True))


def _sides(photo: Photo) -> list[int]:
    """The sides to try: nothing is gained above the picture's own size."""
    longer = max(photo.width, photo.height)
    smaller = [side for side in SIDES if side < longer]
    return [*smaller, longer] if longer <= SIDES[-1] else smaller


def _sure(face: Face, photo: Photo, side: int) -> bool:
    scale = min(1.0, side / max(photo.width, photo.height))
    return face.confidence >= SURE and face.box.height * scale >= SURE_HEIGHT


def _confidence(faces: tuple[Face, ...]) -> float:
    return faces[0].confidence if faces else 0.0


def _apart(face: Face, other: Face) -> float:
    """How far the middles of two faces lie apart, in distances between the eyes."""
    middles = face.points.mean(axis=0), other.points.mean(axis=0)
    return float(np.linalg.norm(middles[0] - middles[1])) / max(face.inter_eye_px, other.inter_eye_px)


def _disagreement(face: Face) -> float:
    return face.disagreement or 0.0


@functools.cache
def _near_centre(cells: int) -> NDArray[np.bool_]:
    """Which of `cells` x `cells` lie so near the middle that a face there isn't a neighbour's."""
    y, x = np.ogrid[:cells, :cells]
    near: NDArray[np.bool_] = np.hypot(y + 0.5 - cells / 2, x + 0.5 - cells / 2) < NEAR_CENTRE * cells
    return near


def _fit(pixels: Pixels, side: float) -> tuple[Pixels, float]:
    """The picture with its longer side at most `side` pixels, and the factor it was shrunk by."""
    import cv2

    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels, 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA), scale  # type: ignore[return-value]


def _canvas(pixels: Pixels, margin: int) -> Pixels:
    """The picture inside a black margin, its sides filled up to what the network takes."""
    height, width = (
        -(-(length + 2 * margin) // yunet.MULTIPLE) * yunet.MULTIPLE for length in pixels.shape[:2]
    )
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    canvas[margin : margin + pixels.shape[0], margin : margin + pixels.shape[1]] = pixels
    return canvas


def _turn_back(points: Floats, turned: int, width: int, height: int) -> Floats:
    """Points of a picture turned clockwise by `turned` degrees, on the picture of `width` x `height`."""
    x, y = points[:, 0], points[:, 1]
    if turned == 90:
        return np.stack([y, height - x], axis=1)
    if turned == 180:
        return np.stack([width - x, height - y], axis=1)
    if turned == 270:
        return np.stack([width - y, x], axis=1)
    return points
