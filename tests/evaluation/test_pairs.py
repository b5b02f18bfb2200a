from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.evaluation.pairs import Claim, read_pairs, settle
from visavis.evaluation.truth import EvaluationError

if TYPE_CHECKING:
    from visavis.evaluation.truth import Truth

PLAIN = "reference,probe,same"
SUBJECTS = "reference,probe,same,reference_subject,probe_subject"
GROUPS = f"{SUBJECTS},reference_group,probe_group"


def lay(folder: Path, text: str, **copies: str) -> Path:
    """A table and the pictures a to f, each of its own content but for ``c="a"``: c is a copy of a."""
    for name in "abcdef":
        (folder / name).write_text(copies.get(name, name))
    path = folder / "pairs.csv"
    path.write_text(text.replace(" ", "\n"))
    return path


def settled(truth: Truth) -> tuple[list[tuple[str, str, bool]], list[tuple[str, str]]]:
    """The pairs that are left, by name, and what was dropped."""
    assert truth.pairs is not None
    name = truth.picture_names
    ends = zip(truth.pairs.first, truth.pairs.second, truth.pairs.same, strict=True)
    pairs = [(name[first], name[second], bool(same)) for first, second, same in ends]
    return pairs, sorted((one.what, one.code) for one in truth.dropped)


def test_by_hand(tmp_path: Path) -> None:
    # a, b and c are tied together; d is tied to e, f to nobody.
    truth = read_pairs(lay(tmp_path, f"{PLAIN} b,a,1 a,c,1 d,e,1 d,f,0 b,d,0"))
    assert truth.protocol == "pairs"
    assert truth.picture_names == ("b", "a", "c", "d", "e", "f")
    assert truth.pictures == tuple((tmp_path / name).resolve() for name in "bacdef")
    assert truth.person.tolist() == [0, 0, 0, 1, 1, 2]
    assert truth.names == ("person 1", "person 2", "person 3")
    assert not truth.named
    assert truth.groups == ()
    assert truth.pairs is not None
    assert truth.pairs.first.tolist() == [0, 1, 3, 3, 0]
    assert truth.pairs.second.tolist() == [1, 2, 4, 5, 3]
    assert truth.pairs.same.tolist() == [True, True, True, False, False]
    assert truth.pairs.fold is None
    assert truth.dropped == ()


def test_with_subjects(tmp_path: Path) -> None:
    # That a and c are of one person follows from their subjects, no pair says so.
    truth = read_pairs(lay(tmp_path, f"{SUBJECTS} a,b,0,Ana,Bo c,b,0,Ana,Bo d,e,1,Di,Di"))
    assert truth.names == ("Ana", "Bo", "Di")
    assert truth.person.tolist() == [0, 1, 0, 2, 2]
    assert truth.named
    assert settled(truth) == ([("a", "b", False), ("c", "b", False), ("d", "e", True)], [])


@pytest.mark.parametrize(
    ("cells", "same"),
    [
        *((text, True) for text in ("1", "true", "TRUE", "Yes", "same", "1.0")),
        *((text, False) for text in ("0", "false", "False", "NO", "different", "0.0")),
    ],
)
def test_the_ways_to_say_same(cells: str, same: bool, tmp_path: Path) -> None:
    assert settled(read_pairs(lay(tmp_path, f"{PLAIN} a,b,{cells}")))[0] == [("a", "b", same)]


@pytest.mark.parametrize("same", [[True, False], [1, 0], [1.0, 0.0], ["same", "different"]])
def test_parquet(same: list[Any], tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet as pq

    lay(tmp_path, "")
    path = tmp_path / "pairs.parquet"
    pq.write_table(pa.table({"Reference": ["a", "c"], "probe": ["b", "d"], "same": same}), path)
    assert settled(read_pairs(path)) == ([("a", "b", True), ("c", "d", False)], [])


# Each: rows, copies, the pairs that are left, what was dropped
CONTRADICTIONS: dict[str, tuple[str, dict[str, str], list[Any], list[tuple[str, str]]]] = {
    "a missing file": (
        f"{PLAIN} a,x,1 x,a,0 a,b,1",
        {},
        [("a", "b", True)],
        [("row 2", "missing"), ("row 3", "missing")],
    ),
    "rows that say nothing": (
        f"{PLAIN} a,b,2 ,b,1 a,,1 a,b, a,b,1,1 a,b a,b,1",
        {},
        [("a", "b", True)],
        [(f"row {number}", "unreadable") for number in range(2, 8)],
    ),
    "a row without a subject": (
        f"{SUBJECTS} a,b,1,Ana, a,b,1,,Ana a,b,1 a,b,1,Ana,Ana",
        {},
        [("a", "b", True)],
        [("row 2", "unreadable"), ("row 3", "unreadable"), ("row 4", "unreadable")],
    ),
    "the same person with two subjects": (
        f"{SUBJECTS} a,b,1,Ana,Bo c,d,1,Cy,Cy",
        {},
        [("c", "d", True)],
        [("row 2", "contradiction")],
    ),
    "two people with one subject": (
        f"{SUBJECTS} a,b,0,Ana,Ana c,d,0,Cy,Di",
        {},
        [("c", "d", False)],
        [("row 2", "contradiction")],
    ),
    "a picture of two subjects takes all its rows along": (
        f"{SUBJECTS} a,b,1,Ana,Ana a,c,1,Bo,Bo a,d,0,Ana,Di b,d,0,Ana,Di",
        {},
        [("b", "d", False)],
        [("row 2", "contradiction"), ("row 3", "contradiction"), ("row 4", "contradiction")],
    ),
    "one content under two subjects takes all its rows along": (
        f"{SUBJECTS} a,b,1,Ana,Ana c,d,1,Cy,Cy b,d,0,Ana,Cy a,e,0,Ana,Eve",
        {"c": "a"},
        [("b", "d", False)],
        [("row 2", "contradiction"), ("row 3", "contradiction"), ("row 5", "contradiction")],
    ),
    "both truths about two pictures": (
        f"{PLAIN} a,b,1 b,a,0 a,c,0",
        {},
        [("a", "c", False)],
        [("row 2", "contradiction"), ("row 3", "contradiction")],
    ),
    "both truths about two pictures tie nobody together": (
        # Were row 2 believed, row 4 would contradict it.
        f"{PLAIN} a,b,1 a,b,0 a,c,0 b,c,1",
        {},
        [("a", "c", False), ("b", "c", True)],
        [("row 2", "contradiction"), ("row 3", "contradiction")],
    ),
    "different, but tied together by other rows": (
        f"{PLAIN} a,b,1 b,c,1 c,d,1 a,d,0 a,e,0",
        {},
        [("a", "b", True), ("b", "c", True), ("c", "d", True), ("a", "e", False)],
        [("row 5", "contradiction")],
    ),
    "a row that is there twice": (
        f"{PLAIN} a,b,1 b,a,yes ./a,b,true",
        {},
        [("a", "b", True)],
        [("row 3", "duplicate"), ("row 4", "duplicate")],
    ),
    "a picture with itself": (
        f"{PLAIN} a,a,1 a,./a,1 b,b,0 a,b,1",
        {},
        [("a", "b", True)],
        [("row 2", "same_picture"), ("row 3", "same_picture"), ("row 4", "contradiction")],
    ),
    "a picture with its copy": (
        f"{PLAIN} a,c,1 a,b,1 b,c,1 d,c,0",
        {"c": "a"},
        [("a", "b", True), ("d", "a", False)],
        [("c", "duplicate"), ("row 2", "same_picture"), ("row 4", "duplicate")],
    ),
    "a copy under the same subject": (
        f"{SUBJECTS} a,b,1,Ana,Ana c,d,0,Ana,Di",
        {"c": "a"},
        [("a", "b", True), ("a", "d", False)],
        [("c", "duplicate")],
    ),
    "a copy of which nothing else is left": (
        f"{PLAIN} a,c,1 d,e,0",
        {"c": "a"},
        [("d", "e", False)],
        [("row 2", "same_picture")],
    ),
    "copies tie their pictures together": (
        # a is c, so b and d are one person, and row 4 can't be.
        f"{PLAIN} a,b,1 c,d,1 b,d,0",
        {"c": "a"},
        [("a", "b", True), ("a", "d", True)],
        [("c", "duplicate"), ("row 4", "contradiction")],
    ),
    "a copy said to be somebody else": (
        f"{PLAIN} a,c,0 a,b,1",
        {"c": "a"},
        [("a", "b", True)],
        [("c", "duplicate"), ("row 2", "contradiction")],
    ),
}


@pytest.mark.parametrize(("text", "copies", "left", "out"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_cannot_be_used_is_dropped(
    text: str, copies: dict[str, str], left: list[Any], out: list[tuple[str, str]], tmp_path: Path
) -> None:
    truth = read_pairs(lay(tmp_path, text, **copies))
    assert settled(truth) == (left, out)
    assert truth.person.max() + 1 == len(truth.names)
    assert {*truth.person.tolist()} == {*range(len(truth.names))}
    assert all(one.message.isprintable() for one in truth.dropped)


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs a privilege")
def test_a_link_is_the_file_it_leads_to(tmp_path: Path) -> None:
    path = lay(tmp_path, f"{PLAIN} a,link,1 b,link,0 {tmp_path}/a,c,0")
    (tmp_path / "link").symlink_to("a")
    truth = read_pairs(path)
    assert settled(truth) == ([("b", "a", False), ("a", "c", False)], [("row 2", "same_picture")])


def test_names_that_can_be_no_files_are_missing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    names = ["a\0b", "x" * 5000, "folder", "\x1b[31m", "../../../nowhere"]
    rows = [f"a,{name},1" for name in names]
    truth = read_pairs(lay(tmp_path, "\n".join([PLAIN, "a,b,1", *rows])))
    assert [one.code for one in truth.dropped] == ["missing"] * 5
    assert all(one.message.isprintable() for one in truth.dropped)


def test_groups(tmp_path: Path) -> None:
    text = (
        f"{GROUPS} a,b,0,Ana,Bo,north,south c,d,0,Ana,Di,north, e,f,0,Eve,Flo,south,east e,b,0,Eve,Bo,,east"
    )
    truth = read_pairs(lay(tmp_path, text))
    [groups] = truth.groups
    assert (groups.name, groups.labels) == ("group", ("east", "north", "south"))
    # Bo is south in row 2 and east in row 5: nobody knows.
    assert dict(zip(truth.names, groups.of_person.tolist(), strict=True)) == {
        "Ana": 1,
        "Bo": -1,
        "Di": -1,
        "Eve": 2,
        "Flo": 0,
    }
    assert settled(truth)[1] == [("row 5", "contradiction")]
    assert truth.dropped[0].message == "a person has another group than in row 2 and is left without one"


def test_groups_without_subjects(tmp_path: Path) -> None:
    text = f"{PLAIN},Reference_Group a,b,1,north b,c,0,north c,a,0,south"
    [groups] = read_pairs(lay(tmp_path, text)).groups
    assert groups.labels == ("north", "south")
    assert groups.of_person.tolist() == [0, 1]


def test_too_many_groups(tmp_path: Path) -> None:
    for number in range(26):
        (tmp_path / f"p{number}").write_text(str(number))
    rows = [f"p{number},p25,0,label{number}" for number in range(25)]
    with pytest.raises(EvaluationError, match="found 25, expected at most 24"):
        read_pairs(lay(tmp_path, "\n".join([f"{PLAIN},reference_group", *rows])))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("reference,same a,1", "evaluation.truth", "no column probe"),
        (f"{PLAIN},probe_subject a,b,1,x", "evaluation.truth", "found probe_subject, expected reference_sub"),
        (PLAIN, "evaluation.empty", "no rows"),
        (f"{PLAIN} x,a,1", "evaluation.empty", "found row 2: there is no file x"),
        (f"{PLAIN} a,b,1 a,b,0", "evaluation.empty", "no pair of pictures"),
        (f"{SUBJECTS} a,b,1,x,y", "evaluation.empty", "the same person with two subjects"),
        (f'{PLAIN} a,"b,1', "evaluation.unreadable", "no sound CSV"),
    ],
)
def test_tables_of_which_nothing_can_be_made(text: str, code: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=words) as caught:
        read_pairs(lay(tmp_path, text))
    assert caught.value.code == code


@given(st.lists(st.tuples(*[st.integers(0, 7)] * 2, st.booleans()), min_size=1, max_size=25))
def test_people_are_the_transitive_closure(rows: list[tuple[int, int, bool]]) -> None:
    """Against repeated squaring of the matrix of who is tied to whom."""
    paths = [Path(f"/nowhere/{number}") for number in range(8)]
    claims = [Claim(f"row {at}", (paths[i], paths[j]), same, None) for at, (i, j, same) in enumerate(rows)]
    said: dict[frozenset[int], set[bool]] = {}
    for i, j, same in rows:
        said.setdefault(frozenset((i, j)), set()).add(same)
    believed = {tuple(sorted(two)): truth.copy().pop() for two, truth in said.items() if len(truth) == 1}
    tied = np.eye(8, dtype=bool)
    for two, same in believed.items():
        if same and len(two) == 2:
            tied[two] = tied[two[::-1]] = True
    for _ in range(3):
        tied = tied @ tied
    left = {two: same for two, same in believed.items() if len(two) == 2 and same == tied[two]}
    if not left:
        with pytest.raises(EvaluationError):
            settle(claims, {path: path.name for path in paths}, protocol="pairs", dropped=[])
        return
    truth = settle(claims, {path: path.name for path in paths}, protocol="pairs", dropped=[])
    pairs, out = settled(truth)
    assert {tuple(sorted((int(i), int(j)))): same for i, j, same in pairs} == left
    assert len(pairs) == len(left)
    assert len(pairs) + len(out) == len(rows)
    shown = [int(name) for name in truth.picture_names]
    assert (truth.person[:, None] == truth.person[None, :]).tolist() == tied[np.ix_(shown, shown)].tolist()
