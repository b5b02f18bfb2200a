"""What MOSIP's programs put on the wire, made here: face records, biometric records, envelopes, a client.

The layout of face records is that of ISO/IEC 19794-5:2011 as it was read off MOSIP's own samples; it is
packed here by hand and has nothing to do with `visavis.records`. Nobody's sample files are used.
"""

from __future__ import annotations

import base64
import io
import json
import struct
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PATH = "/biosdk-service"

FACE_FORMAT = {"organization": "257", "type": "8"}


def jpeg_2000(picture: bytes, *, lossy: bool = True) -> bytes:
    """A picture as a capture device of the platform encodes it."""
    to = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        # A rate as a compression ratio: 20 for authentication, none for registration.
        options: dict[str, Any] = {"irreversible": True, "quality_layers": [20]} if lossy else {}
        opened.convert("RGB").save(to, "JPEG2000", **options)
    return to.getvalue()


def face_record(*pictures: bytes, quality: int = 40, data_type: int = 1) -> bytes:
    """A general header of 17 bytes; for each picture one of 56 with one score, then its bytes."""
    body = b""
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as opened:
            width, height = opened.size
        time = struct.pack(">H5BH", 2026, 1, 2, 3, 4, 5, 678)
        head = time + struct.pack(">BHHB", 0, 0, 0, 1) + struct.pack(">BHH", quality, 0, 0)
        facial = bytes(17)
        image = struct.pack(">BBHHBHBB", 1, data_type, width, height, 0, 0, 0, 1)
        representation = head + facial + image + struct.pack(">I", len(picture)) + picture
        body += struct.pack(">I", 4 + len(representation)) + representation
    return b"FAC\0" + b"030\0" + struct.pack(">IHBH", 17 + len(body), len(pictures), 0, 0) + body


def signed(data: bytes) -> list[int]:
    """Bytes as the platform's client sends them: numbers from -128 to 127."""
    return [value - 256 if value > 127 else value for value in data]


def unsigned(data: bytes) -> list[int]:
    return list(data)


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def segment(
    bdb: Any, *, kind: str = "FACE", purpose: str | None = "ENROLL", level: str = "RAW", **others: str
) -> dict[str, Any]:
    """One BIR with all keys that the platform writes."""
    return {
        "version": {"major": 1, "minor": 1},
        "cbeffversion": {"major": 1, "minor": 1},
        "birInfo": {
            "creator": None,
            "index": None,
            "payload": None,
            "integrity": False,
            "creationDate": None,
            "notValidBefore": None,
            "notValidAfter": None,
        },
        "bdbInfo": {
            "challengeResponse": None,
            "index": "3a6b5d1e",
            "format": FACE_FORMAT,
            "encryption": None,
            "creationDate": {
                "date": {"year": 2026, "month": 1, "day": 2},
                "time": {"hour": 3, "minute": 4, "second": 5, "nano": 678000000},
            },
            "notValidBefore": None,
            "notValidAfter": None,
            "type": [kind],
            "subtype": [],
            "level": level,
            "product": None,
            "captureDevice": None,
            "featureExtractionAlgorithm": None,
            "comparisonAlgorithm": None,
            "compressionAlgorithm": None,
            "purpose": purpose,
            "quality": {
                "algorithm": {"organization": "HMAC", "type": "SHA-256"},
                "score": 40,
                "qualityCalculationFailed": None,
            },
        },
        "bdb": bdb,
        "sb": [1, -2, 3],
        "birs": [],
        "sbInfo": {"format": None},
        "others": {"EXCEPTION": "false", "RETRIES": "1", "PAYLOAD": "{}", "SPEC_VERSION": "0.9.5", **others},
    }


def record(*segments: Mapping[str, Any]) -> dict[str, Any]:
    """A biometric record."""
    return {
        "version": {"major": 1, "minor": 1},
        "cbeffversion": {"major": 1, "minor": 1},
        "birInfo": {"integrity": False},
        "segments": list(segments),
        "others": {},
    }


def face(picture: bytes, **changes: Any) -> dict[str, Any]:
    """A record of one face in a face record, its bytes as signed numbers."""
    return record(segment(signed(face_record(picture)), **changes))


def enveloped(inner: object, *, version: object = "1.0") -> dict[str, Any]:
    """A request as the client sends it."""
    return {"version": version, "request": in_base64(json.dumps(inner).encode())}


class SdkError(Exception):
    """What the client throws where an envelope has errors."""


class JavaClient:
    """Behaves as `Client_V_1_0` of MOSIP's biosdk-client does, over real HTTP.

    It shows no key, takes the service's address from its parameters, ignores names that it doesn't know,
    takes any status but 200 for a failure of the transport, and throws at any error in the envelope.
    """

    def __init__(self, http: Any) -> None:
        self._http = http
        self._addresses: dict[str, str] = {}

    def init(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        marker = "format.url."
        self._addresses = {
            key.partition(marker)[2]: value for key, value in parameters.items() if marker in key
        }
        self._addresses.setdefault("default", next(iter(self._addresses.values())))
        found: dict[str, Any] = self._post(self._addresses["default"] + "/init", {"initParams": parameters})
        assert found["apiVersion"] == "0.9", "the platform's provider class refuses any other"
        return found

    def match(
        self, sample: Any, others: Sequence[Any], modalities: Sequence[str], flags: Mapping[str, str]
    ) -> dict[str, Any]:
        inner = {"sample": sample, "gallery": others, "modalitiesToMatch": modalities, "flags": flags}
        return self._asked("match", inner, modalities, flags)

    def check_quality(
        self, sample: Any, modalities: Sequence[str], flags: Mapping[str, str]
    ) -> dict[str, Any]:
        return self._asked(
            "check-quality",
            {"sample": sample, "modalitiesToCheck": modalities, "flags": flags},
            modalities,
            flags,
        )

    def extract_template(
        self, sample: Any, modalities: Sequence[str], flags: Mapping[str, str]
    ) -> dict[str, Any]:
        return self._asked(
            "extract-template",
            {"sample": sample, "modalitiesToExtract": modalities, "flags": flags},
            modalities,
            flags,
        )

    def segment(self, sample: Any, modalities: Sequence[str], flags: Mapping[str, str]) -> dict[str, Any]:
        return self._asked(
            "segment",
            {"sample": sample, "modalitiesToSegment": modalities, "flags": flags},
            modalities,
            flags,
        )

    def convert_format(
        self, sample: Any, source: str, target: str, modalities: Sequence[str]
    ) -> dict[str, Any]:
        inner = {
            "sample": sample,
            "sourceFormat": source,
            "targetFormat": target,
            "sourceParams": {},
            "targetParams": {},
            "modalitiesToConvert": modalities,
        }
        return self._read(self._post(self._addresses["default"] + "/convert-format", inner))

    def _asked(
        self, path: str, inner: object, modalities: Sequence[str], flags: Mapping[str, str]
    ) -> dict[str, Any]:
        wanted = flags.get(f"{modalities[0]}.format", "default")
        address = self._addresses.get(wanted, self._addresses["default"])
        return self._read(self._post(f"{address}/{path}", inner))

    def _post(self, address: str, inner: object) -> Any:
        answer = self._http.post(address, json=enveloped(inner))
        if answer.status_code != 200:
            raise OSError(f"HTTP status {answer.status_code}")
        plain = answer.json()
        for error in plain["errors"] or ():
            raise SdkError(error["code"], error["message"])
        return plain["response"]

    def _read(self, response: Mapping[str, Any]) -> dict[str, Any]:
        return {name: response[name] for name in ("statusCode", "statusMessage", "response")}


def shape(value: Any) -> Any:
    """Names and types of an answer, without its values."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in _unlike(value)]
    return type(value).__name__


def _unlike(values: Iterable[Any]) -> list[Any]:
    """One of each type: a list of numbers is one number."""
    found: dict[str, Any] = {}
    for value in values:
        found.setdefault(type(value).__name__, value)
    return list(found.values())
