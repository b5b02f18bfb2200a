"""All that a running service holds: the engine, the pool, the database, and how they are put together."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from visavis.access.gate import Gate
from visavis.access.pictures import Pictures
from visavis.access.subjects import Subjects
from visavis.access.verdicts import Verdicts
from visavis.ledger.log import Ledger
from visavis.liveness.register import Issuer
from visavis.service.engine import Engine
from visavis.service.intake import Memory
from visavis.service.metrics import Metrics
from visavis.service.pool import Pool
from visavis.service.store import Challenges, Requests
from visavis.storage.engine import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from visavis.ledger.keys import LedgerKey
    from visavis.service.config import Config

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

DESK_THREADS = 12
"""Threads that wait for the database; its pool has 15 connections."""

STEPS = 9
"""Steps of a request under an Idempotency-Key that may each wait for the database as long as it waits at all:
what the task takes from it; what it uses up; the group of entries before its own, and its own; what it keeps;
the proof and the key for its statement; its answer; giving the request up."""
MARGIN_S = 10.0
"""For all that is no waiting."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service; one for each process.

    Attributes:
        config: How it is set up.
        engine: What answers.
        pool: Engine threads and the queue in front of them.
        memory: How many bytes of requests are held.
        ledger: Where every answer is recorded.
        key: Of the ledger.
        gate: Who may ask for what.
        verdicts: Answers that are kept.
        pictures: Those of the desk's checks that are kept.
        requests: What was asked under an Idempotency-Key.
        challenges: Those that were drawn.
        issuer: Draws them, and takes each back once.
        subjects: What was done with a person's data.
        metrics: What is counted.
        desk: Threads that wait for the database.
        background: What is under way and nobody may wait for any more.
    """

    config: Config
    engine: Engine
    pool: Pool
    memory: Memory
    ledger: Ledger
    key: LedgerKey
    gate: Gate
    verdicts: Verdicts
    pictures: Pictures
    requests: Requests
    challenges: Challenges
    issuer: Issuer
    subjects: Subjects
    metrics: Metrics
    desk: ThreadPoolExecutor
    background: set[asyncio.Future[Any]]

    @classmethod
    def start(cls, config: Config) -> Service:
        """Load the pack and open the database.

        Raises:
            VisavisError: Something can't be used; the message says what to do.
        """
        engine = Engine(config)
        ledger = Ledger.open(config.where, key_file=config.ledger_key)
        key = ledger.key
        assert key is not None  # noqa: S101  # a ledger that is open to append has one
        challenges = Challenges(ledger.storage)
        kept_s = timedelta(hours=config.answer_hours).total_seconds()
        return cls(
            config=config,
            engine=engine,
            pool=Pool(config.engine_count, config.queue_length, config.wait_s),
            memory=Memory(config.memory_mib * 2**20),
            ledger=ledger,
            key=key,
            gate=Gate(ledger),
            verdicts=Verdicts(ledger),
            pictures=Pictures(ledger),
            requests=Requests(
                ledger.storage, secret=derived(key, b"requests"), lease_s=lease_s(config), kept_s=kept_s
            ),
            challenges=challenges,
            issuer=Issuer(derived(key, b"challenges"), challenges),
            subjects=Subjects(ledger),
            metrics=Metrics.new(),
            desk=ThreadPoolExecutor(DESK_THREADS, thread_name_prefix="desk"),
            background=set(),
        )

    async def at_desk(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Have something done that waits for the database, without the event loop waiting too."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.desk, functools.partial(work, *args, **kwargs))

    def in_background(self, work: Coroutine[Any, Any, Result]) -> asyncio.Future[Result]:
        """Have something brought to its end that nobody may wait for any more."""
        task = asyncio.ensure_future(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task

    def expire(self) -> int:
        """Delete all that is past its time, and say how many answers, requests and so on that were."""
        from visavis.service.doors.facepp import tokens

        self.gate.expire()
        kept = (self.verdicts, self.pictures, self.requests, self.challenges, tokens.of(self))
        return sum(each.expire() for each in kept)

    async def close(self) -> None:
        """Let what is worked on end, and close the database."""
        await asyncio.to_thread(self.pool.close)
        if self.background:
            await asyncio.wait(self.background)
        await asyncio.to_thread(self.desk.shutdown)
        self.ledger.close()


def lease_s(config: Config) -> float:
    """How long a request under an Idempotency-Key is taken to be under way, at most.

    It mustn't be given to somebody else while it may still be recorded. Where a process was killed, nobody
    knows it before this is over.
    """
    return config.answer_s + STEPS * WAIT_S + MARGIN_S


def derived(key: LedgerKey, use: bytes) -> bytes:
    """A secret of its own for each use, 32 bytes, from that of the ledger's key (HKDF, RFC 5869)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=None, info=b"visavis service " + use).derive(key.secret)
