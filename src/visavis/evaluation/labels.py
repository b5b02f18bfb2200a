"""The operator's own groups of people, for rates by group. visavis never guesses who belongs to which."""

from __future__ import annotations

import dataclasses
import unicodedata
from typing import TYPE_CHECKING

from visavis.evaluation.result import Dropped
from visavis.evaluation.table import read_table
from visavis.evaluation.truth import EvaluationError, group_people, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from visavis.evaluation.table import Row
    from visavis.evaluation.truth import Truth

PERSON = "person"


def read_labels(file: Path, truth: Truth) -> Truth:
    """The same truth with the groups of a table.

    Args:
        file: A table with the column ``person``, who is called as in `truth`, and one or more columns of
            labels. An empty cell is no label.
        truth: Whose people are meant.

    Raises:
        EvaluationError: As `read_table`; `evaluation.labels`: the people have no names, none of them is in
            the table, there is no column of labels, one with too many, or one whose name is taken.
    """
    if not truth.named:
        raise EvaluationError(
            "evaluation.labels",
            f"{printable(file.name)!r} can't be used: the people of these pairs have no names",
            expected="a file of pairs with subject columns, or with group columns",
        )
    table = read_table(file, (PERSON,), None)
    columns = {key: name for key, name in table.columns.items() if key != PERSON}
    if not columns:
        raise EvaluationError(
            "evaluation.labels",
            f"{printable(file.name)!r} has no column of labels",
            found=PERSON,
            expected=f"{PERSON} and one column or more",
        )
    taken = {groups.name.lower() for groups in truth.groups}
    if twice := [name for key, name in columns.items() if key in taken]:
        raise EvaluationError(
            "evaluation.labels",
            f"there are groups of that name already, from another file than {printable(file.name)!r}",
            found=printable(twice[0]),
            expected="another name for the column",
        )
    dropped = list(table.dropped)
    known, rows = {_key(name): person for person, name in enumerate(truth.names)}, []
    strangers = 0
    for row in table.rows:
        if not row.cells[PERSON]:
            dropped.append(Dropped(row.what, "unreadable", "no person, expected a name"))
        elif (person := known.get(_key(row.cells[PERSON]))) is None:
            strangers += 1
        else:
            rows.append((person, row))
    if not rows:
        raise EvaluationError(
            "evaluation.labels",
            f"none of the people in {printable(file.name)!r} has a picture here",
            found=f"{strangers} other people",
            expected="people called as their folder, their subject, or in LFW's list",
        )
    if strangers:
        message = f"{strangers} rows are about people without a picture here"
        dropped.append(Dropped(printable(file.name), "unknown_person", message))
    groups = [
        group_people(name, _labels(rows, key, name, dropped), len(truth.names))
        for key, name in columns.items()
    ]
    return dataclasses.replace(truth, groups=(*truth.groups, *groups), dropped=(*truth.dropped, *dropped))


def _labels(
    rows: Sequence[tuple[int, Row]], column: str, name: str, dropped: list[Dropped]
) -> Mapping[int, str]:
    """The label of each person who has one, and only one."""
    first: dict[int, tuple[str, str]] = {}
    disputed = set()
    for person, row in rows:
        if label := row.cells[column]:
            before, where = first.setdefault(person, (label, row.what))
            if label != before:
                disputed.add(person)
                message = f"another {printable(name)} than in {where}: the person is left without one"
                dropped.append(Dropped(row.what, "contradiction", message))
    return {person: label for person, (label, _) in first.items() if person not in disputed}


def _key(name: str) -> str:
    """A name as it is compared: letters with accents have two spellings, and file systems choose one."""
    return unicodedata.normalize("NFC", name)
