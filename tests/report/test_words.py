from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from tests.report.conftest import ATTACK, LIVE

from visavis.decision.policy import Policy
from visavis.decision.verdict import NOT_ASKED, Liveness, Reason
from visavis.report import words

if TYPE_CHECKING:
    from tests.report.conftest import Studio


# By hand: the reciprocal with two digits kept and the rest cut off; above 1 in 20 the per cent, rounded up.
@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (1e-1, "10 in 100"),
        (1e-2, "1 in 100"),
        (1e-3, "1 in 1,000"),
        (1e-4, "1 in 10,000"),
        (1e-5, "1 in 100,000"),  # 1 / 1e-5 is 99,999.99999999999 in floating point
        (1e-6, "1 in 1,000,000"),
        (2.5e-4, "1 in 4,000"),
        (3.2e-6, "1 in 310,000"),  # 312,500
        (1.02e-4, "1 in 9,800"),  # 9,803.9
        (1.001e-4, "1 in 9,900"),  # 9,990.01: not 10,000, which would promise more
        (9.99e-5, "1 in 10,000"),  # 10,010.01
        (0.03, "1 in 33"),
        (0.05, "1 in 20"),
        (0.0501, "6 in 100"),
        (0.077, "8 in 100"),
        (0.31, "31 in 100"),
        (0.311, "32 in 100"),
        (0.07, "7 in 100"),  # 100 * 0.07 is 7.000000000000001 in floating point
        (1.0, "100 in 100"),
    ],
)
def test_one_in(rate: float, expected: str) -> None:
    assert words.one_in(rate) == expected


def test_words_never_promise_more_than_the_number() -> None:
    for step in range(1, 700):
        rate = 10 ** (-step / 100)
        match = re.fullmatch(r"(\d+) in ([\d,]+)", words.one_in(rate))
        assert match
        told = Fraction(int(match[1]), int(match[2].replace(",", "")))
        assert rate * (1 - 1e-8) <= told <= rate * 1.2


@pytest.mark.parametrize(
    ("rate", "expected"), [(1e-4, (1, 10_000)), (1.001e-4, (1, 9_900)), (0.311, (32, 100))]
)
def test_shares_are_the_numbers_of_one_in(rate: float, expected: tuple[int, int]) -> None:
    assert words.shares(rate) == expected


@pytest.mark.parametrize(
    ("llr", "expected"),
    [(0.0, 1.0), (0.1, 1.2), (-0.1, 1.2), (2.0, 100), (-3.99, 9_700)],  # 10**0.1 = 1.2589, 10**3.99 = 9772.4
)
def test_times_are_cut_and_never_rounded_up(llr: float, expected: float) -> None:
    assert words.times(llr) == expected


@pytest.mark.parametrize("rate", [0.0, -1e-4, 1.0001, float("nan")])
def test_what_is_no_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        words.one_in(rate)


@pytest.mark.parametrize(
    ("fmr", "upper", "expected"),
    [
        (4e-5, 1.1e-4, "1 in 25,000 (upper bound 1 in 9,000)"),
        (None, 8e-6, "below 1 in 120,000"),  # 125,000
        (1.0, 1.0, "not rare (the similarity lies below the range that was measured)"),
        (None, None, "unknown"),
    ],
)
def test_rate(fmr: float | None, upper: float | None, expected: str) -> None:
    assert words.rate(fmr, upper) == expected


@pytest.mark.parametrize(
    ("similarity", "threshold", "expected"),
    [
        (0.51234, 0.421, ("0.512", "0.421")),
        (0.42096, 0.421, ("0.42096", "0.42100")),
        (0.421, 0.421, ("0.421", "0.421")),
        (-0.05, 0.421, ("-0.050", "0.421")),
        (None, 0.421, ("", "0.421")),
    ],
)
def test_a_near_miss_can_be_told_from_a_hit(
    similarity: float | None, threshold: float, expected: tuple[str, str]
) -> None:
    assert words.compared(similarity, threshold) == expected


@pytest.mark.parametrize(
    ("llr", "is_bound", "expected"),
    [  # by hand: 10 to the power of llr, two digits kept
        (5.2, False, "5.2: 150,000 times likelier if one person than if two"),  # 158,489
        (5.2, True, "5.2: at least 150,000 times likelier if one person than if two"),
        (5.0, False, "5.0: 100,000 times likelier if one person than if two"),
        (0.5, False, "0.5: 3.1 times likelier if one person than if two"),  # 3.16
        (0.05, False, "0.1: 1.1 times likelier if one person than if two"),  # 1.122
        (0.04, False, "0.0: about as likely if one person as if two"),  # 1.096
        (0.0, False, "0.0: about as likely if one person as if two"),
        (-0.04, False, "0.0: about as likely if one person as if two"),
        (-1.5, False, "-1.5: 31 times likelier if two people than if one"),  # 31.6
        (-2.0, True, "-2.0: at least 100 times likelier if two people than if one"),
        (15.0, True, "15.0: at least 1,000,000,000,000,000 times likelier if one person than if two"),
    ],
)
def test_likelihood(llr: float, is_bound: bool, expected: str) -> None:
    assert words.likelihood(llr, is_bound=is_bound) == expected


def test_whose_calibration_it_is(studio: Studio) -> None:
    theirs, own = studio.case().verdict.calibration, studio.case(calibration=studio.own).verdict.calibration
    assert words.calibration(theirs) == f"shipped with visavis: invented, digest {theirs.digest[:12]}"
    assert words.calibration(own) == (
        f"the operator's own: invented, digest {own.digest[:12]}; rates of the worst of 3 groups"
    )


def test_a_match_by_the_worst_of_several_groups(studio: Studio) -> None:
    assert words.meaning(studio.case(calibration=studio.own).verdict) == (
        "The two photographs show the same person, by a rule under which at most 1 in 10,000 comparisons of "
        "different people of the worst of 3 groups came out as a match when it was measured."
    )


def test_a_match_by_a_model_was_not_measured(studio: Studio) -> None:
    assert words.meaning(studio.reasoned("threshold_modelled").verdict) == (
        "The two photographs show the same person, by a rule whose false match rate is 1 in 1,000,000 by a "
        "model: it is finer than could be measured."
    )


def test_a_match_means_no_more_than_the_rule_that_was_measured(studio: Studio) -> None:
    assert words.meaning(studio.case(0.512).verdict) == (
        "The two photographs show the same person, by a rule under which at most 1 in 10,000 comparisons of "
        "different people came out as a match when it was measured."
    )


def test_no_match_is_no_proof_of_different_people(studio: Studio) -> None:
    assert words.meaning(studio.case(0.2).verdict).endswith(
        "This does not prove that they show different people."
    )


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        (0.7, "The probe shows the same person as the 3 references, by a rule"),
        (0.2, "The probe and the 3 references are less alike than the rule asks for"),
        (
            None,
            "Nothing is said about whether the probe and the 3 references show the same person: the probe",
        ),
    ],
)
def test_several_references_are_counted(studio: Studio, similarity: float | None, expected: str) -> None:
    three = [studio.examined(f"{number}.jpg", found=studio.face()) for number in range(3)]
    assert words.meaning(studio.case(similarity, references=three).verdict).startswith(expected)


def test_every_reason_is_one_sentence(studio: Studio, code: str) -> None:
    (reason,) = studio.reasoned(code).verdict.reasons
    told = words.told(reason)
    assert reason.code == code
    assert told[0].isupper()
    assert re.sub(r"\([^)]*\)", "", told).count(":") <= 1, "advice for a component stands in parentheses"
    assert told.endswith(".")
    assert not told.endswith("..")


def test_every_decisive_reason_says_what_to_do(studio: Studio, code: str) -> None:
    (reason,) = studio.reasoned(code).verdict.reasons
    if reason.decisive:
        assert re.search(r"[:;] (use|give|crop|come|visavis packs install)\b", words.told(reason))


def test_decisive_reasons_come_first_and_keep_their_order() -> None:
    reasons = tuple(
        Reason(code, "probe", code, decisive=decisive)
        for code, decisive in (("a", False), ("b", True), ("c", False), ("d", True))
    )
    assert [reason.code for reason in words.ordered(reasons)] == ["b", "d", "a", "c"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ausweis Müller 2.jpg", "Ausweis Müller 2.jpg"),
        ("写真.jpg", "写真.jpg"),
        ("a\nMATCH", r"a\nMATCH"),
        ("\x1b[32mMATCH", r"\x1b[32mMATCH"),
        ("gpj.\u202etrap", r"gpj.\u202etrap"),
        ("\udcff.jpg", r"\udcff.jpg"),  # what Python makes of the byte 0xff in a file name
        (None, "(no name)"),
    ],
)
def test_names_are_shown_as_given_with_the_invisible_made_visible(name: str | None, expected: str) -> None:
    assert words.name_of(name) == expected


def test_every_rule_for_choosing_a_face_has_words() -> None:
    from visavis.decision.policy import FACES

    assert set(words.FACES) == set(FACES)


def test_accepts(studio: Studio) -> None:
    policy = dataclasses.replace(studio.case().verdict.policy, fmr=2.5e-4)
    assert words.accepts(policy) == "at most 1 in 4,000 (2.5e-04)"


# Quality and liveness


@pytest.mark.parametrize(
    ("found", "told", "checked", "not_known"),
    [
        (NOT_ASKED, "not assessed", False, "(liveness was not tested)"),
        (Liveness.not_assessed("no pack"), "not assessed", False, "(liveness was not assessed: no pack)"),
        (ATTACK, "taken for a presentation attack, score 0.12, threshold 0.50", True, "for certain"),
        (
            LIVE,
            (
                "taken for a live person, score 0.83, threshold 0.50 "
                "(the answer to the challenge: all 2 checks passed)"
            ),
            True,
            "masks, other attacks, and pictures fed in past the camera",
        ),
    ],
)
def test_what_is_said_of_liveness_follows_the_outcome(
    found: Liveness, told: str, checked: bool, not_known: str
) -> None:
    assert words.liveness(found) == told
    assert ("whether a live person was there" not in words.not_checked(None, found)) == checked
    assert "whether a document is genuine" in words.not_checked(None, found)
    assert not_known in " ".join(words.not_live(found))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(), []),
        (Policy(liveness="assess"), []),
        (Policy(liveness="require"), ["a live person is there"]),
        (Policy(quality="icao_portrait"), ["the probe meets the profile icao portrait"]),
        (Policy(floors={"unified_score": 40}), ["the probe's scores: unified score 40"]),
        (
            Policy(quality="selfie", floors={"pose_yaw": 50}, reference_quality="document_portrait"),
            [
                "the probe meets the profile selfie",
                "its scores are at least: pose yaw 50",
                "the reference meets the profile document portrait",
            ],
        ),
    ],
)
def test_what_a_policy_asks(policy: Policy, expected: list[str]) -> None:
    assert words.demands(policy) == expected
