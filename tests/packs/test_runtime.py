from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from visavis.packs import runtime
from visavis.packs.runtime import Network, available_cores

if TYPE_CHECKING:
    from pathlib import Path


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


def test_threads_share_a_network() -> None:
    network = Network(toy(), threads=1)
    pictures = [np.full((1, 8, 8, 3), value, dtype=np.uint8) for value in range(200)]
    with ThreadPoolExecutor(16) as pool:
        sums = [float(outputs["sum"][0]) for outputs in pool.map(network, pictures)]
    assert sums == [value * 192 for value in range(200)]
