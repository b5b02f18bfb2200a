from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click
import pytest

from visavis.decision.policy import Policy
from visavis.report.text import WIDTH, text

if TYPE_CHECKING:
    from tests.report.conftest import Studio

# Read and found right by eye; the numbers follow from the invented calibration: 0.44 lies between its marks
# 0.421 (FMR 1e-4) and 0.445 (3e-5), where the logarithm runs straight: 1e-4 * 0.3 ** (19 / 24) = 3.86e-5.
MATCH = """\
MATCH
The two photographs show the same person, by a rule under which at most 1 in 10,000 comparisons of
different people came out as a match when it was measured.
similarity  0.440, reaches the threshold of 0.421
FMR         3.9e-05: 1 in 25,000 (upper bound 1 in 12,000)
policy      FMR at most 1 in 10,000 (1.0e-04)
reference   passport.jpg: 200 x 160 PNG, eyes 32 pixels apart
probe       live.jpg: 300 x 160 PNG, eyes 32 pixels apart
pack        sface (fingerprint 0123456789abcdef)
calibration shipped with visavis: invented, digest DIGEST
measured on invented: 40,000 pictures of 5,000 people, 25.5 million comparisons of different people
not checked whether a live person was there, whether a document is genuine
time        142 ms"""

INCONCLUSIVE = """\
CANNOT DECIDE
Nothing is said about whether the two photographs show the same person: they were not compared.
reason      No face was found on the probe: use a picture that shows one whole face from the front,
            in even light.
policy      FMR at most 1 in 10,000 (1.0e-04)
reference   passport.jpg: 200 x 160 PNG, eyes 32 pixels apart
probe       drawn.png: 200 x 160 PNG
pack        sface (fingerprint 0123456789abcdef)
calibration shipped with visavis: invented, digest DIGEST
measured on invented: 40,000 pictures of 5,000 people, 25.5 million comparisons of different people
not checked whether a live person was there, whether a document is genuine
time        142 ms"""


def test_a_match(studio: Studio) -> None:
    digest = studio.calibration.digest[:12]
    assert text(studio.case(0.44).verdict) == MATCH.replace("DIGEST", digest)


def test_an_inconclusive_verdict_gives_no_similarity(studio: Studio) -> None:
    digest = studio.calibration.digest[:12]
    assert text(studio.reasoned("no_face").verdict) == INCONCLUSIVE.replace("DIGEST", digest)


def test_no_match(studio: Studio) -> None:
    lines = text(studio.case(0.335).verdict).splitlines()
    assert lines[0] == "NO MATCH"
    assert "similarity  0.335, does not reach the threshold of 0.421" in lines
    assert "FMR         3.0e-03: 1 in 330 (upper bound 1 in 160)" in lines


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        (0.77, "FMR         below 1 in 120,000"),
        (0.02, "FMR         not rare (the similarity lies below the range that was measured)"),
    ],
)
def test_beyond_the_data_no_number_is_given(studio: Studio, similarity: float, expected: str) -> None:
    assert expected in text(studio.case(similarity).verdict).splitlines()


def test_every_reason_is_told(studio: Studio, code: str) -> None:
    verdict = studio.reasoned(code).verdict
    lines = text(verdict).splitlines()
    (reason,) = verdict.reasons
    assert sum(line.startswith("reason ") for line in lines) == reason.decisive
    assert sum(line.startswith("note ") for line in lines) == (not reason.decisive)
    assert lines[0] == ("CANNOT DECIDE" if reason.decisive else "MATCH")
    assert 9 <= len(lines) <= 18


def test_several_references(studio: Studio) -> None:
    two = [studio.examined(name, found=studio.face()) for name in ("a.jpg", "b.jpg")]
    lines = text(studio.case(0.5, references=two).verdict).splitlines()
    assert "similarity  0.500, reaches the threshold of 0.421 (average over 2 references)" in lines
    assert "reference   a.jpg: 200 x 160 PNG, eyes 32 pixels apart" in lines
    assert "reference 2 b.jpg: 200 x 160 PNG, eyes 32 pixels apart" in lines


def test_lines_are_short_whatever_the_names(studio: Studio) -> None:
    probe = studio.examined("x" * 250 + ".jpg", found=studio.face())
    lines = text(studio.case(probe=probe).verdict).splitlines()
    assert max(map(len, lines)) <= WIDTH


def test_a_name_can_neither_forge_a_line_nor_speak_to_the_terminal(studio: Studio) -> None:
    probe = studio.examined("a\nMATCH\x1b[2J\u202e.jpg", found=studio.face())
    told = text(studio.case(0.2, probe=probe).verdict)
    assert "MATCH" not in told.splitlines()
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert r"a\nMATCH\x1b[2J\u202e.jpg" in told


@pytest.mark.parametrize(("similarity", "ansi"), [(0.5, "32"), (0.2, "31"), (None, "33")])
def test_colour_adds_nothing_but_colour(studio: Studio, similarity: float | None, ansi: str) -> None:
    verdict = studio.case(similarity).verdict
    coloured = text(verdict, colour=True)
    assert coloured.startswith(f"\x1b[{ansi}m\x1b[1m")
    assert click.unstyle(coloured) == text(verdict)
    assert "\x1b" not in text(verdict)


def test_the_policy_is_the_one_applied(studio: Studio) -> None:
    lines = text(studio.case(0.44, policy=Policy(fmr=1e-5)).verdict).splitlines()
    assert lines[0] == "NO MATCH"
    assert "policy      FMR at most 1 in 100,000 (1.0e-05)" in lines


def test_without_a_total_the_stages_are_added(studio: Studio) -> None:
    verdict = dataclasses.replace(studio.case().verdict, timings_ms={"photo": 1.2, "detect": 30.0})
    assert text(verdict).splitlines()[-1] == "time        31 ms"


def test_an_operators_own_calibration(studio: Studio) -> None:
    lines = text(studio.case(0.5, calibration=studio.own).verdict).splitlines()
    # 1.0 + (0.5 - 0.4) / (0.6 - 0.4) * 4.2 = 3.1, and 10 ** 3.1 = 1258.9
    assert "llr         3.1: 1,200 times likelier if one person than if two" in lines
    whose = f"the operator's own: invented, digest {studio.own.digest[:12]}; rates of the worst of 3 groups"
    assert f"calibration {whose}" in lines
    assert "by the model" not in "".join(lines), "nobody asked for it"


def test_without_likelihood_ratios_no_line_speaks_of_them(studio: Studio) -> None:
    assert not any(line.startswith("llr") for line in text(studio.case(0.5).verdict).splitlines())


def test_a_modelled_threshold_is_told(studio: Studio) -> None:
    told = text(studio.reasoned("threshold_modelled").verdict)
    lines = told.splitlines()
    assert lines[:3] == [
        "MATCH",
        "The two photographs show the same person, by a rule whose false match rate is 1 in 1,000,000 by a",
        "model: it is finer than could be measured.",
    ]
    # The threshold is 0.421 + 0.02 * ln(100) = 0.5131; at 0.7 the model would say 8.8e-11, and reaches 4e-8.
    assert "similarity  0.700, reaches the threshold of 0.513 (modelled)" in lines
    assert "FMR         below 1 in 120,000 (1 in 25,000,000 by the model)" in lines
    assert "llr         5.2: at least 150,000 times likelier if one person than if two" in lines
    note = "The threshold comes from a model, for FMR 1.0e-06 is finer than the data supports (4.0e-06);"
    assert note in " ".join(told.split())
    assert max(map(len, lines)) <= WIDTH


def test_quality_and_liveness_stand_where_the_policy_asks(studio: Studio) -> None:
    plain = text(studio.case().verdict)
    assert "quality " not in plain
    assert "liveness " not in plain
    lines = text(studio.reasoned("quality_low").verdict).splitlines()
    assert "quality     falls short of the profile selfie" in [line.partition(", score")[0] for line in lines]
    assert lines.index("probe       drawn.png: 200 x 160 PNG, eyes 32 pixels apart") + 1 == next(
        number for number, line in enumerate(lines) if line.startswith("quality ")
    ), "under the picture that it is of"
    lines = text(studio.reasoned("presentation_attack").verdict).splitlines()
    assert "liveness    taken for a presentation attack, score 0.12, threshold 0.50" in lines
    assert "not checked whether a document is genuine" in lines
    assert "policy      FMR at most 1 in 10,000 (1.0e-04); a live person is there" in lines
