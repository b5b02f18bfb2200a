"""What an operator accepts: the false match rate, and the faces that may be decided on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

FACES = ("only", "largest_central")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules that turn two photos into a verdict.

    Attributes:
        fmr: False match rate that the operator accepts, above 0 and at most 0.1: how often two *different*
            people may pass as one.
        faces: Which face of a photo counts. ``"only"``: a second face of comparable size makes the verdict
            inconclusive. ``"largest_central"``: the one that is large and near the middle. A box given for a
            photo goes before either.
        min_inter_eye_px: Faces with their eyes closer together than this, in pixels of the full picture, are
            too poor to say.
        min_confidence: Faces that the detector is less sure of than this (0 to 1) are too poor to say.
        max_disagreement: How far the two detectors may differ about a point of the face, as a share of the
            distance between the eyes; where they differ more, one of them is wrong and nothing is decided.
        min_inside: Faces of which a smaller share (0 to 1) lies on the photo are too poor to say.
        extrapolate: Accept a threshold from the calibration's tail model where `fmr` is finer than the data
            supports. Otherwise such a policy is refused.
        require_valid_document: Decide nothing on a document that expired, whose date of expiry can't be read,
            whose holder isn't born yet, or whose chip failed a stage of its authentication or is of another
            document. It doesn't say that a document is genuine, and says nothing of pictures that aren't of
            documents.
    """

    fmr: float = 1e-4
    faces: str = "only"
    min_inter_eye_px: float = 10.0
    min_confidence: float = 0.6
    max_disagreement: float = 0.6
    min_inside: float = 0.6
    extrapolate: bool = False
    require_valid_document: bool = False

    def __post_init__(self) -> None:
        _within("fmr", self.fmr, 0.0, 0.1, exclusive=True)
        _within("min_inter_eye_px", self.min_inter_eye_px, 0.0, 10_000.0)
        _within("min_confidence", self.min_confidence, 0.0, 1.0)
        _within("max_disagreement", self.max_disagreement, 0.0, 10.0)
        _within("min_inside", self.min_inside, 0.0, 1.0)
        if self.faces not in FACES:
            raise PolicyError(
                "policy.faces",
                "no such rule for choosing a face",
                found=repr(self.faces),
                expected=" or ".join(FACES),
            )
        _yes_or_no("extrapolate", self.extrapolate)
        _yes_or_no("require_valid_document", self.require_valid_document)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Policy:
        """The inverse of `to_dict`; what is left out has its default.

        Raises:
            PolicyError: A name that no policy has, or a value out of range.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in data:
            if name not in known:
                raise PolicyError(
                    "policy.unknown", "a policy has no such rule", found=name, expected=", ".join(known)
                )
        return cls(**data)


def _within(name: str, value: object, low: float, high: float, *, exclusive: bool = False) -> None:
    """Refuse what isn't a number from `low` (or just above it) to `high`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and (low < value <= high or (value == low and not exclusive)):  # type: ignore[operator]
        return
    raise PolicyError(
        f"policy.{name}",
        f"{name} is out of range",
        found=repr(value),
        expected=f"{'above' if exclusive else 'from'} {low:g} up to {high:g}",
    )


def _yes_or_no(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise PolicyError(
            f"policy.{name}", f"{name} is a yes or a no", found=repr(value), expected="True or False"
        )
