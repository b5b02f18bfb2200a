"""The answer and all that it rests on, without a pixel of either photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from visavis.decision.calibration import Data
from visavis.decision.policy import Policy
from visavis.faces.face import Face

if TYPE_CHECKING:
    from collections.abc import Mapping

Decision = Literal["match", "no_match", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nothing could be decided, or what to keep in mind about what was.

    Attributes:
        code: Stable name, such as ``"no_face"``.
        about: ``"reference"`` or ``"probe"`` (``"reference 2"`` for a further one), or ``"comparison"``.
        message: One sentence for a person, with what to do where something can be done.
        decisive: Whether the verdict is inconclusive because of it.
    """

    code: str
    about: str
    message: str
    decisive: bool

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"code": self.code, "about": self.about, "message": self.message, "decisive": self.decisive}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found on one photo.

    Attributes:
        name: What the caller calls the photo (a file name), or None.
        width: Width of the upright full-size picture in pixels.
        height: Its height.
        format: How it was encoded, ``"JPEG"`` for instance.
        sha256: Digest of the encoded bytes.
        notes: What was done to it on the way, such as turning it by its EXIF orientation.
        turned: By how many degrees clockwise the picture had to be turned for the face to be upright: 0, 90,
            180 or 270.
        face: The face that was compared, or None.
        others: The other faces on the photo.
    """

    name: str | None
    width: int
    height: int
    format: str
    sha256: str
    notes: tuple[str, ...]
    turned: int
    face: Face | None
    others: tuple[Face, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "format": self.format,
            "sha256": self.sha256,
            "notes": list(self.notes),
            "turned": self.turned,
            "face": None if self.face is None else self.face.to_dict(),
            "others": [face.to_dict() for face in self.others],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Evidence:
        """The inverse of `to_dict`."""
        return cls(
            **{
                **data,
                "notes": tuple(data["notes"]),
                "face": None if data["face"] is None else Face.from_dict(data["face"]),
                "others": tuple(Face.from_dict(face) for face in data["others"]),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether two photos show one person, by which measure, and how often that measure errs.

    Attributes:
        decision: ``"match"``, ``"no_match"``, or ``"inconclusive"`` (one of the `reasons` says why).
        similarity: Cosine of the two templates, -1 to 1; higher is more alike. None where nothing fit to
            compare was found: a number that nothing may be decided on is not given.
        fmr: False match rate at this similarity: the share of comparisons of different people that come out
            at least as alike. None where there is no similarity, and where the data can only bound it.
        fmr_upper: One-sided 95 % bound of the false match rate at this similarity.
        threshold: Similarity from which on the policy calls it a match.
        policy: The policy that was applied.
        pack: Name of the pack.
        fingerprint: The pack's fingerprint: which weights, aligned how.
        calibration: The pictures that the error rates were measured on.
        reference: What was found on the reference, the first one where several were given.
        further_references: What was found on the others.
        probe: What was found on the probe.
        reasons: Why it is inconclusive, or what to keep in mind.
        timings_ms: Wall time by stage, in milliseconds.
    """

    decision: Decision
    similarity: float | None
    fmr: float | None
    fmr_upper: float | None
    threshold: float
    policy: Policy
    pack: str
    fingerprint: str
    calibration: Data
    reference: Evidence
    further_references: tuple[Evidence, ...] = ()
    probe: Evidence
    reasons: tuple[Reason, ...]
    timings_ms: Mapping[str, float]

    def __repr__(self) -> str:
        if self.similarity is None:
            return f"<Verdict {self.decision}: {', '.join(reason.code for reason in self.reasons)}>"
        return f"<Verdict {self.decision}: similarity {self.similarity:.3f}, {self.fmr_text}>"

    @property
    def fmr_text(self) -> str:
        """The false match rate at this similarity in words: a number, or the bound that the data gives."""
        if self.fmr is not None:
            return f"FMR {self.fmr:.1e}"
        return "FMR unknown" if self.fmr_upper is None else f"FMR below {self.fmr_upper:.1e}"

    def to_dict(self) -> dict[str, Any]:
        """As plain data, ready for JSON."""
        return {
            "decision": self.decision,
            "similarity": None if self.similarity is None else round(self.similarity, 5),
            "fmr": _significant(self.fmr),
            "fmr_upper": _significant(self.fmr_upper),
            "threshold": round(self.threshold, 5),
            "policy": self.policy.to_dict(),
            "pack": self.pack,
            "fingerprint": self.fingerprint,
            "calibration": {name: getattr(self.calibration, name) for name in Data.__slots__},
            "reference": self.reference.to_dict(),
            "further_references": [evidence.to_dict() for evidence in self.further_references],
            "probe": self.probe.to_dict(),
            "reasons": [reason.to_dict() for reason in self.reasons],
            "timings": {stage: round(ms, 2) for stage, ms in self.timings_ms.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """The inverse of `to_dict`, up to its rounding."""
        plain = {
            name: data[name]
            for name in ("decision", "similarity", "fmr", "fmr_upper", "threshold", "pack", "fingerprint")
        }
        return cls(
            **plain,
            policy=Policy.from_dict(data["policy"]),
            calibration=Data(**data["calibration"]),
            reference=Evidence.from_dict(data["reference"]),
            further_references=tuple(Evidence.from_dict(evidence) for evidence in data["further_references"]),
            probe=Evidence.from_dict(data["probe"]),
            reasons=tuple(Reason(**reason) for reason in data["reasons"]),
            timings_ms=dict(data["timings"]),
        )


def _significant(value: float | None) -> float | None:
    """Three significant digits: no rate here is known better."""
    return None if value is None else float(f"{value:.3g}")
