from __future__ import annotations

import os
import pickle
import sys
from typing import TYPE_CHECKING

import pytest

from visavis.errors import VisavisError
from visavis.evaluation import truth as module
from visavis.evaluation.truth import MAX_LABELS, EvaluationError, copies, group_people, listed, printable
from visavis.photo.limits import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / f"{number}.jpg" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def test_copies_have_the_same_content_and_not_only_the_same_size(tmp_path: Path) -> None:
    paths = files(tmp_path, b"aaa", b"bbb", b"aaa", b"c", b"bbb", b"aaa", b"ccc")
    assert sorted(copies(paths)) == [[0, 2, 5], [1, 4]]


def test_only_files_of_one_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def spy(path: Path) -> bytes:
        read.append(path)
        return path.read_bytes()

    monkeypatch.setattr(module, "read_bytes", spy)
    paths = files(tmp_path, b"a", b"bb", b"cc", b"ddd")
    assert copies(paths) == []
    assert read == paths[1:3]


@pytest.mark.skipif(sys.platform != "linux", reason="pipes and devices")
def test_what_is_a_copy_of_nothing(tmp_path: Path) -> None:
    paths = files(tmp_path, b"", b"")  # says nothing about whose it is
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        os.mkfifo(tmp_path / f"pipe {name}")
        with (tmp_path / f"huge {name}").open("wb") as file:
            file.truncate(MAX_BYTES + 1)
        kinds = (name, f"pipe {name}", f"huge {name}", f"missing {name}", "nul \0", "x" * 5000)
        paths += [tmp_path / kind for kind in kinds]
    assert copies(paths) == []


def test_a_file_that_cannot_be_read_is_a_copy_of_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = files(tmp_path, b"aa", b"aa", b"aa")
    real = os.open

    def refuse(path: Path, *rest: int) -> int:
        if path == paths[1]:
            raise PermissionError(13, "Permission denied")
        return real(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    assert copies(paths) == [[0, 2]]


def test_groups_by_hand() -> None:
    groups = group_people("region", {0: "north", 3: "east", 2: "north"}, 5)
    assert (groups.name, groups.labels) == ("region", ("east", "north"))
    assert groups.of_person.tolist() == [1, -1, 1, 0, -1]


def test_groups_have_a_limit() -> None:
    many = {person: f"label {person}" for person in range(MAX_LABELS)}
    assert len(group_people("x", many, 100).labels) == 24
    with pytest.raises(EvaluationError, match="found 25, expected at most 24") as caught:
        group_people("x", {**many, 99: "one more"}, 100)
    assert caught.value.code == "evaluation.labels"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Ünal, Aşk", "Ünal, Aşk"), ("a\nb\x1b[31m", "a?b?[31m"), (os.fsdecode(b"\xff.jpg"), "?.jpg")],
)
def test_names_are_printable(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_lists_are_short() -> None:
    assert listed([]) == "none"
    assert listed(["a", "b\n"]) == "a, b?"
    assert listed("x" * 1000 for _ in range(1000)).endswith("x, ...")
    assert len(listed("x" * 1000 for _ in range(1000))) < 500


def test_the_error_is_one_of_ours_and_passes_between_processes() -> None:
    error = EvaluationError("evaluation.empty", "nothing", found=0, expected=1)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, VisavisError)
    assert (type(again), again.code, str(again)) == (EvaluationError, "evaluation.empty", str(error))
