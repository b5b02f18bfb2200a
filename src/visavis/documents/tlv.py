"""Tag, length, value: the encoding of a chip's files (ISO/IEC 7816-4) and of ASN.1 (X.690, BER and DER).

An element is a window on the bytes: its children are read when somebody asks, level by level, and never by
recursion, so that no depth of nesting can do harm. Lengths are checked before anything is cut out. Whatever
contradicts the encoding is a `ValueError` with a few words; the callers say what it was in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CHILDREN = 20_000
"""Elements in one: the longest list here, a revocation list or a master list, has a few thousand."""

MAX_NUMBER = 1_100
"""Bytes of a whole number: the modulus of an 8192-bit key has 1025."""

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTETS = 0x04
NULL = 0x05
OID = 0x06
UTC_TIME = 0x17
TIME = 0x18
SEQUENCE = 0x30
SET = 0x31


@dataclass(frozen=True, slots=True)
class Tlv:
    """One element.

    Attributes:
        data: The bytes that it lies in.
        tag: All bytes of its tag as one number: 0x61, 0x5F1F.
        start: Where it begins.
        content_start: Where its content begins.
        end: The end of both.
    """

    data: bytes = field(repr=False)
    tag: int
    start: int
    content_start: int
    end: int

    @classmethod
    def at(cls, data: bytes, start: int, end: int) -> Tlv:
        """The element at `start`, which must lie before `end`."""
        tag, position = _tag(data, start, end)
        length, position = _length(data, position, end)
        if length > end - position:
            raise ValueError(f"a length of {length} where {end - position} bytes are left")
        return cls(data, tag, start, position, position + length)

    @classmethod
    def whole(cls, data: bytes) -> Tlv:
        """The one element that fills `data`."""
        element = cls.at(data, 0, len(data))
        if element.end != len(data):
            raise ValueError(f"{len(data) - element.end} bytes after its end")
        return element

    @property
    def raw(self) -> bytes:
        """Tag, length and content."""
        return self.data[self.start : self.end]

    @property
    def content(self) -> bytes:
        """The content alone."""
        return self.data[self.content_start : self.end]

    def must_be(self, tag: int) -> Tlv:
        """The element itself where it has this tag."""
        if self.tag != tag:
            raise ValueError(f"tag {self.tag:02X} instead of {tag:02X}")
        return self

    def children(self) -> Iterator[Tlv]:
        """The elements that the content is made of."""
        position = self.content_start
        for _ in range(MAX_CHILDREN):
            if position == self.end:
                return
            element = Tlv.at(self.data, position, self.end)
            yield element
            position = element.end
        if position < self.end:
            raise ValueError(f"more than {MAX_CHILDREN} elements in one")

    def only(self) -> Tlv:
        """The only child."""
        fields = Fields(self)
        child = fields.next()
        fields.finish()
        return child

    # ASN.1's own types (X.690, section 8)

    def number(self) -> int:
        """An INTEGER."""
        content = self.must_be(INTEGER).content
        if not 0 < len(content) <= MAX_NUMBER:
            raise ValueError(f"a number of {len(content)} bytes")
        return int.from_bytes(content, signed=True)

    def truth(self) -> bool:
        """A BOOLEAN."""
        content = self.must_be(BOOLEAN).content
        if len(content) != 1:
            raise ValueError(f"a truth value of {len(content)} bytes")
        return content != b"\0"

    def oid(self) -> str:
        """An OBJECT IDENTIFIER in dotted form."""
        content = self.must_be(OID).content
        if not 0 < len(content) <= 64 or content[-1] & 0x80:
            raise ValueError("a broken object identifier")
        numbers: list[int] = []
        value = 0
        for byte in content:
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                numbers.append(value)
                value = 0
        first = min(numbers[0] // 40, 2)
        return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))

    def bits(self) -> bytes:
        """A BIT STRING of whole bytes."""
        content = self.must_be(BIT_STRING).content
        if content[:1] != b"\0":
            raise ValueError("a bit string that isn't whole bytes")
        return content[1:]

    def time(self) -> datetime:
        """A UTCTime (of 1950 to 2049, RFC 5280, 4.1.2.5.1) or a GeneralizedTime, with zone Z."""
        text = self.content.decode("ascii")
        if self.tag == UTC_TIME:
            text = f"{'19' if text[:2] >= '50' else '20'}{text}"
        elif self.tag != TIME:
            raise ValueError(f"tag {self.tag:02X} instead of a time")
        digits = text.removesuffix("Z").partition(".")[0]
        if not text.endswith("Z") or len(digits) not in (12, 14) or not digits.isdigit():
            raise ValueError("a broken time")
        digits = digits.ljust(14, "0")
        parts = (int(digits[start : start + 2]) for start in range(4, 14, 2))
        month, day, hour, minute, second = parts
        return datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=UTC)


class Fields:
    """The children of an element, taken one after another."""

    def __init__(self, element: Tlv) -> None:
        self._children = element.children()
        self._ahead = next(self._children, None)

    def next(self, tag: int | None = None) -> Tlv:
        """The next one, which must be there and have this tag, where one is given."""
        element = self._ahead
        if element is None:
            raise ValueError("an element is missing")
        if tag is not None:
            element.must_be(tag)
        self._ahead = next(self._children, None)
        return element

    def optional(self, *tags: int) -> Tlv | None:
        """The next one where it has one of these tags."""
        return self.next() if self._ahead is not None and self._ahead.tag in tags else None

    def rest(self) -> Iterator[Tlv]:
        """All that are left."""
        while self._ahead is not None:
            yield self.next()

    def finish(self) -> None:
        """Refuse what is left."""
        if self._ahead is not None:
            raise ValueError(f"an element too many, of tag {self._ahead.tag:02X}")


def encoded(tag: int, *contents: bytes) -> bytes:
    """An element with these contents one after another, in DER."""
    content = b"".join(contents)
    length = len(content)
    size = b"" if length < 0x80 else length.to_bytes((length.bit_length() + 7) // 8)
    first = bytes([0x80 | len(size)]) if size else bytes([length])
    return tag.to_bytes((tag.bit_length() + 7) // 8) + first + size + content


def encoded_oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER in DER."""
    first, second, *rest = map(int, dotted.split("."))
    content = b""
    for number in (40 * first + second, *rest):
        groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)][::-1]
        content += bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
    return encoded(OID, content)


def _tag(data: bytes, position: int, end: int) -> tuple[int, int]:
    """One byte, or up to three where its lower five bits are all set (X.690, 8.1.2)."""
    start = position
    if position < end and data[position] & 0x1F == 0x1F:
        position += 1
        while position < end and data[position] & 0x80:
            position += 1
    position += 1
    if position > end:
        raise ValueError("no whole tag")
    if position - start > 3:
        raise ValueError("a tag of more than 3 bytes")
    return int.from_bytes(data[start:position]), position


def _length(data: bytes, position: int, end: int) -> tuple[int, int]:
    """One byte, or the number of bytes that follow (X.690, 8.1.3)."""
    if position >= end:
        raise ValueError("no length")
    first = data[position]
    position += 1
    if first < 0x80:
        return first, position
    if first == 0x80:
        raise ValueError("an indefinite length")
    size = first & 0x7F
    if size > 4:
        raise ValueError(f"a length of {size} bytes")
    if size > end - position:
        raise ValueError("no whole length")
    return int.from_bytes(data[position : position + size]), position + size
