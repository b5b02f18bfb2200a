"""The engine on one machine: processes that each have a pack loaded, and one thread.

Tasks go to a process through its pipe, one ahead of the one that it works on. A process that dies is replaced
and its tasks are done again.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from visavis.batch.under_way import HANDED, TRIES, UnderWay, given_up
from visavis.errors import VisavisError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from visavis.batch.work import Answers, Setup, Task

PATIENCE_S = 5.0
"""How long a process that is to end may take."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""By which libraries are told how many threads to have: the cores are kept busy by processes."""


@dataclass(slots=True)
class _Hand:
    """A process with the tasks that it has, the oldest first."""

    process: BaseProcess
    pipe: Connection
    tasks: deque[Task] = field(default_factory=deque)


class LocalEngine:
    """Processes on this machine."""

    def __init__(self, setup: Setup, processes: int) -> None:
        """Start processes; they load their packs meanwhile.

        Args:
            setup: What each of them answers with.
            processes: How many.
        """
        self._setup = setup
        self._context = multiprocessing.get_context("spawn")
        self._hands: list[_Hand] = []
        self._stillborn = 0
        try:
            for _ in range(processes):
                self._hands.append(self._start())
        except BaseException:
            self.close()
            raise

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answers]:
        """As `engine.Engine.answers`."""
        way = UnderWay(tasks)
        while True:
            for hand in sorted(self._hands, key=lambda hand: len(hand.tasks)):
                while len(hand.tasks) < HANDED and (task := way.take(len(self._hands))) is not None:
                    hand.tasks.append(task)
                    # One that died meanwhile is noticed below, with its tasks.
                    with contextlib.suppress(OSError):
                        hand.pipe.send(task)
            if way.is_over:
                return
            for hand in self._ready():
                message = _received(hand)
                if message is None:
                    self._bury(hand, way)
                elif isinstance(message, BaseException):
                    raise message
                else:
                    hand.tasks.popleft()
                    way.keep(message)
            yield from way.in_order()

    def close(self) -> None:
        """As `engine.Engine.close`."""
        for hand in self._hands:
            hand.pipe.close()  # whoever waits for a task leaves
            hand.process.terminate()
        for hand in self._hands:
            hand.process.join(PATIENCE_S)
            if hand.process.exitcode is None:
                hand.process.kill()
                hand.process.join()
            hand.process.close()
        self._hands = []

    def _start(self) -> _Hand:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._setup), daemon=True)
        with _uninterrupted(), _single_threaded():
            process.start()
        theirs.close()  # so that ours ends when the process does
        return _Hand(process, ours)

    def _ready(self) -> list[_Hand]:
        """Those that have something to say, or are dead."""
        of: dict[Any, _Hand] = {}
        for hand in self._hands:
            of |= {hand.pipe: hand, hand.process.sentinel: hand}
        return list({id(hand): hand for hand in (of[each] for each in wait(list(of)))}.values())

    def _bury(self, hand: _Hand, way: UnderWay) -> None:
        """Put a new process into the place of one that died, and have its tasks done again.

        Raises:
            BatchError: `batch.worker`: it was one too many.
        """
        hand.pipe.close()
        hand.process.join()
        found = f"exit status {hand.process.exitcode}"
        hand.process.close()
        place = self._hands.index(hand)
        del self._hands[place]
        if hand.tasks:
            way.put_back(hand.tasks, found=found)
        else:
            self._stillborn += 1
            if self._stillborn >= TRIES:
                raise given_up("no row yet", found)
        self._hands.insert(place, self._start())


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """What is started within the block never hears of Ctrl-C, not even before its first line."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """What is started within the block finds libraries set to one thread, where nobody says otherwise.

    They look once, when they are loaded, and numpy is by what a process is given to start with.
    """
    ours = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(ours, "1"))
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]


def _received(hand: _Hand) -> Any:
    """What a process said; None where it is dead."""
    try:
        return hand.pipe.recv() if hand.pipe.poll() else None
    except (EOFError, OSError):
        return None


def serve(pipe: Connection, setup: Setup) -> None:
    """Answer tasks until nobody sends any: the life of a process."""
    # A terminal's Ctrl-C reaches all of them; who started them decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting: SimpleQueue[Task] = SimpleQueue()
    threading.Thread(target=_take, args=(pipe, waiting), daemon=True).start()
    import cv2

    from visavis.batch.work import Worker

    cv2.setNumThreads(1)  # it doesn't look at `THREADS`
    try:
        worker = Worker(setup)
        while _sent(pipe, worker(waiting.get())):
            pass
    except VisavisError as error:
        _sent(pipe, error)
    except Exception as error:  # noqa: BLE001  # a fault is told where somebody sees it
        _sent(pipe, RuntimeError(f"{type(error).__name__}: {error}"))


def _sent(pipe: Connection, message: Answers | Exception) -> bool:
    """Tell whoever sends tasks; False where nobody does any more."""
    try:
        pipe.send(message)
    except OSError:
        return False
    return True


def _take(pipe: Connection, waiting: SimpleQueue[Task]) -> None:
    """Take tasks off the pipe at once, so that who sends them never waits for who works on them."""
    try:
        while True:
            waiting.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)  # nobody waits for the work that is under way
    except BaseException:  # noqa: BLE001  # nobody would miss a task that can't be taken in
        os._exit(1)
