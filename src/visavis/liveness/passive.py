"""Passive presentation attack detection: what two small networks make of one photo of a face.

One looks at the face closely, the other with more of what is around it. Both were trained by Minivision
(Silent-Face-Anti-Spoofing) to tell live faces from prints and screens held to a camera. What they read is cut
out as they were trained: with the arithmetic of upstream, and with its coarse way to shrink a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.geometry import Box
from visavis.packs.install import require_any
from visavis.packs.runtime import networks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from visavis.faces.face import Face
    from visavis.packs.catalogue import Role
    from visavis.photo import Photo

PACK = "pad"
SCALES: dict[Role, float] = {"pad_close": 2.7, "pad_wide": 4.0}
"""Sides of the crops, in sides of the face's box."""

CROP_SIDE = 80
LIVE = 1
"""The class of live faces; 0 and 2 are attacks."""

MIN_SIDE = CROP_SIDE / SCALES["pad_close"]
"""Pixels that the shorter side of a box needs: with less, the close crop would be blown up."""

MAX_ROLL_DEG = 30.0
"""How far a face may lean: upstream promises nothing beyond (its README, "Before test you must know")."""


@dataclass(frozen=True, slots=True)
class Crop:
    """Where a crop lies on a picture, in whole pixels, its last column and row included.

    Attributes:
        left: First column.
        top: First row.
        right: Last column.
        bottom: Last row.
        scale: Sides of the crop in sides of the box: less than was asked where the picture is too small.
        shifted: Whether it was moved to lie inside the picture.
    """

    left: int
    top: int
    right: int
    bottom: int
    scale: float
    shifted: bool


@dataclass(frozen=True, slots=True)
class Passive:
    """What the networks made of a face.

    Attributes:
        score: The mean over the networks of the probability that the face is live, 0 to 1. It is no
            probability of anything outside of the pictures that the networks were trained on.
        probabilities: Of the three classes, by network: the second is a live face, the others are attacks.
        notes: What was not as the networks like it, such as a crop that would have left the picture.
    """

    score: float
    probabilities: Mapping[str, tuple[float, float, float]]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain data, numbers rounded to what they can carry."""
        return {
            "score": round(self.score, 4),
            "probabilities": {
                name: [round(each, 4) for each in classes] for name, classes in self.probabilities.items()
            },
            "notes": list(self.notes),
        }


class PassiveDetector:
    """Looks at faces with the networks of the pack `pad`; safe for several threads at once."""

    def __init__(self, *, threads: int | None = None, device: str = "cpu") -> None:
        """Load the pack.

        Args:
            threads: How many threads a call may use inside the networks; as many as the process has cores by
                default.
            device: On what the networks run, ``"cpu"`` or ``"cuda"``.

        Raises:
            PackError: The pack isn't installed or is damaged, or can't run on that device.
        """
        installed = require_any(PACK)
        self.fingerprint = installed.fingerprint
        self._networks = networks(installed.model, SCALES, threads=threads, device=device)

    def look(self, photo: Photo, face: Face) -> Passive:
        """What the networks make of a face.

        Args:
            photo: The photo, decoded at any scale.
            face: A face on it that `unfit` has nothing against.

        Raises:
            ValueError: The face is unfit.
            PhotoError: The photo can't be decoded at the scale that is needed.
        """
        if problem := unfit(photo, face):
            raise ValueError(problem)
        # Decoding at a smaller scale averages, and so takes the pattern of a print or a screen away.
        photo = photo.finer(1.0)
        height, width = photo.pixels.shape[:2]
        corner_and_size = (face.box.x, face.box.y, face.box.width, face.box.height)
        box = Box(*(value * photo.scale for value in corner_and_size))
        probabilities: dict[str, tuple[float, float, float]] = {}
        notes: list[str] = []
        for role, network in self._networks.items():
            place = crop_place(box, SCALES[role], width, height)
            probabilities[role] = _softmax(network(cut(photo.pixels, place)[None])["logits"][0])
            notes += _notes(role, place)
        if photo.scale < 1:
            notes.append("the photo was decoded at less than full size")
        score = float(np.mean([classes[LIVE] for classes in probabilities.values()]))
        return Passive(score, probabilities, tuple(notes))


def unfit(photo: Photo, face: Face) -> str | None:
    """Why the networks can say nothing about a face, in a sentence, or None where they can."""
    side = min(face.box.width, face.box.height)
    if side < MIN_SIDE:
        return f"the face is too small: {side:.0f} pixels of the {MIN_SIDE:.0f} that it takes"
    x, y = face.box.centre
    if not (0 <= x < photo.width and 0 <= y < photo.height):
        return "the middle of the face lies outside the photo"
    if abs(face.roll_deg) > MAX_ROLL_DEG:
        return f"the face leans by more than {MAX_ROLL_DEG:.0f} degrees"
    return None


def crop_place(box: Box, scale: float, width: int, height: int) -> Crop:
    """Where upstream cuts (`src/generate_patches.py`), with the corners it truncates to whole pixels.

    Args:
        box: The face, in pixels of the picture, of no size 0.
        scale: Sides of the crop, in sides of the box.
        width: Width of the picture in pixels.
        height: Its height.
    """
    scale = min(scale, (height - 1) / box.height, (width - 1) / box.width)
    (x, y), half_width, half_height = box.centre, box.width * scale / 2, box.height * scale / 2
    left, right, moved_x = _shift_inside(x - half_width, x + half_width, width - 1)
    top, bottom, moved_y = _shift_inside(y - half_height, y + half_height, height - 1)
    return Crop(left, top, right, bottom, scale, moved_x or moved_y)


def cut(pixels: NDArray[np.uint8], place: Crop) -> NDArray[np.uint8]:
    """A crop, stretched to a square by bilinear interpolation without averaging, as upstream does it.

    Args:
        pixels: The picture, height x width x 3, RGB.
        place: Where to cut it.

    Returns:
        80 x 80 x 3, RGB.
    """
    import cv2

    part = pixels[place.top : place.bottom + 1, place.left : place.right + 1]
    return cv2.resize(part, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _shift_inside(low: float, high: float, last: int) -> tuple[int, int, bool]:
    """Both ends in whole pixels, moved to lie between 0 and `last`: against the left end first."""
    moved = low < 0 or high > last
    if low < 0:
        low, high = 0.0, high - low
    if high > last:
        low, high = low - (high - last), float(last)
    return int(low), int(high), moved


def _notes(role: Role, place: Crop) -> list[str]:
    """What became of a crop that would have left the picture."""
    name, notes = f"the {role.removeprefix('pad_')} crop", []
    if place.scale < SCALES[role]:
        notes.append(f"{name} was shrunk from {SCALES[role]} to {place.scale:.2f} times the face")
    if place.shifted:
        notes.append(f"{name} was moved to lie inside the photo")
    return notes


def _softmax(logits: NDArray[np.float32]) -> tuple[float, float, float]:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    first, second, third = (float(each) for each in powers / powers.sum())
    return first, second, third
