"""Mutated requests through a door: no 5xx, an answer of the door's own form each time, bounded memory.

    python benchmarks/fuzz_doors.py --door facepp --count 5000
    python benchmarks/fuzz_doors.py --door facepp --only 4711    # one request again, with its answer

The application runs in this process, with the real pack and a database of its own; requests reach it as a
server would hand them on. Each request comes from its own number, so that a finding can be repeated.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import logging
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus, urlencode

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from starlette.testclient import TestClient  # noqa: E402
from tests.pictures import mutated  # noqa: E402
from tests.service.doors.mosip import wire  # noqa: E402

import mosip_requests  # noqa: E402
from visavis.access.fan_out import NO_LIMIT, Limits  # noqa: E402
from visavis.access.gate import Gate  # noqa: E402
from visavis.access.keys import SCOPES, Keys  # noqa: E402
from visavis.packs.install import fetch_demo_pictures  # noqa: E402
from visavis.service.app import create_app  # noqa: E402
from visavis.service.config import Config  # noqa: E402
from visavis.service.service import Service  # noqa: E402

MAX_SECONDS = 5.0
GROWTH_MB = 150.0
"""How much the process may grow after the first tenth of the requests."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request."""

    path: str
    content_type: str
    body: bytes
    query: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Door:
    """How one door is fuzzed.

    Attributes:
        make: A request, by a random source, the key and the pictures.
        wrong: What is wrong with the form of an answer; empty where nothing is.
        outcome: What an answer of the right form came to, in a word.
    """

    make: Callable[[random.Random, str, list[bytes]], Sent]
    wrong: Callable[[Sent, Answer], str]
    outcome: Callable[[Answer], str]


# Face++

PATHS = (
    *("/facepp/v3/compare", "/facepp/v3/detect", "/v3/compare/", "/faceid/v2/verify"),
    *("/facepp/v3/search", "/facepp/v3/%00", "/facepp/v3/compare/../detect"),
)
FIELDS = (
    *("image_file", "image_base64", "image_url", "face_token1", "face_token2", "image_file1", "image_file2"),
    *("image_base64_1", "image_base64_2", "image_url1", "face_rectangle1", "face_rectangle", "uuid"),
    *("return_landmark", "return_attributes", "calculate_all", "comparison_type", "face_image_type"),
    *("image", "image_ref1", "image_ref2", "facetoken", "face_quality_threshold", "api_key", "api_secret"),
)
VALUES = (
    *(b"", b"0", b"1", b"-1", b"2", b"NaN", b"1e400", b"0,0,0,0", b"1,2,3,4", b"nan,1,2,3", b"\xff\xfe"),
    *(b"\0", b"'; DROP TABLE x", b"headpose,blur,facequality", b"none", b"a" * 70_000, b"0" * 32, b"%%%"),
    *(b"data:image/jpeg;base64,", b"raw_image", b"facetoken", b"http://127.0.0.1/", b"https://[::1]:0/"),
    *("ü\u202e\U0001f600".encode(), b"9" * 5000, b"1,2,3,4" * 1000),
)


def facepp_request(rng: random.Random, token: str, pictures: list[bytes]) -> Sent:
    """A good request with some of its fields, bytes or head changed."""
    _, name, secret = token.split("_", 2)
    one, two = (rng.choice(pictures) for _ in range(2))
    fields: list[tuple[str, bytes]] = [("api_key", name.encode()), ("api_secret", secret.encode())]
    as_text = rng.random() < 0.5
    for number, picture in ((1, one), (2, two)):
        data = mutated(picture, rng.choice(pictures), rng) if rng.random() < 0.3 else picture
        field = (
            (f"image_base64_{number}", base64.b64encode(data)) if as_text else (f"image_file{number}", data)
        )
        fields.append(field)
    fields += [("image_file", one), ("image", one), ("image_ref1", two), ("comparison_type", b"0")]
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
        change = rng.choice(("set", "add", "drop", "bytes"))
        at = rng.randrange(len(fields))
        if change == "set":
            fields[at] = (fields[at][0], rng.choice(VALUES))
        elif change == "add":
            fields.insert(at, (rng.choice(FIELDS), rng.choice(VALUES)))
        elif change == "drop" and len(fields) > 1:
            del fields[at]
        else:
            changed, value = fields[at]
            fields[at] = (changed, mutated(value or b"x", rng.choice(VALUES) or b"y", rng))
    if rng.random() < 0.5:
        content_type, body = "application/x-www-form-urlencoded", urlencode(fields).encode()
        if rng.random() < 0.2:  # careless: nothing is escaped
            body = b"&".join(each.encode() + b"=" + value for each, value in fields)
    else:
        boundary = rng.choice(("x", "------PylibFormBoundary" + "a" * 20))
        content_type, body = f"multipart/form-data; boundary={boundary}", multipart(fields, boundary, rng)
    if rng.random() < 0.3:
        body = mutated(body or b"x", rng.choice(pictures), rng)
    if rng.random() < 0.05:
        content_type = rng.choice(
            ("", "application/json", "multipart/form-data", "a/b; boundary=" + "x" * 300)
        )
    query = urlencode({"api_key": name, "api_secret": secret}) if rng.random() < 0.1 else ""
    path = rng.choice(PATHS[:4] if rng.random() < 0.95 else PATHS)
    return Sent(path, content_type, body, query or ("%" * 50 if rng.random() < 0.02 else ""))


def multipart(fields: list[tuple[str, bytes]], boundary: str, rng: random.Random) -> bytes:
    """A form, with heads as careless programs write them."""
    body = b""
    for name, value in fields:
        more = rng.choice(
            ("", "", f'; filename="{quote_plus(name)}.jpg"', "; filename=x\r\nContent-Type: a/b")
        )
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
        body += value + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def facepp_wrong(_sent: Sent, answer: Answer) -> str:
    """A body of Face++'s form, or the one text that isn't."""
    if answer.status == 413:
        return "" if answer.body == b"Request Entity Too Large" else "413 with another text"
    try:
        plain = json.loads(answer.body)
        needed = {"request_id", "time_used"} | (set() if answer.status == 200 else {"error_message"})
        if not needed <= plain.keys():
            return f"keys {sorted(plain)}"
    except ValueError:
        return "no JSON"
    if b"null" in answer.body:
        return "a null"
    if answer.status == 200:
        return "" if "error_message" not in plain else "an error with status 200"
    return "" if answer.status in (400, 401, 403, 404, 412) else f"status {answer.status}"


def facepp_outcome(answer: Answer) -> str:
    """The code of an answer, without what it is about."""
    try:
        plain = json.loads(answer.body)
        return str(plain.get("error_message", "answered")).partition(":")[0]
    except (ValueError, AttributeError):
        return answer.content_type


# MOSIP


def mosip_request(rng: random.Random, token: str, pictures: list[bytes]) -> Sent:
    """Mostly with a picture that takes little time, now and then with a face."""
    small = [mosip_requests.picture()] if rng.random() < 0.97 else pictures
    bdbs = [rng.choice(small), wire.face_record(rng.choice(small)), wire.face_record(small[0], small[-1])]
    path, body = mosip_requests.mutated(rng, bdbs)
    kind = (
        "application/json" if rng.random() < 0.99 else rng.choice(("", "text/plain", "application/JSON; x"))
    )
    return Sent(path, kind, body, token=token if rng.random() < 0.99 else token[:-1])


def mosip_wrong(_sent: Sent, answer: Answer) -> str:
    """An envelope, always."""
    return mosip_requests.wrong(answer.status, answer.body) or ""


def mosip_outcome(answer: Answer) -> str:
    """The status inside, or the code of the error."""
    return mosip_requests.outcome(answer.body)


DOORS = {
    "facepp": Door(facepp_request, facepp_wrong, facepp_outcome),
    "mosip": Door(mosip_request, mosip_wrong, mosip_outcome),
}
"""The doors that are fuzzed, by name."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--door", choices=sorted(DOORS), required=True)
    parser.add_argument("--count", type=int, default=5000, help="how many requests")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--only", type=int, help="send this one and print its answer")
    options = parser.parse_args()
    logging.disable()  # the parser of forms says what it dislikes
    with tempfile.TemporaryDirectory() as folder:
        service = Service.start(Config(database=f"{folder}/fuzz.sqlite", doors=(options.door,), engines=1))
        try:
            return fuzz(service, DOORS[options.door], options)
        finally:
            service.ledger.close()


def fuzz(service: Service, door: Door, options: argparse.Namespace) -> int:
    """Send the requests; 1 where something was found."""
    free = Limits(
        references=NO_LIMIT, references_all_keys=NO_LIMIT, probes=NO_LIMIT, probes_all_keys=NO_LIMIT
    )
    object.__setattr__(service, "gate", Gate(service.ledger, limits=free))
    token = Keys(service.ledger).create(
        purpose="fuzz", legal_basis="none", scopes=SCOPES, rate_per_min=10**6, quota_per_day=10**8
    )[1]
    pictures = small_pictures()
    outcomes: Counter[str] = Counter()
    findings: list[str] = []
    worst, before = (0.0, 0), 0.0
    numbers = (
        [options.only] if options.only is not None else range(options.first, options.first + options.count)
    )
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        for done, number in enumerate(numbers):
            sent = door.make(random.Random(number), token, pictures)
            start = time.perf_counter()
            got = client.post(
                sent.path + (f"?{sent.query}" if sent.query else ""),
                content=sent.body,
                headers={"Content-Type": sent.content_type} | authorized(sent),
            )
            seconds = time.perf_counter() - start
            answer = Answer(got.status_code, got.headers.get("content-type", ""), got.content)
            if options.only is not None:
                print(sent.path, sent.content_type, len(sent.body), answer)
            wrong = f"status {answer.status}" if answer.status >= 500 else door.wrong(sent, answer)
            told = answer.body[:90].decode("utf-8", "replace")
            if not wrong:
                outcomes[f"{answer.status} {door.outcome(answer)}"] += 1
            else:
                findings.append(f"{number}: {wrong}: {told}")
            if seconds > MAX_SECONDS:
                findings.append(f"{number}: took {seconds:.1f} s")
            worst = max(worst, (seconds, number))
            if done == len(numbers) // 10:
                before = peak_mb()
    growth = peak_mb() - before
    if len(numbers) > 100 and growth > GROWTH_MB:
        findings.append(f"the process grew by {growth:.0f} MB")
    if service.memory.held:
        findings.append(f"{service.memory.held} bytes of requests are still counted")
    for name, times in outcomes.most_common():
        print(f"{times:8} {name}")
    print(f"worst {worst[0] * 1e3:.0f} ms ({worst[1]}), grew by {growth:.0f} MB")
    print("\n".join(findings[:50]) or "nothing found")
    return 1 if findings else 0


def authorized(sent: Sent) -> dict[str, str]:
    """Where the key stands in the head."""
    return {"Authorization": f"Bearer {sent.token}"} if sent.token else {}


def small_pictures() -> list[bytes]:
    """The demo's portraits, small, and a picture without a face."""
    found = []
    for data in fetch_demo_pictures().values():
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        picture.thumbnail((160, 160))
        found.append(encoded(picture))
    return [*found, encoded(Image.new("RGB", (64, 64), (90, 100, 110)))]


def encoded(picture: Image.Image) -> bytes:
    to = io.BytesIO()
    picture.save(to, "JPEG", quality=85)
    return to.getvalue()


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
