"""A verification as it is asked of the native API and through each door, and what the answer to it means."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

OK, BUSY = 200, 429


@dataclass(frozen=True, slots=True)
class Question:
    """A request but for its address.

    Attributes:
        path: Where it goes.
        headers: Beside the length of the body.
        body: The body.
    """

    path: str
    headers: dict[str, str]
    body: bytes

    def to(self, where: str) -> bytes:
        """The whole request as bytes.

        Args:
            where: Host and port.
        """
        fields = {"Host": where, **self.headers, "Content-Length": str(len(self.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + self.body


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says.

    Attributes:
        status: As the native API would say it: 200 where there is a verdict, 429 where all are at work.
        decision: The verdict; None where there is none, or the answer has no word for it.
        index: Where it stands in the ledger; None where the answer doesn't say so.
    """

    status: int
    decision: str | None = None
    index: int | None = None


class Way(ABC):
    """How verifications are asked and answered.

    Attributes:
        doors: What has to be open.
    """

    doors: tuple[str, ...] = ()

    @abstractmethod
    def ask(self, token: str, reference: bytes, probe: bytes) -> Question:
        """A question as clients ask it."""

    @abstractmethod
    def told(self, status: int, body: bytes) -> Told:
        """What an answer says."""

    def encoded(self, picture: bytes) -> bytes:
        """A picture as programs send it that ask this way."""
        return picture


class Native(Way):
    """`POST /v1/verifications` with a form."""

    def ask(self, token: str, reference: bytes, probe: bytes) -> Question:
        """As `Way.ask`."""
        body, kind = form({"reference": reference, "probe": probe})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        return Question("/v1/verifications", headers, body)

    def told(self, status: int, body: bytes) -> Told:
        """As `Way.told`."""
        if status != OK:
            return Told(status)
        found = json.loads(body)
        return Told(OK, found["verdict"]["decision"], found["ledger"]["index"])


class Facepp(Way):
    """`/facepp/v3/compare` with two files."""

    doors = ("facepp",)

    def ask(self, token: str, reference: bytes, probe: bytes) -> Question:
        """As `Way.ask`."""
        _, name, secret = token.split("_", 2)
        keys = {"api_key": name, "api_secret": secret}
        body, kind = form({"image_file1": reference, "image_file2": probe}, keys)
        return Question("/facepp/v3/compare", {"Content-Type": kind}, body)

    def told(self, status: int, body: bytes) -> Told:
        """As `Way.told`; an answer says whether anything was compared, not where the ledger has it."""
        found: dict[str, Any] = json.loads(body)
        if found.get("error_message") == "CONCURRENCY_LIMIT_EXCEEDED":
            return Told(BUSY)
        is_compared = status != OK or "confidence" in found
        return Told(status, None if is_compared else "inconclusive")


class Mosip(Way):
    """`/biosdk-service/match` with one record."""

    doors = ("mosip",)

    def ask(self, token: str, reference: bytes, probe: bytes) -> Question:
        """As `Way.ask`."""
        import mosip_requests

        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return Question("/biosdk-service/match", headers, mosip_requests.match(reference, probe))

    def told(self, status: int, body: bytes) -> Told:
        """As `Way.told`."""
        found = json.loads(body)
        if found["errors"]:
            is_busy = found["errors"][0]["message"].startswith("service.busy")
            return Told(BUSY if is_busy else 500)
        decisions = (found["response"]["response"] or [{}])[0].get("decisions", {})
        if status != OK or "FACE" not in decisions:
            return Told(500)
        about = decisions["FACE"]["analyticsInfo"]
        return Told(OK, about["decision"], int(about["ledger_index"]))

    def encoded(self, picture: bytes) -> bytes:
        """As `Way.encoded`."""
        import mosip_requests

        return mosip_requests.captured(picture)


WAYS: dict[str, Way] = {"native": Native(), "facepp": Facepp(), "mosip": Mosip()}
"""By the name of the door, or ``native``."""


def form(files: dict[str, bytes], fields: dict[str, str] | None = None) -> tuple[bytes, str]:
    """A form as a request's body, and its type."""
    request = httpx2.Request("POST", "http://here", files=files, data=fields)
    return request.read(), request.headers["content-type"]
