"""SFace (2021dec): a recogniser of 128 numbers, published with int8 weights in blocks of 64 for one chip."""

from __future__ import annotations

import numpy as np

from visavis.packs.convert.graph import (
    Graph,
    Tensor,
    batch_norm_terms,
    fold_batch_norms,
    fold_quantised_weights,
    layer_weights,
    read_onnx,
    read_pictures,
    scale_inputs,
    set_layer_weights,
    write_onnx,
)
from visavis.packs.convert.prelu import rewrite_prelus
from visavis.packs.convert.quantise import quantise, read_ranges

CHIP_SIDE = 112
LENGTH = 128


def convert_sface(source: bytes) -> bytes:
    """Fold the weights to float32, make the batch free, and rewrite PReLU, which takes most of the time.

    Input `chip`: uint8, N x 112 x 112 x 3, RGB. Output `template`: float32, N x 128, not normalised.
    """
    graph = fold_sface(source)
    rewrite_prelus(graph)
    read_pictures(graph, "chip", "data")
    return _write(graph, "sface")


def convert_sface_int8(source: bytes) -> bytes:
    """The same network in 8-bit integers: near the float one, and more than twice as fast.

    Input and output are those of `convert_sface`.
    """
    return _write(quantise(fold_sface(source), read_ranges("sface"), picture="chip"), "sface-int8")


def fold_sface(source: bytes) -> Graph:
    """The network as a line of float32 layers: Sub, then Conv and PRelu in turns, Flatten, Gemm.

    It reads `data`, float32, N x 3 x 112 x 112, and gives `template`.
    """
    graph = read_onnx(source)
    fold_quantised_weights(graph)
    fold_batch_norms(graph)
    _fold_input_scale(graph)
    _fold_last_norm(graph)
    graph.rename("fc1", "template")
    return graph


def _write(graph: Graph, name: str) -> bytes:
    return write_onnx(
        graph,
        inputs=[Tensor("chip", np.uint8, ("N", CHIP_SIDE, CHIP_SIDE, 3))],
        outputs=[Tensor("template", np.float32, ("N", LENGTH))],
        name=name,
    )


def _fold_input_scale(graph: Graph) -> None:
    """The network reads (x - mean) scale. The scale goes into the first layer; the mean can't: that pads."""
    (mul,) = (node for node in graph.nodes if node.op == "Mul")
    (first,) = graph.readers(mul.output)
    scale_inputs(graph, first, np.repeat(graph.weights[mul.inputs[1]], 3))
    first.inputs[0] = mul.inputs[0]
    graph.nodes.remove(mul)


def _fold_last_norm(graph: Graph) -> None:
    """The last map is normalised, dropped out (idle outside training), laid flat and multiplied."""
    (norm,) = (node for node in graph.nodes if node.op == "BatchNormalization")
    (flatten,) = (node for node in graph.nodes if node.op == "Flatten")
    (gemm,) = graph.readers(flatten.output)
    weight, bias = layer_weights(graph, gemm)
    scale, shift = (np.repeat(term, weight.shape[1] // len(term)) for term in batch_norm_terms(graph, norm))
    set_layer_weights(graph, gemm, weight * scale, bias + weight @ shift)
    flatten.inputs = [norm.inputs[0]]
    graph.nodes = [
        node for node in graph.nodes if node is not norm and node.op not in {"Constant", "Dropout"}
    ]
