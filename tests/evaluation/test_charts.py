from __future__ import annotations

import dataclasses
import math
import re
import warnings
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from tests.evaluation import examples

from visavis.evaluation import charts
from visavis.evaluation.result import OperatingPoint, ScoreHistogram
from visavis.report.drawing import FONT

if TYPE_CHECKING:
    from collections.abc import Callable

    from visavis.evaluation.result import Evaluation


def groups(evaluation: Evaluation, name: str = "groups", index: int = 2) -> str | None:
    return charts.groups(evaluation.groupings[0].at[index], evaluation.operating_points[index].at, name)


CHARTS: dict[str, Callable[[Evaluation, str], str | None]] = {
    "det": charts.det,
    "histogram": charts.histogram,
    "groups": groups,
}


@pytest.fixture(params=list(CHARTS))
def chart(request: pytest.FixtureRequest) -> Callable[[Evaluation, str], str | None]:
    return CHARTS[request.param]


def drawn(svg: str | None) -> ET.Element:
    assert svg is not None
    return ET.fromstring(svg)


def texts(root: ET.Element) -> list[str]:
    return [each.text or "" for each in root.iter("text")]


def series(root: ET.Element, variable: str) -> list[ET.Element]:
    """Lines (no fills, no marks) in a colour of the page."""
    return [
        path
        for path in root.iter("path")
        if f"stroke: var(--{variable})" in path.get("style", "") and "fill: none" in path.get("style", "")
    ]


def points(path: ET.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML] (\S+) (\S+)", path.get("d", ""))]


# As a part of a page


def test_it_is_an_image_with_a_name_and_its_numbers(chart: Callable[[Evaluation, str], str | None]) -> None:
    root = drawn(chart(examples.rich(), "it"))
    assert (root.tag, root.get("role")) == ("svg", "img")
    ids = {each.get("id"): each for each in root.iter()}
    title, description = ids[root.get("aria-labelledby")], ids[root.get("aria-describedby")]
    assert (title.tag, description.tag) == ("title", "desc")
    assert title.text
    assert "%" in (description.text or "") or "1 in" in (description.text or "")
    assert "width" not in root.attrib  # as wide as the page lets it be


def test_nothing_comes_from_outside(chart: Callable[[Evaluation, str], str | None]) -> None:
    svg = chart(examples.rich(), "it") or ""
    assert not re.search(r"https?:|xmlns|<style|<script|<metadata|font-family", svg)
    root = drawn(svg)
    ids = {each.get("id") for each in root.iter()} - {None}
    referred = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    assert referred
    assert referred <= ids
    assert all(name is not None and name.startswith("it-") for name in ids)


def test_several_share_a_page() -> None:
    rich = examples.rich()
    ids = [
        name
        for make in CHARTS.values()
        for prefix in ("one", "two")
        for name in re.findall(r'id="([^"]+)"', make(rich, f"{prefix}-{make.__name__}") or "")
    ]
    assert len(ids) == len(set(ids)) > 100


def test_colours_are_those_of_the_page(chart: Callable[[Evaluation, str], str | None]) -> None:
    svg = chart(examples.rich(), "it") or ""
    assert re.findall(r"#[0-9a-f]{6}\b", svg) == []
    assert "var(--first)" in svg
    assert "fill: var(--ink)" in svg


def test_it_is_the_same_for_the_same(chart: Callable[[Evaluation, str], str | None]) -> None:
    assert chart(examples.rich(), "it") == chart(examples.rich(), "it")


def test_settings_of_the_machine_change_nothing(chart: Callable[[Evaluation, str], str | None]) -> None:
    import matplotlib as mpl

    before = chart(examples.rich(), "it")
    with mpl.rc_context({"lines.linewidth": 9, "axes.titlesize": 40, "svg.fonttype": "path"}):
        assert chart(examples.rich(), "it") == before
        assert mpl.rcParams["lines.linewidth"] == 9


# What is drawn


def test_the_curve_falls_as_fmr_grows_and_lines_differ_in_style() -> None:
    root = drawn(charts.det(examples.rich(), "it"))
    (first,) = [path for path in series(root, "first") if len(points(path)) > 10]
    (second,) = [path for path in series(root, "second") if len(points(path)) > 10]
    xs, ys = zip(*points(first), strict=True)
    assert list(xs) == sorted(xs, reverse=True)  # the curve is given from FMR 0.1 down
    assert list(ys) == sorted(ys, reverse=True)  # in SVG, y grows downwards: FNMR rises
    assert "stroke-dasharray" not in first.attrib["style"]
    assert "stroke-dasharray" in second.attrib["style"]


def test_places_on_the_curve_are_logarithmic() -> None:
    rates = {1e-1: 1e-3, 1e-2: 1e-2, 1e-3: 2e-2, 1e-4: 2e-1}
    curve = [
        dataclasses.replace(examples.point(fmr), fnmr_per_person=fnmr, fnmr_per_person_high=0.9)
        for fmr, fnmr in rates.items()
    ]
    root = drawn(charts.det(dataclasses.replace(examples.rich(), det=tuple(curve)), "it"))
    (line,) = [path for path in series(root, "first") if len(points(path)) == 4]
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points(line)
    assert x0 - x1 == pytest.approx(x1 - x2, abs=1e-3) == pytest.approx(x2 - x3, abs=1e-3)
    assert y2 - y3 == pytest.approx(y0 - y1, abs=1e-3)
    assert y1 - y2 == pytest.approx((y0 - y1) * math.log10(2), abs=1e-3)


def test_beyond_the_data_is_said() -> None:
    assert "beyond the data" in texts(drawn(charts.det(examples.rich(), "it")))


@pytest.mark.parametrize("finest", [None, 0.5, 1e-9])
def test_any_finest_rate_can_be_drawn(finest: float | None) -> None:
    drawn(charts.det(dataclasses.replace(examples.rich(), finest_fmr=finest), "it"))


def test_rates_of_zero_lie_on_the_lower_edge() -> None:
    rich = examples.rich()
    zero = [
        dataclasses.replace(point, fnmr=0.0, fnmr_low=0.0, fnmr_per_person=0.0, fnmr_per_person_low=0.0)
        for point in rich.det[:10]
    ]
    none = dataclasses.replace(rich.det[-1], fmr=0.0)
    evaluation = dataclasses.replace(rich, det=(*zero, *rich.det[10:], none))
    root = drawn(charts.det(evaluation, "it"))
    (line,) = [path for path in series(root, "first") if len(points(path)) > 10]
    (edge,) = {y for (_, y), point in zip(points(line), zero[:2], strict=False)}
    (ticks,) = [each for each in root.iter("g") if each.get("id") == "it-matplotlib.axis_1"]
    assert {float(mark.get("y", "nan")) for mark in ticks.iter("use")} == {edge}
    floor = charts.det_floor(evaluation)
    assert 0 < floor < min(point.fnmr_per_person for point in rich.det[10:])


def test_all_rates_zero() -> None:
    rich = examples.rich()
    zero = [
        dataclasses.replace(
            point, fnmr=0.0, fnmr_low=0.0, fnmr_high=0.0, fnmr_per_person=0.0, fnmr_per_person_high=0.0
        )
        for point in rich.det
    ]
    drawn(charts.det(dataclasses.replace(rich, det=tuple(zero)), "it"))


@pytest.mark.parametrize(
    ("rate", "floor"), [(0.002, 0.001), (0.0039, 0.001), (0.0041, 0.002), (0.01, 0.005), (2e-5, 1e-5)]
)
def test_the_floor_is_round_and_at_most_half_the_lowest_rate(rate: float, floor: float) -> None:
    point = dataclasses.replace(examples.point(1e-3), fnmr=rate, fnmr_per_person=2 * rate)
    assert charts.det_floor(dataclasses.replace(examples.rich(), det=(point,))) == floor


def test_every_threshold_is_named_in_the_histogram() -> None:
    root = drawn(charts.histogram(examples.rich(), "it"))
    assert [each for each in texts(root) if each.startswith("1 in ")] == [
        "1 in 100",
        "1 in 1,000",
        "1 in 10,000",
        "1 in 100,000",
        "1 in 1,000,000",
    ]


def test_names_of_equal_thresholds_stay_apart() -> None:
    root = drawn(charts.histogram(examples.minimal(), "it"))
    first, second = [each for each in root.iter("text") if (each.text or "").startswith("1 in ")]
    turned = [re.findall(r"-?[\d.]+", each.get("transform", "")) for each in (first, second)]
    assert abs(float(turned[0][0]) - float(turned[1][0])) > FONT


def test_places_are_moved_apart_and_no_more() -> None:
    assert charts._apart([0.0, 5.0, 9.0], 2.0) == [0.0, 5.0, 9.0]
    assert charts._apart([1.0, 1.0], 2.0) == [0.0, 2.0]
    assert charts._apart([], 2.0) == []


def test_a_group_lies_where_its_rate_is() -> None:
    rich = examples.rich()
    root = drawn(groups(rich))
    found = texts(root)
    assert [name for name in found if name in examples.LABELS] == list(examples.LABELS)
    lines = [points(path) for path in series(root, "first") if len(points(path)) == 2]
    assert len(lines) == 5
    north, _, east, west, other = lines
    # All intervals are as wide on this axis; their places differ by the logarithm of the rates' ratio.
    wide = north[1][0] - north[0][0]
    assert west[0][0] - north[0][0] == pytest.approx(
        wide * math.log(examples.TIMES[3] / examples.TIMES[0]) / math.log(1.7 * 1.8), rel=1e-3
    )
    assert north[0][0] < east[0][0] < west[0][0]
    assert other[0][0] < north[0][0]  # a bound only: its line comes from the left edge
    assert any("overall" in text and "0.012" in text for text in found)


def test_a_group_that_was_not_compared_is_named() -> None:
    rich = examples.rich()
    at = rich.groupings[0].at[2]
    alone = dataclasses.replace(at.rates[0], fmr=None, fmr_low=None, fmr_high=None, fmr_supported=False)
    svg = charts.groups(
        dataclasses.replace(at, rates=(alone, at.rates[1])), rich.operating_points[2].at, "it"
    )
    assert "too few people" in texts(drawn(svg))
    only = charts.groups(dataclasses.replace(at, rates=(alone,)), rich.operating_points[2].at, "it")
    assert only is None


def test_an_overall_rate_that_is_only_bounded() -> None:
    root = drawn(groups(examples.rich(), index=4))
    assert any(text.startswith("overall below") for text in texts(root))


def test_nothing_to_draw_is_none() -> None:
    assert charts.det(examples.minimal(), "it") is None
    rich = examples.rich()
    alone = dataclasses.replace(rich, counts=dataclasses.replace(rich.counts, genuine=0))
    assert charts.det(alone, "it") is None
    assert charts.histogram(examples.empty(), "it") is None


def test_hostile_names_are_only_text() -> None:
    evaluation = examples.hostile()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of letters that its fonts lack
        first = drawn(groups(evaluation))
        at, overall = evaluation.groupings[1].at[2], evaluation.operating_points[2].at
        second = drawn(charts.groups(at, overall, "it"))
    assert not list(first.iter("script"))
    assert "<script>alert(1)</scr…" in texts(first)
    assert r"$\frac{1}{0$" in texts(first)
    assert {"@0@", r"\udcff", "=1+1"} <= set(texts(second))
    assert "面部面部面部面部面部…" in texts(second)


def test_scores_in_one_bin() -> None:
    one = dataclasses.replace(
        examples.rich(),
        scores=ScoreHistogram((-1.0, 0.0, 1.0), (0.0, 1.0), (0.0, 1.0)),
        operating_points=(OperatingPoint(1e-3, examples.point(1e-3)),),
    )
    drawn(charts.histogram(one, "it"))
