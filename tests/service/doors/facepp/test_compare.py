"""`/facepp/v3/compare`, with real pictures and the real pack."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.service.conftest import PURPOSE, make_key
from tests.service.doors.facepp import shapes
from tests.service.doors.facepp.conftest import COMPARE, DETECT, VERIFY, Facepp, opened

from visavis.decision.policy import Policy
from visavis.errors import PhotoError
from visavis.photo import Photo
from visavis.service.doors.facepp import tokens
from visavis.service.doors.facepp.asked import Asked
from visavis.service.doors.facepp.compare import Comparison, make
from visavis.service.doors.facepp.confidence import Curve
from visavis.service.doors.facepp.form import Form
from visavis.service.doors.facepp.pictures import MAX_BYTES, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.service.service import Service


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def files(small: Mapping[str, bytes], *names: str) -> dict[str, bytes]:
    return {f"image_file{number}": small[name] for number, name in enumerate(names, 1)}


def test_the_same_person(facepp: Facepp, small: Mapping[str, bytes], sface: Any) -> None:
    plain = facepp.compared(**files(small, "obama", "obama2"))
    shapes.fits(plain, shapes.COMPARED)
    assert set(plain) == {name.removesuffix("?") for name in shapes.COMPARED}
    verdict = sface.verify(small["obama"], small["obama2"])
    assert plain["confidence"] == Curve.through(sface.calibration)(verdict.similarity)
    assert plain["confidence"] > plain["thresholds"]["1e-5"]
    entry = facepp.entries()[-1]
    assert (entry.kind, entry.decision, entry.purpose) == ("verdict", "match", PURPOSE)
    assert entry.key == facepp.pair["api_key"]
    assert set(entry.inputs) == {"reference", "probe"}
    assert entry.subject is None


def test_another_person(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    plain = facepp.compared(**files(small, "obama", "biden"))
    shapes.fits(plain, shapes.COMPARED)
    assert plain["confidence"] < plain["thresholds"]["1e-3"]
    assert facepp.entries()[-1].decision == "no_match"


@pytest.mark.parametrize(
    ("sides", "empty"),
    [
        (("faceless", "obama"), ["faces1"]),
        (("obama", "faceless"), ["faces2"]),
        (("faceless",) * 2, ["faces1", "faces2"]),
    ],
)
def test_no_face_is_no_error(
    facepp: Facepp, small: Mapping[str, bytes], faceless: bytes, sides: tuple[str, str], empty: list[str]
) -> None:
    """Section 3: HTTP 200, `[]`, no confidence, no thresholds."""
    plain = facepp.compared(**files({**small, "faceless": faceless}, *sides))
    shapes.fits(plain, shapes.COMPARED)
    assert not {"confidence", "thresholds"} & plain.keys()
    assert [name for name in ("faces1", "faces2") if plain[name] == []] == empty
    assert {"image_id1", "image_id2"} <= plain.keys()
    entry = facepp.entries()[-1]
    assert (entry.kind, entry.decision, entry.reasons) == ("verdict", "inconclusive", ("no_face",))


def test_the_answer_has_no_null_and_no_words_that_eval_trips_over(
    facepp: Facepp, small: Mapping[str, bytes], faceless: bytes
) -> None:
    for data in (small["obama2"], faceless):
        answer = facepp.ask(COMPARE, image_file1=small["obama"], image_file2=data)
        assert eval(answer.text) == answer.json()


def test_the_largest_face_is_compared_and_comes_first(
    facepp: Facepp, small: Mapping[str, bytes], beside: bytes
) -> None:
    plain = facepp.compared(image_file1=small["obama"], image_file2=beside)
    shapes.fits(plain, shapes.COMPARED)
    first, second = plain["faces2"]
    assert first["face_rectangle"]["left"] > 200 > second["face_rectangle"]["left"]
    assert plain["confidence"] > plain["thresholds"]["1e-5"]
    assert "face_token" in first
    assert "face_token" not in second, "nobody asked about the other person"


def test_a_rectangle_says_which_face_is_meant(
    facepp: Facepp, small: Mapping[str, bytes], beside: bytes
) -> None:
    whole = facepp.compared(image_file1=small["biden"], image_file2=beside)
    box = whole["faces2"][1]["face_rectangle"]
    given = ", ".join(f"{box[name]}.00" for name in ("top", "left", "width", "height"))
    plain = facepp.compared({"face_rectangle2": given}, image_file1=small["biden"], image_file2=beside)
    assert plain["faces2"][0]["face_rectangle"] == box
    assert plain["confidence"] > plain["thresholds"]["1e-4"] > whole["confidence"]
    nowhere = facepp.compared({"face_rectangle2": "0,0,1,1"}, image_file1=small["biden"], image_file2=beside)
    assert nowhere["faces2"] == []
    assert "confidence" not in nowhere


def test_tokens_of_detect_and_of_compare(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    before = facepp.compared(**files(small, "obama", "obama2"))
    first, second = (before[f"faces{number}"][0]["face_token"] for number in (1, 2))
    detected = facepp.detected(image_file=small["obama"])["faces"][0]["face_token"]
    assert len({first, second, detected}) == 3
    both = facepp.compared({"face_token1": first, "face_token2": second})
    assert set(both) == {"request_id", "time_used", "confidence", "thresholds"}
    assert both["confidence"] == before["confidence"]
    entry = facepp.entries()[-1]
    assert (entry.kind, entry.decision) == ("verdict", "match")
    # On one side a token, on the other a picture: a picture on the token's side doesn't count.
    mixed = facepp.compared(
        {"face_token1": detected, "image_base64_1": text(small["biden"])}, image_file2=small["obama2"]
    )
    assert set(mixed) == {"request_id", "time_used", "confidence", "thresholds", "image_id2", "faces2"}
    assert mixed["confidence"] == before["confidence"]
    # The one that was enrolled before is the reference, whichever side it is on.
    turned = facepp.compared({"face_token2": detected}, image_file1=small["obama2"])
    assert turned["confidence"] == before["confidence"]


@pytest.mark.parametrize(
    ("kinds", "reference"),
    [
        (("picture", "picture"), 0),
        (("token", "picture"), 0),
        (("picture", "token"), 1),
        (("token", "token"), 0),
    ],
)
def test_who_was_enrolled_before_is_the_reference(kinds: tuple[str, str], reference: int) -> None:
    sides = tuple(
        Source(kind, token=str(number) * 32) if kind == "token" else Source(kind, data=bytes([number]))
        for number, kind in enumerate(kinds)
    )
    asked = Asked(Form({}), b"", (), make, "", 0.0, "")
    task = Comparison(asked, sides, (None, None), Policy(), 72)
    assert task.reference == reference
    given = [side.data or (side.token or "").encode() for side in sides]
    digests = [hashlib.sha256(each).hexdigest() for each in given]
    assert task.inputs() == {"reference": digests[reference], "probe": digests[1 - reference]}


def test_a_replay_is_recorded_like_the_first_time(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    token = facepp.detected(image_file=small["obama"])["faces"][0]["face_token"]
    given, size = {"face_token1": token}, len(facepp.entries())
    answers = [facepp.compared(given, image_file2=small["obama2"]) for _ in range(3)]
    assert len({answer["confidence"] for answer in answers}) == 1
    assert len({answer["request_id"] for answer in answers}) == 3
    assert len({answer["faces2"][0]["face_token"] for answer in answers}) == 3
    assert len(facepp.entries()) == size + 3


def same(tokens: Any, _service: object) -> Any:
    return tokens


def later(hours: float) -> float:
    return time.time() + hours * 3600


def test_tokens_of_another_key_and_expired_ones(
    facepp: Facepp, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = facepp.detected(image_file=small["obama"])["faces"][0]["face_token"]
    given = {"face_token1": token}
    other = Facepp(facepp.http, facepp.service, make_key(facepp.service))
    unknown = (400, f"INVALID_FACE_TOKEN: {token}")
    assert other.refused(COMPARE, given, image_file2=small["obama2"]) == unknown
    facepp.compared(given, image_file2=small["obama2"])
    secret = tokens.of(facepp.service)._secret
    for hours, expected in ((71.9, 200), (72.1, 400)):
        clock = functools.partial(later, hours)
        moved = tokens.FaceTokens(facepp.service.ledger.storage, secret, clock)
        monkeypatch.setattr(tokens, "of", functools.partial(same, moved))
        answer = facepp.ask(COMPARE, given, image_file2=small["obama2"])
        assert answer.status_code == expected
    assert answer.json()["error_message"] == unknown[1]


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("0" * 32, "0" * 32),
        ("A" * 32, "A" * 32),
        ("short", "short"),
        ("ü\n\0' OR 1=1 --", "' OR 1=1 --"),
        ("9" * 5000, "9" * 64),
    ],
)
def test_tokens_that_are_none(facepp: Facepp, small: Mapping[str, bytes], token: str, shown: str) -> None:
    found = facepp.refused(COMPARE, {"face_token2": token}, image_file1=small["obama"])
    assert found == (400, f"INVALID_FACE_TOKEN: {shown}")


def test_nothing_is_kept_where_the_operator_says_so(service: Service, small: Mapping[str, bytes]) -> None:
    with opened(service, facepp_token_hours=0) as http:
        facepp = Facepp(http, service, make_key(service))
        plain = facepp.compared(**files(small, "obama", "obama2"))
        assert "face_token" not in json.dumps(plain)
        assert "face_token" not in json.dumps(facepp.detected(image_file=small["obama"]))


# How pictures come: section 2 and 6


def test_every_way_to_send_a_picture(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    one, two = small["obama"], small["obama2"]
    expected = facepp.compared(image_file1=one, image_file2=two)["confidence"]
    careless = "data:image/jpeg;base64," + text(two).rstrip("=").replace("+", " ")
    broken = "\r\n".join(text(one)[at : at + 76] for at in range(0, len(text(one)), 76))
    for given, more in (
        ({"image_base64_1": text(one), "image_base64_2": careless}, {}),
        ({"image_base64_1": broken}, {"image_file2": two}),
        (
            {"image_file2": "", "image_url1": "", "face_rectangle1": "", "image_base64_2": careless},
            {"image_file1": one},
        ),
    ):
        assert facepp.compared(given, **more)["confidence"] == expected
    # A file as a part without a file name, base64 as a file, and a lie about its type.
    http, pair = facepp.http, facepp.pair
    parts: list[Any] = [
        ("api_key", (None, pair["api_key"])),
        ("api_secret", (None, pair["api_secret"])),
        ("image_file1", (None, one)),
        ("image_base64_2", ("x.txt", text(two).encode(), "text/plain")),
    ]
    assert http.post(COMPARE, files=parts).json()["confidence"] == expected
    lying = {
        "image_file1": ("../../etc/passwd", one, "application/octet-stream"),
        "image_file2": ("a.gif", two, "image/gif"),
    }
    assert http.post(COMPARE, data=pair, files=lying).json()["confidence"] == expected


def test_the_pair_may_stand_in_the_query_string(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    one, two = files(small, "obama", "obama2").values()
    answer = facepp.http.post(COMPARE, params=facepp.pair, files={"image_file1": one, "image_file2": two})
    assert answer.status_code == 200
    # The body goes before it.
    answer = facepp.http.post(
        COMPARE,
        params={**facepp.pair, "api_secret": "wrong"},
        data={
            "api_secret": facepp.pair["api_secret"],
            "image_base64_1": text(one),
            "image_base64_2": text(two),
        },
    )
    assert answer.status_code == 200


def test_other_ways_to_write_the_pair(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    pair = facepp.pair
    for changed in (
        {"api_secret": facepp.token},
        {"api_key": f"vv_{pair['api_key']}"},
        {"api_key": f"vv_{pair['api_key']}", "api_secret": facepp.token},
        {"api_key": f" {pair['api_key']}\n"},
    ):
        assert facepp.compared(changed, **files(small, "obama", "obama"))["confidence"] > 99


# What is refused: section 5

MISSING = "MISSING_ARGUMENTS: face_token{0}, image_file{0}, image_base64_{0}, image_url{0}"


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"api_key": None}, 400, "MISSING_ARGUMENTS: api_key"),
        ({"api_secret": None}, 400, "MISSING_ARGUMENTS: api_secret"),
        ({"api_key": "", "api_secret": ""}, 400, "MISSING_ARGUMENTS: api_key, api_secret"),
        ({"api_secret": "x" * 43}, 401, "AUTHENTICATION_ERROR"),
        ({"api_key": "a" * 12}, 401, "AUTHENTICATION_ERROR"),
        ({"api_key": "?'; --", "api_secret": "ü"}, 401, "AUTHENTICATION_ERROR"),
        ({"api_secret": f"vv_{'b' * 12}_{'x' * 43}"}, 401, "AUTHENTICATION_ERROR"),
        ({"image_base64_1": None}, 400, MISSING.format(1)),
        ({"image_base64_2": ""}, 400, MISSING.format(2)),
        ({"image_base64_2": None, "image_base642": "x"}, 400, MISSING.format(2)),
        ({"face_rectangle1": "1,2,3"}, 400, "BAD_ARGUMENTS: face_rectangle1"),
        ({"face_rectangle2": "a,b,c,d"}, 400, "BAD_ARGUMENTS: face_rectangle2"),
        ({"image_base64_1": "%%%"}, 400, "IMAGE_ERROR_UNSUPPORTED_FORMAT: image_base64_1"),
        ({"image_base64_2": "R0lGODlhAQABAAAAACw="}, 400, "IMAGE_ERROR_UNSUPPORTED_FORMAT: image_base64_2"),
        ({"image_file1": "no picture"}, 400, "IMAGE_ERROR_UNSUPPORTED_FORMAT: image_file1"),
        ({"image_base64_1": "A" * (MAX_BYTES * 4 // 3 + 8)}, 400, "IMAGE_FILE_TOO_LARGE: image_base64_1"),
        ({"image_file2": "A" * (MAX_BYTES + 1)}, 400, "IMAGE_FILE_TOO_LARGE: image_file2"),
        ({"image_base64_1": None, "image_url1": "https://x.example/a"}, 400, "INVALID_IMAGE_URL: image_url1"),
    ],
)
def test_what_is_refused(
    facepp: Facepp, small: Mapping[str, bytes], changes: dict[str, str | None], status: int, message: str
) -> None:
    given: dict[str, str | None] = {
        **facepp.pair,
        "image_base64_1": text(small["obama"]),
        "image_base64_2": text(small["obama2"]),
        **changes,
    }
    answer = facepp.http.post(
        COMPARE, data={name: value for name, value in given.items() if value is not None}
    )
    assert (answer.status_code, answer.json()["error_message"]) == (status, message)
    shapes.fits(answer.json(), {"request_id": str, "time_used": int, "error_message": str})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_picture_that_cant_be_used_is_recorded(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    found = facepp.refused(COMPARE, image_file1=small["obama"], image_file2=b"\xff\xd8\xff but no picture")
    assert found == (400, "IMAGE_ERROR_UNSUPPORTED_FORMAT: image_file2")
    entry = facepp.entries()[-1]
    assert (entry.kind, entry.purpose, set(entry.inputs)) == ("refusal", PURPOSE, {"reference", "probe"})


@pytest.mark.parametrize(
    ("path", "fields", "field"),
    [
        (COMPARE, ("image_file1", "image_file2"), "image_file1"),
        (DETECT, ("image_file",), "image_file"),
        (VERIFY, ("image", "image_ref1"), "image_ref1"),
    ],
)
def test_a_picture_that_turns_out_to_be_damaged_at_a_second_look(
    path: str,
    fields: tuple[str, ...],
    field: str,
    facepp: Facepp,
    small: Mapping[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def finer(_photo: Photo, _scale: float) -> Photo:
        raise PhotoError("photo.damaged", "the JPEG is damaged")

    monkeypatch.setattr(Photo, "finer", finer)
    given = {"comparison_type": "0"} if path == VERIFY else {}
    said = facepp.refused(path, given, **dict.fromkeys(fields, small["obama"]))
    assert said == (400, f"IMAGE_ERROR_UNSUPPORTED_FORMAT: {field}")


def test_a_face_that_is_too_poor_has_no_confidence_and_no_token(
    service: Service, small: Mapping[str, bytes]
) -> None:
    policy = Policy(min_inter_eye_px=1000)
    with opened(service, policy=policy) as http:
        facepp = Facepp(http, service, make_key(service))
        plain = facepp.compared(**files(small, "obama", "obama2"))
        shapes.fits(plain, shapes.COMPARED)
        assert "confidence" not in plain
        assert [set(face) for face in (*plain["faces1"], *plain["faces2"])] == [{"face_rectangle"}] * 2
        assert facepp.entries()[-1].reasons == ("face_too_small",)


def test_policies_hold_for_kept_faces_too(service: Service, small: Mapping[str, bytes]) -> None:
    """A token is no way around what the policy asks of a picture."""
    key = make_key(service)
    with opened(service) as http:
        facepp = Facepp(http, service, key)
        first = facepp.compared(**files(small, "obama", "obama2"))
        unmeasured = first["faces1"][0]["face_token"]
        measured = facepp.detected(image_file=small["obama"])["faces"][0]["face_token"]
    with opened(service, policy=Policy(floors={"inter_eye_distance": 100.0})) as http:
        facepp = Facepp(http, service, key)
        found = facepp.refused(COMPARE, {"face_token1": unmeasured}, image_file2=small["obama2"])
        assert found == (400, f"INVALID_FACE_TOKEN: {unmeasured}")
        second = facepp.detected(image_file=small["obama2"])["faces"][0]["face_token"]
        plain = facepp.compared({"face_token1": measured, "face_token2": second})
        assert "confidence" not in plain
        assert "quality_low" in facepp.entries()[-1].reasons
    with opened(service, policy=Policy(liveness="require")) as http:
        facepp = Facepp(http, service, key)
        plain = facepp.compared({"face_token1": measured, "face_token2": second})
        assert "confidence" not in plain
        assert "liveness_not_assessed" in facepp.entries()[-1].reasons
