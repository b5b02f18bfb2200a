from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.pictures import encoded, scene

from visavis import cli, verifier
from visavis.documents import camera, specimen
from visavis.documents.crosscheck import Crosscheck
from visavis.ledger.entry import Entry
from visavis.ledger.reader import Reader
from visavis.packs.install import install

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.verifier import Verifier


@pytest.fixture
def folder(
    sface: Verifier, portraits: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The working directory: two passports of one person, pictures of two people, the packs loaded."""
    install("mrz")
    for name, content in portraits.items():
        (tmp_path / name).write_bytes(content)
    holder = specimen.fictional(3)
    for seed, name in enumerate(("obama", "obama2")):
        seen = sface.examine(portraits[f"{name}.jpg"])
        assert seen.evidence.face is not None
        drawn = specimen.draw("passport", holder, specimen.portrait_of(seen.photo, seen.evidence.face))
        spared = [drawn.portrait, *drawn.line_boxes]
        shot = camera.photograph(drawn.page, severity=1, seed=seed, spared=spared)
        (tmp_path / f"passport-{name}.jpg").write_bytes(shot.jpeg)
    (tmp_path / "blank.png").write_bytes(encoded("PNG", scene(300, 200)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verifier, "Verifier", lambda pack, calibration: sface)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    assert isinstance(left.value.code, int)
    return (left.value.code, *capsys.readouterr())


A, B = "passport-obama.jpg", "passport-obama2.jpg"


def test_two_documents(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "crosscheck", A, B, "--report", "r.html")
    assert (status, err) == (0, "")
    assert out.startswith("MATCH\n")
    assert "data:image/" in (folder / "r.html").read_text(encoding="utf-8")
    status, out, _ = run(capsys, "crosscheck", A, B, "--also-b", B, "--json")
    data = json.loads(out)
    assert (status, data["decision"]) == (0, "match")
    assert Crosscheck.from_dict(data).to_dict() == data
    assert run(capsys, "crosscheck", A, "blank.png")[0] == 2


def test_quality_is_asked_of_both_portraits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("crosscheck", A, B, "--quality", "icao_portrait")
    status, out, _ = run(capsys, *words, "--json")
    data = json.loads(out)
    assert (status, data["decision"], data["faces"]["similarity"]) == (2, "inconclusive", None)
    assert {reason["about"] for reason in data["reasons"] if reason["code"] == "quality_low"} == {
        "first document",
        "second document",
    }
    assert data["faces"]["reference"]["quality"]["profile"] == "icao_portrait"
    assert data["faces"]["liveness"]["why"] == "it is never asked of documents"
    status, out, _ = run(capsys, *words, "--report", "r.html")
    assert status == 2
    assert out.count("\nquality     falls short of the profile icao portrait") == 2
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert "How good the pictures are" in page
    assert "it had no influence" not in page
    run(capsys, "crosscheck", A, B, "--report", "r.html")
    assert "for you to see: it had no influence" in (folder / "r.html").read_text(encoding="utf-8")


def test_a_document_and_a_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for probe, status, decision in (("obama2.jpg", 0, "match"), ("biden.jpg", 1, "no_match")):
        words = ("verify", "--document", A, probe, "--json", "--report", "r.html")
        found, out, err = run(capsys, *words)
        assert (found, err) == (status, "")
        data = json.loads(out)
        assert data["decision"] == decision
        assert data["document"]["portrait"] == "printed"
        assert "The document" in (folder / "r.html").read_text(encoding="utf-8")
    box = "0,0,970,2204"
    assert run(capsys, "verify", "--document", A, "biden.jpg", "--face", f"probe:{box}")[0] == 1
    assert run(capsys, "verify", "--document", A, "obama2.jpg", "--face", "0,0,5,5")[0] == 2


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("verify", "--document", A, "obama.jpg", "obama2.jpg"), 64, "give one picture"),
        (("verify", "--document", A, "obama.jpg", "--also", "obama2.jpg"), 64, "no --also"),
        (("verify", "--document", A, "obama.jpg", "--face", "reference:1,2,3,4"), 64, "no --also"),
        (("verify", "obama.jpg"), 64, "give two pictures"),
        (("verify", "a.jpg", "b.jpg", "c.jpg"), 64, "give two pictures"),
        (("verify", "obama.jpg", "obama2.jpg", "--chip", "."), 64, "need --document"),
        (("verify", "obama.jpg", "obama2.jpg", "--require-valid-document"), 64, "need --document"),
        (("verify", "--document", "-", "-"), 64, "only one picture"),
        (("verify", "--document", A, "obama.jpg", "--report", A), 64, "would overwrite a picture"),
        (("verify", "--document", A, "obama.jpg", "--chip", B, "--report", B), 64, "what else was given"),
        (("verify", "--document", A, "obama.jpg", "--trust", B, "--report", B), 64, "what else was given"),
        (("verify", *["--document", A] * 9, "obama.jpg"), 65, "too many or too few pictures of one document"),
        (("verify", "--document", "nothing.jpg", "obama.jpg"), 66, "nothing.jpg"),
        (("crosscheck", A), 64, "Missing argument"),
        (("crosscheck", "-", "-"), 64, "only one picture"),
        (("crosscheck", A, B, "--report", B), 64, "would overwrite"),
        (("crosscheck", A, B, "--trust", "obama.jpg", "--report", "obama.jpg"), 64, "would overwrite"),
        (("crosscheck", A, "nothing.jpg"), 66, "nothing.jpg"),
        (("crosscheck", A, B, "--fmr", "1e-9"), 64, "can't promise"),
        (("crosscheck", A, B, "--quality", "passport"), 64, "there is no such profile of quality"),
    ],
)
def test_wrong_usage(
    words: tuple[str, ...], status: int, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = run(capsys, *words)
    assert (found, out) == (status, "")
    assert told in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "obama.jpg", "obama2.jpg"),
        ("crosscheck", A, B),
        ("document", A),
        ("evaluate", "--all-pairs", "people"),
        ("calibrate", "--all-pairs", "people", "--out", "own.json", "--description", "mine"),
    ],
    ids=lambda words: words[0],
)
def test_a_pack_that_compares_no_faces(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number, name in enumerate(("one/a.png", "one/b.png", "two/a.png", "two/b.png")):
        path = tmp_path / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded("PNG", scene(60 + number, 40)))
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *words, "--pack", "mrz")
    assert (status, out) == (69, "")
    assert err.startswith("visavis: the pack 'mrz' compares no faces (")
    assert "expected one of sface, " in err


def test_a_plain_verify_starts_without_documents() -> None:
    code = (
        "import sys, visavis.verifier, visavis.cli.verify, visavis.report.text; "
        "print([name for name in sys.modules if name.startswith('visavis.documents')])"
    )
    made: Any = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert made.stdout.strip() == "[]"


def test_what_is_answered_about_documents_is_in_the_ledger(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decisions, counts and codes; no value that was read."""
    monkeypatch.setenv("VISAVIS_LEDGER", str(folder / "ledger.db"))
    status, _, err = run(capsys, "crosscheck", A, B)
    assert (status, err.count("\n")) == (64, 1)
    assert "purpose" in err
    status, out, _ = run(capsys, "crosscheck", A, B, "--purpose", "onboarding", "--subject", "customer-4711")
    assert status == 0
    assert "ledger      entry 1 of visavis/ledger-" in out
    _, out, _ = run(capsys, "document", A, "--purpose", "desk")
    assert "ledger        entry 2 of" in out
    _, out, _ = run(capsys, "verify", "--document", A, "obama2.jpg", "--purpose", "desk", "--json")
    assert json.loads(out)["ledger"]["index"] == 3
    _, out, _ = run(capsys, "quality", "obama.jpg", "--purpose", "desk")
    assert "ledger        entry 4 of" in out
    with Reader.read(folder / "ledger.db") as reader:
        _, crossed, read, verified, looked = (Entry.parse(leaf) for _, leaf in reader.leaves())
        content = b"".join(leaf for _, leaf in reader.leaves())
    assert (crossed.kind, crossed.decision, crossed.details["faces"]) == ("crosscheck", "match", "match")
    assert set(crossed.inputs) == {"first document", "second document"}
    assert crossed.details["fields_different"] == 0
    assert (read.kind, read.decision, read.details["zone"]) == ("document", "read", "valid")
    assert (verified.kind, verified.decision, verified.details["portrait"]) == ("verdict", "match", "printed")
    assert (looked.kind, looked.decision, looked.details) == ("quality", "meets", {"profile": "selfie"})
    holder = specimen.fictional(3)
    for value in (holder.surname, holder.number, "customer-4711"):
        assert value.encode() not in content
