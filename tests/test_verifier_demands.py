"""What a policy asks of pictures beside the false match rate: quality, and that a live person is there."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.pictures import encoded, scene

from visavis.decision.policy import Policy
from visavis.decision.verdict import NOT_ASKED, Liveness, Verdict
from visavis.errors import PackError, PolicyError
from visavis.faces.recognise import Template
from visavis.liveness import passive
from visavis.liveness.active import Active
from visavis.liveness.check import passive_threshold
from visavis.liveness.passive import Passive
from visavis.quality import measure
from visavis.quality.component import NAMES
from visavis.quality.profiles import PROFILES
from visavis.verifier import OF_DOCUMENTS, Verifier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.examiner import Examined


class Fixed:
    """Judges every face alike."""

    def __init__(self, score: float) -> None:
        self.score = score
        self.seen = 0

    def look(self, *_: Any) -> Passive:
        self.seen += 1
        return Passive(self.score, {"pad_close": (0.0, self.score, 1 - self.score)})


@pytest.fixture(scope="module")
def seen(sface: Verifier, portraits: Mapping[str, bytes]) -> dict[str, Examined]:
    return {name.removesuffix(".jpg"): sface.examine(data) for name, data in portraits.items()}


@pytest.fixture
def live(sface: Verifier, monkeypatch: pytest.MonkeyPatch) -> Fixed:
    detector = Fixed(0.9)
    monkeypatch.setattr(sface, "_passive", detector)
    return detector


@pytest.fixture
def attacked(sface: Verifier, monkeypatch: pytest.MonkeyPatch) -> Fixed:
    detector = Fixed(0.01)
    monkeypatch.setattr(sface, "_passive", detector)
    return detector


@pytest.fixture
def without_pad(sface: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is loaded, and the pack `pad` isn't installed."""
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path))
    monkeypatch.setattr(sface, "_passive", None)


def codes(verdict: Verdict) -> list[tuple[str, str, bool]]:
    return [(reason.code, reason.about, reason.decisive) for reason in verdict.reasons]


def nothing_given(verdict: Verdict) -> bool:
    """Whether no number is there that could be decided on."""
    numbers = (verdict.similarity, verdict.fmr, verdict.fmr_upper, verdict.fmr_modelled, verdict.llr)
    return verdict.decision == "inconclusive" and set(numbers) == {None}


# Quality


def test_by_default_nothing_is_measured_and_nobody_is_judged(
    sface: Verifier, seen: Mapping[str, Examined], live: Fixed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(measure, "measure")  # whoever imports it fails
    verdict = sface.compare([seen["obama"]], seen["obama2"])
    assert verdict.decision == "match"
    assert verdict.reference.quality is verdict.probe.quality is None
    assert verdict.liveness is NOT_ASKED
    assert live.seen == 0
    assert {"quality", "liveness"}.isdisjoint(verdict.timings_ms)


def test_each_picture_is_held_against_its_own_profile(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    policy = Policy(quality="selfie", reference_quality="document_portrait", floors={"pose_yaw": 50})
    verdict = sface.compare([seen["obama"], seen["obama"]], seen["obama2"], policy=policy)
    assert verdict.decision == "match"
    for evidence in (verdict.reference, *verdict.further_references):
        assert evidence.quality is not None
        assert evidence.quality.profile == "document_portrait"
        assert evidence.quality.meets is True
    assert verdict.probe.quality is not None
    assert verdict.probe.quality.profile == "selfie"
    assert tuple(component.name for component in verdict.probe.quality.components) == NAMES
    assert verdict.timings_ms["quality"] > 0
    assert seen["obama2"].evidence.quality is None, "an examined picture is not changed"
    assert Verdict.from_dict(verdict.to_dict()).to_dict() == verdict.to_dict()


ASSESSED = sorted(measure.MEASURES)


@pytest.mark.parametrize("name", ASSESSED)
def test_a_face_under_any_floor_never_matches(
    name: str, sface: Verifier, seen: Mapping[str, Examined], portraits: Mapping[str, bytes]
) -> None:
    """With a floor just above the score that it reaches."""
    loose = sface.compare([seen["obama"]], seen["obama2"], policy=Policy(floors={name: 1e-9}))
    assert loose.probe.quality is not None
    reached = next(each.score for each in loose.probe.quality.components if each.name == name)
    assert reached is not None
    policy = Policy(floors={name: min(100.0, reached + 1e-6)})
    verdict = sface.compare([seen["obama"]], seen["obama2"], policy=policy)
    if reached == 100:  # nothing falls short of the best there is
        assert verdict.decision == "match"
    else:
        assert nothing_given(verdict)
        assert codes(verdict) == [("quality_low", "probe", True)]
    swapped = sface.compare([seen["obama2"]], seen["obama2"], policy=Policy(floors={name: 1e-9}))
    assert swapped.reference.quality is None, "own floors are for the probe"


def test_a_reference_under_its_profile_never_matches(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    policy = Policy(reference_quality="icao_portrait")
    verdict = sface.compare([seen["obama2"]], seen["obama"], policy=policy)
    assert nothing_given(verdict)
    assert codes(verdict) == [("quality_low", "reference", True)]
    both = sface.compare([seen["obama"], seen["obama2"]], seen["obama2"], policy=policy)
    assert ("quality_low", "reference 2", True) in codes(both)


def test_a_floor_that_cannot_be_checked_decides_nothing(
    sface: Verifier, portraits: Mapping[str, bytes], seen: Mapping[str, Examined]
) -> None:
    photo = seen["obama2"].photo
    face = seen["obama2"].evidence.face
    assert face is not None
    # The border cuts one cheek off: how it is lit can't be told.
    x = int(face.landmarks[1][0] * photo.scale)
    cut = np.ascontiguousarray(photo.pixels[:, :x])
    lax = Policy(min_inside=0, max_disagreement=10, min_confidence=0, floors={"illumination_uniformity": 1})
    half = sface.examine(encoded("PNG", cut), policy=lax)
    if half.evidence.face is None:
        pytest.skip("no face was found on half of one")
    verdict = sface.compare([seen["obama"]], half, policy=lax)
    assert verdict.probe.quality is not None
    assert nothing_given(verdict)
    told = {reason.code for reason in verdict.reasons if reason.decisive}
    assert {"quality_not_assessed"} <= told <= {"quality_low", "quality_not_assessed"}


def test_without_a_face_only_that_is_said(
    sface: Verifier, portraits: Mapping[str, bytes], live: Fixed
) -> None:
    blank = encoded("PNG", scene(400, 300))
    policy = Policy(quality="selfie", liveness="require")
    verdict = sface.verify(portraits["obama.jpg"], blank, policy=policy)
    assert verdict.probe.quality is None
    assert codes(verdict) == [("no_face", "probe", True), ("liveness_not_assessed", "probe", True)]
    assert verdict.liveness == Liveness.not_assessed("there is no face to look at")
    assert live.seen == 0


# Liveness


def test_a_live_face_matches_and_the_verdict_says_so(
    sface: Verifier, seen: Mapping[str, Examined], live: Fixed
) -> None:
    for rule in ("assess", "require"):
        verdict = sface.compare([seen["obama"]], seen["obama2"], policy=Policy(liveness=rule))
        assert (verdict.decision, codes(verdict)) == ("match", [])
        assert (verdict.liveness.outcome, verdict.liveness.score) == ("live", 0.9)
        assert verdict.liveness.threshold == passive_threshold()
        assert verdict.timings_ms["liveness"] > 0
        assert Verdict.from_dict(verdict.to_dict()).liveness == verdict.liveness
    assert live.seen == 2, "only the probe is looked at"


def test_an_attack_never_matches_where_a_live_person_is_required(
    sface: Verifier, seen: Mapping[str, Examined], attacked: Fixed
) -> None:
    for probe in ("obama2", "obama", "biden"):
        verdict = sface.compare([seen["obama"]], seen[probe], policy=Policy(liveness="require"))
        assert nothing_given(verdict)
        assert codes(verdict) == [("presentation_attack", "probe", True)]
        assert verdict.liveness.outcome == "attack"
    verdict = sface.compare([seen["obama"]], seen["obama2"], policy=Policy(liveness="assess"))
    assert verdict.decision == "match"
    assert codes(verdict) == [("presentation_attack", "probe", False)]
    assert verdict.similarity is not None


def test_the_threshold_of_a_policy_goes_before_the_measured_one(
    sface: Verifier, seen: Mapping[str, Examined], live: Fixed
) -> None:
    for threshold, decision in ((0.9, "match"), (0.901, "inconclusive")):
        policy = Policy(liveness="require", liveness_threshold=threshold)
        verdict = sface.compare([seen["obama"]], seen["obama2"], policy=policy)
        assert (verdict.decision, verdict.liveness.threshold) == (decision, threshold)


@pytest.mark.usefixtures("without_pad")
@pytest.mark.parametrize(("rule", "decision"), [("assess", "match"), ("require", "inconclusive")])
def test_without_the_pack_liveness_is_not_assessed(
    rule: str, decision: str, sface: Verifier, seen: Mapping[str, Examined]
) -> None:
    verdict = sface.compare([seen["obama"]], seen["obama2"], policy=Policy(liveness=rule))
    assert verdict.decision == decision
    assert (verdict.similarity is None) == (decision == "inconclusive")
    assert codes(verdict) == [("liveness_not_assessed", "probe", rule == "require")]
    assert verdict.liveness.outcome == "not assessed"
    assert "visavis packs install pad" in verdict.liveness.why


def test_the_networks_are_loaded_once_by_however_many_threads(
    sface: Verifier, seen: Mapping[str, Examined], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    class Slow(Fixed):
        def __init__(self, *, threads: int | None, device: str) -> None:
            super().__init__(0.9)
            loaded.append(threads)
            threading.Event().wait(0.05)

    monkeypatch.setattr(sface, "_passive", None)
    monkeypatch.setattr(passive, "PassiveDetector", Slow)
    policy = Policy(liveness="require")
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(sface.compare, [seen["obama"]], seen["obama2"], policy=policy) for _ in range(4)]
        assert {job.result().decision for job in jobs} == {"match"}
    assert loaded == [1]


def test_a_damaged_pack_is_an_error(
    sface: Verifier, seen: Mapping[str, Examined], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*, threads: int | None, device: str) -> None:
        raise PackError("pack.damaged", "a file was altered")

    monkeypatch.setattr(sface, "_passive", None)
    monkeypatch.setattr(passive, "PassiveDetector", damaged)
    with pytest.raises(PackError, match="altered"):
        sface.compare([seen["obama"]], seen["obama2"], policy=Policy(liveness="assess"))


# An answered challenge


def answered(by: Examined | None, outcome: Any = "live") -> Active:
    score = {"live": 0.8, "attack": 0.2, "not assessed": None}[outcome]
    return Active(outcome, score, 0.5, (), None, "as the test wants it", None if by is None else by.template)


@pytest.mark.parametrize(
    ("by", "outcome", "told"),
    [
        ("obama2", "live", []),
        ("obama", "live", []),
        ("biden", "live", [("liveness_of_another", "probe", True)]),
        ("obama2", "attack", [("presentation_attack", "probe", True)]),
        ("obama2", "not assessed", [("liveness_not_assessed", "probe", True)]),
        (None, "live", [("liveness_not_assessed", "probe", True)]),
    ],
)
def test_whoever_answers_must_be_on_the_probe(
    by: str | None,
    outcome: str,
    told: list[tuple[str, str, bool]],
    sface: Verifier,
    seen: Mapping[str, Examined],
    live: Fixed,
) -> None:
    active = answered(None if by is None else seen[by], outcome)
    policy = Policy(liveness="require")
    verdict = sface.compare([seen["obama"]], seen["obama2"], policy=policy, active=active)
    assert codes(verdict) == told
    assert verdict.decision == ("inconclusive" if told else "match")
    assert nothing_given(verdict) == bool(told)
    assert verdict.liveness.active == active.to_dict()


def test_another_person_decides_even_where_liveness_is_only_assessed(
    sface: Verifier, seen: Mapping[str, Examined], live: Fixed
) -> None:
    active = answered(seen["biden"])
    policy = Policy(liveness="assess")
    verdict = sface.compare([seen["obama"]], seen["obama2"], policy=policy, active=active)
    assert nothing_given(verdict)
    assert codes(verdict) == [("liveness_of_another", "probe", True)]


def test_an_answer_of_another_pack_is_refused(
    sface: Verifier, seen: Mapping[str, Examined], live: Fixed
) -> None:
    other = Template(np.eye(1, 128, dtype=np.float32)[0], "edgeface-xs", "0" * 16)
    active = dataclasses.replace(answered(None), template=other)
    with pytest.raises(PackError) as caught:
        sface.compare([seen["obama"]], seen["obama2"], policy=Policy(liveness="assess"), active=active)
    assert caught.value.code == "pack.other_template"


def test_an_answer_that_nobody_asked_for_is_refused(
    sface: Verifier, seen: Mapping[str, Examined], portraits: Mapping[str, bytes]
) -> None:
    active = answered(seen["obama2"])
    with pytest.raises(PolicyError) as caught:
        sface.compare([seen["obama"]], seen["obama2"], active=active)
    assert caught.value.code == "policy.liveness"
    with pytest.raises(PolicyError):
        sface.verify("/nowhere.jpg", "/nowhere.jpg", active=active)


# Documents


def test_a_crosscheck_asks_only_for_the_quality_of_portraits(
    sface: Verifier, seen: Mapping[str, Examined], attacked: Fixed
) -> None:
    strict = Policy(quality="icao_portrait", floors={"sharpness_proxy": 100}, liveness="require")
    faces = sface._judge(
        [seen["obama"]],
        seen["obama2"],
        dataclasses.replace(strict, reference_quality="document_portrait"),
        names=("first document", "second document"),
        of_documents=True,
    )
    assert (faces.decision, codes(faces)) == ("match", [])
    assert faces.probe.quality is not None
    assert faces.reference.quality is not None
    assert faces.probe.quality.profile == faces.reference.quality.profile == "document_portrait"
    assert faces.liveness == OF_DOCUMENTS
    assert attacked.seen == 0
    low = sface._judge(
        [seen["obama"]],
        seen["obama2"],
        Policy(reference_quality="icao_portrait"),
        names=("first document", "second document"),
        of_documents=True,
    )
    assert nothing_given(low)
    assert ("quality_low", "second document", True) in codes(low)


def test_every_profile_can_be_asked_for(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    for name in PROFILES:
        verdict = sface.compare([seen["obama"]], seen["obama2"], policy=Policy(quality=name))
        assert verdict.probe.quality is not None
        assert (verdict.decision == "match") == (verdict.probe.quality.meets is True)


def test_a_box_picks_a_face_out_and_only_a_floor_of_0_lets_it_pass(
    sface: Verifier, seen: Mapping[str, Examined]
) -> None:
    one = seen["obama2"].photo.pixels
    two = sface.examine(
        encoded("PNG", np.ascontiguousarray(np.hstack([one, one]))),
        face=seen["obama2"].evidence.face.box,  # type: ignore[union-attr]
    )
    strict = sface.compare([seen["obama"]], two, policy=Policy(quality="selfie"))
    assert ("quality_low", "probe", True) in codes(strict)
    lax = Policy(quality="selfie", floors={"single_face_present": 0})
    assert sface.compare([seen["obama"]], two, policy=lax).decision == "match"
