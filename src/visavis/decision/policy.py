"""What an operator accepts: the false match rate, and the faces that may be decided on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.errors import PolicyError

if TYPE_CHECKING:
    from visavis.quality.profiles import Profile

FACES = ("only", "largest_central")
LIVENESS = ("off", "assess", "require")


class Floors(Mapping[str, float]):
    """Least scores by name, in the order of the names; never changes, so that a policy never does."""

    __slots__ = ("_pairs",)

    def __init__(self, floors: Mapping[str, float]) -> None:
        """Take a copy."""
        self._pairs = tuple(sorted(floors.items()))

    def __getitem__(self, name: str) -> float:
        """The least score of this name."""
        return dict(self._pairs)[name]

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return (name for name, _ in self._pairs)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pairs)

    def __hash__(self) -> int:
        """As a policy's."""
        return hash(self._pairs)

    def __repr__(self) -> str:
        return repr(dict(self._pairs))


NO_FLOORS = Floors({})


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
        quality: Profile of `quality.profiles` that the probe must reach, or None.
        reference_quality: Profile that the reference must reach, or None. Of two documents both are held
            against it.
        floors: Least scores of the operator's own that the probe must reach, 0 to 100, by the name of a
            component or as ``"unified_score"``. They go before those of the profile; 0 takes one away.
        liveness: ``"off"``; ``"assess"``: the verdict says whether a live person was there, and decides
            nothing by it; ``"require"``: nothing is decided unless one was.
        liveness_threshold: Score, above 0 and at most 1, from which on the face on a single picture counts as
            live; None for that of `liveness.working_points.json`.
    """

    fmr: float = 1e-4
    faces: str = "only"
    min_inter_eye_px: float = 10.0
    min_confidence: float = 0.6
    max_disagreement: float = 0.6
    min_inside: float = 0.6
    extrapolate: bool = False
    require_valid_document: bool = False
    quality: str | None = None
    reference_quality: str | None = None
    floors: Mapping[str, float] = NO_FLOORS
    liveness: str = "off"
    liveness_threshold: float | None = None

    def __post_init__(self) -> None:
        _within("fmr", self.fmr, 0.0, 0.1, exclusive=True)
        _within("min_inter_eye_px", self.min_inter_eye_px, 0.0, 10_000.0)
        _within("min_confidence", self.min_confidence, 0.0, 1.0)
        _within("max_disagreement", self.max_disagreement, 0.0, 10.0)
        _within("min_inside", self.min_inside, 0.0, 1.0)
        _one_of("faces", self.faces, FACES, "no such rule for choosing a face")
        _yes_or_no("extrapolate", self.extrapolate)
        _yes_or_no("require_valid_document", self.require_valid_document)
        _profile("quality", self.quality)
        _profile("reference_quality", self.reference_quality)
        object.__setattr__(self, "floors", _floors("floors", self.floors))
        _one_of("liveness", self.liveness, LIVENESS, "no such rule about liveness")
        if self.liveness_threshold is not None:
            _within("liveness_threshold", self.liveness_threshold, 0.0, 1.0, exclusive=True)

    def demanded(self, *, of_documents: bool = False) -> tuple[Profile | None, Profile | None]:
        """What reference and probe must reach; None where nothing is asked.

        Args:
            of_documents: Whether both are portraits of documents: then both must reach what a reference must.
        """
        from visavis.quality.assessed import required

        of_reference = required(self.reference_quality, {})
        return of_reference, of_reference if of_documents else required(self.quality, self.floors)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**values, "floors": dict(self.floors)}

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


def _one_of(name: str, value: object, choices: tuple[str, ...], told: str) -> None:
    if not isinstance(value, str) or value not in choices:
        raise PolicyError(f"policy.{name}", told, found=repr(value), expected=" or ".join(choices))


def _profile(name: str, value: object) -> None:
    """Refuse what is neither None nor the name of a profile."""
    if value is None:
        return
    from visavis.quality.profiles import PROFILES

    if not isinstance(value, str) or value not in PROFILES:
        told = "there is no such profile of quality"
        raise PolicyError(f"policy.{name}", told, found=repr(value), expected=" or ".join(PROFILES))


def _floors(name: str, value: object) -> Floors:
    """Least scores, each of something that is measured."""
    if isinstance(value, Floors):
        return value
    if not isinstance(value, Mapping):
        raise PolicyError(
            f"policy.{name}", "floors are scores by name", found=repr(value), expected="a mapping"
        )
    if not value:
        return NO_FLOORS
    from visavis.quality.measure import MEASURES
    from visavis.quality.unified import NAME

    for key, score in value.items():
        _one_of(name, key, (NAME, *MEASURES), "there is no such score, or it is never measured")
        number = isinstance(score, int | float) and not isinstance(score, bool)
        if not number or not 0 <= score <= 100:
            raise PolicyError(
                f"policy.{name}",
                f"the floor for {key} is out of range",
                found=repr(score),
                expected="from 0 up to 100",
            )
    return Floors(value)
