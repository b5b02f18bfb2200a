"""Requests to the door of MOSIP's BioSDK service, sound and made wrong on purpose, for scripts on doors."""

from __future__ import annotations

import base64
import copy
import io
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.service.doors.mosip import wire  # noqa: E402

CALLS = ("init", "match", "check-quality", "extract-template", "convert-format", "segment")
FORMS = (wire.signed, wire.unsigned, wire.in_base64)
ENVELOPE = {"version", "responsetime", "response", "errors"}
CODES = {"BIO_SDK_001", "BIOSDK_LIB_EXCEPTION", "INVALID_REQUEST_BODY", "UNCHECKED_EXCEPTION"}
STATUSES = {200, 401, 402, 403, 404, 405, 406, 500}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
OUR_FAULT = "service.fault"

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 255, 256, -129, 2**31, 2**63, 2**200, 0.5, 1e308, "", "FACE", "§"),
    *("\ud800", "x" * 5000, "AAAA", [], {}, [[]], [{}], [None], [1, -2, 300], [2026, 1, 2, 3, 4, 5], "null"),
    {"date": {"year": 0, "month": 13, "day": 99}, "time": {}},
    [2**63] * 6,
    "9999-99-99T99:99:99.999Z",
    {"": {"": {"": []}}},
)
"""Values that stand where others belong."""


def match(reference: bytes, probe: bytes) -> bytes:
    """The body of a claim, its pictures as the platform's client sends them."""
    inner = {
        "sample": wire.face(probe, purpose="VERIFY"),
        "gallery": [wire.face(reference)],
        "modalitiesToMatch": ["FACE"],
        "flags": {},
    }
    return json.dumps(wire.enveloped(inner)).encode()


def captured(picture: bytes) -> bytes:
    """A picture as large, and about as hard compressed, as a capture device sends it for authentication."""
    to = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        small = opened.convert("RGB")
    small.thumbnail((240, 320))
    small.save(to, "JPEG2000", irreversible=True, quality_layers=[12])
    return to.getvalue()


def picture() -> bytes:
    """A small one without a face, which takes little time."""
    to = io.BytesIO()
    Image.linear_gradient("L").resize((32, 32)).convert("RGB").save(to, "JPEG2000")
    return to.getvalue()


def sound(rng: random.Random, bdbs: list[bytes]) -> dict[str, Any]:
    """What is inside a request that could be answered."""
    form = rng.choice(FORMS)
    kinds = ("FACE", "FACE", "FACE", "Face", "FINGER", "EXCEPTION_PHOTO")

    def record() -> dict[str, Any]:
        count = rng.choice((1, 1, 1, 2, 3))
        segments = [wire.segment(form(rng.choice(bdbs)), kind=rng.choice(kinds)) for _ in range(count)]
        return wire.record(*segments)

    modalities = rng.choice((["FACE"], ["FACE"], ["FACE"], [], None, ["FACE", "IRIS"], ["FINGER"]))
    names = ("Match", "Check", "Extract", "Convert", "Segment")
    return {
        "initParams": {"format.url.default": "http://here"},
        "sample": record(),
        "gallery": [record() for _ in range(rng.choice((1, 1, 1, 1, 1, 1, 1, 0, 2)))],
        "sourceFormat": "ISO19794_5_2011",
        "targetFormat": rng.choice(("IMAGE/JPEG", "IMAGE/PNG", "ISO19794_5_2011/JPEG", "IMAGE/GIF")),
        **{f"modalitiesTo{name}": modalities for name in names},
        "flags": {},
    }


def mutated(rng: random.Random, bdbs: list[bytes]) -> tuple[str, bytes]:
    """Path and body of a request in which up to six things are wrong, in values, texts, bytes or envelope."""
    call = rng.choice(CALLS)
    inner = sound(rng, [rng.choice((each, _bytes(each, rng))) for each in bdbs])
    for _ in range(rng.choice((0, 0, 1, 1, 2, 6))):
        _value(inner, rng)
    text = json.dumps(inner).encode("utf-8", "surrogatepass")
    if rng.random() < 0.12:
        text = _bytes(text, rng)
    outer: Any = {"version": "1.0", "request": base64.b64encode(text).decode()}
    if rng.random() < 0.05:
        _value(outer, rng)
    body = json.dumps(outer).encode()
    if rng.random() < 0.05:
        body = _bytes(body, rng)
    return f"{wire.PATH}/{call}", body


def wrong(status: int, body: bytes) -> str | None:
    """What is wrong with an answer, whatever was asked; None where nothing is."""
    if status != 200:
        return f"status {status}"
    try:
        found = json.loads(body)
    except ValueError:
        return "no JSON"
    if not isinstance(found, dict) or set(found) != ENVELOPE:
        return "no envelope"
    if found["version"] != "1.0" or not TIME.fullmatch(str(found["responsetime"])):
        return "an envelope without version or time"
    errors = found["errors"]
    if not isinstance(errors, list):
        return "errors that are no list"
    for error in errors:
        if set(error) != {"code", "message"} or error["code"] not in CODES or found["response"] != "":
            return f"an error of another form: {error}"
        if error["message"].startswith(OUR_FAULT):
            return "a fault"
    if not errors:
        response = found["response"]
        if not isinstance(response, dict):
            return "no response"
        if "apiVersion" not in response and response.get("statusCode") not in STATUSES:
            return f"status {response.get('statusCode')} inside"
    return None


def outcome(body: bytes) -> str:
    """What an answer came to in a word, to be counted."""
    found = json.loads(body)
    if found["errors"]:
        return str(found["errors"][0]["message"].partition(":")[0])
    response = found["response"]
    if "apiVersion" in response:
        return "init"
    if response["statusCode"] == 200:
        return "200"
    return f"{response['statusCode']} {response['statusMessage'].partition(':')[0].partition(' (')[0]}"


def _value(thing: Any, rng: random.Random) -> None:
    """Put something else in the place of one value, at any depth, or take it away."""
    while True:
        if isinstance(thing, dict) and thing:
            key: Any = rng.choice(list(thing))
        elif isinstance(thing, list) and thing:
            key = rng.randrange(len(thing))
        else:
            return
        if not isinstance(thing[key], dict | list) or not thing[key] or rng.random() < 0.3:
            break
        thing = thing[key]
    chance = rng.random()
    if chance < 0.15:
        del thing[key]
    elif chance < 0.25 and isinstance(thing, list):
        thing[:] = thing * rng.choice((2, 5, 50))
    elif isinstance(thing[key], str) and chance < 0.5:
        thing[key] = _bytes(thing[key].encode("utf-8", "replace"), rng).decode("latin-1")
    else:
        thing[key] = copy.deepcopy(rng.choice(ODD))


def _bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes with some changed, cut out, doubled, or put in."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(found) + 1)
        match rng.randrange(5):
            case 0 if at < len(found):
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                del found[at : at + rng.choice((1, 4, 100, len(found)))]
            case 2:
                found[at:at] = found[at : at + rng.choice((1, 8, 200))]
            case 3:
                found[at:at] = rng.randbytes(rng.choice((1, 4, 30)))
            case _:
                found[at : at + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"))
    return bytes(found)
