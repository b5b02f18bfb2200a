"""PReLU with a slope per channel, in a form that onnxruntime runs fast.

onnxruntime's own PReLU takes most of a network's time: it can't be fused with a convolution, needs the plain
layout where convolutions use a blocked one, and broadcasts slowly. Here it becomes

    PReLU(x) = sign (relu(x') + bypass x')        x' = before x

with before = abs(1 - slope), sign = -1 where slope > 1 and 1 elsewhere, bypass = sign slope / before. Here
`before` goes into the convolution that gives x, `sign` into those that read the result, and the product with
`bypass` is a depthwise convolution of one weight per channel, to which onnxruntime fuses the sum: one pass
over memory for relu, one for the rest, both in the blocked layout.
"""

from __future__ import annotations

import numpy as np

from visavis.packs.convert.graph import Array, Graph, Node, scale_inputs, scale_outputs


def rewrite_prelus(graph: Graph) -> None:
    """Rewrite each PReLU behind a convolution.

    Args:
        graph: Changed in place. Nobody else may read what a PReLU reads, and where slopes above 1 occur only
            convolutions may read what it gives.
    """
    writers = {node.output: node for node in graph.nodes}
    for node in [node for node in graph.nodes if node.op == "PRelu"]:
        before, bypass, sign = prelu_terms(graph.weights[node.inputs[1]].ravel())
        scale_outputs(graph, writers[node.inputs[0]], before)
        if (sign < 0).any():
            for reader in graph.readers(node.output):
                scale_inputs(graph, reader, sign)
        place = graph.nodes.index(node)
        graph.nodes[place : place + 1] = _relu_and_bypass(graph, node, bypass)


def prelu_terms(slope: Array) -> tuple[Array, Array, Array]:
    """The three numbers per channel: before, bypass, sign; in float64."""
    # A slope of exactly 1 has no such form; its neighbour in float32 has, and gives the same numbers.
    slope = np.where(slope == 1, 1 - 2.0**-24, slope.astype(np.float64))
    before = np.abs(1 - slope)
    sign = np.where(slope > 1, -1.0, 1.0)
    return before, sign * slope / before, sign


def _relu_and_bypass(graph: Graph, node: Node, bypass: Array) -> list[Node]:
    source, output = node.inputs[0], node.output
    relu, linear, weight = (f"{output}.{part}" for part in ("relu", "bypass", "bypass_weight"))
    graph.weights[weight] = bypass.reshape(-1, 1, 1, 1).astype(np.float32)
    return [
        Node("Relu", [source], [relu]),
        Node("Conv", [source, weight], [linear], {"group": len(bypass), "kernel_shape": [1, 1]}),
        Node("Add", [linear, relu], [output]),
    ]
