"""`visavis ledger`: what it prints, and its exit statuses."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest
from tests.ledger.events import verdict

from visavis import cli
from visavis.ledger.checkpoint import VerifierKey, read_checkpoint
from visavis.ledger.entry import Event
from visavis.ledger.export import read_line
from visavis.ledger.log import Ledger
from visavis.ledger.merkle import includes, leaf_hash

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with three verdicts and a refusal."""
    monkeypatch.delenv("VISAVIS_LEDGER_KEY", raising=False)
    monkeypatch.delenv("VISAVIS_PURPOSE", raising=False)
    monkeypatch.setenv("VISAVIS_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.chdir(tmp_path)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.append_many([verdict(number, subject=f"S-{number}") for number in range(3)])
        ledger.append(Event(kind="refusal", purpose="onboarding", key="desk", reasons=("policy.fmr",)))
    return tmp_path / "ledger.db"


def run(capsys: pytest.CaptureFixture[str], words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(["ledger", *words.split()])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return int(left.value.code or 0), out, err


def test_verify(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "verify")
    lines = out.splitlines()
    assert (status, lines[0]) == (0, "INTACT")
    assert lines[1].split()[0] == "ledger"
    assert lines[1].endswith(", 5 entries")
    assert any(line.startswith("not checked") for line in lines)
    assert all(len(line) <= 100 for line in lines)


def test_verify_against_what_was_kept(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, note, _ = run(capsys, "checkpoint")
    (path.parent / "kept").write_text(note, encoding="utf-8")
    _, key, _ = run(capsys, "checkpoint --public-key")
    (path.parent / "key.pub").write_text(key, encoding="utf-8")
    assert read_checkpoint(note, [VerifierKey.parse(key)]).size == 5
    with Ledger.open(path) as ledger:
        ledger.append(verdict("later"))
    for given in (key.strip(), "key.pub"):
        status, out, _ = run(capsys, f"verify --checkpoint kept --key {given}")
        assert status == 0
        assert "compared      with a checkpoint that was kept, of 5 entries" in out
    status, out, _ = run(capsys, "verify --json --checkpoint kept")
    data = json.loads(out)
    assert (data["sound"], data["size"], data["compared_with"], data["findings"]) == (True, 6, 5, [])


def test_rotate_key(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, note, _ = run(capsys, "checkpoint")
    (path.parent / "kept").write_text(note, encoding="utf-8")
    _, before, _ = run(capsys, "checkpoint --public-key")
    (path.parent / "before.pub").write_text(before, encoding="utf-8")
    status, key, said = run(capsys, "rotate-key --purpose yearly")
    assert (status, VerifierKey.parse(key).name) == (0, VerifierKey.parse(before).name)
    assert "entry 5" in said
    _, after, _ = run(capsys, "checkpoint --public-key")
    assert after == key != before
    for given in ("", " --key before.pub", f" --key {key.strip()}"):  # who trusts either key trusts both
        status, out, _ = run(capsys, f"verify --checkpoint kept{given}")
        assert (status, out.splitlines()[0]) == (0, "INTACT")
        assert "exchanged" in out
        assert all(len(line) <= 100 for line in out.splitlines())
    status, out, _ = run(capsys, "show --kind rotation")
    assert "for 'yearly'" in out
    with Ledger.open(path) as ledger:
        assert ledger.entry(5).details["leaked"] is False
    run(capsys, "rotate-key --leaked")
    with Ledger.open(path) as ledger:
        assert ledger.entry(6).details["leaked"] is True
        assert [str(each) for each in ledger.signing_key().former] == [before.strip()]
    status, _, said = run(capsys, "rotate-key --ledger nowhere.db")
    assert status == 66
    assert "nowhere.db" in said


def test_verify_finds_what_was_altered(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(path)
    altered = "CAST(replace(leaf, 'match', 'mAtch') AS BLOB)"
    connection.execute(f"UPDATE ledger_entries SET leaf = {altered} WHERE idx = 2")
    connection.commit()
    connection.close()
    status, out, _ = run(capsys, "verify")
    assert (status, out.splitlines()[0]) == (1, "NOT INTACT")
    assert "wrong         entry 2: it is not the one that the tree has" in out
    status, out, _ = run(capsys, "verify --json")
    assert status == 1
    assert json.loads(out)["findings"][0]["code"] == "entry_altered"


def test_show(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "show")
    lines = out.splitlines()
    assert (status, len(lines)) == (0, 5)
    assert lines[0].split()[2] == "start"
    assert lines[1].split()[2:4] == ["verdict", "match"]
    assert "FMR 1 in 810,000" in lines[1]
    assert "for 'onboarding'" in lines[1]
    assert "refusal" in lines[4]
    assert "key 'desk'" in lines[4]
    assert "policy.fmr" in lines[4]
    assert "S-1" not in out


def test_show_chooses(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(run(capsys, "show --kind verdict")[1].splitlines()) == 3
    assert run(capsys, "show --since 9999-01-01")[1] == ""
    assert len(run(capsys, "show --since 2000-01-01T12:00+02:00 --kind refusal")[1].splitlines()) == 1
    lines = run(capsys, "show --json")[1].encode().splitlines()
    assert [read_line(line)[0] for line in lines] == [0, 1, 2, 3, 4]


def test_to_look_a_subject_up_leaves_an_entry(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "show --subject S-1 --purpose a-request-of-the-person")
    assert status == 0
    [found, access] = out.splitlines()
    assert found.split()[0] == "2"
    assert "access" in access
    assert "'a-request-of-the-person'" in access
    status, out, err = run(capsys, "show --subject S-9 --purpose audit")
    assert (status, out) == (0, "")
    assert "nothing is recorded" in err


def test_export(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "export --out below/ledger.jsonl")
    assert (status, out) == (0, "5 entries are in below/ledger.jsonl\n")
    file = path.parent / "below" / "ledger.jsonl"
    assert len(file.read_bytes().splitlines()) == 5
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run(capsys, "export --format parquet --out ledger.parquet")[0] == 0
    assert parquet.read_table(path.parent / "ledger.parquet").num_rows == 5


def test_prove(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, key, _ = run(capsys, "checkpoint --public-key")
    status, out, _ = run(capsys, "prove 2 --json")
    data = json.loads(out)
    checkpoint = read_checkpoint(data["checkpoint"], [VerifierKey.parse(key)])
    hashes = [bytes.fromhex(each) for each in data["inclusion"]]
    assert status == 0
    assert includes(leaf_hash(data["leaf"].encode()), 2, checkpoint.size, hashes, checkpoint.root)
    _, text, _ = run(capsys, "prove 2")
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 2\n")
    assert text.endswith(data["checkpoint"])


@pytest.mark.parametrize(
    ("words", "status", "word"),
    [
        ("verify --ledger nowhere.db", 66, "nowhere.db"),
        ("verify --checkpoint nowhere", 66, "nowhere"),
        ("verify --checkpoint text", 65, "no checkpoint"),
        ("verify --key nonsense", 66, "nonsense"),
        ("verify --key a+b+c", 65, "verifier key"),
        (f"verify --key a+{'b' * 300}", 65, "verifier key"),
        ("verify --ledger postgres://user:secret@host/x", 64, "postgres"),
        ("verify --ledger mysql://user:secret@host/x", 64, "mysql"),
        ("verify --ledger text", 65, "damaged"),
        ("prove 5", 64, "no such entry"),
        ("prove -1", 64, "-1"),
        ("prove", 64, "INDEX"),
        ("show --kind search", 64, "search"),
        ("show --since yesterday", 64, "yesterday"),
        ("show --subject S-1", 64, "--purpose"),
        ("export", 64, "--out"),
        ("export --out /dev/null", 73, "regular file"),
        ("export --out text/below", 73, "text/below"),
        (f"export --out {'x' * 300}", 73, "can't be written"),
        ("frobnicate", 64, "frobnicate"),
    ],
)
def test_what_goes_wrong(
    words: str, status: int, word: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path.parent / "text").write_text("nothing of the kind " * 100)
    found, out, err = run(capsys, words)
    assert found == status, err
    assert word in err
    assert "secret" not in err
    assert out == ""


def test_without_a_ledger(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("VISAVIS_LEDGER", raising=False)
    for words in ("verify", "show", "prove 0", "checkpoint", "export --out x", "prepare"):
        status, _, err = run(capsys, words)
        assert status == 64
        assert "VISAVIS_LEDGER" in err


def test_reading_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("verify", "show", "checkpoint", "show --subject S-1 --purpose audit"):
        assert run(capsys, f"{words} --ledger {tmp_path}/new.db")[0] == 66
    assert list(tmp_path.iterdir()) == []


def test_prepare(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert run(capsys, f"prepare --ledger {database}")[:2] == (0, "the tables are there\n")
    status, _, err = run(capsys, f"verify --ledger {database}")
    assert status == 66
    assert "nothing was recorded" in err
