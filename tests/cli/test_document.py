from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.documents.specimens import changed, make

from visavis.cli.document import document_command
from visavis.documents.reader import PACK
from visavis.documents.specimen_chip import make_dg1
from visavis.errors import DocumentError, PackError, PhotoError, VisavisError
from visavis.packs import install as packs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.documents.specimens import Specimens

    from visavis.verifier import Verifier


@pytest.fixture(scope="module")
def specimens(
    sface: Verifier, portraits: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Specimens:
    packs.install(PACK)
    return make(tmp_path_factory.mktemp("specimens"), sface, portraits["obama.jpg"])


@dataclass
class Ran:
    code: int
    out: str
    error: BaseException | None


def run(*words: object) -> Ran:
    result = CliRunner().invoke(document_command, [*map(str, words)])
    error = result.exception if not isinstance(result.exception, SystemExit) else None
    return Ran(result.exit_code, result.output, error)


def test_a_passport_with_its_chip(specimens: Specimens) -> None:
    ran = run(specimens.passport, "--chip", specimens.chip, "--trust", specimens.trusted)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert all(len(line) <= 100 for line in lines)
    assert lines[0].split() == ["document", "passport.jpg"]
    assert [line.strip() for line in lines if "<<<" in line] == list(specimens.passport_lines)
    fields = {line[14:31].strip(): line[31:].split(maxsplit=2) for line in lines if "check digit" in line}
    assert fields["surname"][2] == "no check digit"
    [number] = [line for line in lines if line.strip().startswith("document number")]
    assert number.endswith("right")
    assert number.split()[2] == specimens.passport_lines[1][:9].rstrip("<")
    for stage in ("hashes", "signature", "chain", "state"):
        assert any(line.split()[:2] == [stage, "passed:"] for line in lines)
    assert any(line.split()[:3] == ["revocation", "not", "done:"] for line in lines)
    assert "not detect a cloned chip" in " ".join(ran.out.split())
    assert "10 of 10 fields are the same as printed" in ran.out


def test_json(specimens: Specimens) -> None:
    ran = run(specimens.front, specimens.back, "--json")
    assert ran.code == 0
    data = json.loads(ran.out)
    assert tuple(data["mrz"]["lines"]) == specimens.card_lines
    assert data["mrz"]["format"] == "TD1"
    assert data["mrz"]["valid"] is True
    assert data["mrz"]["fields"]["given_names"]["checked"] is None
    assert data["portrait"]["page"] == 0
    assert data["chip"] is None


def test_a_back_alone_has_no_portrait(specimens: Specimens) -> None:
    ran = run(specimens.back)
    assert ran.code == 2
    assert "reason        No portrait was found on the document" in ran.out
    assert "nothing here was authenticated" in ran.out


def test_pictures_and_a_chip_of_two_documents(specimens: Specimens) -> None:
    ran = run(specimens.front, specimens.back, "--chip", specimens.other_chip)
    assert ran.code == 1
    assert "note          The chip is of another document than the printed page: " in ran.out
    ran = run(specimens.passport, specimens.other_back)
    assert ran.code == 2
    assert "reason        The pictures are of several documents: " in ran.out


@pytest.mark.parametrize(("file", "stage"), [("EF.DG1", "hashes"), ("EF.SOD", "signature")])
def test_a_chip_that_was_changed(file: str, stage: str, specimens: Specimens, tmp_path: Path) -> None:
    first, second = specimens.passport_lines
    sod = (specimens.chip / "EF.SOD").read_bytes()
    files = {
        "EF.DG1": make_dg1([first.replace("OUDEIS", "NEMO<<"), second]),
        "EF.SOD": sod[:-1] + bytes([sod[-1] ^ 1]),
    }
    chip = changed(specimens.chip, tmp_path / "chip", {file: files[file]})
    ran = run(specimens.passport, "--chip", chip)
    assert ran.code == 1
    assert any(line.split()[:2] == [stage, "failed:"] for line in ran.out.splitlines())


def test_the_report_is_written_for_its_owner_alone(specimens: Specimens, tmp_path: Path) -> None:
    report = tmp_path / "below/report.html"
    assert run(specimens.passport, "--report", report).code == 0
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


@pytest.mark.parametrize("words", [[], ["a.jpg", "--trust", "csca.cer"], ["a.jpg", "--nothing"]])
def test_wrong_usage(words: list[str]) -> None:
    assert run(*words).code == 2  # click's own; the door makes it 64


def test_a_report_never_overwrites_what_is_read(specimens: Specimens) -> None:
    before = specimens.passport.read_bytes()
    ran = run(specimens.passport, "--report", specimens.passport)
    assert ran.code == 2
    assert "overwrite" in ran.out
    assert specimens.passport.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        (["/nowhere.jpg"], PhotoError, "photo.missing"),
        (["{passport}", "/nowhere.jpg"], PhotoError, "photo.missing"),
        (["{passport}", "--chip", "/nowhere"], DocumentError, "chip.missing"),
        (["{passport}", "--chip", "{trusted}"], DocumentError, "chip.unreadable"),
        (["{passport}", "--chip", "{chip}", "--trust", "/nowhere"], DocumentError, "certificates.missing"),
        (["{passport}"] * 9, DocumentError, "document.count"),
        (["{passport}", "--pack", "nothing"], PackError, "pack.unknown"),
    ],
)
def test_errors_by_name(words: list[str], kind: type[VisavisError], code: str, specimens: Specimens) -> None:
    paths = {name: getattr(specimens, name) for name in ("passport", "chip", "trusted")}
    error = run(*(word.format(**paths) for word in words)).error
    assert isinstance(error, kind)
    assert error.code == code


def test_without_the_pack_it_says_how_to_get_it(
    specimens: Specimens, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = packs.installed
    monkeypatch.setattr(packs, "installed", lambda name: None if name == PACK else installed(name))
    error = run(specimens.passport).error
    assert isinstance(error, PackError)
    assert error.code == "pack.not_installed"
    assert "visavis packs install mrz" in str(error)
