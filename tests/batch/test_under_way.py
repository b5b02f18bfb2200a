"""What both engines share: which task is next, and what becomes of those whose worker died."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis.batch.rows import Claim
from visavis.batch.under_way import AHEAD, TRIES, UnderWay
from visavis.batch.work import Answers, Task
from visavis.errors import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator


def task(number: int) -> Task:
    """A task of two rows."""
    claims = (Claim(2 * number + row, "reference", None, "probe", "s", "a test") for row in (1, 2))
    return Task(number, tuple(claims), {})


def numbers(of: Iterator[Answers]) -> list[int]:
    return [answers.number for answers in of]


def test_answers_wait_for_their_turn() -> None:
    way = UnderWay(task(number) for number in range(3))
    assert [way.take(1) for _ in range(4)] == [task(0), task(1), task(2), None]
    assert not way.is_over
    way.keep(Answers(2, (), {}))
    way.keep(Answers(1, (), {}))
    assert numbers(way.in_order()) == []
    way.keep(Answers(0, (), {}))
    assert numbers(way.in_order()) == [0, 1, 2]
    assert way.is_over


def test_no_more_is_taken_than_there_are_workers_for() -> None:
    taken: list[int] = []

    def source() -> Iterator[Task]:
        for number in range(1000):
            taken.append(number)
            yield task(number)

    way = UnderWay(source())
    assert taken == []
    while way.take(2) is not None:
        pass
    assert len(taken) == 2 * AHEAD
    assert not way.is_over
    way.keep(Answers(1, (), {}))
    assert (numbers(way.in_order()), way.take(2)) == ([], None), "the oldest one isn't answered"
    way.keep(Answers(0, (), {}))
    assert numbers(way.in_order()) == [0, 1]
    assert [way.take(2) for _ in range(3)] == [task(2 * AHEAD), task(2 * AHEAD + 1), None]


def test_what_was_put_back_comes_first_and_in_order() -> None:
    way = UnderWay(task(number) for number in range(9))
    had = [way.take(1), way.take(1)]
    assert way.take(1) == task(2)
    way.put_back([each for each in had if each is not None], found="a death")
    assert [way.take(1) for _ in range(3)] == [task(0), task(1), task(3)]


def test_the_task_that_was_worked_on_is_blamed_and_no_other() -> None:
    way = UnderWay(task(number) for number in range(9))
    for _ in range(TRIES):  # it waits behind others that kill
        way.put_back([task(7 + _), task(1)], found="a death")
    for _ in range(TRIES - 1):
        way.put_back([task(1)], found="a death")
    with pytest.raises(BatchError) as caught:
        way.put_back([task(1)], found="exit status 9")
    assert caught.value.code == "batch.worker"
    assert str(caught.value) == (
        "a process died 3 times, at work on rows 3 to 4: too little memory, or a fault (found exit status 9)"
    )


def test_of_no_tasks_nothing_is_left() -> None:
    way = UnderWay(())
    assert way.take(1) is None
    assert way.is_over
