from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.evaluation.labels import read_labels
from visavis.evaluation.truth import EvaluationError, Groups, Truth

if TYPE_CHECKING:
    from pathlib import Path

NFC, NFD = "Jos\u00e9", "Jose\u0301"


def people(*names: str, named: bool = True, groups: tuple[Groups, ...] = ()) -> Truth:
    count = len(names)
    return Truth("pairs", (), (), np.arange(count), names, None, groups, (), named=named)


def write(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text.replace(" ", "\n"), encoding="utf-8")
    return path


def test_by_hand(tmp_path: Path) -> None:
    path = write(tmp_path, "PERSON;Region;camera\nCy;north;\nAna;south;old\nBo;north;new\n")
    truth = read_labels(path, people("Ana", "Bo", "Cy", "Di"))
    region, camera = truth.groups
    assert (region.name, region.labels) == ("Region", ("north", "south"))
    assert region.of_person.tolist() == [1, 0, 0, -1]
    assert (camera.name, camera.labels) == ("camera", ("new", "old"))
    assert camera.of_person.tolist() == [1, 0, -1, -1]
    assert truth.dropped == ()
    assert truth.names == ("Ana", "Bo", "Cy", "Di")


def test_they_come_after_groups_that_are_there(tmp_path: Path) -> None:
    before = people("Ana", groups=(Groups("group", ("x",), np.array([0])),))
    truth = read_labels(write(tmp_path, "person,region Ana,north"), before)
    assert [groups.name for groups in truth.groups] == ["group", "region"]
    with pytest.raises(EvaluationError, match="found Group, expected another name"):
        read_labels(write(tmp_path, "person,Group Ana,north"), before)


def test_people_without_a_picture_are_counted(tmp_path: Path) -> None:
    truth = read_labels(write(tmp_path, "person,region Ana,north Who,x What,y"), people("Ana", "Bo"))
    assert truth.groups[0].labels == ("north",)
    [one] = truth.dropped
    assert (one.what, one.code) == ("labels.csv", "unknown_person")
    assert one.message == "2 rows are about people without a picture here"


def test_a_person_with_two_labels_has_none(tmp_path: Path) -> None:
    text = "person,region,camera Ana,north,old Ana,,new Ana,south,old Bo,north,new Bo,north,"
    truth = read_labels(write(tmp_path, text), people("Ana", "Bo"))
    assert [groups.of_person.tolist() for groups in truth.groups] == [[-1, 0], [-1, 0]]
    assert [(one.what, one.code) for one in truth.dropped] == [
        ("row 4", "contradiction"),  # of the region
        ("row 3", "contradiction"),  # of the camera
    ]
    assert truth.dropped[1].message == "another camera than in row 2: the person is left without one"


def test_rows_that_say_nothing(tmp_path: Path) -> None:
    truth = read_labels(write(tmp_path, "person,region ,north Ana,x,y Ana,north"), people("Ana"))
    assert sorted((one.what, one.code) for one in truth.dropped) == [
        ("row 2", "unreadable"),
        ("row 3", "unreadable"),
    ]


@pytest.mark.parametrize(("folder", "written"), [(NFC, NFD), (NFD, NFC)])
def test_an_accent_has_two_spellings(folder: str, written: str, tmp_path: Path) -> None:
    truth = read_labels(write(tmp_path, f"person,region {written},north"), people("Ana", folder))
    assert truth.groups[0].of_person.tolist() == [-1, 0]


def test_a_column_without_a_label(tmp_path: Path) -> None:
    truth = read_labels(write(tmp_path, "person,region,empty Ana,north,"), people("Ana"))
    assert truth.groups[1].labels == ()


@pytest.mark.parametrize(
    ("text", "truth", "code", "words"),
    [
        (
            "person,region Ana,x",
            people("Ana", named=False),
            "evaluation.labels",
            "with subject columns, or w",
        ),
        ("region x", people("Ana"), "evaluation.truth", "no column person"),
        ("person Ana", people("Ana"), "evaluation.labels", "no column of labels"),
        ("person,, Ana,x,y", people("Ana"), "evaluation.labels", "no column of labels"),
        ("person,x,X Ana,1,2", people("Ana"), "evaluation.truth", "several columns 'x'"),
        ("person,region", people("Ana"), "evaluation.empty", "no rows"),
        ("person,region Who,x What,x", people("Ana"), "evaluation.labels", "found 2 other people"),
        ("person,region ana,x", people("Ana"), "evaluation.labels", "found 1 other people"),
        ('person,region Ana,"x', people("Ana"), "evaluation.unreadable", "no sound CSV"),
        (
            "person,region " + " ".join(f"p{n},label{n}" for n in range(25)),
            people(*(f"p{n}" for n in range(25))),
            "evaluation.labels",
            "'region' has too many labels .* .found 25, expected at most 24",
        ),
    ],
)
def test_hostile_tables(text: str, truth: Truth, code: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=words) as caught:
        read_labels(write(tmp_path, text), truth)
    assert caught.value.code == code
