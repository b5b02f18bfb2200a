from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from tests.report.conftest import examined, face

from visavis.quality.assessed import held
from visavis.quality.component import NAMES, Component
from visavis.quality.measure import Quality
from visavis.quality.profiles import PROFILES
from visavis.report.quality_page import Finding, assess, heading, meaning, quality_page

if TYPE_CHECKING:
    from visavis.faces.face import Face

MADE_AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SELFIE = PROFILES["selfie"]
COUNT = len(SELFIE.floors)


def finding(changes: dict[str, float | str] | None = None, **more: Any) -> Finding:
    """A face whose scores are all 99, but for `changes`: another score, or why it wasn't assessed."""
    components = []
    for name in NAMES:
        value = (changes or {}).get(name, 99.0)
        components.append(
            Component.failed(name, value)
            if isinstance(value, str)
            else Component.measured(name, -0.0001, value)
        )
    seen = examined(found=face(), **more)
    return dataclasses.replace(assess(seen, SELFIE), assessed=held(Quality(tuple(components)), SELFIE))


def test_all_floors_reached() -> None:
    good = finding()
    assert good.meets is True
    assert (heading(good), good.tone) == ("MEETS the profile selfie", "match")
    assert meaning(good) == f"{COUNT} of {COUNT} floors are reached."
    assert [row.native for row in good.rows if row.label == "turned to the side"] == ["0.000 degrees"]


def test_a_shortfall_goes_before_what_was_not_assessed() -> None:
    short = finding(
        {"natural_colour": 49.9, "sharpness_proxy": "the border cuts it", "luminance_variance": 0}
    )
    assert short.meets is False
    assert (
        meaning(short) == f"{COUNT - 2} of {COUNT} floors are reached, 1 is not; not assessed: fine detail."
    )
    assert [row.label for row in short.rows if row.advice] == ["natural colour"]
    assert short.left_out == {"the border cuts it": ["fine detail"]}


def test_nobody_can_tell_where_a_floor_was_not_assessed() -> None:
    unknown = finding({"sharpness_proxy": "the border cuts it"})
    assert unknown.meets is None
    assert (heading(unknown), unknown.tone) == (
        "CANNOT TELL whether it meets the profile selfie",
        "inconclusive",
    )
    assert finding({"eyes_open": "no eyelids"}).meets is True, "it has no floor"


def test_a_face_too_poor_to_compare_falls_short_whatever_its_scores() -> None:
    poor = finding(problem="landmarks_doubtful")
    assert poor.meets is False
    assert poor.problem is not None
    assert meaning(poor) == f"{COUNT} of {COUNT} floors are reached; the face is too poor to be compared."


@pytest.mark.parametrize(("others", "problem"), [([], "no_face"), ([face(), face(100)], "several_faces")])
def test_without_a_face_nothing_is_measured(others: list[Face], problem: str) -> None:
    none = assess(examined(others=others, problem=problem), SELFIE)
    assert none.meets is None
    assert none.assessed is None
    assert none.rows == []
    assert none.problem is not None
    assert none.problem.code == problem
    assert "box" not in none.problem.message, "nobody can give one here"
    page = quality_page(none, made_at=MADE_AT)
    assert "CANNOT TELL" in page
    assert 'class="scores"' not in page


def test_the_page_needs_nothing_else_and_is_well_formed() -> None:
    page = quality_page(finding({"natural_colour": 49.9}, name="<b>&.png"), made_at=MADE_AT)
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page)
    assert "url(" not in page
    assert "&lt;b&gt;&amp;.png" in page
    assert page.count("2026-05-04T12:00:00Z") == 2
    body = page[page.index("<main>") : page.index("</main>") + len("</main>")]
    ET.fromstring(re.sub(r"(<img [^>]*)>", r"\1/>", body))


def test_each_bar_has_its_score_and_its_floor_as_text() -> None:
    page = quality_page(finding({"natural_colour": 49.9, "luminance_variance": 12}), made_at=MADE_AT)
    assert page.count('role="img" aria-label="score ') == len(NAMES) + 1, "and that of all together"
    assert page.count('<path class="floor"') == len(SELFIE.floors)
    [row] = re.findall(r"<tr><th scope=\"row\">Natural colour.*", page)
    assert 'aria-label="score 49.9 of 100, floor 50.0"' in row
    assert '<rect class="below" y="2" width="49.9"' in row
    assert 'd="M50.0 0v10"' in row
    assert page.count("<b>Below the floor:</b>") == 1
    told = page[page.index(row) + len(row) :].lstrip()
    assert told.startswith('<tr class="advice"><td colspan="5"><b>Below the floor:</b> ')
    [row] = re.findall(r"<tr><th scope=\"row\">Contrast of the face.*", page)
    assert 'aria-label="score 12.0 of 100, no floor"' in row


def test_the_unified_score_stands_first_and_large() -> None:
    good = finding()
    assert good.unified is not None
    page = quality_page(good, made_at=MADE_AT)
    [told] = re.findall(r'<p class="large"><b>([\d.]+)</b> of 100', page)
    assert float(told) == round(good.unified.score, 1)
    assert page.index('<h2 id="one">One score</h2>') < page.index('<h2 id="picture">')
    data = good.to_dict()
    assert data["score"] == round(good.unified.score, 1)
    assert list(data).index("score") < list(data).index("components")
    assert [row.label for row in good.rows].count("unified score") == 0, "once is enough"


def test_without_a_unified_score_none_is_shown() -> None:
    none = finding(dict.fromkeys(NAMES, "the border cuts it"))
    assert none.unified is None
    page = quality_page(none, made_at=MADE_AT)
    assert "One score" not in page
    assert none.to_dict()["score"] is None


def test_box_and_points_are_drawn() -> None:
    page = quality_page(finding(), made_at=MADE_AT)
    assert '<rect class="box over" x="60' in page
    assert page.count('<path class="point over"') == 5


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        quality_page(finding(), made_at=datetime(2026, 5, 4))
