"""PP-OCRv6 small: a network that finds text and one that reads a line of it, published for BGR floats.

Both are exports of an older version of ONNX's operators, full of steps that do nothing. The one that reads
knows 18,708 characters; the machine-readable zone of a document has 37 (ICAO Doc 9303-3, 4.3).
"""

from __future__ import annotations

import numpy as np
import onnx

from visavis.packs.convert.graph import (
    Graph,
    Node,
    Tensor,
    fold_batch_norms,
    layer_weights,
    read_onnx,
    read_pictures,
    scale_inputs,
    set_layer_weights,
    write_onnx,
)

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
"""What the converted recogniser reads, in the order of its classes; class 0 is the blank before them."""

LINE_HEIGHT = 48
MEAN = SPREAD = 127.5  # upstream reads (x / 255 - 0.5) / 0.5


def convert_text_detector(source: bytes) -> bytes:
    """Let the graph read RGB bytes, and clear it of what does nothing.

    Input `picture`: uint8, N x H x W x 3, RGB; H and W multiples of 32.
    Output `text`: float32, N x 1 x H x W, 0 to 1: whether a pixel belongs to the middle of a line.
    """
    graph = _read(source)
    return write_onnx(
        graph,
        inputs=[Tensor("picture", np.uint8, ("N", "H", "W", 3))],
        outputs=[Tensor("text", np.float32, ("N", 1, "H", "W"))],
        name="text-detector",
    )


def convert_text_recogniser(source: bytes) -> bytes:
    """The same for the reader, whose last layer keeps only the characters of machine-readable zones.

    Input `line`: uint8, N x 48 x W x 3, RGB; W a multiple of 8.
    Output `characters`: float32, N x W/8 x 38: probabilities of the blank and of `CHARACTERS`, from left to
    right, as connectionist temporal classification (Graves and others, 2006) needs them.
    """
    graph = _read(source)
    known = _known_characters(source)
    _keep_classes(graph, [0, *(known.index(character) + 1 for character in CHARACTERS)])
    graph.rename("picture", "line")
    graph.rename("text", "characters")
    return write_onnx(
        graph,
        inputs=[Tensor("line", np.uint8, ("N", LINE_HEIGHT, "W", 3))],
        outputs=[Tensor("characters", np.float32, ("N", "W/8", 1 + len(CHARACTERS)))],
        name="text-recogniser",
    )


def _known_characters(source: bytes) -> list[str]:
    """The alphabet that lies in the file beside the network, one character a line."""
    held = {entry.key: entry.value for entry in onnx.load_model_from_string(source).metadata_props}
    return str(held["character"]).split("\n")


def _read(source: bytes) -> Graph:
    graph = read_onnx(source)
    _drop_identities(graph)
    _fold_biases(graph)
    fold_batch_norms(graph)
    _update_operators(graph)
    graph.rename("fetch_name_0", "text")
    _read_rgb(graph)
    return graph


def _drop_identities(graph: Graph) -> None:
    for node in [node for node in graph.nodes if node.op == "Identity"]:
        graph.nodes.remove(node)
        if node.inputs[0] in graph.weights:
            graph.weights[node.output] = graph.weights[node.inputs[0]]
        elif node.output == "fetch_name_0":
            graph.rename(node.inputs[0], node.output)
        else:
            graph.rename(node.output, node.inputs[0])


def _fold_biases(graph: Graph) -> None:
    """An addition of one number per channel behind a convolution becomes the convolution's own bias."""
    for layer in [node for node in graph.nodes if node.op in {"Conv", "ConvTranspose"}]:
        after = list(graph.readers(layer.output))
        if len(after) != 1 or after[0].op != "Add" or after[0].inputs[1] not in graph.weights:
            continue
        weight, bias = layer_weights(graph, layer)
        added = graph.weights[after[0].inputs[1]]
        if added.shape != (1, len(bias), 1, 1):
            continue
        set_layer_weights(graph, layer, weight, bias + added.ravel())
        layer.outputs = after[0].outputs
        graph.nodes.remove(after[0])


def _update_operators(graph: Graph) -> None:
    """Since version 13 some operators take as an input what was an attribute of theirs."""
    for node in graph.nodes:
        if node.op in {"ReduceMean", "Squeeze", "Unsqueeze"}:
            axes = f"{node.output}.axes"
            graph.weights[axes] = np.array(node.attributes.pop("axes"), np.int64)
            node.inputs.append(axes)


def _read_rgb(graph: Graph) -> None:
    """Bytes in, the colours the other way round. The mean can't go into the first layer: that pads."""
    (first,) = graph.readers("x")
    graph.weights[first.inputs[1]] = graph.weights[first.inputs[1]][:, ::-1]
    scale_inputs(graph, first, np.full(3, 1 / SPREAD))
    graph.weights["mean"] = np.array(MEAN, np.float32)
    graph.nodes.insert(0, Node("Sub", ["planes", "mean"], ["x"]))
    read_pictures(graph, "picture", "planes")


def _keep_classes(graph: Graph, classes: list[int]) -> None:
    last = graph.nodes[-1]
    (add,) = (node for node in graph.nodes if node.output == last.inputs[0])
    (product,) = (node for node in graph.nodes if node.output == add.inputs[0])
    for name in (product.inputs[1], add.inputs[1]):
        graph.weights[name] = graph.weights[name][..., classes]
