"""The flame graph of the documentation, on times made by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import flame  # no package: it lies in benchmarks/

SVG = "{http://www.w3.org/2000/svg}"
MEDIANS = {
    ("photo",): 4.0,
    ("photo", "JPEG decoding"): 3.0,
    ("recognise",): 12.0,
    ("recognise", "recogniser"): 10.0,
    ("recognise", "recogniser", "convolutions"): 7.5,
    ("recognise", "recogniser", "<other>"): 2.5,
}


def test_boxes_stand_under_what_they_are_part_of() -> None:
    whole = flame.tree(MEDIANS)
    assert whole.ms == 16
    assert [box.label for box in whole.children] == ["photo", "recognise"]
    (network,) = whole.children[1].children
    assert [(box.label, box.ms) for box in network.children] == [("convolutions", 7.5), ("<other>", 2.5)]


def test_a_box_is_as_wide_as_its_time() -> None:
    root = ET.fromstring(flame.drawn(flame.tree(MEDIANS), "a & b"))
    boxes = {}
    for group in root.iter(f"{SVG}g"):
        title, rect = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        assert title is not None
        assert rect is not None
        boxes[title.text] = [float(rect.attrib[name]) for name in ("x", "y", "width")]
    assert len(boxes) == 7
    left, top, width = boxes["whole path, 16.0 ms"]
    assert boxes["recognise, 12.0 ms"] == pytest.approx(
        [left + width / 4, top + flame.ROW, width * 3 / 4], abs=0.1
    )
    assert boxes["recogniser, 10.0 ms"] == pytest.approx(
        [left + width / 4, top + 2 * flame.ROW, width * 10 / 16], abs=0.1
    )
    assert boxes["<other>, 2.5 ms"] == pytest.approx(
        [left + width * 11.5 / 16, top + 3 * flame.ROW, width * 2.5 / 16], abs=0.1
    )


@pytest.mark.parametrize(
    ("name", "operator", "kind"),
    [
        ("conv_1_batchnorm.linear", "QLinearConv", "convolutions"),
        ("conv_1_batchnorm.bent", "QLinearConv", "PReLU: slopes"),
        ("conv_1_batchnorm", "Max", "PReLU: maximum"),
        ("373_nchwc", "Conv", "convolutions"),
        ("a.bent.tokens", "Reshape", "other"),
    ],
)
def test_operations_by_kind(name: str, operator: str, kind: str) -> None:
    assert flame.kind_of(name, operator) == kind


def test_a_stopwatch_knows_the_way_down() -> None:
    watch = flame.Stopwatch()
    with watch("stage"):
        assert watch.around(lambda x: x + 1, "part")(1) == 2
        watch.around(int, "part")()
    assert set(watch.ms) == {("stage",), ("stage", "part")}
    assert watch.ms["stage",] >= watch.ms["stage", "part"] >= 0
    assert watch.path == ()


def test_the_parts_are_where_they_are_looked_up() -> None:
    for place in flame.PARTS:
        owner, name = flame.looked_up(place)
        assert callable(getattr(owner, name))
