from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis.access.fan_out import Limits
from visavis.access.gate import Gate
from visavis.decision.policy import Policy
from visavis.errors import AccessError
from visavis.ledger.entry import Entry
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify

if TYPE_CHECKING:
    from tests.access.conftest import Clock, Faces


@pytest.fixture
def gate(ledger: Ledger, clock: Clock) -> Gate:
    return Gate(ledger, limits=Limits(references=2), clock=clock)


def token_of(gate: Gate, max_fmr: float | None = None) -> tuple[str, str]:
    key, token = gate.keys.create(
        purpose="opening an account",
        legal_basis="consent",
        scopes=["verifications"],
        rate_per_min=100,
        quota_per_day=1000,
        max_fmr=max_fmr,
    )
    return key.id, token


def test_a_stop_is_in_the_ledger_and_the_ledger_holds(gate: Gate, ledger: Ledger, faces: Faces) -> None:
    id_, token = token_of(gate)
    probe = faces.new()
    for _ in range(2):
        gate.compare(gate.enter(token, "verifications"), reference=[faces.new()], probe=probe)
    with pytest.raises(AccessError, match="too many different references"):
        gate.compare(gate.enter(token, "verifications"), reference=[faces.new()], probe=probe)
    [entry] = [Entry.parse(leaf) for _, leaf in ledger.leaves(kind="refusal")]
    assert (entry.key, entry.purpose, entry.decision) == (id_, "opening an account", "stopped")
    assert entry.reasons == ("access.fan_out",)
    assert entry.details == {
        "asked": "verifications",
        "found": "3 by the key",
        "expected": "at most 2 in 24 hours",
        "window_hours": 24,
    }
    assert entry.subject is None
    assert entry.inputs == {}
    assert ledger.key is not None
    assert verify(ledger, key=ledger.key.verifier).sound


def test_gates_of_several_processes_count_together(
    gate: Gate, clock: Clock, database: str, faces: Faces
) -> None:
    _, token = token_of(gate)
    probe = faces.new()
    with Ledger.open(database, clock=clock) as again:
        other = Gate(again, limits=Limits(references=2), clock=clock)
        gate.compare(gate.enter(token, "verifications"), reference=[faces.new()], probe=probe)
        other.compare(other.enter(token, "verifications"), reference=[faces.new()], probe=probe)
        for each in (gate, other):
            with pytest.raises(AccessError):
                each.compare(each.enter(token, "verifications"), reference=[faces.new()], probe=probe)


@pytest.mark.parametrize(
    ("allowed", "asked", "fits"),
    [(None, 0.1, True), (1e-3, 1e-3, True), (1e-3, 1e-4, True), (1e-3, 2e-3, False)],
)
def test_a_key_may_bound_what_a_policy_accepts(
    tmp_path_factory: pytest.TempPathFactory, allowed: float | None, asked: float, fits: bool
) -> None:
    with Ledger.open(tmp_path_factory.mktemp("gate") / "ledger.db") as ledger:
        gate = Gate(ledger)
        _, token = token_of(gate, allowed)
        grant = gate.enter(token, "verifications")
        if fits:
            gate.allow_policy(grant, Policy(fmr=asked))
        else:
            with pytest.raises(AccessError) as caught:
                gate.allow_policy(grant, Policy(fmr=asked))
            assert caught.value.code == "access.policy"
