from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from visavis.evaluation.folders import read_folders
from visavis.evaluation.truth import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from visavis.evaluation.truth import Truth


def lay(folder: Path, **files: str) -> Path:
    """Files from ``Person__name=content``, with two underscores for a slash."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return folder


def dropped(truth: Truth) -> list[tuple[str, str]]:
    return sorted((one.what, one.code) for one in truth.dropped)


def test_by_hand(tmp_path: Path) -> None:
    lay(tmp_path, Bo__2="b2", Bo__1="b1", Ana__x="a", Cy__deep__er__1="c1", Cy__0="c0")
    truth = read_folders(tmp_path)
    assert truth.protocol == "all-pairs"
    assert truth.names == ("Ana", "Bo", "Cy")
    assert truth.picture_names == ("Ana/x", "Bo/1", "Bo/2", "Cy/0", "Cy/deep/er/1")
    assert truth.pictures == tuple(tmp_path / name for name in truth.picture_names)
    assert truth.person.tolist() == [0, 1, 1, 2, 2]
    assert truth.pairs is None
    assert (truth.groups, truth.dropped) == ((), ())
    assert truth.named


def test_what_is_hidden_does_not_count(tmp_path: Path) -> None:
    lay(tmp_path, Ana__1="a", Bo__1="b", Bo___dot_DS_Store="x", _dot_git__1="g", Bo___dot_deep__1="d")
    lay(tmp_path, __MACOSX___dot__1="m")  # what a Mac puts into archives
    truth = read_folders(tmp_path)
    assert truth.picture_names == ("Ana/1", "Bo/1")
    assert truth.dropped == ()


def test_a_file_of_nobody(tmp_path: Path) -> None:
    truth = read_folders(lay(tmp_path, Ana__1="a", Bo__1="b", README="r"))
    assert dropped(truth) == [("README", "no_person")]
    assert len(truth.pictures) == 2


def test_an_empty_folder_is_no_person(tmp_path: Path) -> None:
    (tmp_path / "Nobody").mkdir()
    assert read_folders(lay(tmp_path, Ana__1="a", Bo__1="b")).names == ("Ana", "Bo")


def test_a_copy_counts_once(tmp_path: Path) -> None:
    truth = read_folders(lay(tmp_path, Ana__1="a", Ana__2="A", Ana__sub__3="a", Bo__1="b"))
    assert truth.picture_names == ("Ana/1", "Ana/2", "Bo/1")
    assert dropped(truth) == [("Ana/sub/3", "duplicate")]
    assert truth.dropped[0].message == "the same file as Ana/1"


def test_a_file_of_two_people_counts_for_neither(tmp_path: Path) -> None:
    # Ana holds it twice, Bo once; Cy has nothing else and is gone with it.
    lay(tmp_path, Ana__1="s", Ana__2="s", Ana__3="a", Bo__1="s", Bo__2="b", Cy__1="s", Di__1="d")
    truth = read_folders(tmp_path)
    assert truth.names == ("Ana", "Bo", "Di")
    assert truth.picture_names == ("Ana/3", "Bo/2", "Di/1")
    assert truth.person.tolist() == [0, 1, 2]
    assert dropped(truth) == [(name, "contradiction") for name in ("Ana/1", "Ana/2", "Bo/1", "Cy/1")]
    messages = {one.what: one.message for one in truth.dropped}
    assert messages["Ana/2"] == "the same file as Bo/1, which is another person's"
    assert messages["Bo/1"] == "the same file as Ana/1, which is another person's"


def test_files_without_a_byte_are_not_each_others_copies(tmp_path: Path) -> None:
    truth = read_folders(lay(tmp_path, Ana__1="", Bo__1="", Bo__2=""))
    assert len(truth.pictures) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs a privilege")
def test_links(tmp_path: Path) -> None:
    lay(tmp_path, Ana__1="a", Bo__1="b")
    outside = lay(tmp_path.parent / "outside", Cy__1="c")
    (tmp_path / "Cy").symlink_to(outside / "Cy")
    (tmp_path / "Bo" / "round").symlink_to(tmp_path)
    (tmp_path / "Ana" / "2").symlink_to(outside / "Cy" / "1")
    (tmp_path / "Ana" / "broken").symlink_to(outside / "nothing")
    truth = read_folders(tmp_path)
    # A link to a file is that file; that a broken one can't be read is found out with all that can't.
    assert truth.picture_names == ("Ana/1", "Ana/2", "Ana/broken", "Bo/1")
    assert dropped(truth) == [("Bo/round", "link"), ("Cy", "link")]


@pytest.mark.skipif(sys.platform != "linux", reason="only here may a name be any bytes")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    person = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n")
    lay(Path(person), x="b")
    truth = read_folders(lay(tmp_path, Ana__1="a"))
    assert sorted(truth.picture_names) == ["??/x", "Ana/1"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, Ana__1="a", Bo__1="b", Bo__locked__2="c")
    real = os.scandir

    def refuse(path: str | Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    truth = read_folders(tmp_path)
    assert dropped(truth) == [("Bo/locked", "unreadable")]
    assert truth.dropped[0].message == "the folder can't be read: Permission denied"


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda folder: folder / "nothing", "evaluation.unreadable", "No such file"),
        (lambda folder: folder / "a\0b", "evaluation.unreadable", "no such name"),
        (lambda folder: folder / ("x" * 5000), "evaluation.unreadable", "too long"),
        (lambda folder: lay(folder, file="x") / "file", "evaluation.unreadable", "Not a directory"),
        (lambda folder: folder, "evaluation.empty", "one folder for each person"),
        (lambda folder: lay(folder, a="x", b="y"), "evaluation.empty", "2 files that are in no person"),
        (lambda folder: lay(folder, Ana___dot_x="x"), "evaluation.empty", "no pictures"),
        (lambda folder: lay(folder, Ana__1="x", Ana__2="y"), "evaluation.people", "found 1, expected two"),
        (lambda folder: lay(folder, Ana__1="x", Bo__1="x"), "evaluation.people", "found 0"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="words of another system")
def test_folders_of_which_nothing_can_be_made(
    make: Callable[[Path], Path], code: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match=words) as caught:
        read_folders(make(tmp_path))
    assert caught.value.code == code
    assert str(caught.value).isprintable()
