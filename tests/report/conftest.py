"""Verdicts on drawn pictures, with a calibration of invented numbers."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from visavis.decision.calibration import Calibration, Data, Mark
from visavis.decision.policy import Policy
from visavis.decision.reasons import below, explain, modelled, not_live, poverty
from visavis.decision.tail import Tail, Transfer
from visavis.decision.verdict import (
    NOT_ASKED,
    Decision,
    Evidence,
    Liveness,
    Provenance,
    Reason,
    Verdict,
)
from visavis.examiner import Examined
from visavis.faces.face import Face
from visavis.geometry import Box
from visavis.photo import Photo
from visavis.quality.assessed import held
from visavis.quality.component import NAMES, Component
from visavis.quality.measure import Quality
from visavis.quality.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Sequence

FINGERPRINT = "0123456789abcdef"

DATA = Data(
    name="invented",
    description="Numbers made up for tests.",
    people=5_000,
    pictures=40_000,
    impostor_comparisons=25_500_000,
    genuine_comparisons=192_000,
    without_face=12,
)

_MARKS = [
    (0.10, 1e-1),
    (0.22, 3e-2),
    (0.30, 1e-2),
    (0.335, 3e-3),
    (0.368, 1e-3),
    (0.397, 3e-4),
    (0.421, 1e-4),
    (0.445, 3e-5),
    (0.465, 1e-5),
    (0.490, 4e-6),
]

CALIBRATION = Calibration(
    pack="sface",
    fingerprint=FINGERPRINT,
    data=DATA,
    method="bootstrap over people, 1,000 draws",
    marks=tuple(Mark(threshold, fmr, 2 * fmr) for threshold, fmr in _MARKS),
    origin="shipped",
)

# An operator's own, with all that one can have.
OWN = dataclasses.replace(
    CALIBRATION,
    rule="worst_group",
    groups=("branch A", "branch B", "branch C"),
    likelihood=((0.0, -3.0), (0.4, 1.0), (0.6, 5.2)),
    tail=Tail(0.421, 1e-4, 0.02, (Transfer(1e-5, 1.3, 0.4, 2.9, 20),)),
    origin="operator",
)


def face(x: float = 60, y: float = 40, size: float = 80, **changes: Any) -> Face:
    """A face in a box of `size` by 1.25 `size`; its eyes are 0.4 `size` apart."""
    drawn = Face(
        box=Box(x, y, size, 1.25 * size),
        landmarks=(
            (x + 0.3 * size, y + 0.5 * size),
            (x + 0.7 * size, y + 0.5 * size),
            (x + 0.5 * size, y + 0.7 * size),
            (x + 0.35 * size, y + 0.95 * size),
            (x + 0.65 * size, y + 0.95 * size),
        ),
        confidence=0.93,
        disagreement=0.07,
    )
    return dataclasses.replace(drawn, **changes)


def examined(
    name: str | None = "drawn.png",
    *,
    found: Face | None = None,
    others: Sequence[Face] = (),
    problem: str | None = None,
    policy: Policy | None = None,
    width: int = 200,
    height: int = 160,
    views: int = 1,
    **changes: Any,
) -> Examined:
    """A picture of coloured rectangles that is taken for a face."""
    pixels = np.full((height, width, 3), 200, np.uint8)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = (90, 120, 150)
    photo = Photo.from_pixels(pixels)
    evidence = Evidence(
        name=name,
        width=width,
        height=height,
        format="PNG",
        sha256=hashlib.sha256(repr((name, width, height)).encode()).hexdigest(),
        notes=(),
        turned=0,
        face=found,
        others=tuple(others),
    )
    evidence = dataclasses.replace(evidence, **changes)
    problem = problem or poverty(evidence, policy or Policy())
    chips = None if found is None else np.full((views, 112, 112, 3), 128, np.uint8)
    return Examined(photo, evidence, problem, chips, None, {"photo": 1.0})


def judged(
    references: Sequence[Examined],
    probe: Examined,
    similarity: float | None,
    *,
    policy: Policy | None = None,
    calibration: Calibration = CALIBRATION,
    reasons: Sequence[Reason] = (),
    liveness: Liveness = NOT_ASKED,
) -> Verdict:
    """The verdict that visavis gives at such a similarity."""
    policy = policy or Policy()
    threshold = calibration.threshold(policy.fmr, extrapolate=policy.extrapolate)
    rate = None if similarity is None else calibration.rate(similarity)
    decision: Decision = "inconclusive"
    if similarity is not None:
        decision = "match" if similarity >= threshold else "no_match"
    abouts = ["reference", *(f"reference {n}" for n in range(2, len(references) + 1)), "probe"]
    told = [
        reason
        for about, seen in zip(abouts, [*references, probe], strict=True)
        for reason in (
            *explain(about, seen.evidence, seen.problem, policy),
            *below(about, seen.evidence.quality),
        )
    ]
    return Verdict(
        decision=decision,
        similarity=similarity,
        fmr=None if rate is None else rate.fmr,
        fmr_upper=None if rate is None else rate.upper,
        fmr_modelled=None if rate is None else rate.modelled,
        llr=None if similarity is None else calibration.llr(similarity),
        llr_is_bound=similarity is not None and calibration.llr_is_bound(similarity),
        threshold=threshold,
        threshold_modelled=not calibration.supports(policy.fmr),
        policy=policy,
        pack="sface",
        fingerprint=FINGERPRINT,
        calibration=Provenance.of(calibration),
        reference=references[0].evidence,
        further_references=tuple(seen.evidence for seen in references[1:]),
        probe=probe.evidence,
        liveness=liveness,
        reasons=(*told, *not_live(liveness, policy), *reasons, *modelled(calibration, policy)),
        timings_ms={"photo": 12.3, "detect": 30.04, "total": 142.4},
    )


REFERENCES_DIFFER = Reason(
    "references_differ",
    "comparison",
    "the reference and the reference 2 don't match each other: give pictures of one person only",
    decisive=True,
)


@dataclasses.dataclass(frozen=True)
class Case:
    """Photos, and the verdict on them."""

    references: list[Examined]
    probe: Examined
    verdict: Verdict
    calibration: Calibration = CALIBRATION


def case(
    similarity: float | None = 0.512,
    *,
    probe: Examined | None = None,
    references: Sequence[Examined] | None = None,
    calibration: Calibration = CALIBRATION,
    **options: Any,
) -> Case:
    """A match by default: one reference and one probe, each with one face."""
    taken = list(references) if references else [examined("passport.jpg", found=face())]
    probe = probe or examined("live.jpg", found=face(), width=300)
    verdict = judged(taken, probe, similarity, calibration=calibration, **options)
    return Case(taken, probe, verdict, calibration)


def reasoned(code: str) -> Case:
    """A verdict that gives a reason of that code and no other one."""
    small = Policy(min_inter_eye_px=50)
    match code:
        case "no_face":
            return case(None, probe=examined(problem=code))
        case "no_face_in_box":
            return case(None, probe=examined(problem=code, others=[face()]))
        case "several_faces":
            return case(None, probe=examined(problem=code, others=[face(10), face(110)]))
        case "face_too_small":
            large = examined("passport.jpg", found=face(0, 0, 160), policy=small)
            return case(None, references=[large], probe=examined(found=face(), policy=small), policy=small)
        case "face_doubtful":
            return case(None, probe=examined(found=face(confidence=0.31)))
        case "landmarks_doubtful":
            return case(None, probe=examined(found=face(disagreement=0.9)))
        case "face_cut":
            return case(None, probe=examined(found=face(inside=0.3)))
        case "references_differ":
            two = [examined("a.jpg", found=face()), examined("b.jpg", found=face())]
            return case(None, references=two, reasons=[REFERENCES_DIFFER])
        case "quality_low":
            quality = held(Quality(COMPONENTS), PROFILES["selfie"])
            dark = examined(found=face(), quality=quality)
            return case(None, probe=dark, policy=Policy(quality="selfie"))
        case "quality_not_assessed":
            unknown = {"pose_yaw": Component.failed("pose_yaw", "the points are no face's")}
            components = [unknown.get(each.name, GOOD[each.name]) for each in COMPONENTS]
            quality = held(Quality(tuple(components)), PROFILES["document_portrait"])
            policy = Policy(reference_quality="document_portrait")
            return case(None, references=[examined(found=face(), quality=quality)], policy=policy)
        case "liveness_not_assessed":
            why = Liveness.not_assessed(
                "the pack 'pad' is not installed; visavis packs install pad brings it"
            )
            return case(None, policy=Policy(liveness="require"), liveness=why)
        case "presentation_attack":
            return case(None, policy=Policy(liveness="require"), liveness=ATTACK)
        case "face_small":
            return case(probe=examined(found=face(size=40)))
        case "turned":
            return case(probe=examined(found=face(), turned=90))
        case "other_faces":
            return case(probe=examined(found=face(), others=[face(10, 10, 30)]))
        case "threshold_modelled":
            return case(0.7, policy=Policy(fmr=1e-6, extrapolate=True), calibration=OWN)
    raise ValueError(code)


GOOD = {name: Component.measured(name, 0.5, 99.0) for name in NAMES}
COMPONENTS = tuple((GOOD | {"natural_colour": Component.measured("natural_colour", 9.0, 12.3)}).values())
PASSIVE = {"score": 0.123, "probabilities": {"pad_close": [0.8, 0.123, 0.077]}, "notes": ["it was shrunk"]}
ATTACK = Liveness(
    "attack",
    0.123,
    0.5,
    "the score of the picture is below the threshold",
    {"outcome": "attack", "threshold": 0.5, **PASSIVE},
)
LIVE = Liveness(
    "live",
    0.83,
    0.5,
    "the answer to the challenge: all 2 checks passed",
    {"outcome": "live", "threshold": 0.5, **PASSIVE, "score": 0.91},
    {
        "outcome": "live",
        "checks": [
            {"name": "turning", "score": 0.83, "values": {}, "why": "the head <turned> as asked"},
            {"name": "relief", "score": None, "values": {}, "why": "too few frames"},
        ],
    },
)

DECISIVE = (
    "quality_low",
    "quality_not_assessed",
    "liveness_not_assessed",
    "presentation_attack",
    "no_face",
    "no_face_in_box",
    "several_faces",
    "face_too_small",
    "face_doubtful",
    "landmarks_doubtful",
    "face_cut",
    "references_differ",
)
REMARKS = ("face_small", "turned", "other_faces", "threshold_modelled")


class Studio:
    """The builders above, for tests."""

    calibration = CALIBRATION
    own = OWN
    face = staticmethod(face)
    examined = staticmethod(examined)
    case = staticmethod(case)
    live = LIVE
    attack = ATTACK
    reasoned = staticmethod(reasoned)


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture(params=[*DECISIVE, *REMARKS])
def code(request: pytest.FixtureRequest) -> str:
    """The code of a reason, each in turn."""
    return str(request.param)
