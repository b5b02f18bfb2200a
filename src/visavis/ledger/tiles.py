"""The tree as it is stored: complete subtrees in tiles of 256 hashes.

Tile (level, number) holds the hashes of the complete subtrees of height 8 x level, those with the numbers
from 256 x number on; at level 0 they are the leaves' hashes. Only the last tile of a level has fewer than
256. All other nodes are worked out from them when they are asked for. The layout is that of C2SP tlog-tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.ledger import merkle
from visavis.ledger.merkle import HASH_BYTES, joined, node_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEIGHT = 8
WIDTH = 1 << HEIGHT

Place = tuple[int, int]  # level and number


def expected(size: int) -> Iterator[tuple[int, int, int]]:
    """For each level of a tree's tiles: the level, how many full tiles it has, and what its last one holds.

    Args:
        size: How many leaves the tree has.
    """
    level = 0
    while size:
        yield level, size >> HEIGHT, size & (WIDTH - 1)
        size >>= HEIGHT
        level += 1


class Edge:
    """The right edge of a growing tree: what is needed to append leaves and to know the root.

    Attributes:
        size: How many leaves the tree has.
    """

    def __init__(self) -> None:
        self.size = 0
        self._tiles: list[bytearray] = []
        self._peaks: list[list[tuple[int, bytes]]] = []  # by level: height within the tile, and hash
        self._changed: dict[Place, bytes | None] = {}

    @classmethod
    def load(cls, size: int, tile: Callable[[int, int], bytes]) -> Edge:
        """The edge of a tree that is stored.

        Args:
            size: How many leaves it has.
            tile: Gives the hashes of a tile by level and number.

        Raises:
            ValueError: A tile has another length than the size calls for.
        """
        edge = cls()
        edge.size = size
        for level, full, rest in expected(size):
            content = tile(level, full) if rest else b""
            if len(content) != rest * HASH_BYTES:
                raise ValueError(f"tile {full} of level {level}")
            edge._tiles.append(bytearray(content))
            edge._peaks.append([])
            for start in range(0, len(content), HASH_BYTES):
                _push(edge._peaks[level], content[start : start + HASH_BYTES])
        return edge

    def append(self, leaf_hash: bytes) -> None:
        """Append a leaf."""
        self.size += 1
        level, hash_, number = 0, leaf_hash, self.size - 1
        while True:
            if level == len(self._tiles):
                self._tiles.append(bytearray())
                self._peaks.append([])
            self._tiles[level] += hash_
            _push(self._peaks[level], hash_)
            place = (level, number >> HEIGHT)
            if len(self._tiles[level]) < WIDTH * HASH_BYTES:
                self._changed[place] = None
                return
            self._changed[place] = bytes(self._tiles[level])
            [(_, hash_)] = self._peaks[level]
            self._tiles[level].clear()
            self._peaks[level].clear()
            level, number = level + 1, number >> HEIGHT

    def root(self) -> bytes:
        """The root of the tree."""
        return joined([hash_ for peaks in reversed(self._peaks) for _, hash_ in peaks])

    def tile(self, level: int) -> bytes:
        """What the last tile of a level holds; nothing where it is full."""
        return bytes(self._tiles[level])

    def take_changed(self) -> dict[Place, bytes]:
        """The tiles that changed since they were last taken, by level and number."""
        changed = {
            place: bytes(self._tiles[place[0]]) if content is None else content
            for place, content in self._changed.items()
        }
        self._changed.clear()
        return changed


def _push(peaks: list[tuple[int, bytes]], hash_: bytes) -> None:
    """Put one more hash to the right of complete subtrees, and join those of one height."""
    height = 0
    while peaks and peaks[-1][0] == height:
        hash_ = node_hash(peaks.pop()[1], hash_)
        height += 1
    peaks.append((height, hash_))


class Tree:
    """A stored tree that is read: its nodes, roots and proofs. It keeps the tiles that it has read."""

    def __init__(self, size: int, tile: Callable[[int, int], bytes]) -> None:
        """Say how to read it.

        Args:
            size: How many leaves it has.
            tile: Gives the hashes of a tile by level and number.
        """
        self.size = size
        self._tile = tile
        self._read: dict[Place, bytes] = {}

    def root(self, size: int | None = None) -> bytes:
        """The root, of the tree as it is or as it was at a size."""
        return merkle.range_hash((0, self.size if size is None else size), self._complete)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that a leaf is in the tree of that size."""
        return [merkle.range_hash(each, self._complete) for each in merkle.inclusion_ranges(index, size)]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of one size grew out of that of another."""
        return [merkle.range_hash(each, self._complete) for each in merkle.consistency_ranges(old, new)]

    def leaf(self, index: int) -> bytes:
        """A leaf's hash."""
        return self._complete(0, index)

    def _complete(self, height: int, number: int) -> bytes:
        """The hash of a complete subtree.

        Raises:
            ValueError: A tile lacks hashes that the tree's size calls for.
        """
        level, inside = divmod(height, HEIGHT)
        first = number << inside
        place = (level, first >> HEIGHT)
        if place not in self._read:
            self._read[place] = self._tile(*place)
        start = first & (WIDTH - 1)
        content = self._read[place][start * HASH_BYTES : (start + (1 << inside)) * HASH_BYTES]
        if len(content) != HASH_BYTES << inside:
            raise ValueError(f"tile {place[1]} of level {level}")
        hashes = [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]
        while len(hashes) > 1:
            hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
        return hashes[0]
