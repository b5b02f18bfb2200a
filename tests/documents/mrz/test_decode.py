from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.documents.mrz.countries import CODES
from visavis.documents.mrz.decode import CLASSES, MOST_STEPS, Line, decode
from visavis.documents.mrz.layout import ALPHABET, DIGITS, FILLER, LETTERS
from visavis.documents.mrz.mrz import compose, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# The samples of Doc 9303 parts 4 to 7 and a card as France printed it.
SAMPLES = {
    "TD3": ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"),
    "TD1": (
        "I<UTOD231458907<<<<<<<<<<<<<<<",
        "7408122F1204159UTO<<<<<<<<<<<6",
        "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
    ),
    "LONG": (
        "I<UTOD23145890<7349<<<<<<<<<<<",
        "3407127M9507122UTO<<<<<<<<<<<2",
        "STEVENSON<<PETER<JOHN<<<<<<<<<",
    ),
    "TD2": ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"),
    "MRVA": ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"),
    "MRVB": ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"),
    "FRA": ("IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<", "8806923102858CORINNE<<<<<<<6512068F6"),
}
TD3 = SAMPLES["TD3"]


def seen(
    text: str,
    random: np.random.Generator,
    *,
    pitch: float = 2.1,
    unsteady: float = 0.15,
    margin: float = 2.0,
    noise: float = 0.01,
) -> NDArray[np.float32]:
    """What a recogniser gives for a line: a spike for each character, blanks between, and some doubt."""
    steps = round(pitch * len(text) + 2 * margin)
    p = random.dirichlet(np.full(CLASSES, 0.3), size=steps) * noise
    p[:, 0] += 1 - noise
    last = -1
    for i, character in enumerate(text):
        step = round(margin + pitch * (i + 0.5) + random.normal(0, unsteady))
        last = step = min(max(step, last + 1), steps - len(text) + i)
        spike(p, step, character, 1 - noise)
    return p.astype(np.float32)


def spike(p: NDArray[np.float64] | NDArray[np.float32], step: int, character: str, height: float) -> None:
    p[step] *= (1 - height) / p[step].sum()
    p[step, 1 + ALPHABET.index(character)] += height


def steps_of(p: NDArray[np.float32]) -> list[int]:
    """Of each character."""
    return [int(step) for step in np.flatnonzero(p[:, 0] < 0.5)]


def lines_of(text: Sequence[str], seed: int = 0, pitch: float = 2.1) -> list[NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    return [seen(line, random, pitch=pitch) for line in text]


def decoded(lines: Sequence[NDArray[np.float32]]) -> tuple[str, ...] | None:
    zone = decode([Line(p) for p in lines])
    return zone.lines if zone else None


@pytest.mark.parametrize("pitch", [2.1, 2.6, 5.0])
@pytest.mark.parametrize("name", SAMPLES)
def test_published_samples(name: str, pitch: float) -> None:
    zone = decode([Line(p) for p in lines_of(SAMPLES[name], pitch=pitch)])
    expected = parse(SAMPLES[name])
    assert zone is not None
    assert expected is not None
    assert (zone.format, zone.lines, zone.valid) == (expected.format, expected.lines, True)
    assert zone.repairs == ()
    assert zone.confidence > 0.5
    assert {name: field.value for name, field in zone.fields.items()} == {
        name: field.value for name, field in expected.fields.items()
    }


def some_zone(seed: int) -> tuple[str, ...]:
    """Lines of a document that nobody has."""
    rng = random.Random(seed)

    def word(letters: str, low: int, high: int) -> str:
        return "".join(rng.choices(letters, k=rng.randint(low, high)))

    form = rng.choice(["TD1", "TD2", "TD3", "MRVA", "MRVB"])
    return compose(
        form,
        {
            "document_code": {"M": "V", "T": "P" if form == "TD3" else "I"}[form[0]],
            "issuing_state": rng.choice(sorted(CODES)),
            "surname": word(LETTERS, 3, 10),
            "given_names": word(LETTERS, 3, 7) + " " + word(LETTERS, 2, 6),
            "document_number": word(LETTERS, 0, 2) + word(DIGITS, 5, 7),
            "nationality": rng.choice(sorted(CODES)),
            "date_of_birth": f"19{rng.randint(40, 99)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            "sex": rng.choice("FMX"),
            "date_of_expiry": f"20{rng.randint(20, 35)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        },
    )


@pytest.mark.parametrize("seed", range(60))
def test_noise_does_not_matter(seed: int) -> None:
    text = some_zone(seed)
    noisy = np.random.default_rng(seed)
    assert decoded([seen(line, noisy, noise=0.15, unsteady=0.2) for line in text]) == text


@pytest.mark.parametrize("seed", range(30))
def test_fillers_that_run_together(seed: int) -> None:
    """One long run of `<` without blanks, as recognisers give it."""
    text = some_zone(seed)
    lines = lines_of(text, seed)
    for line, p in zip(text, lines, strict=True):
        end = len(line.rstrip(FILLER))
        if len(line) - end > 3:
            for step in range(steps_of(p)[end], steps_of(p)[-1] + 1):
                spike(p, step, FILLER, 0.98)
    assert decoded(lines) == text


@pytest.mark.parametrize("seed", range(30))
def test_fillers_that_were_dropped(seed: int) -> None:
    text = some_zone(seed)
    lines = lines_of(text, seed)
    rng = random.Random(seed)
    steps = steps_of(lines[-1 if len(lines) == 3 else 0])
    name = text[-1] if len(lines) == 3 else text[0]
    tail = range(len(name.rstrip(FILLER)) + 2, len(name) - 1)
    for i in rng.sample(tail, min(4, len(tail))):
        p = lines[-1 if len(lines) == 3 else 0]
        p[steps[i]] = 0.002 / CLASSES
        p[steps[i], 0] = 0.998
    assert decoded(lines) == text


@pytest.mark.parametrize("seed", range(10))
def test_fillers_that_were_dropped_where_anything_may_stand(seed: int) -> None:
    """Every second one of a run, with a trace of some letter in its place; no shape of a name helps here."""
    lines = lines_of(SAMPLES["TD1"], seed)
    rng = random.Random(seed)
    steps = steps_of(lines[0])
    for i in range(16, 29, 2):
        lines[0][steps[i]] = 0.0
        letter = 1 + ALPHABET.index(rng.choice(LETTERS))
        lines[0][steps[i], [0, letter]] = 0.98, 0.02
    assert decoded(lines) == SAMPLES["TD1"]


@pytest.mark.parametrize(
    ("line", "column", "instead", "height"),
    [
        (0, 2, "0", 0.0),  # U of UTO
        (0, 4, "0", 0.99),  # O of UTO
        (0, 7, "1", 0.99),  # I of ERIKSSON
        (0, 9, "5", 0.99),  # S
        (1, 1, "B", 0.6),  # 8 of the number
        (1, 10, "0", 0.3),
        (1, 12, "0", 0.99),  # O of the nationality
        (1, 15, "O", 0.99),  # 0 of the date of birth
        (1, 17, "I", 0.99),
        (1, 42, "I", 0.99),
    ],
)
def test_a_character_that_was_taken_for_another(line: int, column: int, instead: str, height: float) -> None:
    lines = lines_of(TD3)
    if height:
        step = steps_of(lines[line])[column]
        lines[line][step] *= 0.0
        lines[line][step, 1 + ALPHABET.index(TD3[line][column])] = 0.99 - height
        lines[line][step, 1 + ALPHABET.index(instead)] = height
        lines[line][step, 0] = 0.01
    assert decoded(lines) == TD3


def misread(column: int, instead: str, height: float) -> list[NDArray[np.float32]]:
    """The sample with another character seen on its second line."""
    lines = lines_of(TD3)
    step = steps_of(lines[1])[column]
    lines[1][step] = 0.0
    lines[1][step, 1 + ALPHABET.index(TD3[1][column])] = 1 - height
    lines[1][step, 1 + ALPHABET.index(instead)] = height
    return lines


def test_a_repair_is_told() -> None:
    zone = decode([Line(p) for p in misread(2, "8", 0.8)])
    assert zone is not None
    assert (zone.lines, zone.valid) == (TD3, True)
    assert [repair.to_dict() for repair in zone.repairs] == [
        {"line": 1, "column": 2, "seen": "8", "taken": "9", "why": "check digit"}
    ]
    assert zone.fields["document_number"].confidence < 0.95


def test_what_is_certain_is_not_repaired() -> None:
    """A digit that the recogniser is sure of stays, though a check digit then is wrong: 4 isn't like 5."""
    lines = lines_of(TD3)
    step = steps_of(lines[1])[14]  # the year of birth
    lines[1][step] = 0.0
    lines[1][step, 1 + ALPHABET.index("5")] = 1.0
    zone = decode([Line(p) for p in lines])
    assert zone is not None
    assert zone.lines == (TD3[0], TD3[1].replace("740812", "750812"))
    assert not zone.valid
    assert zone.repairs == ()
    assert zone.fields["date_of_birth"].checked is False
    assert zone.fields["date_of_birth"].confidence <= 0.5


@pytest.mark.parametrize(("column", "instead"), [(2, "4"), (4, "3"), (13, "3"), (21, "3")])
def test_a_trace_of_another_character_is_no_ground_for_a_repair(column: int, instead: str) -> None:
    """The right one would make the check digits right, but looks otherwise, and was seen at one in fifty."""
    zone = decode([Line(p) for p in misread(column, instead, 0.98)])
    assert zone is not None
    assert zone.lines[1] == TD3[1][:column] + instead + TD3[1][column + 1 :]
    assert not zone.valid
    assert zone.repairs == ()


def test_what_a_check_digit_cannot_tell_stays_doubtful() -> None:
    """8 and S differ by 20: no check digit notices. 8 and 9 differ by 1."""
    doubtful = decode([Line(p) for p in misread(1, "S", 0.45)])
    certain = decode([Line(p) for p in misread(1, "9", 0.45)])
    assert doubtful is not None
    assert certain is not None
    assert doubtful.lines == certain.lines == TD3
    assert doubtful.fields["document_number"].confidence < 0.6
    assert certain.fields["document_number"].confidence > 0.85


def test_digits_stand_behind_letters_in_a_document_number() -> None:
    """3 and D differ by 10, which no check digit notices; both are seen alike, at the number's end."""
    zone = decode([Line(p) for p in misread(8, "D", 0.5)])
    assert zone is not None
    assert zone.lines == TD3
    assert 0.5 < zone.fields["document_number"].confidence < 0.9


@pytest.mark.parametrize("second", ["P", "E", "D", "O", "R"])
def test_the_second_letter_of_a_document_code_is_kept(second: str) -> None:
    """Doc 9303-4 knows more than P<."""
    text = ("P" + second + TD3[0][2:], TD3[1])
    assert decoded(lines_of(text)) == text


def test_a_blurred_filler_in_a_document_code() -> None:
    """Seen as C, and as what it is at one in five: then it's one, and not more probable than the letter."""
    lines = lines_of(TD3)
    step = steps_of(lines[0])[1]
    lines[0][step] = 0.0
    lines[0][step, 1 + ALPHABET.index(FILLER)] = 0.2
    lines[0][step, 1 + ALPHABET.index("C")] = 0.8
    zone = decode([Line(p) for p in lines])
    assert zone is not None
    assert zone.lines == TD3
    assert zone.fields["document_code"].confidence <= 0.5
    assert [(repair.column, repair.seen, repair.taken, repair.why) for repair in zone.repairs] == [
        (1, "C", FILLER, "field")
    ]


def test_fillers_between_the_parts_of_a_name() -> None:
    """`<` seen as C, K or L behind a name: the shape of names speaks against a letter there."""
    lines = lines_of(TD3)
    for column, letter in ((25, "C"), (30, "K"), (37, "L")):
        step = steps_of(lines[0])[column]
        lines[0][step] = 0.0
        lines[0][step, 1 + ALPHABET.index(FILLER)] = 0.1
        lines[0][step, 1 + ALPHABET.index(letter)] = 0.9
    zone = decode([Line(p) for p in lines])
    assert zone is not None
    assert zone.lines[0][26:] == TD3[0][26:]


def test_a_digit_in_second_place() -> None:
    """As on old cards of the United States; on passports it would be a letter."""
    text = (
        "C1USA0000000033<<<<<<<<<<<<<<<",
        "5808175F1004027COD<<<<<<<<<<<9",
        "SPECIMEN<<TEST<VOID<<<<<<<<<<<",
    )
    zone = decode([Line(p) for p in lines_of(text)])
    assert zone is not None
    assert zone.fields["document_code"].value == "C1"


def test_a_code_that_nobody_has() -> None:
    text = (TD3[0].replace("UTO", "BDR"), TD3[1])
    zone = decode([Line(p) for p in lines_of(text)])
    assert zone is not None
    assert (zone.lines, zone.valid) == (text, True)
    assert zone.fields["issuing_state"].confidence <= 0.5


# What is no zone

PROSE = (
    "IN A HOLE IN THE GROUND THERE LIVED SOMEBODY WHO WAS NOT AT ALL FOND OF VISITORS OR LETTERS "
    "AND WHENEVER THE BELL RANG HE WENT DOWN TO THE CELLAR TO COUNT HIS POTATOES OF WHICH THERE WERE 214 "
)
KEYBOARD = ("1234567890QWERTYUIOPASDFGHJKLZXCVBNM", "QWERTYUIOPASDFGHJKLZXCVBNM1234567890")


def other_text(kind: str, rng: random.Random) -> list[str]:
    """Two or three lines as long as those of a zone, which are none."""
    count, length = rng.choice([(3, 30), (2, 36), (2, 44)])
    if kind == "prose":
        start = rng.randrange(len(PROSE))
        text = (PROSE * 3)[start : start + count * length].replace(" ", rng.choice([FILLER, ""]))
        text = text.ljust(count * length, "E")
        return [text[i * length : (i + 1) * length] for i in range(count)]
    if kind == "table":
        return ["".join(rng.choices(DIGITS, k=length)) for _ in range(count)]
    if kind == "keyboard":
        return [(rng.choice(KEYBOARD) * 2)[:length] for _ in range(count)]
    return ["".join(rng.choices(ALPHABET, k=length)) for _ in range(count)]


@pytest.mark.parametrize("kind", ["prose", "table", "keyboard", "characters"])
def test_other_text_is_no_zone(kind: str) -> None:
    for seed in range(75):
        text = other_text(kind, random.Random(seed))
        assert decoded(lines_of(text, seed)) is None, text


def test_noise_is_no_zone() -> None:
    for seed in range(100):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(2, 4))
        steps = int(rng.integers(40, 120))
        blank = np.zeros(CLASSES)
        blank[0] = 1.0
        p = rng.dirichlet(np.full(CLASSES, rng.choice([0.02, 0.2, 1.0])), size=(count, steps))
        share = rng.choice([0.0, 0.5, 0.9])
        assert decoded([(1 - share) * line + share * blank for line in p.astype(np.float32)]) is None


@pytest.mark.parametrize("name", SAMPLES)
def test_part_of_a_zone_is_none(name: str) -> None:
    """Lines upside down, two of three, one above the next zone's: what a finder may hand over."""
    lines = lines_of(SAMPLES[name])
    assert decoded([p[::-1] for p in reversed(lines)]) is None
    assert decoded(list(reversed(lines))) is None
    assert decoded(lines[:1]) is None
    assert decoded([*lines, lines[0]]) is None
    if len(lines) == 3:
        assert decoded(lines[:2]) is None
        assert decoded(lines[1:]) is None


def test_a_zone_of_nothing_but_fillers_is_none() -> None:
    assert decoded(lines_of((FILLER * 44, FILLER * 44))) is None


# What isn't a recogniser's output


@pytest.mark.parametrize("count", [0, 1, 4])
def test_other_numbers_of_lines(count: int) -> None:
    assert decode([Line(p) for p in lines_of([TD3[0]] * count)]) is None


@pytest.mark.parametrize(
    "shape", [(0, CLASSES), (10,), (10, 37), (MOST_STEPS + 1, CLASSES), (1, 10, CLASSES)]
)
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a line of shape"):
        Line(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf, -1.0, 1e30])
@pytest.mark.parametrize("steps", [1, 30, 92, MOST_STEPS])
def test_impossible_probabilities_are_no_zone(value: float, steps: int) -> None:
    p = np.full((steps, CLASSES), value, np.float32)
    if value == 1.0 or value > 1e10:  # everything is seen everywhere: that it is a zone can't be refuted
        decoded([p, p])
    else:
        assert decoded([p, p]) is None
        assert decoded([p, p, p]) is None


def test_decoding_is_quick() -> None:
    """About 5 ms for a line on one core of 2020; the bound leaves room for busy machines."""
    lines = [Line(p) for p in lines_of(TD3)]
    decode(lines)
    began = time.process_time()
    for _ in range(10):
        decode(lines)
    assert (time.process_time() - began) / 10 < 0.25


def test_the_mean_of_several_looks_counts() -> None:
    """What one look takes for another letter, in a name without a check digit, a surer one puts right."""
    first, second = lines_of(TD3), lines_of(TD3, seed=1)
    step = steps_of(first[0])[7]
    first[0][step] = 0.0
    first[0][step, 1 + ALPHABET.index("Z")] = 0.9
    first[0][step, 1 + ALPHABET.index(TD3[0][7])] = 0.1
    alone = decode([Line(p) for p in first])
    both = decode([Line(p) for p in first], [Line(p) for p in second])
    assert alone is not None
    assert both is not None
    assert alone.lines == (TD3[0][:7] + "Z" + TD3[0][8:], TD3[1])
    assert both.lines == TD3


def test_looks_of_different_numbers_of_lines_are_no_zone() -> None:
    assert decode([Line(p) for p in lines_of(TD3)], [Line(p) for p in lines_of([*TD3, TD3[1]])]) is None


def test_a_digit_for_a_letter_in_a_code_of_a_state() -> None:
    """UT0 is no state and UTO is one, though a recogniser sees a nought and hardly anything else."""
    zone = decode([Line(p) for p in lines_of((TD3[0], TD3[1].replace("UTO", "UT0")))])
    assert zone is not None
    assert zone.lines == TD3
