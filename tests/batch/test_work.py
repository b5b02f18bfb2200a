"""Rows answered by the real engine: what it says of a row is what a verifier says of its pictures."""

from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING

import pytest
from tests.documents import specimens
from tests.pictures import encoded, scene

from visavis.batch.rows import Claim
from visavis.batch.work import Setup, Task, Worker
from visavis.decision.policy import Policy
from visavis.ledger.recording import Use, of_verdict
from visavis.packs.install import install

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.verifier import Verifier


@pytest.fixture
def folder(tmp_path: Path, portraits: Mapping[str, bytes]) -> Path:
    for name, content in portraits.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "nobody.png").write_bytes(encoded("PNG", scene(300, 200)))
    (tmp_path / "cut.jpg").write_bytes(portraits["obama2.jpg"][:50_000])
    return tmp_path


def claim(folder: Path, number: int, reference: str, probe: str) -> Claim:
    return Claim(number, str(folder / reference), None, str(folder / probe), f"subject {number}", "a test")


PAIRS = (
    ("obama.jpg", "obama2.jpg"),
    ("obama.jpg", "biden.jpg"),
    ("obama.jpg", "nobody.png"),
    ("cut.jpg", "obama.jpg"),
)


@pytest.mark.parametrize(
    "policy", [Policy(), Policy(quality="selfie", reference_quality="document_portrait", liveness="assess")]
)
def test_a_row_says_what_its_verdict_does(folder: Path, sface: Verifier, policy: Policy) -> None:
    claims = tuple(claim(folder, number, *pair) for number, pair in enumerate(PAIRS, start=1))
    worker = Worker(Setup("sface", policy, None, "the batch"))
    answers = pickle.loads(pickle.dumps(worker(pickle.loads(pickle.dumps(Task(7, claims, {}))))))
    assert answers.number == 7
    for answer, (reference, probe) in zip(answers.answers[:3], PAIRS, strict=False):
        verdict = sface.verify(folder / reference, folder / probe, policy=policy)
        plain = verdict.to_dict()
        for name in ("decision", "similarity", "fmr", "fmr_upper", "fmr_modelled", "llr", "threshold"):
            assert answer.cells[name] == plain[name]
        assert answer.cells["reasons"] == [reason["code"] for reason in plain["reasons"]]
        assert answer.cells["about"] == [reason["about"] for reason in plain["reasons"]]
        quality = plain["probe"]["quality"]
        assert answer.cells["probe_quality"] == (None if quality is None else quality["score"])
        if policy.liveness != "off":
            assert answer.cells["liveness"] == plain["liveness"]["outcome"]
        expected = of_verdict(verdict, Use(purpose="a test", subject=f"subject {answer.number}"))
        assert answer.event.inputs == expected.inputs
        assert answer.event.decision == expected.decision
        assert answer.event.policy == expected.policy
        assert answer.event.details == {
            **(expected.details or {}),
            "batch": "the batch",
            "row": answer.number,
        }
        compared = probe != "nobody.png"
        assert (answer.probe is not None) is compared
        assert len(answer.references) == compared
    [_, _, _, refused] = answers.answers
    assert refused.cells == {
        "error": "photo.truncated",
        "message": refused.cells["message"],
    }
    assert refused.cells["message"].startswith("reference: ")
    assert (refused.event.kind, refused.event.reasons) == ("refusal", ("photo.truncated",))
    cut = hashlib.sha256((folder / "cut.jpg").read_bytes()).digest()
    assert refused.event.inputs == {"reference": cut}
    assert refused.probe is None


def test_what_is_known_of_a_picture_gives_the_same_answer(folder: Path) -> None:
    worker = Worker(Setup("sface", Policy(), None, "the batch"))
    task = Task(0, (claim(folder, 1, "obama.jpg", "obama2.jpg"),), {})
    first = worker(task)
    assert set(first.looked) == {str(folder / "obama.jpg"), str(folder / "obama2.jpg")}
    assert all(len(each.content) < 4000 for each in first.looked.values()), "no pixels"
    again = worker(Task(1, task.claims, first.looked))
    assert again.looked == {}
    assert again.answers[0].cells == first.answers[0].cells
    assert again.answers[0].event == first.answers[0].event
    assert again.answers[0].pair == first.answers[0].pair


def test_pixels_are_looked_at_again_where_the_policy_asks(folder: Path) -> None:
    worker = Worker(Setup("sface", Policy(quality="selfie"), None, "the batch"))
    task = Task(0, (claim(folder, 1, "obama.jpg", "obama2.jpg"),), {})
    known = worker(task).looked
    assert set(worker(Task(1, task.claims, known)).looked) == {str(folder / "obama2.jpg")}


def test_a_document_in_place_of_a_reference(
    folder: Path, sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    install("mrz")
    passport = specimens.make(folder, sface, portraits["obama.jpg"]).passport
    (folder / "no.pdf").write_bytes(b"%PDF-1.4 and no more")
    worker = Worker(Setup("sface", Policy(), None, "the batch"))
    claims = [
        Claim(number, None, str(document), str(folder / probe), "subject", "a test")
        for number, (document, probe) in enumerate(
            ((passport, "obama2.jpg"), (passport, "biden.jpg"), (folder / "no.pdf", "biden.jpg")), start=1
        )
    ]
    match, other, refused = worker(Task(0, tuple(claims), {})).answers
    assert (match.cells["decision"], match.cells["portrait"]) == ("match", "printed")
    assert other.cells["decision"] == "no_match"
    assert set(match.event.inputs or {}) == {"reference", "probe"}
    assert len(match.references) == 1, "its portrait is what one face may meet many of"
    assert match.pair != other.pair
    assert (refused.cells["error"], refused.event.kind) == ("document.pdf", "refusal")
    assert set(refused.event.inputs or {}) == {"document"}
