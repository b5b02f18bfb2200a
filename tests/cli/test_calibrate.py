from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.evaluation.invented import FINGERPRINT, WALL, Examiner, crowd
from tests.pictures import encoded, scene

from visavis import cli
from visavis.cli import calibrate as module
from visavis.decision.calibration import Calibration, Data, Mark, load
from visavis.decision.tail import Tail, Transfer
from visavis.report.words import one_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.verifier import Verifier


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str, command: str = "calibrate") -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main([command, *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return left.value.code or 0, out, err  # type: ignore[return-value]

    return run


def left(place: Path) -> list[str]:
    return sorted(path.name for path in (place / "home" / "evaluations").rglob("*"))


def labels(place: Path, label: Any, people: int = 60) -> None:
    rows = [f"p{number:02},{label(number)}" for number in range(people)]
    (place / "labels.csv").write_text("\n".join(["person,region", *rows]), encoding="utf-8")


def test_a_calibration(place: Path, run: Any) -> None:
    folder = crowd(place / "people", 60)
    (folder / "p00" / "wall.jpg").write_bytes(WALL)
    words = ["--out", "new/desk.json", "--name", "desk", "--description", "the camera at counter 3"]
    status, out, err = run("--all-pairs", "people", *words)
    assert status == 0
    assert err.splitlines()[-1] == "181 of 181 pictures"
    calibration = load("new/desk.json", pack="sface", fingerprint=FINGERPRINT)
    assert calibration.origin == "operator"
    data = calibration.data
    assert (data.name, data.description) == ("desk", "the camera at counter 3")
    assert (data.people, data.pictures, data.without_face) == (60, 181, 1)
    assert (data.genuine_comparisons, data.impostor_comparisons) == (60 * 3 + 3, 60 * 59 // 2 * 9)
    first, *lines = out.splitlines()
    assert first == f"sface {FINGERPRINT}, measured on {data}"
    assert lines[0] == "false match rates (FMR), each pair of people weighing the same:"
    assert f"FMR 1 in 100        threshold {calibration.threshold(0.01):.4f}" in lines
    assert "FMR 1 in 1,000,000  beyond the pictures" in lines
    assert f"finest FMR that the pictures support: {one_in(calibration.finest)}" in lines
    assert f"digest {calibration.digest}" in lines
    [told] = [line for line in lines if line.startswith("verify's default, 1 in 10,000, is beyond the ")]
    needed = told.removesuffix(" or more").split()[-1]
    assert calibration.finest <= float(needed) < 1.1 * calibration.finest
    assert lines[-1].endswith(f"verify --calibration new/desk.json --pack sface --fmr {needed} ...")
    assert (place / "new/desk.json").stat().st_mode & 0o777 == 0o600
    assert left(place) == ["lock"]


def calibration(finest: float, tail: Tail | None = None) -> Calibration:
    marks = (Mark(0.2, 0.1, 0.11), Mark(0.4, finest, 1.5 * finest))
    data = Data("desk", "invented", 1, 1, 1, 1, 0)
    return Calibration("sface", FINGERPRINT, data, "by hand", marks, tail=tail)


@pytest.mark.parametrize(
    ("finest", "needed"),
    [(1e-4, None), (9e-5, None), (1.01e-4, "0.00011"), (0.0012, "0.0012"), (0.012049, "0.013")],
)
def test_verify_needs_another_rate_where_its_default_is_too_fine(finest: float, needed: str | None) -> None:
    told = "\n".join(module._lines(calibration(finest)))
    assert ("verify needs --fmr" in told) == (needed is not None)
    if needed is not None:
        assert f"verify needs --fmr {needed} or more\n" in told


def test_the_tail_model_is_called_what_it_is() -> None:
    tail = Tail(0.4, 1e-3, 0.05, (Transfer(1e-3, 1.234, 0.5, 2.0, 40),))
    lines = list(module._lines(calibration(1e-3, tail)))
    assert "FMR 1 in 1,000      threshold 0.4000" in lines
    threshold = 0.4 + 0.05 * math.log(10)  # one power of ten further
    by_model = f"threshold {threshold:.4f} by the tail model only (verify --extrapolate)"
    assert f"FMR 1 in 10,000     {by_model}" in lines
    assert "FMR 1 in 1,000,000  beyond the pictures" in lines
    place = lines.index("the tail model, made of half of these people and tried on the other half:")
    assert lines[place + 1 : place + 3] == [
        "  where it said 1 in 1,000, there were 1.2 times as many false matches (0.5 to 2 in 40 splits)",
        "other cameras and other people than these were not tried",
    ]


def test_what_is_not_said(place: Path, run: Any) -> None:
    crowd(place / "my people", 60)
    assert run("--all-pairs", "my people", "--out", "a file.json")[0] == 0
    calibration = load("a file.json", pack="sface", fingerprint=FINGERPRINT)
    assert (calibration.data.name, calibration.data.description) == ("my people", "not described")
    status, out, _ = run("--all-pairs", "my people", "--out", "a file.json")
    assert status == 0, "an older one is replaced"
    assert "--calibration 'a file.json' --pack" in out


def test_the_worst_group(place: Path, run: Any) -> None:
    crowd(place / "people", 70)
    labels(place, lambda number: "north" if number < 33 else "south" if number < 65 else f"r{number}", 70)
    words = ["--all-pairs", "people", "--groups", "labels.csv"]
    status, out, _ = run(*words, "--worst-group", "--out", "worst.json")
    assert status == 0
    worst = load("worst.json", pack="sface", fingerprint=FINGERPRINT)
    assert (worst.rule, worst.groups) == ("worst_group", ("region: north", "region: south"))
    assert "each rate is that of the worst of region: north, region: south" in out.splitlines()
    assert run(*words, "--out", "overall.json")[0] == 0
    overall = load("overall.json", pack="sface", fingerprint=FINGERPRINT)
    assert overall.rule == "overall"
    assert overall.marks != worst.marks


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("--all-pairs people", 64, "--out"),
        ("--out new.json", 64, "give one of --all-pairs, --pairs and --lfw"),
        ("--all-pairs people --out people", 64, "is a directory"),
        ("--all-pairs people --out new.json --worst-group", 64, "--worst-group needs --groups"),
        ("--all-pairs people --out labels.csv --groups labels.csv", 64, "overwrite what it is made from"),
        ("--all-pairs people --out people/p00/real.jpg", 64, "would overwrite a picture"),
        ("--all-pairs nothing --out new.json", 66, "'nothing'"),
        ("--pairs pairs.csv --worst-group --out new.json", 65, "too few groups"),
        ("--all-pairs people --out labels.csv/below.json", 73, "is no folder"),
        ("--all-pairs people --out pipe", 73, "not a regular file"),
    ],
)
def test_what_goes_wrong_has_a_status_and_a_clear_line(
    words: str, status: int, told: str, place: Path, run: Any
) -> None:
    """And costs nobody minutes: no picture is looked at before."""
    crowd(place / "people", 60, 1)
    (place / "people/p00/real.jpg").write_bytes(encoded("JPEG", scene(30, 20)))
    labels(place, lambda number: "north" if number < 30 else "south")
    (place / "pairs.csv").write_text("reference,probe,same\npeople/p00/0.jpg,people/p01/0.jpg,0\n")
    os.mkfifo(place / "pipe")
    found, out, err = run(*words.split())
    assert (found, out) == (status, "")
    assert told in err
    assert not Examiner.asked
    assert not (place / "new.json").exists()


@pytest.mark.parametrize(
    ("option", "value", "longest"),
    [
        *(("--name", value, 100) for value in ("", "a\nb", "\x1b[31m", "\udcff", "x" * 101)),
        *(("--description", value, 4000) for value in ("", " ", "a\nb", "x" * 4001)),
    ],
)
def test_texts_that_a_calibration_cannot_hold(
    option: str, value: str, longest: int, place: Path, run: Any
) -> None:
    crowd(place / "people", 60, 1)
    status, out, err = run("--all-pairs", "people", "--out", "new.json", option, value)
    assert (status, out) == (64, "")
    assert f"one line of at most {longest} printable characters" in err
    assert not Examiner.asked


@pytest.mark.parametrize("label", ["x" * 93, "a\u202eb"])
def test_labels_that_a_calibration_cannot_hold(label: str, place: Path, run: Any) -> None:
    crowd(place / "people", 60, 1)
    labels(place, lambda number: "north" if number < 30 else label)
    words = ["--all-pairs", "people", "--groups", "labels.csv", "--worst-group", "--out", "new.json"]
    status, out, err = run(*words)
    assert (status, out) == (65, "")
    assert "a label can't stand in a calibration" in err
    assert not Examiner.asked


@pytest.mark.parametrize("name", ["x" * 200, "\x1b[31m", "\udcff"])
def test_folders_of_any_name(name: str, place: Path, run: Any) -> None:
    crowd(place / name, 60)
    assert run("--all-pairs", name, "--out", "new.json")[0] == 0
    assert load("new.json", pack="sface", fingerprint=FINGERPRINT).data.name.isprintable()


def test_too_little_to_say_anything(place: Path, run: Any) -> None:
    crowd(place / "people", 4, 2)
    status, out, err = run("--all-pairs", "people", "--out", "new.json")
    assert (status, out) == (65, "")
    assert err.splitlines()[-1].startswith("visavis: there is too little to make a calibration of (found 24 ")
    assert not (place / "new.json").exists()
    assert left(place) == ["lock"], "to go on would end in the same, so nothing is kept"


def test_groups_that_lose_their_faces(place: Path, run: Any) -> None:
    """Large enough by their labels, too small when their pictures were looked at."""
    folder = crowd(place / "people", 60, 2)
    labels(place, lambda number: "north" if number < 49 else "south")
    for number in range(50, 60):
        for take in range(2):
            (folder / f"p{number}" / f"{take}.jpg").write_bytes(f"unreadable {number} {take}".encode())
    words = ["--all-pairs", "people", "--groups", "labels.csv", "--worst-group", "--out", "new.json"]
    status, out, err = run(*words)
    assert (status, out) == (65, "")
    assert "there are too few groups for one to be the worst" in err
    assert left(place) == ["lock"]


def test_verify_goes_by_it(
    sface: Verifier,
    portraits: Mapping[str, bytes],
    place: Path,
    run: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From pictures of people to a verdict; the engine is real, the people aren't."""
    for name, content in portraits.items():
        (place / name).write_bytes(content)
    crowd(place / "people", 60)
    monkeypatch.setattr(Examiner, "fingerprint", sface.calibration.fingerprint)
    assert run("--all-pairs", "people", "--out", "desk.json", "--name", "the desk")[0] == 0
    monkeypatch.undo()
    monkeypatch.chdir(place)
    calibration = load("desk.json", pack="sface", fingerprint=sface.calibration.fingerprint)

    words = ["--calibration", "desk.json", "--fmr", "0.01"]
    status, out, err = run(*words, "obama.jpg", "obama2.jpg", command="verify")
    assert (status, err) == (0, "")
    assert f"\ncalibration the operator's own: the desk, digest {calibration.digest[:12]}\n" in out
    status, out, _ = run(*words, "--json", "obama.jpg", "biden.jpg", command="verify")
    assert status == 1
    verdict = json.loads(out)
    assert verdict["calibration"]["digest"] == calibration.digest
    assert verdict["threshold"] == pytest.approx(calibration.threshold(0.01), abs=1e-5)
    status, _, err = run("--calibration", "desk.json", "obama.jpg", "obama2.jpg", command="verify")
    assert (status, "can't promise so small a false match rate" in err) == (64, True)


@pytest.mark.usefixtures("sface")
def test_it_serves_no_other_weights(
    portraits: Mapping[str, bytes], place: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in portraits.items():
        (place / name).write_bytes(content)
    crowd(place / "people", 60)
    assert run("--all-pairs", "people", "--out", "desk.json")[0] == 0
    monkeypatch.undo()
    monkeypatch.chdir(place)
    status, out, err = run("--calibration", "desk.json", "obama.jpg", "obama2.jpg", command="verify")
    assert (status, out) == (69, "")
    assert "measured with another pack, other weights or another alignment" in err


def test_real_faces_that_are_too_few(
    portraits: Mapping[str, bytes], tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch, sface: Verifier
) -> None:
    del sface  # installed, that is all
    monkeypatch.chdir(tmp_path)
    for who, name in (("obama", "obama.jpg"), ("obama", "obama2.jpg"), ("biden", "biden.jpg")):
        Path(who).mkdir(exist_ok=True)
        Path(who, name).write_bytes(portraits[name])
    status, out, err = run("--all-pairs", ".", "--out", "new.json")
    assert (status, out) == (65, "")
    assert "found 2 comparisons of two people" in err
    assert not Path("new.json").exists()


def test_it_is_the_same_each_time(place: Path, run: Any) -> None:
    crowd(place / "people", 60)
    for name in ("one.json", "other.json"):
        assert run("--all-pairs", "people", "--out", name)[0] == 0
    one, other = (Path(name).read_text(encoding="utf-8") for name in ("one.json", "other.json"))
    assert one == other
    assert Calibration.from_dict(json.loads(one)).to_dict() == json.loads(one)
