from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.documents.issuing_state import NAMED_CURVES

from visavis.documents.curves import CURVES, Curve


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_the_parameters_are_those_of_the_named_curve(curve: Curve) -> None:
    """OpenSSL's own multiples of the base point: the point itself, and its negative, (order - 1) times it."""
    named = NAMED_CURVES[curve.name]()
    one = ec.derive_private_key(1, named).public_key().public_numbers()
    last = ec.derive_private_key(curve.order - 1, named).public_key().public_numbers()
    assert (one.x, one.y) == (curve.x, curve.y)
    assert (last.x, last.y) == (curve.x, curve.p - curve.y)
    # Two more points determine both coefficients.
    for factor in (1, 2, 3):
        point = ec.derive_private_key(factor, named).public_key().public_numbers()
        assert (point.y**2 - point.x**3 - curve.a * point.x - curve.b) % curve.p == 0
    with pytest.raises(ValueError, match="Invalid EC key"):
        ec.derive_private_key(curve.order, named)


def test_every_name_is_there_once() -> None:
    assert {curve.name for curve in CURVES} == NAMED_CURVES.keys()
    assert len({curve.oid for curve in CURVES}) == len(CURVES)
