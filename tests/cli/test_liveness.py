from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.liveness.answers import Toy, face_at
from tests.liveness.faces import POINTS
from tests.pictures import encoded

import visavis.examiner
import visavis.liveness.active
import visavis.liveness.passive
from visavis.cli.liveness import liveness_command
from visavis.errors import ChallengeError, LedgerError, PackError, PhotoError, VisavisError
from visavis.ledger.reader import Reader
from visavis.liveness.active import Active
from visavis.liveness.check import Check
from visavis.liveness.passive import Passive
from visavis.liveness.register import Issuer, Sealed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from visavis.liveness.challenge import Challenge
    from visavis.liveness.frames import Frame

PICTURE = encoded("JPEG", np.random.default_rng(5).integers(0, 256, (480, 640, 3), dtype=np.uint8))
CHECKS = (
    Check("relief", 0.8, {"nose_depth": 0.5}, "the nose stands out of the face"),
    Check("reflection", None, {}, "the face is burnt out"),
)


class Detector:
    """Stands for the active detector, and gives what a test says."""

    gives = Active("live", 0.8, 0.5, CHECKS[:1], None, "all 1 checks passed")
    judged: list[tuple[Challenge, Sequence[Frame]]] = []  # noqa: RUF012

    def __init__(self, examiner: Any) -> None:
        pass

    def judge(self, challenge: Challenge, frames: Sequence[Frame]) -> Active:
        self.judged.append((challenge, frames))
        return self.gives


class PassiveDetector:
    """Stands for the passive one."""

    score = 0.97

    def look(self, photo: Any, face: Any) -> Passive:
        return Passive(self.score, {"pad_close": (0.0, self.score, 1 - self.score)}, ("it was moved",))


class Examiner(Toy):
    """Finds one face on every picture."""

    def __init__(self, pack: str) -> None:
        super().__init__()
        if pack != "sface":
            raise PackError("pack.unknown", "there is no such pack")

    def look(self, source: Any, *, policy: Any) -> Any:
        from visavis.photo import Photo

        photo = source if isinstance(source, Photo) else Photo.open(source)
        self.faces[photo.sha256] = face_at(POINTS * 40 + (320, 240))
        return super().look(photo, policy=policy)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(visavis.examiner, "Examiner", Examiner)
    monkeypatch.setattr(visavis.liveness.active, "ActiveDetector", Detector)
    monkeypatch.setattr(visavis.liveness.passive, "PassiveDetector", PassiveDetector)
    monkeypatch.setattr(Detector, "judged", [])
    return tmp_path


def run(*words: object) -> Result:
    return CliRunner().invoke(liveness_command, [*map(str, words)])


def answered(place: Path, *, request: str = "", age_s: float = 30) -> tuple[Path, Path, Sealed]:
    """A folder of frames, and the file with the challenge that they answer."""
    sealed = Issuer.at_home().issue(request, now=datetime.now(UTC) - timedelta(seconds=age_s))
    challenge, frames = place / "challenge.json", place / "frames"
    challenge.write_text(json.dumps(sealed.to_dict()), encoding="utf-8")
    frames.mkdir(exist_ok=True)
    (frames / "000.jpg").write_bytes(PICTURE)
    listed = [{"file": "000.jpg", "at_ms": 0}]
    data = {"challenge": sealed.challenge.id, "frames": listed}
    (frames / "frames.json").write_text(json.dumps(data), encoding="utf-8")
    return frames, challenge, sealed


# Frames that answer a challenge


def test_a_live_person(place: Path) -> None:
    frames, challenge, sealed = answered(place, request="request 7")
    ran = run(frames, "--challenge", challenge, "--for", "request 7")
    assert ran.exit_code == 0
    assert ran.output.splitlines() == [
        "LIVE",
        "All 1 checks passed.",
        "score         0.80, live from 0.50 on",
        "relief        0.80: the nose stands out of the face",
    ]
    [(asked, given)] = Detector.judged
    assert asked == sealed.challenge
    assert [frame.at_ms for frame in given] == [0.0]


@pytest.mark.parametrize(
    ("active", "status", "lines"),
    [
        (
            Active("attack", 0.1, 0.5, CHECKS, None, "relief: flat"),
            1,
            ["ATTACK", "Relief: flat.", "score         0.10, live from 0.50 on"],
        ),
        (
            Active.not_assessed("check_not_assessed", "reflection: the face is burnt out", CHECKS),
            2,
            ["NOT ASSESSED", "Reflection: the face is burnt out.", "problem       check_not_assessed"],
        ),
    ],
)
def test_other_outcomes(
    active: Active, status: int, lines: list[str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Detector, "gives", active)
    frames, challenge, _ = answered(place)
    ran = run(frames, "--challenge", challenge)
    assert ran.exit_code == status
    assert ran.output.splitlines()[:3] == lines
    assert ran.output.splitlines()[-1] == "reflection    not assessed: the face is burnt out"


def test_json(place: Path) -> None:
    frames, challenge, _ = answered(place)
    data = json.loads(run(frames, "--challenge", challenge, "--json").output)
    assert (data["outcome"], data["score"], data["threshold"]) == ("live", 0.8, 0.5)
    assert data["active"] == Detector.gives.to_dict()
    assert data["passive"] is None


def test_it_counts_once(place: Path) -> None:
    frames, challenge, _ = answered(place)
    assert run(frames, "--challenge", challenge).exit_code == 0
    again = run(frames, "--challenge", challenge)
    assert again.exit_code == 2
    assert "problem       challenge_answered" in again.output.splitlines()
    assert len(Detector.judged) == 1


@pytest.mark.parametrize(
    ("age_s", "request_", "problem"),
    [
        (200, "7", "challenge_expired"),
        (30, "8", "challenge_of_another_request"),
        (1, "7", "challenge_too_soon"),
    ],
)
def test_late_early_or_for_another_request(age_s: float, request_: str, problem: str, place: Path) -> None:
    frames, challenge, _ = answered(place, request="7", age_s=age_s)
    data = json.loads(run(frames, "--challenge", challenge, "--for", request_, "--json").output)
    assert (data["outcome"], data["active"]["problem"]) == ("not assessed", problem)
    assert Detector.judged == []


def test_an_altered_challenge(place: Path) -> None:
    frames, challenge, _ = answered(place)
    challenge.write_text(
        challenge.read_text().replace('"left"', '"right"').replace('"binding": ""', '"binding": "x"')
    )
    ran = run(frames, "--challenge", challenge, "--for", "x")
    assert "problem       challenge_altered" in ran.output.splitlines()


def test_frames_of_another_challenge_spend_nothing(place: Path) -> None:
    frames, challenge, _ = answered(place)
    before = (frames / "frames.json").read_text()
    (frames / "frames.json").write_text(json.dumps({**json.loads(before), "challenge": "0" * 32}))
    ran = run(frames, "--challenge", challenge)
    assert ran.exit_code == 2
    assert "problem       frames_of_another_challenge" in ran.output.splitlines()
    (frames / "frames.json").write_text(before)
    assert run(frames, "--challenge", challenge).exit_code == 0


# A picture alone


@pytest.mark.parametrize(("score", "status", "heading"), [(0.999, 0, "LIVE"), (0.0, 1, "ATTACK")])
def test_a_picture(
    score: float, status: int, heading: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PassiveDetector, "score", score)
    (place / "selfie.jpg").write_bytes(PICTURE)
    ran = run(place / "selfie.jpg")
    assert ran.exit_code == status
    assert ran.output.splitlines()[0] == heading
    assert "note          it was moved" in ran.output.splitlines()
    data = json.loads(run(place / "selfie.jpg", "--json").output)
    assert (data["passive"]["score"], data["active"]) == (score, None)


# Errors


def test_wrong_usage(place: Path) -> None:
    frames, challenge, _ = answered(place)
    (place / "selfie.jpg").write_bytes(PICTURE)
    for words in (
        [],
        [frames],
        [place / "selfie.jpg", "--challenge", challenge],
        ["-", "--challenge", challenge],
        [place / "selfie.jpg", "--for", "request 7"],
    ):
        assert run(*words).exit_code == 2  # click's own; the door makes it 64


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        (["/nowhere.jpg"], PhotoError, "photo.missing"),
        (["{frames}", "--challenge", "/nowhere.json"], ChallengeError, "challenge.missing"),
        (["{place}", "--challenge", "{challenge}"], ChallengeError, "frames.missing"),
        (["/nowhere", "--challenge", "{challenge}"], ChallengeError, "frames.missing"),
        (["{frames}", "--challenge", "{frames}/000.jpg"], ChallengeError, "challenge.too_large"),
        (["{frames}", "--challenge", "{challenge}", "--pack", "none"], PackError, "pack.unknown"),
    ],
)
def test_errors_by_name(words: list[str], kind: type[VisavisError], code: str, place: Path) -> None:
    frames, challenge, _ = answered(place)
    error = run(*(word.format(place=place, frames=frames, challenge=challenge) for word in words)).exception
    assert isinstance(error, kind)
    assert error.code == code


# The ledger


def test_it_is_recorded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_LEDGER", str(place / "ledger.db"))
    frames, challenge, sealed = answered(place)
    ran = run(frames, "--challenge", challenge, "--purpose", "onboarding", "--subject", "S-1")
    assert ran.output.splitlines()[-1].startswith("ledger        entry 1 of ")  # 0 says that it began
    picture = place / "selfie.jpg"
    picture.write_bytes(PICTURE)
    looked = run(picture, "--purpose", "onboarding")
    assert looked.exit_code == 0, looked.exception
    with Reader.read(place / "ledger.db") as ledger:
        answer, selfie = (ledger.entry(index) for index in (1, 2))
    assert (answer.kind, answer.decision, answer.purpose, set(answer.inputs)) == (
        "liveness",
        "live",
        "onboarding",
        {"frames"},
    )
    assert answer.details == {"challenge": sealed.challenge.id, "frames": 1}
    assert (selfie.kind, set(selfie.inputs)) == ("liveness", {"picture"})


def test_nothing_is_looked_at_without_a_purpose(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_LEDGER", str(place / "ledger.db"))
    frames, challenge, _ = answered(place)
    ran = run(frames, "--challenge", challenge)
    assert isinstance(ran.exception, LedgerError)
    assert ran.exception.code == "ledger.purpose"
    assert not Detector.judged
