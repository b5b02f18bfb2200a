"""Signed notes and checkpoints, against the vectors of Go's sumdb/note and the C2SP specifications."""

from __future__ import annotations

import base64
import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from visavis.errors import LedgerError
from visavis.ledger.checkpoint import Checkpoint, VerifierKey, read_checkpoint, read_note
from visavis.ledger.keys import LedgerKey, make_key, read_key

if TYPE_CHECKING:
    from pathlib import Path

# golang.org/x/mod/sumdb/note, note_test.go
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_SEED = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    f"{TEXT}\n\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

ROOT = bytes(range(32))


@pytest.fixture
def key() -> LedgerKey:
    return LedgerKey.of("example.com/log", bytes(32), bytes(range(32)))


def code_of(note: str | bytes, *keys: VerifierKey) -> str:
    with pytest.raises(LedgerError) as caught:
        read_checkpoint(note, keys)
    return caught.value.code


def test_the_published_note_is_read() -> None:
    assert read_note(NOTE, [VerifierKey.parse(PETER)]) == TEXT


def test_the_published_note_is_made() -> None:
    """Ed25519 is deterministic (RFC 8032), so that the same key gives the same bytes."""
    key = LedgerKey.of("PeterNeumann", base64.b64decode(PETERS_SEED)[1:], bytes(32))
    assert str(key.verifier) == PETER
    assert key.sign_text(TEXT) == NOTE
    assert key.text().splitlines()[0] == f"PRIVATE+KEY+PeterNeumann+c74f20a3+{PETERS_SEED}"


@pytest.mark.parametrize("at", range(len(PETER)))
def test_no_other_text_is_the_key(at: int) -> None:
    """Each character raised by one, as in note_test.go."""
    with pytest.raises(LedgerError) as caught:
        VerifierKey.parse(PETER[:at] + chr(ord(PETER[at]) + 1) + PETER[at + 1 :])
    assert caught.value.code == "ledger.verifier_key"


def test_a_checkpoint_has_the_form_of_its_specification(key: LedgerKey) -> None:
    note = key.sign(Checkpoint("example.com/log", 20852163, ROOT))
    # https://c2sp.org/tlog-checkpoint: origin, size, root, an empty line, an em dash and the key's name.
    lines = note.split("\n")
    assert lines[:4] == ["example.com/log", "20852163", base64.b64encode(ROOT).decode(), ""]
    assert lines[4].startswith("\u2014 example.com/log ")
    assert lines[5:] == [""]
    assert read_checkpoint(note, [key.verifier]) == Checkpoint("example.com/log", 20852163, ROOT)
    assert read_checkpoint(note.encode(), [key.verifier]).size == 20852163


def test_every_byte_of_a_checkpoint_counts(key: LedgerKey) -> None:
    note = key.sign(Checkpoint("example.com/log", 12, ROOT)).encode()
    for at in range(len(note)):
        for altered in (note[at] ^ 1, note[at] ^ 0x80):
            changed = note[:at] + bytes([altered]) + note[at + 1 :]
            assert code_of(changed, key.verifier) in ("ledger.checkpoint", "ledger.signature"), (at, changed)
        assert code_of(note[:at], key.verifier) in ("ledger.checkpoint", "ledger.signature"), at


def test_signatures_of_others_are_let_be(key: LedgerKey) -> None:
    note = key.sign(Checkpoint("example.com/log", 12, ROOT))
    witness = "\u2014 witness.example/w1 mJirIklj" + base64.b64encode(bytes(72)).decode() + "\n"
    assert read_checkpoint(note + witness, [key.verifier]).size == 12
    assert read_checkpoint(note.replace("\n\u2014", f"\n{witness}\u2014", 1), [key.verifier]).size == 12


def test_a_wrong_signature_of_a_known_key_spoils_the_note(key: LedgerKey) -> None:
    note = key.sign(Checkpoint("example.com/log", 12, ROOT))
    wrong = base64.b64encode(key.verifier.id + bytes(64)).decode()
    assert code_of(f"{note}\u2014 example.com/log {wrong}\n", key.verifier) == "ledger.signature"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("example.com/log\n12\n", "ledger.checkpoint"),
        ("example.com/log\n012\n" + base64.b64encode(ROOT).decode() + "\n", "ledger.checkpoint"),
        ("example.com/log\n-1\n" + base64.b64encode(ROOT).decode() + "\n", "ledger.checkpoint"),
        ("example.com/log\n12\n" + base64.b64encode(ROOT[:31]).decode() + "\n", "ledger.checkpoint"),
        ("example.com/log\n12\n" + base64.b64encode(ROOT).decode()[:-1] + "\n", "ledger.checkpoint"),
        ("example.com/log\n12\n" + base64.b64encode(ROOT).decode() + "\n\nx\n", "ledger.checkpoint"),
        ("example.com/log\n12\n" + base64.b64encode(ROOT).decode() + "\r\n", "ledger.checkpoint"),
    ],
)
def test_what_is_signed_must_be_a_checkpoint(text: str, code: str, key: LedgerKey) -> None:
    assert code_of(key.sign_text(text), key.verifier) == code


@pytest.mark.parametrize(
    "note", ["", "\n\n", "text", "a\n\n", "a\n\nb\n", "\n\n\u2014 a AAAAAAA=\n", "\ud7ff" * 70_000]
)
def test_what_is_no_note(note: str, key: LedgerKey) -> None:
    assert code_of(note, key.verifier) == "ledger.checkpoint"


def test_another_key_of_the_same_name(key: LedgerKey) -> None:
    other = LedgerKey.of("example.com/log", bytes([1] * 32), bytes(32))
    note = key.sign(Checkpoint("example.com/log", 12, ROOT))
    assert code_of(note, other.verifier) == "ledger.signature"
    assert code_of(note) == "ledger.signature"


# The file of the key


def test_a_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "below" / "key"
    made = make_key(path)
    assert make_key(path) == read_key(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["key"]
    assert make_key(tmp_path / "other").verifier.name != made.verifier.name


def test_a_key_says_nothing_of_itself(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    assert "seed" not in repr(key)
    assert "secret" not in repr(key)


def test_of_several_who_make_a_key_one_succeeds(tmp_path: Path) -> None:
    made: list[LedgerKey] = []
    threads = [threading.Thread(target=lambda: made.append(make_key(tmp_path / "key"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len({key.text() for key in made}) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
@pytest.mark.parametrize(
    ("mode", "fits"),
    [(0o600, True), (0o400, True), (0o440, True), (0o644, False), (0o620, False), (0o601, False)],
)
def test_a_key_that_others_may_read_is_refused(mode: int, fits: bool, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    if fits:
        read_key(tmp_path / "key")
        return
    with pytest.raises(LedgerError, match=f"{mode:04o}") as caught:
        read_key(tmp_path / "key")
    assert caught.value.code == "ledger.key_exposed"


def test_files_that_hold_no_key(tmp_path: Path) -> None:
    whole = make_key(tmp_path / "key").text()
    lines = whole.splitlines()
    for content in (
        "",
        "text",
        lines[0],
        lines[1],
        "\n".join(reversed(lines)),
        whole + "more\n",
        whole.replace("+", "-"),
        whole[:-6] + "\n",
        whole.replace("ledger-", "ledger_"),
        "\u00e9" + whole,
        whole * 100,
    ):
        (tmp_path / "key").write_text(content, encoding="utf-8")
        with pytest.raises(LedgerError) as caught:
            read_key(tmp_path / "key")
        assert caught.value.code == "ledger.key", content


def test_a_key_that_cannot_be_made_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError) as caught:
        make_key(tmp_path / "file" / "key")
    assert caught.value.code == "ledger.key"
    with pytest.raises(LedgerError) as caught:
        make_key(tmp_path / ("x" * 300))
    assert caught.value.code == "ledger.key"
    with pytest.raises(LedgerError) as caught:
        read_key(tmp_path / "nowhere")
    assert caught.value.code == "ledger.no_key"
