"""Error rates of presentation attack detection, in the words of ISO/IEC 30107-3.

APCER: share of the attacks of one species that are taken for bona fide. BPCER: share of the bona fide
presentations that are taken for attacks. Both are of the presentations that were assessed; APNRR and BPNRR
are the shares of all that were not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


def clopper_pearson(errors: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share.

    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26(4), 1934; in terms of the beta distribution.

    Args:
        errors: How often it happened.
        trials: Of how many independent trials; with none the interval is all there is.
        confidence: Of the interval.
    """
    from scipy.stats import beta

    if not 0 <= errors <= trials:
        raise ValueError(
            f"errors between 0 and the number of trials were expected, found {errors} of {trials}"
        )
    tail = (1 - confidence) / 2
    low = 0.0 if errors == 0 else float(beta.ppf(tail, errors, trials - errors + 1))
    high = 1.0 if errors == trials else float(beta.ppf(1 - tail, errors + 1, trials - errors))
    return low, high


@dataclass(frozen=True, slots=True)
class Rate:
    """How often answers of one species were judged wrongly.

    Attributes:
        count: Of the answers.
        unanswered: Of those that were not assessed.
        errors: Of those that were judged wrongly.
    """

    count: int
    unanswered: int
    errors: int

    @property
    def assessed(self) -> int:
        """How many got an answer."""
        return self.count - self.unanswered

    @property
    def error_rate(self) -> float | None:
        """APCER or BPCER; None where nothing was assessed."""
        return self.errors / self.assessed if self.assessed else None

    @property
    def interval(self) -> tuple[float, float]:
        """Its Clopper-Pearson interval at 95 %."""
        return clopper_pearson(self.errors, self.assessed)

    @property
    def non_response_rate(self) -> float:
        """APNRR or BPNRR."""
        return self.unanswered / self.count if self.count else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "count": self.count,
            "not_assessed": self.unanswered,
            "errors": self.errors,
            "error_rate": self.error_rate,
            "interval_95": list(self.interval),
            "non_response_rate": self.non_response_rate,
        }
