"""The command line as a whole: exit statuses, and that nothing ever ends in a traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.pictures import encoded, scene

from visavis import cli
from visavis.errors import PackError, PhotoError, PolicyError, VisavisError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.verifier import Verifier


@pytest.fixture(scope="module")
def folder(portraits: Mapping[str, bytes], sface: Verifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the portraits, a picture without a face, and files that are no pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    files = {
        **portraits,
        "blank.png": encoded("PNG", scene(300, 200)),
        "cut.jpg": portraits["obama.jpg"][:9999],
        "text.jpg": b"nothing to see",
        "empty.jpg": b"",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def visavis(words: str, folder: Path, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own, in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "visavis", *words.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("verify obama.jpg obama2.jpg", 0),
        ("verify obama.jpg biden.jpg", 1),
        ("verify obama.jpg blank.png", 2),
        ("verify obama.jpg text.jpg", 65),
        ("verify nothing.jpg obama.jpg", 66),
        ("verify --report text.jpg/report.html obama.jpg obama2.jpg", 73),
    ],
)
def test_exit_statuses_of_a_real_process(words: str, status: int, folder: Path) -> None:
    done = visavis(words, folder)
    assert done.returncode == status
    assert bool(done.stdout) == (status < 3)
    assert done.stderr.count("\n") == (status > 2)
    assert "Traceback" not in done.stderr


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.mark.parametrize(
    ("words", "status", "word"),
    [
        ("frobnicate", 64, "No such command"),
        ("", 64, "Usage"),
        ("verify", 64, "REFERENCE"),
        ("verify obama.jpg", 64, "PROBE"),
        ("verify obama.jpg obama2.jpg biden.jpg", 64, "biden.jpg"),
        ("verify --frobnicate obama.jpg obama2.jpg", 64, "No such option"),
        ("verify - -", 64, "standard input"),
        ("verify --also - obama.jpg -", 64, "standard input"),
        ("verify --pack arcface obama.jpg obama2.jpg", 64, "sface"),
        ("verify --fmr 0 obama.jpg obama2.jpg", 64, "fmr"),
        ("verify --fmr -1 obama.jpg obama2.jpg", 64, "fmr"),
        ("verify --fmr 2 obama.jpg obama2.jpg", 64, "fmr"),
        ("verify --fmr nan obama.jpg obama2.jpg", 64, "fmr"),
        ("verify --fmr inf obama.jpg obama2.jpg", 64, "fmr"),
        ("verify --fmr little obama.jpg obama2.jpg", 64, "fmr"),
        ("verify --fmr 1e-12 obama.jpg obama2.jpg", 64, "or more"),
        ("verify --fmr 1e-12 nothing.jpg nowhere.jpg", 64, "or more"),
        ("verify --faces both obama.jpg obama2.jpg", 64, "largest-central"),
        ("verify --report . obama.jpg obama2.jpg", 64, "directory"),
        (
            "verify obama.jpg obama2.jpg" + " --also obama2.jpg" * 8,
            64,
            "at most 8 references of one person",
        ),
        ("verify . obama2.jpg", 65, "directory"),
        ("verify empty.jpg obama2.jpg", 65, "no bytes"),
        ("verify obama.jpg cut.jpg", 65, "JPEG"),
        ("verify obama.jpg nothing.jpg", 66, "nothing.jpg"),
        ("verify obama.jpg text.jpg/below.jpg", 66, "below.jpg"),
        ("verify --also nothing.jpg obama.jpg obama2.jpg", 66, "nothing.jpg"),
        ("packs show arcface", 64, "arcface"),
    ],
)
def test_what_goes_wrong_has_a_status_and_a_clear_line(
    words: str,
    status: int,
    word: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    assert run(*words.split()) == status
    out, err = capsys.readouterr()
    assert word in err
    assert out == ""
    if err.startswith("visavis: "):
        assert err.count("\n") == 1
    else:
        assert err.startswith("Usage: ")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PhotoError("photo.missing", ""), 66),
        (PhotoError("photo.damaged", ""), 65),
        (PhotoError("photo.too_large", ""), 65),
        (PackError("pack.unknown", ""), 64),
        (PackError("pack.not_installed", ""), 69),
        (PackError("pack.damaged", ""), 69),
        (PackError("calibration.missing", ""), 69),
        (PolicyError("policy.fmr", ""), 64),
        (VisavisError("references.count", ""), 64),
        (VisavisError("report.unwritable", ""), 73),
    ],
)
def test_every_error_has_a_status(error: VisavisError, status: int) -> None:
    assert cli.status_of(error) == status


@pytest.mark.parametrize("words", ["--help", "-h", "verify --help", "packs --help", "doctor -h", "demo -h"])
def test_help(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words.split()) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: visavis")
    assert err == ""


def test_help_names_every_command_without_loading_any() -> None:
    code = """
import sys
from visavis import cli
try:
    cli.main(["--help"])
except SystemExit:
    loaded = [name for name in sys.modules if name.startswith("visavis.")]
    print(sorted(loaded), "numpy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *help_, loaded = done.stdout.splitlines()
    for name in cli.COMMANDS:
        assert any(line.split()[:1] == [name] for line in help_)
    assert loaded == "['visavis.cli', 'visavis.errors'] False"


def test_the_exit_statuses_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    run("verify", "--help")
    told = " ".join(capsys.readouterr().out.split())
    for text in ("0 match", "1 no match", "2 inconclusive", "64", "65", "66", "69", "73"):
        assert text in told


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    import visavis

    assert run("--version") == 0
    assert capsys.readouterr().out == f"visavis {visavis.__version__}\n"


def test_an_interrupt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.commands, "invoke", interrupted)
    assert run("doctor") == 130
    assert capsys.readouterr().out == ""


def test_a_fault_of_ours_is_never_taken_for_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(cli.commands, "invoke", broken)
    assert run("doctor") == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert "RuntimeError: a defect" in err
    assert err.count("\n") == 1
    monkeypatch.setenv("VISAVIS_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="a defect"):
        cli.main(["doctor"])


# Where the output goes


@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
@pytest.mark.parametrize(
    "words", ["verify obama.jpg obama2.jpg", "verify --json obama.jpg biden.jpg", "packs list", "--help"]
)
def test_a_reader_that_has_gone_away(words: str, folder: Path) -> None:
    """As `visavis ... | head -0`: no traceback, and no status that could be taken for a verdict."""
    reading, writing = os.pipe()
    os.close(reading)
    done = visavis(words, folder, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
@pytest.mark.parametrize("words", ["verify obama.jpg obama2.jpg", "--help"])
def test_a_full_disk(words: str, folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = visavis(words, folder, stdout=full.fileno())
    assert done.returncode == 73
    assert done.stderr == "visavis: the output can't be written (No space left on device)\n"


def test_a_picture_from_standard_input(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    portraits: Mapping[str, bytes],
) -> None:
    for words, data, status in (
        (("-", "obama2.jpg"), portraits["obama.jpg"], 0),
        (("obama2.jpg", "-"), portraits["obama.jpg"], 0),
        (("obama2.jpg", "-"), portraits["biden.jpg"], 1),
        (("obama.jpg", "-"), b"no picture", 65),
        (("obama.jpg", "-"), b"", 65),
    ):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert run("verify", *words) == status
    assert "Traceback" not in capsys.readouterr().err
