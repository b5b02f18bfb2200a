"""Truth by the list of pairs of Labeled Faces in the Wild, ``pairs.txt``, in ten folds or one set.

G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller, "Labeled Faces in the Wild: a database for studying face
recognition in unconstrained environments", University of Massachusetts, Amherst, report 07-49, 2007.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from visavis.evaluation.pairs import Claim, settle
from visavis.evaluation.result import Dropped
from visavis.evaluation.truth import EvaluationError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from visavis.evaluation.truth import Truth

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm")
MAX_LIST_BYTES = 16 * 2**20
"""LFW's own list has 6,000 pairs in 160 kB."""

Line = tuple[int, bool, int | None, tuple[str, int, str, int]]


def read_lfw(file: Path, pictures: Path) -> Truth:
    """Pictures and pairs from a list in LFW's form and a folder in LFW's layout.

    Args:
        file: The first line has the number of folds and of pairs of each kind in a fold (``10 300``), or only
            the latter (``500``). Each fold has that many lines ``NAME n1 n2`` (one person), then that many
            ``NAME1 n1 NAME2 n2`` (two people).
        pictures: Has them as ``NAME/NAME_0001.jpg``, or another format. Pairs whose pictures aren't there are
            dropped.

    Raises:
        EvaluationError: `evaluation.unreadable`: the list or the folder can't be read; `evaluation.truth`:
            the list has another form, with the line; `evaluation.empty`: no pair is left.
    """
    if not os.path.isdir(pictures):  # noqa: PTH112  # unlike Path.is_dir it has no objection to any name
        raise EvaluationError(
            "evaluation.unreadable",
            f"there is no folder {printable(pictures)!r}",
            expected="LFW's layout: NAME/NAME_0001.jpg",
        )
    claims: list[Claim] = []
    dropped: list[Dropped] = []
    names: dict[Path, str] = {}
    for line, same, fold, (name, number, other_name, other_number) in _lines(file):
        first, second = _picture(pictures, name, number), _picture(pictures, other_name, other_number)
        if first is None or second is None:
            missing = f"{name}_{number:04d}" if first is None else f"{other_name}_{other_number:04d}"
            dropped.append(Dropped(f"line {line}", "missing", f"there is no picture {printable(missing)}"))
            continue
        two = (first.resolve(), second.resolve())
        for resolved, path in zip(two, (first, second), strict=True):
            names.setdefault(resolved, printable(path.relative_to(pictures).as_posix()))
        claims.append(Claim(f"line {line}", two, same, (name, other_name), fold=fold))
    return settle(claims, names, protocol="lfw", dropped=dropped)


def _lines(file: Path) -> Iterator[Line]:
    """Line number, same person or not, fold, and the two pictures of each pair."""
    lines = _text(file).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    header = lines[0].split() if lines else []
    if len(header) not in (1, 2) or not all(map(_is_number, header)):
        raise _malformed(
            file, 1, lines, "the number of folds and of pairs of each kind in one, like '10 300'"
        )
    folds, count = map(int, header if len(header) == 2 else ("1", *header))
    if not 0 < len(lines) - 1 == 2 * folds * count:
        raise EvaluationError(
            "evaluation.truth",
            f"{printable(file.name)!r} has too many or too few pairs",
            found=f"{len(lines) - 1} lines after the first",
            expected=f"{2 * folds * count}, at least one",
        )
    for index, text in enumerate(lines[1:]):
        line, (fold, within) = index + 2, divmod(index, 2 * count)
        same, fields = within < count, text.split()
        if same and len(fields) == 3:
            fields.insert(2, fields[0])
        elif same or len(fields) != 4:
            fields = []
        names, numbers = fields[::2], fields[1::2]
        if not (fields and all(map(_is_name, names)) and all(map(_is_number, numbers))):
            raise _malformed(file, line, lines, "NAME n1 n2" if same else "NAME1 n1 NAME2 n2")
        two = (names[0], int(numbers[0]), names[1], int(numbers[1]))
        yield line, same, fold if len(header) == 2 else None, two


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6


def _is_name(text: str) -> bool:
    """Whether it can be a person's folder: nothing in it leads elsewhere."""
    return bool(text.strip(".")) and not set(text) & set("/\\:")


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_LIST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a NUL in the name
        raise EvaluationError(
            "evaluation.unreadable",
            f"{printable(file.name)!r} can't be read",
            found=getattr(error, "strerror", None) or "no text in UTF-8",
            expected="LFW's pairs.txt",
        ) from None
    if len(content) > MAX_LIST_BYTES:
        raise EvaluationError(
            "evaluation.unreadable",
            f"{printable(file.name)!r} is too large for a list of pairs",
            expected=f"at most {MAX_LIST_BYTES} bytes",
        )
    return text


def _picture(pictures: Path, name: str, number: int) -> Path | None:
    for suffix in SUFFIXES:
        path = pictures / name / f"{name}_{number:04d}{suffix}"
        if os.path.isfile(path):  # noqa: PTH113
            return path
    return None


def _malformed(file: Path, line: int, lines: Sequence[str], expected: str) -> EvaluationError:
    found = printable(lines[line - 1])[:60] if lines else "nothing"
    return EvaluationError(
        "evaluation.truth",
        f"line {line} of {printable(file.name)!r} isn't what LFW's list has there",
        found=repr(found),
        expected=expected,
    )
