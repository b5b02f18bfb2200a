from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import visavis.liveness
from visavis.liveness.check import (
    Check,
    WorkingPoint,
    judged,
    not_assessed,
    passive_threshold,
    working_points,
)

MORE = WorkingPoint(worst=0.0, at=0.2, best=1.0)
LESS = WorkingPoint(worst=30.0, at=10.0, best=0.0)


@pytest.mark.parametrize(
    ("point", "value", "score", "passes"),
    [
        (MORE, -5, 0.0, False),
        (MORE, 0.0, 0.0, False),
        (MORE, 0.1, 0.25, False),
        (MORE, 0.2, 0.5, True),
        (MORE, 0.6, 0.75, True),
        (MORE, 1.0, 1.0, True),
        (MORE, 9.0, 1.0, True),
        (LESS, 99, 0.0, False),
        (LESS, 20, 0.25, False),
        (LESS, 10, 0.5, True),
        (LESS, 5, 0.75, True),
        (LESS, -9, 1.0, True),
    ],
)
def test_a_score_is_one_half_at_its_working_point(
    point: WorkingPoint, value: float, score: float, passes: bool
) -> None:
    assert point.score(value) == pytest.approx(score)
    assert point.passes(value) is passes


@pytest.mark.parametrize("ends", [(0, 0, 1), (0, 1, 1), (0, 2, 1), (1, 0, 2), (float("nan"), 0, 1)])
def test_a_working_point_lies_between_its_ends(ends: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="between its ends"):
        WorkingPoint(*ends)


def test_the_weakest_measure_decides() -> None:
    points = {"a.more": MORE, "a.less": LESS}
    check = judged("a", {"more": 0.6, "less": 20.0, "told": 7.0}, points, "because")
    assert (check.score, check.passed) == (0.25, False)
    assert check.to_dict() == {
        "name": "a",
        "score": 0.25,
        "values": {"more": 0.6, "less": 20.0, "told": 7.0},
        "why": "because",
    }


def test_what_was_not_assessed() -> None:
    check = not_assessed("a", "too dark")
    assert (check.score, check.passed) == (None, None)
    assert json.loads(json.dumps(check.to_dict())) == {
        "name": "a",
        "score": None,
        "values": {},
        "why": "too dark",
    }
    assert Check("a", 0.123456, {"b": None, "c": 1 / 3}, "").to_dict()["values"] == {"b": None, "c": 0.3333}


def test_the_shipped_working_points_are_those_that_the_checks_ask_for() -> None:
    folder = Path(visavis.liveness.__file__).parent
    source = "".join(
        (folder / f"{name}.py").read_text()
        for name in ("timing", "turning", "relief", "closer", "reflection")
    )
    for name in working_points():
        assert f'"{name.partition(".")[2]}"' in source, name
    asked = set(re.findall(r'"(\w+)": (?:depth|growth|min\(turns\)|max\(strays\))', source))
    assert asked <= {name.partition(".")[2] for name in working_points()}
    assert {name.partition(".")[0] for name in working_points()} == {
        "timing",
        "turning",
        "relief",
        "closer",
        "reflection",
    }
    assert 0 < passive_threshold() < 1
