"""The reasons a verdict can give, in words for a person, with what to do where something can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.decision.verdict import Evidence, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.decision.policy import Policy

COARSE_INTER_EYE_PX = 20.0  # error rates begin to rise below this distance between the eyes


def poverty(evidence: Evidence, policy: Policy) -> str | None:
    """Code of why the face is too poor to say by the policy's floors, or None."""
    face = evidence.face
    if face is None:
        return None
    if face.inter_eye_px < policy.min_inter_eye_px:
        return "face_too_small"
    if face.confidence < policy.min_confidence:
        return "face_doubtful"
    if (face.disagreement or 0.0) > policy.max_disagreement:
        return "landmarks_doubtful"
    return None


def explain(about: str, evidence: Evidence, problem: str | None, policy: Policy) -> Iterator[Reason]:
    """All reasons that one photo gives.

    Args:
        about: ``"reference"``, ``"reference 2"`` or ``"probe"``.
        evidence: What was found on it.
        problem: Code of what keeps it from being compared, or None.
        policy: The policy that applies.
    """
    face = evidence.face
    if problem == "no_face":
        yield Reason(problem, about, f"no face was found on the {about}", decisive=True)
    elif problem == "no_face_in_box":
        yield Reason(problem, about, f"no face of the {about} lies in the given box", decisive=True)
    elif problem == "several_faces":
        message = (
            f"the {about} shows {len(evidence.others)} faces of comparable size: "
            "crop the picture, or give the box of the one that is meant"
        )
        yield Reason(problem, about, message, decisive=True)
    elif problem == "face_too_small" and face:
        message = (
            f"on the {about} the eyes are {face.inter_eye_px:.0f} pixels apart and the policy asks for "
            f"{policy.min_inter_eye_px:g}: come closer, or use a larger picture"
        )
        yield Reason(problem, about, message, decisive=True)
    elif problem == "face_doubtful" and face:
        message = (
            f"the detector is not sure that what it found on the {about} is a face "
            f"({face.confidence:.2f}, the policy asks for {policy.min_confidence:g})"
        )
        yield Reason(problem, about, message, decisive=True)
    elif problem == "landmarks_doubtful":
        message = (
            f"eyes, nose and mouth on the {about} can't be told for certain: "
            "use a picture from the front with nobody close beside the face"
        )
        yield Reason(problem, about, message, decisive=True)
    if face is None:
        return
    if problem is None and face.inter_eye_px < COARSE_INTER_EYE_PX:
        message = (
            f"on the {about} the eyes are only {face.inter_eye_px:.0f} pixels apart: "
            "one person's pictures match less often than the error rates say"
        )
        yield Reason("face_small", about, message, decisive=False)
    if evidence.turned:
        message = f"the {about} was turned by {evidence.turned} degrees clockwise to bring the face upright"
        yield Reason("turned", about, message, decisive=False)
    if evidence.others:
        count = len(evidence.others)
        others = "a smaller face" if count == 1 else f"{count} smaller faces"
        yield Reason(
            "other_faces",
            about,
            f"{others} on the {about} {'was' if count == 1 else 'were'} left out",
            decisive=False,
        )
