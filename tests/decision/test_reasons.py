from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from visavis.decision.calibration import Calibration, Data, Mark
from visavis.decision.policy import Policy
from visavis.decision.reasons import explain, modelled, poverty
from visavis.decision.tail import Tail, Transfer
from visavis.decision.verdict import Evidence
from visavis.faces.face import Face
from visavis.geometry import Box


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
