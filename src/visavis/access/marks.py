"""Templates -> marks: salted digests that near-duplicates share and different faces don't.

A template's signs along random directions are locality-sensitive: two templates at an angle a have each sign
in common with probability 1 - a / pi (Charikar 2002). The directions come in bands; a band's signs together
make one mark. Two faces are near-duplicates where they share marks of several bands. Of a face that is kept,
each band has one mark. Of a face that is looked up, the signs that it is least sure of are turned round one
after the other (multi-probe, Lv et al. 2007), so that fewer bands have to be kept.

The directions, and the key under which a mark is HMAC-SHA256 of its signs, follow from a salt. Whoever has
marks and no salt has random numbers. Whoever has the salt and the secret that goes with it can find a band's
signs by trying all of them, and so get a coarse template back: that is why a salt lives no longer than
needed.
"""

from __future__ import annotations

import hashlib
import hmac
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from visavis.faces.recognise import Template

BANDS = 32
BITS = 18
"""Signs of a band."""
TURNED = 4
"""How many near misses of a band are looked up too."""
SHARED = 4
"""Bands that near-duplicates have in common, at least. `benchmarks/fan_out.py` measured these four."""


def _patterns() -> tuple[tuple[int, ...], ...]:
    """Which of the least sure signs are turned round, likely misses first: by the sum of their ranks."""
    sets = [set_ for size in (1, 2, 3) for set_ in combinations(range(TURNED), size)]
    sets.sort(key=lambda ranks: (sum(ranks) + len(ranks), len(ranks)))
    return tuple(sets[:TURNED])


PATTERNS = _patterns()
_WEIGHTS = (1 << np.arange(BITS, dtype=np.int64))[::-1]
_TURNS = np.array([[rank in ranks for ranks in PATTERNS] for rank in range(TURNED)], dtype=np.int64)


class Marker:
    """Makes marks under one salt; safe for several threads at once."""

    def __init__(self, secret: bytes) -> None:
        """Take a secret.

        Args:
            secret: 32 bytes, of the salt and of whatever must be had beside it.
        """
        self._secret = secret
        # HMAC-SHA256 as RFC 2104 has it, its two padded keys hashed once: a comparison takes hundreds.
        padded = secret.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
        self._directions: dict[tuple[str, int], NDArray[np.float32]] = {}

    def kept(self, template: Template, side: str) -> tuple[int, ...]:
        """The marks that are kept of a face: one for each band, whole numbers of 63 bits.

        Args:
            template: The face's.
            side: ``"probe"`` or ``"reference"``: marks of one never meet those of the other.
        """
        signs, _ = self._signs(template)
        return tuple(self._marks(template, side, signs[:, None]))

    def looked_up(self, template: Template, side: str) -> dict[int, int]:
        """The marks that near-duplicates of a face may have been kept under, each with its band.

        Of each band the first is the one that the face itself is kept under, see `kept_of`.
        """
        signs, turned = self._signs(template)
        codes = signs[:, None] ^ np.concatenate([np.zeros_like(signs)[:, None], turned], axis=1)
        bands = np.repeat(np.arange(BANDS), codes.shape[1]).tolist()
        return dict(zip(self._marks(template, side, codes), bands, strict=True))

    def _signs(self, template: Template) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The bands' signs as numbers, and for each band what turns its least sure ones round."""
        vector = template.vector
        along = (self._of(template) @ vector).reshape(BANDS, BITS)
        signs = (along > 0) @ _WEIGHTS
        least = np.argsort(np.abs(along), axis=1, kind="stable")[:, :TURNED]
        return signs, _WEIGHTS[least] @ _TURNS

    def _of(self, template: Template) -> NDArray[np.float32]:
        """The directions for templates of one pack, BANDS * BITS x d, of entries 1 and -1.

        They are drawn from SHAKE-256, so that every process and every version draws the same ones.
        """
        name = (template.fingerprint, template.vector.size)
        if name not in self._directions:
            count = BANDS * BITS * template.vector.size
            seed = hmac.digest(self._secret, f"directions {name}".encode(), "sha256")
            bits = np.unpackbits(
                np.frombuffer(hashlib.shake_256(seed).digest(-(-count // 8)), dtype=np.uint8)
            )
            entries = bits[:count].astype(np.float32) * 2 - 1
            self._directions[name] = entries.reshape(BANDS * BITS, -1)
        return self._directions[name]

    def _marks(self, template: Template, side: str, codes: NDArray[np.int64]) -> Iterator[int]:
        """The marks of codes, BANDS x n, band by band. Most of what a comparison costs is spent here."""
        for band, row in enumerate(codes.tolist()):
            begun = self._inner.copy()
            begun.update(f"{template.fingerprint} {side} {band} ".encode())
            for code in row:
                inner, outer = begun.copy(), self._outer.copy()
                inner.update(b"%d" % code)
                outer.update(inner.digest())
                yield int.from_bytes(outer.digest()[:8], "big") >> 1


def kept_of(looked_up: dict[int, int]) -> set[int]:
    """What `Marker.kept` gives of the face that was looked up by these marks: the first of each band."""
    return set({band: mark for mark, band in reversed(looked_up.items())}.values())
