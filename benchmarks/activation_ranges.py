"""How far SFace's values reach on pictures of people: what its integer form scales its bytes by.

    python benchmarks/activation_ranges.py FOLDER --data "name of the data: what it is"

FOLDER holds one folder for each person with that person's pictures. One picture each of `--people` people,
drawn at random with a fixed seed, goes through the corridor as users run it, to one chip, its views in turns;
the float32 network reads the chip. For each channel of each convolution three numbers are kept: of the lowest
(highest) value on each chip the one that 1 % of the chips exceed, and the mean after PReLU. No number tells
of a single picture. The pack `sface` must be installed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from rich.progress import track

from visavis.decision.policy import Policy
from visavis.examiner import Examiner
from visavis.packs.catalogue import SFACE
from visavis.packs.convert.graph import Graph, Tensor, read_pictures, write_onnx
from visavis.packs.convert.sface import CHIP_SIDE, fold_sface
from visavis.packs.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

RANGES = Path(__file__).parents[1] / "src/visavis/packs/convert/sface_ranges.json"
POLICY = Policy(faces="largest_central", min_inter_eye_px=0, min_confidence=0, max_disagreement=10)
EXCEEDING = 0.01
DECIMALS = {"low": 1, "high": 1, "mean": 2}
SEED = 2021


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", required=True, help="names the data in the file")
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--output", type=Path, default=RANGES)
    arguments = parser.parse_args()
    source = Store().read(SFACE.sha256, pack="sface")
    graph = fold_sface(source)
    slopes = {
        node.inputs[0]: graph.weights[node.inputs[1]].reshape(-1, 1)
        for node in graph.nodes
        if node.op == "PRelu"
    }
    session = observed(graph, list(slopes))
    seen: dict[str, list[Array]] = {name: [] for name in slopes}
    people = list(draw(arguments.folder, arguments.people))
    for chip in track(list(chips(people)), description="chips"):
        values = session.run(list(slopes), {"chip": chip[None]})
        for (name, slope), value in zip(slopes.items(), values, strict=True):
            seen[name].append(summary(value[0].reshape(len(slope), -1), slope))
    tensors = {name: ranges(np.stack(each)) for name, each in seen.items()}
    file = {
        "network": SFACE.name,
        "sha256": SFACE.sha256,
        "data": arguments.data,
        "people": len(people),
        "chips": len(next(iter(seen.values()))),
        "method": f"benchmarks/activation_ranges.py, seed {SEED}: low and high are exceeded on "
        f"{EXCEEDING:.0%} of the chips, mean is after PReLU; one number per channel",
        "tensors": tensors,
    }
    arguments.output.write_text(layout(file), encoding="utf-8")
    print(f"{arguments.output}: {len(tensors)} tensors from {file['chips']} chips")


def draw(folder: Path, count: int) -> Iterator[Path]:
    """One picture each of so many people."""
    rng = np.random.default_rng(SEED)
    people = sorted(path for path in folder.iterdir() if path.is_dir())
    for index in rng.permutation(len(people))[:count]:
        pictures = sorted(path for path in people[index].iterdir() if path.is_file())
        yield pictures[rng.integers(len(pictures))]


def chips(pictures: Sequence[Path]) -> Iterator[Array]:
    """One chip for each picture with a face: the first view, the second, and round again."""
    examiner = Examiner("sface", threads=1)
    for index, picture in enumerate(track(pictures, description="faces")):
        views = examiner.examine(picture, policy=POLICY).chips
        if views is not None:
            yield views[index % len(views)]


def observed(graph: Graph, names: Sequence[str]) -> onnxruntime.InferenceSession:
    """The float32 network with these values as its outputs."""
    read_pictures(graph, "chip", "data")
    graph.nodes = [node for node in graph.nodes if node.op not in {"Flatten", "Gemm"}]
    content = write_onnx(
        graph,
        inputs=[Tensor("chip", np.uint8, ("N", CHIP_SIDE, CHIP_SIDE, 3))],
        outputs=[Tensor(name, np.float32, ("N", f"{name}_c", f"{name}_h", f"{name}_w")) for name in names],
        name="sface-observed",
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def summary(values: Array, slope: Array) -> Array:
    """Lowest, highest and, after PReLU, mean value of each channel: 3 x channels."""
    after = np.where(values < 0, values * slope, values)
    return np.stack([values.min(1), values.max(1), after.mean(1)])


def ranges(each: Array) -> dict[str, list[float]]:
    """Over all chips, given chips x 3 x channels."""
    parts = {
        "low": np.quantile(each[:, 0], EXCEEDING, axis=0),
        "high": np.quantile(each[:, 1], 1 - EXCEEDING, axis=0),
        "mean": each[:, 2].mean(0, dtype=np.float64),
    }
    return {
        part: [round(float(number), DECIMALS[part]) + 0.0 for number in numbers]
        for part, numbers in parts.items()
    }


def layout(file: dict[str, Any]) -> str:
    """JSON with one line for each list: a thousand lines of one number each help nobody."""
    head = {key: value for key, value in file.items() if key != "tensors"}
    tensors = ",\n".join(
        f'  "{name}": {{\n'
        + ",\n".join(
            f'   "{part}": {json.dumps(numbers, separators=(",", ":"))}' for part, numbers in parts.items()
        )
        + "\n  }"
        for name, parts in file["tensors"].items()
    )
    return json.dumps(head, indent=1).removesuffix("\n}") + f',\n "tensors": {{\n{tensors}\n }}\n}}\n'


if __name__ == "__main__":
    main()
