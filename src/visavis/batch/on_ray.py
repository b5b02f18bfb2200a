"""The engine on a cluster of Ray: actors that each have a pack loaded, one for each core or GPU.

What is done and what is recorded is as on one machine: tasks go out in order, with what is known by then, and
whoever recorded the last row takes the answers in order. An actor has two tasks at a time. One that dies,
alone or with its node, is replaced wherever there is room, and its tasks are done again.

Ray's own actors would be restarted and their calls repeated by Ray. Here it is done by hand, because somebody
has to count: rows that kill whoever works on them are given up.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

from visavis import __version__
from visavis.batch.local import THREADS
from visavis.batch.locations import is_remote
from visavis.batch.machine import EACH
from visavis.batch.machine import processes as allowed
from visavis.batch.under_way import HANDED, TRIES, UnderWay, given_up
from visavis.batch.work import Worker
from visavis.errors import BatchError, VisavisError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from visavis.batch.work import Answers, Setup, Task

LOOK_S = 1.0
"""How long answers are waited for before it is asked whether anybody works at all."""
PATIENCE_S = 300.0
"""How long nobody may be able to work: a cluster that grows needs minutes for a node."""
CONNECT_S = 10.0
OBJECTS = 100 * 2**20
"""Bytes of shared memory of a Ray that is started here; the answers of a task are some tens of thousands."""
LIBRARIES = ("numpy", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless", "pillow", "simplejpeg")
"""What results hang on beside visavis itself and its packs: all nodes have to have the same."""
WHERE = re.compile(r"\bip=([^,\s)]+)")
UNSEEN = ("photo.missing", "photo.unreadable")


@dataclass(frozen=True, slots=True)
class Begun:
    """What a worker says once its pack is loaded.

    Attributes:
        node: Where it is, for people.
        node_id: The same for Ray.
        version: Of visavis.
        libraries: The versions of `LIBRARIES`.
    """

    node: str
    node_id: str
    version: str
    libraries: Mapping[str, str | None]


class Hand:
    """A worker, wherever Ray has put it: what an actor is made of. It gives errors back, and raises none."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._worker: Worker | None = None

    def begin(self) -> Begun | Exception:
        """Load the pack, unless it is loaded already."""
        try:
            if self._worker is None:
                import cv2

                cv2.setNumThreads(1)  # it doesn't look at `THREADS`
                self._worker = Worker(self._setup)
            return Begun(_here(), _node_id(), __version__, libraries())
        except Exception as error:  # noqa: BLE001  # a fault is told where somebody sees it
            return _told(error)

    def answer(self, task: Task) -> Answers | Exception:
        """Answer a task."""
        assert self._worker is not None  # noqa: S101  # nobody is given a task before it has begun
        try:
            return self._worker(task)
        except Exception as error:  # noqa: BLE001  # as above
            return _told(error)


@dataclass(slots=True, eq=False)
class _Place:
    """Room for one worker, and whoever is there by now.

    Attributes:
        actor: The worker.
        begins: Its answer to whether it can work, where that is still to come.
        begun: What it said then.
        tasks: Those that it has, the oldest first, each with its answers to come.
        in_doubt: Whether somebody died where it is, so that it gets no more tasks until it says something.
        stillborn: How many died here, one after the other, without a task.
    """

    actor: Any
    begins: Any
    begun: Begun | None = None
    tasks: deque[tuple[Any, Task]] = field(default_factory=deque)
    in_doubt: bool = False
    stillborn: int = 0

    @property
    def is_able(self) -> bool:
        """Whether it may be given tasks."""
        return self.begins is None and not self.in_doubt

    @property
    def next(self) -> Any:
        """What it will say next; None where it was asked nothing."""
        return self.begins if self.begins is not None else self.tasks[0][0] if self.tasks else None


class RayEngine:
    """Workers on a cluster."""

    def __init__(self, setup: Setup, *, address: str | None = None, processes: int | None = None) -> None:
        """Join a cluster and ask it for workers; they load their packs meanwhile.

        Args:
            setup: What each of them answers with.
            address: ``host:port``, or ``auto`` for the cluster that this machine is a node of. Without one
                a Ray of this machine alone is started. A Ray that this process has joined already is used
                as it is, and left as it is.
            processes: How many workers; by default as many as the nodes have cores (or GPUs) and memory for.

        Raises:
            BatchError: `batch.not_installed`: Ray isn't installed; `batch.cluster`: the cluster can't be
                joined or has no room for a single worker.
        """
        self._ray = _ray()
        self._setup = setup
        self._places: list[_Place] = []
        self._standard: Begun | None = None
        self._is_ours = not self._ray.is_initialized()
        if self._is_ours:
            _join(self._ray, address, setup.device, processes)
        try:
            self._kind = self._ray.remote(**_needs(setup.device))(Hand)
            for _ in range(processes or _room(self._ray.nodes(), setup.device)):
                self._places.append(self._start())
        except BaseException:
            self.close()
            raise

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answers]:
        """As `engine.Engine.answers`.

        Raises:
            BatchError: `batch.node`: a node can't do the work as others do; `batch.cluster`: nobody works,
                and nobody comes.
        """
        way, worked = UnderWay(tasks), time.monotonic()
        while True:
            able = [place for place in self._places if place.is_able]
            for place in sorted(able, key=lambda place: len(place.tasks)):
                while len(place.tasks) < HANDED and (task := way.take(len(able))) is not None:
                    place.tasks.append((place.actor.answer.remote(task), task))
            if way.is_over:
                return
            for place in self._ready():
                self._hear(place, way)
            yield from way.in_order()
            if any(place.begins is None for place in self._places):
                worked = time.monotonic()
            elif time.monotonic() - worked > PATIENCE_S:
                raise BatchError(
                    "batch.cluster",
                    f"no worker could begin within {PATIENCE_S:.0f} seconds",
                    found=f"free are {_amounts(self._ray.available_resources())}",
                    expected=_amounts(_needs(self._setup.device)),
                )

    def close(self) -> None:
        """As `engine.Engine.close`."""
        for place in self._places:
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._ray.kill(place.actor)
        self._places = []
        if self._is_ours:
            self._ray.shutdown()

    def _start(self) -> _Place:
        actor = self._kind.remote(self._setup)
        return _Place(actor, actor.begin.remote())

    def _ready(self) -> list[_Place]:
        """Those that have said something, or are dead; none where nobody has for a while."""
        of = {place.next: place for place in self._places if place.next is not None}
        ready, _ = self._ray.wait(list(of), timeout=LOOK_S)
        if ready:
            ready, _ = self._ray.wait(list(of), num_returns=len(of), timeout=0)
        return [of[each] for each in ready]

    def _hear(self, place: _Place, way: UnderWay) -> None:
        """Take in what a worker says.

        Raises:
            VisavisError: It can't go on, or may not.
        """
        errors = self._ray.exceptions
        try:
            said = self._ray.get(place.next)
        except errors.RayTaskError as error:  # it raises nothing itself
            raise _unfit(error) from None
        except errors.RayError as error:
            if getattr(error, "actor_init_failed", False):
                raise _unfit(error) from None
            self._bury(place, way, _last_line(error))
            return
        if isinstance(said, Exception):
            raise said
        place.in_doubt = False
        if isinstance(said, Begun):
            self._compare(said)
            place.begins, place.begun = None, said
            return
        _, task = place.tasks.popleft()
        place.stillborn = 0
        _see_that_it_saw(task, said, "" if place.begun is None else place.begun.node)
        way.keep(said)

    def _compare(self, begun: Begun) -> None:
        """See that a node is as the others are.

        Raises:
            BatchError: `batch.node`.
        """
        if begun.version != __version__:
            raise BatchError(
                "batch.node",
                f"{begun.node} has another version of visavis",
                found=begun.version,
                expected=__version__,
            )
        self._standard = standard = self._standard or begun
        for name, version in begun.libraries.items():
            if version != standard.libraries[name]:
                raise BatchError(
                    "batch.node",
                    f"{begun.node} has another version of {name} than {standard.node}: results could differ",
                    found=version,
                    expected=standard.libraries[name],
                )

    def _bury(self, place: _Place, way: UnderWay, found: str) -> None:
        """Have somebody else come for one that died, and its tasks done again.

        Where it died others may have died with it, and that isn't known yet. They get no task until they have
        said something: a task is given to whoever is dead only once.

        Raises:
            BatchError: `batch.worker`: it was one too many.
        """
        with contextlib.suppress(Exception):
            self._ray.kill(place.actor)  # it may only be out of reach
        if place.tasks:
            way.put_back([task for _, task in place.tasks], found=found)
            stillborn = 0
        else:
            stillborn = place.stillborn + 1
            if stillborn >= TRIES:
                raise given_up("no row yet", found)
        if place.begun is not None:
            self._doubt(place.begun.node_id)
        new = self._start()
        new.stillborn = stillborn
        self._places[self._places.index(place)] = new

    def _doubt(self, node_id: str) -> None:
        for other in self._places:
            if other.begins is None and other.begun is not None and other.begun.node_id == node_id:
                other.in_doubt = True
                if not other.tasks:
                    other.begins = other.actor.begin.remote()


def libraries() -> dict[str, str | None]:
    """The versions of `LIBRARIES` on this machine; None for those that aren't there."""
    found: dict[str, str | None] = dict.fromkeys(LIBRARIES)
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _ray() -> Any:
    """Ray, which tells nobody that it is used.

    Raises:
        BatchError: `batch.not_installed`.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise BatchError(
            "batch.not_installed", "Ray isn't installed", expected="pip install 'visavis[ray]'"
        ) from None
    return ray


def _join(ray: Any, address: str | None, device: str, processes: int | None) -> None:
    """Join a cluster, or start Ray on this machine.

    Raises:
        BatchError: `batch.cluster`.
    """
    given: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        given |= {"address": "local", "include_dashboard": False, "object_store_memory": OBJECTS}
        given["num_cpus"] = processes or (allowed() if device == "cpu" else None)
    else:
        _reach(address)
    try:
        with _own_signals():
            ray.init(**given)
    except Exception as error:  # noqa: BLE001  # Ray has no class for them
        raise BatchError("batch.cluster", "the cluster can't be joined", found=_last_line(error)) from None
    # What Ray has to say of nodes that die would go where results are printed.
    with contextlib.suppress(AttributeError):
        ray._private.worker._worker_logs_enabled = False  # noqa: SLF001  # there is no other switch


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """What a signal does after the block is what it did before: Ray would have SIGTERM raise SystemExit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _reach(address: str) -> None:
    """See that somebody listens there: Ray would try for minutes.

    Raises:
        BatchError: `batch.cluster`.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise BatchError(
            "batch.cluster",
            "this is no address of a cluster",
            found=address,
            expected="host:port of its head, from a machine that is one of its nodes; or auto",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise BatchError("batch.cluster", f"the cluster at {address} can't be reached", found=error) from None


def _needs(device: str) -> dict[str, Any]:
    """What a worker takes of a node, and how it is started."""
    return {
        "num_cpus": 1,
        "num_gpus": 0 if device == "cpu" else 1,
        "memory": EACH,
        "max_restarts": 0,
        "max_task_retries": 0,
        "scheduling_strategy": "SPREAD",
        "runtime_env": {"env_vars": dict.fromkeys(THREADS, "1")},
    }


def _room(nodes: Iterable[Mapping[str, Any]], device: str) -> int:
    """How many workers the nodes of a cluster have room for.

    Raises:
        BatchError: `batch.cluster`: for none.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    count = 0
    for there in alive:
        most = [there.get("CPU", 0), there.get("memory", EACH) // EACH]
        most += [] if device == "cpu" else [there.get("GPU", 0)]
        count += int(min(most))
    if not count:
        total = {name: sum(there.get(name, 0) for there in alive) for name in ("CPU", "GPU", "memory")}
        raise BatchError(
            "batch.cluster",
            "no node of the cluster has room for a worker",
            found=_amounts(total),
            expected=_amounts(_needs(device)),
        )
    return count


def _amounts(of: Mapping[str, Any]) -> str:
    """Cores, GPUs and memory in words, as Ray names them of a node or of an actor."""
    cores, gpus = of.get("CPU", of.get("num_cpus", 0)), of.get("GPU", of.get("num_gpus", 0))
    return f"{cores:g} cores, {gpus:g} GPUs, {of.get('memory', 0) / 2**20:.0f} MiB"


def _see_that_it_saw(task: Task, said: Answers, node: str) -> None:
    """See that a picture which is missing where a worker is, is missing here too.

    Otherwise a node that hasn't what the others have would have rows rejected that nothing is wrong with.

    Raises:
        BatchError: `batch.node`.
    """
    for claim, answer in zip(task.claims, said.answers, strict=True):
        if answer.cells.get("error") not in UNSEEN:
            continue
        about = str(answer.cells["message"]).partition(":")[0]
        location = getattr(claim, about, None) or ""
        if location and not is_remote(location) and os.access(location, os.R_OK):
            raise BatchError(
                "batch.node",
                f"row {claim.number}: {node} can't read the {about}, which this machine can",
                found=answer.cells["error"],
                expected="the same pictures under the same paths on all nodes",
            )


def _told(error: Exception) -> Exception:
    """An error as it is sent: with the node where it happened, and none that can't be sent."""
    if isinstance(error, VisavisError):
        error.message = f"{_here()}: {error.message}"
        return error
    return RuntimeError(f"{_here()}: {type(error).__name__}: {error}")


def _unfit(error: Exception) -> BatchError:
    """The error of a node that can't even take a worker in. Of where it is, Ray tells in words alone."""
    where = WHERE.search(str(error))
    return BatchError(
        "batch.node",
        f"node {where[1]} can't take a worker in" if where else "a node can't take a worker in",
        found=_last_line(error),
        expected=f"visavis {__version__} with the extra ray on all nodes",
    )


def _last_line(error: Exception) -> str:
    """What there is to say of an error of Ray's, most of which is about Ray."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _here() -> str:
    """The node that this process is on, for people."""
    import ray.util

    util: Any = ray.util  # its types aren't complete
    return f"node {util.get_node_ip_address()} ({_node_id()[:8]})"


def _node_id() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())
