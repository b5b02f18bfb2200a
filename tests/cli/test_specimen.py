from __future__ import annotations

import io
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.pictures import encoded, scene

from visavis import cli
from visavis.cli.specimen import KINDS as OFFERED
from visavis.documents.authenticity import authenticate
from visavis.documents.chip import ChipFiles
from visavis.documents.specimen import KINDS
from visavis.documents.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.verifier import Verifier


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(["specimen", *map(str, words)])
    code = left.value.code or 0
    assert isinstance(code, int)
    return code


@pytest.fixture
def portrait(sface: Verifier, portraits: Mapping[str, bytes], tmp_path: Path) -> Path:
    path = tmp_path / "obama.jpg"
    path.write_bytes(portraits["obama.jpg"])
    return path


def test_the_kinds_are_those_that_can_be_drawn() -> None:
    assert tuple(KINDS) == OFFERED


def test_a_passport(
    portrait: Path, sface: Verifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "below/out"
    words = ["--surname", "Nirgendwo", "--given-names", "Käthe", "--number", "U12345678"]
    dates = ["--birth", "1980-02-29", "--issued", "2024-01-01", "--expiry", "2033-12-31"]
    assert run("--portrait", portrait, "--out", out, "--ghost", "--photographed", 1, *words, *dates) == 0
    assert {path.name for path in out.iterdir()} == {"page.png", "photo.jpg", "truth.json"}
    truth = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    assert truth["format"] == "TD3"
    assert truth["holder"]["given_names"] == "Käthe"
    assert truth["holder"]["birth"] == "1980-02-29"
    assert truth["mrz"][0] == "P<UTONIRGENDWO<<KAETHE".ljust(44, "<")  # Doc 9303 part 3, 6.A: Ä is AE
    assert truth["mrz"][1].startswith("U12345678")
    assert truth["mrz"][1][10:19] == "UTO800229"
    assert truth["mrz"][1][20] == "<"  # nothing is said of the person that nobody said
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"Specimen: {out / 'page.png'}"
    assert printed[1:] == truth["mrz"]
    seen = sface.examine(out / "page.png")
    assert seen.evidence.face is not None
    x, y = seen.evidence.face.box.centre
    corners = np.array(truth["sides"]["page"]["portrait"][0])
    assert (corners[0] < (x, y)).all()
    assert ((x, y) < corners[2]).all()
    # On the photograph, where the truth says that the portrait is.
    [photo] = truth["photos"]
    assert (photo["file"], photo["of"]) == ("photo.jpg", "page.png")
    shown = sface.examine(out / "photo.jpg").evidence.face
    assert shown is not None
    where = np.array(photo["portrait"][0])
    assert where.min(axis=0)[0] < shown.box.centre[0] < where.max(axis=0)[0]
    assert where.min(axis=0)[1] < shown.box.centre[1] < where.max(axis=0)[1]
    assert len(photo["mrz_lines"]) == 2
    assert len(photo["ghost"]) == 1
    assert truth["severity"] == 1


def test_a_specimen_matches_the_person_whose_portrait_it_has(
    portrait: Path, portraits: Mapping[str, bytes], sface: Verifier, tmp_path: Path
) -> None:
    assert run("--portrait", portrait, "--out", tmp_path / "out", "--ghost", "--photographed", 1) == 0
    photo = tmp_path / "out/photo.jpg"
    assert sface.verify(photo, portraits["obama2.jpg"]).decision == "match"
    assert sface.verify(photo, portraits["biden.jpg"]).decision == "no_match"


def test_a_card_has_two_sides(portrait: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("--portrait", portrait, "--out", out, "--kind", "card", "--photographed", 3) == 0
    truth = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    names = {"page.png", "back.png", "photo.jpg", "photo-back.jpg", "truth.json"}
    assert {path.name for path in out.iterdir()} == names
    assert [(each["file"], each["of"]) for each in truth["photos"]] == [
        ("photo.jpg", "page.png"),
        ("photo-back.jpg", "back.png"),
    ]
    assert "mrz_lines" not in truth["photos"][0]
    assert len(truth["photos"][1]["mrz_lines"]) == 3
    assert "portrait" not in truth["photos"][1]


def test_the_same_again_by_its_seed(portrait: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert run("--portrait", portrait, "--out", tmp_path / name, "--seed", seed, "--photographed", 2) == 0
    a, b, c = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "abc")
    assert a == b
    assert all(a[name] != c[name] for name in a)


def test_a_chip(portrait: Path, sface: Verifier, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("--portrait", portrait, "--out", out, "--chip") == 0
    truth = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    assert {path.name for path in (out / "chip").iterdir()} == {"EF.COM", "EF.DG1", "EF.DG2", "EF.SOD"}
    chip = ChipFiles.read(out / "chip")
    assert list(chip.mrz_lines) == truth["mrz"]
    assert chip.portrait is not None
    assert authenticate(chip, Trust.read(out / "csca.cer")).outcome == "passed"
    assert authenticate(chip).outcome == "not done"  # nobody vouches for the state by itself
    assert sface.verify(chip.portrait.data, portrait).decision == "match"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_owner_may_read(portrait: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("--portrait", portrait, "--out", out) == 0
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}


# Refusals

REFUSED: list[tuple[list[str], int, str]] = [
    (["--kind", "licence"], 64, "licence"),
    (["--photographed", "0"], 64, "photographed"),
    (["--photographed", "4"], 64, "photographed"),
    (["--seed", "-1"], 64, "seed"),
    (["--birth", "29.02.1980"], 64, "birth"),
    (["--birth", "1981-02-29"], 64, "birth"),
    (["--expiry", "1990-01-01"], 64, "dates"),
    (["--surname", ""], 64, "surname"),
    (["--surname", "N" * 61], 64, "surname"),
    (["--surname", "田中"], 64, "surname"),
    (["--number", "12345678901"], 64, "number"),
    (["--nationality", "FRA"], 64, "nationality"),
    (["--kind", "visa", "--chip"], 64, "chip"),
    (["--pack", "nosuch"], 64, "nosuch"),
]


@pytest.mark.parametrize(("words", "status", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(
    words: list[str],
    status: int,
    said: str,
    portrait: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert run("--portrait", portrait, "--out", out, *words) == status
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert not out.exists()


def two_faces(portraits: Mapping[str, bytes]) -> bytes:
    with Image.open(io.BytesIO(portraits["obama.jpg"])) as one:
        both = Image.new("RGB", (one.width * 2, one.height))
        both.paste(one, (0, 0))
        both.paste(one, (one.width, 0))
    return encoded("JPEG", both)


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (None, 66, "there is no"),
        (b"", 65, "no bytes"),
        (b"not a picture", 65, "text"),
        (encoded("PNG", scene(400, 300)), 65, "no face"),
        ("two", 65, "2 faces"),
    ],
    ids=["missing", "empty", "text", "no face", "two faces"],
)
def test_no_portrait(
    content: Any,
    status: int,
    said: str,
    sface: Verifier,
    portraits: Mapping[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, out = tmp_path / "given", tmp_path / "out"
    if content is not None:
        path.write_bytes(two_faces(portraits) if content == "two" else content)
    assert run("--portrait", path, "--out", out) == status
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("visavis: ")
    assert said in told.err
    assert not out.exists()


def test_the_portrait_is_not_overwritten(portrait: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    content = portrait.read_bytes()
    (out / "page.png").write_bytes(content)
    assert run("--portrait", out / "page.png", "--out", out) == 64
    assert (out / "page.png").read_bytes() == content


def test_a_folder_that_cannot_be_made(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert run("--portrait", portrait, "--out", tmp_path / "file/below") == 73
    assert capsys.readouterr().err.startswith("visavis: ")
