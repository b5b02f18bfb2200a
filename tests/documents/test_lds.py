from __future__ import annotations

import pytest
from tests.documents.issuing_state import TD1, TD2, TD3, portrait, security_object
from tests.documents.test_tlv import BROKEN

from visavis.documents.lds import SecurityObject, read_com, read_dg1, read_dg2, trimmed
from visavis.documents.specimen_chip import make_dg1, make_dg2, make_face_record, wrap_face_record
from visavis.documents.tlv import encoded
from visavis.errors import DocumentError

RECORD = make_face_record(portrait(), 90, 120)


# Doc 9303-10, 4.7.1, and the samples of Doc 9303-4, -5 and -6: tag, length, tag, length, the zone.
@pytest.mark.parametrize(
    ("head", "lines"),
    [("61 5D 5F1F 5A", TD1), ("61 4B 5F1F 48", TD2), ("61 5B 5F1F 58", TD3)],
    ids=["TD1", "TD2", "TD3"],
)
def test_dg1_of_the_standard(head: str, lines: tuple[str, ...]) -> None:
    data = bytes.fromhex(head) + "".join(lines).encode()
    assert read_dg1(data) == lines
    assert make_dg1(lines) == data


def test_com_of_the_standard() -> None:
    """The example of Doc 9303-10, 4.6.1: version 1.7, Unicode 4.0.0, data groups 1, 2, 4 and 12."""
    com = read_com(bytes.fromhex("60 16 5F01 04 30313037 5F36 06 303430303030 5C 04 61 75 76 6C"))
    assert (com.version, com.groups) == ("1.7", ("DG1", "DG2", "DG4", "DG12"))


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_dg2(kind: str) -> None:
    record, notes = read_dg2(make_dg2(portrait(kind)))
    assert record.images[0].data == portrait(kind)
    assert (record.images[0].width, record.images[0].height) == (90, 120)
    assert notes == ()


def dg2(
    record: bytes = RECORD,
    *,
    block: int = 0x5F2E,
    count: int = 1,
    times: int = 1,
    owner: bytes | None = b"\1\1",
    kind: bytes | None = b"\0\x08",
) -> bytes:
    header = encoded(0x81, b"\2")
    header += b"" if owner is None else encoded(0x87, owner)
    header += b"" if kind is None else encoded(0x88, kind)
    template = encoded(0x7F60, encoded(0xA1, header), encoded(block, record))
    return encoded(0x75, encoded(0x7F61, encoded(2, bytes([count])), template * times))


def test_a_constructed_block_is_read_too() -> None:
    assert read_dg2(dg2(block=0x7F2E))[0] == read_dg2(wrap_face_record(RECORD))[0]


def test_two_faces_are_noted() -> None:
    record, notes = read_dg2(dg2(count=2, times=2))
    assert record.images[0].data == portrait()
    assert notes == ("DG2 holds 2 faces; the first is used",)


HOSTILE = {
    "no face": (dg2(count=0), "chip.damaged", "0 faces"),
    "minus one face": (dg2(count=0xFF), "chip.damaged", "-1 faces"),
    "more faces than are there": (dg2(count=2), "chip.damaged", "missing"),
    "fewer faces than are there": (dg2(times=2), "chip.damaged", "too many"),
    "a hundred faces": (dg2(count=100, times=100), "chip.damaged", "100 faces"),
    "no owner": (dg2(owner=None), "chip.damaged", "without a stated format"),
    "no type": (dg2(kind=None), "chip.damaged", "without a stated format"),
    "a finger": (dg2(kind=b"\0\7"), "chip.unsupported", "owner 0101, type 0007"),
    "another owner": (dg2(owner=b"\0" * 500), "chip.unsupported", "owner 0000"),
    "ISO/IEC 39794-5": (dg2(b"\xa1\3\x65\1\0", block=0x7F2E, kind=b"\0\x2a"), "chip.unsupported", "39794-5"),
    "another block": (dg2(block=0x5F2D), "chip.damaged", "tag 5F2D"),
    "an encrypted template": (encoded(0x75, encoded(0x7F61, b"\2\1\1", b"\x7d\0")), "chip.damaged", "7D"),
    "dg1 inside": (encoded(0x75, make_dg1(TD3)), "chip.damaged", "tag 61"),
    "a record cut off": (dg2(RECORD[:-1]), "chip.damaged", "stated length"),
    **{
        name: (b"\x75" + encoded(4, data)[1:], "chip.damaged", words)
        for name, (data, words) in BROKEN.items()
    },
}
del HOSTILE["nothing"], HOSTILE["bytes after the end"]


@pytest.mark.parametrize(("data", "code", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_dg2(data: bytes, code: str, word: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_dg2(data)
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "zone",
    [
        b"",
        b"P<UTO",
        b"<" * 89,
        b"a" * 88,
        b" " * 88,
        b"\xff" * 88,
        b"<" * 87 + b"\n",
        b"\x1b" * 90,
        b"<" * 4000,
    ],
)
def test_what_is_no_zone_is_refused(zone: bytes) -> None:
    with pytest.raises(DocumentError, match=r"EF\.DG1 is damaged") as caught:
        read_dg1(encoded(0x61, encoded(0x5F1F, zone)))
    assert caught.value.code == "chip.damaged"


@pytest.mark.parametrize(
    "data",
    [
        "60 00",
        "60 16 5F01 04 3031303A 5F36 06 303430303030 5C 04 61 75 76 6C",
        "60 16 5F01 04 FFFFFFFF 5F36 06 303430303030 5C 04 61 75 76 6C",
        "60 0E 5F36 06 303430303030 5C 03 61 75 76",
        "61 00",
    ],
)
def test_a_damaged_com_is_refused(data: str) -> None:
    with pytest.raises(DocumentError, match=r"EF\.COM is damaged"):
        read_com(bytes.fromhex(data))


def test_zero_bytes_after_a_file_are_left_out_and_nothing_else() -> None:
    data = make_dg1(TD3)
    assert trimmed("DG1", data) == (data, 0)
    assert trimmed("DG1", data + bytes(10)) == (data, 10)
    for more in (b"\1", b"\x90\0", bytes(70_000)):
        with pytest.raises(DocumentError, match="bytes after its end"):
            trimmed("DG1", data + more)


def test_the_table_of_hashes() -> None:
    table = SecurityObject.read(security_object({"DG1": b"one", "DG14": b"two"}, "sha512"))
    assert table.digest == "SHA-512"
    assert {number: len(value) for number, value in table.hashes.items()} == {1: 64, 14: 64}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (security_object({"DG1": b"one", "DG01": b"two"}), "data group 1 in the table"),
        (security_object({"DG17": b"one"}), "data group 17"),
        (security_object({"DG0": b"one"}), "data group 0"),
        (security_object({"DG-1": b"one"}), "data group -1"),
        (security_object({})[:-2], "left"),
        (b"\x30\x03\x02\x01\x02", "version 2"),
        (
            security_object({"DG1": b"one"}).replace(b"\x65\x03\x04\x02\x01", b"\x65\x03\x04\x02\x07"),
            "digest",
        ),
    ],
)
def test_a_damaged_table_of_hashes_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SecurityObject.read(data)
