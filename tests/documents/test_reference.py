from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from visavis.decision.verdict import Reason
from visavis.documents.authenticity import Authenticity, authenticate
from visavis.documents.chip import ChipFiles
from visavis.documents.reference import choose, doubt_of, failed
from visavis.documents.specimen_chip import SpecimenState, make_dg1, make_sod
from visavis.documents.stages import NAMES, Stage
from visavis.documents.trust import Trust

if TYPE_CHECKING:
    from visavis.documents.document import Document

LINES = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


def stages(outcomes: str, *, given: bool = True) -> Authenticity:
    """One letter for each of hashes, signature, chain, state, revocation: p, f or n."""
    words: dict[str, Any] = {"p": "passed", "f": "failed", "n": "not done"}
    made = {name: Stage(name, words[letter], "because") for name, letter in zip(NAMES, outcomes, strict=True)}
    return Authenticity(**made, groups=("DG1", "DG2"), country="UT", signed_at=None, certificates_given=given)


@pytest.mark.parametrize(
    ("authenticity", "doubted"),
    [
        (stages("ppppp"), None),
        (stages("ppppn"), None),
        (stages("ppnpn", given=False), None),
        (stages("ppnnn", given=False), None),
        (stages("ppnpn"), "stage chain was not done, because"),  # supplied, and not gone through with
        (stages("pppnn"), "stage state was not done, because"),
        (stages("ppfpn"), "stage chain failed, because"),
        (stages("pppfn"), "stage state failed, because"),
        (stages("ppnfn", given=False), "stage state failed, because"),
        (stages("ppppf"), "stage revocation failed, because"),
        (stages("fpppp"), "stage hashes failed, because"),
        (stages("pfnnn", given=False), "stage signature failed, because"),
        (stages("pnnnn", given=False), "stage signature was not done, because"),
        (stages("nnnnn"), "stage hashes was not done, because"),
        (None, "it wasn't authenticated"),
    ],
)
def test_which_chip_counts(authenticity: Authenticity | None, doubted: str | None) -> None:
    assert doubt_of(authenticity, "DG2") == doubted


def test_a_group_that_was_not_checked_does_not_count() -> None:
    assert doubt_of(stages("ppppp"), "DG14") == "DG14 wasn't among what was checked"


def test_without_certificates_a_signed_chip_counts() -> None:
    state = SpecimenState.make()
    groups = {"DG1": make_dg1(LINES)}
    files = ChipFiles.of({**groups, "SOD": make_sod(groups, state, signed_at=datetime.now(UTC))})
    assert doubt_of(authenticate(files), "DG1") is None
    others = Trust.read(SpecimenState.make().authority)
    assert (doubt_of(authenticate(files, others), "DG1") or "").startswith("stage chain failed")


def test_what_failed() -> None:
    assert failed(stages("ppfpn")) == "stage chain, because"
    assert failed(stages("ppnpn")) is None
    assert failed(None) is None


def document(**parts: Any) -> Document:
    empty = {"chip": None, "chip_portrait": None, "authenticity": None, "portrait": None, "problems": ()}
    return SimpleNamespace(**(empty | parts))  # type: ignore[return-value]


NONE = Reason("no_portrait", "document", "no portrait was found", decisive=True)
TWO = Reason("two_portraits", "document", "two faces", decisive=True)
SEVERAL = Reason("several_documents", "document", "of several", decisive=True)
CHIP = {"chip": object(), "chip_portrait": object()}


@pytest.mark.parametrize(
    ("parts", "portrait", "problem", "doubted"),
    [
        ({"portrait": 1}, "printed", None, False),
        ({**CHIP, "portrait": 1, "authenticity": stages("ppppn")}, "chip", None, False),
        ({**CHIP, "authenticity": stages("ppppn"), "problems": (TWO,)}, "chip", None, False),
        ({**CHIP, "portrait": 1, "authenticity": stages("fpppn")}, "printed", None, True),
        (
            {**CHIP, "chip_portrait": None, "portrait": 1, "authenticity": stages("ppppn")},
            "printed",
            None,
            True,
        ),
        ({"portrait": 1, "problems": (SEVERAL,)}, None, "several_documents", False),
        ({**CHIP, "authenticity": stages("ppppn"), "problems": (SEVERAL,)}, None, "several_documents", False),
        ({"problems": (NONE,)}, None, "no_portrait", False),
        ({"problems": (TWO,)}, None, "two_portraits", False),
        ({**CHIP, "authenticity": stages("fpppn"), "problems": (NONE,)}, None, "no_portrait", True),
    ],
)
def test_which_portrait_counts(
    parts: dict[str, Any], portrait: str | None, problem: str | None, doubted: bool
) -> None:
    choice = choose(document(**parts))
    assert (choice.portrait, choice.problem) == (portrait, problem)
    assert (choice.chip_not_used is not None) == doubted
    assert choice.why
