from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.records.samples import NAMESPACE, bir_json, bir_xml, image_2011, record_2011, record_xml

from visavis.errors import RecordError
from visavis.records import cbeff_json
from visavis.records.cbeff import (
    MAX_BIRS,
    MAX_LEVELS,
    BdbInfo,
    Bir,
    BirInfo,
    Quality,
    Registered,
    SbInfo,
    Version,
)
from visavis.records.cbeff_xml import read_bir, record_of, write_bir
from visavis.records.xml_tree import MAX_DEPTH, MAX_ELEMENTS, MAX_EQUALS, MAX_XML

BLOCK = record_2011(image_2011())


def canonical(data: bytes) -> str:
    """By another implementation than ours: that of the standard library (Canonical XML 2.0)."""
    return ET.canonicalize(data.decode())


FOREIGN = '<n:Test xmlns:n="testschema" n:a="1" b="&quot;&lt;&#10;"><n:x/>Duplicate</n:Test>'
DOCUMENTS = {
    "one": record_xml(),
    "several": record_xml(bir_xml(b"1"), bir_xml(b"2"), bir_xml(b"3")),
    "a prefix": record_xml(prefix="b:"),
    "foreign elements": record_xml(bir_xml(more=FOREIGN), FOREIGN),
    "unknown elements": record_xml(bir_xml(more="<New a='1'>&amp;&gt;&#13;<Deep/></New>")),
    "deep": record_xml(bir_xml(b"1").replace("</BIR>", bir_xml(b"2") + "</BIR>")),
    "alone": bir_xml().replace("<BIR>", f"<BIR xmlns='{NAMESPACE}'>").encode(),
    "no declaration": record_xml().partition(b"?>")[2].strip(),
    "empty": f"<BIR xmlns='{NAMESPACE}'/>".encode(),
    "other characters": record_xml(bir_xml(more="<Note>\u00e9 \u4e2d \U0001f600</Note>")),
    "lines in base64": record_xml(bir_xml().replace("<BDB>RkFD", "<BDB>\n  RkFD\n")),
}


@pytest.mark.parametrize("data", DOCUMENTS.values(), ids=DOCUMENTS)
def test_what_was_read_is_written(data: bytes) -> None:
    written = write_bir(read_bir(data))
    assert canonical(written) == canonical(data)
    assert write_bir(read_bir(written)) == written


@pytest.mark.parametrize("prefix", ["", "b:"])
def test_what_a_document_says_is_read(prefix: str) -> None:
    found = read_bir(record_xml(prefix=prefix))
    assert found.bdb is None
    assert found.info == BirInfo(integrity=False)
    (bir,) = found.birs
    assert bir == Bir(
        version=Version(1, 1),
        cbeff_version=Version(1, 1),
        info=BirInfo(integrity=False),
        bdb_info=BdbInfo(
            index="11d5c6dc-1bc2-4eda-a7bf-4a3639b29e01",
            format=Registered("Mosip", "8"),
            creation_date=datetime(2021, 8, 11, 10, 32, 48, 100_000, UTC),
            types=("FACE",),
            level="RAW",
            purpose="ENROLL",
            quality=Quality(Registered("HMAC", "SHA-256"), 80),
        ),
        bdb=BLOCK,
        sb=b"a signature",
        others={"EXCEPTION": "false", "SDK_SCORE": "0.0"},
    )
    assert [each.bdb for each in found.blocks()] == [BLOCK]


def test_a_document_can_be_sent_as_json() -> None:
    record = record_of(read_bir(record_xml(bir_xml(b"1"), bir_xml(b"2"))))
    assert [segment.bdb for segment in record.segments] == [b"1", b"2"]
    plain = json.loads(json.dumps(cbeff_json.write_record(record)))
    assert plain["segments"][0].keys() == bir_json().keys()
    assert plain["segments"][0]["bdbInfo"]["type"] == ["FACE"]
    assert plain["segments"][0]["bdbInfo"]["creationDate"] == "2021-08-11T10:32:48.100Z"
    assert cbeff_json.read_record(plain) == record


def test_a_record_of_one_is_its_own_segment() -> None:
    found = read_bir(DOCUMENTS["alone"])
    assert record_of(found).segments == (found,)


def test_json_becomes_a_document() -> None:
    bir = cbeff_json.read_bir(bir_json(time="2023-12-31T23:59:58Z"))
    written = write_bir(bir)
    others = {**bir.others, "SDK_SCORE": ""}  # XML has no null here
    assert read_bir(written) == dataclasses.replace(bir, others=others)
    order = [element.tag.rpartition("}")[2] for element in ET.fromstring(written)]
    assert order == ["Version", "CBEFFVersion", "BIRInfo", "BDBInfo", "BDB", "SB", "SBInfo", "Others"]
    assert b"<Type>Face</Type>" in written


def test_only_what_was_changed_is_written_anew() -> None:
    data = record_xml(bir_xml(b"1", more=FOREIGN), bir_xml(b"2"))
    found = read_bir(data)
    first = found.birs[0]
    assert first.info is not None
    assert first.bdb_info is not None
    changed = dataclasses.replace(
        first,
        bdb=b"new",
        sb=None,
        info=dataclasses.replace(first.info, payload=b"1", creator="a & b"),
        bdb_info=dataclasses.replace(first.bdb_info, level="PROCESSED", types=("EXCEPTION_PHOTO",)),
        sb_info=SbInfo(Registered("a", "b")),
        others={**first.others, "RETRIES": "1"},
    )
    written = write_bir(dataclasses.replace(found, birs=(changed, *found.birs[1:])))
    expected = data
    for old, new in (
        ("<BDB>MQ==</BDB>", "<BDB>bmV3</BDB>"),
        ("<SB>YSBzaWduYXR1cmU=</SB>", ""),
        ("<BIRInfo><Integrity>", "<BIRInfo><Creator>a &amp; b</Creator><Payload>MQ==</Payload><Integrity>"),
        ("<Level>Raw<", "<Level>Processed<"),
        ("<Type>Face<", "<Type>ExceptionPhoto<"),
        ("0.0</entry>", '0.0</entry><entry key="RETRIES">1</entry>'),
    ):
        start = expected.index(b"<BIR>")  # the first record's, not the document's
        expected = expected[:start] + expected[start:].replace(old.encode(), new.encode(), 1)
    inserted = b"<SBInfo><Format><Organization>a</Organization><Type>b</Type></Format></SBInfo>"
    # Where the schema has it: behind the block, there being no signature any more.
    expected = expected.replace(b"bmV3</BDB>", b"bmV3</BDB>" + inserted, 1)
    assert canonical(written) == canonical(expected)
    assert read_bir(written).birs == (changed, found.birs[1])


def test_records_can_be_left_out_and_come_from_elsewhere() -> None:
    found = read_bir(record_xml(bir_xml(b"1"), bir_xml(b"2")))
    other = read_bir(record_xml(bir_xml(b"3", prefix="b:", more='<x b:y="1"/>'), prefix="b:")).birs[0]
    written = write_bir(dataclasses.replace(found, birs=(found.birs[1], other)))
    assert [each.bdb for each in read_bir(written).birs] == [b"2", b"3"]
    assert read_bir(write_bir(other)) == other, "a record within another can stand alone"
    assert b"b:y" in written


texts = st.none() | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=10)
registered = st.none() | st.builds(Registered, texts, texts)
moments = st.none() | st.datetimes(datetime(1000, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
octets = st.none() | st.binary(max_size=30)
birs = st.builds(
    Bir,
    version=st.none() | st.builds(Version, st.integers(0, 99), st.integers(0, 99)),
    info=st.none() | st.builds(BirInfo, texts, texts, octets, st.none() | st.booleans(), moments, moments),
    bdb_info=st.none()
    | st.builds(
        BdbInfo,
        format=registered,
        creation_date=moments,
        types=st.lists(st.sampled_from(["FACE", "IRIS", "EXCEPTION_PHOTO"]), max_size=2).map(tuple),
        subtypes=st.lists(st.sampled_from(["Left", "UNKNOWN"]), max_size=2).map(tuple),
        level=st.none() | st.sampled_from(["RAW", "INTERMEDIATE"]),
        quality=st.none() | st.builds(Quality, registered, st.none() | st.integers(-1, 100), texts),
    ),
    bdb=octets,
    sb=octets,
    others=st.dictionaries(st.text("AB_", min_size=1, max_size=5), st.text("xy ", max_size=5), max_size=3),
)


@settings(max_examples=80, deadline=None)
@given(birs, st.lists(birs, max_size=2))
def test_any_record_comes_back_in_both_forms(bir: Bir, within: list[Bir]) -> None:
    record = dataclasses.replace(bir, birs=tuple(within))
    written = write_bir(record)
    assert read_bir(written) == record
    assert canonical(write_bir(read_bir(written))) == canonical(written)
    plain = json.loads(json.dumps(cbeff_json.write_record(record)))
    assert cbeff_json.read_bir(plain) == record
    assert cbeff_json.write_record(cbeff_json.read_bir(plain)) == plain


def document(inside: str, before: str = "") -> bytes:
    return f'{before}<BIR xmlns="{NAMESPACE}">{inside}</BIR>'.encode()


BOMB = '<!DOCTYPE BIR [<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)
HOSTILE: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "record.damaged", "no element found"),
    "JSON": (b"{}", "record.damaged", "not well-formed"),
    "another root": (b"<BIR/>", "record.damaged", "BIR of http://"),
    "another namespace": (b'<BIR xmlns="urn:x"/>', "record.damaged", "BIR of http://"),
    "a bomb of entities": (document("&j;", f"{BOMB}]>"), "record.damaged", "document type"),
    "a bomb of one large entity": (
        document("&a;" * 1000, f'<!DOCTYPE BIR [<!ENTITY a "{"x" * 100_000}">]>'),
        "record.damaged",
        "document type",
    ),
    "a file from outside": (
        document("&a;", '<!DOCTYPE BIR [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        "record.damaged",
        "document type",
    ),
    "a document type from outside": (
        document("", '<!DOCTYPE BIR SYSTEM "http://localhost/x.dtd">'),
        "record.damaged",
        "document type",
    ),
    "a parameter entity": (
        document("", '<!DOCTYPE BIR [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]>'),
        "record.damaged",
        "document type",
    ),
    "an entity of nowhere": (document("&a;"), "record.damaged", "undefined entity"),
    "a processing instruction": (document("<?php x?>"), "record.damaged", "processing instruction"),
    "a stylesheet": (
        document("", '<?xml-stylesheet href="http://localhost/x.xsl"?>'),
        "record.damaged",
        "processing instruction",
    ),
    "deep elements": (document("<x>" * 9_000 + "</x>" * 9_000), "record.too_large", f"more than {MAX_DEPTH}"),
    "many elements": (document("<x/>" * (2 * MAX_ELEMENTS)), "record.too_large", "elements"),
    "many attributes": (
        document("<x " + " ".join(f'a{n}=""' for n in range(MAX_EQUALS)) + "/>"),
        "record.too_large",
        "attributes",
    ),
    "many bytes": (document(" " * MAX_XML), "record.too_large", "bytes"),
    "records too deep": (
        document("<BIR>" * (MAX_LEVELS + 1) + "</BIR>" * (MAX_LEVELS + 1)),
        "record.too_large",
        f"records {MAX_LEVELS + 1} deep",
    ),
    "too many records": (document("<BIR/>" * MAX_BIRS), "record.too_large", f"more than {MAX_BIRS} records"),
    "UTF-16": (document("").decode().encode("utf-16"), "record.damaged", "aren't text in UTF-8"),
    "called UTF-16": (
        document("", '<?xml version="1.0" encoding="UTF-16"?>'),
        "record.damaged",
        "another version or encoding",
    ),
    "called UTF-7": (
        document("+ADw-x+AD4-", '<?xml version="1.0" encoding="UTF-7"?>'),
        "record.damaged",
        "another version or encoding",
    ),
    "Latin-1": (document("\u00e9").replace(b"\xc3\xa9", b"\xe9"), "record.damaged", "aren't text in UTF-8"),
    "UTF-16 without a mark": (document("").decode().encode("utf-16-le"), "record.damaged", "zero"),
    "a zero": (document("\0"), "record.damaged", "a byte of zero"),
    "a zero by number": (document("&#0;"), "record.damaged", "invalid character number"),
    "two roots": (document("") * 2, "record.damaged", "junk after document element"),
    "no end": (document("")[:-1], "record.damaged", "unclosed token"),
    "an attribute twice": (document('<x a="1" a="2"/>'), "record.damaged", "duplicate attribute"),
    "an attribute twice by two prefixes": (
        document('<x xmlns:a="u" xmlns:b="u" a:y="1" b:y="2"/>'),
        "record.damaged",
        "stands twice",
    ),
    "a prefix of nowhere": (document("<a:x/>"), "record.damaged", "isn't declared"),
    "an attribute's prefix of nowhere": (document('<x a:y=""/>'), "record.damaged", "isn't declared"),
    "a prefix undone": (document('<x xmlns:a=""/>'), "record.damaged", "can't be declared"),
    "xml declared": (document('<x xmlns:xml="urn:x"/>'), "record.damaged", "can't be declared"),
    "colons": (document("<a:b:c/>"), "record.damaged", "colons"),
    "a colon in front": (document("<:x/>"), "record.damaged", "colons"),
    "a block twice": (document("<BDB/><BDB/>"), "record.damaged", "BIR/BDB: 2 of them"),
    "a block of elements": (document("<BDB><x/></BDB>"), "record.damaged", "elements where a text belongs"),
    "no base64": (document("<BDB>a*b=</BDB>"), "record.damaged", "BIR/BDB: text that isn't base64"),
    "half of base64": (document("<BDB>A</BDB>"), "record.damaged", "base64"),
    "no version": (document("<Version><Major>one</Major></Version>"), "record.damaged", "Version/Major"),
    "a huge version": (
        document(f"<Version><Major>{'9' * 9999}</Major></Version>"),
        "record.damaged",
        "whole",
    ),
    "other digits": (document("<Version><Major>\u0661</Major></Version>"), "record.damaged", "whole"),
    "no truth": (
        document("<BIRInfo><Integrity>perhaps</Integrity></BIRInfo>"),
        "record.damaged",
        "neither true",
    ),
    "no time": (
        document("<BIRInfo><CreationDate>now</CreationDate></BIRInfo>"),
        "record.damaged",
        "CreationDate",
    ),
    "no score": (
        document("<BDBInfo><Quality><Score>NaN</Score></Quality></BDBInfo>"),
        "record.damaged",
        "BDBInfo/Quality/Score",
    ),
    "an entry without a key": (document("<Others><entry>1</entry></Others>"), "record.damaged", "key"),
    "an entry twice": (
        document('<Others><entry key="a"/><entry key="a"/></Others>'),
        "record.damaged",
        "key of its own",
    ),
}


@pytest.mark.parametrize(("data", "code", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents_end_in_one_clear_line(data: bytes, code: str, word: str) -> None:
    with pytest.raises(RecordError) as caught:
        read_bir(data)
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_document_cut_anywhere_is_refused() -> None:
    good = record_xml(bir_xml(b"12345", more=FOREIGN)).strip()
    for cut in range(len(good)):
        with pytest.raises(RecordError):
            read_bir(good[:cut])


@pytest.mark.parametrize(
    "bir",
    [
        Bir(others={"a": "\0"}),
        Bir(others={"\ud800": "b"}),
        Bir(info=BirInfo(creator="\ufffe")),
        Bir(info=BirInfo(payload="text")),  # type: ignore[arg-type]
        Bir(bdb_info=BdbInfo(quality=Quality(score=float("nan")))),
    ],
)
def test_what_does_not_fit_is_not_written(bir: Bir) -> None:
    with pytest.raises(RecordError) as caught:
        write_bir(bir)
    assert caught.value.code == "record.field"
    assert str(caught.value).isprintable()
