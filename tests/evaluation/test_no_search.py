"""Whoever wants to know which of many people is on a picture gets nothing out of an evaluation.

Each attack is made twice. The second time another candidate looks like the probe, and nothing else is
different: outputs that are the same say nothing about who it is.
"""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.evaluation import invented
from tests.evaluation.invented import Examiner, picture, vector

import visavis.examiner
from visavis import cli

if TYPE_CHECKING:
    from pathlib import Path

CANDIDATES = [f"wanted-{number:02}" for number in range(40)]
PROBE = "the-probe"
FORMS = ("--json", "--csv", "--report", "text", "calibration")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(visavis.examiner, "Examiner", Examiner)
    return tmp_path / "home" / "evaluations"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command that gives JSON prints, without times."""

    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as left:
            cli.main(words)
        assert not left.value.code
        report = json.loads(capsys.readouterr().out)
        report.pop("seconds")
        return json.dumps(report)

    return run


@pytest.fixture
def outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """All that an attacker can read: what is printed and written in every form, without times and paths."""

    def outputs(*words: str) -> dict[str, str]:
        found = {}
        for form, command in {
            "json": ["evaluate", "--json"],
            "csv": ["evaluate", "--csv", str(tmp_path / "out.csv")],
            "html": ["evaluate", "--report", str(tmp_path / "out.html"), "--made-worse", "0"],
            "calibration": ["calibrate", "--out", str(tmp_path / "out.json")],
        }.items():
            with pytest.raises(SystemExit) as left:
                cli.main([*command, "--name", "attack", *words])
            out, err = capsys.readouterr()
            err = re.sub(r", \S+ a second, .* left$", "", err, flags=re.MULTILINE)
            file = next((each for each in command if each.startswith(str(tmp_path))), None)
            written = ""
            if file is not None and left.value.code == 0:
                with open(file, encoding="utf-8") as stream:  # noqa: PTH123
                    written = re.sub("Time taken.*", "", stream.read())
            found[form] = f"{left.value.code}\n{out}\n{err}\n{written}"
        report = json.loads(re.search(r"\{.*\}", found["json"], re.DOTALL)[0])  # type: ignore[index]
        report.pop("seconds")
        found["json"] = json.dumps(report, indent=1)
        return found

    return outputs


FIRST, OTHER = CANDIDATES[3], CANDIDATES[27]


def pictures(alike: str, *, each: int = 3) -> dict[str, list[bytes]]:
    """Of the probe and of all candidates; `alike`, one of `FIRST` and `OTHER`, is in truth the probe.

    The same pictures lie there either way: those of the two only change places.
    """
    found = {who: [picture(f"stranger {who}", take) for take in range(each)] for who in CANDIDATES}
    found[OTHER if alike == FIRST else FIRST] = [picture("another stranger", take) for take in range(each)]
    found[alike] = [picture(PROBE, 10 + take) for take in range(each)]
    found[PROBE] = [picture(PROBE, take) for take in range(each)]
    return found


def write(folder: Path, people: dict[str, list[bytes]]) -> None:
    """Put pictures in the place of those that lay there before."""
    for who, theirs in people.items():
        (folder / who).mkdir(parents=True, exist_ok=True)
        for take, content in enumerate(theirs):
            (folder / who / f"{take}.jpg").write_bytes(content)


def table(path: Path, header: str, rows: list[str]) -> str:
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return str(path)


def attacked(folder: Path, outputs: Any, *words: str) -> dict[str, str]:
    """The outputs of an attack, after finding that they are the same whoever it is, and name nobody."""
    write(folder, pictures(FIRST))
    found: dict[str, str] = outputs(*words)
    write(folder, pictures(OTHER))
    other = outputs(*words)
    for form, output in found.items():
        assert output == other[form], form
        assert PROBE not in output, form
        assert "wanted" not in output, form
    return found


def test_the_attack_would_work_on_templates() -> None:
    """Who resembles the probe is plain to see, for whoever may see templates."""
    alike = vector(PROBE, 0) @ vector(PROBE, 10)
    strangers = [vector(PROBE, 0) @ vector(f"stranger {who}", 0) for who in CANDIDATES]
    assert alike > max(strangers) + 0.1


def test_every_candidate_a_group_of_its_own(tmp_path: Path, outputs: Any) -> None:
    folder = tmp_path / "people"
    rows = [f"{who},{who}" for who in CANDIDATES]
    labels = table(tmp_path / "labels.csv", "person,label", [f"{PROBE},probe", *rows])
    write(folder, pictures(FIRST))
    with pytest.raises(SystemExit) as left:
        cli.main(["evaluate", "--all-pairs", str(folder), "--groups", labels])
    assert left.value.code == 65, "so many labels are no groups"


def test_every_picture_with_every_other_one(tmp_path: Path, outputs: Any) -> None:
    found = attacked(tmp_path / "people", outputs, "--all-pairs", str(tmp_path / "people"))
    report = json.loads(found["json"])
    assert report["counts"]["people"] == 41
    assert report["operating_points"][0]["false_matches"] > 0, "the resemblance is there to be found"


def test_one_picture_each(tmp_path: Path, outputs: Any) -> None:
    for alike in (FIRST, OTHER):
        write(tmp_path / alike, pictures(alike, each=1))
    found = [outputs("--all-pairs", str(tmp_path / alike)) for alike in (FIRST, OTHER)]
    assert found[0] == found[1]


def test_many_candidates_a_group_of_their_own(tmp_path: Path, outputs: Any) -> None:
    own = [FIRST, OTHER, *[who for who in CANDIDATES if who not in (FIRST, OTHER)][:21]]
    rows = [f"{who},L{number}" for number, who in enumerate(own)]
    labels = table(tmp_path / "labels.csv", "person,label", [f"{PROBE},probe", *rows])
    words = ["--all-pairs", str(tmp_path / "people"), "--groups", labels]
    found = json.loads(attacked(tmp_path / "people", outputs, *words)["json"])
    [grouping] = found["groupings"]
    assert grouping["groups"] == []
    assert len(grouping["merged"]) == 24
    assert [(each["name"], each["people"]) for each in grouping["at"][0]["rates"]] == [("(other)", 24)]


@pytest.mark.parametrize("each", [1, 3])
def test_groups_that_spell_the_number_of_a_candidate(each: int, tmp_path: Path, run: Any) -> None:
    """Group testing: a column for each bit of a candidate's number, in all of which the probe has a 1.

    If groups told whether they hold a false match, those of all columns together would spell the number.
    """
    rows = [
        ",".join([who, *(str(number >> bit & 1) for bit in range(5))])
        for number, who in enumerate(CANDIDATES)
    ]
    header = ",".join(["person", *(f"bit {bit}" for bit in range(5))])
    labels = table(tmp_path / "labels.csv", header, [f"{PROBE}{',1' * 5}", *rows])
    found = []
    for number in (3, 21, 38):
        theirs = pictures(FIRST, each=each)
        theirs[FIRST], theirs[CANDIDATES[number]] = theirs[CANDIDATES[number]], theirs[FIRST]
        write(tmp_path / "people", theirs)
        words = ["--all-pairs", str(tmp_path / "people"), "--groups", labels, "--fmr", "0.002"]
        found.append(run("evaluate", "--json", *words))
    report = json.loads(found[0])
    assert report["operating_points"][0]["false_matches"] >= each, "the resemblance is there to be found"
    assert [each["groups"] for each in report["groupings"]] == [["0", "1"]] * 5
    assert found[1] == found[0]
    assert found[2] == found[0]


@pytest.mark.parametrize("named", [True, False], ids=["named", "by pairs"])
def test_a_list_of_the_probe_against_every_candidate(named: bool, tmp_path: Path, outputs: Any) -> None:
    header, rows = "reference,probe,same,reference_group,probe_group", []
    for number, who in enumerate(CANDIDATES):
        for take in range(3):
            label = f"L{number % 20}" if who != OTHER else "L22"  # 'FIRST' and 'OTHER' in groups of few
            row = f"{PROBE}/{take}.jpg,{who}/{take}.jpg,0,probe,{label}"
            rows.append(f"{row},{PROBE},{who}" if named else row)
    folder = tmp_path / "people"
    folder.mkdir()
    pairs = table(folder / "pairs.csv", header + ",reference_subject,probe_subject" * named, rows)
    found = json.loads(attacked(folder, outputs, "--pairs", pairs)["json"])
    assert found["counts"]["impostors"] == 120


def test_a_list_that_calls_every_candidate_the_probe(tmp_path: Path, outputs: Any) -> None:
    """Each with another picture of the probe, as a person of their own."""
    folder = tmp_path / "people"
    header = "reference,probe,same,reference_subject,probe_subject,reference_group,probe_group"
    rows = [
        f"{PROBE}/{number}.jpg,{who}/0.jpg,1,subject {number},subject {number},L{number % 24},L{number % 24}"
        for number, who in enumerate(CANDIDATES)
    ]

    def attack(alike: str) -> Any:
        theirs = pictures(alike, each=1)
        theirs[PROBE] = [picture(PROBE, 100 + number) for number in range(40)]
        if alike == OTHER:  # the picture of the probe that lies beside it moves along
            one, other = CANDIDATES.index(FIRST), CANDIDATES.index(OTHER)
            theirs[PROBE][one], theirs[PROBE][other] = theirs[PROBE][other], theirs[PROBE][one]
        write(folder, theirs)
        return outputs("--pairs", table(folder / "pairs.csv", header, rows))

    found = attack(FIRST)
    assert found == attack(OTHER)
    at = json.loads(found["json"])["operating_points"][0]
    assert at["threshold"] == -1, "no two people were compared"
    assert json.loads(found["json"])["scores"]["genuine"][-50:] != [0.0] * 50, "one of them is the probe"


def test_every_candidate_a_fold_of_their_own(tmp_path: Path, outputs: Any) -> None:
    folder = tmp_path / "people"

    def lay(alike: str) -> None:
        for who, theirs in pictures(alike).items():
            (folder / who).mkdir(parents=True, exist_ok=True)
            for take, content in enumerate(theirs):
                (folder / who / f"{who}_{take + 1:04}.jpg").write_bytes(content)

    rows = [line for who in CANDIDATES for line in (f"{who} 1 2", f"{PROBE} 1 {who} 1")]
    listed = table(tmp_path / "pairs.txt", "40 1", rows)
    lay(FIRST)
    words = ["--lfw", listed, "--pictures", str(folder)]
    found = outputs(*words)
    assert json.loads(found["json"])["ten_fold"] is None
    lay(OTHER)
    assert outputs(*words) == found


def test_only_files_that_could_not_be_used_are_named(tmp_path: Path, outputs: Any) -> None:
    folder = tmp_path / "people"
    write(folder, pictures(FIRST))
    (folder / CANDIDATES[5] / "0.jpg").write_bytes(invented.WALL)
    (folder / CANDIDATES[6] / "1.jpg").write_bytes(b"no picture")
    (folder / CANDIDATES[7] / "0.jpg").write_bytes(picture(f"stranger {CANDIDATES[8]}", 0))  # of another
    found = outputs("--all-pairs", str(folder))
    named = {"wanted-05/0.jpg", "wanted-06/1.jpg", "wanted-07/0.jpg", "wanted-08/0.jpg"}
    assert set(re.findall(r"wanted-\d\d(?:/\d.jpg)?", found["json"])) == named
    for output in found.values():
        assert set(re.findall(r"wanted-\d\d(?:/\d.jpg)?", output)) <= named
        assert PROBE not in output
    report = json.loads(found["json"])
    assert report["failures"] == ["wanted-05/0.jpg"]
    assert sorted(each["what"] for each in report["dropped"]) == sorted(named - {"wanted-05/0.jpg"})
    assert list(csv.DictReader(found["csv"].splitlines()[-5:])) != []


def test_what_is_kept_on_the_way(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working store has neither names nor vectors in it, and all its records are of one size."""
    folder = tmp_path / "people"
    write(folder, pictures(FIRST))
    seen: dict[str, bytes] = {}

    def stop(*_: object) -> None:
        seen.update({path.name: path.read_bytes() for path in place.rglob("*") if path.is_file()})
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr("visavis.evaluation.evaluate.compare", stop)
        with pytest.raises(SystemExit) as left:
            cli.main(["evaluate", "--all-pairs", str(folder)])
    assert left.value.code == 130
    assert set(seen) == {"key", "templates", "lock"}
    assert len(seen["templates"]) > 41 * 3 * 4 * invented.SIZE
    for content in seen.values():
        assert b"wanted" not in content
        assert PROBE.encode() not in content
        for who, take in ((PROBE, 0), (PROBE, 10)):
            assert vector(who, take).tobytes()[:16] not in content
    assert len(seen["templates"]) % (41 * 3) == 0, "a record like any other for each picture"
    with pytest.raises(SystemExit):
        cli.main(["evaluate", "--all-pairs", str(folder)])
    assert [path.name for path in place.rglob("*")] == ["lock"]
    assert (place / "lock").read_bytes() == b""
