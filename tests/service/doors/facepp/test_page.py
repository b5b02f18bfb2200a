"""The page about the door says what is: its fields, its attributes, its errors, its limits."""

from __future__ import annotations

import re
from pathlib import Path

from visavis.service.doors.facepp import detect, faceid, urls
from visavis.service.doors.facepp.attributes import DECLINED, GIVEN, POINTS
from visavis.service.doors.facepp.confidence import FACEID, FACEPP
from visavis.service.doors.facepp.errors import INTERNAL, SAID
from visavis.service.doors.facepp.pictures import MAX_BYTES, ONE, SIDES
from visavis.service.doors.facepp.routes import MAX_BODY, MAX_FACEID_BODY
from visavis.service.doors.facepp.tokens import HOURS

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "facepp.md").read_text(encoding="utf-8")
SOURCE = ROOT / "src" / "visavis" / "service" / "doors" / "facepp"


def rows(heading: str) -> list[list[str]]:
    """A table by its first head."""
    lines = PAGE[PAGE.index(f"| {heading} |") :].splitlines()[2:]
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def named(heading: str) -> set[str]:
    return {name for row in rows(heading) for name in re.findall(r"`([^`]+)`", row[0])}


def test_every_field_is_there() -> None:
    assert {name for side in SIDES for name in side.all} <= named("field of compare")
    assert set(ONE.all) | {"return_landmark", "return_attributes", "calculate_all"} <= named(
        "field of detect"
    )
    probes = {name for names in faceid.PROBES.values() for name in names} - {"face_token"}
    assert {*faceid.REFERENCES, *probes} <= named("field of FaceID")
    read = re.compile(r"form\.(?:text|flag|number|decimal|needed)\(\s*\"(\w+)\"")
    for name, heading in (("detect", "field of detect"), ("faceid", "field of FaceID")):
        asked = set(read.findall((SOURCE / f"{name}.py").read_text(encoding="utf-8")))
        assert asked <= named(heading), name


def test_every_attribute_is_there() -> None:
    told = {name: row[1] for row in rows("field of a face") for name in re.findall(r"`(\w+)`", row[0])}
    assert {name for name, given in told.items() if given == "no"} == set(DECLINED)
    assert set(GIVEN) <= told.keys() - set(DECLINED)
    assert all(f"`{point}`" in PAGE for point in POINTS)


def test_every_error_is_there_with_its_status() -> None:
    told = {(int(row[0]), row[1].strip("`").partition(":")[0]) for row in rows("HTTP")}
    said = {(status, message.partition(":")[0]) for status, message in (*SAID.values(), INTERNAL)}
    raised = re.compile(r"Said\((\d+), \"([A-Z_]+)\"")
    for path in SOURCE.glob("*.py"):
        said |= {(int(status), code) for status, code in raised.findall(path.read_text(encoding="utf-8"))}
    codes = {"INVALID_IMAGE_SIZE", "NO_FACE_FOUND", "MULTIPLE_FACES", "LOW_QUALITY"}  # chosen by a reason
    faceid_only = {"NO_FACE_FOUND", "MULTIPLE_FACES", "LOW_QUALITY"}
    assert said | {(400, code) for code in codes - faceid_only} | {(413, "")} == told
    assert all(code in PAGE for code in faceid_only)


def test_numbers() -> None:
    for _, thousandths in (*FACEPP, *FACEID):
        assert f"{thousandths / 1000:g}" in PAGE
    assert (MAX_BYTES, MAX_BODY, MAX_FACEID_BODY) == (2 * 2**20, 8 * 2**20, 20 * 2**20)
    assert "at most 2 MiB; the request at most 8 MiB" in PAGE
    assert "2 MiB each, 20 MiB together" in PAGE
    assert f"for {HOURS} hours" in PAGE
    assert f"up to {detect.MAX_ANALYSED} faces" in PAGE
    assert (detect.MAX_TOKENS, urls.MAX_REDIRECTS, urls.WITHIN_S) == (5, 3, 5.0)
    assert "of the five largest" in PAGE
    assert "at most three, are looked at in the same way" in PAGE
    assert f"{faceid.QUALITY} by default" in PAGE
