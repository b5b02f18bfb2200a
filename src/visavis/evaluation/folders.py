"""The plainest truth there is: one folder for each person, with that person's pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from visavis.evaluation.result import Dropped
from visavis.evaluation.truth import EvaluationError, Truth, copies, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYOUT = "one folder for each person, with that person's pictures"


def read_folders(folder: Path) -> Truth:
    """People and their pictures from a folder of folders.

    Hidden files and folders don't count. Every other file below a person's folder is that person's picture;
    whether it can be decoded is found out later. A person with one picture is compared with the others only.

    Raises:
        EvaluationError: `evaluation.unreadable`: there is no such folder, or it can't be read;
            `evaluation.empty`: no pictures in it; `evaluation.people`: pictures of fewer than two people.
    """
    dropped: list[Dropped] = []
    found = [
        (path, person.name)
        for person in _people(folder, dropped)
        for path in _pictures(person, folder, dropped)
    ]
    if not found:
        loose = sum(one.code == "no_person" for one in dropped)
        raise EvaluationError(
            "evaluation.empty",
            f"{printable(folder)!r} has no pictures of people",
            found=f"{loose} files that are in no person's folder" if loose else None,
            expected=LAYOUT,
        )
    found = _without_copies(found, folder, dropped)
    names = sorted({name for _, name in found})
    if len(names) < 2:
        raise EvaluationError(
            "evaluation.people",
            f"{printable(folder)!r} has pictures of too few people to compare two of them",
            found=len(names),
            expected=f"two people or more: {LAYOUT}",
        )
    index = {name: number for number, name in enumerate(names)}
    return Truth(
        protocol="all-pairs",
        pictures=tuple(path for path, _ in found),
        picture_names=tuple(_name(path, folder) for path, _ in found),
        person=np.array([index[name] for _, name in found], dtype=np.int64),
        names=tuple(names),
        pairs=None,
        groups=(),
        dropped=tuple(dropped),
    )


def _people(folder: Path, dropped: list[Dropped]) -> Iterator[Path]:
    """The folders of people, by name."""
    try:
        entries = sorted(folder.iterdir())
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise EvaluationError(
            "evaluation.unreadable",
            f"{printable(folder)!r} can't be read as a folder",
            found=getattr(error, "strerror", None) or "no such name",
            expected=LAYOUT,
        ) from None
    for path in entries:
        if path.name.startswith("."):
            continue
        if not os.path.isdir(path):  # noqa: PTH112  # unlike Path.is_dir it never raises
            message = "it is in no person's folder"
            dropped.append(Dropped(_name(path, folder), "no_person", message))
        elif path.is_symlink():
            dropped.append(_link(path, folder))
        else:
            yield path


def _pictures(person: Path, folder: Path, dropped: list[Dropped]) -> Iterator[Path]:
    """The files below a person's folder, by name."""

    def unreadable(error: OSError) -> None:
        message = f"the folder can't be read: {error.strerror}"
        dropped.append(Dropped(_name(Path(error.filename), folder), "unreadable", message))

    for where, folders, files in os.walk(person, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))  # walked in this order
        paths = [Path(where, name) for name in folders]
        dropped += [_link(path, folder) for path in paths if path.is_symlink()]
        yield from (Path(where, name) for name in sorted(files) if not name.startswith("."))


def _without_copies(
    found: list[tuple[Path, str]], folder: Path, dropped: list[Dropped]
) -> list[tuple[Path, str]]:
    """Each content once; none of a content that lies with two people."""
    out = set()
    for same in copies([path for path, _ in found]):
        several = len({found[index][1] for index in same}) > 1
        for index in same if several else same[1:]:
            path, person = found[index]
            if several:
                other = next(found[at][0] for at in same if found[at][1] != person)
                message = f"the same file as {_name(other, folder)}, which is another person's"
                dropped.append(Dropped(_name(path, folder), "contradiction", message))
            else:
                message = f"the same file as {_name(found[same[0]][0], folder)}"
                dropped.append(Dropped(_name(path, folder), "duplicate", message))
            out.add(index)
    return [one for index, one in enumerate(found) if index not in out]


def _link(path: Path, folder: Path) -> Dropped:
    return Dropped(_name(path, folder), "link", "links to folders aren't followed")


def _name(path: Path, folder: Path) -> str:
    return printable(path.relative_to(folder).as_posix())
