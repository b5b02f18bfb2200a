from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis.cli import progress as module
from visavis.cli.progress import counting, megabytes, progress

if TYPE_CHECKING:
    from visavis.packs.download import Progress


def work(report: Progress) -> None:
    report("a wheel", 0, 2_500_000)
    report("a wheel", 1_000_000, 2_500_000)
    report("a wheel", 2_500_000, 2_500_000)
    report("converting a network", 0, None)
    report("converting a network", 1, 1)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    with progress() as report:
        work(report)
    out, err = capsys.readouterr()
    assert out == "", "standard output is for results"
    return err.splitlines()


def test_a_log_file_gets_a_line_for_each_step(lines: list[str]) -> None:
    assert lines == ["a wheel (2.5 MB)", "converting a network"]


def test_a_person_gets_bars(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "_is_watched", lambda: True)
    with progress() as report:
        work(report)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2.5 MB of 2.5 MB" in err
    assert "converting a network" in err


@pytest.mark.parametrize("watched", [True, False])
def test_an_error_passes_through(
    watched: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_is_watched", lambda: watched)

    def cut_off() -> None:
        with progress() as report:
            report("a wheel", 0, None)
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        cut_off()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("total", "lines"),
    [
        (3, ["1 of 3 pictures", "2 of 3 pictures", "3 of 3 pictures"]),
        (25, [1, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25]),
        (20_000, [1, *range(2000, 20_001, 2000)]),
        (0, []),
    ],
)
def test_a_log_file_gets_a_line_for_each_tenth(
    total: int, lines: list[int | str], capsys: pytest.CaptureFixture[str]
) -> None:
    with counting("pictures") as tell:
        for done in range(1, total + 1):
            tell(done, total)
    out, err = capsys.readouterr()
    assert out == ""
    expected = [line if isinstance(line, str) else f"{line:,} of {total:,} pictures" for line in lines]
    assert [line.split(" pictures")[0] + " pictures" for line in err.splitlines()] == expected


def test_a_log_file_gets_rate_and_remaining_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The first tenth was made by a run before this one; then 20 a second, then 0.5 a second.
    times = iter([0.0, 0.01, 5.01, 205.01, 205.01, 10_205.01, 10_206.01])
    monkeypatch.setattr("time.perf_counter", lambda: next(times))
    with counting("pictures") as tell:
        for done in (1, 100, 150, 200, 300, 400, 401, 600, 1000):
            tell(done, 1000)
    assert capsys.readouterr().err.splitlines() == [
        "1 of 1,000 pictures",
        "100 of 1,000 pictures",  # at that pace less than a second would be left
        "200 of 1,000 pictures, 20 a second, 40 s left",
        "300 of 1,000 pictures, 0.50 a second, 23 min left",
        "400 of 1,000 pictures",  # no time has passed
        "600 of 1,000 pictures, 0.02 a second, 5.6 h left",
        "1,000 of 1,000 pictures",
    ]


def test_a_person_gets_one_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "_is_watched", lambda: True)
    with counting("pictures") as draw:
        draw(1, 7)
        draw(7, 7)
    out, err = capsys.readouterr()
    assert out == ""
    assert "pictures" in err
    assert "7/7" in err


@pytest.mark.parametrize("watched", [True, False])
def test_an_error_passes_through_counting(watched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_is_watched", lambda: watched)

    def cut_off() -> None:
        with counting("pictures") as tell:
            tell(1, 7)
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        cut_off()


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0.0 MB"), (49_999, "0.0 MB"), (1_000_000, "1.0 MB"), (10_667_852, "10.7 MB")]
)
def test_megabytes(size: int, text: str) -> None:
    assert megabytes(size) == text
