from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from visavis.packs.convert.graph import Graph, Tensor, write_onnx
from visavis.packs.convert.prelu import prelu_terms, rewrite_prelus

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLOPES = np.array([-0.7, -1, 0, 1e-7, 0.25, 0.999, 1, 1.001, 1.5, 30], np.float32)


def network(*, depthwise: bool) -> Graph:
    """Convolution, PReLU, and a convolution that reads it; then both again."""
    rng = np.random.default_rng(7)
    channels = len(SLOPES)
    graph = Graph()
    source = "x"
    for index in range(2):
        graph.weights[f"w{index}"] = rng.normal(size=(channels, channels, 1, 1)).astype(np.float32)
        graph.weights[f"b{index}"] = rng.normal(size=channels).astype(np.float32)
        graph.weights[f"s{index}"] = np.roll(SLOPES, index).reshape(-1, 1, 1)
        graph.add("Conv", [source, f"w{index}", f"b{index}"], f"conv{index}", kernel_shape=[1, 1])
        source = graph.add("PRelu", [f"conv{index}", f"s{index}"], f"prelu{index}")
    side = 1 if depthwise else channels
    graph.weights["last"] = rng.normal(size=(channels, side, 3, 3)).astype(np.float32)
    graph.add("Conv", [source, "last"], "y", group=channels // side, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    return graph


def run(graph: Graph, x: NDArray[Any]) -> NDArray[Any]:
    shape = ("N", len(SLOPES), "H", "W")
    content = write_onnx(
        graph,
        inputs=[Tensor("x", np.float32, shape)],
        outputs=[Tensor("y", np.float32, shape)],
        name="test",
    )
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    result: NDArray[Any] = session.run(None, {"x": x})[0]
    return result


@pytest.mark.parametrize("depthwise", [True, False])
def test_the_rewritten_network_gives_the_same_numbers(depthwise: bool) -> None:
    x = np.random.default_rng(8).normal(size=(3, len(SLOPES), 6, 5)).astype(np.float32)
    before = run(network(depthwise=depthwise), x)
    graph = network(depthwise=depthwise)
    rewrite_prelus(graph)
    assert "PRelu" not in {node.op for node in graph.nodes}
    after = run(graph, x)
    assert np.abs(after - before).max() < 3e-6 * np.abs(before).max()


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("x", [-3.0, -0.001, 0.0, 0.5, 4.0])
def test_the_three_terms_are_prelu(slope: float, x: float) -> None:
    (before,), (bypass,), (sign,) = prelu_terms(np.array([slope], np.float32))
    scaled = before * x
    assert sign * (max(scaled, 0) + bypass * scaled) == pytest.approx(x if x > 0 else slope * x, rel=1e-6)
    assert before > 0
