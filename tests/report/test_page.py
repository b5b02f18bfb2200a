from __future__ import annotations

import base64
import dataclasses
import io
import re
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from visavis.decision.policy import Policy
from visavis.report.page import SIDE, page
from visavis.report.words import DECISIONS, told

if TYPE_CHECKING:
    from tests.report.conftest import Case, Studio

    from visavis.decision.calibration import Calibration

MADE_AT = datetime(2026, 2, 3, 14, 5, 6, tzinfo=UTC)

VOID = {"meta", "img", "br", "hr", "link", "input"}


@dataclasses.dataclass
class Element:
    """An element of a page, with what lies in it."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str]

    def find(self, tag: str, **attributes: str) -> list[Element]:
        """All elements below of that tag; `attributes` must have these values."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and wanted.items() <= child.attributes.items():
                    found.append(child)
                found += child.find(tag, **attributes)
        return found

    @property
    def text(self) -> str:
        """All text below, with single spaces."""
        parts = (child if isinstance(child, str) else child.text for child in self.children)
        return " ".join(" ".join(parts).split())


class Reader(HTMLParser):
    """Reads a page into a tree; anything left open or closed twice fails the test."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {}, [])
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice in <{tag}>"
        element = Element(tag, {name: value or "" for name, value in attrs}, [])
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def html(case: Case, studio: Studio, **options: Any) -> str:
    options = {"calibration": case.calibration, "made_at": MADE_AT, **options}
    return page(case.verdict, case.references, case.probe, **options)


def read(source: str) -> Element:
    reader = Reader()
    reader.feed(source)
    reader.close()
    assert reader.open == [reader.root], "every element must be closed"
    return reader.root


def rows(root: Element) -> dict[str, str]:
    """Label and value of all tables; those of the first photograph where photographs share a label."""
    found: dict[str, str] = {}
    for row in (row for row in root.find("tr") if row.find("td")):
        found.setdefault(row.find("th")[0].text, row.find("td")[0].text)
    return found


def flags(root: Element) -> list[str]:
    (scale,) = root.find("svg", class_="scale")
    return [label.text for label in scale.find("text") if " from " in label.text]


def decoded(url: str) -> Image.Image:
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    assert image.get_format_mimetype() == kind
    return image


# One file that needs nothing else


def test_nothing_comes_from_outside_and_nothing_runs(studio: Studio, code: str) -> None:
    source = html(studio.reasoned(code), studio)
    root = read(source)
    apart_from_pictures = re.sub(r'"data:[^"]*"', '""', source)
    assert not re.search(r"https?:|//|url\(|@import|javascript:", apart_from_pictures)
    for tag in ("script", "link", "iframe", "object", "embed", "base", "form"):
        assert not root.find(tag)
    assert not re.search(r"<[^>]*\son\w+=", source)
    loaded = re.findall(r'\b(?:src|href|srcset|poster|action)="([^"]*)"', source)
    assert loaded
    assert all(url.startswith(("data:image/jpeg;base64,", "data:image/png;base64,")) for url in loaded)


def test_the_browser_is_told_to_load_nothing(studio: Studio) -> None:
    (policy,) = read(html(studio.case(), studio)).find("meta", http_equiv="Content-Security-Policy")
    assert policy.attributes["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_it_is_the_same_for_the_same_verdict(studio: Studio) -> None:
    assert html(studio.case(), studio) == html(studio.case(), studio)


def test_structure(studio: Studio) -> None:
    root = read(html(studio.case(), studio))
    assert root.find("html")[0].attributes["lang"] == "en"
    assert root.find("title")[0].text == "Face verification: match"
    assert len(root.find("h1")) == 1
    assert [heading.text for heading in root.find("h2")] == [
        "The photographs",
        "The faces as they were compared",
        "Similarity on its scale",
        "How good the pictures are",
        "What was measured",
        "What was not measured",
        "How it was made",
    ]
    ids = [element.attributes["id"] for element in root.find("h2")]
    for section in root.find("section"):
        named_by = section.attributes.get("aria-labelledby")
        assert named_by in ids or section.attributes.get("aria-label")


# The decision


@pytest.mark.parametrize(
    ("similarity", "decision", "shape"),
    [(0.512, "match", "circle"), (0.2, "no_match", "path"), (None, "inconclusive", "text")],
)
def test_the_decision_is_told_by_word_and_shape(
    studio: Studio, similarity: float | None, decision: str, shape: str
) -> None:
    root = read(html(studio.case(similarity), studio))
    assert root.find("h1")[0].text == DECISIONS[decision]  # type: ignore[index]
    assert root.find("body")[0].attributes["class"] == decision
    (card,) = root.find("header", class_="decision")
    (sign,) = card.find("svg")
    assert sign.find(shape)
    shapes = {tag for tag in ("circle", "text") if sign.find(tag)}
    assert shapes == {shape} - {"path"}  # the other decisions' shapes are absent


def test_reasons_are_told_decisive_first(studio: Studio) -> None:
    turned = studio.examined("passport.jpg", found=studio.face(), turned=90)
    verdict_case = studio.case(None, references=[turned], probe=studio.examined(problem="no_face"))
    root = read(html(verdict_case, studio))
    (items,) = root.find("ul", class_="reasons")
    assert [item.text.split(":")[0] for item in items.find("li")] == ["Reason", "Note"]
    assert [item.attributes.get("class") for item in items.find("li")] == ["decisive", None]


def test_every_reason_looks_right(studio: Studio, code: str) -> None:
    case = studio.reasoned(code)
    root = read(html(case, studio))
    (reason,) = case.verdict.reasons
    (item,) = root.find("ul", class_="reasons")[0].find("li")
    assert item.text == f"{'Reason:' if reason.decisive else 'Note:'} {told(reason)}"
    assert ("nothing was compared" in root.find("svg", class_="scale")[0].text) == reason.decisive
    assert ("Similarity none: nothing was compared" in root.text) == reason.decisive


def test_without_reasons_there_is_no_list_of_them(studio: Studio) -> None:
    assert not read(html(studio.case(), studio)).find("ul", class_="reasons")


# The pictures


def test_photographs_are_embedded_upright_and_small(studio: Studio) -> None:
    probe = studio.examined(found=studio.face(), width=1600, height=1200)
    root = read(html(studio.case(probe=probe), studio))
    first, second = (decoded(image.attributes["href"]) for image in root.find("image"))
    assert first.size == (200, 160)  # never enlarged
    assert second.size == (SIDE, SIDE * 1200 // 1600)
    assert np.asarray(first, np.float64)[45, 55] == pytest.approx((90, 120, 150), abs=12)  # JPEG's loss


def test_a_read_only_photograph_stays_as_it_is(studio: Studio) -> None:
    case = studio.case()
    before = case.probe.photo.pixels.copy()
    html(case, studio)
    assert (case.probe.photo.pixels == before).all()


def test_marks_lie_in_pixels_of_the_whole_picture(studio: Studio) -> None:
    # As if the photo had been decoded at half size: the marks must not follow.
    probe = studio.examined(
        found=studio.face(60.04, 40, 80), others=[studio.face(10, 20, 30)], width=400, height=320
    )
    half = dataclasses.replace(probe, photo=studio.examined(width=200, height=160).photo)
    root = read(html(studio.case(probe=half), studio))
    picture = root.find("figure")[1].find("svg")[0]
    assert picture.attributes["viewbox"] == "0 0 400 320"
    (image,) = picture.find("image")
    assert (image.attributes["width"], image.attributes["height"]) == ("400", "320")
    (box,) = picture.find("rect", class_="box over")
    assert [box.attributes[name] for name in ("x", "y", "width", "height")] == ["60.0", "40", "80", "100.0"]
    (other,) = picture.find("rect", class_="other over")
    assert [other.attributes[name] for name in ("x", "y", "width", "height")] == ["10", "20", "30", "37.5"]
    points = [path.attributes["d"] for path in picture.find("path", class_="point over")]
    assert points == [
        "M84.0 80.0h.01",
        "M116.0 80.0h.01",
        "M100.0 96.0h.01",
        "M88.0 116.0h.01",
        "M112.0 116.0h.01",
    ]


@pytest.mark.parametrize(
    ("code", "boxes", "others", "chips", "alt"),
    [
        ("no_face", 1, 0, 1, "Probe: no face found"),
        (
            "several_faces",
            1,
            2,
            1,
            "Probe: no face that could be compared; 2 other faces marked by dashed boxes",
        ),
        (
            "no_face_in_box",
            1,
            1,
            1,
            "Probe: no face that could be compared; 1 other face marked by dashed boxes",
        ),
        ("face_doubtful", 2, 0, 2, "Probe: a face marked by a box and five points"),
        (
            "other_faces",
            2,
            1,
            2,
            "Probe: a face marked by a box and five points; 1 other face marked by dashed boxes",
        ),
    ],
)
def test_what_was_found_is_drawn_and_described(
    studio: Studio, code: str, boxes: int, others: int, chips: int, alt: str
) -> None:
    root = read(html(studio.reasoned(code), studio))
    assert len(root.find("rect", class_="box over")) == boxes
    assert len(root.find("path", class_="point over")) == 5 * boxes
    assert len(root.find("rect", class_="other over")) == others
    assert len(root.find("img")) == chips
    assert len(root.find("div", class_="none")) == 2 - chips
    assert root.find("figure")[1].find("svg")[0].attributes["aria-label"] == alt


def test_chips_are_shown_to_the_last_bit(studio: Studio) -> None:
    chips = np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)
    case = studio.case()
    case = dataclasses.replace(case, probe=dataclasses.replace(case.probe, chips=chips))
    _, shown = read(html(case, studio)).find("img")
    assert (np.asarray(decoded(shown.attributes["src"])) == chips[0]).all()
    assert shown.attributes["alt"] == "Probe: the face, cut out and turned upright"


@pytest.mark.parametrize(("views", "told_of"), [(1, False), (2, True)])
def test_only_the_first_view_is_shown_and_that_is_said(studio: Studio, views: int, told_of: bool) -> None:
    case = studio.case(probe=studio.examined(found=studio.face(), views=views))
    root = read(html(case, studio))
    assert len(root.find("img")) == 2
    assert ("in 2 views each, of which the first is shown" in root.text) == told_of


def test_several_references_are_all_shown_in_order(studio: Studio) -> None:
    three = [studio.examined(f"{letter}.jpg", found=studio.face()) for letter in "abc"]
    root = read(html(studio.case(0.5, references=three), studio))
    captions = [caption.text for caption in root.find("figcaption")]
    assert captions[:4] == ["Reference a.jpg", "Reference 2 b.jpg", "Reference 3 c.jpg", "Probe live.jpg"]
    assert captions[4:] == ["Reference", "Reference 2", "Reference 3", "Probe"]
    assert rows(root)["Similarity"].startswith("0.500, the average over 3 references;")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert(1)</script>.jpg", "<script>alert(1)</script>.jpg"),
        ('"><img src=x onerror=alert(1)>', '"><img src=x onerror=alert(1)>'),
        ("&lt;b&gt; {{ 7 * 7 }}.png", "&lt;b&gt; {{ 7 * 7 }}.png"),
        ("gpj.\u202etrap\n\x00", r"gpj.\u202etrap\n\x00"),
        ("\udcff.jpg", r"\udcff.jpg"),
        (None, "(no name)"),
    ],
)
def test_hostile_names_are_only_text(studio: Studio, name: str | None, shown: str) -> None:
    source = html(studio.case(probe=studio.examined(name, found=studio.face())), studio)
    source.encode("utf-8")
    root = read(source)
    assert f"Probe {shown}" in [caption.text for caption in root.find("figcaption")]
    assert not root.find("script")
    assert len(root.find("img")) == 2


# The scale


def test_thresholds_and_what_is_beyond_the_data(studio: Studio) -> None:
    root = read(html(studio.case(), studio))
    # The invented calibration's own marks; its finest is 4e-6.
    assert flags(root) == ["1 in 1,000 from 0.368", "1 in 10,000 from 0.421", "1 in 100,000 from 0.465"]
    assert "1 in 1,000,000: beyond what the data supports (the finest is 1 in 250,000)." in root.text


def finer(calibration: Calibration, *, marks: int | None = None, fmr: float | None = None) -> Calibration:
    """The calibration with fewer marks, or with another finest FMR."""
    kept = list(calibration.marks[:marks])
    if fmr is not None:
        kept[-1] = dataclasses.replace(kept[-1], fmr=fmr, fmr_upper=2 * fmr)
    return dataclasses.replace(calibration, marks=tuple(kept))


def test_a_larger_calibration_has_all_four_marks(studio: Studio) -> None:
    large = finer(studio.calibration, fmr=1e-6)
    root = read(html(studio.case(calibration=large), studio))
    assert flags(root)[-1] == "1 in 1,000,000 from 0.490"
    assert "beyond what the data supports" not in root.text


def test_a_small_calibration_says_what_it_can_not(studio: Studio) -> None:
    small = finer(studio.calibration, marks=5)
    case = studio.case(calibration=small, policy=Policy(fmr=1e-2))
    root = read(html(case, studio))
    assert flags(root) == ["1 in 100 from 0.300", "1 in 1,000 from 0.368"]
    assert "1 in 10,000 and 1 in 100,000 and 1 in 1,000,000: beyond what the data supports" in root.text


@pytest.mark.parametrize(
    ("fmr", "rule", "count"),
    [(1e-4, "1 in 10,000 from 0.421", 3), (2e-5, "1 in 50,000 from 0.452", 4)],
)
def test_the_rule_applied_is_emphasised(studio: Studio, fmr: float, rule: str, count: int) -> None:
    root = read(html(studio.case(policy=Policy(fmr=fmr)), studio))
    (scale,) = root.find("svg", class_="scale")
    assert [label.text for label in scale.find("text", class_="halo rule")] == [rule]
    assert len(flags(root)) == count
    assert f"{rule.split(' from ')[1]}, the rule applied." in scale.attributes["aria-label"]


@pytest.mark.parametrize(
    ("similarity", "place", "low"),
    [
        (0.512, "51.2%", "0 less alike"),
        (1.0, "100.0%", "0 less alike"),
        (0.0, "0.0%", "0 less alike"),
        (-0.14, "5.0%", "−0.2 less alike"),  # noqa: RUF001  # (-0.14 + 0.2) / 1.2
        (-0.35, "10.0%", "−0.5 less alike"),  # noqa: RUF001  # (-0.35 + 0.5) / 1.5
        (-0.8, "10.0%", "−1 less alike"),  # noqa: RUF001
    ],
)
def test_the_measured_similarity_has_its_place(
    studio: Studio, similarity: float, place: str, low: str
) -> None:
    (scale,) = read(html(studio.case(similarity), studio)).find("svg", class_="scale")
    (marker,) = (nested for nested in scale.find("svg") if nested.find("path", class_="marker"))
    assert marker.attributes["x"] == place
    assert f"measured {similarity:.3f}" in scale.text
    assert low in scale.text


@pytest.mark.parametrize(
    ("similarity", "no_match", "match"),
    [  # the rule lies at 42.1: the words go to the other end of the side that the marker is on
        (0.1, "42.1%", "100%"),
        (0.3, "8", "100%"),
        (0.6, "8", "100%"),
        (0.9, "8", "42.1%"),
        (None, "8", "100%"),
    ],
)
def test_the_marker_covers_no_words(
    studio: Studio, similarity: float | None, no_match: str, match: str
) -> None:
    (scale,) = read(html(studio.case(similarity), studio)).find("svg", class_="scale")
    places = {label.text: label.attributes.get("x") for label in scale.find("text")}
    assert (places["no match"], places["match"]) == (no_match, match)


def test_without_a_similarity_there_is_no_marker(studio: Studio) -> None:
    (scale,) = read(html(studio.case(None), studio)).find("svg", class_="scale")
    assert not scale.find("path", class_="marker")
    assert "measured" not in scale.text
    assert scale.attributes["aria-label"].startswith("Scale of similarity. Nothing was compared.")


# The tables


def test_what_was_measured(studio: Studio) -> None:
    noted = studio.examined(
        "passport.jpg", found=studio.face(), notes=("turned by EXIF orientation 6", "flattened onto white")
    )
    found = rows(read(html(studio.case(0.44, references=[noted]), studio)))
    expected = {
        "Similarity": "0.440",
        # 1e-4 * 0.3 ** (19 / 24) = 3.86e-5: between the marks 0.421 and 0.445, on a straight line in log FMR
        "False match rate here": "1 in 25,000 (upper bound 1 in 12,000); 3.9e-05 (upper bound 7.7e-05), "
        "with 95 % confidence",
        "Threshold": "0.421: a match from here on",
        "Accepted false match rate": "at most 1 in 10,000 (1.0e-04); at the threshold below 1 in 5,000 "
        "with 95 % confidence",
        "Which face counts": "the only one; a second face of comparable size ends the comparison",
        "Picture": "200 × 160 pixels, PNG",  # noqa: RUF001
        "Between the eyes": "32.0 pixels",
        "Confidence of the detector": "0.93 (of 1)",
        "Roll": "+0.0°, clockwise positive",
        "Detectors differ by": "7 % of the distance between the eyes",
        "Other faces": "0",
        "On the way": "turned by EXIF orientation 6; flattened onto white",
        "SHA-256": noted.evidence.sha256,
        "Pack": "sface, fingerprint 0123456789abcdef",
        "Calibration": f"shipped with visavis: invented, digest {studio.calibration.digest[:12]}",
        "Error rates from": "invented: 40,000 pictures of 5,000 people, 25.5 million comparisons of "
        "different people. Numbers made up for tests.",
        "How bounds were made": "bootstrap over people, 1,000 draws",
        "Time of making": "2026-02-03T14:05:06Z (UTC)",
        "Time taken": "photo 12.3 ms, detect 30.0 ms, total 142.4 ms",
    }
    assert {label: found.get(label) for label in expected} == expected
    assert "Likelihood ratio (log10)" not in found, "this calibration has none"


def test_an_operators_own_calibration(studio: Studio) -> None:
    found = rows(read(html(studio.case(0.5, calibration=studio.own), studio)))
    expected = {
        "Calibration": f"the operator's own: invented, digest {studio.own.digest[:12]}; rates of the worst "
        "of 3 groups: branch A, branch B, branch C",
        "Likelihood ratio (log10)": "3.1: 1,200 times likelier if one person than if two, on pictures like "
        "those of the calibration; this is not how likely it is that they show one person",
        "False match rate here": "below 1 in 120,000; below 8.0e-06, with 95 % confidence",
        "Threshold": "0.421: a match from here on",
    }
    assert {label: found.get(label) for label in expected} == expected


def test_labels_of_groups_are_only_text(studio: Studio) -> None:
    own = dataclasses.replace(studio.own, groups=("<script>alert(1)</script>", "{{ 7 * 7 }}"))
    root = read(html(studio.case(0.5, calibration=own), studio))
    assert not root.find("script")
    assert rows(root)["Calibration"].endswith("2 groups: <script>alert(1)</script>, {{ 7 * 7 }}")


def test_with_several_references_the_rates_are_those_of_one_comparison(studio: Studio) -> None:
    two = [studio.examined(f"{letter}.jpg", found=studio.face()) for letter in "ab"]
    for calibration, told_so in (
        (studio.calibration, "the false match rate is that of a single comparison"),
        (studio.own, "the false match rate and the likelihood ratio are those of a single comparison"),
    ):
        found = rows(read(html(studio.case(0.5, references=two, calibration=calibration), studio)))
        assert found["Similarity"] == f"0.500, the average over 2 references; {told_so}"


def test_a_modelled_threshold(studio: Studio) -> None:
    root = read(html(studio.reasoned("threshold_modelled"), studio))
    assert flags(root)[-1] == "1 in 1,000,000 by a model from 0.513"
    assert "beyond what the data supports" not in root.find("p")[-1].text
    found = rows(root)
    expected = {
        "Threshold": "0.513: a match from here on, by a model",
        "Accepted false match rate": "at most 1 in 1,000,000 (1.0e-06), by a model; the data itself says of "
        "the threshold below 1 in 120,000 with 95 % confidence",
        "False match rate here": "below 1 in 120,000; below 8.0e-06, with 95 % confidence; 1 in 25,000,000 "
        "by the model",
    }
    assert {label: found.get(label) for label in expected} == expected


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        (0.77, "below 1 in 120,000; below 8.0e-06, with 95 % confidence"),
        (0.05, "not rare (the similarity lies below the range that was measured)"),
    ],
)
def test_beyond_the_data_no_rate_is_made_up(studio: Studio, similarity: float, expected: str) -> None:
    assert rows(read(html(studio.case(similarity), studio)))["False match rate here"] == expected


def test_without_a_similarity_there_is_no_rate(studio: Studio) -> None:
    found = rows(read(html(studio.reasoned("no_face"), studio)))
    assert found["Similarity"] == "none: nothing was compared"
    assert "False match rate here" not in found


@pytest.mark.parametrize(
    ("fmr", "bound"),
    [(1e-1, "20 in 100"), (1e-2, "1 in 50"), (4e-6, "1 in 120,000")],  # twice each mark's FMR
)
def test_the_rule_has_its_bound_at_both_ends_of_the_data(studio: Studio, fmr: float, bound: str) -> None:
    found = rows(read(html(studio.case(policy=Policy(fmr=fmr)), studio)))
    assert f"at the threshold below {bound} with" in found["Accepted false match rate"]


@pytest.mark.parametrize(
    ("code", "row", "value"),
    [
        ("no_face", "Face", "none that could be compared"),
        ("several_faces", "Faces found", "2"),
        ("other_faces", "Other faces", "1"),
        ("turned", "Turned to find the face", "90° clockwise"),
    ],
)
def test_what_was_found_on_the_probe(studio: Studio, code: str, row: str, value: str) -> None:
    root = read(html(studio.reasoned(code), studio))
    (table,) = (table for table in root.find("table") if table.text.startswith("Probe"))
    assert rows(table)[row] == value


@pytest.mark.parametrize(
    "missing",
    [
        "Whether a live person was there",
        "Whether a document is genuine",
        "How old the pictures are",
        "How good the pictures are",
        "groups of people differ",
        "false non-matches",
    ],
)
def test_what_was_not_measured_is_said(studio: Studio, missing: str) -> None:
    (items,) = read(html(studio.case(), studio)).find("ul", class_="missing")
    assert missing in items.text


# Quality and liveness


def table_under(root: Element, heading: str) -> list[list[str]]:
    """Cells of the table of the section of that name."""
    (section,) = (
        each for each in root.find("section") if each.find("h2") and each.find("h2")[0].text == heading
    )
    return [
        [cell.text for cell in (*row.find("th"), *row.find("td"))]
        for row in section.find("table")[0].find("tr")
    ]


def test_quality_is_measured_for_people_to_see_and_said_to_have_no_influence(studio: Studio) -> None:
    root = read(html(studio.case(0.5), studio))
    head, reference, probe = table_under(root, "How good the pictures are")
    assert head[:2] == ["Picture", "Held against"]
    assert (reference[0], probe[0]) == ("Reference", "Probe")
    assert reference[1] == "the profile document portrait, for you to see: it had no influence"
    assert probe[1] == "the profile selfie, for you to see: it had no influence"
    assert "falls short in: " in probe[3], "a drawn picture of two colours"
    assert "The policy asks for none of this." in root.text


def test_what_the_policy_asks_is_shown_as_it_was_measured(studio: Studio) -> None:
    root = read(html(studio.reasoned("quality_low"), studio))
    _, reference, probe = table_under(root, "How good the pictures are")
    assert "no influence" in reference[1]
    assert probe[1] == "the profile selfie"
    assert "falls short in: natural colour" in probe[3]
    assert "natural colour 12" in probe[3]


def test_without_a_face_no_quality_is_measured(studio: Studio) -> None:
    root = read(html(studio.reasoned("no_face"), studio))
    *_, probe = table_under(root, "How good the pictures are")
    assert probe[2:] == ["no score", "nothing was measured: there is no face that could be compared"]


def test_what_was_found_of_liveness(studio: Studio) -> None:
    heading = "Whether a live person was there"
    assert heading not in [each.text for each in read(html(studio.case(), studio)).find("h2")]
    root = read(html(studio.reasoned("presentation_attack"), studio))
    found = dict(table_under(root, heading))
    assert found["Outcome"] == "taken for a presentation attack"
    assert found["Score"].startswith("0.12, live from 0.50 on")
    assert found["The picture alone"].endswith("it was shrunk")
    assert "Whether it was an attack for certain." in root.text


def test_an_answered_challenge_is_told_check_by_check(studio: Studio) -> None:
    case = studio.case(policy=Policy(liveness="assess"), liveness=studio.live)
    root = read(html(case, studio))
    found = dict(table_under(root, "Whether a live person was there"))
    assert found["Outcome"] == "taken for a live person; the policy decides nothing by it"
    assert found["Challenge: turning"] == "score 0.83: the head <turned> as asked"
    assert found["Challenge: relief"] == "not assessed: too few frames"
    assert "liveness was not tested" not in root.text


# What can't be


def test_the_time_is_told_in_utc(studio: Studio) -> None:
    there = datetime(2026, 2, 3, 1, 5, 6, 789_000, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    (time,) = read(html(studio.case(), studio, made_at=there)).find("time")
    assert time.text == time.attributes["datetime"] == "2026-02-02T19:35:06Z"


def test_the_time_is_now_by_default(studio: Studio) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    (time,) = read(html(studio.case(), studio, made_at=None)).find("time")
    assert before <= datetime.fromisoformat(time.text) <= datetime.now(UTC)


def test_a_time_without_zone_is_refused(studio: Studio) -> None:
    with pytest.raises(ValueError, match="with a time zone"):
        html(studio.case(), studio, made_at=datetime(2026, 2, 3))


@pytest.mark.parametrize("swapped", ["probe", "references", "one too many"])
def test_other_pictures_than_those_of_the_verdict_are_refused(studio: Studio, swapped: str) -> None:
    case = studio.case()
    other = studio.examined("other.jpg", found=studio.face())
    changed = {
        "probe": {"probe": other},
        "references": {"references": [other]},
        "one too many": {"references": [*case.references, other]},
    }[swapped]
    with pytest.raises(ValueError, match="pictures of the verdict"):
        html(dataclasses.replace(case, **changed), studio)  # type: ignore[arg-type]


def test_another_calibration_than_that_of_the_verdict_is_refused(studio: Studio) -> None:
    other = dataclasses.replace(studio.calibration, method="another")
    with pytest.raises(ValueError, match=f"found {other.digest}"):
        html(studio.case(), studio, calibration=other)
