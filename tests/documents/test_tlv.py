from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from asn1crypto import core

from visavis.documents.tlv import Fields, Tlv, encoded, encoded_oid

BROKEN = {
    "nothing": (b"", "no whole tag"),
    "a tag alone": (b"\x30", "no length"),
    "half a tag": (b"\x5f", "no whole tag"),
    "an endless tag": (b"\x5f" + b"\xff" * 1000, "no whole tag"),
    "a long tag": (b"\x5f\xff\xff\x7f\0", "more than 3 bytes"),
    "an indefinite length": (b"\x30\x80\0\0", "indefinite"),
    "a length of 5 bytes": (b"\x30\x85\0\0\0\0\0", "5 bytes"),
    "a length of 127 bytes": (b"\x30\xff" + bytes(200), "127 bytes"),
    "half a length": (b"\x30\x82\0", "no whole length"),
    "a length beyond the end": (b"\x30\x03\0\0", "a length of 3 where 2 bytes are left"),
    "an endless length": (b"\x30\x84\xff\xff\xff\xff\0", "4294967295"),
    "bytes after the end": (b"\x30\0\0", "1 bytes after its end"),
}


@pytest.mark.parametrize(("data", "words"), BROKEN.values(), ids=BROKEN)
def test_what_contradicts_the_encoding_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Tlv.whole(data)


def test_a_child_can_not_reach_beyond_its_parent() -> None:
    outer = Tlv.at(b"\x30\x03\x04\x05\1\2\3\4\5", 0, 9)
    assert outer.content == b"\x04\x05\x01"
    with pytest.raises(ValueError, match="a length of 5 where 1 bytes are left"):
        list(outer.children())


def test_long_tags_and_lengths() -> None:
    element = Tlv.whole(b"\x7f\x61\x82\0\3\x02\1\7")  # a length longer than it need be, as chips have it
    assert (element.tag, element.raw, element.only().number()) == (0x7F61, element.data, 7)


def test_no_depth_of_nesting_harms() -> None:
    data = b"".join(b"\x30\x84" + (6 * left).to_bytes(4) for left in range(100_000, -1, -1))
    element = Tlv.whole(data)
    for _ in range(100_000):
        element = element.only()
    assert list(element.children()) == []


def test_too_many_children_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 20000"):
        list(Tlv.whole(encoded(0x30, b"\5\0" * 20_001)).children())
    assert len(list(Tlv.whole(encoded(0x30, b"\5\0" * 20_000)).children())) == 20_000


@pytest.mark.parametrize("value", [0, 1, -1, 127, 128, -128, -129, 255, 256, 2**64, -(2**64), 2**2048])
def test_numbers_are_those_of_asn1crypto(value: int) -> None:
    assert Tlv.whole(core.Integer(value).dump()).number() == value


@pytest.mark.parametrize(
    "dotted",
    [
        "1.2.840.113549.1.1.1",
        "2.23.136.1.1.1",
        "0.4.0.127",
        "2.5.4.6",
        "2.999.1",
        "1.39",
        "1.3.36.3.3.2.8.1.1.7",
    ],
)
def test_object_identifiers_are_those_of_asn1crypto(dotted: str) -> None:
    data = core.ObjectIdentifier(dotted).dump()
    assert Tlv.whole(data).oid() == dotted
    assert encoded_oid(dotted) == data


def test_lengths_are_written_as_asn1crypto_does() -> None:
    for size in (0, 1, 127, 128, 255, 256, 65_535, 65_536):
        assert encoded(4, bytes(size)) == core.OctetString(bytes(size)).dump()


@pytest.mark.parametrize(
    ("data", "year"),
    [
        (b"\x17\x0d260102030405Z", 2026),
        (b"\x17\x0d500102030405Z", 1950),
        (b"\x17\x0d490102030405Z", 2049),
        (b"\x18\x0f20260102030405Z", 2026),
        (b"\x18\x1220260102030405.67Z", 2026),
    ],
)
def test_times(data: bytes, year: int) -> None:
    assert Tlv.whole(data).time() == datetime(year, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "data",
    [
        b"\x17\x0d261302030405Z",
        b"\x17\x0c261202030405",
        b"\x17\x01Z",
        b"\x17\0",
        b"\x18\x0f2026010203040\xb2Z",
        b"\x18\x1120260102030405+1Z",
        b"\x04\x0d260102030405Z",
    ],
)
def test_broken_times_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"time|month|ascii"):
        Tlv.whole(data).time()


@pytest.mark.parametrize("content", [b"", b"\x80", b"\x2a\x86", b"\xff" * 65 + b"\1"])
def test_broken_object_identifiers_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="broken object identifier"):
        Tlv.whole(encoded(6, content)).oid()


def test_numbers_without_end_are_refused() -> None:
    for content in (b"", bytes(1101)):
        with pytest.raises(ValueError, match="a number of"):
            Tlv.whole(encoded(2, content)).number()


def test_truth_and_bits() -> None:
    assert Tlv.whole(b"\1\1\xff").truth()
    assert not Tlv.whole(b"\1\1\0").truth()
    assert Tlv.whole(b"\3\3\0ab").bits() == b"ab"
    for data in (b"\1\0", b"\1\2\0\0"):
        with pytest.raises(ValueError, match="truth"):
            Tlv.whole(data).truth()
    for data in (b"\3\0", b"\3\2\1a"):
        with pytest.raises(ValueError, match="whole bytes"):
            Tlv.whole(data).bits()


def test_fields_are_taken_one_after_another() -> None:
    fields = Fields(Tlv.whole(bytes.fromhex("30 09 020101 0500 04020203")))
    assert fields.optional(4, 5) is None
    assert fields.next(2).number() == 1
    with pytest.raises(ValueError, match="tag 05 instead of 04"):
        fields.next(4)
    assert fields.optional(5) is not None
    with pytest.raises(ValueError, match="an element too many, of tag 04"):
        fields.finish()
    assert [element.content for element in fields.rest()] == [b"\2\3"]
    fields.finish()
    with pytest.raises(ValueError, match="an element is missing"):
        fields.next()


def test_any_bytes_end_in_elements_or_a_value_error() -> None:
    rng = random.Random(5)
    read = 0
    for _ in range(3000):
        data = bytes(rng.choice((0x30, 2, 4, 0x5F, 0x80, 1, rng.randrange(256))) for _ in range(20))
        try:
            for child in Tlv.at(data, 0, len(data)).children():
                assert 0 <= child.start < child.content_start <= child.end <= len(data)
                read += 1
        except ValueError:
            pass
    assert read > 100
