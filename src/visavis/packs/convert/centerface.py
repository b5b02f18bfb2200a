"""CenterFace: a detector with five landmarks, published for one batch and one size of picture."""

from __future__ import annotations

import numpy as np

from visavis.packs.convert.graph import (
    Graph,
    Node,
    Tensor,
    fold_batch_norms,
    read_onnx,
    read_pictures,
    stack_convolutions,
    write_onnx,
)

OUTPUTS = {"heatmap": 1, "scale": 2, "offset": 2, "landmarks": 10}
"""What each quarter of the picture's sides gives, and in how many planes."""

UPSTREAM_HEADS = ("536", "538", "539", "540")
"""The convolutions that give them, the heat map's before its sigmoid."""


def convert_centerface(source: bytes) -> bytes:
    """Make batch and sides free, fold what can be folded, and let the graph read RGB bytes.

    Input `picture`: uint8, N x H x W x 3, RGB; H and W multiples of 32.
    Outputs `heatmap` (0 to 1), `scale`, `offset`, `landmarks`: float32, N x 1 (2, 2, 10) x H/4 x W/4.
    """
    graph = read_onnx(source)
    fold_batch_norms(graph)
    _join_heads(graph)
    read_pictures(graph, "picture", "input.1")
    return write_onnx(
        graph,
        inputs=[Tensor("picture", np.uint8, ("N", "H", "W", 3))],
        outputs=[Tensor(name, np.float32, ("N", planes, "H/4", "W/4")) for name, planes in OUTPUTS.items()],
        name="centerface",
    )


def _join_heads(graph: Graph) -> None:
    """One convolution of 15 channels in place of four of 1, 2, 2 and 10, each of which costs as much."""
    heads = [node for node in graph.nodes if node.output in UPSTREAM_HEADS]
    heads.sort(key=lambda node: UPSTREAM_HEADS.index(node.output))
    graph.nodes = [node for node in graph.nodes if node.op != "Sigmoid"]
    stack_convolutions(graph, heads, heads[0].inputs[0], "heads")
    graph.weights["planes"] = np.array(list(OUTPUTS.values()))
    parts = ["heatmap_logit", *list(OUTPUTS)[1:]]
    graph.nodes.append(Node("Split", ["heads", "planes"], parts, {"axis": 1}))
    graph.add("Sigmoid", ["heatmap_logit"], "heatmap")
