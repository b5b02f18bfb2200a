"""A chain of convolutions with PReLU between them, in 8-bit integers from the first byte to the last product.

The network that comes in is a line: a constant taken off the picture, convolutions each with a PReLU of one
slope per channel, a flattened map and one Gemm. What goes out computes the same in integers, height x width x
channels throughout, which is the order of the picture's bytes and the one that integer convolutions want.

**PReLU** is max(u, slope u) where slope <= 1; above 1 it is -max(u, slope u) of u = -x, and the signs go into
the convolutions on either side. Here slope u is an integer convolution of one weight per channel with the
scale and zero point of u, so that the maximum can be taken over the bytes themselves.

**Activations** are unsigned bytes with one scale per tensor. PReLU doesn't care for a positive factor per
channel, so each channel is divided by its own range, the next convolution's weights are multiplied by it, and
all channels use all of the scale. The ranges were measured beforehand (`Ranges`).

**Weights** are signed bytes with one scale per output channel, as fine as they may be without a sum of two
products that exceeds 16 bits: x86 processors without VNNI add such pairs in 16 bits and saturate (Intel 64
manual, VPMADDUBSW). Held so, every processor gives the same integers. Depthwise convolutions aren't computed
that way and use the whole byte.

**Biases** make good for what rounding the weights does to the mean of each output, given the measured means
of its inputs (Nagel and others, arXiv:1906.04721, section 4.2).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from visavis.packs.convert.graph import MICROSOFT, Graph, Node, layer_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.packs.convert.graph import Array

WEIGHT_LIMIT = 127
PAIR_LIMIT = 127
"""The sum of two neighbouring weights' positive parts, and of their negative ones, before rounding, which
adds up to 1: 255 x 128 still fits into 16 bits."""

SLOPE_WEIGHT = 64
"""The integer that stands for every slope; the scale per channel makes it the slope exactly."""

HEADROOM = 1.1
"""Times what was measured, for faces that go beyond: without, those few lose most."""

NEGATIVE_PARTS = np.arange(1, 151) / 50
"""What the negative part of a tensor's range may be, as a multiple of the positive one."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """What was measured at one convolution, per channel.

    Attributes:
        low: The lowest output, before PReLU.
        high: The highest.
        mean: The mean after PReLU.
    """

    low: Array
    high: Array
    mean: Array


def read_ranges(name: str) -> dict[str, Ranges]:
    """The ranges that ship for a network, by the name of the convolution's output.

    `benchmarks/activation_ranges.py` measures them.
    """
    text = resources.files(__package__).joinpath(f"{name}_ranges.json").read_text(encoding="utf-8")
    return {
        tensor: Ranges(*(np.array(fields[part], np.float64) for part in ("low", "high", "mean")))
        for tensor, fields in json.loads(text)["tensors"].items()
    }


@dataclass(frozen=True, slots=True)
class _Layer:
    """What the float network says of a convolution and its PReLU, and what was measured of it."""

    weight: Array
    bias: Array
    slope: Array
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class _Bytes:
    """A tensor of unsigned bytes: the number that a byte q stands for is factor x scale x (q - zero point).

    Attributes:
        name: Of the value; `<name>.scale` and `<name>.zero` are its scale and zero point.
        scale: One for the tensor.
        factor: One per channel, and negative where the sign was turned.
        mean: Of scale x (q - zero point), per channel.
    """

    name: str
    scale: np.float32
    factor: Array
    mean: Array


def quantise(graph: Graph, ranges: Mapping[str, Ranges], *, picture: str) -> Graph:
    """Make the integer form of a chain.

    Args:
        graph: Sub, then Conv and PRelu in turns, Flatten, Gemm; the first reads the picture's planes.
        ranges: By the name of each convolution's output.
        picture: What to call the input: uint8, N x height x width x channels.

    Returns:
        A new graph. Its last value is float32 and has the name of the Gemm's.
    """
    (offset,) = (graph.weights[node.inputs[1]].item() for node in graph.nodes if node.op == "Sub")
    (gemm,) = (node for node in graph.nodes if node.op == "Gemm")
    layers = [node for node in graph.nodes if node.op == "Conv"]
    chain = Graph()
    value = _declare(chain, _Bytes(picture, np.float32(1), np.ones(()), np.zeros(())), zero=round(offset))
    # The zero point is the byte next to the offset. Only where the convolution pads does the rest show.
    rest = round(offset) - offset
    for layer in layers:
        (prelu,) = graph.readers(layer.output)
        weight, bias = layer_weights(graph, layer)
        bias, rest = bias + rest * weight.sum((1, 2, 3)), 0.0
        slope = graph.weights[prelu.inputs[1]].ravel().astype(np.float64)
        value = _add_layer(chain, value, layer, _Layer(weight, bias, slope, ranges[layer.output]))
    _add_product(chain, value, *layer_weights(graph, gemm), gemm.output)
    return chain


def _declare(chain: Graph, value: _Bytes, *, zero: int) -> _Bytes:
    chain.weights[f"{value.name}.scale"] = np.array(value.scale)
    chain.weights[f"{value.name}.zero"] = np.array(zero, np.uint8)
    return value


def _add_layer(chain: Graph, source: _Bytes, layer: Node, given: _Layer) -> _Bytes:
    """A convolution and its PReLU: three nodes."""
    name, slope = layer.output, given.slope
    depthwise = layer.attributes.get("group", 1) > 1
    sign = np.where(slope > 1, -1.0, 1.0)
    size, (low, high) = channel_sizes(slope, sign, given.ranges)
    scale = np.float32((high - low) / 255)
    factor = sign * size
    value = _Bytes(name, scale, factor, given.ranges.mean / factor)
    _declare(chain, value, zero=round(-low / float(scale)))

    # In the terms of the bytes: what comes in lacks its factor, what goes out loses its own.
    incoming = source.factor.reshape((-1, 1, 1, 1) if depthwise else (1, -1, 1, 1))
    weight = given.weight * incoming / factor.reshape(-1, 1, 1, 1)
    bias = given.bias / factor
    integers, scales = round_weights(weight, paired=not depthwise)
    lost = (weight - integers * scales.reshape(-1, 1, 1, 1)).sum((2, 3))
    mean = source.mean.reshape((-1, 1) if depthwise else (1, -1))
    bias = bias + (lost * mean).sum(1)
    chain.weights |= {
        f"{name}.weight": integers,
        f"{name}.weight_scale": scales,
        f"{name}.weight_zero": np.zeros(len(slope), np.int8),
        f"{name}.bias": np.rint(bias / (float(source.scale) * scales.astype(np.float64))).astype(np.int32),
        f"{name}.slope": (np.where(slope < 0, -1, 1) * SLOPE_WEIGHT).astype(np.int8).reshape(-1, 1, 1, 1),
        # A scale of zero is none.
        f"{name}.slope_scale": np.maximum(np.abs(slope) / SLOPE_WEIGHT, 1e-9).astype(np.float32),
    }
    linear, bent = f"{name}.linear", f"{name}.bent"
    ends = [f"{name}.scale", f"{name}.zero"]
    chain.nodes += [
        Node(
            "QLinearConv",
            [
                *(source.name, f"{source.name}.scale", f"{source.name}.zero"),
                *(f"{name}.weight", f"{name}.weight_scale", f"{name}.weight_zero"),
                *(*ends, f"{name}.bias"),
            ],
            [linear],
            layer.attributes | {"channels_last": 1},
            MICROSOFT,
        ),
        Node(
            "QLinearConv",
            [linear, *ends, f"{name}.slope", f"{name}.slope_scale", f"{name}.weight_zero", *ends],
            [bent],
            {"channels_last": 1, "group": len(slope), "kernel_shape": [1, 1]},
            MICROSOFT,
        ),
        Node("Max", [linear, bent], [name]),
    ]
    return value


def channel_sizes(slope: Array, sign: Array, ranges: Ranges) -> tuple[Array, tuple[float, float]]:
    """By what to divide each channel, and the range that all of them then share.

    That range is -t to 1. A channel that needs more than t below zero becomes smaller than it might be above
    zero: t is the one with which the steps of all channels are smallest, in the geometric mean.

    Args:
        slope: Of PReLU, per channel.
        sign: -1 where a channel's sign is turned.
        ranges: What was measured.
    """
    ends = np.stack([ranges.low, ranges.high]) * sign * HEADROOM
    after = np.maximum(ends, slope * ends)  # max(u, slope u) has its extremes at the ends of u, or at 0
    low = np.minimum(np.minimum(ends, after).min(0), 0)
    high = np.maximum(after.max(0), 1e-6)
    sizes = np.maximum(high, -low / NEGATIVE_PARTS[:, None])
    best = int(np.argmin(np.log(sizes).mean(1) + np.log1p(NEGATIVE_PARTS)))
    size = sizes[best]
    return size, (float((low / size).min()), float((high / size).max()))


def round_weights(weight: Array, *, paired: bool) -> tuple[Array, Array]:
    """Weights as signed bytes, and a scale for each output channel.

    Args:
        weight: Outputs x inputs x kernel.
        paired: Whether neighbours are added in 16 bits, in the order row, column, input.
    """
    rows = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)
    scale = np.abs(rows).max(1) / WEIGHT_LIMIT
    if paired:
        pairs = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2))).reshape(len(rows), -1, 2)
        for half in (pairs, -pairs):
            scale = np.maximum(scale, np.maximum(half, 0).sum(2).max(1) / PAIR_LIMIT)
    scale = np.maximum(scale, 1e-12).astype(np.float32)
    integers = np.rint(weight / scale.reshape(-1, 1, 1, 1).astype(np.float64))
    return np.clip(integers, -WEIGHT_LIMIT, WEIGHT_LIMIT).astype(np.int8), scale


def _add_product(chain: Graph, source: _Bytes, weight: Array, bias: Array, output: str) -> None:
    """The Gemm over the flattened map; its weights come in the order channel, row, column."""
    weight = weight.reshape(len(weight), len(source.factor), -1) * source.factor.reshape(1, -1, 1)
    integers, scales = round_weights(weight[..., None], paired=True)
    lost = (weight - integers[..., 0] * scales.reshape(-1, 1, 1)).sum(2)
    chain.weights |= {
        "flat": np.array([0, -1]),
        f"{output}.weight": integers[..., 0].transpose(2, 1, 0).reshape(-1, len(weight)),
        f"{output}.weight_scale": scales,
        f"{output}.weight_zero": np.zeros(len(weight), np.int8),
        f"{output}.bias": (bias + lost @ source.mean).astype(np.float32),
    }
    row = chain.add("Reshape", [source.name, "flat"], f"{source.name}.flat")
    product = [
        *(row, f"{output}.weight", f"{source.name}.scale", f"{output}.weight_scale"),
        *(f"{source.name}.zero", f"{output}.weight_zero", f"{output}.bias"),
    ]
    chain.nodes.append(Node("MatMulIntegerToFloat", product, [output], {}, MICROSOFT))
