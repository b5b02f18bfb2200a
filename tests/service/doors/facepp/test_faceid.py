"""`/faceid/v2/verify` against the caller's own pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.service.doors.facepp import shapes
from tests.service.doors.facepp.conftest import VERIFY, Facepp, jpeg

from visavis.decision.policy import Policy
from visavis.quality.profiles import PROFILES
from visavis.quality.unified import NAME
from visavis.service.doors.facepp.faceid import stricter

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = {"comparison_type": "0", "face_image_type": "raw_image", "uuid": "applicant-facepp-1"}


def test_one_and_several_references(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    answer = facepp.ask(VERIFY, OWN, image=small["obama"], image_ref1=small["obama2"])
    plain = answer.json()
    shapes.fits(plain, shapes.VERIFIED)
    assert set(plain) == {"request_id", "time_used", "result_ref1"}
    assert plain["result_ref1"]["confidence"] > plain["result_ref1"]["thresholds"]["1e-6"]
    entry = facepp.entries()[-1]
    assert (entry.kind, entry.decision) == ("verdict", "match")
    assert entry.subject is not None
    given = {**OWN, "return_faces": "1"}
    both = {"image_ref1": small["obama2"], "image_ref3": small["obama"]}
    plain = facepp.ask(VERIFY, given, image=small["obama"], **both).json()
    shapes.fits(plain, shapes.VERIFIED)
    assert set(plain) == {"request_id", "time_used", "result_ref1", "result_ref3", "faces"}
    assert plain["result_ref3"]["confidence"] > 99
    stranger = facepp.ask(VERIFY, OWN, image=small["biden"], image_ref1=small["obama2"]).json()
    assert stranger["result_ref1"]["confidence"] < stranger["result_ref1"]["thresholds"]["1e-3"]


def test_a_token_as_probe(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    token = facepp.detected(image_file=small["obama"])["faces"][0]["face_token"]
    given = {**OWN, "face_image_type": "facetoken", "facetoken": token}
    plain = facepp.ask(VERIFY, given, image_ref1=small["obama2"]).json()
    shapes.fits(plain, shapes.VERIFIED)
    assert plain["result_ref1"]["confidence"] > plain["result_ref1"]["thresholds"]["1e-6"]


@pytest.mark.parametrize(
    ("changes", "files", "message"),
    [
        ({"comparison_type": ""}, {}, "MISSING_ARGUMENTS: comparison_type"),
        ({"comparison_type": "1"}, {}, "BAD_ARGUMENTS: comparison_type"),
        ({"face_image_type": "meglive"}, {}, "BAD_ARGUMENTS: face_image_type"),
        ({"face_image_type": "facetoken"}, {}, "MISSING_ARGUMENTS: facetoken"),
        ({"face_image_type": "facetoken", "facetoken": "x"}, {}, "INVALID_FACE_TOKEN: x"),
        ({"uuid": "x" * 201}, {}, "BAD_ARGUMENTS: uuid"),
        ({"face_quality_threshold": "101"}, {}, "BAD_ARGUMENTS: face_quality_threshold"),
        ({"fail_when_multiple_faces": "2"}, {}, "BAD_ARGUMENTS: fail_when_multiple_faces"),
        ({"multi_oriented_detection": "x"}, {}, "BAD_ARGUMENTS: multi_oriented_detection"),
        ({"return_faces": "9"}, {}, "BAD_ARGUMENTS: return_faces"),
        ({}, {"image": None}, "MISSING_ARGUMENTS: image"),
        ({}, {"image_ref1": None}, "MISSING_ARGUMENTS: image_ref1"),
        ({}, {"image": "faceless"}, "NO_FACE_FOUND: image"),
        ({}, {"image_ref1": "faceless"}, "NO_FACE_FOUND: image_ref1"),
        ({}, {"image_ref2": "faceless"}, "NO_FACE_FOUND: image_ref2"),
        ({}, {"image_ref3": "faceless"}, "NO_FACE_FOUND: image_ref3"),
        ({}, {"image": "together"}, "MULTIPLE_FACES: image"),
        ({}, {"image_ref1": "together"}, "MULTIPLE_FACES: image_ref1"),
        ({"face_quality_threshold": "100"}, {}, "LOW_QUALITY: image"),
        ({"face_quality_threshold": "99.99"}, {}, "LOW_QUALITY: image"),
        ({}, {"image_ref2": "biden"}, "BAD_ARGUMENTS: image_ref2"),
        ({}, {"image_ref3": "biden"}, "BAD_ARGUMENTS: image_ref3"),
        ({}, {"image": "broken"}, "IMAGE_ERROR_UNSUPPORTED_FORMAT: image"),
    ],
)
def test_what_is_refused(
    facepp: Facepp,
    small: Mapping[str, bytes],
    faceless: bytes,
    together: bytes,
    changes: dict[str, str],
    files: dict[str, str | None],
    message: str,
) -> None:
    pictures = {**small, "faceless": faceless, "together": together, "broken": b"broken"}
    chosen = {"image": "obama", "image_ref1": "obama2", **files}
    given = {name: pictures[picture] for name, picture in chosen.items() if picture is not None}
    size = len(facepp.entries())
    assert facepp.refused(VERIFY, {**OWN, **changes}, **given) == (400, message)
    looked_at = (
        message.partition(":")[0] in ("NO_FACE_FOUND", "MULTIPLE_FACES", "LOW_QUALITY")
        or "biden" in files.values()
    )
    if looked_at:
        assert [(entry.kind, entry.decision) for entry in facepp.entries()[size:]] == [
            ("verdict", "inconclusive")
        ]


@pytest.fixture(scope="session")
def together(small: Mapping[str, bytes]) -> bytes:
    """Two faces of one size."""
    one = Image.open(io.BytesIO(small["obama"]))
    both = Image.new("RGB", (2 * one.width, one.height))
    both.paste(one, (0, 0))
    both.paste(one, (one.width, 0))
    return jpeg(both)


def test_several_faces_where_they_may_be(facepp: Facepp, small: Mapping[str, bytes], together: bytes) -> None:
    given = {**OWN, "fail_when_multiple_faces": "0"}
    plain = facepp.ask(VERIFY, given, image=together, image_ref1=small["obama2"]).json()
    assert plain["result_ref1"]["confidence"] > 80


def test_a_picture_that_lies_on_its_side(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    lying = jpeg(Image.open(io.BytesIO(small["obama"])).transpose(Image.Transpose.ROTATE_90))
    upright = facepp.ask(VERIFY, OWN, image=lying, image_ref1=small["obama2"]).json()
    assert upright["result_ref1"]["confidence"] > 80
    as_it_is = facepp.ask(
        VERIFY, {**OWN, "multi_oriented_detection": "0"}, image=lying, image_ref1=small["obama2"]
    ).json()
    told = as_it_is.get("result_ref1", {"confidence": 0})["confidence"]
    assert told < upright["result_ref1"]["confidence"]


@pytest.mark.parametrize(
    ("policy", "asked", "least"),
    [
        (Policy(), 30, 30.0),
        (Policy(), 0, None),
        (Policy(floors={NAME: 50.0}), 30, 50.0),
        (Policy(floors={NAME: 20.0}), 30, 30.0),
        (Policy(quality="selfie"), 30, PROFILES["selfie"].floors[NAME].score),
        (Policy(quality="selfie"), 95, 95.0),
    ],
)
def test_a_request_is_never_laxer_than_the_policy(policy: Policy, asked: int, least: float | None) -> None:
    found = stricter(policy, asked, alone=True)
    assert found.floors.get(NAME) == least
    assert (found.faces, found.quality, found.fmr) == ("only", policy.quality, policy.fmr)
