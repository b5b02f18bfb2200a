from __future__ import annotations

import dataclasses
import functools
import re
from typing import TYPE_CHECKING

import pytest
from tests.evaluation import examples
from tests.report.test_page import read

from visavis.evaluation.page import LISTED, SHADES, page
from visavis.evaluation.result import CrossRate, OperatingPoint, Robustness, RobustnessTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.report.test_page import Element

    from visavis.evaluation.result import Evaluation

EXAMPLES = (examples.rich, examples.minimal, examples.empty, examples.hostile)


@pytest.fixture(params=EXAMPLES, ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Callable[[], Evaluation]:
    found: Callable[[], Evaluation] = request.param
    return found


def html(evaluation: Evaluation) -> Element:
    return read(page(evaluation))


@functools.cache
def source_of(make: Callable[[], Evaluation]) -> str:
    """The page of an example, drawn once for all tests."""
    return page(make())


def shown(make: Callable[[], Evaluation]) -> Element:
    return read(source_of(make))


def plain(element: Element) -> str:
    """Its text, with spaces that break."""
    return " ".join(element.text.split())


def section(root: Element, title: str) -> Element:
    (found,) = [each for each in root.find("section") if plain(each.find("h2")[0]) == title]
    return found


def table(root: Element, label: str) -> list[list[str]]:
    """Cells of a table's lines, its head first."""
    (box,) = root.find("div", class_="scroll", aria_label=label)
    return [[plain(cell) for cell in row.children if not isinstance(cell, str)] for row in box.find("tr")]


def facts(root: Element) -> dict[str, str]:
    """Label and value of the tables without a head."""
    rows = [row for each in root.find("table", class_="facts") for row in each.find("tr")]
    return {plain(row.find("th")[0]): plain(row.find("td")[0]) for row in rows}


# One file that needs nothing else


def test_nothing_comes_from_outside_and_nothing_runs(make: Callable[[], Evaluation]) -> None:
    source = source_of(make)
    root = read(source)
    assert not re.search(r"https?:|url\((?!#)|@import|javascript:", source)
    for tag in ("script", "link", "iframe", "object", "embed", "base", "form", "img", "image", "a"):
        assert not root.find(tag)
    assert not re.search(r"<[^>]*\son\w+=", source)
    assert not re.search(r'\b(?:src|srcset|poster|action)="', re.sub(r"&[^;]+;", "", source))
    assert all(url.startswith("#") for url in re.findall(r'href="([^"]*)"', source))


def test_the_browser_is_told_to_load_nothing(make: Callable[[], Evaluation]) -> None:
    (policy,) = shown(make).find("meta", http_equiv="Content-Security-Policy")
    assert policy.attributes["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_ids_are_unique_and_each_reference_is_answered(make: Callable[[], Evaluation]) -> None:
    source = source_of(make)
    ids = re.findall(r'\sid="([^"]+)"', source)
    assert len(ids) == len(set(ids))
    referred = re.findall(r'(?:href="#|url\(#|aria-(?:labelledby|describedby)=")([^")]+)', source)
    assert referred
    assert set(referred) <= set(ids)


def test_it_is_the_same_for_the_same(make: Callable[[], Evaluation]) -> None:
    assert page(make()) == source_of(make)


def test_colours_come_from_the_page_for_light_and_dark(make: Callable[[], Evaluation]) -> None:
    source = source_of(make)
    assert source.count("prefers-color-scheme: dark") == 1
    drawn = "".join(re.findall(r'<svg class="chart".*?</svg>', source, re.DOTALL))
    used = set(re.findall(r"var\((--[a-z]+)\)", drawn))
    assert used <= set(re.findall(r"(--[a-z]+):", source))
    assert not re.findall(r"(?:fill|stroke): #", drawn)


def test_structure() -> None:
    root = shown(examples.rich)
    assert root.find("html")[0].attributes["lang"] == "en"
    assert plain(root.find("title")[0]) == (
        "Face verification: error rates of sface on Counter photographs, 2025"
    )
    assert [plain(each) for each in root.find("h1")] == ["Error rates of sface on Counter photographs, 2025"]
    assert [plain(heading) for heading in root.find("h2")] == [
        "Operating points",
        "Detection error trade-off",
        "How similarities are spread",
        "By label: region",
        "Pictures made worse",
        "What was compared",
        "How it was made",
        "What the data can’t show",
    ]
    assert len(root.find("svg", class_="chart", role="img")) == 3
    for box in root.find("div", class_="scroll"):  # what scrolls can be reached by keyboard, and has a name
        assert box.attributes["tabindex"] == "0"
        assert box.attributes["aria-label"]


# The numbers; they are those of `examples`, rounded as test_words.py has it


def test_headline() -> None:
    (main,) = shown(examples.rich).find("div", class_="main")
    assert plain(main) == (
        "At the threshold where at most 1 in 100,000 comparisons of two people came out as a match, 2.4 % of "
        "the comparisons of one person did not match (95 % interval 1.6 % to 3.3 %), each person weighing "
        "the same. The false match rate there is 0.0010 % (95 % interval 0.00062 % to 0.0016 %); the "
        "threshold is a similarity of 0.423."
    )


def test_operating_points() -> None:
    root = shown(examples.rich)
    head, *lines = table(root, "Table of operating points")
    assert head == [
        "FMR asked",
        "Threshold",
        "FMR measured, over all comparisons",
        "FMR per person",
        "FNMR per person",
        "FNMR over all comparisons",
    ]
    assert lines[2] == [
        "1 in 10,000 0.01 %",
        "0.376",
        "0.010 % 0.0074 % to 0.014 % 305 false matches",
        "0.012 % 0.0082 % to 0.018 %",
        "0.86 % 0.60 % to 1.2 %",
        "0.94 % 0.70 % to 1.3 % 116 of 12,400",
    ]


def test_where_nothing_is_supported_no_rate_is_claimed() -> None:
    root = shown(examples.rich)
    *_, last = table(root, "Table of operating points")
    assert last[2:4] == [
        "below 0.00031 % not a rate: a bound 3 false matches",
        "below 0.00044 % not a rate: a bound",
    ]
    (marked,) = section(root, "Operating points").find("tr", class_="unsupported")
    assert plain(marked).startswith("1 in 1,000,000")
    assert "Shaded lines: the comparisons are too few" in plain(root)
    assert "0.000100" not in plain(root)  # the measured one
    supported = dataclasses.replace(examples.rich(), operating_points=examples.rich().operating_points[:4])
    assert "Shaded lines" not in plain(html(supported))


def test_operating_points_by_the_worst_group() -> None:
    assert "(FMR: two people come out as one) over all comparisons is" in plain(shown(examples.rich))
    worst = html(dataclasses.replace(examples.rich(), rule="worst_group"))
    assert "(FMR: two people come out as one) within every group of labels is" in plain(worst)


def test_single_numbers() -> None:
    found = facts(shown(examples.rich))
    assert found["Equal error rate"].startswith(
        "0.79 % (0.55 % to 1.1 %) with FNMR per person; 0.83 % (0.61 % to 1.1 %) over all comparisons, at a "
        "similarity of 0.271."
    )
    assert found["Ten-fold accuracy"].startswith("99.38 % ± 0.11 (standard error of the mean over 10 folds")
    assert found["Ten-fold accuracy"].endswith("98.83, 99.83, 99.17, 99.83 %")


def test_lost_comparisons_are_told_of_where_they_are_drawn() -> None:
    told = "lost to failures to acquire are counted in the bin on the very left"
    assert told in plain(section(shown(examples.rich), "How similarities are spread"))
    assert told not in plain(section(shown(examples.minimal), "How similarities are spread"))


def test_what_was_not_measured_is_left_out() -> None:
    root = shown(examples.minimal)
    found = facts(root)
    assert "Equal error rate" not in found
    assert "Ten-fold accuracy" not in found
    titles = [plain(heading) for heading in root.find("h2")]
    assert "Pictures made worse" not in titles
    assert not any(title.startswith("By label") for title in titles)
    assert "There is no curve" in plain(section(root, "Detection error trade-off"))
    _, line, _ = table(root, "Table of operating points")
    assert line[-1] == "no two pictures of one person were compared"


def test_nothing_at_all() -> None:
    root = shown(examples.empty)
    assert "There are none" in plain(section(root, "Operating points"))
    assert "Nothing was compared." in plain(section(root, "How similarities are spread"))


# Groups


def test_rates_of_groups() -> None:
    chapter = section(shown(examples.rich), "By label: region")
    assert "the labels that the operator gave; nothing was read off a face" in plain(chapter)
    assert "Labels with too few people, counted together as (other): islands , abroad" in plain(chapter)
    assert "12 people have no label" in plain(chapter)
    assert plain(chapter.find("h3")[0]) == "At the threshold for 1 in 10,000 (similarity 0.376)"
    _, *lines = table(chapter, "Rates of each group")
    assert [line[0] for line in lines] == list(examples.LABELS)
    assert lines[3] == [
        "west",
        "300",
        "0.089 % 0.052 % to 0.16 %",
        "7.4",
        "2.3 % 1.4 % to 3.6 %",
        "2.7",
        "90,000 2,100",
    ]
    assert lines[4][2:4] == ["below 0.076 % not a rate: a bound", "–"]  # noqa: RUF001


def test_rates_across_groups_are_a_lower_triangle() -> None:
    chapter = section(shown(examples.rich), "By label: region")
    head, *lines = table(chapter, "FMR across groups")
    assert head == ["", *examples.LABELS]
    for row, (label, line) in enumerate(zip(examples.LABELS, lines, strict=True)):
        assert line[0] == label
        assert all(line[1 : row + 2])
        assert not any(line[row + 2 :])
    # West against north: 0.4 times the overall rate per person, 1.2e-4.
    assert lines[3][1] == "0.0048 % 0.0028 % to 0.0080 %"
    assert lines[3][4] == "0.089 % 0.052 % to 0.16 %"
    assert lines[4][5] == "below 0.076 %"


@pytest.mark.parametrize(
    ("times", "supported", "shade"),
    [(1.0, True, 0), (1.5001, True, 1), (5.9, True, 2), (6.1, True, 3), (40.0, True, 4), (40.0, False, 0)],
)
def test_cells_are_shaded_by_the_overall_rate(times: float, supported: bool, shade: int) -> None:
    rich = examples.rich()
    (grouping,) = rich.groupings
    at = grouping.at[2]
    fmr = times * rich.operating_points[2].at.fmr_per_person
    cross = CrossRate("north", "south", fmr, fmr / 2, 2 * fmr, supported, 1_000)
    grouping = dataclasses.replace(grouping, at=(dataclasses.replace(at, cross=(cross,)),))
    root = html(dataclasses.replace(rich, groupings=(grouping,)))
    (box,) = root.find("div", class_="scroll", aria_label="FMR across groups")
    cells = box.find("tr")[2].find("td")
    assert cells[0].attributes["class"] == f"s{shade}"
    assert plain(box.find("tr")[3].find("td")[0]) == "–"  # noqa: RUF001  # a pair without comparisons
    assert len(root.find("ul", class_="key")[0].find("i")) == len(SHADES) == 4


def test_all_operating_points_are_there_for_groups() -> None:
    chapter = section(shown(examples.rich), "By label: region")
    targets = ["1 in 100", "1 in 1,000", "1 in 10,000", "1 in 100,000", "1 in 1,000,000"]
    for label in ("FMR within", "FNMR per person"):
        head, *lines = table(chapter, f"{label} at all operating points")
        assert head == ["Group", *targets]
        assert [line[0] for line in lines] == list(examples.LABELS)
    assert table(chapter, "FMR within at all operating points")[1][4] == "below 0.0014 %"
    _, first, *_ = table(chapter, "How far the groups lie apart")
    assert first == ["1 in 100", "FMR", "5 groups", "west", "12.3", "4.1", "0.47"]
    for measure in ("divided by the lowest", "geometric mean of all (NIST IR 8429)", "(ISO/IEC 19795-10)"):
        assert measure in plain(chapter)
    _, first, _, third, *_ = table(chapter, "Thresholds that hold in every group")
    assert first[:3] == ["1 in 100", "0.315", "west"]
    assert third == ["1 in 10,000", "the data supports none"]


def test_one_operating_point_is_not_told_twice() -> None:
    rich = examples.rich()
    (grouping,) = rich.groupings
    one = dataclasses.replace(grouping, at=grouping.at[2:3], worst_group=())
    text = plain(html(dataclasses.replace(rich, groupings=(one,))))
    assert "At all operating points" not in text
    assert "A threshold that holds in every group" not in text


def test_groups_without_comparisons() -> None:
    rich = examples.rich()
    (grouping,) = rich.groupings
    at = grouping.at[2]
    alone = dataclasses.replace(
        at.rates[0],
        fmr=None,
        fmr_low=None,
        fmr_high=None,
        fmr_supported=False,
        fmr_ratio=None,
        fnmr_per_person=None,
        fnmr_per_person_low=None,
        fnmr_per_person_high=None,
        fnmr_ratio=None,
    )
    changed = dataclasses.replace(grouping, at=(dataclasses.replace(at, rates=(alone,), cross=()),))
    chapter = section(html(dataclasses.replace(rich, groupings=(changed,))), "By label: region")
    _, line = table(chapter, "Rates of each group")
    assert line[2:6] == ["not compared", "–", "not compared", "–"]  # noqa: RUF001
    assert not chapter.find("svg")


def test_a_column_without_thresholds() -> None:
    rich = examples.rich()
    none = dataclasses.replace(rich.groupings[0], at=(), worst_group=(), merged=(), unlabelled=0)
    chapter = section(html(dataclasses.replace(rich, groupings=(none,))), "By label: region")
    assert not chapter.find("table")


# Pictures made worse


def test_bars_are_as_long_as_rates() -> None:
    root = shown(examples.rich)
    _, *lines = table(root, "FNMR of pictures made worse")
    assert lines[3] == ["eyes 12 px apart", "31 % 23 % to 40 %", "", "41", "1,000"]
    bars = [cell.find("svg")[0] for cell in root.find("td", class_="bar")]
    top = 1.25 * 0.31 + 0.003  # the highest upper end fills the cell
    assert float(bars[3].find("rect")[0].attributes["width"]) == pytest.approx(100 * 0.31 / top, abs=0.01)
    line = bars[3].find("line")[0].attributes
    assert float(line["x1"]) == pytest.approx(100 * (0.75 * 0.31 - 0.002) / top, abs=0.01)
    assert float(line["x2"]) == 100


@pytest.mark.parametrize("rows", [(), examples.robustness().rows[:1]])
def test_few_conditions(rows: tuple[Robustness, ...]) -> None:
    zero = tuple(dataclasses.replace(row, fnmr=0.0, fnmr_low=0.0, fnmr_high=0.0) for row in rows)
    root = html(dataclasses.replace(examples.empty(), robustness=RobustnessTable(1e-4, 0.376, zero)))
    assert len(root.find("td", class_="bar")) == len(rows)


# What it rests on


def test_counts_and_methods() -> None:
    found = facts(shown(examples.rich))
    assert found["Pack"] == "sface , fingerprint 0123456789abcdef"
    assert found["Protocol"] == "all-pairs: every picture against every other"
    assert found["Failures to acquire"].startswith("By ISO/IEC 19795-1")
    assert found["Comparisons of one person"].startswith("12,400, 92 of them")
    assert found["Comparisons of two people"] == "3,050,000, none with a failure to acquire"
    assert "1,000 draws" in found["Intervals, all 95 %"]
    assert "Wilson" in found["Intervals for pictures made worse"]
    assert "NIST IR 8280" in found["Groups"]
    assert "from 30 false matches on" in found["What is a rate"]
    binomial = facts(
        html(
            dataclasses.replace(
                examples.empty(), fmr_interval="binomial", fnmr_interval="bootstrap over people"
            )
        )
    )
    assert "Wilson" in binomial["Intervals of FMR, 95 %"]
    assert "CVIU 93(1), 2004" in binomial["Intervals of FNMR, 95 %"]


def test_what_the_data_can_not_show() -> None:
    told = [plain(item) for item in section(shown(examples.rich), "What the data can’t show").find("li")]
    for what in (
        "Other people.",
        "Other cameras.",
        "Document portraits.",
        "Growing older.",
        "Relatives",
        "Liveness.",
    ):
        assert any(each.startswith(what) for each in told)
    assert any(each.startswith("Nothing finer than 1 in 300,000.") for each in told)
    assert any("what the operator’s labels say" in each for each in told)
    few = plain(section(shown(examples.minimal), "What the data can’t show"))
    assert "there are bounds and no rates" in few
    assert "labels say" not in few


@pytest.mark.parametrize(
    ("count", "more"), [(1, None), (LISTED, None), (LISTED + 1, "and 1 more"), (1_250, "and 1,200 more")]
)
def test_lists_are_cut(count: int, more: str | None) -> None:
    names = tuple(f"{number}.jpg" for number in range(count))
    dropped = tuple(dataclasses.replace(examples.rich().dropped[0], what=name) for name in names)
    root = html(dataclasses.replace(examples.empty(), failures=names, dropped=dropped))
    (files,) = root.find("ul", class_="files")
    listed = [plain(item) for item in files.find("li")]
    _, *lines = table(root, "Files and rows left out")
    assert listed[:LISTED] == [line[0] for line in lines[:LISTED]] == list(names[:LISTED])
    assert listed[LISTED:] == [line[0] for line in lines[LISTED:]] == ([] if more is None else [more])


def test_hostile_names_are_only_text() -> None:
    source = source_of(examples.hostile)
    source.encode("utf-8")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", source)
    root = read(source)
    files = [plain(item) for item in root.find("ul", class_="files")[0].find("li")]
    assert files == [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7 * 7 }}",
        r"$\frac{1}{0$",
        r"gpj.\u202etrap\n\x00\x1b[31m",
        r"\udcff",
        "面部" * 40,
        "@0@",
        "=1+1",
    ]
    assert [line[0] for line in table(root, "Files and rows left out")[1:]] == files
    titles = [plain(each) for each in root.find("h2")]
    assert {"By label: <script>alert(1)</script>", r"By label: gpj.\u202etrap\n\x00\x1b[31m"} <= set(titles)


def test_nothing_supported_but_one_person_compared() -> None:
    rich = examples.rich()
    point = OperatingPoint(1e-4, examples.point(1e-4, supported=False))
    few = dataclasses.replace(rich, operating_points=(point,), finest_fmr=2e-3, groupings=())
    (main,) = html(few).find("div", class_="main")
    assert "The finest that they support is 1 in 500." in plain(main)
    assert "The false match rate there is" not in plain(main)
