"""From a similarity to the false match rate it stands for, and back; never finer than the data behind it.

A calibration belongs to one pack, by fingerprint: with other weights or another alignment the same number
means something else.
"""

from __future__ import annotations

import bisect
import functools
import json
import math
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from visavis.errors import PackError, PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Data:
    """The pictures behind a calibration."""

    name: str
    description: str
    people: int
    pictures: int
    impostor_comparisons: int
    genuine_comparisons: int
    without_face: int

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.pictures:,} pictures of {self.people:,} people, "
            f"{self.impostor_comparisons / 1e6:,.1f} million comparisons of different people"
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """At `threshold` the false match rate was `fmr`, and below `fmr_upper` with 95 % confidence."""

    threshold: float
    fmr: float
    fmr_upper: float


@dataclass(frozen=True, slots=True)
class Rate:
    """The false match rate at a similarity.

    Attributes:
        fmr: The estimate; None where the data can only bound it.
        upper: One-sided 95 % bound, over a new draw of people like those of the calibration.
    """

    fmr: float | None
    upper: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Measured error rates of one pack.

    Attributes:
        pack: Name of the pack.
        fingerprint: The pack's fingerprint; templates made by anything else are not what this was measured
            on.
        data: What it was measured on.
        method: How the bounds were made.
        marks: Measured points by rising threshold; FMR falls strictly from one to the next. The last one is
            the finest the data supports.
    """

    pack: str
    fingerprint: str
    data: Data
    method: str
    marks: tuple[Mark, ...]

    def __post_init__(self) -> None:
        rising = all(a.threshold < b.threshold for a, b in zip(self.marks, self.marks[1:], strict=False))
        falling = all(a.fmr > b.fmr > 0 for a, b in zip(self.marks, self.marks[1:], strict=False))
        bounded = all(-1 <= mark.threshold <= 1 and mark.fmr <= mark.fmr_upper <= 1 for mark in self.marks)
        if len(self.marks) < 2 or not (rising and falling and bounded):
            raise PackError(
                "calibration.damaged",
                f"the calibration of {self.pack!r} is damaged",
                expected="at least two marks of rising threshold and falling FMR, none above its bound",
            )

    @property
    def finest(self) -> float:
        """The smallest FMR that the data supports as a number."""
        return self.marks[-1].fmr

    def threshold(self, fmr: float) -> float:
        """The similarity from which on the false match rate is at most `fmr`.

        Raises:
            PolicyError: `fmr` is finer than the data supports.
        """
        if fmr < self.finest * (1 - 1e-9):
            raise PolicyError(
                "policy.fmr_unsupported",
                f"the calibration of {self.pack!r} can't promise so small a false match rate",
                found=f"{fmr:.1e}",
                expected=f"{self.finest:.1e} or more ({self.data})",
            )
        if fmr >= self.marks[0].fmr:
            return self.marks[0].threshold
        after = bisect.bisect_left([-mark.fmr for mark in self.marks], -fmr)
        if after == len(self.marks):
            return self.marks[-1].threshold
        low, high = self.marks[after - 1], self.marks[after]
        share = math.log(low.fmr / fmr) / math.log(low.fmr / high.fmr)
        return low.threshold + share * (high.threshold - low.threshold)

    def rate(self, similarity: float) -> Rate:
        """The false match rate at a similarity: the share of comparisons of different people that reach it.

        Between two marks log FMR is interpolated linearly; beyond the last one there is only its upper bound.
        """
        if similarity < self.marks[0].threshold:
            return Rate(1.0, 1.0)
        if similarity > self.marks[-1].threshold:
            return Rate(None, self.marks[-1].fmr_upper)
        after = max(1, bisect.bisect_left([mark.threshold for mark in self.marks], similarity))
        low, high = self.marks[after - 1], self.marks[after]
        share = (similarity - low.threshold) / (high.threshold - low.threshold)
        # Where the lower mark has no bound but 1, nothing better is known up to the next one.
        upper = 1.0 if low.fmr_upper == 1 else _between(low.fmr_upper, high.fmr_upper, share)
        return Rate(_between(low.fmr, high.fmr, share), upper)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, the form of the files in ``calibrations/``."""
        return {
            "pack": self.pack,
            "fingerprint": self.fingerprint,
            "data": {name: getattr(self.data, name) for name in Data.__slots__},
            "method": self.method,
            "marks": [[mark.threshold, mark.fmr, mark.fmr_upper] for mark in self.marks],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """The inverse of `to_dict`.

        Raises:
            PackError: Something is missing or makes no sense.
        """
        try:
            return cls(
                pack=data["pack"],
                fingerprint=data["fingerprint"],
                data=Data(**data["data"]),
                method=data["method"],
                marks=tuple(Mark(*mark) for mark in data["marks"]),
            )
        except (KeyError, TypeError) as error:
            raise PackError("calibration.damaged", "a calibration can't be read", found=str(error)) from error


@functools.cache
def shipped(pack: str, fingerprint: str) -> Calibration:
    """The calibration that comes with visavis for a pack.

    Raises:
        PackError: There is none, or it was measured with other weights than those of `fingerprint`.
    """
    path = resources.files("visavis.decision") / "calibrations" / f"{pack}.json"
    if not path.is_file():
        raise PackError("calibration.missing", f"visavis has no calibration of the pack {pack!r}")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PackError("calibration.damaged", "a calibration can't be read", found=str(error)) from error
    calibration = Calibration.from_dict(data)
    if calibration.fingerprint != fingerprint:
        raise PackError(
            "calibration.other_pack",
            f"the calibration of {pack!r} was measured with other weights or another alignment",
            found=calibration.fingerprint,
            expected=fingerprint,
        )
    return calibration


def _between(first: float, second: float, share: float) -> float:
    """Geometric interpolation: `first` at share 0, `second` at share 1."""
    return math.exp(math.log(first) + share * (math.log(second) - math.log(first)))
