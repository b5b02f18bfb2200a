"""Records built byte by byte and name by name, as their standards and MOSIP have them. No people."""

from __future__ import annotations

import base64
import struct
from array import array
from typing import TYPE_CHECKING, Any

from tests.pictures import encoded, scene

if TYPE_CHECKING:
    from collections.abc import Callable

JPEG = encoded("JPEG", scene(90, 120))
PNG = encoded("PNG", scene(90, 120))
JP2 = encoded("JPEG2000", scene(90, 120))
J2K = encoded("JPEG2000", scene(90, 120), no_jp2=True)


def image_2005(
    picture: bytes = JPEG,
    *,
    kind: int = 0,
    size: tuple[int, int] = (90, 120),
    points: int = 0,
    length: int | None = None,
    stated_points: int | None = None,
) -> bytes:
    """An image's block, field by field as in ISO/IEC 19794-5:2005, 5.5 to 5.8."""
    about = struct.pack(">BBB3s2s3s3s", 2, 3, 4, b"\0\0\1", b"\0\1", b"\1\2\3", b"\4\5\6")
    body = (
        struct.pack(">H", points if stated_points is None else stated_points)
        + about
        + b"\1\x21\0\x10\0\x20\0\0" * points
        + struct.pack(">BBHHBBHH", 1, kind, *size, 1, 2, 0x1234, 77)
        + picture
    )
    return struct.pack(">I", len(body) + 4 if length is None else length) + body


def record_2005(
    *images: bytes, version: bytes = b"010\0", length: int | None = None, count: int | None = None
) -> bytes:
    body = b"".join(images)
    total = len(body) + 14 if length is None else length
    return b"FAC\0" + version + struct.pack(">IH", total, len(images) if count is None else count) + body


def image_2011(
    picture: bytes = JP2,
    *,
    kind: int = 1,
    size: tuple[int, int] = (90, 120),
    scores: int = 1,
    points: int = 0,
    image_type: int = 1,
    solid: bytes = b"",
    length: int | None = None,
    stated_scores: int | None = None,
    stated_points: int | None = None,
    picture_length: int | None = None,
    person: bytes = b"\2\3\4\xaa\0\0\1\0\1",
) -> bytes:
    """A representation, field by field as in ISO/IEC 19794-5:2011."""
    body = (
        bytes.fromhex("07e7 0c 1f 17 3b 3a 03e7".replace(" ", ""))  # 2023-12-31 23:59:58.999
        + struct.pack(">BHHB", 6, 0x0101, 0x0202, scores if stated_scores is None else stated_scores)
        + struct.pack(">BHH", 40, 0x0F03, 0x0005) * scores
        + struct.pack(">H", points if stated_points is None else stated_points)
        + person
        + b"\1\2\3\4\5\6"
        + b"\1\x21\0\x10\0\x20\0\7" * points
        + struct.pack(">BBHH", image_type, kind, *size)
        + struct.pack(">BHBB", 9, 0x0010, 0, 1)
        + struct.pack(">I", len(picture) if picture_length is None else picture_length)
        + picture
        + solid
    )
    return struct.pack(">I", len(body) + 4 if length is None else length) + body


def record_2011(
    *images: bytes,
    version: bytes = b"030\0",
    length: int | None = None,
    count: int | None = None,
    certified: int = 0,
    temporal: int = 0,
) -> bytes:
    body = b"".join(images)
    total = len(body) + 17 if length is None else length
    number = len(images) if count is None else count
    return b"FAC\0" + version + struct.pack(">IHBH", total, number, certified, temporal) + body


def signed(data: bytes) -> list[int]:
    return array("b", data).tolist()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


TIMES: dict[str, Any] = {
    "object": {
        "date": {"year": 2023, "month": 12, "day": 31},
        "time": {"hour": 23, "minute": 59, "second": 58, "nano": 371670900},
    },
    "text": "2023-12-31T23:59:58.371670900Z",
    "text without a zone": "2023-12-31T23:59:58.371",
    "text with a zone": "2024-01-01T05:29:58.371+05:30",
    "milliseconds": 1704067198371,  # date -u -d '2023-12-31 23:59:58.371' +%s%3N
    "array of 7": [2023, 12, 31, 23, 59, 58, 371670900],
    "array of 6": [2023, 12, 31, 23, 59, 58],
}


def bir_json(
    data: Any = None, *, form: str = "signed", time: Any = None, kind: str = "FACE"
) -> dict[str, Any]:
    """A segment with all names that MOSIP's service prints."""
    block = record_2011(image_2011()) if data is None else data
    forms: dict[str, Callable[[bytes], Any]] = {"signed": signed, "unsigned": list, "base64": base64_of}
    as_form = forms[form]
    format_8 = {"organization": "Mosip", "type": "8"}
    dates = {"creationDate": time, "notValidBefore": None, "notValidAfter": None}
    return {
        "version": {"major": 1, "minor": 1},
        "cbeffversion": {"major": 1, "minor": 1},
        "birInfo": {"creator": None, "index": None, "payload": None, "integrity": False, **dates},
        "bdbInfo": {
            "challengeResponse": None,
            "index": "34fdeea8-3376-498a-a7ba-e3c4a206b78d",
            "format": format_8,
            "encryption": None,
            **dates,
            "type": [kind],
            "subtype": [],
            "level": "RAW",
            "product": None,
            "captureDevice": None,
            "featureExtractionAlgorithm": None,
            "comparisonAlgorithm": None,
            "compressionAlgorithm": None,
            "purpose": "VERIFY",
            "quality": {
                "algorithm": {"organization": "HMAC", "type": "SHA-256"},
                "score": 100,
                "qualityCalculationFailed": None,
            },
        },
        "bdb": as_form(block),
        "sb": as_form(b"a signature"),
        "birs": [],
        "sbInfo": {"format": format_8},
        "others": {"EXCEPTION": "false", "SDK_SCORE": None, "RETRIES": 1},
    }


def record_json(*segments: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": None,
        "cbeffversion": None,
        "birInfo": {"integrity": False},
        "segments": list(segments or (bir_json(),)),
        "others": {},
    }


NAMESPACE = "http://standards.iso.org/iso-iec/19785/-3/ed-2/"


def bir_xml(
    block: bytes | None = None, *, prefix: str = "", more: str = "", time: str = "2021-08-11T10:32:48.1Z"
) -> str:
    """A record within a document, as MOSIP's registration client writes it."""
    b64 = base64.b64encode(record_2011(image_2011()) if block is None else block).decode()
    text = f"""<BIR>
        <Version><Major>1</Major><Minor>1</Minor></Version>
        <CBEFFVersion><Major>1</Major><Minor>1</Minor></CBEFFVersion>
        {more}
        <BIRInfo><Integrity>false</Integrity></BIRInfo>
        <BDBInfo>
            <Index>11d5c6dc-1bc2-4eda-a7bf-4a3639b29e01</Index>
            <Format><Organization>Mosip</Organization><Type>8</Type></Format>
            <CreationDate>{time}</CreationDate>
            <Type>Face</Type>
            <Subtype></Subtype>
            <Level>Raw</Level>
            <Purpose>Enroll</Purpose>
            <Quality>
                <Algorithm><Organization>HMAC</Organization><Type>SHA-256</Type></Algorithm>
                <Score>80</Score>
            </Quality>
        </BDBInfo>
        <BDB>{b64}</BDB>
        <SB>YSBzaWduYXR1cmU=</SB>
        <Others><entry key="EXCEPTION">false</entry><entry key="SDK_SCORE">0.0</entry></Others>
    </BIR>"""
    return (
        text.replace("</", "\0").replace("<", f"<{prefix}").replace("\0", f"</{prefix}") if prefix else text
    )


def record_xml(*birs: str, prefix: str = "") -> bytes:
    name = f"xmlns:{prefix.rstrip(':')}" if prefix else "xmlns"
    inside = "\n    ".join(birs or (bir_xml(prefix=prefix),))
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<{prefix}BIR {name}="{NAMESPACE}">
    <{prefix}BIRInfo><{prefix}Integrity>false</{prefix}Integrity></{prefix}BIRInfo>
    <!-- a face -->
    {inside}
</{prefix}BIR>
""".encode()
