"""Checks under way: whose they are, how many and how much there may be, and when they are gone."""

from __future__ import annotations

from typing import Any

import pytest

from visavis.service.engine import Papers
from visavis.service.intake import Memory
from visavis.service.pages import held as module
from visavis.service.pages.checks import Check, Checks
from visavis.service.pages.held import IDLE_S, LEAN_BYTES, RESULT_S, WAITING_S, session_of
from visavis.service.problems import Problem

ONE, OTHER = session_of("vs_one"), session_of("vs_other")
VERDICT: Any = object()  # nothing here looks into it


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def checks(clock: Clock) -> Checks:
    return Checks(Memory(10 * 2**20), clock)


def begin(checks: Checks, user: str = "anna", session: bytes = ONE) -> Check:
    check = checks.begin(
        user=user, session=session, key="key", purpose="opening accounts", subject=None, way="document"
    )
    assert check is not None
    return check


def held(checks: Checks) -> int:
    return checks._memory.held


def test_only_its_own_session_finds_a_check(checks: Checks) -> None:
    check = begin(checks)
    assert checks.find(check.id, user="anna", session=ONE) is check
    for user, session in (("anna", OTHER), ("berta", ONE), ("berta", OTHER)):
        assert checks.find(check.id, user=user, session=session) is None
    assert checks.find(check.id[:-1], user="anna", session=ONE) is None
    assert checks.mine(user="berta", session=ONE) == []


def test_what_it_holds_is_counted_and_given_back(checks: Checks) -> None:
    check = begin(checks)
    papers = Papers([b"p" * 1000, b"q" * 500], b"c" * 100)
    checks.keep(check, {"page-1": b"j" * 300}, papers)
    assert held(checks) == 1900 + LEAN_BYTES
    checks.keep(check, {"page-1": b"j" * 300}, None)
    assert held(checks) == 300 + LEAN_BYTES
    checks.end(check)
    assert (held(checks), len(checks)) == (0, 0)
    checks.end(check)  # once more does no harm
    checks.keep(check, {"page-1": b"j" * 300}, None)  # nor what comes late
    assert held(checks) == 0


def test_without_room_nothing_changes(checks: Checks) -> None:
    check = begin(checks)
    checks.keep(check, {"page-1": b"j"}, None)
    before = held(checks)
    with pytest.raises(Problem) as refused:
        checks.keep(check, {"page-1": b"x" * 11 * 2**20}, None)
    assert refused.value.code == "service.memory"
    assert (held(checks), check.pictures) == (before, {"page-1": b"j"})


def test_a_verdict_lets_go_of_what_was_given(checks: Checks) -> None:
    check = begin(checks)
    checks.keep(check, {"portrait": b"j"}, Papers([b"p" * 1000]))
    checks.decide(check, VERDICT, {})
    assert check.papers is None
    assert (check.state, check.step) == ("decided", 1)
    assert held(checks) == 1 + LEAN_BYTES


def test_pictures_are_gone_a_while_after_the_verdict(checks: Checks, clock: Clock) -> None:
    check = begin(checks)
    checks.keep(check, {"portrait": b"j"}, None)
    checks.decide(check, VERDICT, {})
    clock.now += RESULT_S - 1
    assert checks.find(check.id, user="anna", session=ONE) is check
    assert check.pictures
    clock.now += 2
    assert checks.find(check.id, user="anna", session=ONE) is check
    assert (check.pictures, check.reference, held(checks)) == ({}, None, 0)
    assert check.verdict is VERDICT


def test_a_check_that_nobody_touches_ends(checks: Checks, clock: Clock) -> None:
    check = begin(checks)
    checks.keep(check, {"portrait": b"j"}, None)
    clock.now += IDLE_S - 1
    assert checks.find(check.id, user="anna", session=ONE) is check  # touched
    clock.now += IDLE_S - 1
    assert checks.expire() == 0
    clock.now += 2
    assert checks.expire() == 1
    assert (len(checks), held(checks)) == (0, 0)


async def _held(check: Check, checks: Checks, clock: Clock) -> int:
    async with check.lock:
        clock.now += 2 * IDLE_S
        return checks.expire()


def test_a_check_that_is_worked_on_does_not_end(checks: Checks, clock: Clock) -> None:
    import asyncio

    check = begin(checks)
    assert asyncio.run(_held(check, checks, clock)) == 0
    assert checks.expire() == 1


def test_signing_out_ends_all_but_what_waits(checks: Checks) -> None:
    mine, waiting, others = begin(checks), begin(checks), begin(checks, session=OTHER)
    checks.keep(mine, {"portrait": b"j"}, None)
    checks.decide(waiting, VERDICT, {})
    assert checks.ask(waiting, "please look")
    checks.sign_out(ONE)
    assert checks.find(mine.id, user="anna", session=ONE) is None
    assert checks.waiting() == [waiting]
    assert checks.find(others.id, user="anna", session=OTHER) is others
    assert held(checks) == 0


def test_a_session_has_a_few_checks_and_the_oldest_that_is_over_makes_room(
    checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checks, "most_of_one", 2)
    first, second = begin(checks), begin(checks)
    more: Any = {"user": "anna", "session": ONE, "key": "k", "purpose": "p", "subject": None}
    assert checks.begin(**more, way="document") is None
    begin(checks, session=OTHER)
    checks.decide(second, VERDICT, {})
    assert checks.begin(**more, way="document") is not None
    assert checks.find(second.id, user="anna", session=ONE) is None
    assert checks.find(first.id, user="anna", session=ONE) is first


def test_all_together_are_bounded(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checks, "most", 1)
    begin(checks)
    given: Any = {"key": "k", "purpose": "p", "subject": None, "way": "document"}
    assert checks.begin(user="berta", session=OTHER, **given) is None


def test_again_takes_over_what_the_claim_rests_on(checks: Checks) -> None:
    check = begin(checks)
    reference: Any = object()
    checks.keep(check, {"portrait": b"j", "probe": b"k", "face-probe": b"l"}, None)
    check.reference = reference
    checks.decide(check, VERDICT, {})
    new = checks.again(check)
    assert new is not None
    assert (new.state, new.reference, dict(new.pictures)) == ("face", reference, {"portrait": b"j"})
    assert new.id != check.id
    checks.end(check)
    checks.end(new)
    assert held(checks) == 0


def test_again_where_the_oldest_that_is_over_is_that_one(
    checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checks, "most_of_one", 1)
    check = begin(checks)
    reference: Any = object()
    checks.keep(check, {"portrait": b"j"}, None)
    check.reference = reference
    checks.decide(check, VERDICT, {})
    new = checks.again(check)
    assert new is not None
    assert (new.reference, dict(new.pictures)) == (reference, {"portrait": b"j"})


def test_a_second_person_is_another_one(checks: Checks, clock: Clock) -> None:
    check = begin(checks)
    checks.decide(check, VERDICT, {})
    assert checks.waiting_for(check.id, user="berta", purposes=[check.purpose]) is None  # nobody was asked
    assert checks.ask(check, "the chin")
    assert checks.waiting_for(check.id, user="anna", purposes=[check.purpose]) is None
    assert checks.waiting_for(check.id, user="berta", purposes=["something else"]) is None
    assert checks.waiting_for(check.id, user="berta", purposes=[check.purpose]) is check
    assert checks.mine(user="anna", session=ONE) == []
    assert checks.find(check.id, user="anna", session=ONE) is check  # to see whether they decided
    clock.now += RESULT_S + IDLE_S  # it stays with its pictures
    assert checks.waiting() == [check]
    assert check.review is not None
    check.review.decision = "match"
    checks.reviewed(check)
    assert check.state == "reviewed"
    assert checks.waiting() == []


def test_nobody_waits_for_ever_nor_in_any_number(
    checks: Checks, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    first, second = begin(checks), begin(checks)
    for check in (first, second):
        checks.decide(check, VERDICT, {})
    assert checks.ask(first, "why")
    assert not checks.ask(second, "why")
    assert second.state == "decided"
    clock.now += WAITING_S + 1
    assert checks.waiting() == []
    assert len(checks) == 0
