"""What is told of a face beside where it is: points, the turn of the head, how good its picture is.

Nothing is told that would be a guess about the person. What five points and no trained network can't see is
left out too: eyes that are open, a mouth that is covered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.quality.assessed import required
from visavis.quality.profiles import PROFILES
from visavis.quality.unified import NAME
from visavis.service.doors.facepp.errors import Said, bad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from visavis.decision.policy import Policy
    from visavis.faces.face import Face
    from visavis.quality.measure import Quality
    from visavis.quality.profiles import Floor

POINTS = ("left_eye_center", "right_eye_center", "nose_tip", "mouth_left_corner", "mouth_right_corner")
"""Those of Face++'s 83 and 106 points that the detector places, in the order of `faces.face.LANDMARKS`; left
is the picture's left there and here."""

FIELD = "return_attributes"
DECLINED = (
    *("gender", "age", "emotion", "beauty", "ethnicity", "skinstatus", "smiling"),
    *("eyestatus", "mouthstatus", "eyegaze", "glass"),
)
"""Attributes of Face++ that visavis doesn't give: guesses about a person, and what it can't measure."""

PROFILE = PROFILES["selfie"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A face and what it is held against.

    Attributes:
        quality: What was measured of it.
        floors: Least scores: those of the service's policy, where it has none those for a selfie.
        is_fit: Whether it would be compared.
    """

    quality: Quality
    floors: Mapping[str, Floor]
    is_fit: bool

    @classmethod
    def by(cls, policy: Policy, quality: Quality, *, is_fit: bool) -> Judged:
        """Held against what a policy asks of a probe."""
        own = required(policy.quality, policy.floors)
        return cls(quality, {**PROFILE.floors, **({} if own is None else own.floors)}, is_fit)


def headpose(face: Judged) -> dict[str, float] | None:
    """Angles in degrees, six decimals; None where the points don't lie as on a face."""
    found = {}
    for axis in ("pitch", "roll", "yaw"):
        native = face.quality[f"pose_{axis}"].native
        if native is None:
            return None
        found[f"{axis}_angle"] = round(native, 6)
    return found


def facequality(face: Judged) -> dict[str, float] | None:
    """The unified score; 0 where the face would not be compared, or too little of it could be assessed."""
    score = face.quality.score if face.is_fit else None
    return {"value": round(score or 0.0, 3), "threshold": round(face.floors[NAME].score, 3)}


def blur(face: Judged) -> dict[str, dict[str, float]] | None:
    """How far the face is from sharp; None where that can't be assessed."""
    sharp = face.quality["sharpness_proxy"].score
    if sharp is None:
        return None
    threshold = 100 - face.floors["sharpness_proxy"].score
    return {"blurness": {"value": round(100 - sharp, 3), "threshold": round(threshold, 3)}}


GIVEN: Mapping[str, Callable[[Judged], Mapping[str, Any] | None]] = {
    "headpose": headpose,
    "facequality": facequality,
    "blur": blur,
}
KNOWN = (*GIVEN, *DECLINED)


def asked_for(text: str | None, *, refuse: bool) -> tuple[str, ...] | None:
    """The attributes that are asked for and given; None where nobody asks for any.

    Args:
        text: Names with commas between them, or ``none``.
        refuse: Whether to ask for what is never given is an error.

    Raises:
        Said: There is no such attribute, there are too many, or one of them is never given.
    """
    names = [name.strip().lower() for name in (text or "").split(",", len(KNOWN) + 2)]
    names = [name for name in names if name not in ("", "none")]
    if len(names) > len(KNOWN):
        raise Said(400, "TOO_MANY_FACE_ATTRIBUTES")
    if any(name not in KNOWN or (refuse and name in DECLINED) for name in names):
        raise bad(FIELD)
    return tuple(name for name in GIVEN if name in names) if names else None


def attributes(names: tuple[str, ...], face: Judged) -> dict[str, Any]:
    """Those of a face; what can't be assessed on it is left out."""
    found = {name: GIVEN[name](face) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def landmark(face: Face) -> dict[str, dict[str, int]]:
    """The points of a face, in whole pixels."""
    return {name: {"x": round(x), "y": round(y)} for name, (x, y) in zip(POINTS, face.landmarks, strict=True)}
