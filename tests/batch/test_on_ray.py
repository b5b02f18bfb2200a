"""Workers on a real cluster of Ray, whose nodes are processes of this machine. Their engines are invented."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.batch.invented import InventedEngine, invented, picture
from tests.batch.test_local import Unborn, decisions, tasks

from visavis import __version__
from visavis.batch import on_ray, page, pairs
from visavis.batch.local import THREADS
from visavis.batch.on_ray import Begun, RayEngine
from visavis.batch.under_way import AHEAD, TRIES
from visavis.batch.work import Setup
from visavis.decision.policy import Policy
from visavis.errors import BatchError, VisavisError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.batch.conftest import Desk

    from visavis.batch.engine import Engine
    from visavis.batch.work import Answers, Task

ROOT = Path(__file__).parents[2]
SETUP = Setup("sface", Policy(), None, "batch")
SMALL = {"object_store_memory": 80 * 2**20}
ALERT = {  # nodes that died are noticed within a second or two
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 300,
    "health_check_failure_threshold": 3,
    "health_check_timeout_ms": 1000,
}


class Net:
    """A cluster with a head that does nothing but keep it together, and nodes that work."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {**SMALL, "num_cpus": 0, "_system_config": ALERT}
        self.cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.nodes: list[tuple[int, Any]] = []

    def add(self, cores: int, **given: Any) -> Any:
        """Have one more node."""
        node = self.cluster.add_node(num_cpus=cores, **SMALL, **given)
        self.nodes.append((cores, node))
        return node

    def only(self, *cores: int) -> None:
        """Have nodes with so many cores, and no others."""
        wanted = list(cores)
        for size, node in list(self.nodes):
            if size in wanted:
                wanted.remove(size)
            else:
                self.kill(node)
        for size in wanted:
            self.add(size)
        self.cluster.wait_for_nodes()

    def kill(self, node: Any) -> None:
        """A node is gone from one moment to the next, with all that runs on it."""
        self.nodes = [each for each in self.nodes if each[1] is not node]
        [raylet] = node.all_processes["raylet"]
        workers = psutil.Process(raylet.process.pid).children(recursive=True)
        self.cluster.remove_node(node, allow_graceful=False)
        for each in workers:
            if each.is_running():
                each.kill()

    def engine(self, setup: Setup) -> RayEngine:
        """Start an engine on it."""
        return RayEngine(setup, address=str(self.cluster.address))


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    """One cluster for all tests, for it takes seconds to start; none of its processes is left behind."""
    pytest.importorskip("ray", reason="Ray isn't installed, or isn't there for this Python")
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    with pytest.MonkeyPatch.context() as patched:
        # Nodes find what is invented where this process does.
        patched.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(ROOT / "src"))))
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        started = Net()
        try:
            yield started
        finally:
            started.cluster.shutdown()
    left = [each for each in psutil.Process().children(recursive=True) if each.pid not in before]
    assert psutil.wait_procs(left, timeout=10)[1] == []


def refused(of: Engine, todo: list[Task]) -> VisavisError:
    """The error that an engine ends with."""
    try:
        with pytest.raises(VisavisError) as caught:
            list(of.answers(todo))
    finally:
        of.close()
    return caught.value


def test_answers_come_in_order_and_are_those_of_one_process(net: Net, tmp_path: Path) -> None:
    net.only(1, 1)
    probes = [
        b"wait 0.3 " + picture("somebody", 1),
        *(picture("somebody" if n % 3 else "other", n) for n in range(50)),
    ]
    todo = tasks(tmp_path, probes)
    terminated = signal.getsignal(signal.SIGTERM)
    engine = net.engine(invented(SETUP))
    try:
        # Otherwise the first one may have done it all by the time that the second one is there.
        engine._ray.get([place.begins for place in engine._places])
        found = decisions(engine, todo)
        begun = [place.begun for place in engine._places]
        told = [worker.environ() for worker in workers()]
    finally:
        engine.close()
    assert found == decisions(InventedEngine(SETUP), todo)
    assert len({each.node_id for each in begun if each is not None}) == 2, "each node works"
    assert [[each[name] for name in THREADS] for each in told] == [["1", "1", "1"]] * 2
    assert signal.getsignal(signal.SIGTERM) is terminated, "signals are the program's own"


def workers() -> list[psutil.Process]:
    """The processes that Ray has made into workers."""
    return [each for each in psutil.Process().children(recursive=True) if "ray::Hand" in each.name()]


class Watched:
    """An engine that is watched, and disturbed before it takes a certain task."""

    def __init__(self, engine: Engine, number: int, disturb: Any) -> None:
        self.engine, self.number, self.disturb = engine, number, disturb
        self.taken = self.given = self.ahead = 0

    def answers(self, tasks: Any) -> Iterator[Answers]:
        for answers in self.engine.answers(self.watched(tasks)):
            self.given += 1
            yield answers

    def watched(self, tasks: Iterator[Task]) -> Iterator[Task]:
        for task in tasks:
            if task.number == self.number:
                self.disturb()
            self.taken += 1
            self.ahead = max(self.ahead, self.taken - self.given)
            yield task

    def close(self) -> None:
        self.engine.close()


def test_a_node_that_dies_in_the_middle_leaves_no_trace(
    net: Net, desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Rows and entries are those of one process, and each is there once."""
    net.only(1)
    dying = net.add(2)
    net.cluster.wait_for_nodes()
    monkeypatch.setattr(pairs, "FEWEST_IN_PART", 64)
    monkeypatch.setattr(page, "page", lambda summary: "")  # to draw charts takes longer than all the rest
    rows = []
    for number in range(160):
        reference, probe = desk.person(f"p{number}")
        if number // 8 in range(6, 13):  # all have something to do when it happens
            desk.put(probe, b"wait 0.03 " + picture(f"p{number}", 1))
        rows.append((reference, probe, f"subject {number}", "a test"))
    rows[77] = ("gone.jpg", *rows[77][1:])
    table = desk.table(rows)
    desk.run(table, "alone", ledger=desk.path / "other.db")
    watched: list[Watched] = []

    def start(setup: Setup) -> Watched:
        watched.append(Watched(net.engine(invented(setup)), 12, lambda: net.kill(dying)))
        return watched[0]

    summary = desk.run(table, engine=start)
    assert summary.decisions["match"] == 159
    assert summary.rejected == {"photo.missing": 1}
    assert desk.rows() == desk.rows("alone")
    assert [entry.details["row"] for entry in desk.entries()] == list(range(1, 161))
    assert watched[0].taken == 160 / 8, "each task is taken once, whoever dies"
    assert watched[0].ahead <= 3 * AHEAD, "no more of the table is held than that"
    assert capfd.readouterr().out == "", "standard output is for results"


def test_a_task_that_kills_each_time_is_given_up(net: Net, tmp_path: Path) -> None:
    net.only(1)
    times = tmp_path / "times"
    # It comes first: an answer on its way is lost with its worker, and a task before would take that blame.
    probes = [f"die {times} 99".encode()] + [picture("somebody", 1)] * 11
    error = refused(net.engine(invented(SETUP)), tasks(tmp_path, probes))
    assert error.code == "batch.worker"
    assert f"died {TRIES} times, at work on rows 1 to 2" in str(error)
    assert len(times.read_bytes()) == TRIES


def test_workers_that_never_come_to_life_are_given_up(net: Net, tmp_path: Path) -> None:
    net.only(1)
    setup = Unborn("sface", Policy(), None, "batch")
    error = refused(net.engine(setup), tasks(tmp_path, [picture("somebody", 1)]))
    assert error.code == "batch.worker"
    assert "at work on no row yet" in str(error)


def test_a_fault_is_told(net: Net, tmp_path: Path) -> None:
    net.only(1)
    engine = net.engine(invented(SETUP))
    try:
        with pytest.raises(RuntimeError, match=r"node .*: RuntimeError: a fault of ours"):
            decisions(engine, tasks(tmp_path, [b"fault"]))
    finally:
        engine.close()


class Foreign(Setup):
    """What a node can't take in: it has no such module."""

    __module__ = "nowhere"


def test_a_node_without_visavis_is_named(net: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here all nodes have it: something else is missing in its place."""
    net.only(1)
    module: Any = ModuleType("nowhere")
    module.Foreign = Foreign
    monkeypatch.setitem(sys.modules, "nowhere", module)
    setup = Foreign("sface", Policy(), None, "batch")
    error = refused(net.engine(setup), tasks(tmp_path, [picture("somebody", 1)]))
    assert error.code == "batch.node"
    assert "No module named 'nowhere'" in str(error)
    assert net.nodes[0][1].node_ip_address in str(error)


def test_a_node_without_the_pack_is_named(net: Net, tmp_path: Path) -> None:
    net.only()
    lacking = net.add(1, env_vars={"VISAVIS_HOME": str(tmp_path / "empty")})
    net.cluster.wait_for_nodes()
    try:
        error = refused(net.engine(SETUP), tasks(tmp_path, [picture("somebody", 1)]))
    finally:
        net.kill(lacking)
    assert error.code == "pack.not_installed"
    assert f"node {lacking.node_ip_address} ({lacking.node_id[:8]}): " in str(error)
    assert "visavis packs install sface" in str(error)


# Without a cluster


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BatchError) as caught:
        RayEngine(SETUP)
    assert caught.value.code == "batch.not_installed"
    assert "visavis[ray]" in str(caught.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("nonsense", "no address of a cluster"),
        ("ray://127.0.0.1:10001", "no address of a cluster"),
        ("127.0.0.1:port", "no address of a cluster"),
        (":6379", "no address of a cluster"),
        ("127.0.0.1:99999", "can't be reached"),
    ],
)
def test_addresses_that_are_none(address: str, told: str) -> None:
    with pytest.raises(BatchError) as caught:
        on_ray._reach(address)
    assert caught.value.code == "batch.cluster"
    assert told in str(caught.value)


def test_where_nobody_listens_it_is_said_at_once() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # it doesn't listen
        with pytest.raises(BatchError) as caught:
            on_ray._reach(f"127.0.0.1:{bound.getsockname()[1]}")
    assert caught.value.code == "batch.cluster"


GIB = 2**30


@pytest.mark.parametrize(
    ("nodes", "device", "count"),
    [
        ([{"CPU": 4.0, "memory": 64.0 * GIB}, {"CPU": 2.0, "memory": 64.0 * GIB}], "cpu", 6),
        ([{"CPU": 16.0, "memory": 1.0 * GIB}, {"memory": 64.0 * GIB}], "cpu", 2),  # of 400 MiB each
        ([{"CPU": 16.0, "GPU": 2.0, "memory": 64.0 * GIB}, {"CPU": 8.0, "memory": 64.0 * GIB}], "cuda", 2),
    ],
)
def test_as_many_workers_as_there_is_room_for(nodes: list[dict[str, float]], device: str, count: int) -> None:
    dead = {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0, "memory": 64.0 * GIB}}
    assert on_ray._room([*({"Alive": True, "Resources": each} for each in nodes), dead], device) == count


def test_a_cluster_without_room() -> None:
    node = {"Alive": True, "Resources": {"CPU": 16.0, "memory": 64.0 * GIB}}
    with pytest.raises(BatchError) as caught:
        on_ray._room([node], "cuda")
    assert caught.value.code == "batch.cluster"
    assert str(caught.value) == (
        "no node of the cluster has room for a worker "
        "(found 16 cores, 0 GPUs, 65536 MiB, expected 1 cores, 1 GPUs, 400 MiB)"
    )


def test_nodes_have_to_be_alike() -> None:
    engine = object.__new__(RayEngine)
    engine._standard = None
    there = on_ray.libraries()
    assert there["numpy"] is not None
    engine._compare(Begun("node 1", "1", __version__, there))
    engine._compare(Begun("node 2", "2", __version__, there))
    for begun, told in (
        (Begun("node 3", "3", "0.0.9", there), "node 3 has another version of visavis (found 0.0.9"),
        (
            Begun("node 4", "4", __version__, {**there, "numpy": "1.0"}),
            "node 4 has another version of numpy than node 1: results could differ (found 1.0",
        ),
    ):
        with pytest.raises(BatchError) as caught:
            engine._compare(begun)
        assert caught.value.code == "batch.node"
        assert told in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "is_here", "passes"),
    [
        ({"error": "photo.missing", "message": "probe: there is no file"}, True, False),
        ({"error": "photo.missing", "message": "probe: there is no file"}, False, True),
        ({"error": "photo.missing", "message": "reference: there is no file"}, True, True),
        ({"error": "photo.format", "message": "probe: no picture"}, True, True),
        ({"decision": "match"}, True, True),
    ],
)
def test_a_node_that_doesn_t_see_a_picture_rejects_no_row_for_it(
    tmp_path: Path, cells: dict[str, str], is_here: bool, passes: bool
) -> None:
    [task] = tasks(tmp_path, [picture("somebody", 1)])
    (tmp_path / "reference").unlink()
    if not is_here:
        (tmp_path / "probe1").unlink()
    said: Any = SimpleNamespace(answers=[SimpleNamespace(cells=cells)])
    if passes:
        on_ray._see_that_it_saw(task, said, "node 1")
        return
    with pytest.raises(BatchError) as caught:
        on_ray._see_that_it_saw(task, said, "node 1")
    assert caught.value.code == "batch.node"
    assert "row 1: node 1 can't read the probe, which this machine can" in str(caught.value)
