"""Merkle trees against published vectors and against the RFC's own recursive definitions."""

from __future__ import annotations

import hashlib

import pytest

from visavis.ledger.merkle import (
    EMPTY_ROOT,
    consistency_ranges,
    consistent,
    includes,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    range_hash,
)

# Leaves, roots and proofs: github.com/transparency-dev/merkle, proof/verify_test.go, which are those of the
# Certificate Transparency implementation of RFC 6962's authors.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = [  # index from 0, size, proof
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]


# The definitions of RFC 6962, section 2.1, word for word and as slow as they stand there


def mth(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


MANY = [bytes([number % 251, number // 251]) for number in range(40)]


def complete(leaves: list[bytes], height: int, number: int) -> bytes:
    assert (number + 1) << height <= len(leaves), "only complete subtrees are asked for"
    return mth(leaves[number << height : (number + 1) << height])


def hashes(leaves: list[bytes], ranges: list[tuple[int, int]]) -> list[bytes]:
    return [range_hash(each, lambda height, number: complete(leaves, height, number)) for each in ranges]


def unhex(proof: list[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in proof]


def test_hashes_of_leaves_and_nodes() -> None:
    # github.com/transparency-dev/merkle, rfc6962/rfc6962_test.go
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert node_hash(b"N123", b"N456").hex() == (
        "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size: int) -> None:
    [root] = hashes(LEAVES[:size], [(0, size)])
    assert root.hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_published_proofs_of_inclusion(index: int, size: int, proof: list[str]) -> None:
    assert hashes(LEAVES[:size], inclusion_ranges(index, size)) == unhex(proof)
    assert includes(leaf_hash(LEAVES[index]), index, size, unhex(proof), bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_published_proofs_of_consistency(old: int, new: int, proof: list[str]) -> None:
    assert hashes(LEAVES[:new], consistency_ranges(old, new)) == unhex(proof)
    roots = [bytes.fromhex(ROOTS[size - 1]) for size in (old, new)]
    assert consistent(old, new, unhex(proof), roots[0], roots[1])


def test_proofs_of_inclusion_are_those_of_the_definition() -> None:
    for size in range(1, len(MANY) + 1):
        leaves = MANY[:size]
        root = mth(leaves)
        for index in range(size):
            proof = hashes(leaves, inclusion_ranges(index, size))
            assert proof == path(index, leaves), (index, size)
            assert includes(leaf_hash(leaves[index]), index, size, proof, root), (index, size)


def test_proofs_of_consistency_are_those_of_the_definition() -> None:
    for new in range(1, len(MANY) + 1):
        for old in range(1, new + 1):
            proof = hashes(MANY[:new], consistency_ranges(old, new))
            assert proof == subproof(old, MANY[:new], whole=True), (old, new)
            assert consistent(old, new, proof, mth(MANY[:old]), mth(MANY[:new])), (old, new)


def test_an_empty_tree_is_consistent_with_any() -> None:
    assert consistency_ranges(0, 5) == []
    assert consistent(0, 5, [], EMPTY_ROOT, mth(MANY[:5]))
    assert not consistent(0, 5, [], mth(MANY[:1]), mth(MANY[:5]))
    assert not consistent(0, 5, [EMPTY_ROOT], EMPTY_ROOT, mth(MANY[:5]))


OTHER = hashlib.sha256(b"another").digest()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13, 40])
def test_no_other_proof_of_inclusion_holds(size: int) -> None:
    leaves = MANY[:size]
    root = mth(leaves)
    for index in range(size):
        leaf, proof = leaf_hash(leaves[index]), path(index, leaves)
        wrong = [
            (leaf, index - 1, size, proof, root),
            (leaf, index + 1, size, proof, root),
            (leaf, index ^ 2, size, proof, root),
            (leaf, index, size * 2, proof, root),
            (leaf, index, size // 2, proof, root),
            (OTHER, index, size, proof, root),
            (leaf[:31], index, size, proof, root),
            (leaf, index, size, proof, OTHER),
            (leaf, index, size, proof, EMPTY_ROOT),
            (leaf, index, size, [*proof, OTHER], root),
            (leaf, index, size, [*proof, root], root),
            (leaf, index, size, [b"", *proof], root),
            (leaf, index, size, [OTHER, *proof], root),
            *(
                (leaf, index, size, [*proof[:at], flipped(proof[at]), *proof[at + 1 :]], root)
                for at in range(len(proof))
            ),
            *((leaf, index, size, proof[:at] + proof[at + 1 :], root) for at in range(len(proof))),
        ]
        assert not any(includes(*each) for each in wrong), index


@pytest.mark.parametrize(("old", "new"), [(1, 8), (6, 8), (2, 5), (6, 7), (3, 40), (32, 40), (39, 40)])
def test_no_other_proof_of_consistency_holds(old: int, new: int) -> None:
    proof = subproof(old, MANY[:new], whole=True)
    first, last = mth(MANY[:old]), mth(MANY[:new])
    wrong = [
        (old - 1, new, proof, first, last),
        (old + 1, new, proof, first, last),
        (old ^ 2, new, proof, first, last),
        (old, new * 2, proof, first, last),
        (old, new // 2, proof, first, last),
        (old, new, proof, OTHER, last),
        (old, new, proof, first, OTHER),
        (old, new, proof, last, first),
        (old, new, [], first, last),
        (old, new, [*proof, first], first, last),
        (old, new, [*proof, b""], first, last),
        (old, new, [first, *proof], first, last),
        (old, new, proof[:-1], first, last),
        (new, old, proof, last, first),
        (-1, new, proof, first, last),
        *(
            (old, new, [*proof[:at], flipped(proof[at]), *proof[at + 1 :]], first, last)
            for at in range(len(proof))
        ),
    ]
    assert [each for each in wrong if consistent(*each)] == []


def flipped(hash_: bytes) -> bytes:
    return bytes([hash_[0] ^ 8]) + hash_[1:]
