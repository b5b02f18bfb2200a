from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from visavis.errors import PackError
from visavis.packs.convert.graph import (
    Graph,
    Node,
    Tensor,
    fold_batch_norms,
    fold_quantised_weights,
    read_onnx,
    read_pictures,
    stack_convolutions,
    write_onnx,
)

Array = NDArray[Any]
IMAGE = Tensor("x", np.float32, ("N", 4, "H", "W"))


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def run(graph: Graph, x: Array, *outputs: str, source: Tensor = IMAGE) -> list[Array]:
    content = write_onnx(
        graph,
        inputs=[source],
        outputs=[Tensor(name, np.float32, tuple(f"{name}{i}" for i in range(x.ndim))) for name in outputs],
        name="test",
    )
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return list(session.run(None, {source.name: x}))


# Taking apart


def tiny_model(**changes: Any) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones(3, np.float32), "w")
    node = helper.make_node("Mul", ["x", "w"], ["y"], domain=changes.get("domain", ""))
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "xy"]
    graph = helper.make_graph([node], "tiny", values[:1], values[1:], [weight])
    return helper.make_model(graph)


def with_weights_elsewhere() -> bytes:
    model = tiny_model()
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")
    return bytes(model.SerializeToString())


def with_too_few_bytes() -> bytes:
    model = tiny_model()
    model.graph.initializer[0].raw_data = b"\0\0"
    return bytes(model.SerializeToString())


def test_a_file_is_taken_apart() -> None:
    graph = read_onnx(tiny_model().SerializeToString())
    assert graph.nodes == [Node("Mul", ["x", "w"], ["y"])]
    assert graph.weights["w"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", "pack.damaged", id="empty"),
        pytest.param(b"<html>404</html>", "pack.damaged", id="not ONNX"),
        pytest.param(tiny_model().SerializeToString()[:-40], "pack.damaged", id="cut"),
        pytest.param(with_weights_elsewhere(), "pack.damaged", id="weights in another file"),
        pytest.param(with_too_few_bytes(), "pack.damaged", id="a weight of too few bytes"),
        pytest.param(tiny_model(domain="evil").SerializeToString(), "pack.damaged", id="foreign operator"),
    ],
)
def test_what_is_no_sound_file_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(PackError) as caught:
        read_onnx(content)
    assert caught.value.code == code


# Putting together


def test_the_written_file_is_bare_named_and_the_same_every_time() -> None:
    def write() -> bytes:
        graph = Graph()
        graph.weights = {
            "unused": normal(1000),
            "w": np.array([2], np.float32),
            "v": np.array([3], np.float32),
        }
        graph.add("Mul", ["x", "w"], "a")
        graph.add("Add", ["a", "v"], "b")
        return write_onnx(
            graph, inputs=[IMAGE], outputs=[Tensor("b", np.float32, ("N", 4, "H", "W"))], name="t"
        )

    content = write()
    assert content == write()
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert [node.name for node in model.graph.node] == ["a", "b"]
    assert [weight.name for weight in model.graph.initializer] == ["w", "v"]
    assert [value.name for value in model.graph.input] == ["x"]
    sides = model.graph.input[0].type.tensor_type.shape.dim
    assert [side.dim_param or side.dim_value for side in sides] == ["N", 4, "H", "W"]


def test_pictures_become_planes() -> None:
    graph = Graph()
    graph.weights["one"] = np.array([1], np.float32)
    graph.add("Add", ["planes", "one"], "y")
    read_pictures(graph, "picture", "planes")
    picture = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)
    (planes,) = run(graph, picture, "y", source=Tensor("picture", np.uint8, ("N", "H", "W", 3)))
    assert planes.dtype == np.float32
    assert np.array_equal(planes, picture.transpose(0, 3, 1, 2).astype(np.float32) + 1)


# Quantised weights: (q - zero point) x scale, by hand

Q = np.array([[1, 2, 3, -128], [5, 6, 7, 127]], np.int8)


@pytest.mark.parametrize(
    ("attributes", "scale", "zero_point", "expected"),
    [
        pytest.param(
            {"axis": 1, "block_size": 2},
            [[0.5, 2], [1, 4]],
            [[0, 1], [0, -1]],
            [[0.5, 1, 4, -258], [5, 6, 32, 512]],
            id="blocks of two columns",
        ),
        pytest.param(
            {"axis": 1, "block_size": 3},
            [[1, 10], [1, 10]],
            None,
            [[1, 2, 3, -1280], [5, 6, 7, 1270]],
            id="a last block that isn't full, and no zero point",
        ),
        pytest.param(
            {"axis": 0, "block_size": 2},
            [[1, 2, 3, 4]],
            [[0, 0, 0, 0]],
            [[1, 4, 9, -512], [5, 12, 21, 508]],
            id="blocks of two rows",
        ),
        pytest.param(
            {"axis": 1, "block_size": 64},
            [0.5],
            [1],
            [[0, 0.5, 1, -64.5], [2, 2.5, 3, 63]],
            id="one scale for all, and a block size",
        ),
        pytest.param(
            {"axis": 0},
            [1, 0.5],
            [0, 1],
            [[1, 2, 3, -128], [2, 2.5, 3, 63]],
            id="a scale for each row",
        ),
    ],
)
def test_quantised_weights_are_folded(
    attributes: dict[str, int], scale: Any, zero_point: Any, expected: Any
) -> None:
    graph = Graph(weights={"q": Q, "s": np.array(scale, np.float32), "shape": np.array([4, 2, 1, 1])})
    if zero_point is not None:
        graph.weights["z"] = np.array(zero_point, np.int8)
    graph.add("DequantizeLinear", ["q", "s", "z"][: len(graph.weights) - 1], "w", **attributes)
    graph.add("Reshape", ["w", "shape"], "kernel")
    graph.add("Conv", ["x", "kernel"], "y")
    fold_quantised_weights(graph)
    assert [node.op for node in graph.nodes] == ["Conv"]
    assert graph.weights["w"].dtype == np.float32
    assert graph.weights["w"].tolist() == expected
    assert graph.weights["kernel"].shape == (4, 2, 1, 1)
    assert graph.weights["kernel"].ravel().tolist() == np.ravel(expected).tolist()


def test_what_is_computed_while_running_is_not_folded() -> None:
    graph = Graph(weights={"s": np.array([1], np.float32), "shape": np.array([-1])})
    graph.add("DequantizeLinear", ["x", "s"], "y")
    graph.add("Reshape", ["y", "shape"], "z")
    fold_quantised_weights(graph)
    assert [node.op for node in graph.nodes] == ["DequantizeLinear", "Reshape"]


# Batch norms and stacked convolutions: the same numbers as before


def with_norm(op: str, shape: tuple[int, ...], *, bias: bool, **attributes: Any) -> Graph:
    graph = Graph(weights={"w": normal(*shape)})
    channels = shape[1] if op == "ConvTranspose" else shape[0]
    for seed, name in enumerate(("gamma", "beta", "mean")):
        graph.weights[name] = normal(channels, seed=seed + 1)
    graph.weights["variance"] = np.abs(normal(channels, seed=4)) + 0.1
    graph.weights["b"] = normal(channels, seed=5)
    graph.add(op, ["x", "w", "b"] if bias else ["x", "w"], "layer", **attributes)
    graph.add("BatchNormalization", ["layer", "gamma", "beta", "mean", "variance"], "y", epsilon=0.001)
    return graph


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("op", "shape", "attributes"),
    [
        ("Conv", (6, 4, 3, 3), {"pads": [1, 1, 1, 1]}),
        ("Conv", (4, 1, 3, 3), {"group": 4}),
        ("ConvTranspose", (4, 6, 2, 2), {"strides": [2, 2]}),
        ("Gemm", (6, 4), {"transB": 1}),
    ],
)
def test_batch_norms_are_folded(
    op: str, shape: tuple[int, ...], attributes: dict[str, Any], bias: bool
) -> None:
    x = normal(5, 4, seed=9) if op == "Gemm" else normal(2, 4, 5, 6, seed=9)
    source = Tensor("x", np.float32, tuple("NCHW"[: x.ndim]))
    (before,) = run(with_norm(op, shape, bias=bias, **attributes), x, "y", source=source)
    graph = with_norm(op, shape, bias=bias, **attributes)
    fold_batch_norms(graph)
    assert [node.op for node in graph.nodes] == [op]
    (after,) = run(graph, x, "y", source=source)
    np.testing.assert_allclose(after, before, atol=2e-5)


def test_a_batch_norm_stays_where_others_read_the_layer_too() -> None:
    graph = with_norm("Conv", (4, 4, 1, 1), bias=True)
    graph.add("Relu", ["layer"], "z")
    fold_batch_norms(graph)
    assert [node.op for node in graph.nodes] == ["Conv", "BatchNormalization", "Relu"]


def test_stacked_convolutions_compute_what_each_did() -> None:
    def heads() -> Graph:
        graph = Graph()
        for seed, (name, channels) in enumerate((("a", 1), ("b", 3))):
            graph.weights[f"{name}.w"] = normal(channels, 4, 1, 1, seed=seed)
            graph.weights[f"{name}.b"] = normal(channels, seed=seed + 10)
            graph.weights[f"{name}.w2"] = normal(channels, 1, 3, 3, seed=seed + 20)
            graph.add("Conv", ["x", f"{name}.w", f"{name}.b"], f"{name}1", group=1, kernel_shape=[1, 1])
            graph.add(
                "Conv", [f"{name}1", f"{name}.w2"], name, group=channels, kernel_shape=[3, 3], pads=[1] * 4
            )
        return graph

    x = normal(2, 4, 5, 6)
    a, b = run(heads(), x, "a", "b")
    graph = heads()
    a1, a2, b1, b2 = graph.nodes
    stack = stack_convolutions(graph, [a1, b1], "x", "stack1")
    stack_convolutions(graph, [a2, b2], stack, "stack2")
    assert len(graph.nodes) == 2
    (both,) = run(graph, x, "stack2")
    np.testing.assert_allclose(both, np.concatenate([a, b], axis=1), atol=1e-6)
