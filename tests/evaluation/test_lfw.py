from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis.evaluation import lfw as module
from visavis.evaluation.lfw import read_lfw
from visavis.evaluation.truth import EvaluationError

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = (
    "Ana/Ana_0001.jpg",
    "Ana/Ana_0002.png",
    "Ana/Ana_0013.ppm",
    "Bo/Bo_0001.jpeg",
    "Bo/Bo_0002.bmp",
    "Cy_al-Di/Cy_al-Di_0001.webp",
    "Eve/Eve_0001.gif",
)


def lay(folder: Path, text: str, *, copy: str | None = None) -> tuple[Path, Path]:
    """A list and LFW's layout; `copy` has the content of Ana's first picture."""
    for name in PICTURES:
        path = folder / "lfw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Ana/Ana_0001.jpg" if name == copy else name)
    file = folder / "pairs.txt"
    file.write_text(text)
    return file, folder / "lfw"


FOLDS = """2\t2
Ana\t1\t2
Bo\t1\t2
Ana\t1\tBo\t1
Cy_al-Di\t1\tAna\t13
Ana\t1\t13
Ana\t2\t13
Bo\t2\tAna\t2
Cy_al-Di\t1\tBo\t1
"""


def test_folds_by_hand(tmp_path: Path) -> None:
    file, pictures = lay(tmp_path, FOLDS)
    truth = read_lfw(file, pictures)
    assert truth.protocol == "lfw"
    # Each as it first occurs in the list.
    assert truth.picture_names == (*PICTURES[:2], PICTURES[3], PICTURES[4], PICTURES[5], PICTURES[2])
    assert truth.pictures == tuple((pictures / name).resolve() for name in truth.picture_names)
    assert truth.names == ("Ana", "Bo", "Cy_al-Di")
    assert truth.person.tolist() == [0, 0, 1, 1, 2, 0]
    assert truth.pairs is not None
    assert truth.pairs.first.tolist() == [0, 2, 0, 4, 0, 1, 3, 4]
    assert truth.pairs.second.tolist() == [1, 3, 2, 5, 5, 5, 1, 2]
    assert truth.pairs.same.tolist() == [True, True, False, False] * 2
    assert truth.pairs.fold is not None
    assert truth.pairs.fold.tolist() == [0] * 4 + [1] * 4
    assert truth.dropped == ()
    assert truth.named


def test_one_set(tmp_path: Path) -> None:
    """As pairsDevTest.txt, here with another system's ends of lines."""
    truth = read_lfw(*lay(tmp_path, "1\r\nAna 1 2\r\nAna 1 Bo 1\r\n\r\n"))
    assert truth.pairs is not None
    assert truth.pairs.same.tolist() == [True, False]
    assert truth.pairs.fold is None


def test_pictures_that_are_not_there(tmp_path: Path) -> None:
    text = "2 1\nAna 1 3\nAna 1 Nobody 1\nAna 1 2\nEve 1 Bo 1\n"  # Eve's picture has a format that isn't read
    truth = read_lfw(*lay(tmp_path, text))
    assert [(one.what, one.code, one.message) for one in truth.dropped] == [
        ("line 2", "missing", "there is no picture Ana_0003"),
        ("line 3", "missing", "there is no picture Nobody_0001"),
        ("line 5", "missing", "there is no picture Eve_0001"),
    ]
    assert truth.pairs is not None
    assert truth.pairs.fold is not None
    assert truth.pairs.fold.tolist() == [1]
    assert truth.names == ("Ana",)


@pytest.mark.parametrize(
    ("text", "copy", "out"),
    [
        (
            "2 Ana,1,1 Ana,1,2 Bo,1,Bo,2 Ana,1,Bo,1",
            None,
            ["line 2 same_picture", "line 4 contradiction"],
        ),
        (
            "2 Ana,1,2 Ana,2,1 Ana,1,Bo,1 Bo,1,Ana,1",
            None,
            ["line 3 duplicate", "line 5 duplicate"],
        ),
        (
            "2 Bo,1,2 Ana,2,13 Bo,1,Ana,1 Ana,2,Cy_al-Di,1",
            "Bo/Bo_0001.jpeg",  # Ana's first picture under Bo's name
            ["line 2 contradiction", "line 4 contradiction"],
        ),
        (
            "2 Ana,1,2 Ana,1,13 Bo,1,Ana,2 Bo,1,Ana,1",
            "Ana/Ana_0002.png",
            ["Ana/Ana_0002.png duplicate", "line 2 same_picture", "line 5 duplicate"],
        ),
    ],
)
def test_lists_that_contradict_themselves(
    text: str, copy: str | None, out: list[str], tmp_path: Path
) -> None:
    truth = read_lfw(*lay(tmp_path, text.replace(" ", "\n").replace(",", " "), copy=copy))
    assert sorted(f"{one.what} {one.code}" for one in truth.dropped) == out
    assert truth.pairs is not None
    assert len(truth.pairs.same) == 2


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "evaluation.truth", "line 1 .*found 'nothing', expected the number of folds"),
        ("\n\n", "evaluation.truth", "line 1"),
        ("Ana 1 2\n", "evaluation.truth", "line 1"),
        ("1 2 3\n", "evaluation.truth", "line 1"),
        ("-1\n", "evaluation.truth", "line 1"),
        ("٣\n", "evaluation.truth", "line 1"),
        ("1234567\n", "evaluation.truth", "line 1"),
        ("0\n", "evaluation.truth", "found 0 lines after the first, expected 0, at least one"),
        ("1\nAna 1 2\n", "evaluation.truth", "found 1 lines after the first, expected 2"),
        ("1\nAna 1 2\nAna 1 Bo 1\nAna 1 2\n", "evaluation.truth", "found 3 lines"),
        ("1\nAna 1 Bo 1\nAna 1 2\n", "evaluation.truth", "line 2 .* expected NAME n1 n2"),
        ("1\nAna 1 2\nAna 1 2\n", "evaluation.truth", "line 3 .* expected NAME1 n1 NAME2 n2"),
        ("1\n\nAna 1 Bo 1\n", "evaluation.truth", "line 2"),
        ("1\nAna one 2\nAna 1 Bo 1\n", "evaluation.truth", "line 2 .*'Ana one 2'"),
        ("1\nAna 1 2 \x1b[31m\nAna 1 Bo 1\n", "evaluation.truth", "line 2"),
        ("1\n../Ana 1 2\nAna 1 Bo 1\n", "evaluation.truth", "line 2"),
        ("1\n.. 1 2\nAna 1 Bo 1\n", "evaluation.truth", "line 2"),
        ("1\nAna 1 2\nAna 1 C:\\x 1\n", "evaluation.truth", "line 3"),
        ("1\nAna 1 2\nAna 1 /etc 1\n", "evaluation.truth", "line 3"),
        ("1\n" + "x" * 100_000 + "\nAna 1 Bo 1\n", "evaluation.truth", "line 2"),
        ("1\nNo\0body 1 2\n" + "x" * 5000 + " 1 Bo 1\n", "evaluation.empty", "no picture No.body_0001"),
    ],
)
def test_hostile_lists(text: str, code: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=words) as caught:
        read_lfw(*lay(tmp_path, text))
    assert caught.value.code == code
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"1\n\xff", "no text in UTF-8"), (b"1\n" + b" " * 99, "too large for a list")],
)
def test_lists_that_cannot_be_read(
    content: bytes | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LIST_BYTES", 50)
    file, pictures = lay(tmp_path, "")
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(EvaluationError, match=words) as caught:
        read_lfw(file, pictures)
    assert caught.value.code == "evaluation.unreadable"


@pytest.mark.parametrize("name", ["nothing", "pairs.txt", "a\0b"])
def test_folders_that_are_not_there(name: str, tmp_path: Path) -> None:
    file, _ = lay(tmp_path, FOLDS)
    with pytest.raises(EvaluationError, match="there is no folder") as caught:
        read_lfw(file, tmp_path / name)
    assert caught.value.code == "evaluation.unreadable"
