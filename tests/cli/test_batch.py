"""`visavis batch` as a command: what it prints, how it ends, and that a kill in earnest leaves no trace."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds
import pytest

from visavis import cli
from visavis.errors import BatchError
from visavis.ledger.entry import Entry
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.verifier import Verifier

HEAD = "reference,probe,subject,purpose\n"


@pytest.fixture
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sface: Verifier, portraits: Mapping[str, bytes]
) -> Path:
    """A working directory with three pictures and a table."""
    for name in ("VISAVIS_LEDGER", "VISAVIS_LEDGER_KEY", "VISAVIS_PURPOSE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for name, content in portraits.items():
        (tmp_path / name).write_bytes(content)
    rows = ("obama.jpg,obama2.jpg,s1,a test", "obama.jpg,biden.jpg,s2,a test", "obama.jpg,gone.jpg,s3,a test")
    (tmp_path / "pairs.csv").write_text(HEAD + "\n".join(rows))
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(["batch", *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return left.value.code or 0, out, err  # type: ignore[return-value]

    return run


GIVEN = ("pairs.csv", "--out", "out", "--ledger", "ledger.db")


def test_what_it_prints(place: Path, run: Any) -> None:
    status, out, err = run(*GIVEN, "--processes", "1")
    assert status == 0, err
    lines = dict(line.split(maxsplit=1) for line in out.replace("no match", "no_match").splitlines())
    origin = lines["ledger"].rpartition(" ")[2]
    assert lines == {
        "rows": "3",
        "match": "1",
        "no_match": "1",
        "inconclusive": "0",
        "rejected": "1: photo.missing 1",
        "ledger": f"entries 1 to 3 of {origin}",
        "results": os.path.join("out", "results"),  # noqa: PTH118
    }
    assert err.splitlines()[0] == "0 of 3 rows"
    assert err.splitlines()[-1] == "3 of 3 rows"
    status, out, err = run(*GIVEN, "--json")
    assert status == 0
    summary = json.loads(out)
    assert summary == json.loads((place / "out" / "summary.json").read_text())
    assert summary["decisions"] == {"match": 1, "no_match": 1, "inconclusive": 0}
    assert sum(summary["match"]) == sum(summary["no_match"]) == 1
    page = (place / "out" / "summary.html").read_text()
    assert "<svg" in page
    assert "photo.missing" in page
    assert "obama" not in page, "no row is in it"
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("pairs.csv", "--out", "out"), 64, "no ledger is named"),
        (("pairs.csv", "--ledger", "l.db"), 64, "--out"),
        (("gone.csv", *GIVEN[1:]), 66, "there is no table 'gone.csv'"),
        (("obama.jpg", *GIVEN[1:]), 65, "no table that can be read"),
        ((*GIVEN, "--fmr", "0.5"), 64, "fmr is out of range"),
        ((*GIVEN, "--fmr", "1e-9"), 64, "false match rate"),
        ((*GIVEN, "--liveness-threshold", "0.5"), 64, "needs --liveness"),
        ((*GIVEN, "--pack", "nonsense"), 64, "nonsense"),
        ((*GIVEN, "--address", "10.0.0.1:6379"), 64, "--address needs --engine ray"),
        (("search.csv", *GIVEN[1:]), 64, "pairs one probe with too many different references"),
        (("pairs.csv", "--out", "full", "--ledger", "l.db"), 73, "holds other things"),
    ],
)
def test_how_it_refuses(place: Path, run: Any, words: tuple[str, ...], status: int, told: str) -> None:
    rows = "".join(f"reference{number}.jpg,obama.jpg,s{number},a test\n" for number in range(6))
    (place / "search.csv").write_text(HEAD + rows)
    (place / "full").mkdir()
    (place / "full" / "letter.txt").write_text("dear")
    found, out, err = run(*words)
    assert (found, out) == (status, "")
    assert told in err
    assert not (place / "out" / "results" / "part-000001.parquet").exists()


def test_without_a_gpu_it_says_what_is_missing(place: Path, run: Any) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    status, out, err = run(*GIVEN, "--device", "cuda")
    assert (status, out) == (69, "")
    assert "built without CUDA" in err
    assert "onnxruntime-gpu" in err


def test_a_search_that_is_refused_is_in_the_ledger(place: Path, run: Any) -> None:
    rows = "".join(f"obama.jpg,probe{number}.jpg,s{number},a search\n" for number in range(21))
    (place / "search.csv").write_text(HEAD + rows)
    assert run("search.csv", *GIVEN[1:])[0] == 64
    with Ledger.open(place / "ledger.db") as ledger:
        [_, (_, leaf)] = list(ledger.leaves())
    entry = Entry.parse(leaf)
    assert (entry.kind, entry.reasons, entry.purpose) == ("refusal", ("access.fan_out",), "a search")
    assert entry.details["found"] == "21 by row 21"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("batch.missing", 66),
        ("batch.row", 65),
        ("batch.changed", 65),
        ("batch.other", 64),
        ("batch.not_installed", 64),
        ("batch.busy", 69),
        ("batch.unreachable", 69),
        ("batch.cluster", 69),
        ("batch.node", 69),
        ("batch.worker", 70),
        ("batch.out", 73),
    ],
)
def test_statuses(code: str, status: int) -> None:
    assert cli.status_of(BatchError(code, "")) == status


# In earnest: a process of its own, and signals


def many(place: Path, rows: int = 200) -> None:
    pairs = (("obama.jpg", "obama2.jpg"), ("obama2.jpg", "obama.jpg"), ("obama.jpg", "biden.jpg"))
    lines = "".join(f"{','.join(pairs[row % 3])},s{row},a test\n" for row in range(rows))
    (place / "pairs.csv").write_text(HEAD + lines)


def started(place: Path, out: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "visavis", "batch", "pairs.csv", "--out", out, "--processes", "1"]
    return subprocess.Popen(
        [*command, "--ledger", f"{out}.db"],
        cwd=place,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def rows_of(place: Path, out: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ds.dataset(place / out / "results").to_table().sort_by("row").to_pylist()
    return found


def test_with_ray_rows_are_what_they_are_without(place: Path) -> None:
    """In a process of its own, which starts Ray and ends it."""
    pytest.importorskip("ray", reason="Ray isn't installed, or isn't there for this Python")
    found = {}
    for engine in ("local", "ray"):
        command = [sys.executable, "-m", "visavis", "batch", "pairs.csv", "--out", engine, "--processes", "1"]
        ended = subprocess.run(
            [*command, "--ledger", f"{engine}.db", "--engine", engine, "--json"],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr.splitlines()[0] == "0 of 3 rows"
        found[engine] = json.loads(ended.stdout)["decisions"], rows_of(place, engine)
    assert found["ray"] == found["local"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_kills_leave_no_trace(place: Path) -> None:
    many(place)
    with started(place, "undisturbed") as process:
        begin = time.monotonic()
        process.communicate()
        span = time.monotonic() - begin
    assert process.returncode == 0
    chance = random.Random(5)
    for kill in (True, True, True, False):
        with started(place, "killed") as process:
            try:
                process.communicate(timeout=chance.uniform(0.3, 0.9) * span if kill else None)
            except subprocess.TimeoutExpired:
                process.kill()  # its own process alone: those with engines notice
    assert process.returncode == 0
    assert rows_of(place, "killed") == rows_of(place, "undisturbed")
    with Ledger.open(place / "killed.db") as ledger:
        assert ledger.key is not None
        assert verify(ledger, key=ledger.key.verifier).sound
        assert ledger.state().size == 201


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interruption_says_how_to_go_on(place: Path) -> None:
    many(place)
    with started(place, "out") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "0 of 200 rows\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.strip() == "visavis: interrupted; the same command goes on from here"
