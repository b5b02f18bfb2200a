from __future__ import annotations

import dataclasses
import io
import os
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.documents.issuing_state import TD1, TD3, State, files_of, groups_of, portrait
from tests.pictures import encoded as picture
from tests.pictures import jpeg_header_only, scene

from visavis.documents.chip import ChipFiles
from visavis.documents.files import MAX_FILE, MAX_FILES, MAX_UNPACKED, MAX_ZIP, named
from visavis.documents.specimen_chip import make_dg1, make_dg2, make_face_record, wrap_face_record
from visavis.documents.tlv import encoded
from visavis.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES = files_of(groups_of(), State().signer())


def zipped(files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_folder(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / f"EF_{name}.bin").write_bytes(content)
    (tmp_path / "photo.jpg").write_bytes(portrait())
    (tmp_path / "DG2.jp2").write_bytes(b"not opened at all" * 2**19)
    (tmp_path / "report.html").write_text("<p>a report")
    (tmp_path / ".hidden").write_bytes(b"a")
    (tmp_path / "DG1").mkdir()
    chip = ChipFiles.read(tmp_path)
    assert chip.groups == FILES
    assert chip.mrz_lines == TD3
    assert chip.portrait is not None
    assert (chip.portrait.data, chip.portrait.kind) == (portrait(), "JPEG")
    assert chip.com is not None
    assert chip.com.groups == ("DG1", "DG2")
    assert chip.notes == ()
    assert ChipFiles.read(str(tmp_path)) == chip


def test_a_zip(tmp_path: Path) -> None:
    data = zipped({f"passport/{name}.bin": content for name, content in FILES.items()})
    (tmp_path / "chip.zip").write_bytes(data)
    assert ChipFiles.read(data) == ChipFiles.read(tmp_path / "chip.zip") == ChipFiles.of(FILES)
    more = {"passport/": b"", "__MACOSX/._DG1.bin": b"a", ".DS_Store": b"a", "x/face.jpg": portrait()}
    assert ChipFiles.read(zipped(FILES | more)) == ChipFiles.of(FILES)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("EF_DG1.bin", "DG1"),
        ("DG1.bin", "DG1"),
        ("EF.DG1", "DG1"),
        ("dg1", "DG1"),
        ("EFDG01.dat", "DG1"),
        ("Datagroup2.bin", "DG2"),
        ("data group 2", "DG2"),
        ("passport/L898902C_dg-02.BIN", "DG2"),
        ("DG14.bin", "DG14"),
        ("dg16", "DG16"),
        ("dg17", None),
        ("ef.sod", "SOD"),
        ("SOD.bin", "SOD"),
        ("EF_COM", "COM"),
        ("0101.bin", "DG1"),
        ("0102", "DG2"),
        ("010E.bin", "DG14"),
        ("0110", "DG16"),
        ("0x011D.bin", "SOD"),
        ("EF.011E.bin", None),
        ("011e", "COM"),
        ("20101.bin", None),
        ("combined.bin", None),
        ("a.bin", None),
    ],
)
def test_names_of_files(name: str, meant: str | None) -> None:
    assert named(name) == meant


def test_names_that_say_nothing_leave_it_to_the_content() -> None:
    anonymous = {f"{number}.bin": content for number, content in enumerate(FILES.values())}
    assert ChipFiles.of(anonymous) == ChipFiles.of(FILES)
    # Text may begin with the tag of a group: "about" with that of DG1.
    assert ChipFiles.of(anonymous | {"readme": b"about this chip"}) == ChipFiles.of(FILES)


def test_what_is_missing_is_said() -> None:
    chip = ChipFiles.of({"DG1": FILES["DG1"]})
    assert (chip.mrz_lines, chip.portrait, chip.com) == (TD3, None, None)
    assert chip.notes == (
        "there is no DG2: no portrait of the chip",
        "there is no SOD: nothing can be authenticated",
    )
    chip = ChipFiles.of({"SOD": FILES["SOD"], "COM": FILES["COM"]})
    assert chip.mrz_lines == ()
    assert chip.notes[-1] == "EF.COM also names DG1, DG2, not used here"


def test_groups_about_the_person_are_left_alone() -> None:
    chip = ChipFiles.of(FILES | {"DG3.bin": b"\x63\1a", "DG11.bin": b"\x6b\1a", "DG4": b""})
    assert chip.groups == FILES
    assert chip.notes == ("DG11 is left alone", "DG3 is left alone", "'DG4' is empty")


def test_the_same_file_twice_does_no_harm() -> None:
    assert ChipFiles.of(FILES | {"copy/DG1.bin": FILES["DG1"]}) == ChipFiles.of(FILES)


def test_zero_bytes_at_the_end_are_left_out() -> None:
    chip = ChipFiles.of(FILES | {"DG1": FILES["DG1"] + bytes(12)})
    assert chip.groups == FILES
    assert chip.notes == ("'DG1' has 12 zero bytes after its end, left out",)


def test_chip_files_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ChipFiles.of(FILES).mrz_lines = ()  # type: ignore[misc]


def test_a_portrait_of_jpeg_2000_and_one_without_a_stated_size() -> None:
    chip = ChipFiles.of({"DG2": make_dg2(portrait("JPEG2000"))})
    assert chip.portrait is not None
    assert chip.portrait.kind == "JPEG 2000"
    for size in ((0, 0), (0, 500), (500, 0)):
        chip = ChipFiles.of({"DG2": wrap_face_record(make_face_record(portrait(), *size))})
        assert chip.portrait is not None
        assert (chip.portrait.width, chip.portrait.height) == size


def dg2(data: bytes, size: tuple[int, int] = (90, 120)) -> dict[str, bytes]:
    return {"DG2": wrap_face_record(make_face_record(data, *size))}


HOSTILE: dict[str, tuple[dict[str, bytes], str, str]] = {
    "nothing": ({}, "chip.empty", "0 files"),
    "a picture": ({"face.bin": portrait()}, "chip.empty", "1 files"),
    "EF.COM alone": ({"COM": FILES["COM"]}, "chip.empty", "1 files"),
    "swapped names": ({"DG1": FILES["DG2"], "DG2": FILES["DG1"]}, "chip.damaged", "found DG2, expected DG1"),
    "a picture called DG2": ({"DG2": portrait()}, "chip.damaged", "begin with ff d8"),
    "two that differ": (
        {"a/DG1": FILES["DG1"], "b/DG1": make_dg1(TD1)},
        "chip.damaged",
        "two different files of DG1",
    ),
    "DG1 cut": ({"DG1": FILES["DG1"][:-1]}, "chip.damaged", "EF.DG1"),
    "an endless SOD": ({"SOD": b"\x77\x84\xff\xff\xff\xff\0"}, "chip.damaged", "4294967295"),
    "an indefinite SOD": ({"SOD": b"\x77\x80\x30\x80\0\0\0\0"}, "chip.damaged", "indefinite"),
    "DG14 cut": (FILES | {"DG14": b"\x6e\x05\0"}, "chip.damaged", "EF.DG14"),
    "a wider portrait": (dg2(portrait(), (91, 120)), "chip.damaged", "91 x 120, expected 90 x 120"),
    "a huge portrait stated": (dg2(portrait(), (65535, 65535)), "chip.damaged", "65535 x 65535"),
    "a huge portrait": (
        dg2(jpeg_header_only(60000, 60000), (60000, 60000)),
        "chip.too_large",
        "60000 x 60000",
    ),
    "a tiny portrait": (dg2(picture("JPEG", scene(8, 8)), (8, 8)), "chip.damaged", "8 x 8"),
    "half a portrait": (dg2(portrait()[: len(portrait()) // 2]), "chip.damaged", "cut off"),
    "half a portrait in JPEG 2000": (dg2(portrait("JPEG2000")[:-500]), "chip.damaged", "cut off"),
}


@pytest.mark.parametrize(("files", "code", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_end_in_one_clear_line(files: dict[str, bytes], code: str, word: str) -> None:
    with pytest.raises(DocumentError) as caught:
        ChipFiles.of(files)
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert caught.value.__cause__ is None
    with pytest.raises(DocumentError) as caught:
        ChipFiles.read(zipped(files | {"x": b"x"}))
    assert caught.value.code == code


def encrypted() -> bytes:
    """A zip whose entries are marked as encrypted."""
    data = bytearray(zipped(FILES, method=zipfile.ZIP_STORED))
    for start, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.find(start)
        while place >= 0:
            data[place + at] |= 1
            place = data.find(start, place + 1)
    return bytes(data)


def lying(data: bytes, size: int) -> bytes:
    """A zip whose directory states another size of its first file."""
    place = data.index(b"PK\1\2")
    return data[: place + 24] + size.to_bytes(4, "little") + data[place + 28 :]


def overlapping() -> bytes:
    """A zip whose many entries are one and the same packed data."""
    data = zipped({"DG1": bytes(60_000)})
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entry, tail = data[start:end], bytearray(data[end:])
    names = [entry[:46] + b"%03d" % number + entry[49:] for number in range(250)]
    tail[8:12] = (250).to_bytes(2, "little") * 2
    tail[12:16] = (len(entry) * 250).to_bytes(4, "little")
    return data[:start] + b"".join(names) + bytes(tail)


def nameless() -> bytes:
    """A zip whose directory gives its only file a name of no letters."""
    data = bytearray(zipped({"D": FILES["DG1"]}))
    entry, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    data[entry + 28 : entry + 30] = bytes(2)
    size = int.from_bytes(data[end + 12 : end + 16], "little") - 1
    data[end + 12 : end + 16] = size.to_bytes(4, "little")
    del data[entry + 46]
    return bytes(data)


ZIPS = {
    "no bytes": (b"", "chip.unreadable", "folder or a zip"),
    "no zip": (portrait(), "chip.unreadable", "folder or a zip"),
    "a zip of nothing": (zipped({}), "chip.unreadable", "folder or a zip"),
    "half a zip": (zipped(FILES)[:-100], "chip.damaged", "unpacked"),
    "a start alone": (b"PK\3\4" + bytes(50), "chip.damaged", "unpacked"),
    "data that don't fit": (lying(zipped(FILES), 5), "chip.damaged", "unpacked"),
    "a bomb": (zipped({"DG2.bin": bytes(MAX_FILE)}), "chip.too_large", "far more"),
    "a bomb that lies": (lying(zipped({"DG2.bin": bytes(MAX_FILE)}), 1000), "chip.damaged", "unpacked"),
    "a large file": (zipped({"DG2": os.urandom(MAX_FILE + 1)}), "chip.too_large", "too large"),
    "a large zip": (b"PK\3\4" + bytes(MAX_ZIP), "chip.too_large", "too large"),
    "many large files": (
        zipped(
            {f"{number}": b"".join(bytes(9000) + os.urandom(1000) for _ in range(380)) for number in range(5)}
        ),
        "chip.too_large",
        f"at most {MAX_UNPACKED} bytes",
    ),
    "entries that overlap": (overlapping(), "chip.damaged", "unpacked"),
    "many files": (
        zipped({f"{number}": b"" for number in range(MAX_FILES + 1)}),
        "chip.too_large",
        "many files",
    ),
    "a million names": (b"PK\3\4" + b"PK\1\2" * 1_000_000, "chip.too_large", "many files"),
    "a path out": (zipped({"../DG1": FILES["DG1"]}), "chip.damaged", "out of its folder"),
    "a file without a name": (nameless(), "chip.damaged", "out of its folder"),
    "a path from the root": (zipped({"/etc/DG1": FILES["DG1"]}), "chip.damaged", "out of its folder"),
    "a path of Windows": (zipped({"C:\\DG1": FILES["DG1"]}), "chip.damaged", "out of its folder"),
    "a zip in it": (zipped({"DG1": zipped(FILES)}), "chip.unsupported", "another zip"),
    "another method": (zipped(FILES, method=zipfile.ZIP_LZMA), "chip.unsupported", "unusual method"),
    "encrypted": (encrypted(), "chip.unsupported", "encrypted"),
}


@pytest.mark.parametrize(("data", "code", "word"), ZIPS.values(), ids=ZIPS)
def test_hostile_zips_end_in_one_clear_line(data: bytes, code: str, word: str) -> None:
    with pytest.raises(DocumentError) as caught:
        ChipFiles.read(data)
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert caught.value.__cause__ is None


def test_a_zip_with_two_files_of_one_name() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("DG1", FILES["DG1"])
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("DG1", make_dg1(TD1))
    with pytest.raises(DocumentError, match="two files of one name"):
        ChipFiles.read(out.getvalue())


def test_hostile_folders(tmp_path: Path) -> None:
    def refused(path: Path | str) -> str:
        with pytest.raises(DocumentError) as caught:
            ChipFiles.read(path)
        return caught.value.code

    assert refused(tmp_path) == "chip.empty"
    assert refused(tmp_path / "nowhere") == "chip.missing"
    assert refused("a\0b") == "chip.missing"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "DG1")
        assert refused(tmp_path / "DG1") == "chip.unreadable"
        assert refused(tmp_path) == "chip.empty"
    with (tmp_path / "DG2").open("wb") as file:
        file.truncate(2**40)
    assert refused(tmp_path) == "chip.too_large"
    assert refused(tmp_path / "DG2") == "chip.too_large"
    (tmp_path / "DG2").unlink()
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number}").touch()
    assert refused(tmp_path) == "chip.too_large"


def test_an_outer_tag_alone_is_no_file() -> None:
    with pytest.raises(DocumentError, match=r"EF\.DG1 is damaged"):
        ChipFiles.of({"DG1": encoded(0x61)})
