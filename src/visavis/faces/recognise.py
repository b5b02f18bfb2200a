"""From chips to templates, and from two templates to a similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from visavis.errors import PackError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.packs.runtime import Network


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

    def __init__(self, network: Network, *, pack: str, fingerprint: str) -> None:
        """Wrap a pack's network.

        Args:
            network: Takes N x 112 x 112 x 3 RGB chips, gives ``template`` N x d.
            pack: Name of the pack.
            fingerprint: The pack's fingerprint.
        """
        self._network = network
        self._pack = pack
        self._fingerprint = fingerprint

    def __call__(self, chips: NDArray[np.uint8]) -> Template:
        """The template of a face: the sum over its chips, each at length 1, brought to length 1.

        Args:
            chips: views x 112 x 112 x 3, all of one face.
        """
        vectors = self._network(chips)["template"]
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        vector = vectors.sum(axis=0)
        vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        vector.setflags(write=False)
        return Template(vector, self._pack, self._fingerprint)


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
