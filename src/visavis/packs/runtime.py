"""Networks in onnxruntime: one session each, shared by all threads, on the cores that are really ours.

Or on a GPU, where that is asked for by name. Where it can't be had there is an error: a processor never takes
its place, and no GPU is used because it happens to be there.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visavis.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from visavis.packs.catalogue import Role

CGROUP = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
DEVICES = ("cpu", "cuda")
CUDA = "CUDAExecutionProvider"
OF_CUDA = {
    "use_tf32": "0",  # it would round each factor to 10 bits
    "cudnn_conv_algo_search": "DEFAULT",  # not whichever happens to be the fastest now: sums would differ
}
EIGHT_BIT = "QLinear"
"""How operations on 8-bit integers are called that onnxruntime has for processors alone."""


class Network:
    """A network ready to run; safe to call from several threads at once, with the same results."""

    def __init__(self, model: bytes, *, threads: int | None = None, device: str = "cpu") -> None:
        """Load a network.

        Args:
            model: The ONNX bytes, as the installation of a pack stored them.
            threads: How many threads one call may use; `available_cores()` where it isn't given.
            device: One of `DEVICES`. Of several GPUs it is the first that this process may see.

        Raises:
            PackError: `pack.device`: the network can't run there.
        """
        if threads is not None and threads < 1:
            raise ValueError(f"at least one thread was expected, found {threads}")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or available_cores()
        options.inter_op_num_threads = 1
        # Several sessions that spin while they wait eat the cores of the one that works.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        if device == "cpu":
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        else:
            self._session = _on_gpu(model, options, device)
        self._input = self._session.get_inputs()[0].name
        self.outputs: tuple[str, ...] = tuple(output.name for output in self._session.get_outputs())

    def __call__(self, pictures: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Run the network on a batch of RGB pictures.

        Args:
            pictures: N x height x width x 3.

        Returns:
            The outputs by name.
        """
        return dict(zip(self.outputs, self._session.run(None, {self._input: pictures}), strict=True))


def networks(
    read: Callable[[Role], bytes], roles: Iterable[Role], *, threads: int | None = None, device: str = "cpu"
) -> dict[Role, Network]:
    """Several networks at once: to read, to check and to prepare one of them keeps no more than a core busy.

    Args:
        read: Gives the bytes of a network, as `packs.install.Installed.model` does.
        roles: The parts that they play.
        threads: As for `Network`.
        device: As for `Network`.

    Raises:
        PackError: One of them can't be read, or can't run there.
    """
    made: dict[Role, Network] = {}
    wrong: list[BaseException] = []

    def make(role: Role) -> None:
        try:
            made[role] = Network(read(role), threads=threads, device=device)
        except BaseException as error:  # noqa: BLE001  # raised again below, by whoever asked
            wrong.append(error)

    first, *others = roles
    makers = [threading.Thread(target=make, args=(role,)) for role in others]
    for maker in makers:
        maker.start()
    make(first)
    for maker in makers:
        maker.join()
    if wrong:
        raise wrong[0]
    return {role: made[role] for role in (first, *others)}


def _on_gpu(model: bytes, options: Any, device: str) -> Any:
    """A session on a GPU, and nowhere else."""
    if device not in DEVICES:
        raise PackError(
            "pack.device", "there is no such device", found=device, expected=f"one of {', '.join(DEVICES)}"
        )
    import onnx
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if CUDA not in there:
        raise PackError(
            "pack.device",
            "this onnxruntime can't use a GPU: it was built without CUDA",
            found=", ".join(there),
            expected="the package onnxruntime-gpu in place of onnxruntime",
        )
    operations = {node.op_type for node in onnx.load_model_from_string(model).graph.node}
    if eight_bit := sorted(name for name in operations if name.startswith(EIGHT_BIT)):
        raise PackError(
            "pack.device",
            "the pack has a network of 8-bit integers, which onnxruntime runs on processors alone",
            found=", ".join(eight_bit),
            expected="a pack whose networks are in floats",
        )
    try:
        # Its fallback would be a processor.
        session = onnxruntime.InferenceSession(
            model, options, providers=[(CUDA, OF_CUDA), "CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # noqa: BLE001  # errors of onnxruntime have no class of their own
        raise _no_gpu(str(error).partition("\n")[0]) from None
    # One that can't load CUDA's libraries says so on the log alone and goes on without.
    if (used := session.get_providers())[0] != CUDA:
        raise _no_gpu(f"{', '.join(used)} alone")
    session.disable_fallback()
    return session


def _no_gpu(found: str) -> PackError:
    return PackError(
        "pack.device",
        "onnxruntime couldn't begin on a GPU",
        found=found,
        expected="a GPU of NVIDIA, its driver, and CUDA and cuDNN of the versions that onnxruntime-gpu needs",
    )


def available_cores(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """How many cores this process may keep busy, at least 1: by its affinity and its container's quota.

    A container limited to half a core on a machine of 64 otherwise starts 64 threads that wait for each
    other.

    Args:
        cgroup: Where control groups are mounted.
        membership: Which of them this process is in, as Linux tells it.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _groups(cgroup, membership) if (quota := _quota(folder)) is not None]
    return max(1, round(min([cores, *quotas])))


def _groups(cgroup: Path, membership: Path) -> Iterator[Path]:
    """The folders of this process's control groups and of all above them: each may hold a quota."""
    yield from (cgroup, cgroup / "cpu")
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = (cgroup / "cpu" if controllers else cgroup) / path.strip("/")
        yield from (folder, *folder.parents[: len(Path(path.strip("/")).parts)])


def _quota(group: Path) -> float | None:
    """CPU quota in cores by cgroup version 2 (cpu.max), then 1 (cfs_quota_us); None without a limit."""
    try:
        limit, period = (group / "cpu.max").read_text().split()
        return None if limit == "max" else float(limit) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        pass
    try:
        used = float((group / "cpu.cfs_quota_us").read_text())
        period_us = float((group / "cpu.cfs_period_us").read_text())
        return used / period_us if used > 0 and period_us > 0 else None
    except (OSError, ValueError):
        return None
