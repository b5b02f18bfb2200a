"""A face that is kept without its picture: as bytes, and as something that is compared like its picture."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from visavis.decision.policy import Policy
from visavis.errors import AccessError, PackError
from visavis.service.kept import Kept, is_sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.examiner import Examined

SECRET = bytes(range(32))


@pytest.fixture(scope="module")
def seen(sface: Any, small: Mapping[str, bytes]) -> Examined:
    found: Examined = sface.examine(small["obama"])
    return found


@pytest.fixture(scope="module")
def kept(seen: Examined) -> Kept:
    found = Kept.of(seen)
    assert found is not None
    return found


def test_there_and_back(kept: Kept, sface: Any) -> None:
    data = kept.sealed(SECRET, "a purpose")
    assert is_sealed(data)
    back = unsealed(data, SECRET, "a purpose", sface.examiner.fingerprint)
    assert np.array_equal(back.template.vector, kept.template.vector)
    assert not back.template.vector.flags.writeable
    assert back.template.pack == "sface"
    assert back.evidence.to_dict() == kept.evidence.to_dict()
    assert len(data) < 4000
    assert data != kept.sealed(SECRET, "a purpose")


def test_no_name_is_kept(sface: Any, small: Mapping[str, bytes]) -> None:
    found = Kept.of(sface.examine(small["obama"], name="jane-doe.jpg"))
    assert found is not None
    assert found.evidence.name is None


def test_a_face_that_is_too_poor_is_not_kept(sface: Any, small: Mapping[str, bytes], faceless: bytes) -> None:
    assert Kept.of(sface.examine(faceless)) is None
    assert Kept.of(sface.examine(small["obama"], policy=Policy(min_inter_eye_px=5000))) is None


def test_it_is_judged_as_its_picture(
    kept: Kept, seen: Examined, sface: Any, small: Mapping[str, bytes]
) -> None:
    """By each policy: the verdict and its reasons are those that the picture gives."""
    probe = sface.examine(small["obama2"])
    for policy in (
        Policy(),
        Policy(fmr=1e-5),
        Policy(min_inter_eye_px=5000),
        Policy(min_confidence=1.0),
        Policy(reference_quality="document_portrait"),
        Policy(reference_quality="icao_portrait"),
    ):
        picture = sface.compare([sface.examine(small["obama"], policy=policy)], probe, policy=policy)
        told = kept.examined(policy, policy.demanded()[0])
        verdict = sface.compare([told], probe, policy=policy)
        assert verdict.decision == picture.decision
        assert verdict.similarity == pytest.approx(picture.similarity, abs=1e-6)
        codes = [[(each.code, each.about) for each in one.reasons] for one in (verdict, picture)]
        assert codes[0] == codes[1]
    assert kept.examined(Policy(), None).evidence.quality is None
    assert kept.examined(Policy(), None).evidence.sha256 == seen.evidence.sha256
    assert kept.examined(Policy(), None, b"it").evidence.sha256 == hashlib.sha256(b"it").hexdigest()


def test_nothing_is_left_of_the_picture(kept: Kept, seen: Examined) -> None:
    told = kept.examined(Policy(), None)
    assert told.photo.pixels.size == 3
    assert (told.photo.width, told.photo.height) == (seen.photo.width, seen.photo.height)
    assert told.chips is None


@pytest.mark.parametrize("at", [0, 3, 4, 19, 20, 31, 32, 500, -17, -1])
def test_a_bit_changed_is_noticed(kept: Kept, sface: Any, at: int) -> None:
    data = bytearray(kept.sealed(SECRET, "a purpose"))
    data[at] ^= 1
    with pytest.raises((AccessError, PackError)) as caught:
        unsealed(bytes(data), SECRET, "a purpose", sface.examiner.fingerprint)
    assert caught.value.code == ("pack.other_template" if 4 <= at < 20 else "access.damaged")


def test_each_length_that_is_not_its_own(kept: Kept, sface: Any) -> None:
    data = kept.sealed(SECRET, "a purpose")
    for cut in (b"", data[:3], data[:20], data[:48], data[:49], data[:-1], data + b"\0", data + bytes(2**17)):
        with pytest.raises(AccessError):
            unsealed(cut, SECRET, "a purpose", sface.examiner.fingerprint)


@pytest.mark.parametrize(("secret", "purpose"), [(bytes(32), "a purpose"), (SECRET, "another"), (SECRET, "")])
def test_who_can_not_read_it(kept: Kept, sface: Any, secret: bytes, purpose: str) -> None:
    data = kept.sealed(SECRET, "a purpose")
    with pytest.raises(AccessError, match="for another purpose"):
        unsealed(data, secret, purpose, sface.examiner.fingerprint)


def test_another_pack_is_told_apart_before_it_is_read(kept: Kept, sface: Any) -> None:
    other = replace(kept, template=replace(kept.template, fingerprint="0" * 16))
    with pytest.raises(PackError) as caught:
        unsealed(other.sealed(SECRET, "x"), SECRET, "x", sface.examiner.fingerprint)
    assert caught.value.found == "0" * 16
    odd = kept.sealed(SECRET, "x")[:4] + b"\xff" * 16 + bytes(60)
    with pytest.raises(PackError, match="another one"):
        unsealed(odd, SECRET, "x", sface.examiner.fingerprint)


def test_what_was_sealed_and_is_none(sface: Any) -> None:
    """Whoever has the secret could seal anything; it still has to be a face."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = b"VVT\x01" + sface.examiner.fingerprint.encode()
    for inside in (b"", b"x", b"x\x9c\x03\x00\x00\x00\x00\x01"):
        data = head + bytes(12) + AESGCM(SECRET).encrypt(bytes(12), inside, head + b"x")
        with pytest.raises(AccessError):
            unsealed(data, SECRET, "x", sface.examiner.fingerprint)
