"""What is said of a check: a sentence for every code, and numbers that never promise too much."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

import visavis
from visavis.decision.verdict import Reason
from visavis.documents.mrz.layout import FORMS as LAYOUTS
from visavis.documents.stages import NAMES as STAGE_NAMES
from visavis.liveness.challenge import Action
from visavis.quality.advice import GUIDES
from visavis.quality.assessed import Assessed
from visavis.quality.component import Component
from visavis.quality.measure import MEASURES
from visavis.quality.profiles import Shortfall
from visavis.quality.unified import NAME
from visavis.service.pages.languages import Languages
from visavis.service.pages.words import ACTIONS, ADVICE, FIELDS, FILES, FORMS, REASONS, STAGES, Words

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(visavis.__file__).parent


@pytest.fixture(scope="module")
def words() -> Words:
    return Words(Languages().source)


def codes() -> Iterator[str]:
    """Codes of reasons, where the code makes them."""
    for name in ("decision/reasons.py", "verifier.py", "documents/document.py", "documents/mrz/dates.py"):
        text = (SOURCE / name).read_text(encoding="utf-8")
        yield from re.findall(r'(?:Reason|_problem)\(\s*"(\w+)"', text)
    text = (SOURCE / "decision" / "reasons.py").read_text(encoding="utf-8")
    yield from re.findall(r'(?:return|problem ==) "(\w+)"', text)
    yield from ("chip_failed", "chip_not_authenticated")


def test_every_reason_has_a_sentence() -> None:
    found = set(codes())
    assert len(found) > 25
    assert found - REASONS.keys() == set()


def test_a_reason_that_nobody_foresaw_is_told_as_it_is(words: Words) -> None:
    said = words.reason(Reason("new_code", "probe", "something new was found", decisive=True))
    assert (said.about, said.text, said.decisive) == ("Picture of the face", "Something new was found.", True)


def test_every_component_of_quality_has_advice() -> None:
    assert ADVICE.keys() == {*MEASURES, NAME}
    for name, advice in ADVICE.items():
        assert isinstance(advice, str) or GUIDES[name].centre is not None, name


def test_advice_fits_what_is_wrong(words: Words) -> None:
    dark = Component.measured("luminance_mean", 0.05, 1.0)
    bright = Component.measured("luminance_mean", 0.95, 1.0)
    blurred = Component.measured("sharpness_proxy", -20.0, 1.0)
    unified = Component.failed("unified_score", "too little could be assessed")
    for wrong, expected in (
        ((dark,), "Add light from the front."),
        ((bright,), "Use less light, and avoid glare and flash."),
        ((dark, blurred), "Add light from the front. Hold camera and head still,"),
    ):
        shortfalls = tuple(Shortfall(each, 50.0, "") for each in wrong)
        quality = Assessed("selfie", unified, wrong, shortfalls, ())
        seen: Any = type("Seen", (), {"quality": quality})
        said = words.reason(Reason("quality_low", "probe", "the probe falls short", decisive=True), seen)
        assert said.text.startswith(
            f"The picture is not as good as the rule of this desk asks for. {expected}"
        )


def test_what_a_reason_is_about(words: Words) -> None:
    for about, expected in (
        ("reference 2", "Reference picture 2"),
        ("first document", "First document"),
        ("anything", "anything"),
    ):
        assert words.reason(Reason("no_face", about, "", decisive=True)).about == expected


def test_reasons_that_decide_come_first_and_none_twice(words: Words) -> None:
    one = Reason("turned", "probe", "it was turned by 90 degrees", decisive=False)
    two = Reason("no_face", "probe", "none", decisive=True)
    same = Reason("turned", "probe", "it was turned by 180 degrees", decisive=False)
    assert [each.decisive for each in words.reasons([one, two, same])] == [True, False]


def test_names_of_the_standards_have_words() -> None:
    fields = {span.name for form in LAYOUTS for span in form.spans} - {"names"}  # which are taken apart
    assert fields | {"surname", "given_names"} <= FIELDS.keys()
    assert FORMS.keys() == {form.name for form in LAYOUTS}
    assert STAGES.keys() == set(STAGE_NAMES)
    assert ACTIONS.keys() == set(get_args(Action))


@pytest.mark.parametrize(
    ("code", "begins"),
    [
        ("photo.format", "This file is not a picture"),
        ("photo.too_large", "This picture is too large"),
        ("photo.anything", "This picture is damaged"),
        ("document.pdf", "This PDF"),
        ("chip.damaged", "The chip’s files are damaged"),
        ("chip.too_large", "This archive is larger"),
    ],
)
def test_why_a_file_can_not_be_used(words: Words, code: str, begins: str) -> None:
    assert (words.unusable(code) or "").startswith(begins)


def test_other_errors_are_not_of_files(words: Words) -> None:
    for code in ("service.busy", "access.fan_out", "storage.gone"):
        assert words.unusable(code) is None
    assert all(code.startswith(("photo.", "document.", "chip.")) for code in FILES)


@pytest.mark.parametrize(
    ("rate", "told"),  # rounded towards the higher rate, as report.words.one_in is tested for
    [
        (1e-4, "1 in 10,000"),
        (1.01e-4, "1 in 9,900"),
        (0.31, "31 in 100"),
        (0.3001, "31 in 100"),
        (1.0, "100 in 100"),
    ],
)
def test_rates(words: Words, rate: float, told: str) -> None:
    assert words.one_in(rate) == told


def test_rates_as_they_are_written_elsewhere() -> None:
    assert Words(Languages().all["de"]).one_in(1e-4).count("10.000") == 1


def test_a_rate_that_only_has_a_bound(words: Words) -> None:
    assert words.rate(None, None) == "unknown"
    assert words.rate(None, 1e-5) == "rarer than 1 in 100,000"
    assert words.rate(1e-3, 2e-3) == "1 in 1,000, at most 1 in 500"
    assert words.rate(1.0, 1.0).startswith("not rare")


def test_a_confidence_is_never_rounded_up(words: Words) -> None:
    assert [words.sure(each) for each in (0.999, 0.349, 1.0, 0.0)] == ["99%", "34%", "100%", "0%"]


@pytest.mark.parametrize(
    ("llr", "is_bound", "begins"),
    [
        (5.2, True, "At least 150,000 times likelier if the pictures show one person"),  # 10**5.2 = 158,489
        (2.0, False, "100 times likelier if the pictures show one person"),
        (-2.0, False, "100 times likelier if the pictures show two people"),
        (-2.0, True, "At least 100 times likelier if the pictures show two people"),
        (0.02, False, "About as likely"),
        (None, False, ""),
    ],
)
def test_likelihood(words: Words, llr: float | None, is_bound: bool, begins: str) -> None:
    verdict: Any = type("Any", (), {"llr": llr, "llr_is_bound": is_bound})
    assert words.likelihood(verdict).startswith(begins)
