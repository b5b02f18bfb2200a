"""Whether a live person stood before the camera: the answer, and what it rests on.

It stands beside a verdict and never inside its decision: a presentation attack may well be a match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from visavis.errors import PhotoError
from visavis.liveness.passive import PACK, unfit

if TYPE_CHECKING:
    from visavis.faces.face import Face
    from visavis.liveness.passive import Passive, PassiveDetector
    from visavis.photo import Photo

Outcome = Literal["live", "attack", "not assessed"]


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether the face on a photo is a live one.

    Attributes:
        outcome: ``"live"``, ``"attack"`` where the score is below the threshold, or ``"not assessed"``.
        score: As in `Passive`; None where nothing was assessed.
        threshold: From which score on a face counts as live, 0 to 1; None where nothing was assessed.
        why: What the outcome rests on, in one sentence, with what to do where something can be done.
        passive: What the networks made of the photo; None where they didn't see it.
    """

    outcome: Outcome
    score: float | None
    threshold: float | None
    why: str
    passive: Passive | None

    def to_dict(self) -> dict[str, Any]:
        """As plain data, the score rounded to what it can carry."""
        return {
            "outcome": self.outcome,
            "score": None if self.score is None else round(self.score, 4),
            "threshold": self.threshold,
            "why": self.why,
            "passive": None if self.passive is None else self.passive.to_dict(),
        }


def assess(
    photo: Photo, face: Face | None, detector: PassiveDetector | None, *, threshold: float
) -> Liveness:
    """Judge the face on a photo by its passive score.

    Args:
        photo: The photo, decoded at any scale.
        face: The face on it that counts, or None.
        detector: What looks at it, or None where its pack isn't installed.
        threshold: From which score on a face counts as live, 0 to 1.
    """
    if detector is None:
        return _not_assessed(f"the pack '{PACK}' is not installed: visavis packs install {PACK} brings it")
    if face is None:
        return _not_assessed("there is no face to look at")
    if problem := unfit(photo, face):
        return _not_assessed(problem)
    try:
        passive = detector.look(photo, face)
    except PhotoError as error:
        return _not_assessed(f"the photo can't be decoded at full size: {error}")
    live = passive.score >= threshold
    return Liveness(
        outcome="live" if live else "attack",
        score=passive.score,
        threshold=threshold,
        why=f"the score {'reaches' if live else 'is below'} the threshold",
        passive=passive,
    )


def _not_assessed(why: str) -> Liveness:
    return Liveness("not assessed", None, None, why, None)
