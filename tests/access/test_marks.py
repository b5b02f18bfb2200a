from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.access.marks import BANDS, BITS, PATTERNS, SHARED, Marker
from visavis.faces.recognise import Template

if TYPE_CHECKING:
    from tests.access.conftest import Faces

SECRET = bytes(range(32))


def shared(marker: Marker, kept: Template, looked_up: Template) -> int:
    """Of how many bands two faces share a mark."""
    found = marker.looked_up(looked_up, "probe")
    return len({found[mark] for mark in marker.kept(kept, "probe") if mark in found})


def test_the_likeliest_misses_come_first() -> None:
    # By ranks: the least sure sign, the second, the third, and the two least sure ones together.
    assert PATTERNS == ((0,), (1,), (2,), (0, 1))


def test_marks_follow_from_the_secret_and_the_template_alone(faces: Faces) -> None:
    face = faces.new()
    assert Marker(SECRET).kept(face, "probe") == Marker(SECRET).kept(face, "probe")
    assert len(set(Marker(SECRET).kept(face, "probe"))) == BANDS
    assert all(0 <= mark < 2**63 for mark in Marker(SECRET).kept(face, "probe"))
    other = Template(face.vector, "other", "f" * 16)
    ways = [
        Marker(SECRET).kept(face, "probe"),
        Marker(SECRET).kept(face, "reference"),
        Marker(SECRET[::-1]).kept(face, "probe"),
        Marker(SECRET).kept(other, "probe"),
    ]
    assert len(set().union(*ways)) == 4 * BANDS, "nothing can be linked across sides, salts or packs"


def test_a_mark_is_what_it_was() -> None:
    """Processes of two versions may share a window: computed once with the definitions below."""
    import hashlib
    import hmac

    vector = np.zeros(4, dtype=np.float32)
    vector[2] = 1.0
    face = Template(vector, "sface", "abc")
    seed = hmac.new(SECRET, b"directions ('abc', 4)", hashlib.sha256).digest()
    bits = "".join(f"{byte:08b}" for byte in hashlib.shake_256(seed).digest(BANDS * BITS * 4 // 8))
    # The third number of each direction is all that this vector sees: a bit of 1 is a positive sign.
    code = int("".join(bits[4 * number + 2] for number in range(BITS)), 2)
    mark = hmac.new(SECRET, f"abc probe 0 {code}".encode(), hashlib.sha256).digest()[:8]
    assert Marker(SECRET).kept(face, "probe")[0] == int.from_bytes(mark, "big") >> 1


@pytest.mark.parametrize("cosine", [1.0, 0.99, 0.97, 0.95])
def test_near_duplicates_share_bands(faces: Faces, cosine: float) -> None:
    marker = Marker(SECRET)
    counts = []
    for _ in range(30):
        face = faces.new()
        counts.append(shared(marker, face, faces.near(face, cosine)))
    assert min(counts) >= SHARED


@pytest.mark.parametrize("cosine", [0.0, 0.3])
def test_different_faces_share_none(faces: Faces, cosine: float) -> None:
    marker = Marker(SECRET)
    counts = []
    for _ in range(100):
        face = faces.new()
        counts.append(shared(marker, face, faces.near(face, cosine)))
    assert max(counts) < SHARED


def test_a_sign_is_shared_as_often_as_the_angle_says(faces: Faces) -> None:
    """Charikar 2002, section 3: with probability 1 - angle / pi."""
    marker = Marker(SECRET)
    same = []
    for _ in range(60):
        face = faces.new()
        other = faces.near(face, 0.7)
        directions = marker._of(face)
        same.append(((directions @ face.vector > 0) == (directions @ other.vector > 0)).mean())
    assert np.mean(same) == pytest.approx(1 - math.acos(0.7) / math.pi, abs=0.01)
