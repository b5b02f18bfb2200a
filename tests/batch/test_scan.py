"""A table that is a search is refused before any of its pictures is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis.access.fan_out import Limits
from visavis.batch import locations
from visavis.batch.rows import Claim, Malformed
from visavis.batch.scan import Meetings
from visavis.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LIMITS = Limits(references=3, probes=5)


def stopped(folder: Path, pairs: Iterable[tuple[str, str]], *, document: bool = False) -> str | None:
    """What a table of pairs is refused with, or None."""
    meetings = Meetings()
    for number, (reference, probe) in enumerate(pairs, start=1):
        place = str(folder / reference)
        meetings.see(
            Claim(
                number,
                None if document else place,
                place if document else None,
                str(folder / probe),
                f"subject {number}",
                "a test",
            )
        )
    meetings.see(Malformed(99, "batch.row", ""))
    try:
        meetings.check(LIMITS)
    except AccessError as error:
        return f"{error.code}: {error}"
    return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """References r0 to r9 and probes p0 to p9, each with bytes of its own, all of one size."""
    for kind in "rp":
        for number in range(10):
            (tmp_path / f"{kind}{number}").write_bytes(f"{kind}{number}".encode())
    return tmp_path


@pytest.mark.parametrize("document", [False, True])
def test_one_probe_with_many_references(folder: Path, document: bool) -> None:
    assert stopped(folder, [(f"r{n}", "p0") for n in range(3)], document=document) is None
    assert stopped(folder, [(f"r{n}", "p0") for n in range(5)], document=document) == (
        "access.fan_out: the table pairs one probe with too many different references: nothing was compared "
        "(found 4 by row 4, expected at most 3)"
    )


def test_one_reference_with_many_probes(folder: Path) -> None:
    """Whoever searches may swap the columns."""
    assert stopped(folder, [("r0", f"p{n}") for n in range(5)]) is None
    found = stopped(folder, [("r0", f"p{n}") for n in range(6)])
    assert found is not None
    assert "pairs one reference with too many different probes" in found
    assert "found 6 by row 6, expected at most 5" in found


def test_names_and_subjects_dont_matter(folder: Path) -> None:
    for number in range(4):
        (folder / f"copy{number}").write_bytes(b"p0")
    assert stopped(folder, [(f"r{n}", f"copy{n}") for n in range(4)]) is not None


def test_copies_of_one_reference_are_one(folder: Path) -> None:
    for number in range(8):
        (folder / f"copy{number}").write_bytes(b"r0")
    assert stopped(folder, [(f"copy{n}", "p0") for n in range(8)]) is None


def test_the_same_pair_again_is_no_other(folder: Path) -> None:
    assert stopped(folder, [(f"r{n % 3}", "p0") for n in range(30)]) is None


def test_pictures_that_cant_be_read_are_told_apart_by_name(folder: Path) -> None:
    assert stopped(folder, [(f"gone{n}", "p0") for n in range(4)]) is not None
    assert stopped(folder, [(f"r{n}", f"gone{n}") for n in range(10)]) is None
    assert stopped(folder, []) is None


def test_few_pictures_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what might be one picture with too many others: here those of three bytes."""
    for number in range(10):
        (folder / f"large{number}").write_bytes(b"x" * (10 + number))
    for number in range(4):
        (folder / f"same{number}").write_bytes(f"s{number}s".encode())
    read: list[str] = []
    digest = locations.digest

    def watched(place: str) -> str | None:
        read.append(place)
        return digest(place)

    monkeypatch.setattr(locations, "digest", watched)
    honest = [(f"r{n}", f"large{n}") for n in range(10)] + [(f"large{n}", f"same{n}") for n in range(4)]
    assert stopped(folder, honest) is None
    # As probes the four might be one; as references r0 to r9 have one size, too, and meet ten.
    assert {place.rsplit("/", 1)[1] for place in read} == {
        *(f"same{n}" for n in range(4)),
        *(f"large{n}" for n in range(10)),
        *(f"r{n}" for n in range(10)),
    }
    read.clear()
    assert stopped(folder, [(f"large{n}", f"large{n + 1}") for n in range(9)]) is None
    assert read == []
