"""What each component is called in plain words, and what a person can do where its score is low.

Left and right are the person's own, on a picture that isn't mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.quality.framing import BEST_HEAD
from visavis.quality.unified import NAME

if TYPE_CHECKING:
    from visavis.quality.component import Component

LIGHT_FROM_FRONT = "let the light come from the front"
CLOSER = "move closer to the camera"
FARTHER = "move away from the camera"
UNCOVERED = "take off what covers the face"


@dataclass(frozen=True, slots=True)
class Guide:
    """How to speak of one component.

    Attributes:
        label: Its name in plain words.
        unit: Unit of the native value, empty where it's a bare number.
        advice: What to do where the score is low.
        centre: The native value above which `above` is the advice; None where there's only one.
        above: What to do where the score is low and the native value lies above `centre`.
    """

    label: str
    unit: str
    advice: str
    centre: float | None = None
    above: str = ""


GUIDES = {
    "background_uniformity": Guide("plain background", "", "stand before a plain wall"),
    "illumination_uniformity": Guide("even light on both cheeks", "", LIGHT_FROM_FRONT),
    "luminance_mean": Guide(
        "brightness of the face",
        "",
        "the face is dark on the picture: turn towards the light, or add some",
        0.5,
        "the face is bright on the picture: use less light, or move out of the sun",
    ),
    "luminance_variance": Guide(
        "contrast of the face",
        "",
        "the face has little contrast: use more light, and wipe the lens",
        1 / 60,
        f"the light is harsh: soften it, and {LIGHT_FROM_FRONT}",
    ),
    "under_exposure_prevention": Guide(
        "face not too dark", "", "large parts of the face are nearly black: add light from the front"
    ),
    "over_exposure_prevention": Guide(
        "face not too bright",
        "",
        "parts of the face are burnt out: use less light, and avoid glare and flash",
    ),
    "dynamic_range": Guide(
        "range of brightness", "bits", "the face shows few shades: use more light, and wipe the lens"
    ),
    "sharpness": Guide("sharpness", "", "hold the camera still and let it focus on the face"),
    "no_compression_artefacts": Guide(
        "no traces of compression", "", "use the picture as the camera saved it"
    ),
    "natural_colour": Guide(
        "natural colour", "", "the light has a tint or the picture no colour: use daylight and no filter"
    ),
    "single_face_present": Guide("one face only", "", "let nobody else be on the picture"),
    "eyes_open": Guide("eyes open", "", "open both eyes"),
    "mouth_closed": Guide("mouth closed", "", "close the mouth"),
    "eyes_visible": Guide("eyes visible", "", "take off what covers the eyes"),
    "mouth_occlusion_prevention": Guide("mouth uncovered", "", "take off what covers the mouth"),
    "face_occlusion_prevention": Guide("face uncovered", "", UNCOVERED),
    "inter_eye_distance": Guide("distance between the eyes", "pixels", f"{CLOSER}, or use a larger picture"),
    "head_size": Guide("size of the head", "of the height", CLOSER, BEST_HEAD, FARTHER),
    "left_crop": Guide(
        "room at the picture's left", "eye distances", "leave more room at the picture's left edge"
    ),
    "right_crop": Guide(
        "room at the picture's right", "eye distances", "leave more room at the picture's right edge"
    ),
    "margin_above": Guide("room above the head", "eye-to-chin distances", "leave more room above the head"),
    "margin_below": Guide("room below the chin", "eye-to-chin distances", "leave more room below the chin"),
    "pose_yaw": Guide(
        "turned to the side",
        "degrees",
        "the head is turned to the right: look straight into the camera",
        0.0,
        "the head is turned to the left: look straight into the camera",
    ),
    "pose_pitch": Guide(
        "turned up or down",
        "degrees",
        "the head is turned up: lower the chin, or raise the camera to the eyes",
        0.0,
        "the head is turned down: raise the chin, or lower the camera to the eyes",
    ),
    "pose_roll": Guide(
        "leaning to one side",
        "degrees",
        "the head leans to the right: hold it and the camera upright",
        0.0,
        "the head leans to the left: hold it and the camera upright",
    ),
    "expression_neutrality": Guide("neutral expression", "", "look calmly into the camera"),
    "no_head_coverings": Guide("head uncovered", "", "take off hat or cap, unless it's worn for faith"),
    "estimated_head_size": Guide("size of the head, estimated", "of the height", CLOSER, BEST_HEAD, FARTHER),
    "estimated_margin_above": Guide(
        "room above the head, estimated", "eye-to-chin distances", "leave more room above the head"
    ),
    "estimated_margin_below": Guide(
        "room below the chin, estimated", "eye-to-chin distances", "leave more room below the chin"
    ),
    "sharpness_proxy": Guide(
        "fine detail", "powers of two", "hold the camera still, let it focus on the face, and wipe the lens"
    ),
    "coarse_detail": Guide(
        "coarse detail", "powers of two", "hold the camera still, let it focus on the face, and come closer"
    ),
    "grain_prevention": Guide(
        "no grain", "powers of two", "use more light, and the picture as the camera saved it"
    ),
    "directional_detail": Guide(
        "detail in every direction",
        "powers of two",
        "hold camera and head still, let the camera focus on the face, and use more light",
    ),
    "face_on_photo": Guide("whole face on the picture", "", "bring the whole face into the picture"),
    "detection_confidence": Guide(
        "face plainly seen", "", "show the whole face plainly: uncovered, straight and in focus"
    ),
    "placement_confidence": Guide(
        "eyes, nose and mouth plainly seen",
        "",
        "show eyes, nose and mouth plainly: uncovered, lit from the front, straight and in focus",
    ),
    NAME: Guide("unified score", "missed", "take a better picture"),
}
"""One for each of `component.NAMES`, and one for the unified score."""


def advice_for(component: Component) -> str | None:
    """What to do where the score of this component is low; None where it wasn't assessed."""
    if component.native is None:
        return None
    guide = GUIDES[component.name]
    if guide.centre is not None and component.native > guide.centre:
        return guide.above
    return guide.advice
