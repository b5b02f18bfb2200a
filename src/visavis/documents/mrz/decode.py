"""From what a text recogniser saw to a machine-readable zone.

A recogniser trained by connectionist temporal classification (Graves and others, 2006) gives for each step
along a line the probability of a blank and of each character. Here the line's length is known, each position
has its own alphabet, and the type has a fixed pitch. So the text isn't read first and mended later: of all
texts that a form allows, the likeliest is taken. What one costs is counted in nats: minus the logarithm of
its probability.

Four things speak one after the other. Alignment gives each character of each position its cost; the shape and
the spelling of names and the known codes of states weigh characters against each other; check digits may
change a few that cost little; and what costs too much for a character is no zone.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from visavis.documents.mrz.checkdigits import VALUES, WEIGHTS, checks_of, is_right
from visavis.documents.mrz.countries import CODES
from visavis.documents.mrz.layout import ALPHABET, DIGITS, FILLER, FORMS, KINDS, LETTERS, Form, kinds
from visavis.documents.mrz.mrz import Mrz, Repair, read_as
from visavis.documents.mrz.spelling import end_of_code, likeliest_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from visavis.documents.mrz.layout import Cell, Kind

    Floats = NDArray[np.float64]

BLANK = 0
CLASSES = 1 + len(ALPHABET)
"""The blank, and after it the characters of `ALPHABET`."""

# Costs, in nats
UNSEEN = 7.0  # the most that a step costs: a recogniser's certainty isn't worth more
STRAY = 2.0  # the most that a step before or behind the line costs, which may show anything
DROPPED = 4.5  # a filler where the recogniser saw a blank: it drops and merges them in long runs
MERGED = 1.5  # the same where the last character that it saw was a filler
UNUSUAL = 2.5  # a character that shouldn't stand there and is seen on real documents
PITCH = 2.0  # times the squared logarithm of how far a character's width is off
PLACE = 0.4  # times the square of how many characters' widths one is off its place, at most 1
SPREAD = 3.2  # widths of a character that are considered, in units of the usual one

LOOKS = {
    1.5: ("0O", "1I"),
    3.0: ("8B", "5S", "2Z", "6G", "0D", "0Q"),
    4.0: ("O0", "I1"),
    4.5: (
        *("B8", "S5", "Z2", "G6", "QO", "OQ", "DO", "OD"),
        *("1L", "L1", "7T", "T7", "4A", "A4"),
    ),
    5.0: ("D0", "Q0"),
}
"""What the first of two costs where the second was seen: recognisers take one for the other and are sure."""

LATE_LETTER = 0.15  # a letter in a document number, times its position: digits stand behind letters
UNKNOWN_STATE = 3.0  # a code that the standard doesn't know,
DIGIT_IN_STATE = 3.0  # and what a digit in it costs beyond

MOST_REPAIRS = 3
REPAIR_COST = 5.0
"""What changes for the sake of check digits may cost together."""
DOUBT = 3.0  # what a change to a character that isn't like the one seen may cost at most
CANDIDATES = 40  # characters that they choose from

REACH = 40.0  # what is left out of sight where the cost of a character at a position is asked for
NEAR = 0.4  # mean cost of a character by which a form may lie behind the likeliest one and is still looked at
LEGIBLE = 1.2, 0.6
"""Mean cost of a character up to which lines are text at all, whatever it says; the second bound is for a
zone with a wrong check digit."""
MISFIT = 30.0, 20.0
"""What all characters together may cost beyond that for being a zone, likewise. Specimens cost up to 11;
prose, tables of numbers and rows of keys 50 and more."""
MOST_STEPS = 500  # of a line

CAUGHT = 10.0
"""Of so many wrong readings a check digit lets one pass: it has ten values."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What a recogniser saw on a line of text.

    Attributes:
        probabilities: Steps x 38, 0 to 1, from left to right: the blank, then the characters of `ALPHABET`.

    Raises:
        ValueError: It has another shape.
    """

    probabilities: NDArray[np.float32]

    def __post_init__(self) -> None:
        shape = self.probabilities.shape
        if len(shape) != 2 or shape[1] != CLASSES or not 1 <= shape[0] <= MOST_STEPS:
            raise ValueError(f"a line of shape {shape} instead of 1 to {MOST_STEPS} x {CLASSES}")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A zone read in one form.

    Attributes:
        form: The form.
        costs: For each line length x 37: what each character of `ALPHABET` costs at each position, beside the
            cheapest one; infinite where it may not stand.
        chosen: For each line the characters taken, as numbers in `ALPHABET`.
        legible: What the likeliest text of any characters costs, for each of them.
        misfit: What this reading costs beyond that, for all of them.
        repairs: What was changed for the sake of names.
    """

    form: Form
    costs: tuple[Floats, ...]
    chosen: tuple[list[int], ...]
    legible: float
    misfit: float
    repairs: tuple[Repair, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """As text."""
        return tuple("".join(ALPHABET[number] for number in line) for line in self.chosen)

    @property
    def cost(self) -> float:
        """Of this reading, for each character."""
        return self.legible + self.misfit / (self.form.count * self.form.length)

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing: lines of fillers have right check digits."""
        needed = [span for span in self.form.spans if span.name in ("names", "surname", "document_number")]
        texts = [span.of(self.lines) for span in needed]
        return not all(text.strip(FILLER) for text in texts) or any(
            text.startswith(FILLER) for text, span in zip(texts, needed, strict=True) if span.kind == "name"
        )


def decode(first: Sequence[Line], *further: Sequence[Line], today: date | None = None) -> Mrz | None:
    """The zone that two or three lines are.

    Args:
        first: What a look at the lines saw, from the first line to the last.
        further: What further looks saw; the mean cost of all counts.
        today: The date by which centuries are told.

    Returns:
        None where they are no zone.
    """
    looks = (first, *further)
    forms = [form for form in FORMS if all(form.count == len(lines) for lines in looks)]
    if not forms:
        return None
    seen = _Seen(looks)
    rough = [seen.cost(form) for form in forms]
    near = [form for form, cost in zip(forms, rough, strict=True) if cost < min(*rough, sum(LEGIBLE)) + NEAR]
    readings = [_read(form, seen) for form in near]
    best = min(readings, key=lambda reading: reading.cost, default=None)
    if best is None or best.is_empty or best.legible > LEGIBLE[0] or best.misfit > MISFIT[0]:
        return None
    changes = _changes(best)
    if changes is None and (best.legible > LEGIBLE[1] or best.misfit > MISFIT[1]):
        return None
    read = best.lines
    for (line, column), number in (changes or {}).items():
        best.chosen[line][column] = number
    proved = [check for check in checks_of(best.form, best.lines) if is_right(check, best.lines)]
    cells = {cell for check in proved for cell in (*check.cells, check.digit)}
    confidences = [
        _posterior(costs, chosen, {column for row, column in cells if row == line})
        for line, (costs, chosen) in enumerate(zip(best.costs, best.chosen, strict=True))
    ]
    return read_as(
        best.form,
        best.lines,
        confidences,
        today=today,
        repairs=(*best.repairs, *_repairs(best, read, "check digit")),
    )


class _Seen:
    """All lines in all looks, aligned with each length once."""

    def __init__(self, looks: Sequence[Sequence[Line]]) -> None:
        self._looks = [[_clean(line.probabilities) for line in lines] for lines in looks]
        self._aligned: dict[int, list[list[_Aligned]]] = {}

    def cost(self, form: Form) -> float:
        """What the likeliest text of a form costs for each character, before its first letters count."""
        return self._total(form, kinds(form)) / (form.count * form.length)

    def free(self, form: Form) -> float:
        """What the likeliest text of as many lines and characters costs, whatever they are."""
        anything: tuple[Kind, ...] = ("number",)
        return self._total(form, (anything * form.length,) * form.count)

    def costs(self, form: Form) -> list[Floats]:
        """For each line length x 37: what the likeliest text costs that has a character at a position."""
        pairs = zip(self._of(form), kinds(form), strict=True)
        return [np.mean([look.costs(row) for look in line], axis=0) for line, row in pairs]

    def _total(self, form: Form, rows: tuple[tuple[Kind, ...], ...]) -> float:
        pairs = zip(self._of(form), rows, strict=True)
        return sum(look.cost(row) for line, row in pairs for look in line) / len(self._looks)

    def _of(self, form: Form) -> list[list[_Aligned]]:
        """Each line in each look."""
        if form.length not in self._aligned:
            aligned = []
            for lines in self._looks:
                ends = _ends(lines)
                aligned.append([_Aligned(line, form.length, ends) for line in lines])
            self._aligned[form.length] = [list(looks) for looks in zip(*aligned, strict=True)]
        return self._aligned[form.length]


def _clean(probabilities: NDArray[np.float32]) -> Floats:
    return np.nan_to_num(probabilities.astype(np.float64), nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)


def _ends(lines: Sequence[Floats]) -> tuple[int, int]:
    """The first and the last step with a character, of all lines: fillers at the end of one may go unseen."""
    inked = np.concatenate([np.flatnonzero(line[:, BLANK] < 0.5) for line in lines])
    return (int(inked.min()), int(inked.max())) if len(inked) else (0, len(lines[0]))


# Alignment


class _Aligned:
    """A line aligned with texts of one length.

    A character begins on some step, goes on for one or more, and is followed by blanks up to the next one.
    All these steps are its width, and the widths shouldn't differ much. Two equal characters need no blank
    between them, other than by Graves' rule: recognisers run long fillers together.
    """

    def __init__(self, p: Floats, length: int, ends: tuple[int, int]) -> None:
        with np.errstate(divide="ignore"):
            blanks = np.log(p[:, BLANK])
            characters = np.log((p[:, None, BLANK + 1 :] * _looks()).max(axis=2)).T
        filler = characters[ALPHABET.index(FILLER)]
        np.maximum(filler, blanks - np.where(_in_run(p), MERGED, DROPPED), out=filler)
        outside = np.concatenate([[0.0], np.maximum(blanks, -STRAY).cumsum()])
        self._before = outside
        self._behind = outside[-1] - outside
        self.steps = len(p)
        first, last = ends
        pitch = max(1.0, (last - first) / (length - 1))
        off = (np.arange(self.steps + 1) - first - pitch * np.arange(length)[:, None]) / pitch
        self._places = PLACE * np.minimum(off**2, 1.0)
        self.widest = int(np.ceil(SPREAD * pitch))
        penalty = PITCH * np.log(np.arange(1, self.widest + 1) / pitch) ** 2
        self._segments = _segments(np.maximum(characters, -UNSEEN), np.maximum(blanks, -UNSEEN), self.widest)
        self._segments -= penalty
        self._kinds: dict[Kind, tuple[Floats, Floats]] = {}
        self._forwards: dict[tuple[Kind, ...], Floats] = {}

    def cost(self, row: tuple[Kind, ...]) -> float:
        """What the likeliest text costs that has these kinds of characters."""
        return -float((self._forward(row)[-1] + self._behind).max())

    def costs(self, row: tuple[Kind, ...]) -> Floats:
        """Length x 37: what the likeliest text costs that has a character at a position."""
        forward, ends = self._forward(row), _windows(self._backward(row), self.widest)
        segments = self._segments.reshape(len(ALPHABET), -1)
        costs = np.empty((len(row), len(ALPHABET)))
        for i, kind in enumerate(row):
            around = (forward[i, :-1, None] + ends[i + 1, 1 : self.steps + 1]).ravel()
            near = np.flatnonzero(around > around.max() - REACH)
            costs[i] = _allowed(kind) - (segments[:, near] + around[near]).max(axis=1)
        return costs

    def _forward(self, row: tuple[Kind, ...]) -> Floats:
        """Length + 1 x steps + 1: log-probability of the first characters up to a step."""
        if row not in self._forwards:
            table = np.full((len(row) + 1, self.widest + self.steps + 1), -np.inf)
            table[0, self.widest :] = self._before
            starts = _windows(table, self.widest)[:, : self.steps + 1]
            for i, kind in enumerate(row):
                table[i, self.widest :] -= self._places[i]
                (starts[i] + self._of(kind)[1]).max(axis=1, out=table[i + 1, self.widest :])
            self._forwards[row] = table[:, self.widest :]
        return self._forwards[row]

    def _backward(self, row: tuple[Kind, ...]) -> Floats:
        """Length + 1 x steps + 1 + widest: log-probability of the last characters from a step on."""
        table = np.full((len(row) + 1, self.steps + 1 + self.widest), -np.inf)
        table[-1, : self.steps + 1] = self._behind
        ends = _windows(table, self.widest)[:, 1 : self.steps + 1]
        for i, kind in reversed(list(enumerate(row))):
            (ends[i + 1] + self._of(kind)[0]).max(axis=1, out=table[i, : self.steps])
            table[i, : self.steps] -= self._places[i, :-1]
        return table

    def _of(self, kind: Kind) -> tuple[Floats, Floats]:
        """Log-probability of the likeliest character of a kind: by its first step, and by the step behind it.

        The first is steps x widest, by its width less 1; the second steps + 1 x widest, from the widest on.
        """
        if kind not in self._kinds:
            by_start = (self._segments - _allowed(kind)[:, None, None]).max(axis=0)
            by_end = np.full((self.steps + 1, self.widest), -np.inf)
            for width in range(1, min(self.widest, self.steps) + 1):
                by_end[width:, self.widest - width] = by_start[: self.steps + 1 - width, width - 1]
            self._kinds[kind] = by_start, by_end
        return self._kinds[kind]


def _in_run(p: Floats) -> NDArray[np.bool_]:
    """Of each step whether the last character that was seen up to it is a filler."""
    seen = p.argmax(axis=1)
    steps = np.where(seen != BLANK, np.arange(len(p)), 0)
    last: NDArray[np.bool_] = seen[np.maximum.accumulate(steps)] == BLANK + 1 + ALPHABET.index(FILLER)
    return last


def _segments(characters: Floats, blanks: Floats, widest: int) -> Floats:
    """Log-probability that steps hold a character and then blanks: the best number of steps for each.

    Args:
        characters: 37 x steps.
        blanks: Steps.
        widest: Steps of the widest one.

    Returns:
        37 x steps x widest: by character, first step, and number of steps less 1.
    """
    steps = len(blanks)
    # By sums from the beginning: k steps of a character and blanks up to d are one difference each.
    blank = np.concatenate([[0.0], blanks.cumsum()])
    ahead = np.zeros((len(characters), steps + 1 + widest))
    np.cumsum(characters, axis=1, out=ahead[:, 1 : steps + 1])
    character = ahead[:, :steps].copy()
    ahead[:, : steps + 1] -= blank
    ends = np.concatenate([blank[1:], np.full(widest, -np.inf)])
    best = np.maximum.accumulate(_windows(ahead[:, 1:], widest)[:, :steps], axis=2)
    best += _windows(ends, widest)[:steps]
    best -= character[:, :, None]
    return best


def _windows(values: Floats, width: int) -> Floats:
    """All runs of so many values along the last axis: a view, which shows what the values become later."""
    return np.lib.stride_tricks.sliding_window_view(values, width, axis=-1)


@cache
def _looks() -> Floats:
    """37 x 37: how probable the second character is to be seen where the first is printed."""
    table = np.eye(len(ALPHABET))
    for cost, pairs in LOOKS.items():
        for pair in pairs:
            table[ALPHABET.index(pair[0]), ALPHABET.index(pair[1])] = np.exp(-cost)
    return table


@cache
def _allowed(kind: Kind) -> Floats:
    """37: what a character of `ALPHABET` costs for standing where it does; infinite where it can't."""
    usual, seen = KINDS[kind]
    return np.array([0.0 if c in usual else UNUSUAL if c in seen else np.inf for c in ALPHABET])


# Forms and names


def _read(form: Form, seen: _Seen) -> Reading:
    costs = seen.costs(form)
    total = sum(float(table.min()) for table in costs)
    number = next(span for span in form.spans if span.name == "document_number")
    late = LATE_LETTER * np.arange(number.length)[:, None]
    costs[number.line][number.start : number.end, : len(LETTERS)] += late
    costs = [table - table.min(axis=1, keepdims=True) for table in costs]
    chosen = [[int(number) for number in table.argmin(axis=1)] for table in costs]
    lead, extra = _lead(form, costs[0])
    chosen[0][: len(lead)] = [ALPHABET.index(character) for character in lead]
    reading = Reading(form, tuple(costs), tuple(chosen), 0.0, 0.0, ())
    read = reading.lines
    if len(lead) == 1:
        chosen[0][1] = end_of_code(costs[0][1])
    for span in form.spans:
        row = costs[span.line][span.start : span.end]
        if span.name == "names":
            taken, added = likeliest_name(row)
        elif span.kind == "state":
            taken, added = _state(row)
        else:
            continue
        chosen[span.line][span.start : span.end] = taken
        extra += added
    repairs = _repairs(reading, read, "field")
    free = seen.free(form)
    return replace(
        reading, legible=free / (form.count * form.length), misfit=total + extra - free, repairs=repairs
    )


def _lead(form: Form, costs: Floats) -> tuple[str, float]:
    """What the first line begins with, and what that costs."""
    options = [(lead, 0.0) for lead in form.leads] + [(letter, UNUSUAL) for letter in form.may_lead]
    priced = [
        (lead, extra + sum(float(costs[i, ALPHABET.index(c)]) for i, c in enumerate(lead)))
        for lead, extra in options
    ]
    return min(priced, key=lambda option: option[1])


@cache
def _states() -> NDArray[np.intp]:
    """Codes x 3: the codes that the standard knows, as numbers in `ALPHABET`."""
    return np.array([[ALPHABET.index(c) for c in code.ljust(3, FILLER)] for code in sorted(CODES)])


def _state(costs: Floats) -> tuple[list[int], float]:
    """The characters of a code, and what they cost beyond what is seen.

    Where they are one that the standard knows, other characters get dearer: `costs` is changed.

    Args:
        costs: 3 x 37.
    """
    known = costs[np.arange(3), _states()].sum(axis=1)
    best = int(known.argmin())
    seen = [int(number) for number in costs.argmin(axis=1)]
    if known[best] > UNKNOWN_STATE + DIGIT_IN_STATE * any(ALPHABET[number] in DIGITS for number in seen):
        return seen, UNKNOWN_STATE
    code = _states()[best]
    kept = costs[np.arange(3), code]
    costs += UNKNOWN_STATE
    costs[np.arange(3), code] = kept
    return [int(number) for number in code], float(known[best])


# Check digits


def _changes(reading: Reading) -> dict[Cell, int] | None:
    """What to change for every check digit to be right, as characters by line and column.

    At most `MOST_REPAIRS` characters, the cheapest ones that do, and for no more than `REPAIR_COST` together.

    Returns:
        Nothing where they are right; None where that costs too much.
    """
    form, lines = reading.form, reading.lines
    checks = checks_of(form, lines)
    if all(is_right(check, lines) for check in checks):
        return {}
    weights: dict[Cell, Floats] = {}
    for number, check in enumerate(checks):
        for i, cell in enumerate(check.cells):
            weights.setdefault(cell, np.zeros(len(checks)))[number] += WEIGHTS[i % 3]
        weights.setdefault(check.digit, np.zeros(len(checks)))[number] -= 1
    options: list[tuple[float, Cell, int]] = []
    wrong = np.zeros(len(checks))
    for (line, column), weight in weights.items():
        taken = reading.chosen[line][column]
        wrong += weight * VALUES[ALPHABET[taken]]
        costs = reading.costs[line][column] - reading.costs[line][column, taken]
        options += [
            (float(cost), (line, column), number)
            for number, cost in enumerate(costs)
            if number != taken and cost <= (REPAIR_COST if _alike(number, taken) else DOUBT)
        ]
    options = sorted(options)[:CANDIDATES]
    shifts = np.array(
        [
            weights[cell] * (VALUES[ALPHABET[number]] - VALUES[ALPHABET[reading.chosen[cell[0]][cell[1]]]])
            for _, cell, number in options
        ]
    )
    for _, members in _sums_to_zero(wrong, shifts, np.array([cost for cost, *_ in options])):
        changes = {options[member][1]: options[member][2] for member in members}
        if len(changes) == len(members) and _satisfies(reading, changes):
            return changes
    return None


def _alike(printed: int, seen: int) -> bool:
    """Whether the second character may be seen without any doubt where the first is printed."""
    return bool(_looks()[printed, seen])


def _sums_to_zero(wrong: Floats, shifts: Floats, costs: Floats) -> list[tuple[float, tuple[int, ...]]]:
    """Sets of candidates that make all check digits right modulo 10, the cheapest first."""
    found: list[tuple[float, tuple[int, ...]]] = []
    for size in range(1, min(MOST_REPAIRS, len(costs)) + 1):
        sets = _sets(len(costs), size)
        sets = sets[costs[sets].sum(axis=1) <= REPAIR_COST]
        right = ((wrong + shifts[sets].sum(axis=1)) % 10 == 0).all(axis=1)
        found += [(float(costs[members].sum()), tuple(members.tolist())) for members in sets[right]]
    return sorted(found)


@cache
def _sets(count: int, size: int) -> NDArray[np.intp]:
    return np.array(list(itertools.combinations(range(count), size)), dtype=np.intp)


def _satisfies(reading: Reading, changes: dict[Cell, int]) -> bool:
    lines = [list(line) for line in reading.lines]
    for (line, column), number in changes.items():
        lines[line][column] = ALPHABET[number]
    changed = tuple("".join(line) for line in lines)
    return all(is_right(check, changed) for check in checks_of(reading.form, changed))


# What comes out


def _posterior(costs: Floats, chosen: list[int], proved: set[int]) -> list[float]:
    """For each position how probable its character is, among all that may stand there.

    Args:
        costs: Positions x 37.
        chosen: The characters.
        proved: Columns that a right check digit covers: what it would notice is `CAUGHT` times less probable.
    """
    odds = np.exp(-costs)
    values = np.array([VALUES[character] for character in ALPHABET])
    for column in proved:
        odds[column, (values - values[chosen[column]]) % 10 != 0] /= CAUGHT
    return [float(row[number] / row.sum()) for row, number in zip(odds, chosen, strict=True)]


def _repairs(reading: Reading, before: tuple[str, ...], why: str) -> tuple[Repair, ...]:
    return tuple(
        Repair(line, column, seen, taken, why)
        for line, (old, new) in enumerate(zip(before, reading.lines, strict=True))
        for column, (seen, taken) in enumerate(zip(old, new, strict=True))
        if seen != taken
    )
