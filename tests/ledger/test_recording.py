"""Verdicts in the ledger that VISAVIS_LEDGER names: what goes in, and that there is none without it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.pictures import encoded, scene

import visavis
from visavis.errors import LedgerError, StorageError
from visavis.ledger import digests, recording
from visavis.ledger.entry import Entry
from visavis.ledger.reader import Reader
from visavis.ledger.verify import verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.verifier import Verifier


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the ledger is to be."""
    monkeypatch.delenv("VISAVIS_LEDGER_KEY", raising=False)
    monkeypatch.delenv("VISAVIS_PURPOSE", raising=False)
    monkeypatch.setenv("VISAVIS_LEDGER", str(tmp_path / "ledger.db"))
    return tmp_path / "ledger.db"


def entries(path: Path) -> list[Entry]:
    with Reader.read(path) as reader:
        assert reader.key is not None
        assert verify(reader, key=reader.key.verifier).findings == ()
        return [Entry.parse(leaf) for _, leaf in reader.leaves()]


def test_a_process_that_ends_leaves_one_file(path: Path) -> None:
    """Also one that frees nothing at its end: whoever copies the file has all that was recorded."""
    code = """
import gc
from visavis.ledger import recording
from visavis.ledger.entry import Event
recording.record(Event(kind="quality", purpose="p"))
gc.freeze()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert sorted(each.name for each in path.parent.iterdir()) == ["ledger.db", "ledger.db.key"]
    assert [entry.kind for entry in entries(path)] == ["start", "quality"]


def test_a_verdict_is_recorded(path: Path, sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    verdict = sface.verify(
        portraits["obama.jpg"], portraits["obama2.jpg"], purpose="onboarding", subject="customer-4711"
    )
    start, entry = entries(path)
    assert start.kind == "start"
    assert verdict.ledger is not None
    with Reader.read(path) as reader:
        assert (verdict.ledger.index, verdict.ledger.origin) == (1, reader.state().origin)
    plain: dict[str, Any] = verdict.to_dict()
    assert plain["ledger"] == {"origin": verdict.ledger.origin, "index": 1}
    assert visavis.Verdict.from_dict(plain).ledger == verdict.ledger
    assert (entry.kind, entry.decision, entry.purpose) == ("verdict", "match", "onboarding")
    assert (entry.fmr, entry.fmr_upper) == (plain["fmr"], plain["fmr_upper"])
    assert (entry.pack, entry.fingerprint) == ("sface", verdict.fingerprint)
    assert entry.calibration == verdict.calibration.digest
    assert entry.policy is not None
    assert entry.policy["fmr"] == 1e-4
    assert {*entry.policy} >= {"faces", "min_confidence", "digest"}
    assert entry.reasons == tuple(dict.fromkeys(reason.code for reason in verdict.reasons))
    assert set(entry.inputs) == {"reference", "probe"}
    with Reader.read(path) as reader:
        opening = reader.openings(1).get("probe")
        assert opening is not None
        of_probe = bytes.fromhex(verdict.probe.sha256)
        assert digests.digest(opening, of_probe) == entry.inputs["probe"].digest
        assert [index for index, _ in reader.leaves(subject=reader.subject_digest("customer-4711"))] == [1]


def test_no_match_and_no_face_are_recorded_too(
    path: Path, sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    blank = encoded("PNG", scene(300, 200))
    reference = [portraits["obama.jpg"], portraits["obama2.jpg"]]
    for probe in (portraits["biden.jpg"], blank):
        sface.verify(reference, probe, purpose="onboarding")
    _, other, nobody = entries(path)
    assert (other.decision, nobody.decision) == ("no_match", "inconclusive")
    assert "no_face" in nobody.reasons
    assert (nobody.fmr, nobody.subject) == (None, None)
    assert set(other.inputs) == {"reference", "reference 2", "probe"}


def test_a_verdict_without_a_purpose_is_refused_before_anything_is_opened(
    path: Path, sface: Verifier
) -> None:
    for call in (sface.verify, lambda *pictures: visavis.verify(*pictures, subject="S-1")):
        with pytest.raises(LedgerError) as caught:
            call("nothing.jpg", "nowhere.jpg")
        assert caught.value.code == "ledger.purpose"
    assert not path.exists()


def test_the_purpose_may_come_from_the_environment(
    path: Path, sface: Verifier, portraits: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISAVIS_PURPOSE", "desk")
    sface.verify(portraits["obama.jpg"], portraits["biden.jpg"])
    sface.verify(portraits["obama.jpg"], portraits["biden.jpg"], purpose="another")
    assert [entry.purpose for entry in entries(path)] == [None, "desk", "another"]


def test_what_is_not_recorded_is_not_taken_for_recorded(
    sface: Verifier, portraits: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISAVIS_LEDGER", raising=False)
    cases: list[dict[str, Any]] = [{"purpose": "onboarding"}, {"subject": "S-1"}]
    for words in cases:
        with pytest.raises(LedgerError) as caught:
            sface.verify("nothing.jpg", "nowhere.jpg", **words)
        assert caught.value.code == "ledger.not_set"
    verdict = sface.verify(portraits["obama.jpg"], portraits["biden.jpg"])
    assert verdict.ledger is None
    assert verdict.to_dict()["ledger"] is None


def test_who_records_by_other_means(path: Path, portraits: Mapping[str, bytes], sface: Verifier) -> None:
    own = visavis.Verifier("sface", threads=1, record=False)
    assert own.verify(portraits["obama.jpg"], portraits["biden.jpg"]).ledger is None
    assert not path.exists()


def test_a_ledger_that_cannot_be_written_gives_no_verdict(
    path: Path, sface: Verifier, portraits: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISAVIS_LEDGER", str(path.parent / "file" / "ledger.db"))
    (path.parent / "file").write_text("no folder")
    with pytest.raises(StorageError) as caught:
        sface.verify(portraits["obama.jpg"], portraits["biden.jpg"], purpose="onboarding")
    assert caught.value.code.startswith("storage.")


def test_a_subject_that_does_not_fit_is_refused_first(path: Path, sface: Verifier) -> None:
    cases: list[dict[str, Any]] = [{"subject": ""}, {"subject": "x" * 1000}, {"purpose": "a\nb"}]
    for words in cases:
        with pytest.raises(LedgerError) as caught:
            sface.verify("nothing.jpg", "nowhere.jpg", **({"purpose": "onboarding"} | words))
        assert caught.value.code == "ledger.entry"


def test_a_refusal(path: Path) -> None:
    error = visavis.PolicyError("policy.fmr_unsupported", "finer than the data")
    use = recording.Use(purpose="onboarding", key="desk")
    recording.record(recording.of_refusal(error, "verdict", use, {"probe": "ab" * 32}))
    _, entry = entries(path)
    assert (entry.kind, entry.key, entry.reasons) == ("refusal", "desk", ("policy.fmr_unsupported",))
    assert entry.details == {"asked": "verdict"}
    assert set(entry.inputs) == {"probe"}


def test_frames_of_a_challenge(path: Path) -> None:
    """One digest stands for all of them, over their SHA-256 in their order; each code once."""
    frames = [hashlib.sha256(name).hexdigest() for name in (b"first", b"second")]
    use = recording.Use(purpose="onboarding")
    recording.record(
        recording.of_frames("c-1", iter(frames), use, decision="live", pack="pad", reasons=["a", "b", "a"])
    )
    _, entry = entries(path)
    assert (entry.kind, entry.decision, entry.reasons) == ("liveness", "live", ("a", "b"))
    assert entry.details == {"challenge": "c-1", "frames": 2}
    both = hashlib.sha256(b"first").digest() + hashlib.sha256(b"second").digest()
    with Reader.read(path) as reader:
        opening = reader.openings(1).get("frames")
    assert opening is not None
    assert digests.digest(opening, hashlib.sha256(both).digest()) == entry.inputs["frames"].digest


def test_every_rule_of_a_policy_fits(path: Path) -> None:
    """Nested rules stand under names with dots; the digest is over all of them."""
    assert recording._flat({"a": 1, "b": {"c": None, "d": {"e": "x"}}, "f": [1, 2]}) == {
        "a": 1,
        "b.c": None,
        "b.d.e": "x",
        "f": "1, 2",
    }
    first, second = (recording._rules(visavis.Policy(fmr=fmr)) for fmr in (1e-3, 1e-4))
    assert first["digest"] != second["digest"]
