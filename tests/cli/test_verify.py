from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from PIL import Image
from tests.photo.hostile import HOSTILE
from tests.pictures import encoded, exif_of, scene

import visavis
from visavis import cli, verifier
from visavis.cli import liveness as answers
from visavis.cli import progress
from visavis.cli.verify import face_boxes, verify_command
from visavis.decision.tail import Tail, Transfer
from visavis.errors import PackError
from visavis.geometry import Box
from visavis.liveness.active import Active
from visavis.liveness.passive import Passive
from visavis.packs import install as packs
from visavis.quality.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.verifier import Verifier


@pytest.fixture
def folder(portraits: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: the portraits, one without a face, and a picture of two people."""
    for name, content in portraits.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "blank.png").write_bytes(encoded("PNG", scene(300, 200)))
    opened = {name: Image.open(io.BytesIO(data)).convert("RGB") for name, data in portraits.items()}
    crowd = Image.new("RGB", (1100, 600), (90, 90, 90))
    crowd.paste(opened["biden.jpg"].crop((250, 0, 900, 758)).resize((514, 600)), (0, 0))
    crowd.paste(opened["obama2.jpg"].crop((0, 150, 626, 880)).resize((515, 600)), (550, 0))
    crowd.save(tmp_path / "crowd.png", compress_level=1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


BIDEN, OBAMA = "0,0,514,600", "550,0,515,600"  # where they are in the crowd


@pytest.fixture
def loaded(sface: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pack needn't be loaded again for each test."""
    monkeypatch.setattr(verifier, "Verifier", lambda pack, calibration: sface)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(["verify", *words])
        assert isinstance(left.value.code, int)
        return (left.value.code, *capsys.readouterr())

    return run


# Output


@pytest.mark.usefixtures("folder", "loaded")
def test_a_person_reads_the_decision_first(run: Any) -> None:
    expected = {"obama2.jpg": (0, "MATCH"), "biden.jpg": (1, "NO MATCH"), "blank.png": (2, "CANNOT DECIDE")}
    for probe, (status, first) in expected.items():
        found, out, err = run("obama.jpg", probe)
        assert (found, err) == (status, "")
        assert out.splitlines()[0] == first
        assert "\x1b" not in out, "no colours where nobody watches"
        assert probe in out


@pytest.mark.usefixtures("folder", "loaded")
def test_json(run: Any) -> None:
    for probe, status, decision in (
        ("obama2.jpg", 0, "match"),
        ("biden.jpg", 1, "no_match"),
        ("blank.png", 2, "inconclusive"),
    ):
        found, out, err = run("--json", "--fmr", "1e-3", "obama.jpg", probe)
        assert (found, err) == (status, "")
        data = json.loads(out)
        assert data["decision"] == decision
        assert data["policy"]["fmr"] == 1e-3
        assert data["probe"]["name"] == probe
        assert visavis.Verdict.from_dict(data).to_dict() == data


@pytest.mark.usefixtures("loaded")
def test_a_report_needs_nothing_else(run: Any, folder: Path) -> None:
    path = folder / "new folder/report.html"
    status, out, _ = run("--report", str(path), "obama.jpg", "obama2.jpg")
    assert status == 0
    assert out.startswith("MATCH")
    page = path.read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    sources = re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
    assert len(sources) >= 2
    assert [source[:40] for source in sources if not source.startswith(("data:image/", "#"))] == []
    assert re.search(r"<script|<link|<iframe|@import|url\(", page) is None
    assert str(folder) not in page, "folders are nobody's business"


@pytest.mark.usefixtures("loaded")
def test_a_report_on_nothing(run: Any, folder: Path) -> None:
    status, _, _ = run("--report", "report.html", "blank.png", "crowd.png")
    assert status == 2
    assert "data:image/" in (folder / "report.html").read_text(encoding="utf-8")


# Which face


@pytest.mark.usefixtures("folder", "loaded")
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["obama.jpg", "crowd.png"], 2),
        (["--face", OBAMA, "obama.jpg", "crowd.png"], 0),
        (["--face", BIDEN, "obama.jpg", "crowd.png"], 1),
        (["--face", OBAMA, "crowd.png", "obama.jpg"], 0),
        (["--face", BIDEN, "crowd.png", "obama.jpg"], 1),
        (["--face", f"probe:{OBAMA}", "obama.jpg", "crowd.png"], 0),
        (["--face", f"probe:{BIDEN}", "obama.jpg", "crowd.png"], 1),
        (["--face", f"reference:{OBAMA}", "obama.jpg", "crowd.png"], 2),  # nobody there, and a crowd
        (["--face", OBAMA, "crowd.png", "crowd.png"], 64),  # which of them?
        (["--face", f"probe:{OBAMA}", "--face", f"reference:{OBAMA}", "crowd.png", "crowd.png"], 0),
        (["--face", f"probe:{OBAMA}", "--face", f"reference:{BIDEN}", "crowd.png", "crowd.png"], 1),
        (["--face", "372,83,240,328", "obama2.jpg", "obama.jpg"], 0),  # no crowd: the probe is meant
        (["--face", "0,900,50,50", "obama2.jpg", "obama.jpg"], 2),
        (["--faces", "largest-central", "obama.jpg", "crowd.png"], 0),
        (["--faces", "only", "obama.jpg", "crowd.png"], 2),
        (["--face", BIDEN, "--faces", "largest-central", "obama.jpg", "crowd.png"], 1),
    ],
)
def test_a_face_can_be_said(words: list[str], status: int, run: Any) -> None:
    assert run(*words)[0] == status


BOX = Box(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("values", "boxes"),
    [
        ((), {}),
        (("1,2,3,4",), {None: BOX}),
        ((" 1, 2.0,3e0 ,4",), {None: BOX}),
        (("probe:1,2,3,4",), {"probe": BOX}),
        (("probe:1,2,3,4", "reference:5,6,7,8"), {"probe": BOX, "reference": Box(5, 6, 7, 8)}),
        (("-1,-2,3,4",), {None: Box(-1, -2, 3, 4)}),
        (("1,2,3",), None),
        (("1,2,3,4,5",), None),
        (("1,2,3,x",), None),
        (("1,2,-3,4",), None),
        (("nan,2,3,4",), None),
        (("1,2,inf,4",), None),
        (("",), None),
        (("suspect:1,2,3,4",), None),
        (("reference 2:1,2,3,4",), None),
        (("1,2,3,4", "1,2,3,4"), None),
        (("probe:1,2,3,4", "probe:1,2,3,4"), None),
        (("1,2,3,4", "probe:1,2,3,4"), None),
        (("probe:1,2,3,4", "1,2,3,4"), None),
    ],
)
def test_boxes(values: tuple[str, ...], boxes: dict[str | None, Box] | None) -> None:
    context, option = click.Context(click.Command("verify")), click.Option(["--face"])
    if boxes is None:
        with pytest.raises(click.BadParameter):
            face_boxes(context, option, values)
    else:
        assert face_boxes(context, option, values) == boxes


@pytest.mark.usefixtures("folder", "loaded")
def test_further_references(run: Any) -> None:
    status, out, _ = run("--json", "--also", "obama2.jpg", "obama.jpg", "obama2.jpg")
    assert status == 0
    assert [seen["name"] for seen in json.loads(out)["further_references"]] == ["obama2.jpg"]
    status, out, _ = run("--json", "--also", "biden.jpg", "obama.jpg", "obama2.jpg")
    assert status == 2
    assert [reason["code"] for reason in json.loads(out)["reasons"]] == ["references_differ"]


# Which calibration


@pytest.fixture
def own(folder: Path, sface: Verifier) -> Path:
    """An operator's calibration: the one that ships, with another name and what it doesn't have."""
    calibration = dataclasses.replace(
        sface.calibration,
        data=dataclasses.replace(sface.calibration.data, name="desk"),
        likelihood=((0.0, -2.0), (0.5, 3.0), (0.6, 4.0)),
        tail=Tail(0.4, 1e-4, 0.03, (Transfer(1e-5, 1.1, 0.5, 2.0, 10),)),
    )
    path = folder / "desk.json"
    path.write_text(json.dumps(calibration.to_dict()), encoding="utf-8")
    return path


def test_an_operators_own_calibration(run: Any, own: Path) -> None:
    status, out, err = run("--calibration", "desk.json", "obama.jpg", "obama2.jpg", "--report", "r.html")
    assert (status, err) == (0, "")
    digest = json.loads(own.read_text(encoding="utf-8"))["digest"]
    assert f"\ncalibration the operator's own: desk, digest {digest[:12]}\n" in out
    assert "\nllr         4.0: at least 10,000 times likelier if one person than if two\n" in out
    page = Path("r.html").read_text(encoding="utf-8")
    assert f"the operator&#39;s own: desk, digest {digest[:12]}" in page
    status, out, _ = run("--json", "--calibration", "desk.json", "obama.jpg", "biden.jpg")
    assert status == 1
    assert json.loads(out)["calibration"]["digest"] == digest


@pytest.mark.usefixtures("own")
def test_a_threshold_by_a_model_must_be_asked_for(run: Any, sface: Verifier) -> None:
    words = ["--calibration", "desk.json", "--fmr", "1e-7", "obama.jpg", "obama2.jpg"]
    status, out, err = run(*words)
    assert (status, out) == (64, "")
    [named] = re.findall(r"expected (\S+) or more", err)
    assert sface.calibration.finest <= float(named) < 1.1 * sface.calibration.finest, "never one it refuses"
    status, out, _ = run("--json", "--extrapolate", *words)
    assert status == 0
    verdict = json.loads(out)
    assert (verdict["threshold_modelled"], verdict["policy"]["extrapolate"]) == (True, True)
    assert [reason["code"] for reason in verdict["reasons"]] == ["threshold_modelled"]


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("nothing.json", 66, "there is no file 'nothing.json'"),
        ("obama.jpg", 69, "isn't JSON"),
        (".", 69, "can't be read"),
        ("", 66, "there is no file ''"),
        ("\x1b[31mred\n.json", 66, "there is no file"),
    ],
)
def test_a_calibration_that_cannot_be_used(name: str, status: int, told: str, run: Any) -> None:
    found, out, err = run("--calibration", name, "obama.jpg", "obama2.jpg")
    assert (found, out) == (status, "")
    assert told in err
    assert err.startswith("visavis: ")
    assert err.rstrip("\n").isprintable()


def test_a_report_never_overwrites_the_calibration(run: Any, own: Path) -> None:
    before = own.read_bytes()
    words = ["--calibration", "desk.json", "--report", "./desk.json", "obama.jpg", "obama2.jpg"]
    status, out, err = run(*words)
    assert (status, out) == (64, "")
    assert "would overwrite the calibration" in err
    assert own.read_bytes() == before


# Hostile pictures


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(("data", "code"), [(data, code) for data, code, _ in HOSTILE.values()], ids=HOSTILE)
def test_a_hostile_picture_costs_one_line(data: bytes, code: str, run: Any, tmp_path: Path) -> None:
    path = tmp_path / "hostile.jpg"
    path.write_bytes(data)
    status, out, err = run(str(path), str(path))
    assert (status, out) == (65, "")
    assert err.startswith("visavis: ")
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()


@pytest.mark.usefixtures("folder", "loaded")
def test_a_hostile_name(run: Any) -> None:
    name = "\x1b[31mred\nline.jpg"
    status, _, err = run("obama.jpg", name)
    assert status == 66
    assert err.count("\n") == 1
    assert "\x1b" not in err
    Path(name).write_bytes(encoded("PNG", scene(300, 200)))
    status, out, _ = run("obama.jpg", name)
    assert status == 2
    assert "\x1b" not in out


@pytest.mark.usefixtures("loaded")
def test_a_phone_picture_that_lies_on_its_side(run: Any, folder: Path) -> None:
    lying = Image.open(folder / "obama.jpg").rotate(90, expand=True)
    (folder / "phone.jpg").write_bytes(encoded("JPEG", lying, quality=92, exif=exif_of(6)))
    (folder / "stripped.jpg").write_bytes(encoded("JPEG", lying, quality=92))
    status, out, _ = run("--json", "obama2.jpg", "phone.jpg")
    assert status == 0
    assert json.loads(out)["probe"]["turned"] == 0
    status, out, _ = run("--json", "obama2.jpg", "stripped.jpg")
    assert status == 0
    assert json.loads(out)["probe"]["turned"] == 90


# Packs that aren't there


def test_a_pack_that_is_not_installed(
    run: Any, folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path_factory.mktemp("home")))
    for words in ([], ["--offline"]):
        status, out, err = run(*words, "obama.jpg", "obama2.jpg")
        assert (status, out) == (69, "")
        assert err == (
            "visavis: the pack 'sface' is not installed; install it with: visavis packs install sface\n"
        )


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def at_a_terminal(sface: Verifier, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Somebody sits there, gives this answer, and no pack is installed; returns what gets installed."""

    def sit(answer: str) -> list[str]:
        done: list[str] = []

        def load(pack: str, *, calibration: str | None) -> Verifier:
            if pack in done:
                return sface
            raise PackError("pack.not_installed", f"the pack '{pack}' is not installed")

        monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(answer.encode())))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setattr(progress, "_is_watched", lambda: False)
        monkeypatch.setattr(verifier, "Verifier", load)
        monkeypatch.setattr(packs, "install", lambda pack, progress: done.append(pack))
        return done

    return sit


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("answer", "words", "status", "installed"),
    [
        ("y\n", [], 0, ["sface"]),
        ("\n", [], 0, ["sface"]),
        ("n\n", [], 69, []),
        ("", [], 130, []),
        ("y\n", ["--offline"], 69, []),
    ],
)
def test_a_person_is_asked_whether_to_install(
    answer: str, words: list[str], status: int, installed: list[str], run: Any, at_a_terminal: Any
) -> None:
    done = at_a_terminal(answer)
    found, out, err = run(*words, "obama.jpg", "obama2.jpg")
    assert (found, done) == (status, installed)
    assert "the pack 'sface' is not installed" in err
    assert ("Install it now?" in err) == (not words)
    assert out.startswith("MATCH") == (status == 0)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("target", ["obama.jpg", "obama2.jpg", "sub/../obama.jpg"])
def test_a_report_never_overwrites_a_picture(target: str, run: Any, folder: Path) -> None:
    (folder / "sub").mkdir(exist_ok=True)
    before = (folder / "obama.jpg").read_bytes()
    status, out, err = run("--report", target, "obama.jpg", "obama2.jpg")
    assert (status, out) == (64, "")
    assert "would overwrite a picture" in err
    assert (folder / "obama.jpg").read_bytes() == before


@pytest.mark.usefixtures("folder")
def test_a_report_is_its_owners_alone_and_replaces_an_older_one(run: Any, tmp_path: Path) -> None:
    report = tmp_path / "reports" / "report.html"
    report.parent.mkdir()
    report.write_text("older")
    assert run("--report", str(report), "obama.jpg", "obama2.jpg")[0] == 0
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert list(report.parent.iterdir()) == [report]


@pytest.mark.usefixtures("folder")
def test_a_report_into_a_pipe_is_refused_rather_than_waited_for(run: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    status, out, err = run("--report", str(tmp_path / "pipe"), "obama.jpg", "obama2.jpg")
    assert (status, out) == (73, "")
    assert "not a regular file" in err


@pytest.mark.usefixtures("folder")
def test_closed_streams(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after ``<&-`` and ``>&-`` in a shell."""
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdin", None)
        status, _, err = run("obama.jpg", "-")
    assert (status, err) == (65, "visavis: standard input is closed\n")
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        assert run("obama.jpg", "obama2.jpg")[0] == 0


# Quality and liveness


@pytest.fixture
def without_pad(loaded: None, sface: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is loaded, and the pack `pad` isn't installed."""
    monkeypatch.setattr(sface, "_passive", None)
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "empty"))


@pytest.mark.usefixtures("folder", "loaded")
def test_quality_is_asked_of_either_picture(run: Any) -> None:
    words = ["obama.jpg", "obama2.jpg", "--quality", "selfie", "--reference-quality", "document_portrait"]
    status, told, _ = run(*words, "--floor", "pose_yaw=50", "--json")
    verdict = json.loads(told)
    assert (status, verdict["decision"]) == (0, "match")
    assert verdict["policy"]["floors"] == {"pose_yaw": 50.0}
    assert verdict["reference"]["quality"]["profile"] == "document_portrait"
    assert verdict["probe"]["quality"]["meets"] is True
    status, told, _ = run(*words, "--floor", "pose_yaw=99.9", "--floor", "pose_roll=99.99")
    assert status == 2
    assert told.startswith("CANNOT DECIDE\n")
    assert "look straight into the camera" in told
    assert "falls short of the profile selfie" in told
    status, told, _ = run(*words[:2], "--quality", "icao_portrait", "--json")
    verdict = json.loads(told)
    assert (status, verdict["similarity"]) == (2, None)
    assert "quality_low" in [reason["code"] for reason in verdict["reasons"]]


@pytest.mark.usefixtures("folder", "without_pad")
def test_liveness_without_its_pack(run: Any) -> None:
    status, told, _ = run("obama.jpg", "obama2.jpg", "--liveness", "--json")
    verdict = json.loads(told)
    assert (status, verdict["decision"], verdict["liveness"]["outcome"]) == (0, "match", "not assessed")
    assert [reason["code"] for reason in verdict["reasons"]] == ["liveness_not_assessed"]
    status, told, _ = run("obama.jpg", "obama2.jpg", "--require-liveness")
    assert status == 2
    assert "reason      Whether a live person was there could not be assessed: the pack 'pad'" in told
    assert "similarity" not in told


@pytest.mark.usefixtures("loaded")
def test_an_attack_is_reported(
    run: Any, folder: Path, sface: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Detector:
        def look(self, *_: Any) -> Passive:
            return Passive(0.02, {"pad_close": (0.9, 0.02, 0.08)})

    monkeypatch.setattr(sface, "_passive", Detector())
    report = folder / "report.html"
    status, told, _ = run("obama.jpg", "obama2.jpg", "--require-liveness", "--report", str(report))
    assert status == 2
    assert "liveness    taken for a presentation attack, score 0.02" in told
    page = report.read_text(encoding="utf-8")
    assert "Whether a live person was there" in page
    assert "liveness was not tested" not in page
    status, told, _ = run("obama.jpg", "obama2.jpg", "--require-liveness", "--liveness-threshold", "0.01")
    assert status == 0
    assert "liveness    taken for a live person, score 0.02, threshold 0.01" in told


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(("by", "outcome", "status"), [("obama2", "live", 0), ("biden", "live", 2)])
def test_the_person_who_answers_must_be_on_the_probe(
    by: str,
    outcome: Any,
    status: int,
    run: Any,
    folder: Path,
    sface: Verifier,
    portraits: Mapping[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    template = sface.examine(portraits[f"{by}.jpg"]).template
    asked = []

    def by_frames(examiner: Any, frames: Path, challenge: Path, request: str) -> Active:
        asked.append((examiner, frames.name, challenge.name, request))
        return Active(outcome, 0.8, 0.5, (), None, "all checks passed", template)

    class Detector:
        def look(self, *_: Any) -> Passive:
            return Passive(0.9, {"pad_close": (0.1, 0.9, 0.0)})

    monkeypatch.setattr(sface, "_passive", Detector())
    monkeypatch.setattr(answers, "by_frames", by_frames)
    words = ["--require-liveness", "--challenge", "challenge.json", "--frames", "frames", "--for", "desk 3"]
    left, told, _ = run("obama.jpg", "obama2.jpg", *words, "--json")
    assert left == status
    assert asked == [(sface.examiner, "frames", "challenge.json", "desk 3")]
    codes = [reason["code"] for reason in json.loads(told)["reasons"]]
    assert codes == ([] if status == 0 else ["liveness_of_another"])


@pytest.mark.usefixtures("folder", "loaded")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--quality", "passport"], "there is no such profile of quality"),
        (["--reference-quality", ""], "there is no such profile of quality"),
        (["--floor", "beauty=50"], "there is no such score, or it is never measured"),
        (["--floor", "eyes_open=50"], "there is no such score, or it is never measured"),
        (["--floor", "pose_yaw=101"], "out of range"),
        (["--floor", "pose_yaw=nan"], "out of range"),
        (["--floor", "pose_yaw"], "isn't NAME=SCORE"),
        (["--floor", "pose_yaw=much"], "isn't NAME=SCORE"),
        (["--floor", "=5"], "there is no such score"),
        (["--floor", "pose_yaw=5", "--floor", "pose_yaw=6"], "once"),
        (["--liveness", "--liveness-threshold", "0"], "out of range"),
        (["--liveness", "--liveness-threshold", "1.5"], "out of range"),
        (["--liveness-threshold", "0.5"], "--liveness-threshold needs --liveness or --require-liveness"),
        (["--challenge", "a.json", "--frames", "frames"], "need --liveness"),
        (["--liveness", "--challenge", "a.json"], "go together"),
        (["--liveness", "--frames", "frames"], "go together"),
        (["--liveness", "--for", "desk"], "go together"),
    ],
)
def test_demands_that_make_no_sense(words: list[str], told: str, run: Any) -> None:
    status, _, error = run("obama.jpg", "obama2.jpg", *words)
    assert status == 64
    assert told in " ".join(error.split())


def test_the_help_names_every_profile() -> None:
    options = {param.name: param for param in verify_command.params}
    assert all(name in str(options["quality"].help) for name in PROFILES)
