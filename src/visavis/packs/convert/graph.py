"""An ONNX graph taken apart for editing, and put together again as the same bytes every time.

onnx's own classes are awkward to edit: weights are packed, nodes are protocol messages without identity. Here
a network is a list of nodes in order and a dictionary of numpy arrays; conversions are functions over both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from visavis.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OPSET = 20
"""Every converted graph speaks this version of the operators: the first with `Gelu`."""

IR_VERSION = 9
"""The container version that goes with opset 20; older onnxruntimes refuse newer ones."""

MICROSOFT = "com.microsoft"
"""The domain of the operators that onnxruntime has beside ONNX's own."""

Array = NDArray[Any]
Side = int | str
"""A dimension: fixed, or the name of one that the caller chooses."""


@dataclass(slots=True)
class Node:
    """One operation.

    Attributes:
        op: Operator, as ONNX calls it.
        inputs: Names of what it reads, in order; `""` stands for an optional input left out.
        outputs: Names of what it writes.
        attributes: Its attributes as Python values.
        domain: Whose operator it is; `""` is ONNX.
    """

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    domain: str = ""

    @property
    def output(self) -> str:
        """The first output, the only one that the networks here have."""
        return self.outputs[0]


@dataclass(slots=True)
class Tensor:
    """An input or output of a network: name, element type (numpy's) and shape."""

    name: str
    dtype: type[np.generic]
    shape: tuple[Side, ...]


@dataclass(slots=True)
class Graph:
    """A network: nodes in an order in which they can run, and the weights they read, by name."""

    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, Array] = field(default_factory=dict)

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        """Append a node with one output and return the output's name."""
        self.nodes.append(Node(op, list(inputs), [output], dict(attributes)))
        return output

    def readers(self, name: str) -> Iterator[Node]:
        """The nodes that read a value."""
        return (node for node in self.nodes if name in node.inputs)

    def rename(self, old: str, new: str) -> None:
        """Give a value another name wherever it is written or read."""
        for node in self.nodes:
            node.inputs = [new if name == old else name for name in node.inputs]
            node.outputs = [new if name == old else name for name in node.outputs]


def read_onnx(source: bytes) -> Graph:
    """Take an ONNX file apart.

    Args:
        source: The file's bytes; every weight must lie inside.

    Returns:
        The graph. What the file says about shapes is dropped: `write_onnx` is told anew.

    Raises:
        PackError: `pack.damaged` if the bytes are no ONNX file, or one whose weights lie outside of it.
    """
    try:
        model = onnx.load_model_from_string(source)
    except (DecodeError, ValueError) as error:
        raise PackError("pack.damaged", "the weight file is not a readable ONNX file") from error
    if not model.graph.node:
        raise PackError("pack.damaged", "the weight file holds no network")
    foreign = [node.domain for node in model.graph.node if node.domain]
    if foreign:
        raise PackError("pack.damaged", "the weight file uses operators beside ONNX's own", found=foreign[0])
    outside = [w.name for w in model.graph.initializer if w.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise PackError("pack.damaged", "the weight file keeps weights elsewhere", found=outside[0])
    try:
        return Graph(
            nodes=[_read_node(node) for node in model.graph.node],
            weights={weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer},
        )
    except (TypeError, ValueError, KeyError) as error:
        raise PackError("pack.damaged", "the weight file holds a damaged tensor") from error


def _read_node(node: onnx.NodeProto) -> Node:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return Node(node.op_type, list(node.input), list(node.output), attributes)


def write_onnx(graph: Graph, *, inputs: Sequence[Tensor], outputs: Sequence[Tensor], name: str) -> bytes:
    """Put a graph together as an ONNX file: the same graph gives the same bytes.

    Weights that no node reads are left out, and each node gets the name of its output: quantisers and
    profilers can't tell unnamed nodes apart.
    """
    used = {name for node in graph.nodes for name in node.inputs}
    opsets = [helper.make_opsetid("", OPSET)]
    if any(node.domain == MICROSOFT for node in graph.nodes):
        opsets.append(helper.make_opsetid(MICROSOFT, 1))
    model = helper.make_model(
        helper.make_graph(
            [_write_node(node) for node in graph.nodes],
            name,
            [_declare(tensor) for tensor in inputs],
            [_declare(tensor) for tensor in outputs],
            [
                numpy_helper.from_array(np.ascontiguousarray(array), key)
                for key, array in graph.weights.items()
                if key in used
            ],
        ),
        opset_imports=opsets,
        ir_version=IR_VERSION,
        producer_name="visavis",
    )
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _write_node(node: Node) -> onnx.NodeProto:
    return helper.make_node(
        node.op, node.inputs, node.outputs, name=node.output, domain=node.domain, **node.attributes
    )


def _declare(tensor: Tensor) -> onnx.ValueInfoProto:
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
    return helper.make_tensor_value_info(tensor.name, dtype, tensor.shape)


def read_pictures(graph: Graph, picture: str, planes: str) -> None:
    """Let a graph of float32 planes, N x 3 x H x W, read pictures as they are: uint8, N x H x W x 3.

    The steps cost what numpy takes for the same (0.06 ms at 256 x 256).

    Args:
        graph: Changed in place.
        picture: Name of the input that the converted network has.
        planes: Name of the input that the network had before.
    """
    front = [
        Node("Transpose", [picture], [f"{planes}_bytes"], {"perm": [0, 3, 1, 2]}),
        Node("Cast", [f"{planes}_bytes"], [planes], {"to": int(onnx.TensorProto.FLOAT)}),
    ]
    graph.nodes[:0] = front


def fold_quantised_weights(graph: Graph) -> None:
    """Replace each DequantizeLinear of stored weights, and a Reshape behind it, by the float32 weights.

    onnxruntime refuses some of the forms that the published files use (one scale for a whole tensor together
    with a block size), and reads the others slowly.
    """
    remaining = []
    for node in graph.nodes:
        if node.op == "DequantizeLinear" and node.inputs[0] in graph.weights:
            graph.weights[node.output] = _dequantise(node, graph.weights)
        elif node.op == "Reshape" and set(node.inputs) <= graph.weights.keys():
            array, shape = (graph.weights[name] for name in node.inputs)
            graph.weights[node.output] = array.reshape(shape)
        else:
            remaining.append(node)
    graph.nodes = remaining


def _dequantise(node: Node, weights: Mapping[str, Array]) -> Array:
    """(q - zero point) x scale, each pair spread over its block along the axis; sums are exact in float32."""
    quantised = weights[node.inputs[0]]
    scale = weights[node.inputs[1]]
    zero_point = weights[node.inputs[2]] if len(node.inputs) > 2 else np.zeros_like(scale, np.int8)
    axis = node.attributes.get("axis", 1)
    block = node.attributes.get("block_size", 0)
    scale, zero_point = (_spread(array, quantised.shape, axis, block) for array in (scale, zero_point))
    return ((quantised.astype(np.int32) - zero_point.astype(np.int32)) * scale).astype(np.float32)


def _spread(array: Array, shape: tuple[int, ...], axis: int, block: int) -> Array:
    """A scale (or zero point) for each element, given one for all, one per index of the axis or per block."""
    if array.size == 1:
        return np.broadcast_to(array.reshape(()), shape)
    if not block:
        across = [1] * len(shape)
        across[axis] = -1
        return np.broadcast_to(array.reshape(across), shape)
    repeated = np.repeat(array, block, axis)
    return repeated.take(range(shape[axis]), axis)


def fold_batch_norms(graph: Graph) -> None:
    """Fold every BatchNormalization into the Conv, ConvTranspose or Gemm that nobody else reads."""
    writers = {node.output: node for node in graph.nodes}
    reads = Counter(name for node in graph.nodes for name in node.inputs)
    for norm in [node for node in graph.nodes if node.op == "BatchNormalization"]:
        layer = writers.get(norm.inputs[0])
        if layer is None or layer.op not in _OUTPUT_AXIS or reads[layer.output] > 1:
            continue
        scale_outputs(graph, layer, *batch_norm_terms(graph, norm))
        layer.outputs = norm.outputs
        graph.nodes.remove(norm)


def batch_norm_terms(graph: Graph, norm: Node) -> tuple[Array, Array]:
    """A BatchNormalization as y = scale x + shift: the two, one number per channel, in float64."""
    gamma, beta, mean, variance = (graph.weights[name].astype(np.float64) for name in norm.inputs[1:5])
    scale = gamma / np.sqrt(variance + norm.attributes.get("epsilon", 1e-5))
    return scale, beta - mean * scale


_OUTPUT_AXIS = {"Conv": 0, "Gemm": 0, "ConvTranspose": 1}
"""Where a layer's weights count its output channels (a Gemm with transB, a ConvTranspose in one group)."""


def scale_outputs(graph: Graph, layer: Node, scale: Array, shift: Array | None = None) -> None:
    """Make a layer compute scale x (what it did) + shift, both per output channel."""
    weight, bias = layer_weights(graph, layer)
    across = np.ones(weight.ndim, np.int64)
    across[_OUTPUT_AXIS[layer.op]] = -1
    bias = bias * scale + (0 if shift is None else shift)
    set_layer_weights(graph, layer, weight * scale.reshape(across), bias)


def scale_inputs(graph: Graph, layer: Node, scale: Array) -> None:
    """Make a Conv compute what it did of scale x its input, per input channel."""
    weight, bias = layer_weights(graph, layer)
    depthwise = layer.attributes.get("group", 1) == len(scale)
    across = (-1, 1, 1, 1) if depthwise else (1, -1, 1, 1)
    set_layer_weights(graph, layer, weight * scale.reshape(across), bias)


def layer_weights(graph: Graph, layer: Node) -> tuple[Array, Array]:
    """A layer's weights and bias in float64; no bias counts as zeros."""
    weight = graph.weights[layer.inputs[1]].astype(np.float64)
    if len(layer.inputs) > 2:
        return weight, graph.weights[layer.inputs[2]].astype(np.float64)
    return weight, np.zeros(weight.shape[_OUTPUT_AXIS[layer.op]])


def set_layer_weights(graph: Graph, layer: Node, weight: Array, bias: Array) -> None:
    """Give a layer weights and a bias of its own, in float32."""
    layer.inputs[1:] = [f"{layer.output}.weight", f"{layer.output}.bias"]
    for name, array in zip(layer.inputs[1:], (weight, bias), strict=True):
        graph.weights[name] = array.astype(np.float32)


def stack_convolutions(graph: Graph, layers: Sequence[Node], source: str, output: str) -> str:
    """Take out several convolutions of one kernel and put in one that computes all their channels.

    Args:
        graph: Changed in place; the new node comes last, so what the old ones gave must be rebuilt from it.
        layers: Convolutions of one value, or depthwise ones of the channels of a stack.
        source: What the new one reads.
        output: What the new one writes: the layers' channels one after another.
    """
    weights, biases = zip(*(layer_weights(graph, layer) for layer in layers), strict=True)
    depthwise = all(weight.shape[1] == 1 for weight in weights)
    for layer in layers:
        graph.nodes.remove(layer)
    channels = sum(map(len, weights))
    node = Node("Conv", [source], [output], layers[0].attributes | {"group": channels if depthwise else 1})
    graph.nodes.append(node)
    set_layer_weights(graph, node, np.concatenate(weights), np.concatenate(biases))
    return output
