"""Where the time of one picture goes, from the bytes of a 1080p JPEG to a template, as a flame graph.

    python benchmarks/flame.py --pack sface --output docs/assets/flame-sface.svg

One thread, the demo's portraits in turn. The first row is the whole path, the second its stages, the third
what is done in them, the fourth the kinds of operation inside a network; a box is as wide as its median time.
What a stage does beside the parts that are named stays blank below it: Python, and numpy on a few numbers.

Stages and parts are timed as the product runs, in processor time, which other programs on the machine touch
least. onnxruntime's profiler, which slows a network down, then times
its operations on the same input, and the network's own time is shared out among them in proportion.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from unittest import mock
from xml.sax.saxutils import escape

from common import machine, pictures_1080p, use_one_core

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

WHOLE = "whole path"
PARTS = {
    "visavis.photo.jpeg:Jpeg._walk": "segments",
    "visavis.photo.jpeg:Jpeg._turbo": "JPEG decoding",
    "visavis.faces.detect:_fit": "shrink",
    "visavis.faces.detect:_canvas": "canvas",
    "visavis.faces.yunet:decode": "cells to faces",
    "visavis.faces.detect:warp": "crop",
    "visavis.faces.centerface:decode": "cells to points",
    "visavis.faces.detect:inside": "inside?",
    "visavis.faces.align:warp": "chips",
}
"""What is timed inside the stages, by where it is looked up. The networks' runs come with it."""

NETWORKS = ("YuNet", "CenterFace", "recogniser", "second recogniser")
"""In the order of a pack's files."""

KINDS = {
    ".bent": "PReLU: slopes",
    "Max": "PReLU: maximum",
    "Conv": "convolutions",
    "ConvTranspose": "convolutions",
    "QLinearConv": "convolutions",
    "Gemm": "matrix products",
    "MatMul": "matrix products",
    "FusedMatMul": "matrix products",
    "MatMulIntegerToFloat": "last product",
    "Gelu": "Gelu",
    "LayerNormalization": "norms",
    "LpNormalization": "norms",
}
"""What an operation counts as, by the end of its node's name or else by its operator."""

WIDTH, ROW, HEAD, MARGIN = 1000, 32, 30, 8  # pixels
LETTER = 6.2  # a letter's width
COLOURS = ("#d9d2c3", "#f3cfa6", "#eeb277", "#e2955a")  # by row


@dataclass(slots=True)
class Box:
    """A part of the time, with what it consists of in the order in which it comes.

    Attributes:
        label: What takes it.
        ms: Milliseconds, those of the children included.
        children: At most as long as itself, all together.
    """

    label: str
    ms: float
    children: list[Box] = field(default_factory=list)


class Stopwatch:
    """Processor times of what is done, by the way down to it: ``("landmarks", "crop")``."""

    def __init__(self) -> None:
        self.path: tuple[str, ...] = ()
        self.ms: dict[tuple[str, ...], float] = defaultdict(float)

    @contextmanager
    def __call__(self, label: str) -> Iterator[None]:
        """Adds the time that the block takes."""
        self.path += (label,)
        start = time.thread_time()
        yield
        self.ms[self.path] += (time.thread_time() - start) * 1000
        self.path = self.path[:-1]

    def around(self, work: Callable[..., Any], label: str) -> Callable[..., Any]:
        """A function that does the same and is timed."""

        def timed(*given: Any, **options: Any) -> Any:
            with self(label):
                return work(*given, **options)

        return timed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", default="sface")
    parser.add_argument("--runs", type=int, default=45)
    parser.add_argument("--output", type=Path, required=True, metavar="SVG")
    arguments = parser.parse_args()
    use_one_core()
    whole = measure(arguments.pack, arguments.runs)
    title = f"{arguments.pack}: 1080p JPEG to template, processor time, medians of {arguments.runs} runs"
    arguments.output.write_text(drawn(whole, title), encoding="utf-8")
    print(machine())
    print("\n".join(told(whole)))


def measure(pack: str, runs: int) -> Box:
    """The times of the path of one picture, as a tree."""
    import cv2

    from visavis import examiner
    from visavis.decision.policy import Policy
    from visavis.packs.runtime import Network

    cv2.setNumThreads(1)
    watch = Stopwatch()
    labels: dict[Network, str] = {}
    models: dict[str, bytes] = {}
    inputs: dict[tuple[str, ...], Pixels] = {}
    load, run = Network.__init__, Network.__call__

    class Clock(examiner.Clock):
        @contextmanager
        def __call__(self, stage: str) -> Iterator[Self]:
            with watch(stage), super().__call__(stage):
                yield self

    def loaded(network: Network, model: bytes, **options: Any) -> None:
        labels[network] = NETWORKS[len(labels)]
        models[labels[network]] = model
        load(network, model, **options)

    def noted(network: Network, pictures: Pixels) -> dict[str, Any]:
        with watch(labels[network]):
            inputs[watch.path] = pictures
            return run(network, pictures)

    portraits = list(pictures_1080p().values())
    policy = Policy(faces="largest_central")
    every: list[dict[tuple[str, ...], float]] = []
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(examiner, "Clock", Clock))
        stack.enter_context(mock.patch.object(Network, "__init__", loaded))
        stack.enter_context(mock.patch.object(Network, "__call__", noted))
        for place, label in PARTS.items():
            owner, name = looked_up(place)
            stack.enter_context(mock.patch.object(owner, name, watch.around(getattr(owner, name), label)))
        engine = examiner.Examiner(pack, threads=1)
        for number in range(-3, runs):  # the first three warm up
            watch.ms.clear()
            engine.examine(portraits[number % len(portraits)], policy=policy)
            if number >= 0:
                every.append(dict(watch.ms))
    medians = {path: statistics.median(times.get(path, 0.0) for times in every) for path in every[-1]}
    for path, pictures in inputs.items():
        for kind, share in operations(models[path[-1]], pictures).items():
            medians[*path, kind] = share * medians[path]
    return tree(medians)


def looked_up(place: str) -> tuple[Any, str]:
    """A module or a class of it, and the name in it that `PARTS` means."""
    module, _, names = place.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = names.split(".")
    for each in classes:
        owner = getattr(owner, each)
    return owner, name


def operations(model: bytes, pictures: Pixels, runs: int = 20) -> dict[str, float]:
    """Shares of a network's time by kind of operation, the largest first."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_profiling = True
        options.profile_file_prefix = f"{folder}/nodes"
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        for _ in range(runs):
            session.run(None, {session.get_inputs()[0].name: pictures})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    nodes: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            nodes[event["name"].removesuffix("_kernel_time"), event["args"]["op_name"]].append(event["dur"])
    kinds: dict[str, float] = defaultdict(float)
    for (name, operator), times in nodes.items():
        kinds[kind_of(name, operator)] += statistics.median(times)
    total = sum(kinds.values())
    return {kind: took / total for kind, took in sorted(kinds.items(), key=lambda item: -item[1])}


def kind_of(name: str, operator: str) -> str:
    """What a node of a network counts as."""
    ending = next((label for end, label in KINDS.items() if end[0] == "." and name.endswith(end)), None)
    return ending or KINDS.get(operator, "other")


def tree(medians: Mapping[tuple[str, ...], float]) -> Box:
    """Times by the way down to them, as boxes in boxes."""
    whole = Box(WHOLE, sum(ms for path, ms in medians.items() if len(path) == 1))
    boxes: dict[tuple[str, ...], Box] = {(): whole}
    for path in sorted(medians, key=len):  # stable: a part stays behind the one that was done before it
        boxes[path] = Box(path[-1], medians[path])
        boxes[path[:-1]].children.append(boxes[path])
    return whole


def drawn(whole: Box, title: str) -> str:
    """The boxes as an SVG of `WIDTH` pixels."""
    height = HEAD + 4 * ROW + MARGIN
    size = f'width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {height}"',
        ' font-family="sans-serif" font-size="12" fill="#222">',
        f'<rect {size} fill="#fff"/>',
        f'<text x="{MARGIN}" y="20" font-size="14">{escape(title)}</text>',
    ]
    lines += _boxes([whole], MARGIN, (WIDTH - 2 * MARGIN) / whole.ms, row=0)
    return "\n".join([*lines, "</svg>", ""])


def _boxes(boxes: Sequence[Box], x: float, scale: float, *, row: int) -> Iterator[str]:
    y = HEAD + row * ROW
    for box in boxes:
        width = box.ms * scale
        long = f"{box.label}, {box.ms:.1f} ms"
        label = next((text for text in (long, box.label) if len(text) * LETTER < width - 4), "")
        yield f"<g><title>{escape(long)}</title>"
        yield (
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}" fill="{COLOURS[row]}"'
            ' stroke="#fff"/>'
        )
        if label:
            yield f'<text x="{x + 4:.1f}" y="{y + 20}">{escape(label)}</text>'
        yield "</g>"
        yield from _boxes(box.children, x, scale, row=row + 1)
        x += width


def told(box: Box, depth: int = 0) -> Iterator[str]:
    """The boxes as lines of text."""
    yield f"{'  ' * depth + box.label:<34}{box.ms:7.2f} ms"
    for child in box.children:
        yield from told(child, depth + 1)


if __name__ == "__main__":
    main()
