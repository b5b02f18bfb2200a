"""Mutated face records and biometric records: each a named failure or a record that comes back exactly.

    python benchmarks/fuzz_records.py --count 100000
    python benchmarks/fuzz_records.py --only 4711  # one mutation again, in this very process

Face records of both editions, biometric records in JSON and in XML are mutated, byte by byte and value by
value. What must never happen: another exception than `RecordError` (for a conversion also `PhotoError`), a
message of several lines, a slow answer, much memory, and a record that is accepted but written otherwise than
it was read.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import resource
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.records.samples import (  # noqa: E402
    J2K,
    JP2,
    JPEG,
    PNG,
    TIMES,
    bir_json,
    bir_xml,
    image_2005,
    image_2011,
    record_2005,
    record_2011,
    record_json,
    record_xml,
)

from visavis.errors import PhotoError, RecordError  # noqa: E402
from visavis.records import cbeff_json, cbeff_xml  # noqa: E402
from visavis.records.convert import TARGETS, convert  # noqa: E402
from visavis.records.face_record import FaceRecord  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SECONDS = 2.0
MAX_MEGABYTES = 300
CHUNK = 1_000

FACE_RECORDS = (
    record_2005(image_2005()),
    record_2005(image_2005(JP2, kind=1, points=5), image_2005()),
    record_2011(image_2011()),
    record_2011(image_2011(JPEG, kind=0, points=5, scores=3)),
    record_2011(image_2011(PNG, kind=3), image_2011(J2K, kind=2)),
    record_2011(image_2011(image_type=0x81, solid=bytes(range(100)))),
)
BLOCK = record_2011(image_2011(JPEG[:40], kind=0))
FOREIGN = '<n:Test xmlns:n="testschema" n:a="1">Duplicate<n:x/></n:Test>'
JSON_RECORDS = tuple(
    record_json(bir_json(BLOCK, form=form, time=when) | {"birs": [bir_json(b"1")]}, bir_json(b""))
    for form in ("signed", "unsigned", "base64")
    for when in TIMES.values()
)
XML_RECORDS = (
    record_xml(bir_xml(BLOCK), bir_xml(b"2", more=FOREIGN)),
    record_xml(bir_xml(BLOCK, prefix="b:"), prefix="b:"),
    record_xml(bir_xml(BLOCK).replace("</BIR>", bir_xml(b"2") + FOREIGN + "</BIR>")),
)

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 127, 128, 255, 256, 2**31, -(2**63), 10**400, 0.5, -1e300),
    *("", "A", "AAAA", "FACE", "\0", "\u00e9", "\U0001f600", "x" * 5000),
    *("2023-12-31T23:59:58Z", "9999-12-31T23:59-05:30"),
    *([], [[]], [0], [-1, 200], [1] * 6, [2023, 12, 31, 23, 59], [None], ["Face"]),
    *({}, [{}], {"": ""}, [{}] * 200),
    {"date": {"year": 1, "month": 1, "day": 1}, "time": {"hour": 0, "minute": 0, "second": 0, "nano": 0}},
)
# Pieces of texts that readers stumble over.
ODD_JSON = (
    *(b"NaN", b"1e999", b"-Infinity", b'"\\ud800"', b"9" * 5000, b"[" * 300, b'{"a":' * 90, b"\\", b'"'),
    *(b"\xff", b",", b"null", b"\xef\xbb\xbf", b'{"bdb":1,"bdb":2}', b"]", b"}", b"\0", b"[]," * 500),
)
ODD_XML = (
    *(b"<!DOCTYPE BIR>", b'<!ENTITY a "b">', b"&a;", b"&#0;", b"&#65;", b"<?x y?>", b"<![CDATA[<x>]]>"),
    *(b"<!---->", b"<BIR>" * 12, b"</BIR>", b"<x/>", b"<b:x/>", b' xmlns=""', b' xmlns:b="u"', b' a="1"'),
    *(b"\xff", b"\0", b"<BDB/>", b"<x>" * 40, b"]]>", b"<", b">", b'"', b"\r", b"</"),
    *(b"<entry/>", b'<entry key="EXCEPTION"/>'),
)
XML_TEXTS = (
    *("", " ", "0", "-1", "9" * 5000, "1.5", "NaN", "true", "A", "AA==", "A A\nA=", "face", "Raw", "x y"),
    *("2023-12-31T23:59:58Z", "2023-02-30T00:00Z", "\u00e9", "<&>", "]]>", "\r\n", "\U0001f600", "{u}b"),
)
ODD_NUMBERS = (
    *(b"\0\0", b"\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80"),
    *(b"FAC\0", b"030\0"),
)


def injured(data: bytes, other: bytes, odd: tuple[bytes, ...], rng: random.Random) -> bytes:
    """Bytes with one to three injuries, most of them in front, where headers are."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(out) or 1)
        if rng.random() < 0.5:
            at = min(at, rng.randrange(120))
        match rng.randrange(7):
            case 0:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                out[at : at + 1] = bytes([(out[at] if out else 0) ^ 1 << rng.randrange(8)])
            case 2:
                del out[at : at + rng.choice((1, 2, 20, 1000))]
            case 3:
                out[at:at] = rng.choice((*odd, bytes(out[at : at + 20]), rng.randbytes(4)))
            case 4:
                out[at : at + 20] = other[at : at + 20]
            case 5:
                piece = rng.choice(odd)
                out[at : at + len(piece)] = piece
            case _:
                del out[at:]
    return bytes(out)


def consistent(data: bytes) -> bytes:
    """A face record whose outer length is right again, so that an injury reaches what lies within."""
    return data[:8] + len(data).to_bytes(4) + data[12:] if len(data) > 12 else data


def revalued(plain: Any, rng: random.Random) -> Any:
    """JSON with one to three values changed, removed, doubled or swapped."""
    out = copy.deepcopy(plain)
    for _ in range(rng.choice((1, 1, 2, 3))):
        inside: Any = out
        while isinstance(inside, dict | list) and inside:
            key: Any = rng.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
            below = inside[key]
            if isinstance(below, dict | list) and below and rng.random() < 0.8:
                inside = below
                continue
            match rng.randrange(5):
                case 0:
                    del inside[key]
                case 1:
                    if isinstance(inside, list):
                        inside.insert(rng.randrange(len(inside)), below)
                    else:
                        inside[rng.choice(("new", "", "bdb", "type", "segments", "birs"))] = below
                case _:
                    inside[key] = copy.deepcopy(rng.choice(VALUES))
            break
    return out


def face_record(rng: random.Random) -> str:
    """A mutated face record, read, written and sometimes converted."""
    data = injured(rng.choice(FACE_RECORDS), rng.choice(FACE_RECORDS), ODD_NUMBERS, rng)
    if rng.random() < 0.7:
        data = consistent(data)
    found = FaceRecord.read(data)
    if found.write() != data:
        return "! a face record is written otherwise"
    if rng.random() < 0.2:
        convert(data, rng.choice(list(TARGETS)))
        return "face record converted"
    return "face record"


def json_bytes(rng: random.Random) -> str:
    """Mutated text of JSON."""
    data, other = (json.dumps(rng.choice(JSON_RECORDS)).encode() for _ in range(2))
    plain = cbeff_json.read_json(injured(data, other, ODD_JSON, rng))
    return json_record(plain, "JSON text")


def json_values(rng: random.Random) -> str:
    """JSON with mutated values."""
    plain = revalued(rng.choice(JSON_RECORDS), rng)
    return json_record(cbeff_json.read_json(json.dumps(plain).encode()), "JSON values")


def json_record(plain: Any, what: str) -> str:
    """Read and written again."""
    record = cbeff_json.read_record(plain)
    if json.dumps(cbeff_json.write_record(record)) != json.dumps(plain):
        return "! a record in JSON is written otherwise"
    for segment in record.segments:
        cbeff_xml.write_bir(segment)
    return what


def xml_bytes(rng: random.Random) -> str:
    """Mutated text of XML."""
    return xml_record(injured(rng.choice(XML_RECORDS), rng.choice(XML_RECORDS), ODD_XML, rng), "XML text")


def xml_elements(rng: random.Random) -> str:
    """XML with elements changed, removed, doubled or moved."""
    root = ET.fromstring(rng.choice(XML_RECORDS))
    for _ in range(rng.choice((1, 1, 2, 3))):
        parents = [each for each in root.iter() if len(each)]
        inside = rng.choice(parents or [root])
        child = rng.choice(list(inside) or [root])
        match rng.randrange(6):
            case 0 if child is not root:
                inside.remove(child)
            case 1:
                rng.choice(parents or [root]).append(copy.deepcopy(child))
            case 2:
                child.tag = rng.choice(list(root.iter())).tag
            case 3:
                child.set(rng.choice(("key", "a", "{u}b")), rng.choice(XML_TEXTS))
            case _:
                child.text = rng.choice(XML_TEXTS)
    return xml_record(ET.tostring(root, rng.choice(("utf-8", "us-ascii"))), "XML elements")


def xml_record(data: bytes, what: str) -> str:
    """Read and written again, in both forms."""
    bir = cbeff_xml.read_bir(data)
    if ET.canonicalize(cbeff_xml.write_bir(bir).decode()) != ET.canonicalize(data.decode()):
        return "! a record in XML is written otherwise"
    plain = json.loads(json.dumps(cbeff_json.write_record(bir)))
    if cbeff_json.read_bir(plain) != bir:
        return "! a record in XML is another one in JSON"
    return what


KINDS: tuple[Callable[[random.Random], str], ...] = (
    face_record,
    json_bytes,
    json_values,
    xml_bytes,
    xml_elements,
)


def outcome(number: int) -> str:
    """What came out in a word; one that begins with ``!`` must not happen."""
    rng = random.Random(number)
    kind = KINDS[number % len(KINDS)]
    try:
        return kind(rng)
    except (RecordError, PhotoError) as error:
        if not str(error).isprintable() or len(str(error)) > 500:
            return f"! a message of several lines: {error.code}"
        return f"{kind.__name__}: {error.code}"
    except Exception as error:  # noqa: BLE001  # these are what the script looks for
        return f"! {kind.__name__}: {type(error).__name__}: {error}"[:300]


@dataclass
class Tally:
    """What came out of some mutations, and what must not."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    worst: float = 0.0
    worst_number: int = -1
    peak: int = 0

    def run(self, first: int, last: int) -> Tally:
        """Examine the mutations of these numbers."""
        for number in range(first, last):
            start = time.perf_counter()
            result = outcome(number)
            seconds = time.perf_counter() - start
            self.outcomes[result] += 1
            if result.startswith("!"):
                self.findings.append(f"{number}: {result}")
            if seconds > MAX_SECONDS:
                self.findings.append(f"{number}: took {seconds:.1f} s")
            if seconds > self.worst:
                self.worst, self.worst_number = seconds, number
        self.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if self.peak > MAX_MEGABYTES:
            self.findings.append(f"{first} to {last - 1}: {self.peak} MB")
        return self

    def add(self, other: Tally) -> None:
        """Take in what another process found."""
        self.outcomes += other.outcomes
        self.findings += other.findings
        self.peak = max(self.peak, other.peak)
        if other.worst > self.worst:
            self.worst, self.worst_number = other.worst, other.worst_number

    def print(self) -> None:
        """The counts, the extremes and the first findings."""
        for name, times in self.outcomes.most_common():
            print(f"{times:8} {name}")
        print(f"worst {self.worst * 1e3:.0f} ms ({self.worst_number}), peak {self.peak} MB")
        print("\n".join(self.findings[:50]) or "nothing found")


def work(first: int, last: int) -> Tally:
    """Some mutations in a process of their own."""
    return Tally().run(first, last)


def run(first: int, count: int, jobs: int) -> Tally:
    """All mutations, on so many processes."""
    tally = Tally()
    last = first + count
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        parts = {
            start: pool.submit(work, start, min(start + CHUNK, last)) for start in range(first, last, CHUNK)
        }
        for start, part in parts.items():
            try:
                tally.add(part.result())
            except BrokenProcessPool:
                tally.findings.append(f"{start} to {start + CHUNK - 1}: a process died")
    return tally


def check_bases() -> None:
    """What is mutated is itself accepted."""
    for data in FACE_RECORDS:
        assert FaceRecord.read(data).write() == data
    for plain in JSON_RECORDS:
        assert json_record(plain, "JSON") == "JSON"
    for document in XML_RECORDS:
        cbeff_xml.read_bir(document)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", type=int, help="one mutation again, in this process")
    arguments = parser.parse_args()
    check_bases()
    if arguments.only is not None:
        print(outcome(arguments.only))
        return
    tally = run(arguments.first, arguments.count, arguments.jobs)
    tally.print()
    sys.exit(1 if tally.findings else 0)


if __name__ == "__main__":
    main()
