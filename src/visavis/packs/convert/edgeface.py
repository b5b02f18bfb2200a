"""EdgeFace (xs_q, xxs_q): a recogniser of 512 numbers, published as a PyTorch state dict of an EdgeNeXt.

The file holds weights and no graph; the graph is written here, after arXiv 2206.10589 (EdgeNeXt) and
2307.01838 (EdgeFace). Between layers the values are *tokens*, a matrix of one row per position and one column
per channel, the positions of all chips one below the other: that is what layer norms and linear layers read.
Convolutions read *maps*, N x channels x side x side; onnxruntime joins the transposition between the two with
its own change of layout. A *grid*, N x side x side x channels, is the step between.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import onnx

from visavis.packs.convert.checkpoint import damaged, read_checkpoint
from visavis.packs.convert.graph import Array, Graph, Node, Tensor, write_onnx

if TYPE_CHECKING:
    from collections.abc import Mapping

CHIP_SIDE = 112
LENGTH = 512
HEADS = 4
EPSILON = 1e-6
STAGES = 4


def convert_edgeface(source: bytes) -> bytes:
    """Write the graph of the network whose weights the file holds.

    Input `chip`: uint8, N x 112 x 112 x 3, RGB. Output `template`: float32, N x 512, not normalised.
    """
    tensors = {name.removeprefix("model."): tensor for name, tensor in read_checkpoint(source).items()}
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    missing = [name for name in ("stem.0.weight", "head.fc.weight") if name not in weights]
    if missing:
        damaged("the checkpoint holds another network", expected=missing[0])
    return write_onnx(
        _Writer(weights).write(),
        inputs=[Tensor("chip", np.uint8, ("N", CHIP_SIDE, CHIP_SIDE, 3))],
        outputs=[Tensor("template", np.float32, ("N", LENGTH))],
        name="edgeface",
    )


class _Writer:
    """Writes the graph, first layer to last; `side` and `width` say what the tokens are just now."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.graph = Graph()
        self.side = CHIP_SIDE // 4
        self.width = len(weights["stem.0.bias"])

    def write(self) -> Graph:
        tokens = self.stem()
        for stage in range(STAGES):
            if stage > 0:
                tokens = self.downsample(f"stages.{stage}.downsample", tokens)
            depth = sum(
                name.startswith(f"stages.{stage}.") and name.endswith(".gamma") for name in self.weights
            )
            for index in range(depth):
                block = f"stages.{stage}.blocks.{index}"
                split = f"{block}.xca.temperature" in self.weights
                tokens = self.attention_block(block, tokens) if split else self.conv_block(block, tokens)
        self.head(tokens)
        return self.graph

    # The parts of the network, in the order in which they come.

    def stem(self) -> str:
        """(v - 127.5) / 127.5 and the first convolution in one: nothing is padded, so both fold."""
        self.graph.add("Transpose", ["chip"], "planes_bytes", perm=[0, 3, 1, 2])
        self.graph.add("Cast", ["planes_bytes"], "planes", to=int(onnx.TensorProto.FLOAT))
        weight, bias = self.weights["stem.0.weight"], self.weights["stem.0.bias"]
        bias = bias - weight.sum(axis=(1, 2, 3))
        tokens = self.to_tokens(self.conv("stem.0", "planes", weight / 127.5, bias, strides=[4, 4]))
        return self.layer_norm("stem.1", tokens)

    def downsample(self, name: str, tokens: str) -> str:
        """A norm, then a convolution of 2 x 2 with stride 2, which drops an odd map's last row and column."""
        planes = self.to_map(self.layer_norm(f"{name}.0", tokens))
        weight, bias = self.weights[f"{name}.1.weight"], self.weights[f"{name}.1.bias"]
        self.side, self.width = self.side // 2, len(bias)
        return self.to_tokens(self.conv(f"{name}.1", planes, weight, bias, strides=[2, 2]))

    def conv_block(self, name: str, tokens: str) -> str:
        """Give x + gamma MLP(norm(depthwise convolution of x))."""
        inner = self.to_tokens(self.depthwise(f"{name}.conv_dw", self.to_map(tokens)))
        return self.mlp(name, self.layer_norm(f"{name}.norm", inner), shortcut=tokens)

    def attention_block(self, name: str, tokens: str) -> str:
        """Split depthwise transpose attention: t is x mixed in parts, then t += gamma_xca XCA(norm(t)).

        The result is x + gamma MLP(norm(t)).
        """
        grid = self.to_grid(self.mix_in_parts(name, self.to_map(tokens)))
        if f"{name}.pos_embd.token_projection.weight" in self.weights:
            grid = self.add_positions(f"{name}.pos_embd.token_projection", grid)
        inner = self.flatten(grid)
        attended = self.cross_covariance(f"{name}.xca", self.layer_norm(f"{name}.norm_xca", inner))
        gamma = self.weights[f"{name}.gamma_xca"]
        attended = self.linear(f"{name}.xca.proj", attended, scale=gamma)
        inner = self.graph.add("Add", [inner, attended], f"{name}.attended")
        return self.mlp(name, self.layer_norm(f"{name}.norm", inner), shortcut=tokens)

    def head(self, tokens: str) -> None:
        """The mean over all positions, a norm, and the last linear layer."""
        shape = self.shape("positions", -1, self.side**2, self.width)
        self.graph.add("Reshape", [tokens, shape], "head.positions")
        self.graph.add(
            "ReduceMean", ["head.positions", self.shape("position_axis", 1)], "head.mean", keepdims=0
        )
        self.linear("head.fc", self.layer_norm("head.norm", "head.mean"), output="template")

    # What the blocks are made of.

    def mlp(self, name: str, tokens: str, *, shortcut: str) -> str:
        hidden = self.graph.add("Gelu", [self.linear(f"{name}.mlp.fc1", tokens)], f"{name}.mlp.gelu")
        result = self.linear(f"{name}.mlp.fc2", hidden, scale=self.weights[f"{name}.gamma"])
        return self.graph.add("Add", [shortcut, result], name)

    def mix_in_parts(self, name: str, planes: str) -> str:
        """Cut the channels into parts: each but the last is convolved, together with the result before it."""
        count = 1 + sum(f"{name}.convs.{index}.weight" in self.weights for index in range(STAGES))
        width = math.ceil(self.width / count)
        widths = [width] * (count - 1) + [self.width - width * (count - 1)]
        parts = [f"{name}.part.{index}" for index in range(count)]
        self.graph.nodes.append(
            Node("Split", [planes, self.shape(f"{name}.widths", *widths)], parts, {"axis": 1})
        )
        mixed: list[str] = []
        for index, part in enumerate(parts[:-1]):
            whole = self.graph.add("Add", [mixed[-1], part], f"{name}.sum.{index}") if mixed else part
            mixed.append(self.depthwise(f"{name}.convs.{index}", whole))
        return self.graph.add("Concat", [*mixed, parts[-1]], f"{name}.mixed", axis=1)

    def add_positions(self, name: str, grid: str) -> str:
        """Add the encoding of each position: a constant, for the side of a chip is fixed."""
        projection = self.weights[f"{name}.weight"][:, :, 0, 0]
        encoded = _encode_positions(self.side) @ projection.T + self.weights[f"{name}.bias"]
        value = self.store(name, encoded.reshape(self.side, self.side, self.width))
        return self.graph.add("Add", [grid, value], f"{name}.added")

    def cross_covariance(self, name: str, tokens: str) -> str:
        """Attention between channels: per head softmax(temperature q k^T) v, rows of q and k of length 1."""
        depth = self.width // HEADS
        rows = self.linear(f"{name}.qkv", tokens)
        rows = self.graph.add(
            "Reshape", [rows, self.shape(f"{name}.heads", -1, self.side**2, 3 * HEADS, depth)], f"{name}.rows"
        )
        rows = self.graph.add("Transpose", [rows], f"{name}.columns", perm=[0, 2, 3, 1])
        self.split_heads(rows, {f"{name}.qk": 2 * HEADS, f"{name}.v": HEADS})
        unit = self.graph.add("LpNormalization", [f"{name}.qk"], f"{name}.qk_unit", axis=-1, p=2)
        self.split_heads(unit, {f"{name}.q": HEADS, f"{name}.k": HEADS})
        keys = self.graph.add("Transpose", [f"{name}.k"], f"{name}.k_transposed", perm=[0, 1, 3, 2])
        scores = self.graph.add("MatMul", [f"{name}.q", keys], f"{name}.cosines")
        temperature = self.store(f"{name}.temperature", self.weights[f"{name}.temperature"])
        scores = self.graph.add("Mul", [scores, temperature], f"{name}.scores")
        scores = self.graph.add("Softmax", [scores], f"{name}.softmax", axis=-1)
        result = self.graph.add("MatMul", [scores, f"{name}.v"], f"{name}.sums")
        return self.flatten(self.graph.add("Transpose", [result], f"{name}.by_position", perm=[0, 3, 1, 2]))

    def split_heads(self, source: str, parts: Mapping[str, int]) -> None:
        sizes = self.shape("_".join(map(str, parts.values())), *parts.values())
        self.graph.nodes.append(Node("Split", [source, sizes], list(parts), {"axis": 1}))

    # Layers of one node, and the two layouts.

    def linear(self, name: str, tokens: str, *, scale: Array | None = None, output: str | None = None) -> str:
        """Give v W^T + b, all times `scale` per output where a block scales what it adds."""
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        if scale is not None:
            weight, bias = weight * scale[:, None], bias * scale
        inputs = [tokens, self.store(f"{name}.weight", weight.T), self.store(f"{name}.bias", bias)]
        return self.graph.add("Gemm", inputs, output or name)

    def layer_norm(self, name: str, tokens: str) -> str:
        inputs = [tokens, *(self.store(key, self.weights[key]) for key in (f"{name}.weight", f"{name}.bias"))]
        return self.graph.add("LayerNormalization", inputs, name, axis=-1, epsilon=EPSILON)

    def depthwise(self, name: str, planes: str) -> str:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return self.conv(name, planes, weight, bias, group=len(weight), pads=[weight.shape[-1] // 2] * 4)

    def conv(self, name: str, planes: str, weight: Array, bias: Array, **attributes: object) -> str:
        inputs = [planes, self.store(f"{name}.weight", weight), self.store(f"{name}.bias", bias)]
        return self.graph.add("Conv", inputs, name, kernel_shape=list(weight.shape[2:]), **attributes)

    def to_map(self, tokens: str) -> str:
        shape = self.shape(f"side_{self.side}", -1, self.side, self.side, self.width)
        grid = self.graph.add("Reshape", [tokens, shape], f"{tokens}.grid")
        return self.graph.add("Transpose", [grid], f"{tokens}.map", perm=[0, 3, 1, 2])

    def to_grid(self, planes: str) -> str:
        return self.graph.add("Transpose", [planes], f"{planes}.grid", perm=[0, 2, 3, 1])

    def to_tokens(self, planes: str) -> str:
        return self.flatten(self.to_grid(planes))

    def flatten(self, grid: str) -> str:
        return self.graph.add(
            "Reshape", [grid, self.shape(f"width_{self.width}", -1, self.width)], f"{grid}.tokens"
        )

    # Constants.

    def store(self, name: str, value: Array) -> str:
        self.graph.weights[name] = value.astype(np.float32)
        return name

    def shape(self, name: str, *numbers: int) -> str:
        self.graph.weights[f"shape.{name}"] = np.array(numbers, np.int64)
        return f"shape.{name}"


def _encode_positions(side: int) -> Array:
    """Sine and cosine of row and column at 16 wavelengths each: side^2 x 64, the row's 32 numbers first."""
    index = np.arange(32)
    wavelength = 10000.0 ** (2 * (index // 2) / 32)
    turn = 2 * np.pi * np.arange(1, side + 1) / (side + EPSILON)
    angle = turn[:, None] / wavelength
    line = np.where(index % 2 == 0, np.sin(angle), np.cos(angle))
    rows, columns = np.repeat(line, side, axis=0), np.tile(line, (side, 1))
    return np.concatenate([rows, columns], axis=1)
