"""The stored tree against the tree as RFC 6962 defines it, at the sizes where tiles fill up."""

from __future__ import annotations

import hashlib

import pytest

from visavis.ledger import merkle
from visavis.ledger.tiles import WIDTH, Edge, Tree, expected

SIZES = [1, 2, 3, 255, 256, 257, 511, 512, 513, 767, 1000, 65_535, 65_536, 65_537, 66_000]
HASHES = [hashlib.sha256(number.to_bytes(4)).digest() for number in range(SIZES[-1])]


def root(hashes: list[bytes]) -> bytes:
    """Layer by layer: the last of an odd number goes up as it is, which gives the RFC's tree."""
    while len(hashes) > 1:
        pairs = [merkle.node_hash(*hashes[at : at + 2]) for at in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(pairs) * 2 :]
    return hashes[0]


@pytest.fixture(scope="module")
def grown() -> dict[int, tuple[bytes, dict[tuple[int, int], bytes]]]:
    """By size: root, and the tiles as they are stored."""
    edge, found = Edge(), {}
    tiles: dict[tuple[int, int], bytes] = {}
    for hash_ in HASHES:
        edge.append(hash_)
        if edge.size in SIZES:
            tiles |= edge.take_changed()
            found[edge.size] = edge.root(), dict(tiles)
    return found


@pytest.mark.parametrize("size", SIZES)
def test_roots(size: int, grown: dict[int, tuple[bytes, dict[tuple[int, int], bytes]]]) -> None:
    kept, tiles = grown[size]
    assert kept == root(HASHES[:size])
    assert Tree(size, lambda level, number: tiles[level, number]).root() == kept


@pytest.mark.parametrize("size", SIZES)
def test_tiles_are_as_many_and_as_long_as_expected(
    size: int, grown: dict[int, tuple[bytes, dict[tuple[int, int], bytes]]]
) -> None:
    _, tiles = grown[size]
    lengths: dict[tuple[int, int], int] = {}
    for level, full, rest in expected(size):
        lengths |= {(level, number): WIDTH * 32 for number in range(full)}
        lengths |= {(level, full): rest * 32} if rest else {}
    assert {place: len(tile) for place, tile in tiles.items()} == lengths


@pytest.mark.parametrize("size", SIZES)
def test_an_edge_that_was_loaded_grows_on(
    size: int, grown: dict[int, tuple[bytes, dict[tuple[int, int], bytes]]]
) -> None:
    kept, tiles = grown[size]
    edge = Edge.load(size, lambda level, number: tiles[level, number])
    assert (edge.size, edge.root()) == (size, kept)
    more = [hashlib.sha256(b"more" + number.to_bytes(2)).digest() for number in range(300)]
    for hash_ in more:
        edge.append(hash_)
    assert edge.root() == root(HASHES[:size] + more)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000, 65_537, 66_000])
def test_proofs(size: int, grown: dict[int, tuple[bytes, dict[tuple[int, int], bytes]]]) -> None:
    kept, tiles = grown[size]
    tree = Tree(size, lambda level, number: tiles[level, number])
    for index in {0, size // 3, size // 2, size - 1}:
        assert tree.leaf(index) == HASHES[index]
        assert merkle.includes(HASHES[index], index, size, tree.inclusion(index, size), kept)
    for old in {1, size // 3 or 1, size // 2 or 1, size}:
        proof = tree.consistency(old, size)
        assert merkle.consistent(old, size, proof, root(HASHES[:old]), kept)


def test_what_lacks_hashes_is_refused() -> None:
    with pytest.raises(ValueError, match="tile 0 of level 0"):
        Edge.load(3, lambda *_: b"")
    with pytest.raises(ValueError, match="tile 0 of level 0"):
        Tree(3, lambda *_: HASHES[0]).root()


def test_a_proof_reads_few_tiles(grown: dict[int, tuple[bytes, dict[tuple[int, int], bytes]]]) -> None:
    """One for each level, and the last ones: what a proof of ten million entries takes stays small."""
    _, tiles = grown[66_000]
    read = []

    def tile(level: int, number: int) -> bytes:
        read.append((level, number))
        return tiles[level, number]

    Tree(66_000, tile).inclusion(12_345, 66_000)
    assert len(read) == len(set(read)) <= 6
