"""What is known about the pictures of an evaluation: whose they are, and which are to be compared.

Truth is checked before it is believed. Where it contradicts itself nobody can say which half is right, so all
of the contradiction takes no part; and a file that lies there twice counts once. Both go by what files
contain, never by faces.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from visavis.errors import PhotoError, VisavisError
from visavis.photo.source import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from visavis.evaluation.comparisons import Integers
    from visavis.evaluation.result import Dropped, Protocol

MAX_LABELS = 24
"""Labels in one column: with more of them it is no column of groups, and no table that anybody can read."""


class EvaluationError(VisavisError):
    """An evaluation can't be made of what was given, or can't be made here."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Which pictures are to be compared.

    Attributes:
        first: n indices of pictures.
        second: n others; no two of the n are of the same two pictures.
        same: Whether both are of one person.
        fold: The fold of each, 0 to k - 1; None where there are no folds.
    """

    first: Integers
    second: Integers
    same: NDArray[np.bool_]
    fold: Integers | None


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """One way in which the operator divides people into groups.

    Attributes:
        name: What the operator calls it.
        labels: The groups, in the order of the alphabet.
        of_person: Index of each person's label, -1 without one.
    """

    name: str
    labels: tuple[str, ...]
    of_person: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Pictures and whose they are.

    Attributes:
        protocol: How it was told.
        pictures: Files, each content once.
        picture_names: What to call each of them: its path below the folder that was given, or as the file of
            pairs has it.
        person: The person of each picture, 0 to k - 1, each with at least one picture.
        names: Of each person.
        pairs: What is to be compared; None: every picture with every other one.
        groups: Of people.
        dropped: Files and rows that take no part.
        named: Whether `names` are the operator's own; False where who is who follows only from the pairs.
    """

    protocol: Protocol
    pictures: tuple[Path, ...]
    picture_names: tuple[str, ...]
    person: Integers
    names: tuple[str, ...]
    pairs: Pairs | None
    groups: tuple[Groups, ...]
    dropped: tuple[Dropped, ...]
    named: bool = True


def copies(pictures: Sequence[Path]) -> list[list[int]]:
    """Pictures that are the same file: for each content that occurs twice or more, their indices, rising.

    Files without a byte, and those that can't be read or are too large for a picture, are copies of nothing.
    """
    of_size: defaultdict[int, list[int]] = defaultdict(list)
    for index, path in enumerate(pictures):
        of_size[_size(path)].append(index)
    of_content: defaultdict[bytes, list[int]] = defaultdict(list)
    for indices in of_size.values():
        if len(indices) > 1:
            for index in indices:
                try:
                    content = read_bytes(pictures[index])
                except PhotoError:
                    continue
                of_content[hashlib.sha256(content).digest()].append(index)
    return [indices for indices in of_content.values() if len(indices) > 1]


def group_people(name: str, label_of: Mapping[int, str], people: int) -> Groups:
    """Groups from labels.

    Args:
        name: What the operator calls them.
        label_of: The label of a person; who is left out has none.
        people: How many people there are.

    Raises:
        EvaluationError: `evaluation.labels`: too many labels.
    """
    labels = tuple(sorted(set(label_of.values())))
    if len(labels) > MAX_LABELS:
        raise EvaluationError(
            "evaluation.labels",
            f"the column {printable(name)!r} has too many labels for a column of groups",
            found=len(labels),
            expected=f"at most {MAX_LABELS}",
        )
    of_person = np.full(people, -1, dtype=np.int64)
    for person, label in label_of.items():
        of_person[person] = labels.index(label)
    return Groups(name, labels, of_person)


def printable(text: object) -> str:
    """A name from a file or a folder, on one line, whatever bytes are in it."""
    return "".join(character if character.isprintable() else "?" for character in str(text))


def listed(names: Iterable[str]) -> str:
    """Names as part of a message; not all of very many."""
    names = [printable(name)[:40] for name in names]
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") if names else "none"


def _size(path: Path) -> int:
    """Size of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return 0
