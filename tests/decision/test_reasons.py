from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from visavis.decision.calibration import Calibration, Data, Mark
from visavis.decision.policy import Policy
from visavis.decision.reasons import below, explain, modelled, not_live, poverty
from visavis.decision.tail import Tail, Transfer
from visavis.decision.verdict import Evidence, Liveness
from visavis.faces.face import Face
from visavis.geometry import Box
from visavis.quality.assessed import Assessed, held, required
from visavis.quality.component import NAMES, Component
from visavis.quality.measure import Quality


def face(inter_eye: float = 50, *, height: float = 100, **changes: Any) -> Face:
    points = ((0.0, 0.0), (inter_eye, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 2.0))
    return dataclasses.replace(Face(Box(0, 0, 80, height), points, 0.9, 0.1), **changes)


def evidence(found: Face | None, *, turned: int = 0, others: tuple[Face, ...] = ()) -> Evidence:
    return Evidence("a.jpg", 400, 300, "JPEG", "0" * 64, (), turned, found, others)


def codes(found: Evidence, problem: str | None = None) -> list[tuple[str, bool]]:
    return [(reason.code, reason.decisive) for reason in explain("probe", found, problem, Policy())]


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (None, None),
        (face(), None),
        (face(10), None),
        (face(9.99), "face_too_small"),
        (face(confidence=0.6), None),
        (face(confidence=0.599), "face_doubtful"),
        (face(disagreement=0.6), None),
        (face(disagreement=0.601), "landmarks_doubtful"),
        (face(disagreement=None), None),
        (face(inside=0.6), None),
        (face(inside=0.599), "face_cut"),
    ],
)
def test_the_floors_of_the_default_policy(found: Face | None, code: str | None) -> None:
    assert poverty(evidence(found), Policy()) == code


def test_another_policy_has_other_floors() -> None:
    policy = Policy(min_inter_eye_px=60, min_confidence=0.95, max_disagreement=0.05)
    assert poverty(evidence(face(50)), policy) == "face_too_small"
    assert poverty(evidence(face(60)), policy) == "face_doubtful"
    assert poverty(evidence(face(60, confidence=0.95)), policy) == "landmarks_doubtful"
    assert poverty(evidence(face(60, confidence=0.95, disagreement=0.05)), policy) is None


@pytest.mark.parametrize(
    ("found", "problem", "expected"),
    [
        (evidence(face()), None, []),
        (evidence(None), "no_face", [("no_face", True)]),
        (evidence(None, others=(face(),)), "no_face_in_box", [("no_face_in_box", True)]),
        (evidence(None, others=(face(), face())), "several_faces", [("several_faces", True)]),
        (evidence(face(5)), "face_too_small", [("face_too_small", True)]),
        (evidence(face()), "face_doubtful", [("face_doubtful", True)]),
        (evidence(face()), "landmarks_doubtful", [("landmarks_doubtful", True)]),
        (evidence(face()), "face_cut", [("face_cut", True)]),
        (evidence(face(19.9)), None, [("face_small", False)]),
        (evidence(face(20)), None, []),
        (evidence(face(), turned=90), None, [("turned", False)]),
        (evidence(face(), others=(face(),)), None, [("other_faces", False)]),
        (
            evidence(face(5), turned=180, others=(face(),)),
            "face_too_small",
            [("face_too_small", True), ("turned", False), ("other_faces", False)],
        ),
    ],
)
def test_every_event_has_its_reason(
    found: Evidence, problem: str | None, expected: list[tuple[str, bool]]
) -> None:
    assert codes(found, problem) == expected


@pytest.mark.parametrize(
    ("found", "problem", "words"),
    [
        (evidence(None), "no_face", ("no face", "reference 2", "from the front")),
        (evidence(None, others=(face(),)), "no_face_in_box", ("box", "upright")),
        (
            evidence(None, others=(face(), face(), face(height=50))),
            "several_faces",
            ("2 faces", "crop", "box"),
        ),
        (evidence(face(5)), "face_too_small", ("5 pixels", "asks for 10", "closer")),
        (evidence(face(confidence=0.333)), "face_doubtful", ("0.33", "0.6")),
        (evidence(face(15)), None, ("15 pixels", "larger")),
        (evidence(face(), turned=270), None, ("270 degrees clockwise",)),
        (evidence(face(), others=(face(),)), None, ("another face was",)),
        (evidence(face(), others=(face(), face())), None, ("2 other faces were",)),
    ],
)
def test_a_reason_says_what_was_found_and_what_to_do(
    found: Evidence, problem: str | None, words: tuple[str, ...]
) -> None:
    (reason,) = explain("reference 2", found, problem, Policy())
    assert reason.about == "reference 2"
    assert "reference 2" in reason.message
    for word in words:
        assert word in reason.message


def test_an_unknown_problem_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no problem of a photo"):
        codes(evidence(face()), "bad_hair_day")


CALIBRATION = Calibration(
    pack="toy",
    fingerprint="f" * 16,
    data=Data("toy", "a toy", 10, 100, 4000, 450, 0),
    method="guessed",
    marks=(Mark(0.1, 1e-2, 2e-2), Mark(0.5, 1e-5, 3e-5)),
    tail=Tail(0.4, 1e-4, 0.03, (Transfer(1e-4, 1.5, 0.5, 3.0, 10),)),
)


def test_a_modelled_threshold_is_told_with_how_the_model_did() -> None:
    (reason,) = modelled(CALIBRATION, Policy(fmr=1e-6, extrapolate=True))
    assert (reason.code, reason.about, reason.decisive) == ("threshold_modelled", "comparison", False)
    assert reason.message == (
        "the threshold comes from a model, for FMR 1.0e-06 is finer than the data supports (1.0e-05); where "
        "it predicted FMR 1.0e-04, people whom it had not seen had 1.5 times that (0.5 to 3 in 10 splits)"
    )


@pytest.mark.parametrize(("fmr", "tail"), [(1e-5, CALIBRATION.tail), (1e-3, CALIBRATION.tail), (1e-3, None)])
def test_a_threshold_that_was_counted_needs_no_word(fmr: float, tail: Tail | None) -> None:
    calibration = dataclasses.replace(CALIBRATION, tail=tail)
    assert list(modelled(calibration, Policy(fmr=fmr, extrapolate=True))) == []


# Quality and liveness


def measured(**scores: float | str) -> Quality:
    """A face whose scores are all 99, but for these: another score, or why it wasn't assessed."""
    return Quality(
        tuple(
            Component.failed(name, value)
            if isinstance(value := scores.get(name, 99.0), str)
            else Component.measured(name, -0.5, value)
            for name in NAMES
        )
    )


def demanded(profile: str | None, quality: Quality, **own: float) -> Assessed:
    profiled = required(profile, own)
    assert profiled is not None
    return held(quality, profiled)


def test_each_shortfall_is_named_with_what_to_do() -> None:
    quality = measured(natural_colour=49.94, pose_yaw=12.3)
    [reason] = below("probe", demanded("selfie", quality))
    assert (reason.code, reason.about, reason.decisive) == ("quality_low", "probe", True)
    assert reason.message.startswith("the probe falls short of the profile selfie: ")
    assert "natural colour 49.9 of the 50.0 that are asked (the light has a tint" in reason.message
    # The native value lies below 0: to the person's right.
    assert "turned to the side 12.3 of the 81.6 that are asked (the head is turned to the right" in (
        reason.message
    )


def test_a_floor_that_cannot_be_checked_decides_too() -> None:
    quality = measured(sharpness_proxy="the border cuts it", eyes_open="it needs the eyelids")
    [reason] = below("reference 2", demanded("document_portrait", quality))
    assert (reason.code, reason.about, reason.decisive) == ("quality_not_assessed", "reference 2", True)
    assert "fine detail (the border cuts it)" in reason.message
    assert "eyelids" not in reason.message, "it has no floor"


def test_both_are_said_and_own_floors_are_called_so() -> None:
    quality = measured(sharpness_proxy="the border cuts it")
    low, unknown = below("probe", demanded(None, quality, pose_roll=99.5, sharpness_proxy=1))
    assert (low.code, unknown.code) == ("quality_low", "quality_not_assessed")
    assert low.message.startswith("the probe falls short of the policy's floors: leaning to one side 99.0 ")


def test_nothing_is_said_where_nothing_is_asked_or_all_is_well() -> None:
    assert list(below("probe", None)) == []
    assert list(below("probe", demanded("icao_portrait", measured()))) == []


LIVE = Liveness("live", 0.9, 0.5, "it reaches it")
ATTACK = Liveness("attack", 0.1, 0.5, "the score is below the threshold")
UNKNOWN = Liveness.not_assessed("the face is too small")


@pytest.mark.parametrize(
    ("rule", "found", "expected"),
    [
        ("off", LIVE, []),
        ("off", ATTACK, []),
        ("off", UNKNOWN, []),
        ("assess", LIVE, []),
        ("assess", ATTACK, [("presentation_attack", False)]),
        ("assess", UNKNOWN, [("liveness_not_assessed", False)]),
        ("require", LIVE, []),
        ("require", ATTACK, [("presentation_attack", True)]),
        ("require", UNKNOWN, [("liveness_not_assessed", True)]),
    ],
)
def test_liveness_decides_only_where_it_is_required(
    rule: str, found: Liveness, expected: list[tuple[str, bool]]
) -> None:
    told = list(not_live(found, Policy(liveness=rule)))
    assert [(reason.code, reason.decisive) for reason in told] == expected
    assert all(reason.about == "probe" and found.why in reason.message for reason in told)
