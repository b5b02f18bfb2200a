"""YuNet (2023mar): a small detector with five landmarks, published with int8 weights for 640 x 640 BGR."""

from __future__ import annotations

import numpy as np

from visavis.packs.convert.graph import (
    Graph,
    Node,
    Tensor,
    fold_quantised_weights,
    read_onnx,
    read_pictures,
    stack_convolutions,
    write_onnx,
)

STRIDES = (8, 16, 32)
OUTPUTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
"""What each stride gives, and how many numbers per cell."""


def convert_yunet(source: bytes) -> bytes:
    """Fold the weights to float32, make batch and sides free, and let the graph read RGB bytes.

    Input `picture`: uint8, N x H x W x 3, RGB; H and W multiples of 32.
    Outputs `cls_8`, `cls_16`, ... `kps_32`: float32, N x cells x 1 (1, 4, 10), cells row by row.
    """
    graph = read_onnx(source)
    fold_quantised_weights(graph)
    _read_rgb(graph)
    _join_heads(graph)
    read_pictures(graph, "picture", "input")
    return write_onnx(
        graph,
        inputs=[Tensor("picture", np.uint8, ("N", "H", "W", 3))],
        outputs=[
            Tensor(f"{kind}_{stride}", np.float32, ("N", f"cells_{stride}", numbers))
            for kind, numbers in OUTPUTS.items()
            for stride in STRIDES
        ],
        name="yunet",
    )


def _read_rgb(graph: Graph) -> None:
    """Turn the first layer's channels round: the same products, summed in another order."""
    (first,) = graph.readers("input")
    graph.weights[first.inputs[1]] = graph.weights[first.inputs[1]][:, ::-1]


def _join_heads(graph: Graph) -> None:
    """One pair of convolutions per stride in place of four, which halves what the heads cost.

    Upstream reshapes to one picture; a zero there means *as many as come in*.
    """
    writers = {node.output: node for node in graph.nodes}
    chains = {
        name: _chain_to_features(writers, name) for name in (f"{k}_{s}" for s in STRIDES for k in OUTPUTS)
    }
    tails = [node for chain in chains.values() for node in chain if node.op != "Conv"]
    graph.nodes = [node for node in graph.nodes if not any(node is tail for tail in tails)]
    graph.weights["as_cells"] = np.array([0, -1, sum(OUTPUTS.values())])
    graph.weights["numbers"] = np.array(list(OUTPUTS.values()))
    for stride in STRIDES:
        heads = [[n for n in chains[f"{kind}_{stride}"] if n.op == "Conv"] for kind in OUTPUTS]
        pointwise, depthwise = ([head[i] for head in heads] for i in (0, 1))
        stack = stack_convolutions(graph, pointwise, pointwise[0].inputs[0], f"pointwise_{stride}")
        stack = stack_convolutions(graph, depthwise, stack, f"depthwise_{stride}")
        stack = graph.add("Transpose", [stack], f"map_{stride}", perm=[0, 2, 3, 1])
        stack = graph.add("Reshape", [stack, "as_cells"], f"cells_{stride}")
        parts = [f"cls_{stride}_logit", f"obj_{stride}_logit", f"bbox_{stride}", f"kps_{stride}"]
        graph.nodes.append(Node("Split", [stack, "numbers"], parts, {"axis": 2}))
        for kind in ("cls", "obj"):
            graph.add("Sigmoid", [f"{kind}_{stride}_logit"], f"{kind}_{stride}")


def _chain_to_features(writers: dict[str, Node], name: str) -> list[Node]:
    """The nodes between a stride's features and an output, in order: two convolutions and what follows."""
    chain: list[Node] = []
    while sum(node.op == "Conv" for node in chain) < 2:
        chain.insert(0, writers[name])
        name = chain[0].inputs[0]
    return chain
