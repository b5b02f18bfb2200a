from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from visavis.cli.challenge import challenge_command
from visavis.errors import ChallengeError, VisavisError
from visavis.liveness.challenge import in_words
from visavis.liveness.register import read_sealed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*words: object) -> Result:
    return CliRunner().invoke(challenge_command, [*map(str, words)])


def test_a_challenge_is_written_and_told(tmp_path: Path) -> None:
    out = tmp_path / "below" / "challenge.json"
    ran = run("--out", out, "--for", "request 7")
    assert ran.exit_code == 0
    challenge = read_sealed(out).challenge
    assert challenge.binding == "request 7"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    first, second, *steps = ran.output.splitlines()
    assert first == f"challenge {challenge.id}, for the request request 7"
    assert second == f"counts once, until {challenge.expires_at:%H:%M:%S} UTC"
    assert len(steps) == len(challenge.steps) + 1
    assert steps[0] == " 0.00 s  look straight at the camera"
    assert all(in_words(step) in line for step, line in zip(challenge.steps, steps, strict=False))
    assert steps[-1] == f"{challenge.duration_ms / 1000:5.2f} s  the end"


def test_without_a_request(tmp_path: Path) -> None:
    ran = run("--out", tmp_path / "challenge.json")
    assert ran.output.splitlines()[0].endswith(", bound to no request")
    assert json.loads((tmp_path / "challenge.json").read_text())["challenge"]["binding"] == ""


def test_wrong_usage() -> None:
    assert run().exit_code == 2  # click's own; the door makes it 64


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--out", "/dev/null"], "report.unwritable"),
        (["--out", "{tmp}/c.json", "--for", "x" * 201], "challenge.binding"),
    ],
)
def test_errors_by_name(words: list[str], code: str, tmp_path: Path) -> None:
    error = run(*(word.format(tmp=tmp_path) for word in words)).exception
    assert isinstance(error, VisavisError)
    assert error.code == code


def test_a_key_that_others_may_read(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (home / "challenge.key").write_bytes(bytes(32))
    (home / "challenge.key").chmod(0o644)
    error = run("--out", tmp_path / "c.json").exception
    assert isinstance(error, ChallengeError)
    assert error.code == "challenge.key"
    assert not (tmp_path / "c.json").exists()
