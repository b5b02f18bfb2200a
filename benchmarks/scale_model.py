"""A simulation of the service: machines with their pools before databases that write one thing at a time.

A request takes a place (`service/pool.py`: engines, a queue, and nobody whose expected wait is too long),
counts its key in the key's row, is worked on by an engine, has its faces counted in the turn of `fan_out`,
shares a commit with those of its process that wait (`ledger/groups.py`), gets its statement, and has its
answer kept. Whatever a step takes comes from what was measured; what waits for what comes from the code:

    engine            engines of a process, first come first served
    Python's lock     one of a process: the share of the work that holds it
    key row           one of a key, from its update to the commit
    turn              one of a database, all of `fan_out`
    ledger            one writer of a database; each process gathers for itself
    file              SQLite has one writer for all of these

An engine is taken to be a core. What the rest of the service does for a request is added to its time at an
engine, because it needs a core too. Nothing is simulated of the network but what a caller adds to the steps.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import simpy

from visavis.ledger.log import MAX_GROUP
from visavis.service.pool import FIRST_GUESS_S, WEIGHT
from visavis.service.service import DESK_THREADS

Flow = Generator[simpy.Event, Any, None]

REFUSED, P99_TIMES = 0.001, 3.0
"""What a rate that is sustained may refuse, and its p99 by its median."""
AMPLE = 10**6
AGAIN_S = 1e-4
"""After which a caller who asks one after the other asks again."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What one request takes, in seconds; where there are several values one is drawn.

    Attributes:
        native: Of an engine, while it holds no lock.
        python: Of an engine's process, while it holds Python's lock.
        turn: The turn of `fan_out`, from its lock to its commit.
        turn_python: Of it, what holds Python's lock.
        key: The key's row, from its update to the commit.
        look: What is read of the key before.
        commit: A group of one entry.
        entry: Each further entry of a group.
        statement: Reading the proof.
        keep: Keeping the answer.
        one_writer: Whether all that writes shares one lock, as in SQLite.
    """

    native: Sequence[float]
    python: float = 0.0
    turn: Sequence[float] = (0.0,)
    turn_python: float = 0.0
    key: Sequence[float] = (0.0,)
    look: float = 0.0
    commit: Sequence[float] = (0.0,)
    entry: float = 0.0
    statement: Sequence[float] = (0.0,)
    keep: Sequence[float] = (0.0,)
    one_writer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is simulated.

    Attributes:
        rate: Requests a second, which come by chance.
        callers: In its place: so many who ask one after the other.
        machines: Each with `workers` processes.
        workers: Processes of a machine.
        engines: Of a process.
        queue: Places of a process before its engines; as many as engines by default.
        wait_s: What a request may be expected to wait.
        keys: Callers' keys, all used alike.
        ample: Whether the database never makes anybody wait.
        choice: Who gets a request: a process by chance, or the one with the fewest.
        most: Requests, without those at the beginning, which aren't counted.
        seed: Of chance.
    """

    rate: float = 0.0
    callers: int = 0
    machines: int = 1
    workers: int = 1
    engines: int = 1
    queue: int | None = None
    wait_s: float = 2.0
    keys: int = 1
    ample: bool = False
    choice: Literal["chance", "fewest"] = "fewest"
    most: int = 10_000
    seed: int = 8


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it.

    Attributes:
        per_s: Answers a second.
        refused: Share that found no place.
        p50: Median time of an answer, in seconds.
        p99: 99 of 100 answers took no longer.
        busy: By what is used: the share of the time, of the busiest one of its kind.
        group: Entries of a commit, on average.
    """

    per_s: float
    refused: float
    p50: float
    p99: float
    busy: dict[str, float]
    group: float

    @property
    def sustained(self) -> bool:
        """Whether hardly anybody is refused or waits for long."""
        return self.refused < REFUSED and self.p99 <= P99_TIMES * self.p50


class Shared:
    """Something that only so many use at the same time, and how long it was used."""

    def __init__(self, env: simpy.Environment, name: str, capacity: int = 1) -> None:
        self.name = name
        self.capacity = capacity
        self.busy = 0.0
        self._env = env
        self._resource = simpy.Resource(env, capacity)

    def used(self, seconds: float) -> Flow:
        """Wait for it and use it for some time."""
        with self._resource.request() as turn:
            yield turn
            self.busy += seconds
            yield self._env.timeout(seconds)

    def during(self, inside: Flow) -> Flow:
        """Wait for it and use it for as long as something takes."""
        with self._resource.request() as turn:
            yield turn
            began = self._env.now
            yield from inside
            self.busy += self._env.now - began


class Database:
    """What only one request after the other gets through."""

    def __init__(self, env: simpy.Environment, steps: Steps, plan: Plan) -> None:
        at_once = AMPLE if plan.ample else 1
        self.file = Shared(env, "file", at_once) if steps.one_writer else None
        self.turn = self.file or Shared(env, "turn", at_once)
        self.ledger = self.file or Shared(env, "ledger", at_once)
        self.keys = [self.file or Shared(env, "key row", at_once) for _ in range(plan.keys)]

    @property
    def all(self) -> list[Shared]:
        """Each of them once."""
        return [self.file] if self.file else [self.turn, self.ledger, *self.keys]


class Process:
    """A service's process."""

    def __init__(self, simulated: Simulated) -> None:
        env, plan = simulated.env, simulated.plan
        self.engines = Shared(env, "engine", plan.engines)
        self.python = Shared(env, "Python's lock")
        self.desk = Shared(env, "desk", DESK_THREADS)
        self.places: dict[int, float | None] = {}
        self.room = plan.engines + (plan.engines if plan.queue is None else plan.queue)
        self._simulated = simulated
        self._mean: float | None = None
        self._waiting: deque[simpy.Event] = deque()
        self._writes = False

    def has_room(self) -> bool:
        """As `Pool.admit`."""
        return len(self.places) < self.room and self.expected_s() <= self._simulated.plan.wait_s

    def expected_s(self) -> float:
        """As `Pool.expected_s`."""
        if len(self.places) < self.engines.capacity:
            return 0.0
        now, mean = self._simulated.env.now, FIRST_GUESS_S if self._mean is None else self._mean
        ahead = (max(0.0, mean - (now - (now if began is None else began))) for began in self.places.values())
        return sum(ahead) / self.engines.capacity

    def took(self, seconds: float) -> None:
        """As the end of `Pool._work`."""
        mean = seconds if self._mean is None else self._mean
        self._mean = mean + WEIGHT * (seconds - mean)

    def written(self) -> Flow:
        """An entry in the ledger, as `Groups.submit`: whoever finds nobody writing writes for all."""
        done = self._simulated.env.event()
        self._waiting.append(done)
        if not self._writes:
            self._writes = True
            self._simulated.env.process(self._lead())
        yield done

    def _lead(self) -> Flow:
        simulated = self._simulated
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP))]
            steps = simulated.steps
            seconds = simulated.drawn(steps.commit) + steps.entry * (len(group) - 1)
            yield from simulated.database.ledger.used(seconds)
            simulated.groups.append(len(group))
            for done in group:
                done.succeed()
        self._writes = False


@dataclass
class Simulated:
    """One run: what there is, and what is seen."""

    steps: Steps
    plan: Plan
    env: simpy.Environment = field(default_factory=simpy.Environment)
    groups: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    asked: int = 0
    answered: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.plan.seed)
        self.database = Database(self.env, self.steps, self.plan)
        self.processes = [Process(self) for _ in range(self.plan.machines * self.plan.workers)]
        self._uncounted = max(200, self.plan.most // 10)
        self._counted_from, self._start = 0, 0.0
        self._over: tuple[float, float, dict[str, float]] | None = None

    def drawn(self, samples: Sequence[float]) -> float:
        """One of the values that were measured."""
        return samples[0] if len(samples) == 1 else self.chance.choice(samples)

    def run(self) -> Told:
        """Simulate it."""
        sources = [self._callers() for _ in range(self.plan.callers)] or [self._by_chance()]
        self.env.run(until=self.env.all_of([self.env.process(source) for source in sources]))
        return self._told()

    def _by_chance(self) -> Flow:
        under_way = []
        for number in range(self._uncounted + self.plan.most):
            yield self.env.timeout(self.chance.expovariate(self.plan.rate))
            under_way.append(self.env.process(self._request(number)))
        self._end()
        yield self.env.all_of(under_way)

    def _callers(self) -> Flow:
        while self.asked < self._uncounted + self.plan.most:
            yield self.env.timeout(AGAIN_S)
            yield from self._request(self.asked)
        self._end()

    def _request(self, number: int) -> Flow:
        if number == self._uncounted:
            self._begin()
        self.asked += 1
        process = self._process()
        if not process.has_room():
            self.refused += 1
            return
        start, counted = self.env.now, number >= self._uncounted
        process.places[number] = None
        yield from self._worked(process, number)
        del process.places[number]
        self.answered += 1
        if counted:
            self.seconds.append(self.env.now - start)

    def _worked(self, process: Process, number: int) -> Flow:
        desk, keys = process.desk, self.database.keys
        key = keys[self.chance.randrange(len(keys))]
        yield from desk.during(self._counted(key))
        yield from process.engines.during(self._looked(process, number))
        yield from desk.during(self._recorded(process))

    def _counted(self, key: Shared) -> Flow:
        yield self.env.timeout(self.steps.look)
        yield from key.used(self.drawn(self.steps.key))

    def _looked(self, process: Process, number: int) -> Flow:
        began = process.places[number] = self.env.now
        yield self.env.timeout(self.drawn(self.steps.native))
        yield from process.python.used(self.steps.python)
        yield from self.database.turn.during(self._turn(process))
        process.took(self.env.now - began)

    def _turn(self, process: Process) -> Flow:
        seconds = self.drawn(self.steps.turn)
        held = min(seconds, self.steps.turn_python)
        if held:
            yield from process.python.used(held)
        yield self.env.timeout(seconds - held)

    def _recorded(self, process: Process) -> Flow:
        yield from process.written()
        yield self.env.timeout(self.drawn(self.steps.statement))
        kept, file = self.drawn(self.steps.keep), self.database.file
        if file is None:
            yield self.env.timeout(kept)
        else:
            yield from file.used(kept)

    def _process(self) -> Process:
        if len(self.processes) > 1 and self.plan.choice == "chance":
            return self.chance.choice(self.processes)
        return min(self.processes, key=lambda process: len(process.places))

    def _begin(self) -> None:
        """Count from here on."""
        self.answered = self.refused = 0
        self._counted_from, self._start = self.asked, self.env.now
        self.groups.clear()
        for each in self._all():
            each.busy = 0.0

    def _end(self) -> None:
        """What is told is of the time in which all sources asked."""
        if self._over is not None:
            return
        seconds = self.env.now - self._start
        busy: dict[str, float] = {}
        for each in self._all():
            share = min(1.0, each.busy / seconds / each.capacity)
            busy[each.name] = max(busy.get(each.name, 0.0), share)
        self._over = self.answered / seconds, self.refused / (self.asked - self._counted_from), busy

    def _all(self) -> list[Shared]:
        own = (each for process in self.processes for each in (process.engines, process.python, process.desk))
        return [*self.database.all, *own]

    def _told(self) -> Told:
        assert self._over is not None
        per_s, refused, busy = self._over
        times = sorted(self.seconds) or [0.0]
        return Told(
            per_s=per_s,
            refused=refused,
            p50=times[len(times) // 2],
            p99=times[int(0.99 * (len(times) - 1))],
            busy=busy,
            group=sum(self.groups) / max(1, len(self.groups)),
        )


def simulate(steps: Steps, plan: Plan) -> Told:
    """What becomes of requests."""
    return Simulated(steps, plan).run()


def most_sustained(steps: Steps, plan: Plan, high: float, *, tries: int = 7) -> tuple[float, Told]:
    """The highest rate below `high` at which hardly anybody is refused or waits for long.

    Returns:
        The rate, and what becomes of requests at it; 0 and what becomes of the lowest one that was tried
        where there is none.
    """
    low, found, told = 0.0, None, None
    for _ in range(tries):
        middle = (low + high) / 2
        told = simulate(steps, replace(plan, rate=middle))
        if told.sustained:
            low, found = middle, told
        else:
            high = middle
    assert told is not None
    return low, told if found is None else found


def erlang_c(servers: int, load: float) -> float:
    """The share of requests that wait, of those that come by chance to servers with exponential times.

    Args:
        servers: How many there are.
        load: Arrivals a second by what one server does in a second, below `servers`.

    Erlang 1917, here by the recursion of Erlang's B formula (ITU-T E.501).
    """
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return servers * blocked / (servers - load * (1 - blocked))
