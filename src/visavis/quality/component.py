"""One component of face image quality: its name, what was measured, how good that is.

The names are those of ISO/IEC 29794-5:2025 in snake_case. Its clause numbers are taken from the documentation
of ofiqpy, a port of OFIQ; the standard's text was not at hand. The scores are scaled as OFIQ 1.0.3 scales
them, the standard's reference implementation (github.com/BSI-OFIQ/OFIQ-Project).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

STANDARD = {
    "background_uniformity": "7.3.2",
    "illumination_uniformity": "7.3.3",
    "luminance_mean": "7.3.4.2",
    "luminance_variance": "7.3.4.3",
    "under_exposure_prevention": "7.3.5",
    "over_exposure_prevention": "7.3.6",
    "dynamic_range": "7.3.7",
    "sharpness": "7.3.8",
    "no_compression_artefacts": "7.3.9",
    "natural_colour": "7.3.10",
    "single_face_present": "7.4.2",
    "eyes_open": "7.4.3",
    "mouth_closed": "7.4.4",
    "eyes_visible": "7.4.5",
    "mouth_occlusion_prevention": "7.4.6",
    "face_occlusion_prevention": "7.4.7",
    "inter_eye_distance": "7.4.8",
    "head_size": "7.4.9",
    "left_crop": "7.4.10.1",
    "right_crop": "7.4.10.2",
    "margin_above": "7.4.10.3",
    "margin_below": "7.4.10.4",
    "pose_yaw": "7.4.11",
    "pose_pitch": "7.4.11",
    "pose_roll": "7.4.11",
    "expression_neutrality": "7.4.12",
    "no_head_coverings": "7.4.13",
}
"""The standard's components in its order, with their clauses."""

OWN = (
    "estimated_head_size",
    "estimated_margin_above",
    "estimated_margin_below",
    "sharpness_proxy",
    "coarse_detail",
    "grain_prevention",
    "directional_detail",
    "face_on_photo",
    "detection_confidence",
    "placement_confidence",
)
"""Our own: stand-ins for components that need more than five points or trained weights, and what tells more
of false non-matches than the standard's components that can be assessed."""

NAMES = (*STANDARD, *OWN)
"""All components, in the order in which they are always given."""


class FailureToAssess(Exception):  # noqa: N818  # the standard's term
    """A component can't be measured on this face; the text says why."""


@dataclass(frozen=True, slots=True)
class Component:
    """What one component came to.

    Attributes:
        name: One of `NAMES`.
        clause: Clause of ISO/IEC 29794-5:2025; None for our own.
        native: What was measured, in the unit that the component's function states; None where it wasn't.
        score: 0 (severe defect) to 100 (best); None where it wasn't measured.
        problem: Why it couldn't be assessed, or None.
    """

    name: str
    clause: str | None
    native: float | None
    score: float | None
    problem: str | None = None

    def __post_init__(self) -> None:
        if self.problem is not None:
            sound = self.native is None and self.score is None
        else:
            numbers = self.native is not None and self.score is not None
            sound = numbers and math.isfinite(self.native or 0.0) and 0 <= (self.score or 0.0) <= 100
        if not sound:
            raise ValueError(f"a measured component or a failure to assess was expected, found {self}")

    @classmethod
    def measured(cls, name: str, native: float, score: float) -> Component:
        """A component that was measured; the score is clipped to 0 to 100."""
        return cls(name, STANDARD.get(name), float(native), min(100.0, max(0.0, float(score))))

    @classmethod
    def failed(cls, name: str, problem: str) -> Component:
        """A component that couldn't be assessed, and why."""
        return cls(name, STANDARD.get(name), None, None, problem)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, the native value to four digits and the score to one decimal."""
        return {
            "clause": self.clause,
            "native": None if self.native is None else float(f"{self.native:.4g}"),
            "score": None if self.score is None else round(self.score, 1),
            "problem": self.problem,
        }


def sigmoid(x: float, middle: float, width: float) -> float:
    """1 / (1 + e^((middle - x) / width)), 0 to 1, for any finite x."""
    return 0.5 + 0.5 * math.tanh((x - middle) / (2 * width))
