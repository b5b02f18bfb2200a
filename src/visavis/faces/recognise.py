"""From chips to templates, and from two templates to a similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from visavis.packs.runtime import Network

BATCH = 16  # chips in one run of the network; more gain nothing and cost memory


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A face as the recogniser sees it.

    Attributes:
        vector: Unit length, float32, read-only.
        pack: Name of the pack that made it.
        fingerprint: The pack's fingerprint.
    """

    vector: NDArray[np.float32]
    pack: str
    fingerprint: str

    def __repr__(self) -> str:
        return f"<Template of {self.pack} {self.fingerprint}, {self.vector.size} numbers>"


class Recogniser:
    """Makes templates. Safe for several threads at once."""

    def __init__(self, network: Network, *, pack: str, fingerprint: str, mirror: bool) -> None:
        """Wrap a pack's network.

        Args:
            network: Takes N x 112 x 112 x 3 RGB chips, gives ``template`` N x d.
            pack: Name of the pack.
            fingerprint: The pack's fingerprint.
            mirror: Whether the mirrored chip is read too and both results are added: twice the time, fewer
                errors.
        """
        self._network = network
        self._pack = pack
        self._fingerprint = fingerprint
        self._mirror = mirror

    def __call__(self, chips: Sequence[NDArray[np.uint8]]) -> list[Template]:
        """One template for each chip, in order, the same whatever the others are."""
        templates: list[Template] = []
        for start in range(0, len(chips), BATCH):
            batch = np.stack(chips[start : start + BATCH])
            vectors = _unit(self._network(batch)["template"])
            if self._mirror:
                mirrored = np.ascontiguousarray(batch[:, :, ::-1])
                vectors = _unit(vectors + _unit(self._network(mirrored)["template"]))
            vectors.setflags(write=False)
            templates += [Template(vector, self._pack, self._fingerprint) for vector in vectors]
        return templates


def similarity(reference: Template, probe: Template) -> float:
    """Cosine of two templates, -1 to 1; higher is more alike.

    Raises:
        PackError: They were made by different packs: their numbers have nothing to do with each other.
    """
    if reference.fingerprint != probe.fingerprint:
        raise PackError(
            "pack.other_template",
            "templates of two packs can't be compared",
            found=f"{probe.pack} {probe.fingerprint}",
            expected=f"{reference.pack} {reference.fingerprint}",
        )
    return float(np.clip(reference.vector @ probe.vector, -1.0, 1.0))


def _unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Rows brought to length 1."""
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
