"""All components of one face, in one order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.quality import colour, exposure, framing, pose, sharpness, unified
from visavis.quality.aligned import align_face, transform_of
from visavis.quality.component import NAMES, Component, FailureToAssess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from visavis.faces.face import Face
    from visavis.geometry import Floats
    from visavis.photo import Photo
    from visavis.quality.aligned import AlignedFace

NEEDS_CHIN = "it needs the chin, and five points have none"
NEEDS_WEIGHTS = "it needs a trained network that visavis doesn't have"

NEVER = {
    "background_uniformity": NEEDS_WEIGHTS,
    "sharpness": NEEDS_WEIGHTS,
    "no_compression_artefacts": NEEDS_WEIGHTS,
    "eyes_open": "it needs the eyelids, and five points have none",
    "mouth_closed": "it needs the lips, and five points have none",
    "eyes_visible": NEEDS_WEIGHTS,
    "mouth_occlusion_prevention": NEEDS_WEIGHTS,
    "face_occlusion_prevention": NEEDS_WEIGHTS,
    "head_size": NEEDS_CHIN,
    "margin_above": NEEDS_CHIN,
    "margin_below": NEEDS_CHIN,
    "expression_neutrality": "visavis doesn't judge expressions",
    "no_head_coverings": NEEDS_WEIGHTS,
}
"""What is never assessed, and why."""


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of one face on one photo.

    Attributes:
        components: All of `NAMES` in their order, whether they could be assessed or not.
    """

    components: tuple[Component, ...]

    def __getitem__(self, name: str) -> Component:
        """The component of this name, or the unified score; any other name is a `KeyError`."""
        if name == unified.NAME:
            return self.unified
        for component in self.components:
            if component.name == name:
                return component
        raise KeyError(name)

    @property
    def scores(self) -> tuple[float | None, ...]:
        """The scores, 0 to 100, in the order of `NAMES`; None where not assessed."""
        return tuple(component.score for component in self.components)

    @property
    def unified(self) -> Component:
        """All of it in one number, or why there is none: see `unified.Unified.assess`."""
        return unified.shipped().assess(self.components)

    @property
    def score(self) -> float | None:
        """The unified score, 0 to 100; None where too little could be assessed."""
        return self.unified.score

    def to_dict(self) -> dict[str, Any]:
        """As plain data, by name, the unified score first."""
        return {each.name: each.to_dict() for each in (self.unified, *self.components)}


def measure(photo: Photo, face: Face, others: Sequence[Face] = ()) -> Quality:
    """Measure all components of one face. It never fails: what can't be measured says why.

    Args:
        photo: Decoded at `faces.detect.detail_for(face)` or finer.
        face: The face, in pixels of the full-size picture.
        others: All other faces of the photo.
    """
    subject = _Subject(photo, face, others)
    return Quality(tuple(_assess(name, subject) for name in NAMES))


def measured(names: Iterable[str], photo: Photo, face: Face) -> Iterator[Component]:
    """Measure some components of one face that is alone, for whoever needs them at once.

    Args:
        names: Of `MEASURES`.
        photo: As for `measure`.
        face: As for `measure`.
    """
    subject = _Subject(photo, face, ())
    return (_assess(name, subject) for name in names)


class _Subject:
    """One face, with what several components need worked out once."""

    def __init__(self, photo: Photo, face: Face, others: Sequence[Face]) -> None:
        self.photo = photo
        self.face = face
        self.others = others

    @cached_property
    def placed(self) -> Face:
        """The face, whose points lie as on a face."""
        transform_of(self.face)
        return self.face

    @cached_property
    def pose(self) -> pose.Pose:
        return pose.pose_of(self.placed.points)

    @cached_property
    def aligned(self) -> AlignedFace:
        return align_face(self.photo, self.face)

    @cached_property
    def detail(self) -> sharpness.Detail:
        return sharpness.detail_of(self.aligned)

    @cached_property
    def luminance(self) -> NDArray[np.uint8]:
        return exposure.luminance(self.aligned.pixels)

    @cached_property
    def levels(self) -> Floats:
        return exposure.shares(self.luminance[self.aligned.middle])


MEASURES: Mapping[str, Callable[[_Subject], Component]] = {
    "illumination_uniformity": lambda s: exposure.illumination_uniformity(
        *(exposure.shares(s.luminance[cheek]) for cheek in s.aligned.cheeks)
    ),
    "luminance_mean": lambda s: exposure.luminance_mean(s.levels),
    "luminance_variance": lambda s: exposure.luminance_variance(s.levels),
    "under_exposure_prevention": lambda s: exposure.under_exposure_prevention(s.levels),
    "over_exposure_prevention": lambda s: exposure.over_exposure_prevention(s.levels),
    "dynamic_range": lambda s: exposure.dynamic_range(s.levels),
    "natural_colour": lambda s: colour.natural_colour(
        np.concatenate([s.aligned.pixels[cheek] for cheek in s.aligned.cheeks])
    ),
    "single_face_present": lambda s: framing.single_face_present(s.face, s.others),
    "inter_eye_distance": lambda s: framing.inter_eye_distance(s.placed, s.pose.yaw_deg),
    "left_crop": lambda s: framing.left_crop(s.placed),
    "right_crop": lambda s: framing.right_crop(s.placed, s.photo.width),
    "pose_yaw": lambda s: pose.pose_yaw(s.pose),
    "pose_pitch": lambda s: pose.pose_pitch(s.pose),
    "pose_roll": lambda s: pose.pose_roll(s.pose),
    "estimated_head_size": lambda s: framing.estimated_head_size(s.placed, s.photo.height),
    "estimated_margin_above": lambda s: framing.estimated_margin_above(s.placed),
    "estimated_margin_below": lambda s: framing.estimated_margin_below(s.placed, s.photo.height),
    "sharpness_proxy": lambda s: sharpness.sharpness_proxy(s.aligned),
    "coarse_detail": lambda s: sharpness.coarse_detail(s.detail),
    "grain_prevention": lambda s: sharpness.grain_prevention(s.detail),
    "directional_detail": lambda s: sharpness.directional_detail(s.detail),
    "face_on_photo": lambda s: framing.face_on_photo(s.face),
    "detection_confidence": lambda s: framing.detection_confidence(s.face),
    "placement_confidence": lambda s: framing.placement_confidence(s.face),
}
"""How each component that is assessed is measured."""


def _assess(name: str, subject: _Subject) -> Component:
    if name in NEVER:
        return Component.failed(name, NEVER[name])
    try:
        return MEASURES[name](subject)
    except FailureToAssess as failure:
        return Component.failed(name, str(failure))
