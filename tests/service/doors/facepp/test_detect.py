"""`/facepp/v3/detect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.service.conftest import make_key
from tests.service.doors.facepp import shapes
from tests.service.doors.facepp.conftest import DETECT, Facepp, opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.service.service import Service


def test_a_face(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    plain = facepp.detected(image_file=small["obama"])
    shapes.fits(plain, shapes.DETECTED)
    assert plain["face_num"] == len(plain["faces"]) == 1
    assert set(plain["faces"][0]) == {"face_token", "face_rectangle"}
    entry = facepp.entries()[-1]
    assert (entry.kind, entry.decision, set(entry.inputs)) == ("quality", "found", {"picture"})
    assert entry.details["faces"] == entry.details["kept"] == 1


def test_no_face(facepp: Facepp, faceless: bytes) -> None:
    plain = facepp.detected({"return_attributes": "blur", "return_landmark": "1"}, image_file=faceless)
    shapes.fits(plain, shapes.DETECTED)
    assert (plain["faces"], plain["face_num"]) == ([], 0)
    assert facepp.entries()[-1].decision == "no_face"


def test_faces_by_their_size(facepp: Facepp, beside: bytes) -> None:
    plain = facepp.detected({"return_attributes": "facequality"}, image_file=beside)
    shapes.fits(plain, shapes.DETECTED)
    larger, smaller = (face["face_rectangle"] for face in plain["faces"])
    assert larger["left"] > 200 > smaller["left"]
    assert larger["width"] > smaller["width"]
    box = ",".join(str(smaller[name]) for name in ("top", "left", "width", "height"))
    one = facepp.detected({"face_rectangle": box}, image_file=beside)
    assert [face["face_rectangle"] for face in one["faces"]] == [smaller]
    assert facepp.detected({"face_rectangle": "0,0,1,1"}, image_file=beside)["faces"] == []


@pytest.mark.parametrize("points", ["0", "1", "2"])
def test_points_and_attributes_that_are_given(
    facepp: Facepp, small: Mapping[str, bytes], points: str
) -> None:
    given = {"return_landmark": points, "return_attributes": "gender,age,headpose,blur,facequality,beauty"}
    plain = facepp.detected(given, image_file=small["obama"])
    shapes.fits(plain, shapes.DETECTED)
    [face] = plain["faces"]
    assert ("landmark" in face) == (points != "0")
    assert set(face["attributes"]) == {"headpose", "facequality", "blur"}
    quality, blur = face["attributes"]["facequality"], face["attributes"]["blur"]["blurness"]
    assert quality["value"] > quality["threshold"]
    assert blur["value"] < blur["threshold"]
    assert all(abs(angle) < 20 for angle in face["attributes"]["headpose"].values())
    if points != "0":
        place, box = face["landmark"], face["face_rectangle"]
        assert place["left_eye_center"]["x"] < place["nose_tip"]["x"] < place["right_eye_center"]["x"]
        assert place["left_eye_center"]["y"] < place["nose_tip"]["y"] < place["mouth_left_corner"]["y"]
        for point in place.values():
            assert box["left"] <= point["x"] <= box["left"] + box["width"]
            assert box["top"] <= point["y"] <= box["top"] + box["height"]


def test_what_is_never_given_is_left_out(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    given = {"return_attributes": "gender,age,emotion,ethnicity,beauty", "beauty_score_min": "20"}
    [face] = facepp.detected(given, image_file=small["obama"])["faces"]
    assert face["attributes"] == {}


def test_what_is_never_given_may_be_refused(service: Service, small: Mapping[str, bytes]) -> None:
    with opened(service, facepp_refuse_attributes=True) as http:
        facepp = Facepp(http, service, make_key(service))
        found = facepp.refused(DETECT, {"return_attributes": "blur,gender"}, image_file=small["obama"])
        assert found == (400, "BAD_ARGUMENTS: return_attributes")
        facepp.detected({"return_attributes": "blur"}, image_file=small["obama"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"return_landmark": "3"}, "BAD_ARGUMENTS: return_landmark"),
        ({"return_landmark": "all"}, "BAD_ARGUMENTS: return_landmark"),
        ({"calculate_all": "yes"}, "BAD_ARGUMENTS: calculate_all"),
        ({"return_attributes": "shoe_size"}, "BAD_ARGUMENTS: return_attributes"),
        ({"return_attributes": "blur," * 99}, "TOO_MANY_FACE_ATTRIBUTES"),
        ({"face_rectangle": "1,1,0,0"}, "BAD_ARGUMENTS: face_rectangle"),
    ],
)
def test_what_is_refused(
    facepp: Facepp, small: Mapping[str, bytes], given: dict[str, str], message: str
) -> None:
    assert facepp.refused(DETECT, given, image_file=small["obama"]) == (400, message)


def test_a_picture_is_needed(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    missing = (400, "MISSING_ARGUMENTS: image_file, image_base64, image_url")
    assert facepp.refused(DETECT, {"face_token": "0" * 32}) == missing
    assert facepp.refused(DETECT, image_file1=small["obama"]) == missing
    assert facepp.refused(DETECT, {"image_url": "http://x.example"}) == (400, "INVALID_IMAGE_URL: image_url")


def test_only_the_largest_faces_are_kept(
    facepp: Facepp, beside: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visavis.service.doors.facepp import detect

    monkeypatch.setattr(detect, "MAX_TOKENS", 1)
    given = {"return_landmark": "1"}
    first, second = facepp.detected(given, image_file=beside)["faces"]
    assert "face_token" in first
    assert "face_token" not in second
    assert "landmark" in first
    assert "landmark" not in second
    assert facepp.entries()[-1].details["kept"] == 1
    every = facepp.detected({**given, "calculate_all": "1"}, image_file=beside)["faces"]
    assert all("landmark" in face for face in every)
