"""A frame of the camera -> the one thing that the person should do next, in a few milliseconds.

Nothing is decided by it: a frame gives no template, nothing of it is kept, and nothing recorded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.faces.choose import RIVAL
from visavis.quality.measure import measured
from visavis.quality.profiles import PROFILES
from visavis.service.pages.languages import marked as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.decision.policy import Policy
    from visavis.examiner import Examiner
    from visavis.faces.face import Face
    from visavis.photo import Photo
    from visavis.service.engine import Engine
    from visavis.service.pool import Wanted


HINTS: Mapping[str, str] = {
    "face": _("Bring your face into the oval."),
    "one": _("Only one person, please."),
    "closer": _("Come a little closer."),
    "further": _("Move back a little."),
    "middle": _("Move into the middle of the oval."),
    "straight": _("Look straight into the camera."),
    "chin_up": _("Raise your chin a little."),
    "chin_down": _("Lower your chin a little."),
    "upright": _("Hold your head upright."),
    "light": _("More light on the face, please."),
    "glare": _("Less light, please: parts of the face are too bright."),
    "even": _("Turn towards the light, so that both cheeks are lit."),
    "uncover": _("Show eyes, nose and mouth."),
    "still": _("Hold still."),
    "good": _("Good. Hold still."),
}
"""By code, what the person is told."""

DETAIL = 480
"""Pixels of a frame's longer side that are looked at."""
MOST_BYTES = 2**18
"""Of a frame with what goes with it."""

# Shares of the frame's shorter side, between the eyes. A face before a laptop is 0.15 at 60 cm and 0.10 at
# 90 cm; on the full picture of a camera with 480 lines the last one has 48 pixels between the eyes.
NEAR, FAR = 0.36, 0.10
OFF_MIDDLE = 0.2
"""How far from the middle the face may be, as a share of the shorter side."""
MOVED = 0.04
"""How far it may move from one frame to the next, as a share of the shorter side."""
CONFIDENT = 0.8
"""The placing network's confidence under which something may cover the face: few uncovered faces
of Labeled Faces in the Wild lie below it, and a mask over mouth and nose often does. Sunglasses aren't seen.
"""
HIDDEN = 0.7
"""How far the detectors may differ about a point, in distances between the eyes."""

FLOORS: Mapping[str, tuple[str, str]] = {
    "pose_yaw": ("straight", "straight"),
    "pose_pitch": ("chin_down", "chin_up"),
    "pose_roll": ("upright", "upright"),
    "luminance_mean": ("light", "glare"),
    "over_exposure_prevention": ("glare", "glare"),
    "illumination_uniformity": ("even", "even"),
}
"""Components that are held against the floors of a profile: the hint where the native value lies below the
centre of its scale, and above it."""
CENTRES = {"luminance_mean": 0.5}


@dataclass(frozen=True, slots=True)
class Last:
    """Where the face was on the frame before, in shares of the shorter side."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Guidance:
    """What is said of a frame.

    Attributes:
        hint: One of `HINTS`.
        last: Where the face is, for the next frame; None without one.
    """

    hint: str
    last: Last | None

    @property
    def is_good(self) -> bool:
        """Whether a picture can be taken now."""
        return self.hint == "good"


def guide(engine: Engine, wanted: Wanted, frame: bytes, policy: Policy, last: Last | None) -> Guidance:
    """What to do next.

    Args:
        engine: Its detectors look.
        wanted: Whether somebody waits.
        frame: A picture, small.
        policy: By which a picture will be judged.
        last: Where the face was on the frame before.

    Raises:
        PhotoError: The frame can't be used.
    """
    from visavis.photo import Photo

    wanted.check()
    return guided(engine.verifier.examiner, Photo.open(frame, detail=DETAIL), policy, last)


def guided(examiner: Examiner, photo: Photo, policy: Policy, last: Last | None) -> Guidance:
    """As `guide`, for a photo that was opened."""
    found = examiner.find(photo, turned=0)
    if not found.faces:
        return Guidance("face", None)
    face = found.faces[0]
    side = min(photo.width, photo.height)
    x, y = face.box.centre
    here = Last(x / side, y / side)
    return Guidance(_hint(examiner, photo, found.faces, policy, here=here, last=last), here)


def _hint(
    examiner: Examiner,
    photo: Photo,
    faces: tuple[Face, ...],
    policy: Policy,
    *,
    here: Last,
    last: Last | None,
) -> str:
    face, *others = faces
    side = min(photo.width, photo.height)
    if any(other.box.height >= RIVAL * face.box.height for other in others):
        return "one"
    size = face.inter_eye_px / side
    if size < FAR:
        return "closer"
    if size > NEAR:
        return "further"
    if math.hypot(here.x - photo.width / side / 2, here.y - photo.height / side / 2) > OFF_MIDDLE:
        return "middle"
    face = examiner.place(photo, face)
    doubtful = (face.disagreement or 0.0) > min(HIDDEN, policy.max_disagreement)
    if doubtful or (face.placed_confidence or 0.0) < CONFIDENT or face.confidence < policy.min_confidence:
        return "uncover"
    profile = policy.demanded()[1] or PROFILES["selfie"]
    for component in measured(FLOORS, photo, face):
        floor = profile.floors.get(component.name)
        if floor is None or component.score is None or component.native is None:
            continue
        if component.score < floor.score:
            below, above = FLOORS[component.name]
            return above if component.native > CENTRES.get(component.name, 0.0) else below
    if last is not None and math.hypot(here.x - last.x, here.y - last.y) > MOVED:
        return "still"
    return "good"
