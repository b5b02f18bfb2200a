from __future__ import annotations

import io
import json
import re
import stat
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from visavis.cli.quality import quality_command
from visavis.errors import PackError, PhotoError, VisavisError
from visavis.faces.recognise import Recogniser
from visavis.ledger.entry import Entry
from visavis.ledger.reader import Reader
from visavis.quality.component import NAMES
from visavis.quality.profiles import PROFILES
from visavis.quality.unified import NAME as UNIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.verifier import Verifier


@pytest.fixture(scope="module")
def pictures(
    sface: Verifier, portraits: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """One face, the same burnt out, two faces, none, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "one.jpg").write_bytes(portraits["obama.jpg"])
    one = np.array(Image.open(io.BytesIO(portraits["obama.jpg"])).convert("RGB"))
    burnt = np.minimum(one.astype(np.uint16) * 3, 255).astype(np.uint8)
    Image.fromarray(burnt).save(folder / "burnt.png")
    Image.fromarray(np.hstack([one, one])).save(folder / "two.png")
    Image.new("RGB", (320, 240), (90, 120, 160)).save(folder / "none.png")
    (folder / "text.jpg").write_bytes(b"not a picture")
    return folder


def run(*words: object) -> Result:
    return CliRunner().invoke(quality_command, [*map(str, words)])


def test_a_picture_that_meets_the_profile(pictures: Path) -> None:
    ran = run(pictures / "one.jpg")
    assert ran.exit_code == 0
    lines = ran.output.splitlines()
    assert all(len(line) <= 100 for line in lines)
    count = len(PROFILES["selfie"].floors)
    assert lines[:2] == ["MEETS the profile selfie", f"{count} of {count} floors are reached."]
    assert re.match(r"score +\d+\.\d of 100", lines[2])
    assert lines[3].split()[:2] == ["picture", "one.jpg:"]
    [eyes] = [line for line in lines if line.startswith("distance between the eyes")]
    # By profiles.py: 40 pixels, of which OFIQ's scale makes 100 / (1 + e^1.5) = 18.2.
    assert eyes.split()[-1] == "18.2"
    assert "pixels" in eyes
    assert "below the floor" not in ran.output
    assert any(line.startswith("not assessed  eyes open: it needs the eyelids") for line in lines)
    assert ran.output.count("it needs a trained network") == 1, "grouped by the reason"


def test_a_picture_that_falls_short_says_what_to_do(pictures: Path) -> None:
    ran = run(pictures / "burnt.png")
    assert ran.exit_code == 1
    lines = ran.output.splitlines()
    assert lines[0] == "FALLS SHORT OF the profile selfie"
    place = next(number for number, line in enumerate(lines) if line.startswith("face not too bright"))
    score, floor = map(float, lines[place].split()[-2:])
    assert score < floor
    assert lines[place + 1].strip() == (
        "below the floor: parts of the face are burnt out: use less light, and avoid glare and flash"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [("none.png", "No face was found"), ("two.png", "The picture shows 2 faces of comparable size: crop it")],
)
def test_without_a_face_to_measure_it_says_why(name: str, told: str, pictures: Path) -> None:
    ran = run(pictures / name)
    assert ran.exit_code == 2
    assert ran.output.startswith("CANNOT TELL whether it meets the profile selfie\n")
    assert told in ran.output
    assert "not assessed" not in ran.output


def test_json(pictures: Path) -> None:
    ran = run(pictures / "burnt.png", "--json", "--profile", "icao_portrait")
    assert ran.exit_code == 1
    data = json.loads(ran.output)
    assert list(data) == [
        *("picture", "face", "profile", "score", "meets"),
        *("components", "shortfalls", "not_assessed", "problem"),
    ]
    assert data["picture"]["name"] == "burnt.png"
    assert "face" not in data["picture"]
    assert data["face"]["landmarks_px"].keys() >= {"eye_left", "nose"}
    assert (data["profile"], data["meets"], data["problem"]) == ("icao_portrait", False, None)
    assert tuple(component["name"] for component in data["components"]) == (UNIFIED, *NAMES)
    scores = {component["name"]: component["score"] for component in data["components"]}
    short = {each["name"]: each for each in data["shortfalls"]}
    assert short["over_exposure_prevention"]["floor"] == 33
    assert short["over_exposure_prevention"]["advice"].startswith("parts of the face are burnt out")
    assert all(scores[name] <= each["floor"] for name, each in short.items())


def test_json_without_a_face(pictures: Path) -> None:
    ran = run(pictures / "two.png", "--json")
    assert ran.exit_code == 2
    data = json.loads(ran.output)
    assert data["face"] is data["meets"] is None
    assert data["components"] == data["shortfalls"] == []
    assert data["problem"]["code"] == "several_faces"
    assert len(data["picture"]["others"]) == 2


def test_the_report_is_written_for_its_owner_alone(pictures: Path, tmp_path: Path) -> None:
    report = tmp_path / "below/report.html"
    assert run(pictures / "one.jpg", "--report", report).exit_code == 0
    assert "MEETS the profile selfie" in report.read_text(encoding="utf-8")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_a_report_never_overwrites_the_picture(pictures: Path) -> None:
    before = (pictures / "one.jpg").read_bytes()
    ran = run(pictures / "one.jpg", "--report", pictures / "one.jpg")
    assert ran.exit_code == 2  # click's own; the door makes it 64
    assert "overwrite" in ran.output
    assert (pictures / "one.jpg").read_bytes() == before


@pytest.mark.parametrize("words", [[], ["a.jpg", "b.jpg"], ["a.jpg", "--profile", "passport"]])
def test_wrong_usage(words: list[str]) -> None:
    assert run(*words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        (["/nowhere.jpg"], PhotoError, "photo.missing"),
        (["{pictures}/text.jpg"], PhotoError, "photo.format"),
        (["{pictures}/one.jpg", "--pack", "nothing"], PackError, "pack.unknown"),
        (["{pictures}/one.jpg", "--report", "/dev/null"], VisavisError, "report.unwritable"),
    ],
)
def test_errors_by_name(words: list[str], kind: type[VisavisError], code: str, pictures: Path) -> None:
    error = run(*(word.format(pictures=pictures) for word in words)).exception
    assert isinstance(error, kind)
    assert error.code == code


@pytest.mark.parametrize(
    ("name", "decision", "reasons"),
    [
        ("burnt.png", "falls_short", ("quality_low",)),
        ("two.png", "not_assessed", ("several_faces",)),
    ],
)
def test_the_ledger_has_it_in_the_words_of_the_service(
    name: str,
    decision: str,
    reasons: tuple[str, ...],
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = tmp_path / "ledger.db"
    monkeypatch.setenv("VISAVIS_LEDGER", str(ledger))
    run(pictures / name, "--purpose", "desk")
    with Reader.read(ledger) as reader:
        entry = [Entry.parse(leaf) for _, leaf in reader.leaves()][-1]
    assert (entry.kind, entry.decision, tuple(entry.reasons)) == ("quality", decision, reasons)


def test_the_recogniser_does_not_run(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Recogniser, "__call__")
    assert run(pictures / "one.jpg").exit_code == 0
