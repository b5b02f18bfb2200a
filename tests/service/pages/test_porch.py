"""The porch: strangers wait there, and don't take up the threads that all else needs."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from visavis.errors import AccessError
from visavis.service.pages.porch import AT_ONCE, WAITING, Porch
from visavis.service.service import DESK_THREADS

if TYPE_CHECKING:
    import pytest
    from tests.service.pages.conftest import Browser


def test_a_few_are_let_in_at_a_time_and_some_may_wait() -> None:
    async def come() -> tuple[int, list[str]]:
        porch, inside, most, sent_away = Porch(2, 3), 0, 0, []

        async def one() -> None:
            nonlocal inside, most
            try:
                async with porch.place():
                    inside += 1
                    most = max(most, inside)
                    await asyncio.sleep(0)
                    inside -= 1
            except AccessError as error:
                sent_away.append(error.code)

        await asyncio.gather(*(one() for _ in range(9)))
        await asyncio.gather(*(one() for _ in range(5)))  # all places are free again
        return most, sent_away

    assert asyncio.run(come()) == (2, ["access.busy"] * 4)


def test_who_goes_away_makes_room() -> None:
    async def come() -> None:
        porch, waits = Porch(1, 1), asyncio.Event()

        async def one() -> None:
            async with porch.place():
                await waits.wait()

        tasks = [asyncio.create_task(one()) for _ in range(2)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with porch.place():
            pass

    asyncio.run(come())


def test_two_full_porches_leave_half_of_the_threads_to_all_else() -> None:
    assert 2 * AT_ONCE <= DESK_THREADS // 2
    assert WAITING > 0


def test_while_strangers_sign_in_the_service_goes_on(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.user("clerk")
    released, looked = threading.Event(), threading.Semaphore(0)

    def slowly(*_: object, **__: object) -> None:
        looked.release()
        released.wait(30)
        raise AccessError("access.sign_in", "wrong")

    monkeypatch.setattr(desk.accounts.sessions, "sign_in", slowly)
    token = desk.token()
    statuses: list[int] = []

    def knock() -> None:
        form = {"csrf": token, "name": "nobody", "password": "whatever it is"}
        statuses.append(desk.http.post("/desk/sign-in", data=form).status_code)

    strangers = [threading.Thread(target=knock) for _ in range(DESK_THREADS + 2)]
    for each in strangers:
        each.start()
    try:
        for _ in range(AT_ONCE):
            assert looked.acquire(timeout=30)
        assert desk.get("/v1/health/ready").status_code == 200  # it asks the database, in one of the threads
        assert not looked.acquire(blocking=False)
    finally:
        released.set()
        for each in strangers:
            each.join()
    assert statuses == [403] * len(strangers)
