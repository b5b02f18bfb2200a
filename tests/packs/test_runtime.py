from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from visavis.errors import PackError
from visavis.packs import runtime
from visavis.packs.runtime import Network, available_cores, networks

if TYPE_CHECKING:
    from pathlib import Path

    from visavis.packs.catalogue import Role


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


# https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max: "$MAX $PERIOD") and, for version 1,
# https://docs.kernel.org/scheduler/sched-bwc.html (a quota of -1 is no limit)
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),  # half a core is still one thread
        ({"cpu.max": "10000 100000\n"}, 1),
        ({"cpu.max": "390000 100000\n"}, 4),
        ({"cpu.max": "3200000 100000\n"}, 8),  # a quota of 32 cores doesn't make more than there are
        ({"cpu.max": "100000 50000\n"}, 2),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu.max": "1 2 3"}, 8),
        ({"cpu.max": ""}, 8),
        ({"cpu.max": "100000 0"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "20000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "0\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "x", "cpu/cpu.cfs_period_us": "100000"}, 8),
        # both versions mounted, the controller with version 1: every quota counts
        (
            {
                "cpu.max": "max 100000",
                "cpu/cpu.cfs_quota_us": "100000",
                "cpu/cpu.cfs_period_us": "100000",
            },
            1,
        ),
    ],
)
@pytest.mark.usefixtures("eight_cores")
def test_a_quota_limits_the_cores(files: dict[str, str], expected: int, tmp_path: Path) -> None:
    assert available_cores(write(tmp_path, files), tmp_path / "none") == expected


# proc_pid_cgroup(5): hierarchy:controllers:path, the controllers empty for version 2
@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000"}, 2),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "500000 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a\n", {"other/cpu.max": "100000 100000"}, 8),
        ("0::/\n", {"cpu.max": "400000 100000"}, 4),
        (
            "9:memory:/m\n4:cpu,cpuacct:/docker/x\n",
            {"cpu/docker/x/cpu.cfs_quota_us": "200000", "cpu/docker/x/cpu.cfs_period_us": "100000"},
            2,
        ),
        ("9:memory:/m\n", {"m/cpu.max": "100000 100000"}, 8),
        ("nonsense\n\n", {}, 8),
    ],
)
@pytest.mark.usefixtures("eight_cores")
def test_a_quota_on_any_group_above_counts(
    membership: str, files: dict[str, str], expected: int, tmp_path: Path
) -> None:
    (tmp_path / "self").write_text(membership)
    assert available_cores(write(tmp_path / "groups", files), tmp_path / "self") == expected


@pytest.mark.parametrize("threads", [0, -1])
def test_no_thread_at_all_is_refused(threads: int) -> None:
    with pytest.raises(ValueError, match="at least one thread"):
        Network(b"", threads=threads)


def test_affinity_limits_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5}, raising=False)
    assert available_cores(tmp_path) == 1
    assert available_cores(write(tmp_path, {"cpu.max": "400000 100000"})) == 1


def test_where_there_is_no_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cores(tmp_path) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores(tmp_path) == 1


# Networks


def toy() -> bytes:
    """Twice the picture, and the sum of each picture."""
    nodes = [
        helper.make_node("Cast", ["picture"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["floats", "floats"], ["twice"]),
        helper.make_node("ReduceSum", ["floats", "axes"], ["sum"], keepdims=0),
    ]
    shape: list[str | int | None] = ["n", "h", "w", 3]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, shape)],
        [
            helper.make_tensor_value_info("twice", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n"]),
        ],
        [helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def test_a_network_gives_its_outputs_by_name() -> None:
    network = Network(toy(), threads=1)
    assert network.outputs == ("twice", "sum")
    pictures = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    outputs = network(pictures)
    assert outputs["twice"].tolist() == (pictures.astype(float) * 2).tolist()
    assert outputs["sum"].tolist() == [pictures[0].sum(), pictures[1].sum()]


def test_a_network_takes_as_many_threads_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    seen = []

    def session(model: bytes, options: onnxruntime.SessionOptions, providers: list[str]) -> object:
        seen.append((options.intra_op_num_threads, options.inter_op_num_threads, providers))
        return real(model, options, providers=providers)

    real = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setattr(runtime, "available_cores", lambda: 3)
    Network(toy())
    Network(toy(), threads=2)
    assert seen == [(3, 1, ["CPUExecutionProvider"]), (2, 1, ["CPUExecutionProvider"])]


ROLES: tuple[Role, ...] = ("detector", "landmarks", "recogniser")


def test_several_networks_are_loaded_at_once() -> None:
    """Each waits until all are being read, which would take for ever one after the other."""
    all_are_read = threading.Barrier(len(ROLES), timeout=20)

    def read(role: Role) -> bytes:
        all_are_read.wait()
        return toy()

    made = networks(read, ROLES, threads=1)
    assert tuple(made) == ROLES
    picture = np.ones((1, 2, 2, 3), np.uint8)
    assert [network(picture)["sum"].tolist() for network in made.values()] == [[12]] * 3


@pytest.mark.parametrize("damaged", ROLES)
def test_one_network_that_cannot_be_read_is_an_error(damaged: Role) -> None:
    def read(role: Role) -> bytes:
        if role == damaged:
            raise PackError("pack.damaged", f"{role} was altered")
        return toy()

    with pytest.raises(PackError, match=f"{damaged} was altered"):
        networks(read, ROLES, threads=1)


# GPUs, of which there is none here: what can be seen is that nothing else takes their place


class Session:
    """Says that it runs somewhere."""

    def __init__(self, used: list[str], given: dict[str, Any]) -> None:
        self.used, self.falls_back = used, bool(given.get("enable_fallback", 1))

    def get_providers(self) -> list[str]:
        return self.used

    def disable_fallback(self) -> None:
        self.falls_back = False

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="picture")]

    def get_outputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="twice")]


@pytest.fixture
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    """An onnxruntime that was built with CUDA and finds a GPU; the sessions that it began."""
    import onnxruntime

    begun: list[Session] = []

    def session(model: bytes, options: Any, *, providers: list[Any], **given: Any) -> Session:
        [(first, settings), last] = providers
        assert (first, last) == ("CUDAExecutionProvider", "CPUExecutionProvider")
        assert settings["use_tf32"] == "0"
        begun.append(Session([first, last], given))
        return begun[-1]

    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    return begun


def refused(model: bytes, device: str = "cuda") -> str:
    with pytest.raises(PackError) as caught:
        Network(model, device=device)
    assert caught.value.code == "pack.device"
    return str(caught.value)


def test_without_cuda_in_onnxruntime() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    assert "it was built without CUDA" in refused(toy())
    assert "onnxruntime-gpu" in refused(toy())


def test_a_device_that_there_is_none_of() -> None:
    assert refused(toy(), "abacus") == "there is no such device (found abacus, expected one of cpu, cuda)"


def test_with_a_gpu(with_cuda: list[Session]) -> None:
    assert Network(toy(), device="cuda").outputs == ("twice",)
    assert [session.falls_back for session in with_cuda] == [False]


def test_an_onnxruntime_that_goes_on_without_a_gpu_is_refused(
    with_cuda: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of 1.31 does where CUDA's libraries aren't there: it says so on its log alone."""
    monkeypatch.setattr(Session, "get_providers", lambda self: ["CPUExecutionProvider"])
    assert "couldn't begin on a GPU (found CPUExecutionProvider alone" in refused(toy())


def test_what_onnxruntime_says_of_a_gpu_is_passed_on(
    with_cuda: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    def session(*args: Any, **given: Any) -> None:
        raise RuntimeError("CUDA failure 100: no CUDA-capable device is detected\nand more")

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    told = refused(toy())
    assert "found CUDA failure 100: no CUDA-capable device is detected, expected" in told


def test_8_bit_networks_stay_on_processors(with_cuda: list[Session]) -> None:
    """onnxruntime-gpu 1.31 has no code for them (its library doesn't know the name)."""
    model = onnx.load_model_from_string(toy())
    model.graph.node[1].op_type = "QLinearAdd"
    assert "8-bit integers" in refused(model.SerializeToString())
    assert with_cuda == []


def test_threads_share_a_network() -> None:
    network = Network(toy(), threads=1)
    pictures = [np.full((1, 8, 8, 3), value, dtype=np.uint8) for value in range(200)]
    with ThreadPoolExecutor(16) as pool:
        sums = [float(outputs["sum"][0]) for outputs in pool.map(network, pictures)]
    assert sums == [value * 192 for value in range(200)]
