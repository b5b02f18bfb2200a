"""What careless programs send, byte by byte."""

from __future__ import annotations

import contextlib
import os
import time
from urllib.parse import unquote_to_bytes, urlencode

import pytest

from visavis.service.doors.facepp import form
from visavis.service.doors.facepp.errors import Said
from visavis.service.multipart import MAX_HEAD
from visavis.service.problems import Problem

URLENCODED = "application/x-www-form-urlencoded"
OFFICIAL = "------PylibFormBoundarySSkDNnFjUJAc"
"""As the official SDK makes its boundaries."""


def part(boundary: str, head: str, content: bytes) -> bytes:
    return f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


@pytest.mark.parametrize(
    "text", [b"", b"plain", b"a+b", b"%41%2B%2f", b"%", b"%4", b"%zz%4g", b"%%41", b"100%25+", b"%C3%BC"]
)
def test_escapes_as_the_standard_library_takes_them(text: bytes) -> None:
    assert form.unquoted(text) == unquote_to_bytes(text.replace(b"+", b" "))


@pytest.mark.parametrize("filler", [b"%41", b"%", b"a%4", b"%zz", b"%%41"])
@pytest.mark.parametrize("before", range(4))
def test_escapes_at_the_end_of_a_piece(filler: bytes, before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "PIECE", 8)
    text = b"x" * before + filler * 20
    assert form.unquoted(text) == unquote_to_bytes(text)


def test_random_bytes_come_back() -> None:
    data = os.urandom(50_000)
    found = form.read(URLENCODED, urlencode({"image_file1": data}).encode(), b"")
    assert found.take("image_file1") == data
    assert "image_file1" not in found


@pytest.mark.parametrize("content_type", [URLENCODED, f"{URLENCODED}; charset=UTF-8", None, "text/plain"])
def test_whatever_is_no_multipart_is_urlencoded(content_type: str | None) -> None:
    assert form.read(content_type, b"api_key=a%20b&x=", b"").values == {"api_key": b"a b"}


def test_the_body_goes_before_the_query_string() -> None:
    found = form.read(URLENCODED, b"a=body&b=", b"a=query&b=query&c=query&c=again")
    assert found.values == {"a": b"body", "b": b"query", "c": b"query"}


def test_multipart_as_the_official_sdk_writes_it() -> None:
    body = part(OFFICIAL, 'Content-Disposition: form-data; name="api_key"', b"the key")
    body += part(OFFICIAL, 'Content-Disposition: form-data; name="empty"', b"")
    head = (
        'Content-Disposition: form-data; name="image_file1"; filename="a b.jpg"\r\nContent-Type: text/plain'
    )
    body += part(OFFICIAL, head, b"\xff\xd8\r\n--" + OFFICIAL[:20].encode() + b"\r\n\0")
    body += f"--{OFFICIAL}--\r\n".encode()
    found = form.read(f"multipart/form-data; boundary={OFFICIAL}", body, b"")
    assert found.values == {
        "api_key": b"the key",
        "image_file1": b"\xff\xd8\r\n--" + OFFICIAL[:20].encode() + b"\r\n\0",
    }


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"anything"),
        ("multipart/form-data; boundary=x", b"no boundary"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\ncut'),
        ("multipart/form-data; boundary=x", b"--x\r\nno header\r\n\r\na\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--x"),
        ("multipart/form-data; boundary=x", b"?--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: b\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"b" * MAX_HEAD + b"\r\n\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\na\r\n--xy\r\n\r\nb\r\n--x--"),
    ],
)
def test_a_form_that_cant_be_read(content_type: str, body: bytes) -> None:
    with pytest.raises(Said) as caught:
        form.read(content_type, body, b"")
    assert (caught.value.status, caught.value.detail) == (400, "BAD_ARGUMENTS: body")


NAMED = 'Content-Disposition: form-data; name="a"'


@pytest.mark.parametrize(
    "body",
    [
        part("x", NAMED, b"1") + b"--x--\r\n\r\n",  # the older official SDK for Java ends with an empty line
        b"\r\n" + part("x", NAMED, b"1") + b"--x--",
        b"a preamble\r\n" + part("x", NAMED, b"1") + b"--x--an epilogue",
        part("x", NAMED, b"1").replace(b"--x", b"--x \t") + b"--x--",
        part("x", "content-disposition:form-data;name=a", b"1") + b"--x--",
        part("x", f"Content-Type: text/plain\r\n{NAMED}\r\nContent-Length: 1", b"1") + b"--x--",
        part("x", 'Content-Disposition: file; name="a"; filename="/home/a b/\u56fe.jpg"', b"1") + b"--x--",
        b"--x\r\n" + NAMED.encode() + b"\r\n\r\n--x\r\n\r\n\r\n" + part("x", NAMED, b"1") + b"--x--",
    ],
)
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_multipart_as_others_write_it(body: bytes, kind: type[bytes | bytearray]) -> None:
    found = form.read("multipart/form-data; boundary=x", kind(body), b"")
    assert found.values == {"a": b"1"}
    assert type(found.take("a")) is bytes


@pytest.mark.parametrize("sort", ["", "multipart/form-data; boundary=B"])
@pytest.mark.parametrize(
    "filler", [b"\r\n--Bx", b"\r\n--B-", b"\r\n--B ", b"\r\n--B\r\n", b" ", b"\r", b"\r\n", b"--B", b"%41+"]
)
def test_no_form_costs_more_than_its_bytes(sort: str, filler: bytes) -> None:
    # 4 MiB of it took a parser that goes by the byte 2 seconds and more, and whoever sends it needs no key.
    start = time.process_time()
    for before in (b"--B\r\n" + NAMED.encode() + b"\r\n\r\n", b"--B", b""):
        with contextlib.suppress(Problem):
            form.read(sort, before + filler * (2**22 // len(filler)), b"")
    assert time.process_time() - start < 1.5


def test_a_part_without_a_name_is_passed_over() -> None:
    body = part("x", "Content-Type: text/plain", b"nameless") + b"--x--"
    assert form.read("multipart/form-data; boundary=x", body, b"").values == {"": b"nameless"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (URLENCODED, b"&" * 2**20),
        (URLENCODED, b"&".join(b"a%d=1" % number for number in range(form.MAX_FIELDS + 1))),
        (
            "multipart/form-data; boundary=x",
            b"".join(
                part("x", f'Content-Disposition: form-data; name="a{number}"', b"1")
                for number in range(form.MAX_FIELDS + 1)
            )
            + b"--x--",
        ),
    ],
)
def test_too_many_fields(content_type: str, body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        form.read(content_type, body, b"")
    assert caught.value.code == "request.too_large"


@pytest.mark.parametrize("content_type", [URLENCODED, "application/octet-stream", None])
@pytest.mark.parametrize("before", [b"", b"--x\r\n" + NAMED.encode() + b"\r\n\r\n", b"api_key=a&image_file="])
def test_a_picture_as_it_is_is_no_form_with_many_fields(content_type: str | None, before: bytes) -> None:
    with pytest.raises(Said, match="BAD_ARGUMENTS: body"):
        form.read(content_type, before + b"\xff\xd8&\0&" * 100, b"")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("", 30.0), ("0", 0.0), ("30", 30.0), ("30.50", 30.5), (" 100.0 ", 100.0)),
        *((wrong, None) for wrong in ("100.1", "-1", "1e1", ".5", "5.", "nan", "1_0", "\uff11", "1" * 10)),
    ],
)
def test_decimals(value: str, expected: float | None) -> None:
    given = form.Form({"f": value.encode()} if value else {})
    if expected is None:
        with pytest.raises(Said, match="BAD_ARGUMENTS: f"):
            given.decimal("f", 0, 100, default=30)
    else:
        assert given.decimal("f", 0, 100, default=30) == expected


@pytest.mark.parametrize(
    ("value", "default", "expected"),
    [
        (b"", True, True),
        (b"", False, False),
        (b"1", False, True),
        (b" 0 ", True, False),
        (b"2", True, None),
        (b"true", True, None),
        (b"-1", True, None),
        ("\uff11".encode(), True, None),
        (b"\xff", True, None),
        (b"1" * 70_000, True, None),
    ],
)
def test_flags(value: bytes, default: bool, expected: bool | None) -> None:
    given = form.read(URLENCODED, urlencode({"f": value}).encode(), b"")
    if expected is None:
        with pytest.raises(Said, match="BAD_ARGUMENTS: f"):
            given.flag("f", default=default)
    else:
        assert given.flag("f", default=default) is expected


def test_all_that_is_missing_is_named() -> None:
    with pytest.raises(Said, match="MISSING_ARGUMENTS: a, c"):
        form.Form({"b": b"1", "c": b"  "}).needed("a", "b", "c")
