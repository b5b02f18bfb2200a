"""Integer networks on a small chain: the arithmetic bit for bit, and how near it is to the float one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from visavis.packs.convert.graph import Graph, Tensor, read_pictures, write_onnx
from visavis.packs.convert.quantise import Ranges, channel_sizes, quantise, read_ranges, round_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

Array = NDArray[Any]

SIDE = 6
MEAN = 127.5
SLOPES = np.array([-0.7, 0, 0.01, 0.3, 1, 1.2, 4, 0.25])


def run(model: bytes, chips: Array, *outputs: str) -> list[Array]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return list(session.run(list(outputs) or None, {"chip": chips}))


# A small chain


def small_chain() -> Graph:
    """Three kinds of convolution, as SFace has them, and a Gemm."""
    rng = np.random.default_rng(11)
    channels = len(SLOPES)
    graph = Graph(weights={"mean": np.array([MEAN], np.float32)})
    source = graph.add("Sub", ["data", "mean"], "centred")
    for index, (group, inputs, kernel, stride) in enumerate(
        [(1, 3, 3, 1), (channels, 1, 3, 2), (1, channels, 1, 1)]
    ):
        size = 0.02 if index == 0 else 1
        weight = rng.normal(size=(channels, inputs, kernel, kernel)) * size / np.sqrt(inputs * kernel**2)
        graph.weights[f"w{index}"] = weight.astype(np.float32)
        graph.weights[f"b{index}"] = rng.normal(size=channels).astype(np.float32) / 4
        graph.weights[f"s{index}"] = np.roll(SLOPES, index).reshape(-1, 1, 1).astype(np.float32)
        attributes = {"kernel_shape": [kernel] * 2, "pads": [kernel // 2] * 4, "strides": [stride] * 2}
        graph.add("Conv", [source, f"w{index}", f"b{index}"], f"conv{index}", group=group, **attributes)
        source = graph.add("PRelu", [f"conv{index}", f"s{index}"], f"prelu{index}")
    graph.weights["wg"] = rng.normal(size=(5, channels * 9)).astype(np.float32)
    graph.weights["bg"] = rng.normal(size=5).astype(np.float32)
    graph.add("Flatten", [source], "flat")
    graph.add("Gemm", ["flat", "wg", "bg"], "template", transB=1)
    return graph


def chips(count: int) -> Array:
    """Smooth enough that the first layer doesn't see noise alone."""
    coarse = np.random.default_rng(12).integers(0, 256, (count, SIDE // 2, SIDE // 2, 3), np.uint8)
    return coarse.repeat(2, 1).repeat(2, 2)


def write(graph: Graph, outputs: list[Tensor]) -> bytes:
    picture = Tensor("chip", np.uint8, ("N", SIDE, SIDE, 3))
    return write_onnx(graph, inputs=[picture], outputs=outputs, name="test")


def planes(name: str, dtype: type[np.generic] = np.float32) -> Tensor:
    return Tensor(name, dtype, tuple(f"{name}_{side}" for side in range(4)))


TEMPLATE = Tensor("template", np.float32, ("N", 5))


def float_values(*names: str) -> list[Array]:
    graph = small_chain()
    read_pictures(graph, "chip", "data")
    return run(write(graph, [TEMPLATE, *map(planes, names)]), chips(200))


def measured() -> dict[str, Ranges]:
    values = float_values(*(f"{kind}{index}" for index in range(3) for kind in ("conv", "prelu")))[1:]
    return {
        f"conv{index}": Ranges(linear.min((0, 2, 3)), linear.max((0, 2, 3)), bent.mean((0, 2, 3)))
        for index, (linear, bent) in enumerate(zip(values[::2], values[1::2], strict=True))
    }


def small_integer_chain() -> Graph:
    return quantise(small_chain(), measured(), picture="chip")


def computed(graph: Graph, picture: Array) -> dict[str, Array]:
    """Every value of an integer chain by the operators' definitions, in numbers as wide as it takes."""
    values: dict[str, Any] = {**graph.weights, "chip": picture}
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        match node.op:
            case "QLinearConv":
                values[node.output] = qlinear_conv(*inputs, attributes=node.attributes)
            case "Max":
                values[node.output] = np.maximum(*inputs)
            case "Reshape":
                values[node.output] = inputs[0].reshape(len(inputs[0]), -1)
            case "MatMulIntegerToFloat":
                a, b, a_scale, b_scale, a_zero, _, bias = inputs
                product = (a.astype(np.int64) - int(a_zero)) @ b.astype(np.int64)
                values[node.output] = product.astype(np.float32) * (a_scale * b_scale) + bias
            case _:
                pytest.fail(f"{node.op} doesn't belong here")
    return values


def qlinear_conv(
    x: Array,
    x_scale: Array,
    x_zero: Array,
    weight: Array,
    weight_scale: Array,
    weight_zero: Array,
    y_scale: Array,
    y_zero: Array,
    bias: Array | None = None,
    *,
    attributes: Mapping[str, Any],
) -> Array:
    """ONNX's QLinearConv over N x height x width x channels; the factor is float32, as in onnxruntime."""
    assert not weight_zero.any()
    (kernel, _), stride = weight.shape[2:], attributes.get("strides", [1])[0]
    pad = attributes.get("pads", [0])[0]
    padded = np.pad(x.astype(np.int64) - int(x_zero), ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    sides = [(padded.shape[axis] - kernel) // stride + 1 for axis in (1, 2)]
    total = np.zeros((len(x), *sides, len(weight)), np.int64)
    for row, column in itertools.product(range(kernel), repeat=2):
        part = padded[:, row:, column:][:, : sides[0] * stride : stride, : sides[1] * stride : stride]
        taps = weight[:, :, row, column].astype(np.int64)
        total += part * taps[:, 0] if attributes.get("group", 1) > 1 else part @ taps.T
    total += 0 if bias is None else bias.astype(np.int64)
    factor = (x_scale * weight_scale / y_scale).astype(np.float32)
    scaled = np.rint(total.astype(np.float32) * factor).astype(np.int64)
    result: Array = np.clip(scaled + int(y_zero), 0, 255).astype(np.uint8)
    return result


def test_onnxruntime_computes_the_integers_that_the_definitions_give() -> None:
    graph = small_integer_chain()
    names = [node.output for node in graph.nodes if node.op in {"QLinearConv", "Max"}]
    model = write(graph, [TEMPLATE, *(planes(name, np.uint8) for name in names)])
    expected = computed(graph, chips(50))
    template, *found = run(model, chips(50))
    for name, value in zip(names, found, strict=True):
        assert np.array_equal(value, expected[name]), name
        assert len(np.unique(value)) > 100, f"{name} hardly uses its bytes"
    np.testing.assert_allclose(template, expected["template"], rtol=1e-5, atol=1e-6)


def test_the_integer_chain_is_near_the_float_one() -> None:
    (expected,) = float_values()
    (found,) = run(write(small_integer_chain(), [TEMPLATE]), chips(200))
    signal = expected.std(0)
    assert (np.abs(found - expected).mean(0) < 0.05 * signal).all()
    assert (np.abs((found - expected).mean(0)) < 0.015 * signal).all(), "the mean is off"


def test_the_half_between_offset_and_zero_point_is_kept() -> None:
    """127.5 is taken off the picture, and no byte is 127.5."""
    graph = small_integer_chain()
    _, expected = float_values("prelu0")
    _, found = run(write(graph, [TEMPLATE, planes("conv0", np.uint8)]), chips(200))
    sign = np.where(SLOPES > 1, -1, 1)
    size, _ = channel_sizes(SLOPES, sign, measured()["conv0"])
    scale, zero = graph.weights["conv0.scale"], int(graph.weights["conv0.zero"])
    value = (found.transpose(0, 3, 1, 2).astype(int) - zero) * float(scale)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    error = (value - expected * (sign / size).reshape(-1, 1, 1))[inner].mean((0, 2, 3))
    half = np.abs(small_chain().weights["w0"].sum((1, 2, 3))) / size / 2
    assert half.max() > 0.2 * scale, "too little to see"
    assert np.abs(error).max() < 0.1 * scale


def test_the_measured_mean_is_kept() -> None:
    """Rounded weights move the mean of an output; the bias takes it back."""
    ranges = measured()
    blind = {name: Ranges(each.low, each.high, np.zeros_like(each.mean)) for name, each in ranges.items()}
    (expected,) = float_values()
    errors = []
    for given in (ranges, blind):
        (found,) = run(write(quantise(small_chain(), given, picture="chip"), [TEMPLATE]), chips(200))
        errors.append(np.abs((found - expected).mean(0)).mean())
    assert errors[0] < errors[1] / 2


# The parts


def test_no_pair_of_weights_saturates_16_bits() -> None:
    weight = np.random.default_rng(13).normal(size=(64, 3, 3, 3))
    weight[0, :, 0, 0] = 1  # the worst: neighbours that are largest
    integers, scale = round_weights(weight, paired=True)
    rows = np.pad(integers.astype(int).transpose(0, 2, 3, 1).reshape(64, -1), ((0, 0), (0, 1)))
    pairs = rows.reshape(64, -1, 2)
    for half in (pairs, -pairs):
        sums = np.maximum(half, 0).sum(2)
        assert 255 * sums.max() < 2**15
    assert np.abs(integers).max(axis=(1, 2, 3)).min() >= 63, "no less than 7 bits"
    assert np.abs(weight - integers * scale.reshape(-1, 1, 1, 1)).max() <= 0.5001 * scale.max()


def test_weights_that_stand_alone_use_the_whole_byte() -> None:
    weight = np.random.default_rng(14).normal(size=(64, 1, 3, 3))
    integers, scale = round_weights(weight, paired=False)
    assert (np.abs(integers).max(axis=(1, 2, 3)) == 127).all()
    steps = scale.reshape(-1, 1, 1, 1)
    assert (np.abs(weight - integers * steps) <= 0.5001 * steps).all()


def test_a_channel_without_weights_stays_finite() -> None:
    integers, scale = round_weights(np.zeros((2, 3, 1, 1)), paired=True)
    assert not integers.any()
    assert (scale > 0).all()


@pytest.mark.parametrize("slope", [-0.5, 0.0, 0.2, 1.0, 1.5, 3.0])
@pytest.mark.parametrize(("low", "high"), [(-2.0, 3.0), (-5.0, 0.2), (0.1, 4.0), (-3.0, -1.0)])
def test_the_shared_range_holds_what_was_measured(slope: float, low: float, high: float) -> None:
    """Both of u wherever u is below zero and of PReLU everywhere, for each of two channels."""
    slopes = np.array([slope, 0.25])
    sign = np.where(slopes > 1, -1.0, 1.0)
    ranges = Ranges(np.array([low, -1.0]), np.array([high, 1.0]), np.zeros(2))
    size, (lowest, highest) = channel_sizes(slopes, sign, ranges)
    for channel, (start, end) in enumerate([(low, high), (-1.0, 1.0)]):
        x = np.linspace(start, end, 101)
        u = sign[channel] * x / size[channel]
        bent = np.maximum(u, slopes[channel] * u)
        np.testing.assert_allclose(
            bent * sign[channel] * size[channel], np.where(x > 0, x, slopes[channel] * x), atol=1e-12
        )
        assert lowest <= 1.05 * min(u.min(), bent.min()) + 1e-9, "no headroom"
        assert highest >= 1.05 * bent.max() - 1e-9, "no headroom"


def test_the_shipped_ranges_are_whole() -> None:
    ranges = read_ranges("sface")
    assert len(ranges) == 27
    for name, each in ranges.items():
        assert each.low.shape == each.high.shape == each.mean.shape, name
        assert (each.low < each.high).all(), name
        assert (each.mean < each.high.clip(0) + np.abs(each.low)).all(), name
