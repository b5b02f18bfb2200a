"""What was seen on the frames of an answer, frame by frame: what all checks look at.

Every challenge begins with a look straight ahead. How the face lies then and how it lies on another frame
tells how the head was turned and whether it came closer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from visavis import geometry
from visavis.faces.align import warp
from visavis.liveness.tracking import PLANE, Look, followed
from visavis.quality.aligned import POINTS, transform_of
from visavis.quality.component import FailureToAssess
from visavis.quality.exposure import linear
from visavis.quality.pose import pose_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from visavis.faces.face import Face
    from visavis.geometry import Floats
    from visavis.liveness.challenge import Challenge, Step
    from visavis.liveness.tracking import Moved
    from visavis.photo import Photo

REACTION_MS = 500.0
"""How long a person may take to finish what the step before asked for."""

LATE_MS = 350.0
"""How long after the end of a step its movement may still be under way."""

SETTLED_MS = 250.0
"""How long a screen and a camera may take until a colour stands on the face."""

THUMBNAIL = 64

# The face as the light on it is measured: 64 x 64 with 22.6 pixels between the eyes, in cells of 4 x 4.
LIGHT_SIDE, CELLS = 64, 16
LIGHT_POINTS: Floats = POINTS * 0.2 + np.array([6.4, 14.0])
BURNT = 249  # from the next level on a pixel doesn't say how light it is
MOST_BURNT = 0.2  # share of such pixels in a cell
LINEAR: Floats = linear(np.arange(256) / 255)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One frame.

    Attributes:
        at_ms: When it was taken, in milliseconds since the first step began.
        sha256: Digest of its bytes.
        thumbnail: 64 x 64, its brightness, averaged, 0 to 255.
        points: The five landmarks, 5 x 2, in pixels of the full frame; None without a face.
        look: The face at one place and size, for following its texture; None without a face.
        light: 16 x 16 x 3, mean linear light of the parts of the face, R, G, B, 0 to 1, not a number where a
            part is burnt out; None without a face.
    """

    at_ms: float
    sha256: str
    thumbnail: NDArray[np.float32]
    points: Floats | None
    look: Look | None
    light: Floats | None

    @classmethod
    def of(cls, at_ms: float, photo: Photo, face: Face | None) -> Seen:
        """What a frame shows.

        Args:
            at_ms: When it was taken.
            photo: The frame.
            face: The face on it, its points placed; None without one.
        """
        points = None if face is None else _plausible(face)
        return cls(
            at_ms=at_ms,
            sha256=photo.sha256,
            thumbnail=_thumbnail(photo),
            points=points,
            look=None if points is None else Look.at(photo, points),
            light=None if points is None else _light(photo, points),
        )


@dataclass(frozen=True, eq=False)
class Watched:
    """All frames of an answer beside the challenge.

    Attributes:
        challenge: What was asked.
        seen: The frames by rising time, at least one of the first step with a face.
    """

    challenge: Challenge
    seen: Sequence[Seen]

    @cached_property
    def at_ms(self) -> Floats:
        """Times, n."""
        return np.array([each.at_ms for each in self.seen], dtype=np.float64)

    @cached_property
    def found(self) -> NDArray[np.bool_]:
        """Whether there is a face, n."""
        return np.array([each.points is not None for each in self.seen])

    @cached_property
    def points(self) -> Floats:
        """Landmarks, n x 5 x 2; not a number where there is no face."""
        nowhere = np.full((5, 2), np.nan)
        return np.array([nowhere if each.points is None else each.points for each in self.seen])

    @cached_property
    def yaw_deg(self) -> Floats:
        """Turn to the person's left against the straight look, n; smoothed over three frames."""
        poses = [None if each.points is None else pose_of(each.points) for each in self.seen]
        yaw = np.array([np.nan if pose is None else pose.yaw_deg for pose in poses])
        return _median_of_three(yaw - np.nanmedian(yaw[self.during(self.challenge.steps[0])]))

    @cached_property
    def straight(self) -> Floats:
        """Where the points lie in the straight look, 5 x 2, around their middle, 1 between the eyes."""
        chosen = self.during(self.challenge.steps[0]) & self.found
        mean = np.array([_upright(points) for points in self.points[chosen]]).mean(axis=0)
        unit: Floats = mean / np.linalg.norm(mean[1] - mean[0])
        return unit

    @cached_property
    def scale(self) -> Floats:
        """How much larger the face is than in the straight look, n; what a turn narrows doesn't count."""
        scale = np.array(
            [np.nan if each.points is None else _scale(self.straight, each.points) for each in self.seen]
        )
        return _median_of_three(scale / np.nanmedian(scale[self.during(self.challenge.steps[0])]))

    def during(self, step: Step, *, after_ms: float = 0.0, late_ms: float = 0.0) -> NDArray[np.bool_]:
        """Which frames belong to a step.

        Args:
            step: The step.
            after_ms: How much of its beginning is left out.
            late_ms: How much of what follows is taken in.
        """
        within: NDArray[np.bool_] = (self.at_ms >= step.from_ms + after_ms) & (
            self.at_ms < step.until_ms + late_ms
        )
        return within

    @cached_property
    def straightest(self) -> int:
        """The frame of the first step that looks most straight ahead."""
        first = np.flatnonzero(self.during(self.challenge.steps[0]) & self.found)
        return int(first[np.argmin(np.abs(self.yaw_deg[first]))])

    def moved(self, frame: int) -> Moved | None:
        """How the face moved from the straightest look to another frame; None where it can't be followed."""
        straight, look = self.seen[self.straightest].look, self.seen[frame].look
        return None if straight is None or look is None else followed(straight, look)


def _scale(straight: Floats, points: Floats) -> float:
    """How much larger the plane is than in `straight`: the long axis of what a circle on it became."""
    here = np.column_stack([straight[PLANE], np.ones(4)])
    affine, *_ = np.linalg.lstsq(here, points[PLANE], rcond=None)
    return float(np.linalg.svd(affine[:2], compute_uv=False)[0])


def _upright(points: Floats) -> Floats:
    """Points around the middle of the plane, turned upright, at size 1."""
    spread = points - points[PLANE].mean(axis=0)
    down = points[3:].mean(axis=0) - points[:2].mean(axis=0)
    across = np.array([down[1], -down[0]])
    upright = spread @ np.column_stack([across, down]) / np.linalg.norm(down)
    at_size: Floats = upright / np.sqrt((upright[PLANE] ** 2).sum())
    return at_size


def _median_of_three(values: Floats) -> Floats:
    """Each number replaced by the median of it and its neighbours: one that is far off alone disappears."""
    known = np.isfinite(values)
    some = values[known]
    smooth = values.copy()
    if len(some) >= 3:
        middle = np.sort(np.stack([some[:-2], some[1:-1], some[2:]]), axis=0)[1]
        smooth[known] = np.concatenate([some[:1], middle, some[-1:]])
    return smooth


def _plausible(face: Face) -> Floats | None:
    """The face's points where they lie as on a face."""
    try:
        transform_of(face)
    except FailureToAssess:
        return None
    return face.points


def _thumbnail(photo: Photo) -> NDArray[np.float32]:
    import cv2

    grey = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.resize(grey, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)


def _light(photo: Photo, points: Floats) -> Floats:
    """Mean linear light of each cell of the face."""
    chip = warp(photo, geometry.similarity_transform(points, LIGHT_POINTS), LIGHT_SIDE)
    cells = chip.reshape(CELLS, LIGHT_SIDE // CELLS, CELLS, LIGHT_SIDE // CELLS, 3)
    light: Floats = LINEAR[cells].mean(axis=(1, 3))
    light[(cells > BURNT).mean(axis=(1, 3)) > MOST_BURNT] = np.nan
    return light
