"""A request's body, taken in within limits: bytes from a client that may be slow, too large, or gone.

Pictures stay in memory and never touch a disk.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import math
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.service.multipart import FormError, parts
from visavis.service.pool import GoneError
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

MULTIPART, JSON = "multipart/form-data", "application/json"

MAX_FIELD_BYTES = 2**16
"""Of a field that is no file: a policy takes one kilobyte."""
MAX_PARTS = 256
"""Of one request: 200 frames, and what goes with them."""


class Memory:
    """How many bytes of requests a process holds at the same time; safe for several threads."""

    def __init__(self, most: int) -> None:
        """Say how many at most."""
        self.most = most
        self.held = 0
        # The garbage collector may count a `Body` out at any moment, also in a thread that holds the lock.
        self._lock = threading.RLock()

    def take(self, size: int) -> None:
        """Count bytes in.

        Raises:
            Problem: 429 `service.memory`: there would be too many.
        """
        with self._lock:
            if self.held + size > self.most:
                raise Problem(
                    429,
                    "service.memory",
                    "the service holds too many large requests: try again later",
                    headers={"Retry-After": "1"},
                )
            self.held += size

    def give_back(self, size: int) -> None:
        """Count bytes out."""
        with self._lock:
            self.held -= size


class Held(bytes):
    """A file of a request; it holds on to the body that it came in, which so outlives all its files."""

    body: Body | None = None


class _Content(bytearray):
    """The bytes of a body, which know whose they are."""

    body: Body | None = None


class Body:
    """A body that was read, and counted until it is let go.

    Attributes:
        data: The bytes.
    """

    def __init__(self, memory: Memory) -> None:
        """Begin with nothing.

        Args:
            memory: Where it is counted.
        """
        self.data: bytearray = _Content()
        self.data.body = self  # until it is let go
        self._memory = memory
        self._counted = 0
        self._has_files = False

    def add(self, chunk: bytes) -> None:
        """Append bytes as they come."""
        self._memory.take(len(chunk))
        self._counted += len(chunk)
        self.data += chunk

    def held(self, content: bytes | bytearray | memoryview) -> Held:
        """A file that was found in it."""
        file = Held(content)
        file.body = self
        self._has_files = True
        return file

    def grow(self, size: int) -> None:
        """Count more bytes in, for what is made of it."""
        self._memory.take(size)
        self._counted += size

    def let_go(self) -> None:
        """Count it out, once; where the client left while an engine may work on its files, when that ends."""
        self.data = bytearray()
        if not (self._has_files and isinstance(sys.exception(), GoneError | asyncio.CancelledError)):
            self._count_out()

    def __del__(self) -> None:
        """Count it out: nobody has a file of it any more."""
        self._count_out()

    def _count_out(self) -> None:
        self._memory.give_back(self._counted)
        self._counted = 0


def file_of(content: bytes | bytearray | memoryview, data: bytes | bytearray) -> bytes:
    """A file that was found in the bytes of a request."""
    body = data.body if isinstance(data, _Content) else None
    return bytes(content) if body is None else body.held(content)


def unpacked(data: bytes | bytearray, times: int) -> None:
    """Count what the bytes of a request grow to where they are unpacked, until the request is answered.

    Args:
        data: The bytes.
        times: How much more than they are is held at most.

    Raises:
        Problem: 429 `service.memory`: there would be too much.
    """
    if isinstance(data, _Content) and data.body is not None:
        data.body.grow(len(data) * times)


async def read_body(request: Request, body: Body, *, most: int, within_s: float) -> None:
    """Read a request's body.

    Args:
        request: The request.
        body: What it is read into; its owner lets it go.
        most: Bytes at most.
        within_s: Seconds that the client has for all of it.

    Raises:
        Problem: 413 `request.too_large`, 408 `request.slow`, 429 `service.memory`, 400 `request.length`.
        GoneError: The client went away.
    """
    from starlette.requests import ClientDisconnect

    declared = request.headers.get("content-length")
    if declared is not None and not (declared.isascii() and declared.isdigit()):
        raise Problem(400, "request.length", "Content-Length is no number")
    if declared is not None and int(declared) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                if len(body.data) + len(chunk) > most:
                    raise _too_large(most)
                body.add(chunk)
    except TimeoutError:
        raise Problem(
            408,
            "request.slow",
            "the request came too slowly",
            expected=f"all of it within {within_s:g} seconds",
            headers={"Connection": "close"},
        ) from None
    except ClientDisconnect:
        raise GoneError from None


def _too_large(most: int) -> Problem:
    return Problem(
        413,
        "request.too_large",
        "the request is too large",
        expected=f"at most {most} bytes",
        headers={"Connection": "close"},
    )


@dataclass(frozen=True, slots=True)
class Given:
    """What a request holds, however it came.

    Attributes:
        files: By the part's name: the bytes of each file, in their order.
        fields: By the part's name: the texts, in their order; of JSON, the values that are no file.
    """

    files: Mapping[str, Sequence[bytes]]
    fields: Mapping[str, Any]


def parse(content_type: str | None, data: bytes | bytearray, *, files: Mapping[str, int], most: int) -> Given:
    """The files and fields of a body.

    Args:
        content_type: What the client says it is.
        data: The body.
        files: Which names are files, and how many of each there may be. In JSON they are base64: a text where
            there may be one, a list of texts where there may be several.
        most: Bytes of one file at most.

    Raises:
        Problem: 415 `request.content_type`, 400 `request.malformed`, 413 `request.file_too_large`,
            422 `request.fields`.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind == JSON:
        return _of_json(data, files, most)
    if kind == MULTIPART:
        return _of_multipart(content_type or "", data, files, most)
    raise Problem(
        415,
        "request.content_type",
        "a request comes as JSON or as multipart form",
        found=kind or "nothing",
        expected=f"{JSON} or {MULTIPART}",
    )


def json_of(text: bytes | bytearray | str, what: str) -> Any:
    """A JSON text in which no name stands twice and every number is finite.

    Raises:
        Problem: 400 `request.malformed`.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name stands twice")
        return found

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is no number of JSON")

    def finite(number: str) -> float:
        found = float(number)
        if not math.isfinite(found):
            raise ValueError("a number is too large")
        return found

    try:
        if isinstance(text, bytes | bytearray):
            text = text.decode("utf-8")
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse, parse_float=finite)
    except (ValueError, RecursionError) as error:
        told = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise Problem(400, "request.malformed", f"{what} isn't JSON", found=told) from None


def _of_json(data: bytes | bytearray, files: Mapping[str, int], most: int) -> Given:
    given = json_of(data, "the request")
    if not isinstance(given, dict):
        raise Problem(400, "request.malformed", "the request isn't a JSON object")
    found: dict[str, list[bytes]] = {}
    fields: dict[str, Any] = {}
    for name, value in given.items():
        if name not in files:
            fields[name] = value
            continue
        if value is None:
            continue
        several = value if isinstance(value, list) and files[name] > 1 else [value]
        decoded = (_decoded(name, each, most) for each in _at_most(name, several, files[name]))
        found[name] = [file_of(each, data) for each in decoded]
    return Given(found, fields)


def _decoded(name: str, value: object, most: int) -> bytes:
    if not isinstance(value, str):
        raise Problem(422, "request.fields", f"{name} is a file in base64", found=type(value).__name__)
    if len(value) > (most + 2) // 3 * 4:
        raise _file_too_large(name, most)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, "request.fields", f"{name} isn't base64", expected="RFC 4648, section 4") from None


def _of_multipart(content_type: str, data: bytes | bytearray, files: Mapping[str, int], most: int) -> Given:
    found: dict[str, list[bytes]] = {}
    texts: dict[str, list[bytes]] = {}
    try:
        for count, (raw, start, end, is_given) in enumerate(parts(content_type, data)):
            if count == MAX_PARTS:
                raise Problem(
                    413, "request.too_large", "the form has too many parts", expected=f"{MAX_PARTS}"
                )
            name = _name(raw)
            size = most if name in files else MAX_FIELD_BYTES
            if end - start > size:
                raise _file_too_large(name, size)
            if name in files:
                if not is_given:
                    continue
                _at_most(name, [*found.get(name, ()), b""], files[name])
                with memoryview(data) as view:
                    found.setdefault(name, []).append(file_of(view[start:end], data))
            else:
                texts.setdefault(name, []).append(bytes(data[start:end]))
    except FormError as error:
        raise Problem(400, "request.malformed", str(error)) from None
    return Given(found, {name: _text(name, several) for name, several in texts.items()})


def _name(raw: bytes | None) -> str:
    try:
        if raw is not None:
            return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    raise Problem(400, "request.malformed", "a part of the form has no name")


def _text(name: str, texts: Sequence[bytes]) -> str:
    if len(texts) > 1:
        raise Problem(422, "request.fields", f"{name[:50]!r} is given more than once")
    try:
        return texts[0].decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "request.malformed", f"{name[:50]!r} isn't UTF-8") from None


def _at_most(name: str, several: list[Any], most: int) -> list[Any]:
    if len(several) > most:
        raise Problem(
            422,
            "request.fields",
            f"too many files are given as {name}",
            found=len(several),
            expected=f"at most {most}",
        )
    return several


def _file_too_large(name: str, most: int) -> Problem:
    return Problem(
        413, "request.file_too_large", f"{name[:50]!r} is too large", expected=f"at most {most} bytes"
    )
