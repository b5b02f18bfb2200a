"""Forms byte by byte: what comes of each by RFC 2046, section 5.1.1, and RFC 7578."""

from __future__ import annotations

import contextlib
import os
import time

import httpx2
import pytest

from visavis.service.intake import parse
from visavis.service.multipart import MAX_HEAD, FormError, parts
from visavis.service.problems import Problem

KIND = "multipart/form-data; boundary=x"
HEAD = b'Content-Disposition: form-data; name="a"'


def read(data: bytes | bytearray, kind: str = KIND) -> list[tuple[bytes | None, bytes]]:
    return [(name, bytes(data[start:end])) for name, start, end, _ in parts(kind, data)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"--x--", []),
        (b"\r\n--x--\r\n", []),
        (b"--x\r\n" + HEAD + b"\r\n\r\n1\r\n--x--", [(b"a", b"1")]),
        (b"--x\r\n" + HEAD + b"\r\n\r\n\r\n--x--", [(b"a", b"")]),
        (b"--x\r\n" + HEAD + b"\r\n\r\n--x--", [(b"a", b"")]),  # its content has no line of its own
        (b"--x\r\n\r\n1\r\n--x--", [(None, b"1")]),
        (b"--x\r\n\r\n--x--", [(None, b"")]),
        (b"--x\r\nA: b\r\n\r\n1\r\n\r\n2\r\n--x--", [(None, b"1\r\n\r\n2")]),
        (b"--x\r\n" + HEAD + b"\r\n\r\n\r\n--\r\n--\r\n--x--", [(b"a", b"\r\n--\r\n--")]),
        (b"before\r\n--x \t\r\n" + HEAD + b"\r\n\r\n1\r\n--x-- after", [(b"a", b"1")]),
        (
            b"--x\r\n" + HEAD + b"\r\n\r\n1\r\n--x\r\n" + HEAD + b"\r\n\r\n2\r\n--x--",
            [(b"a", b"1"), (b"a", b"2")],
        ),
    ],
)
def test_forms(data: bytes, expected: list[tuple[bytes | None, bytes]]) -> None:
    assert read(data) == read(bytearray(data)) == expected


@pytest.mark.parametrize(
    ("file_name", "content", "is_given"),
    [
        (b'; filename=""', b"", False),  # what a browser sends where nobody chose a file
        (b'; filename=""', b"1", True),
        (b'; filename="a.jpg"', b"", True),  # an empty file that somebody chose
        (b"", b"", True),
    ],
)
def test_a_field_for_a_file_that_nobody_chose(file_name: bytes, content: bytes, is_given: bool) -> None:
    data = b"--x\r\n" + HEAD + file_name + b"\r\n\r\n" + content + b"\r\n--x--"
    assert [part.is_given for part in parts(KIND, data)] == [is_given]
    found = parse(KIND, data, files={"a": 1}, most=10)
    assert found.files == ({"a": [content]} if is_given else {})


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"anything", "multipart/form-data", "names no boundary"),
        (b"", KIND, "doesn't have the boundary"),
        (b"?--x--", KIND, "doesn't have the boundary"),
        (b"--x", KIND, "doesn't end with it"),
        (b"--xy\r\n\r\n--x--", KIND, "doesn't end with it"),
        (b"--x\n" + HEAD + b"\n\n1\n--x--", KIND, "doesn't end with it"),
        (b"--x\r\n" + HEAD + b"\r\n\r\n1", KIND, "ends too soon"),
        (b"--x\r\n" + HEAD + b"\r\n--x--", KIND, "no end of its head"),
        (b"--x\r\n" + HEAD + b"\r\n\r\n--x\r\n--x--", KIND, "no end of its head"),
        (b"--x\r\n" + HEAD + b"1" * MAX_HEAD + b"\r\n\r\n1\r\n--x--", KIND, "no end of its head"),
        (b"--x\r\nno field\r\n\r\n1\r\n--x--", KIND, "head of a part"),
    ],
)
def test_what_is_no_form(data: bytes, kind: str, said: str) -> None:
    with pytest.raises(FormError, match=said):
        read(data, kind)


def test_what_another_writes_is_read() -> None:
    """An independent writer, with contents that are random."""
    contents = [os.urandom(1000) for _ in range(5)]
    files = [(f"n{number}", ('a "file".jpg', content)) for number, content in enumerate(contents)]
    sent = httpx2.Request("POST", "http://here", files=files, data={"\u00fc": "\u00e4\r\n--"})
    found = read(sent.read(), sent.headers["content-type"])
    written = [(b"n%d" % number, content) for number, content in enumerate(contents)]
    assert found == [("\u00fc".encode(), "\u00e4\r\n--".encode()), *written]


@pytest.mark.parametrize(
    "filler", [b"\r\n--xy", b"\r\n--x-", b"\r\n--x ", b"\r\n--x\r\n", b" ", b"\r", b"\r\n", b"--x"]
)
def test_no_form_takes_longer_than_its_bytes(filler: bytes) -> None:
    """A parser that goes by the byte takes a second for some of these and holds Python's lock meanwhile."""
    start = time.process_time()
    for before in (b"--x\r\n" + HEAD + b"\r\n\r\n", b"--x", b""):
        with contextlib.suppress(Problem):
            parse(KIND, before + filler * (2**22 // len(filler)), files={"a": 1}, most=2**22)
    assert time.process_time() - start < 1.5
