"""A model of the false match rate where the data has too few false matches to count.

Scores beyond a high threshold follow a generalised Pareto distribution (Pickands, "Statistical inference
using extreme order statistics", Annals of Statistics 3, 1975). Here its shape is 0: the excesses are
exponential.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from visavis.decision.checks import LEAST_RATE, array, count, damaged, number, record

REACH = 100.0  # so many times finer than the finest mark a tail may be asked for, and no further


@dataclass(frozen=True, slots=True)
class Transfer:
    """How a tail model did on people whom it had not seen.

    In cross-validation by person a model was fitted on one part of the people, restricted to what is coarser
    than `fmr`, and said from which similarity on the false match rate would be `fmr`. The people held out had
    another rate there.

    Attributes:
        fmr: The false match rate that was predicted, above 0.
        ratio: The one that the people held out had, over `fmr`: the median over the splits. Above 1 there
            were more false matches than predicted.
        low: The lowest of these.
        high: The highest.
        splits: How often the people were split.
    """

    fmr: float
    ratio: float
    low: float
    high: float
    splits: int

    def __post_init__(self) -> None:
        number("the rate of a transfer", self.fmr, LEAST_RATE, 1)
        for name in ("low", "ratio", "high"):
            number(f"{name} of a transfer", getattr(self, name), 0, 1e9)
        count("splits of a transfer", self.splits, 1)
        if not self.low <= self.ratio <= self.high:
            raise damaged("a transfer", expected="a median from the lowest to the highest ratio")

    def __str__(self) -> str:
        low, ratio, high = (f"{round(value, 2):g}" for value in (self.low, self.ratio, self.high))
        return (
            f"where it predicted FMR {self.fmr:.1e}, people whom it had not seen had {ratio} times that "
            f"({low} to {high} in {self.splits} splits)"
        )


@dataclass(frozen=True, slots=True)
class Tail:
    """FMR(s) = fmr * exp(-(s - start) / scale), for a similarity s from `start` on.

    Attributes:
        start: Similarity from which on the model holds, -1 to 1.
        fmr: The false match rate there.
        scale: By how much the similarity must rise for the rate to fall to 1/e of it, above 0.
        transfers: How the model did on people whom it had not seen: at least one, for a model that nobody has
            tried is no ground for a verdict.
    """

    start: float
    fmr: float
    scale: float
    transfers: tuple[Transfer, ...]

    def __post_init__(self) -> None:
        number("start of the tail", self.start, -1, 1)
        number("the rate at the tail's start", self.fmr, LEAST_RATE, 1)
        number("scale of the tail", self.scale, 0, 1, above=True)
        if not self.transfers:
            raise damaged("the tail", expected="at least one transfer to people whom it had not seen")

    @property
    def finest_transfer(self) -> Transfer:
        """The one at the smallest false match rate, so the nearest to what the tail is used for."""
        return min(self.transfers, key=lambda transfer: transfer.fmr)

    def rate(self, similarity: float) -> float:
        """The modelled false match rate at a similarity from `start` on."""
        return self.fmr * math.exp(-(similarity - self.start) / self.scale)

    def threshold(self, fmr: float) -> float:
        """The similarity at which the modelled rate is `fmr`, above 0 and at most that at `start`."""
        return self.start + self.scale * math.log(self.fmr / fmr)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "start": float(self.start),
            "fmr": float(self.fmr),
            "scale": float(self.scale),
            "transfers": [
                {
                    "fmr": float(transfer.fmr),
                    "ratio": float(transfer.ratio),
                    "low": float(transfer.low),
                    "high": float(transfer.high),
                    "splits": transfer.splits,
                }
                for transfer in self.transfers
            ],
        }

    @classmethod
    def from_dict(cls, data: object) -> Tail:
        """The inverse of `to_dict`.

        Raises:
            PackError: `calibration.damaged`.
        """
        fields: dict[str, Any] = dict(record("the tail", data, cls.__slots__))
        transfers = [
            Transfer(**dict[str, Any](record("a transfer", transfer, Transfer.__slots__)))
            for transfer in array("transfers of the tail", fields["transfers"])
        ]
        return cls(**{**fields, "transfers": tuple(transfers)})
