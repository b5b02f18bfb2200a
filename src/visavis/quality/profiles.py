"""Which scores a picture should reach for what it is meant for.

OFIQ and ISO/IEC 29794-5:2025 give scales and no floors. Where a floor follows from a requirement of another
standard or from a constant of visavis, its reason says so; that for the unified score was counted (see
`quality.unified`); all others are our judgement.

No profile has a floor for under-exposure prevention, luminance variance or dynamic range, and that for the
mean luminance refuses only a face that is nearly black: these scores follow the skin as much as the light
(see `quality.exposure`), and a floor that most light faces reach would turn away people with dark skin whose
picture is well lit. None has a floor for the estimated margins either: OFIQ's best head size leaves less room
than its scales of the margins ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.faces.choose import RIVAL
from visavis.faces.detect import CROP_INTER_EYE
from visavis.quality.advice import GUIDES, advice_for
from visavis.quality.component import sigmoid
from visavis.quality.pose import VARIED_ERROR_95_DEG, pose_score
from visavis.quality.unified import NAME, shipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.quality.component import Component
    from visavis.quality.measure import Quality

OURS = "our judgement"


@dataclass(frozen=True, slots=True)
class Floor:
    """The least score of a component, 0 to 100, and where it comes from."""

    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What a picture is meant for.

    Attributes:
        name: ``"selfie"``, ``"document_portrait"`` or ``"icao_portrait"``.
        floors: By the component's name, or for the unified score by its; the others may have any score.
    """

    name: str
    floors: Mapping[str, Floor]


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A component whose score lies below its floor, and what to do about it."""

    component: Component
    floor: float
    advice: str


def _turned(axis: str, degrees: float, reason: str) -> Floor:
    """A floor for an angle; our error comes on top so that few are refused for it."""
    return Floor(
        pose_score(degrees + VARIED_ERROR_95_DEG[axis]), f"{reason}, and the error of five points on top"
    )


def _apart(pixels: float, reason: str) -> Floor:
    """A floor for the distance between the eyes."""
    return Floor(100 * sigmoid(pixels, 70, 20), f"{pixels:g} pixels: {reason}")


def _unified(profile: str) -> Floor:
    """A floor for the unified score."""
    floor = shipped().floors[profile]
    return Floor(
        floor.score,
        f"of pictures just there {100 * floor.missed:g} in 100 genuine comparisons were missed, counted by "
        "benchmarks/quality_score.py; how many may be is our judgement",
    )


NO_RIVAL = Floor(100 * (1 - RIVAL**2), "no second face that could be the one that is meant (faces.choose)")
NOT_BLACK = Floor(2.0, f"{OURS}: refuses a face that is nearly black; dark skin passes")
COLOURED = Floor(
    50.0, f"{OURS}: refuses strong tints and pictures without colour; any skin in white light passes"
)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "selfie",
            {
                NAME: _unified("selfie"),
                "illumination_uniformity": Floor(50.0, f"{OURS}: the cheeks have a tenth in common"),
                "luminance_mean": NOT_BLACK,
                "over_exposure_prevention": Floor(10.0, f"{OURS}: a tenth of the face may be burnt out"),
                "natural_colour": COLOURED,
                "single_face_present": NO_RIVAL,
                "inter_eye_distance": _apart(
                    CROP_INTER_EYE, "as many as the detector places its points on (faces.detect)"
                ),
                "left_crop": Floor(10.0, f"{OURS}: the cheek is there, the ear need not be"),
                "right_crop": Floor(10.0, f"{OURS}: the cheek is there, the ear need not be"),
                "pose_yaw": _turned("yaw", 20, f"20 degrees: {OURS}"),
                "pose_pitch": _turned("pitch", 20, f"20 degrees: {OURS}"),
                "pose_roll": _turned("roll", 25, f"25 degrees: {OURS}"),
                "sharpness_proxy": Floor(25.0, f"{OURS}: a blur of about a twentieth of the eye distance"),
            },
        ),
        Profile(
            "document_portrait",
            {
                NAME: _unified("document_portrait"),
                "illumination_uniformity": Floor(
                    40.0, f"{OURS}: lower than for a selfie, for glare and print"
                ),
                "luminance_mean": NOT_BLACK,
                "over_exposure_prevention": Floor(5.0, f"{OURS}: a fifth of the face may lie under glare"),
                "single_face_present": NO_RIVAL,
                "inter_eye_distance": _apart(25, f"{OURS}: small portraits are small"),
                "pose_yaw": _turned("yaw", 15, f"15 degrees: {OURS}"),
                "pose_pitch": _turned("pitch", 15, f"15 degrees: {OURS}"),
                "pose_roll": _turned("roll", 20, f"20 degrees: {OURS}; the page may lie askew"),
                "sharpness_proxy": Floor(10.0, f"{OURS}: print is soft"),
            },
        ),
        Profile(
            "icao_portrait",
            {
                NAME: _unified("icao_portrait"),
                "illumination_uniformity": Floor(60.0, f"{OURS}: the cheeks have a fifth in common"),
                "luminance_mean": NOT_BLACK,
                "over_exposure_prevention": Floor(33.0, f"{OURS}: a fiftieth of the face may be burnt out"),
                "natural_colour": COLOURED,
                "single_face_present": Floor(95.0, f"nobody else (ICAO Doc 9303); how small is {OURS}"),
                "inter_eye_distance": _apart(90, "ISO/IEC 19794-5:2005, full frontal"),
                "left_crop": Floor(50.0, f"the middle of OFIQ's scale; {OURS}"),
                "right_crop": Floor(50.0, f"the middle of OFIQ's scale; {OURS}"),
                "pose_yaw": _turned("yaw", 5, "5 degrees (ISO/IEC 19794-5:2011)"),
                "pose_pitch": _turned("pitch", 5, "5 degrees (ISO/IEC 19794-5:2011)"),
                "pose_roll": _turned("roll", 8, "8 degrees (ISO/IEC 19794-5:2011)"),
                "estimated_head_size": Floor(
                    20.0,
                    f"70 to 80 % from chin to crown (ICAO Doc 9303), eyes half way; how far off is {OURS}",
                ),
                "sharpness_proxy": Floor(50.0, f"{OURS}: no blur that can be seen at this size"),
            },
        ),
    )
}
"""The profiles there are, by name."""


def shortfalls(quality: Quality, profile: Profile) -> tuple[Shortfall, ...]:
    """What falls short of a profile, the unified score first, then in the order of the components.

    What wasn't assessed doesn't.
    """
    found = []
    for component in (quality.unified, *quality.components):
        floor = profile.floors.get(component.name)
        if floor is None or component.score is None or component.score >= floor.score:
            continue
        advice = _advice_for_all(quality) if component.name == NAME else advice_for(component)
        found.append(Shortfall(component, floor.score, advice or GUIDES[component.name].advice))
    return tuple(found)


def not_assessed(quality: Quality, profile: Profile) -> tuple[Component, ...]:
    """The components that a profile has floors for and that couldn't be assessed, each with its reason."""
    return tuple(
        component
        for component in (quality.unified, *quality.components)
        if component.name in profile.floors and component.problem is not None
    )


def _advice_for_all(quality: Quality) -> str | None:
    """What would raise the unified score most."""
    advice = (advice_for(component) for component, _ in shipped().losses(quality.components))
    return next((each for each in advice if each is not None), None)
