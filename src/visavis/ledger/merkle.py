"""Merkle trees as of RFC 6962, section 2.1: hashes, what a proof consists of, and whether one holds.

Everything here is arithmetic on hashes: nothing is stored and nothing is read. A range ``(start, end)``
stands for the leaves from `start` up to but not including `end`; D[start:end] in the RFC.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Range = tuple[int, int]


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf, 32 bytes: SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node with two children, 32 bytes: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def peaks(end: int, start: int = 0) -> Iterator[Range]:
    """The complete subtrees that a range consists of, from the left.

    Args:
        end: Where the range ends.
        start: Where it begins; a range that begins there must lie in a tree as a subtree does (`start` is a
            multiple of every complete subtree's size).
    """
    while start < end:
        size = 1 << ((end - start).bit_length() - 1)
        yield start, start + size
        start += size


def joined(hashes: Sequence[bytes]) -> bytes:
    """The root over the complete subtrees that `peaks` gives, by their hashes from the left."""
    if not hashes:
        return EMPTY_ROOT
    *rest, root = hashes
    for left in reversed(rest):
        root = node_hash(left, root)
    return root


def range_hash(of: Range, complete: Callable[[int, int], bytes]) -> bytes:
    """The hash of a range, MTH(D[start:end]).

    Args:
        of: The range.
        complete: Gives the hash of a complete subtree by its height (0 for a leaf) and its number among those
            of its height, from the left.
    """
    start, end = of
    hashes = []
    for low, high in peaks(end, start):
        height = (high - low).bit_length() - 1
        hashes.append(complete(height, low >> height))
    return joined(hashes)


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges whose hashes prove a leaf, that nearest to the leaf first: PATH(m, D[n]), section 2.1.1.

    Args:
        index: Of the leaf, from 0.
        size: How many leaves the tree has; more than `index`.
    """
    found: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            found.append((split, end))
            end = split
        else:
            found.append((start, split))
            start = split
    return found[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The ranges whose hashes prove that a tree grew out of another: PROOF(m, D[n]), section 2.1.2.

    Args:
        old: How many leaves the earlier tree has.
        new: How many the later one has; `old` or more.
    """
    found: list[Range] = []
    start, end, whole = 0, new, True
    if old in (0, new):
        return []
    while old != end:
        split = start + _split(end - start)
        if old <= split:
            found.append((split, end))
            end = split
        else:
            found.append((start, split))
            start, whole = split, False
    if not whole:
        found.append((start, end))
    return found[::-1]


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a proof shows that a leaf is in a tree (RFC 9162, section 2.1.3.2).

    Args:
        leaf: The leaf's hash.
        index: Its index, from 0.
        size: How many leaves the tree has.
        proof: Hashes, that nearest to the leaf first.
        root: The tree's root.
    """
    if not 0 <= index < size or not _are_hashes(leaf, root, *proof):
        return False
    place, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            computed = node_hash(sibling, computed)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and computed == root


def consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether a proof shows that a tree grew out of another (RFC 9162, section 2.1.4.2).

    Args:
        old: How many leaves the earlier tree has.
        new: How many the later one has.
        proof: Hashes, as `consistency_ranges` orders them.
        old_root: The earlier tree's root.
        new_root: The later one's.
    """
    if not 0 <= old <= new or not _are_hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if not proof:
        return False
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    earlier = later = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            earlier, later = node_hash(sibling, earlier), node_hash(sibling, later)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            later = node_hash(later, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and earlier == old_root and later == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than a size of two or more."""
    return 1 << ((size - 1).bit_length() - 1)


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
