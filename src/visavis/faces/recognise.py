"""From chips to templates, and from two templates to a similarity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from visavis.packs.runtime import Network


BATCH = 16  # faces in one run of the network; more gain nothing and cost memory


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A face as a pack's recognisers see it.

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

    def __init__(self, networks: Sequence[tuple[Network, int]], *, pack: str, fingerprint: str) -> None:
        """Wrap a pack's networks.

        Args:
            networks: Each takes N x 112 x 112 x 3 RGB chips and gives ``template`` N x d; with it, how many
                of a face's chips it reads.
            pack: Name of the pack.
            fingerprint: The pack's fingerprint.
        """
        self._networks = tuple(networks)
        self._views = sum(views for _, views in networks)
        self._pack = pack
        self._fingerprint = fingerprint

    def __call__(self, faces: Sequence[NDArray[np.uint8]]) -> list[Template]:
        """The templates of faces.

        A network's part is the sum over its chips' vectors at length 1, brought to length 1. A template is
        the parts of all k networks one after the other, divided by the square root of k: so it has length 1
        too, and the product of two templates is the mean of the k cosines.

        Args:
            faces: For each face its chips, views x 112 x 112 x 3: those of the first network, then those of
                the next.

        Raises:
            ValueError: The number of chips isn't that of all networks together.
        """
        templates: list[Template] = []
        for start in range(0, len(faces), BATCH):
            chips = np.stack(faces[start : start + BATCH])
            if chips.shape[1] != self._views:
                raise ValueError(f"{self._views} chips of each face were expected, found {chips.shape[1]}")
            parts, first = [], 0
            for network, views in self._networks:
                parts.append(_part(network, chips[:, first : first + views]))
                first += views
            vectors = np.concatenate(parts, axis=1) / math.sqrt(len(parts))
            vectors = vectors.astype(np.float32)
            vectors.setflags(write=False)
            templates += [Template(vector, self._pack, self._fingerprint) for vector in vectors]
        return templates


def similarity(reference: Template, probe: Template) -> float:
    """Cosine of two templates, -1 to 1; of several recognisers the mean of theirs. Higher is more alike.

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


def _part(network: Network, chips: NDArray[np.uint8]) -> NDArray[Any]:
    """One network's vectors of faces, length 1, given faces x views x 112 x 112 x 3."""
    vectors = network(chips.reshape(-1, *chips.shape[2:]))["template"]
    return _unit(_unit(vectors).reshape(*chips.shape[:2], -1).sum(axis=1))


def _unit(vectors: NDArray[Any]) -> NDArray[Any]:
    """Rows brought to length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)  # type: ignore[no-any-return]
