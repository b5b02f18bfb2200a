from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from tests.evaluation.invented import WALL, Examiner, crowd, make, picture
from tests.pictures import encoded, scene

from visavis import cli
from visavis.evaluation.acquire import POLICY
from visavis.evaluation.store import Workplace
from visavis.evaluation.truth import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.verifier import Verifier

POINT = {"fmr_target", "threshold", "supported", "false_matches", "false_non_matches"} | {
    f"{rate}{person}{end}"
    for rate in ("fmr", "fnmr")
    for person in ("", "_per_person")
    for end in ("", "_low", "_high")
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str, command: str = "evaluate") -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main([command, *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return left.value.code or 0, out, err  # type: ignore[return-value]

    return run


def left(place: Path) -> list[str]:
    """What there is of working stores."""
    return sorted(path.name for path in (place / "home" / "evaluations").rglob("*"))


# Output


def test_json(place: Path, run: Any) -> None:
    crowd(place / "people")
    status, out, err = run(
        "--all-pairs", "people", "--json", "--fmr", "0.01", "--fmr", "0.1", "--fmr", "0.01"
    )
    assert status == 0
    data = json.loads(out, parse_constant=pytest.fail)  # no NaN, which isn't JSON
    assert [point["fmr_target"] for point in data["operating_points"]] == [0.1, 0.01]
    for point in data["operating_points"]:
        assert set(point) == POINT
        assert point["fmr_low"] <= point["fmr"] <= point["fmr_high"]
    assert (data["data"], data["protocol"], data["counts"]["people"]) == ("people", "all-pairs", 40)
    assert data["robustness"] is None
    assert err.splitlines()[-1] == "120 of 120 pictures"
    assert left(place) == ["lock"]


def test_a_person_reads_the_main_result_first(place: Path, run: Any) -> None:
    crowd(place / "people")
    status, out, _ = run("--all-pairs", "people", "--name", "the counter")
    assert status == 0
    assert out.splitlines()[0] == "sface on the counter"
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100
    assert [line.split()[:3] for line in out.splitlines() if line.startswith("1 in")] == [
        ["1", "in", "1,000"],
        ["1", "in", "10,000"],
        ["1", "in", "100,000"],
        ["1", "in", "1,000,000"],
    ]


def test_files(place: Path, run: Any) -> None:
    crowd(place / "people")
    words = ["--csv", "new/rates.csv", "--report", "new/report.html", "--made-worse", "0", "--fmr", "0.1"]
    assert run("--all-pairs", "people", *words)[0] == 0
    [row] = csv.DictReader(io.StringIO((place / "new/rates.csv").read_text(encoding="utf-8")))
    assert row["fmr_target"] == "0.1"
    assert float(row["fmr"]) <= 0.1
    page = (place / "new/report.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert str(place) not in page, "folders are nobody's business"
    assert {path.stat().st_mode & 0o777 for path in (place / "new").iterdir()} == {0o600}


def test_pairs_and_lfw(place: Path, run: Any) -> None:
    crowd(place / "people", 30, 2)
    rows = [f"p{n:02}/0.jpg;p{n:02}/1.jpg;yes" for n in range(30)]
    rows += [f"p{n:02}/0.jpg;p{(n + 1) % 30:02}/1.jpg;no" for n in range(30)]
    (place / "people/pairs.csv").write_text("\n".join(["reference;probe;same", *rows]))
    status, out, _ = run("--pairs", "people/pairs.csv", "--json")
    assert status == 0
    data = json.loads(out)
    assert (data["protocol"], data["data"], data["ten_fold"]) == ("pairs", "pairs", None)
    assert (data["counts"]["genuine"], data["counts"]["impostors"]) == (30, 30)

    lines = ["2\t15"]
    for fold in (range(15), range(15, 30)):
        lines += [f"p{n:02}\t1\t2" for n in fold]
        lines += [f"p{n:02}\t1\tp{fold[(k + 1) % 15]:02}\t2" for k, n in enumerate(fold)]
    for who in range(30):
        for take in (0, 1):
            old = place / f"people/p{who:02}/{take}.jpg"
            old.rename(old.with_name(f"p{who:02}_{take + 1:04}.jpg"))
    Path("lfw.txt").write_text("\n".join(lines))
    status, out, _ = run("--lfw", "lfw.txt", "--pictures", "people", "--json")
    assert status == 0
    data = json.loads(out)
    assert (data["protocol"], data["data"], len(data["ten_fold"]["folds"])) == ("lfw", "lfw", 2)
    assert data["counts"]["pictures"] == 60


def labels(place: Path, name_of: Any, people: int = 40) -> None:
    rows = [f"p{number:02},{name_of(number)}" for number in range(people)]
    (place / "labels.csv").write_text("\n".join(["person,region", *rows]))


def test_groups(place: Path, run: Any) -> None:
    crowd(place / "people", 64)
    labels(place, lambda number: "north" if number < 33 else "south", 64)
    words = ["--all-pairs", "people", "--groups", "labels.csv", "--fmr", "0.05"]
    status, out, _ = run(*words, "--json")
    assert status == 0
    overall = json.loads(out)
    [grouping] = overall["groupings"]
    assert (grouping["name"], grouping["groups"]) == ("region", ["north", "south"])
    status, out, _ = run(*words, "--json", "--worst-group")
    assert status == 0
    worst = json.loads(out)
    assert worst["rule"] == "worst_group"
    [point] = worst["operating_points"]
    assert point["threshold"] == grouping["worst_group"][0]["at"]["threshold"]
    status, out, _ = run(*words)
    assert (status, "by label region" in out) == (0, True)


def test_groups_that_are_too_small_to_be_the_worst(place: Path, run: Any) -> None:
    crowd(place / "people")
    labels(place, lambda number: "north" if number < 25 else "south")
    words = ["--all-pairs", "people", "--groups", "labels.csv", "--worst-group", "--fmr", "0.05"]
    status, out, err = run(*words)
    assert (status, out) == (65, "")
    assert "the groups have too few comparisons for any of these false match rates" in err
    assert left(place) == ["lock"]


# Words that can't be right


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("", 64, "give one of --all-pairs, --pairs and --lfw"),
        ("--all-pairs people --pairs pairs.csv", 64, "give one of"),
        ("--lfw pairs.csv", 64, "belong together"),
        ("--all-pairs people --pictures people", 64, "belong together"),
        ("--all-pairs people --worst-group", 64, "--worst-group needs --groups"),
        ("--all-pairs people --fmr 0", 64, "found 0"),
        ("--all-pairs people --fmr -1", 64, "found -1"),
        ("--all-pairs people --fmr 2", 64, "found 2"),
        ("--all-pairs people --fmr nan", 64, "found nan"),
        ("--all-pairs people --fmr inf", 64, "found inf"),
        ("--all-pairs people --fmr 1e-300", 64, "from 1e-15 to 1"),
        ("--all-pairs people --fmr 0.1 --fmr little", 64, "little"),
        ("--all-pairs people --made-worse -1", 64, "made-worse"),
        ("--all-pairs people --pack arcface", 64, "arcface"),
        ("--all-pairs people extra", 64, "extra"),
        ("--all-pairs pairs.csv", 64, "is a file"),
        ("--pairs people", 64, "is a directory"),
        ("--all-pairs people --report people", 64, "is a directory"),
        ("--all-pairs nothing", 66, "there is no file or folder 'nothing'"),
        ("--pairs nothing.csv", 66, "'nothing.csv'"),
        ("--lfw nothing.txt --pictures people", 66, "'nothing.txt'"),
        ("--lfw pairs.csv --pictures nothing", 66, "'nothing'"),
        ("--all-pairs people --groups nothing.csv", 66, "'nothing.csv'"),
        ("--all-pairs people/p00/0.jpg/below", 66, "below"),
        ("--pairs pairs.csv --worst-group", 65, "too few groups"),
        ("--all-pairs people --groups pairs.csv", 65, "no column person"),
        ("--pairs broken.csv", 65, "isn't text"),
        ("--pairs broken.parquet", 65, "Parquet"),
        ("--lfw pairs.csv --pictures people", 65, "line 1"),
        ("--all-pairs empty", 65, "has no pictures of people"),
        ("--all-pairs alone", 65, "too few people"),
        ("--all-pairs people --csv people/p00/0.jpg/x.csv", 73, "is no folder"),
        ("--all-pairs people --report pipe", 73, "not a regular file"),
    ],
)
def test_what_goes_wrong_has_a_status_and_a_clear_line(
    words: str, status: int, told: str, place: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And costs nobody minutes: no picture is looked at before."""
    make(place / "people", {"p00": 1, "p01": 1})
    make(place / "alone", {"p00": 3})
    (place / "empty").mkdir()
    (place / "pairs.csv").write_text("reference,probe,same\npeople/p00/0.jpg,people/p01/0.jpg,0\n")
    (place / "broken.csv").write_bytes(b"\xff\xfe\x00reference")
    (place / "broken.parquet").write_bytes(b"PAR1 nothing")
    os.mkfifo(place / "pipe")
    if "arcface" in words:
        monkeypatch.undo()
        monkeypatch.chdir(place)
    found, out, err = run(*words.split())
    assert (found, out) == (status, "")
    assert told in err
    assert err.splitlines()[-1].isprintable()
    if status != 64 or err.startswith("visavis"):
        assert err.count("\n") == 1
    assert not Examiner.asked


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(place: Path, run: Any) -> None:
    crowd(place / "people", 3)
    (place / "locked").mkdir(mode=0o500)
    status, _, err = run("--all-pairs", "people", "--report", "locked/new/report.html")
    assert (status, "no permission" in err) == (73, True)
    assert not Examiner.asked


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[31m", "\udcff", "x" * 101])
def test_names_that_a_report_cannot_hold(name: str, place: Path, run: Any) -> None:
    crowd(place / "people", 3)
    status, out, err = run("--all-pairs", "people", "--name", name)
    assert (status, out) == (64, "")
    assert "one line of at most 100 printable characters" in err
    assert not Examiner.asked


@pytest.mark.parametrize("name", ["x" * 200, "\x1b[31m", "\udcff", ".hidden", "a.b.c"])
def test_folders_of_any_name(name: str, place: Path, run: Any) -> None:
    crowd(place / name, 4)
    status, out, _ = run("--all-pairs", name, "--json")
    assert status == 0
    called = json.loads(out)["data"]
    assert called.isprintable()
    assert len(called) == min(len(name), 100)
    assert called == name or len(name) > 100 or not name.isprintable()


@pytest.mark.parametrize("option", ["--report", "--csv"])
@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("labels.csv", "would overwrite what it is made from"),
        ("./people/../labels.csv", "would overwrite what it is made from"),
        ("link.html", "would overwrite what it is made from"),
        ("people/p00/real.jpg", "would overwrite a picture"),
        ("elsewhere.png", "would overwrite a picture"),
    ],
)
def test_outputs_never_overwrite_inputs(option: str, target: str, told: str, place: Path, run: Any) -> None:
    crowd(place / "people", 40, 1)
    labels(place, lambda number: "north" if number < 25 else "south")
    (place / "link.html").symlink_to("labels.csv")
    real = encoded("JPEG", scene(30, 20))
    for name in ("people/p00/real.jpg", "elsewhere.png"):
        (place / name).write_bytes(real)
    before = (place / target).read_bytes()
    status, out, err = run("--all-pairs", "people", "--groups", "labels.csv", option, target)
    assert (status, out) == (64, "")
    assert told in err
    assert (place / target).read_bytes() == before
    assert not Examiner.asked


def test_two_outputs_of_one_name(place: Path, run: Any) -> None:
    crowd(place / "people", 3)
    status, _, err = run("--all-pairs", "people", "--report", "out", "--csv", "people/../out")
    assert (status, "two outputs" in err) == (64, True)


def test_an_older_report_is_replaced(place: Path, run: Any) -> None:
    crowd(place / "people", 3)
    (place / "people" / "rates.csv").write_text("older")
    assert run("--all-pairs", "people", "--csv", "people/rates.csv")[0] == 0
    assert (place / "people" / "rates.csv").read_text().startswith("fmr_target,")


# Hostile pictures


def test_what_can_go_on_does_and_counts_what_it_left_out(place: Path, run: Any) -> None:
    folder = crowd(place / "people", 10)
    (folder / "p00" / "text.jpg").write_bytes(b"nothing to see")
    (folder / "p00" / "empty.jpg").write_bytes(b"")
    (folder / "p01" / "copy.jpg").write_bytes(picture("p01", 0))
    (folder / "p02" / "other.jpg").write_bytes(picture("p03", 0))
    (folder / "p04" / "wall.jpg").write_bytes(WALL)
    (folder / "loose.jpg").write_bytes(picture("p05", 7))
    (folder / "p06" / "\x1b[31mred\n.jpg").write_bytes(b"a hostile name")
    make(folder, {"single": 1})
    status, out, err = run("--all-pairs", "people", "--json", "--fmr", "0.1")
    assert status == 0
    assert "\x1b" not in out + err
    data = json.loads(out)
    codes = sorted((each["code"], each["what"]) for each in data["dropped"])
    assert codes == [
        ("contradiction", "p02/other.jpg"),
        ("contradiction", "p03/0.jpg"),
        ("duplicate", "p01/copy.jpg"),
        ("no_person", "loose.jpg"),
        ("unreadable", "p00/empty.jpg"),
        ("unreadable", "p00/text.jpg"),
        ("unreadable", "p06/?[31mred?.jpg"),
    ]
    assert data["failures"] == ["p04/wall.jpg"]
    counts = data["counts"]
    assert (counts["people"], counts["people_with_genuine"], counts["pictures"]) == (11, 10, 31)
    assert (counts["failures_to_acquire"], counts["genuine_lost"], counts["dropped"]) == (1, 3, 7)
    status, out, _ = run("--all-pairs", "people")
    assert status == 0
    assert "\x1b" not in out
    assert "7 files and rows" in out
    assert "1 picture without a face: p04/wall.jpg" in out


def test_pairs_that_contradict_each_other(place: Path, run: Any) -> None:
    crowd(place / "people", 4, 2)
    rows = [
        "p00/0.jpg,p00/1.jpg,1",
        "p00/1.jpg,p00/0.jpg,0",
        "p01/0.jpg,p02/0.jpg,0",
        "p01/0.jpg,p03/9.jpg,0",
    ]
    (place / "people/pairs.csv").write_text("\n".join(["reference,probe,same", *rows]))
    status, out, _ = run("--pairs", "people/pairs.csv", "--json")
    assert status == 0
    data = json.loads(out)
    assert [(each["what"], each["code"]) for each in data["dropped"]] == [
        ("row 5", "missing"),
        ("row 2", "contradiction"),
        ("row 3", "contradiction"),
    ]
    (place / "people/pairs.csv").write_text("\n".join(["reference,probe,same", *rows[:2]]))
    status, out, err = run("--pairs", "people/pairs.csv")
    assert (status, out) == (65, "")
    assert "there is no pair of pictures that can be used" in err


@pytest.mark.parametrize("content", [WALL, b"unreadable"])
def test_nobody_with_a_face(content: bytes, place: Path, run: Any) -> None:
    for who in ("Ana", "Bea"):
        (place / "people" / who).mkdir(parents=True)
        (place / "people" / who / "0.jpg").write_bytes(content + b" " * (content != WALL and who == "Bea"))
    (place / "people" / "Bea" / "1.jpg").write_bytes(b"another unreadable one")
    if content == WALL:
        (place / "people" / "Ana" / "0.jpg").write_bytes(b"unreadable, too")
    status, out, err = run("--all-pairs", "people")
    assert (status, out) == (65, "")
    assert "visavis: there is nothing to compare" in err
    assert left(place) == ["lock"], "an evaluation that came to nothing keeps nothing"


def test_only_false_non_matches(place: Path, run: Any) -> None:
    """Two walls of one person are a genuine comparison that was lost: a rate, if a sad one."""
    make(place / "people", {"Ana": 1, "Bea": 1})
    (place / "people" / "Ana" / "0.jpg").write_bytes(WALL)
    (place / "people" / "Ana" / "1.jpg").write_bytes(picture("Ana", 1))
    status, out, _ = run("--all-pairs", "people", "--json")
    assert status == 0
    data = json.loads(out)
    assert (data["counts"]["genuine"], data["counts"]["genuine_lost"]) == (1, 1)
    assert data["operating_points"][0]["fnmr"] == 1


# Interrupted


def start(place: Path, *words: str, module: str = "tests.evaluation.invented") -> subprocess.Popen[str]:
    root = Path(cli.__file__).parents[3]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)]),
        "VISAVIS_HOME": str(place / "home"),
        "VISAVIS_TEST_SLOW": "0.05",
    }
    return subprocess.Popen(
        [sys.executable, "-m", module, "evaluate", *words],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_goes_on(how: signal.Signals, place: Path, run: Any) -> None:
    crowd(place / "people", 40, 6)
    process = start(place, "--all-pairs", "people")
    assert process.stderr is not None
    told = ""
    while "48 of 240 pictures" not in told:  # a fifth of them
        line = process.stderr.readline()
        assert line, "it ended before it could be interrupted"
        told += line
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert "Traceback" not in err
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on from here within a day" in err
    else:
        assert process.returncode == -signal.SIGKILL
    assert {"key", "templates"} < set(left(place))

    status, out, _ = run("--all-pairs", "people", "--json")
    assert status == 0
    assert 0 < Examiner.asked.total() <= 240 - 48, "what was made before isn't made again"
    assert left(place) == ["lock"]
    Examiner.asked.clear()
    status, whole, _ = run("--all-pairs", "people", "--json")
    assert Examiner.asked.total() == 240, "and after the end nothing is left to go on from"
    assert json.loads(out) | {"seconds": 0} == json.loads(whole) | {"seconds": 0}


def test_a_fresh_run_begins_anew(place: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(place / "people", 5)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for words, again in (([], 0), (["--fresh"], 15)):
        with monkeypatch.context() as stopped:
            stopped.setattr("visavis.evaluation.evaluate.compare", stop)
            assert run("--all-pairs", "people")[0] == 130
        Examiner.asked.clear()
        assert run("--all-pairs", "people", *words)[0] == 0
        assert Examiner.asked.total() == again
        assert left(place) == ["lock"]


def test_the_same_evaluation_twice_at_once(place: Path, run: Any) -> None:
    folder = crowd(place / "people", 3)
    with Workplace(Examiner(threads=1).fingerprint, f"all-pairs {folder.resolve()}"):
        status, out, err = run("--all-pairs", "people")
    assert (status, out) == (69, "")
    assert "another process makes the same evaluation" in err


def test_a_home_that_cannot_be_written(place: Path, run: Any) -> None:
    crowd(place / "people", 3)
    (place / "home").write_text("a file")
    status, out, err = run("--all-pairs", "people")
    assert (status, out) == (73, "")
    assert "VISAVIS_HOME" in err


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((f"evaluation.{code}", 65) for code in ("unreadable", "empty", "people", "truth", "labels")),
        *((f"evaluation.{code}", 65) for code in ("support", "parquet")),
        ("evaluation.missing", 66),
        ("evaluation.busy", 69),
        ("evaluation.store", 73),
    ],
)
def test_every_error_has_a_status(code: str, status: int) -> None:
    assert cli.status_of(EvaluationError(code, "")) == status


@pytest.mark.parametrize("command", ["evaluate", "calibrate"])
def test_the_exit_statuses_are_told(command: str, run: Any) -> None:
    status, out, _ = run("--help", command=command)
    assert status == 0
    told = " ".join(out.split())
    for text in (
        "64 wrong usage",
        "65 unusable truth",
        "66 missing file or folder",
        "69 pack",
        "73 cannot write",
    ):
        assert text in told


# With a real engine


def versions(content: bytes, count: int) -> list[Image.Image]:
    """The same person in other pictures: cropped, mirrored, brightened."""
    whole = Image.open(io.BytesIO(content)).convert("RGB")
    whole.thumbnail((500, 500))
    box = (10, 10, whole.width - 20, whole.height - 5)
    changes = (
        whole,
        ImageOps.mirror(whole),
        whole.crop(box),
        ImageEnhance.Brightness(whole).enhance(1.25),
        ImageOps.grayscale(whole),
    )
    return list(itertools.islice(changes, count))


@pytest.fixture
def faces(portraits: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two real people, seven pictures."""
    for who, name, count in (
        ("obama", "obama.jpg", 3),
        ("obama", "obama2.jpg", 2),
        ("biden", "biden.jpg", 2),
    ):
        (tmp_path / "faces" / who).mkdir(parents=True, exist_ok=True)
        for take, image in enumerate(versions(portraits[name], count)):
            image.save(tmp_path / "faces" / who / f"{name[:-4]}-{take}.jpg", quality=92)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "faces"


@pytest.mark.usefixtures("faces")
def test_real_faces(sface: Verifier, run: Any) -> None:
    status, out, _ = run("--all-pairs", "faces", "--json", "--fmr", "0.05")
    assert status == 0
    data = json.loads(out)
    assert data["fingerprint"] == sface.calibration.fingerprint
    assert (data["counts"]["genuine"], data["counts"]["impostors"]) == (5 * 4 / 2 + 1, 5 * 2)
    [point] = data["operating_points"]
    assert (point["fmr"], point["fnmr"], point["supported"]) == (0, 0, False), "they are easy, and few"
    assert 0.1 < point["fmr_high"] <= 1


@pytest.mark.usefixtures("sface")
def test_real_faces_made_worse_and_real_damage(faces: Path, run: Any) -> None:
    content = (faces / "obama" / "obama-0.jpg").read_bytes()
    (faces / "obama" / "cut.jpg").write_bytes(content[: len(content) // 2])
    (faces / "biden" / "text.jpg").write_text("nothing to see")
    (faces / "biden" / "blank.png").write_bytes(encoded("PNG", scene(300, 200)))
    words = ["--made-worse", "1", "--report", "report.html", "--fmr", "0.1"]
    status, out, err = run("--all-pairs", "faces", "--json", *words)
    assert status == 0
    data = json.loads(out)
    assert sorted(each["what"] for each in data["dropped"]) == ["biden/text.jpg", "obama/cut.jpg"]
    assert data["failures"] == ["biden/blank.png"]
    assert data["counts"]["genuine_lost"] == 2
    assert {row["pairs"] for row in data["robustness"]["rows"]} == {1}
    assert len(data["robustness"]["rows"]) > 8
    assert err.splitlines()[-1] == "1 of 1 people with pictures made worse"
    assert "JPEG quality 10" in Path("report.html").read_text(encoding="utf-8")


def test_real_people_against_brute_force(
    shared: Path, sface: Verifier, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = sorted(
        path
        for path in (shared / "data" / "lfw-dev").iterdir()
        if path.is_dir() and len([*path.iterdir()]) > 1
    )[:60]
    for path in people:
        (tmp_path / "people" / path.name).mkdir(parents=True)
        for file in sorted(path.iterdir())[:3]:
            shutil.copy(file, tmp_path / "people" / path.name)
    monkeypatch.chdir(tmp_path)
    status, out, _ = run("--all-pairs", "people", "--json", "--fmr", "0.01", "--fmr", "0.001")
    assert status == 0
    data = json.loads(out)
    taken = [
        (path.parent.name, seen.template.vector.astype(float))
        for path in sorted((tmp_path / "people").rglob("*.jpg"))
        if (seen := sface.examine(path, policy=POLICY)).template is not None
    ]
    person = np.array([who for who, _ in taken])
    scores = np.stack([vector for _, vector in taken])
    scores = scores @ scores.T
    one, other = np.triu_indices(len(person), 1)
    same, similar = person[one] == person[other], scores[one, other]
    counts = data["counts"]
    assert counts["people"] == 60
    assert counts["failures_to_acquire"] == counts["pictures"] - len(person)
    assert (counts["genuine"] - counts["genuine_lost"], counts["impostors"]) == (same.sum(), (~same).sum())
    for point in data["operating_points"]:
        reached = similar >= point["threshold"]
        assert point["fmr"] == pytest.approx(reached[~same].mean(), abs=1e-9)
        assert counts["genuine_lost"] == 0, "nobody without a face among these"
        assert point["fnmr"] == pytest.approx((~reached[same]).mean(), abs=1e-9)
        own = [(~reached[same & (person[one] == who)]).mean() for who in np.unique(person[one][same])]
        assert point["fnmr_per_person"] == pytest.approx(np.mean(own), abs=1e-9)
        assert point["fmr"] <= point["fmr_target"]


@pytest.mark.usefixtures("sface")
def test_a_real_process(faces: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "visavis", "evaluate", "--all-pairs", str(faces), "--fmr", "0.1"],
        env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[2])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sface on faces\n")
    assert re.search(r"^7 of 7 pictures$", done.stderr, re.MULTILINE)
