from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import genpareto

from visavis.decision.tail import Tail, Transfer

SEEN = Transfer(1e-5, 1.25, 0.4, 2.875, 20)
TAIL = Tail(0.4, 1e-3, 0.025, (Transfer(1e-4, 1.1, 0.8, 1.4, 20), SEEN))


def test_the_rate_is_that_of_a_generalised_pareto_distribution_of_shape_0() -> None:
    excess = genpareto(c=0, loc=TAIL.start, scale=TAIL.scale)
    for similarity in np.linspace(0.4, 1, 25):
        assert TAIL.rate(similarity) == pytest.approx(1e-3 * excess.sf(similarity), rel=1e-9)
    for fmr in (1e-3, 1e-4, 1e-6, 1e-8):
        assert TAIL.threshold(fmr) == pytest.approx(excess.isf(fmr / 1e-3), rel=1e-9)


def test_by_hand() -> None:
    assert TAIL.rate(0.4) == 1e-3
    assert TAIL.rate(0.425) == pytest.approx(1e-3 / math.e)
    assert TAIL.threshold(1e-3) == 0.4
    assert TAIL.threshold(1e-3 / math.e**2) == pytest.approx(0.45)


def test_a_tail_so_steep_that_nothing_is_left() -> None:
    assert Tail(0.4, 1e-3, 5e-324, (SEEN,)).rate(1.0) == 0.0


def test_the_finest_transfer_is_what_counts() -> None:
    assert TAIL.finest_transfer == SEEN
    assert str(SEEN) == (
        "where it predicted FMR 1.0e-05, people whom it had not seen had 1.25 times that "
        "(0.4 to 2.88 in 20 splits)"
    )


def test_the_way_through_plain_data() -> None:
    assert Tail.from_dict(TAIL.to_dict()) == TAIL
