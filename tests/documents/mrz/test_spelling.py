from __future__ import annotations

import numpy as np
import pytest

from visavis.documents.mrz.layout import ALPHABET, FILLER, LETTERS
from visavis.documents.mrz.spelling import FOLLOWS, end_of_code, likeliest_name

NAME = "AL<WAHMI<<YUSUF<LAYLA".ljust(39, FILLER)


def costs_of(text: str, **dearer: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What is seen, and what else: by letter the cost of a filler where that letter is seen."""
    costs = np.full((len(text), len(ALPHABET)), 7.0)
    for row, character in zip(costs, text, strict=True):
        row[ALPHABET.index(FILLER)] = dearer.get(character, 7.0)
        row[ALPHABET.index(character)] = 0.0
    return costs


def read(costs: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    return "".join(ALPHABET[number] for number in likeliest_name(costs)[0])


def test_what_is_clear_is_read_as_it_is() -> None:
    costs = costs_of(NAME)
    before = costs.copy()
    chosen, cost = likeliest_name(costs)
    assert "".join(ALPHABET[number] for number in chosen) == NAME
    assert cost == 0.0
    np.testing.assert_array_equal(costs, before)


@pytest.mark.parametrize(
    "seen",
    [
        "AL<WAHMI<<YUSUF<LAYLA<<CC<C<<CCK<CC<CC<",
        "AL<WAHMICCYUSUF<LAYLACCCC<<CCCCCCCCCCCC",
        "ALCWAHMI<CYUSUFCLAYLA<C<C<C<C<C<C<C<C<K",
    ],
)
def test_fillers_that_blur_makes_letters_of(seen: str) -> None:
    """As blurred pictures show them: the filler is seen too, at one in twenty."""
    assert read(costs_of(seen, C=3.0, K=3.0)) == NAME


def test_what_leans_on_a_prior_stays_doubtful() -> None:
    """None of these fillers is more probable than the letter that was seen."""
    costs = costs_of("AL<WAHMICCYUSUF<LAYLA".ljust(39, "C"), C=3.0)
    assert read(costs) == NAME
    c, filler = ALPHABET.index("C"), ALPHABET.index(FILLER)
    for position, character in enumerate(NAME):
        if character == FILLER and position not in (2, 15):
            assert costs[position, filler] >= costs[position, c]


@pytest.mark.parametrize(
    "name",
    [
        "MCCORMACK<<ERICKA<C",  # an initial
        "KOCIC<<BECK<NICK",
        "SCHNECK<<C<K",
        "ZOEK<KCERCK<<PCKRK",  # like no name
        "MUXXLLER<<NXXIKC",  # transliterated, Doc 9303-3, section 6
        "KKKKKKKK<<CCCCCC",
    ],
)
def test_clear_letters_stay_letters(name: str) -> None:
    """Nothing of a filler is seen where they stand."""
    field = name.ljust(39, FILLER)
    assert read(costs_of(field)) == field


def test_one_letter_that_may_be_a_filler_is_no_blur() -> None:
    """An initial, seen as a filler at one in fifty: there is nothing else that looks like blur."""
    field = "ERIKSSON<<ANNA<C".ljust(39, FILLER)
    assert read(costs_of(field, C=4.0)) == field


def test_the_spelling_settles_what_is_seen_as_well_as_another() -> None:
    costs = costs_of("ERIKSSON<<ANNA".ljust(39, FILLER))
    costs[12, ALPHABET.index("W")] = 0.0  # ANNA or ANWA
    assert read(costs).startswith("ERIKSSON<<ANNA<")


def test_fillers_of_a_name() -> None:
    """Without given names, and at the end of a field that is full."""
    for field in ("MONONYM".ljust(39, FILLER), "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"):
        assert read(costs_of(field)) == field


@pytest.mark.parametrize(
    ("seen", "filler", "taken"),
    [
        ("C", 0.4, FILLER),
        ("R", 3.3, FILLER),
        ("P", 7.0, "P"),  # PP: passports to come (Doc 9303-4)
        ("C", 5.0, "C"),  # VC: visas of the Schengen states
        ("D", 7.0, "D"),
        (FILLER, 0.0, FILLER),
        ("1", 7.0, "1"),  # old cards of the United States
    ],
)
def test_the_end_of_a_document_code(seen: str, filler: float, taken: str) -> None:
    (costs,) = costs_of(seen, **{seen: filler})
    assert ALPHABET[end_of_code(costs)] == taken
    assert costs.min() == 0.0


def test_each_letter_has_a_row_and_each_row_is_a_distribution() -> None:
    """Rounded to whole nats; so their probabilities add up to 1 but for a factor of the square root of e."""
    assert len(FOLLOWS) == len(LETTERS) + 1
    for row in FOLLOWS:
        assert len(row) == len(LETTERS) + 1
        assert 0.6 < sum(np.exp(-float(digit)) for digit in row) < 1.65
