"""MiniFASNetV2 and V1SE: presentation attack detectors, published as PyTorch state dicts.

The files hold weights and no graph; the graph is written here, after the authors' own code (Minivision,
Silent-Face-Anti-Spoofing). Both networks are one line of the same parts, in other widths, which the weights
tell; V1SE ends each of its three rows of blocks with a block that weighs its channels (squeeze and
excitation, arXiv:1709.01507).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from visavis.packs.convert.checkpoint import damaged
from visavis.packs.convert.graph import Array, Graph, Tensor, read_pictures, write_onnx
from visavis.packs.convert.old_checkpoint import read_old_checkpoint
from visavis.packs.convert.prelu import rewrite_prelus

if TYPE_CHECKING:
    from collections.abc import Mapping

CROP_SIDE = 80
CLASSES = 3
EPSILON = 1e-5
ROWS = (("conv_23", "conv_3", 4), ("conv_34", "conv_4", 6), ("conv_45", "conv_5", 2))
"""A block that halves the map, and the row of blocks after it with their number."""

IDLE = "num_batches_tracked"  # counts training steps


def convert_minifasnet(source: bytes) -> bytes:
    """Write the graph of the network whose weights the file holds.

    Input `crop`: uint8, N x 80 x 80 x 3, RGB. Output `logits`: float32, N x 3; the second class is a live
    face, the others are attacks.
    """
    tensors = {name.removeprefix("module."): tensor for name, tensor in read_old_checkpoint(source).items()}
    writer = _Writer({name: tensor for name, tensor in tensors.items() if not name.endswith(IDLE)})
    graph = writer.write()
    rewrite_prelus(graph)
    read_pictures(graph, "crop", "planes")
    return write_onnx(
        graph,
        inputs=[Tensor("crop", np.uint8, ("N", CROP_SIDE, CROP_SIDE, 3))],
        outputs=[Tensor("logits", np.float32, ("N", CLASSES))],
        name="minifasnet",
    )


class _Writer:
    """Writes the graph, first layer to last, every batch norm inside the convolution before it."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.unused = set(weights)
        self.graph = Graph()

    def write(self) -> Graph:
        maps = self.conv_norm_prelu("conv1", "planes", stride=2, padding=1)
        maps = self.conv_norm_prelu("conv2_dw", maps, padding=1)
        for halving, row, count in ROWS:
            maps = self.bottleneck(halving, maps, stride=2)
            for index in range(count):
                maps = self.residual(f"{row}.model.{index}", maps)
        maps = self.conv_norm_prelu("conv_6_sep", maps)
        self.head(self.conv_norm("conv_6_dw", maps))
        if self.unused:
            damaged("the checkpoint holds another network", found=min(self.unused))
        return self.graph

    # The parts of the network, in the order in which they come.

    def bottleneck(self, name: str, maps: str, *, stride: int = 1) -> str:
        maps = self.conv_norm_prelu(f"{name}.conv", maps)
        maps = self.conv_norm_prelu(f"{name}.conv_dw", maps, stride=stride, padding=1)
        return self.conv_norm(f"{name}.project", maps)

    def residual(self, name: str, maps: str) -> str:
        inner = self.bottleneck(name, maps)
        if f"{name}.se_module.fc1.weight" in self.weights:
            inner = self.weigh_channels(f"{name}.se_module", inner)
        return self.graph.add("Add", [maps, inner], name)

    def weigh_channels(self, name: str, maps: str) -> str:
        """Multiply each channel by a number from 0 to 1 that depends on the means of all channels."""
        means = self.graph.add("GlobalAveragePool", [maps], f"{name}.means")
        hidden = self.graph.add("Relu", [self.conv(f"{name}.fc1", f"{name}.bn1", means)], f"{name}.relu")
        factors = self.graph.add(
            "Sigmoid", [self.conv(f"{name}.fc2", f"{name}.bn2", hidden)], f"{name}.factors"
        )
        return self.graph.add("Mul", [maps, factors], name)

    def head(self, maps: str) -> None:
        """Two linear layers and the norm between them, in one: nothing between them is not linear."""
        scale, shift = self.norm("bn")
        first, last = self.take("linear.weight"), self.take("prob.weight")
        self.graph.add("Flatten", [maps], "features")
        weight = self.store("logits.weight", last @ (scale[:, None] * first))
        self.graph.add(
            "Gemm", ["features", weight, self.store("logits.bias", last @ shift)], "logits", transB=1
        )

    # Layers.

    def conv_norm_prelu(self, name: str, maps: str, *, stride: int = 1, padding: int = 0) -> str:
        maps = self.conv_norm(name, maps, stride=stride, padding=padding)
        slopes = self.store(f"{name}.slopes", self.take(f"{name}.prelu.weight").reshape(-1, 1, 1))
        return self.graph.add("PRelu", [maps, slopes], f"{name}.prelu")

    def conv_norm(self, name: str, maps: str, *, stride: int = 1, padding: int = 0) -> str:
        return self.conv(f"{name}.conv", f"{name}.bn", maps, stride=stride, padding=padding)

    def conv(self, name: str, norm: str, maps: str, *, stride: int = 1, padding: int = 0) -> str:
        """A convolution with its batch norm, depthwise where the weights are for one channel each."""
        weight, (scale, shift) = self.take(f"{name}.weight"), self.norm(norm)
        if maps == "planes":
            weight = weight[:, ::-1]  # published for BGR
        inputs = [
            maps,
            self.store(f"{name}.weight", weight * scale[:, None, None, None]),
            self.store(f"{name}.bias", shift),
        ]
        return self.graph.add(
            "Conv",
            inputs,
            name,
            kernel_shape=list(weight.shape[2:]),
            group=len(weight) if weight.shape[1] == 1 else 1,
            strides=[stride] * 2,
            pads=[padding] * 4,
        )

    def norm(self, name: str) -> tuple[Array, Array]:
        """A batch norm as scale x v + shift."""
        weight, bias, mean, variance = (
            self.take(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight / np.sqrt(variance + EPSILON)
        return scale, bias - mean * scale

    # Weights.

    def take(self, name: str) -> Array:
        self.unused.discard(name)
        return self.weights[name].astype(np.float64)

    def store(self, name: str, value: Array) -> str:
        self.graph.weights[name] = value.astype(np.float32)
        return name
