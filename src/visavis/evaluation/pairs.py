"""Truth by pairs: a table says of each two pictures whether they are of one person."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from visavis.evaluation.result import Dropped
from visavis.evaluation.table import read_table
from visavis.evaluation.truth import EvaluationError, Groups, Pairs, Truth, copies, group_people, printable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from pathlib import Path

    from visavis.evaluation.result import Protocol
    from visavis.evaluation.table import Row

REQUIRED = ("reference", "probe", "same")
SUBJECTS = ("reference_subject", "probe_subject")
GROUPS = ("reference_group", "probe_group")
SAME = dict.fromkeys(("1", "1.0", "true", "yes", "same"), True)
SAME |= dict.fromkeys(("0", "0.0", "false", "no", "different"), False)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one row says.

    Attributes:
        what: Which row.
        pictures: Two files, resolved.
        same: Whether they are said to be of one person.
        subjects: Of whom each is; None where that isn't said.
        labels: The group of each person, empty where none is given.
        fold: The fold that the row belongs to, where there are folds.
    """

    what: str
    pictures: tuple[Path, Path]
    same: bool
    subjects: tuple[str, str] | None
    labels: tuple[str, str] = ("", "")
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class _Pair:
    """A claim about two pictures, by their numbers; copies of one file have one number."""

    claim: Claim
    first: int
    second: int

    @property
    def key(self) -> frozenset[int]:
        return frozenset((self.first, self.second))


def read_pairs(file: Path) -> Truth:
    """Pictures and pairs from a table with the columns ``reference``, ``probe`` and ``same``.

    Paths are below the table's own folder. With ``reference_subject`` and ``probe_subject`` these say who is
    who; without them pictures are of one person where pairs tie them together. ``reference_group`` and
    ``probe_group`` say to which group each person belongs.

    Raises:
        EvaluationError: As `read_table`; `evaluation.truth` too where one of the subject columns is missing;
            `evaluation.empty`: no row is left that can be used; `evaluation.labels`: too many groups.
    """
    table = read_table(file, REQUIRED, (*SUBJECTS, *GROUPS))
    given = [name for name in SUBJECTS if name in table.columns]
    if len(given) == 1:
        raise EvaluationError(
            "evaluation.truth",
            f"{printable(file.name)!r} says the subject of one of two pictures only",
            found=given[0],
            expected=" and ".join(SUBJECTS) + ", or neither",
        )
    files = _Files(file.parent)
    claims, dropped = [], [*table.dropped]
    for row in table.rows:
        read = _claim(row, files, named=bool(given))
        if isinstance(read, Dropped):
            dropped.append(read)
        else:
            claims.append(read)
    return settle(claims, files.names, protocol="pairs", dropped=dropped)


def settle(
    claims: Sequence[Claim], names: Mapping[Path, str], *, protocol: Protocol, dropped: Sequence[Dropped]
) -> Truth:
    """What remains of claims when all that contradict each other are gone.

    Args:
        claims: All with subjects, or all without.
        names: What to call each picture.
        protocol: How the truth was told.
        dropped: Rows that were no claims.

    Raises:
        EvaluationError: `evaluation.empty`: nothing is left; `evaluation.labels`: too many groups.
    """
    out = list(dropped)
    pictures = list(dict.fromkeys(path for claim in claims for path in claim.pictures))
    same_content = copies(pictures)
    # Copies of one file are one picture: the first of them.
    one = {path: number for number, path in enumerate(pictures)}
    for group in same_content:
        one.update((pictures[number], group[0]) for number in group)
    pairs = [_Pair(claim, *(one[path] for path in claim.pictures)) for claim in claims]
    called = [names[path] for path in pictures]

    pairs = _of_one_subject_each(pairs, called, out)
    pairs = _of_two_pictures(pairs, out)
    pairs = _of_one_truth(pairs, out)
    person_of = _people(pairs)
    pairs = _not_tied(pairs, person_of, out)
    label_of = _labels(pairs, person_of, out)
    pairs = _counted_once(pairs, out)
    if not pairs:
        raise EvaluationError(
            "evaluation.empty",
            "there is no pair of pictures that can be used",
            found=f"{out[0].what}: {out[0].message}" if out else None,
            expected="at least one row with two pictures that are there",
        )

    kept = list(dict.fromkeys(number for pair in pairs for number in (pair.first, pair.second)))
    index = {number: at for at, number in enumerate(kept)}
    people = list(dict.fromkeys(person_of[number] for number in kept))
    number_of = {who: at for at, who in enumerate(people)}
    for group in same_content:
        if group[0] in index:
            message = f"the same file as {called[group[0]]}"
            out += [Dropped(called[number], "duplicate", message) for number in group[1:]]
    named = pairs[0].claim.subjects is not None
    folds = [pair.claim.fold for pair in pairs if pair.claim.fold is not None]
    return Truth(
        protocol=protocol,
        pictures=tuple(pictures[number] for number in kept),
        picture_names=tuple(called[number] for number in kept),
        person=np.array([number_of[person_of[number]] for number in kept], dtype=np.int64),
        names=tuple(str(who) if named else f"person {at}" for at, who in enumerate(people, start=1)),
        pairs=Pairs(
            first=np.array([index[pair.first] for pair in pairs], dtype=np.int64),
            second=np.array([index[pair.second] for pair in pairs], dtype=np.int64),
            same=np.array([pair.claim.same for pair in pairs], dtype=bool),
            fold=np.array(folds, dtype=np.int64) if folds else None,
        ),
        groups=_grouped(label_of, number_of),
        dropped=tuple(out),
        named=named,
    )


# From rows to claims


class _Files:
    """Finds the files that a table names, each name once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[Path, str] = {}
        self._found: dict[str, Path | None] = {}

    def __call__(self, name: str) -> Path | None:
        """The file of that name, resolved; None where there is none."""
        if name not in self._found:
            path = self.folder / name
            # Unlike Path.is_file it has no objection to any name.
            there = os.path.isfile(path)  # noqa: PTH113
            self._found[name] = resolved = path.resolve() if there else None
            if resolved is not None:
                self.names.setdefault(resolved, printable(name))
        return self._found[name]


def _claim(row: Row, files: _Files, *, named: bool) -> Claim | Dropped:
    reference, probe, same = (row.cells[name] for name in REQUIRED)
    for name, cell in (("reference", reference), ("probe", probe)):
        if not cell:
            return Dropped(row.what, "unreadable", f"no {name}, expected a picture's path")
    if same.lower() not in SAME:
        found = printable(same)[:40] or "nothing"
        message = f"found {found} under 'same', expected 1 or 0, true or false, yes or no, same or different"
        return Dropped(row.what, "unreadable", message)
    subjects = None
    if named:
        subjects = (row.cells["reference_subject"], row.cells["probe_subject"])
        if not all(subjects):
            return Dropped(row.what, "unreadable", "a subject is missing, expected one for each picture")
    first, second = files(reference), files(probe)
    if first is None or second is None:
        missing = printable(reference if first is None else probe)
        return Dropped(row.what, "missing", f"there is no file {missing}")
    first_label, second_label = (row.cells.get(name, "") for name in GROUPS)
    return Claim(row.what, (first, second), SAME[same.lower()], subjects, (first_label, second_label))


# What can't be true, one kind after the other


def _of_one_subject_each(pairs: Sequence[_Pair], called: Sequence[str], out: list[Dropped]) -> list[_Pair]:
    """Without pairs whose subjects say something else than the pair, and without pictures of two subjects."""
    subjects: dict[int, set[str]] = {}
    for pair in pairs:
        for number, subject in zip((pair.first, pair.second), pair.claim.subjects or (), strict=False):
            subjects.setdefault(number, set()).add(subject)
    several = {number for number, theirs in subjects.items() if len(theirs) > 1}
    kept = []
    for pair in pairs:
        wrong = None
        if disputed := [number for number in (pair.first, pair.second) if number in several]:
            wrong = f"{called[disputed[0]]}, the file or a copy of it, is given to two subjects"
        elif (two := pair.claim.subjects) and pair.claim.same != (two[0] == two[1]):
            wrong = "the same person with two subjects" if pair.claim.same else "two people with one subject"
        if wrong:
            out.append(Dropped(pair.claim.what, "contradiction", wrong))
        else:
            kept.append(pair)
    return kept


def _of_two_pictures(pairs: Sequence[_Pair], out: list[Dropped]) -> list[_Pair]:
    """Without pairs of a picture with itself or with its copy."""
    kept = []
    for pair in pairs:
        if pair.first != pair.second:
            kept.append(pair)
        elif pair.claim.same:
            out.append(Dropped(pair.claim.what, "same_picture", "both are the same file"))
        else:
            out.append(Dropped(pair.claim.what, "contradiction", "the same file as two different people"))
    return kept


def _of_one_truth(pairs: Sequence[_Pair], out: list[Dropped]) -> list[_Pair]:
    """Without pairs that are said to be both of one person and of two."""
    said: dict[frozenset[int], set[bool]] = {}
    for pair in pairs:
        said.setdefault(pair.key, set()).add(pair.claim.same)
    for pair in pairs:
        if len(said[pair.key]) > 1:
            message = "these two are said to be the same in one row and different in another"
            out.append(Dropped(pair.claim.what, "contradiction", message))
    return [pair for pair in pairs if len(said[pair.key]) == 1]


def _people(pairs: Sequence[_Pair]) -> dict[int, Hashable]:
    """Who is on each picture: its subject, or one of the pictures that pairs tie it to."""
    if pairs and pairs[0].claim.subjects:
        return {
            number: subject
            for pair in pairs
            for number, subject in zip((pair.first, pair.second), pair.claim.subjects or (), strict=True)
        }
    parent = {number: number for pair in pairs for number in (pair.first, pair.second)}

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    for pair in pairs:
        if pair.claim.same:
            parent[root(pair.second)] = root(pair.first)
    return {number: root(number) for number in parent}


def _not_tied(pairs: Sequence[_Pair], person_of: Mapping[int, Hashable], out: list[Dropped]) -> list[_Pair]:
    """Without pairs of two people whom other pairs tie together as one."""
    kept = []
    for pair in pairs:
        if not pair.claim.same and person_of[pair.first] == person_of[pair.second]:
            message = "said to be different, but other rows tie them together as one person"
            out.append(Dropped(pair.claim.what, "contradiction", message))
        else:
            kept.append(pair)
    return kept


def _counted_once(pairs: Sequence[_Pair], out: list[Dropped]) -> list[_Pair]:
    seen: dict[frozenset[int], _Pair] = {}
    for pair in pairs:
        if pair.key in seen:
            message = f"the same two pictures as in {seen[pair.key].claim.what}"
            out.append(Dropped(pair.claim.what, "duplicate", message))
        else:
            seen[pair.key] = pair
    return list(seen.values())


# Groups


def _labels(
    pairs: Sequence[_Pair], person_of: Mapping[int, Hashable], out: list[Dropped]
) -> dict[Hashable, str]:
    """The label of each person who has one, and only one."""
    first: dict[Hashable, tuple[str, str]] = {}
    disputed: set[Hashable] = set()
    for what, who, label in _labelled(pairs, person_of):
        before, where = first.setdefault(who, (label, what))
        if label != before and who not in disputed:
            disputed.add(who)
            message = f"a person has another group than in {where} and is left without one"
            out.append(Dropped(what, "contradiction", message))
    return {who: label for who, (label, _) in first.items() if who not in disputed}


def _labelled(
    pairs: Sequence[_Pair], person_of: Mapping[int, Hashable]
) -> Iterator[tuple[str, Hashable, str]]:
    for pair in pairs:
        for number, label in zip((pair.first, pair.second), pair.claim.labels, strict=True):
            if label:
                yield pair.claim.what, person_of[number], label


def _grouped(label_of: Mapping[Hashable, str], number_of: Mapping[Hashable, int]) -> tuple[Groups, ...]:
    labels = {number_of[who]: label for who, label in label_of.items() if who in number_of}
    return (group_people("group", labels, len(number_of)),) if labels else ()
