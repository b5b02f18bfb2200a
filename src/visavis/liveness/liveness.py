"""Whether a live person was before the camera: what one picture and the answer to a challenge come to.

It stands beside a verdict and never inside its similarity: a presentation attack may well be a match.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from visavis.decision.verdict import Liveness
from visavis.errors import PhotoError
from visavis.liveness.check import passive_threshold
from visavis.liveness.passive import PACK, unfit

if TYPE_CHECKING:
    from visavis.decision.verdict import Outcome
    from visavis.faces.face import Face
    from visavis.liveness.active import Active
    from visavis.liveness.passive import PassiveDetector
    from visavis.photo import Photo


def assess(
    photo: Photo,
    face: Face | None,
    detector: PassiveDetector | None,
    *,
    threshold: float | None = None,
    active: Active | None = None,
) -> Liveness:
    """Judge a photo by its passive score, and the person by their answer to a challenge where there is one.

    Either can show an attack. Where a challenge was answered, only the answer can show a live person.

    Args:
        photo: The photo, decoded at any scale.
        face: The face on it that counts, or None.
        detector: What looks at it, or None where its pack isn't installed.
        threshold: From which passive score on a face counts as live, 0 to 1; that which ships with visavis by
            default.
        active: What the frames that answer a challenge came to, or None without a challenge.
    """
    picture = _picture(photo, face, detector, passive_threshold() if threshold is None else threshold)
    return picture if active is None else _together(picture, active)


def _picture(photo: Photo, face: Face | None, detector: PassiveDetector | None, threshold: float) -> Liveness:
    """What the networks say of the picture alone."""
    if detector is None:
        return Liveness.not_assessed(
            f"the pack '{PACK}' is not installed: visavis packs install {PACK} brings it"
        )
    if face is None:
        return Liveness.not_assessed("there is no face to look at")
    if problem := unfit(photo, face):
        return Liveness.not_assessed(problem)
    try:
        passive = detector.look(photo, face)
    except PhotoError as error:
        return Liveness.not_assessed(f"the photo can't be decoded at full size: {error}")
    live = passive.score >= threshold
    outcome: Outcome = "live" if live else "attack"
    return Liveness(
        outcome=outcome,
        score=passive.score,
        threshold=threshold,
        why=f"the score of the picture {'reaches' if live else 'is below'} the threshold",
        passive={"outcome": outcome, "threshold": threshold, **passive.to_dict()},
    )


def _together(picture: Liveness, active: Active) -> Liveness:
    """The picture and the answer: the first attack counts, then whether the answer was assessed."""
    answer = active.to_dict()
    if picture.outcome == "attack":
        return replace(picture, active=answer)
    beside = "" if picture.score is not None else f"; the picture alone was not assessed: {picture.why}"
    if active.outcome == "not assessed":
        why = f"the answer to the challenge could not be assessed: {active.why}{beside}"
        return Liveness("not assessed", None, None, why, picture.passive, answer)
    if active.outcome == "live" and active.template is None:
        why = f"no frame of the answer shows a face that can be compared with the picture{beside}"
        return Liveness("not assessed", None, None, why, picture.passive, answer)
    why = f"the answer to the challenge: {active.why}{beside}"
    return Liveness(active.outcome, active.score, active.threshold, why, picture.passive, answer)
