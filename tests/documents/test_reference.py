from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from visavis.decision.verdict import Reason
from visavis.documents.authenticity import Authenticity, authenticate
from visavis.documents.chip import ChipFiles
from visavis.documents.reference import NO_CERTIFICATES, choose, doubt_of, failed
from visavis.documents.specimen_chip import SpecimenState, make_dg1, make_sod
from visavis.documents.stages import Stage

if TYPE_CHECKING:
    from visavis.documents.document import Document

LINES = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


def stages(outcomes: str, chain: str = "someone") -> Authenticity:
    """One letter for each of hashes, signature, chain, revocation: p, f or n."""
    words: dict[str, Any] = {"p": "passed", "f": "failed", "n": "not done"}
    names = ("hashes", "signature", "chain", "revocation")
    first, second, _, fourth = (
        Stage(name, words[letter], "because") for name, letter in zip(names, outcomes, strict=True)
    )
    third = Stage("chain", words[outcomes[2]], chain)
    return Authenticity(first, second, third, fourth, ("DG1", "DG2"), "UT", None)


@pytest.mark.parametrize(
    ("authenticity", "doubted"),
    [
        (stages("pppp"), None),
        (stages("pppn"), None),
        (stages("ppnn", NO_CERTIFICATES), None),
        (stages("ppnn"), "stage chain was not done, someone"),  # supplied, and not gone through with
        (stages("ppfn"), "stage chain failed, someone"),
        (stages("pppf"), "stage revocation failed, because"),
        (stages("fppp"), "stage hashes failed, because"),
        (stages("pfnn", NO_CERTIFICATES), "stage signature failed, because"),
        (stages("pnnn", NO_CERTIFICATES), "stage signature was not done, because"),
        (stages("nnnn"), "stage hashes was not done, because"),
        (None, "it wasn't authenticated"),
    ],
)
def test_which_chip_counts(authenticity: Authenticity | None, doubted: str | None) -> None:
    assert doubt_of(authenticity, "DG2") == doubted


def test_a_group_that_was_not_checked_does_not_count() -> None:
    assert doubt_of(stages("pppp"), "DG14") == "DG14 wasn't among what was checked"


def test_what_is_said_without_certificates() -> None:
    """The words that `doubt_of` knows it by."""
    state = SpecimenState.make()
    groups = {"DG1": make_dg1(LINES)}
    files = ChipFiles.of({**groups, "SOD": make_sod(groups, state, signed_at=datetime.now(UTC))})
    found = authenticate(files)
    assert (found.chain.outcome, found.chain.why) == ("not done", NO_CERTIFICATES)
    assert doubt_of(found, "DG1") is None


def test_what_failed() -> None:
    assert failed(stages("ppfn")) == "stage chain, someone"
    assert failed(stages("ppnn")) is None
    assert failed(None) is None


def document(**parts: Any) -> Document:
    empty = {"chip": None, "chip_portrait": None, "authenticity": None, "portrait": None, "problems": ()}
    return SimpleNamespace(**(empty | parts))  # type: ignore[return-value]


NONE = Reason("no_portrait", "document", "no portrait was found", decisive=True)
TWO = Reason("two_portraits", "document", "two faces", decisive=True)
CHIP = {"chip": object(), "chip_portrait": object()}


@pytest.mark.parametrize(
    ("parts", "portrait", "problem", "doubted"),
    [
        ({"portrait": 1}, "printed", None, False),
        ({**CHIP, "portrait": 1, "authenticity": stages("pppn")}, "chip", None, False),
        ({**CHIP, "authenticity": stages("pppn"), "problems": (TWO,)}, "chip", None, False),
        ({**CHIP, "portrait": 1, "authenticity": stages("fppn")}, "printed", None, True),
        (
            {**CHIP, "chip_portrait": None, "portrait": 1, "authenticity": stages("pppn")},
            "printed",
            None,
            True,
        ),
        ({"problems": (NONE,)}, None, "no_portrait", False),
        ({"problems": (TWO,)}, None, "two_portraits", False),
        ({**CHIP, "authenticity": stages("fppn"), "problems": (NONE,)}, None, "no_portrait", True),
    ],
)
def test_which_portrait_counts(
    parts: dict[str, Any], portrait: str | None, problem: str | None, doubted: bool
) -> None:
    choice = choose(document(**parts))
    assert (choice.portrait, choice.problem) == (portrait, problem)
    assert (choice.chip_not_used is not None) == doubted
    assert choice.why
