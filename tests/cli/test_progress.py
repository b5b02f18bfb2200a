from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis.cli import progress as module
from visavis.cli.progress import megabytes, progress

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
    ("size", "text"), [(0, "0.0 MB"), (49_999, "0.0 MB"), (1_000_000, "1.0 MB"), (10_667_852, "10.7 MB")]
)
def test_megabytes(size: int, text: str) -> None:
    assert megabytes(size) == text
