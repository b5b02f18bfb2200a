"""How names are spelt in the machine-readable zone: where words end, and which letters follow each other.

No check digit covers a name, and a blurred filler looks like a letter, most often C: a reader that learned
from other texts, where fillers hardly ever occur, prefers the letter. Two things tell them apart. It sees
the filler too, though less of it, and where a letter is printed it doesn't; this counts where it helps more
than once, for blur spares no filler. And letters that blur makes are spelt like no name.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from visavis.documents.mrz.layout import ALPHABET, FILLER, LETTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Costs, in nats
RARE = 4.5  # the most that a reader holds against blurred fillers for having learned from few
BLUR = 2.0  # what it costs to call them blurred
LIKE_FILLERS = "CK"  # what they are taken for
RARE_IN_CODE = 3.5  # the same for one that ends a document code, which letters seldom do
SPELT = 0.3  # times what a letter costs behind another: many names are unlike others
LETTER_IN_TAIL = 5.0  # a letter behind the fillers that end a name
NO_PARTS = 2.5  # a name without the two fillers between its parts
NO_GIVEN = 1.0  # a name with nothing behind them
FILLER_FIRST = 5.0  # a name that begins with a filler

FOLLOWS = (
    "444345444543325562334456451",  # A
    "246416642564652672563667563",  # B
    "264626512634652654544667562",  # C
    "266426542564552663453557452",  # D
    "444445454542324562335455442",  # E
    "266623652663552662443666663",  # F
    "255526432653532663452657463",  # G
    "165526662654442673543657562",  # H
    "243435454433324553334456542",  # I
    "165526653645552676462667663",  # J
    "166626632544552673353646462",  # K
    "255425552553453665443466462",  # L
    "144526652655452465453657563",  # M
    "254326352545633665334657452",  # N
    "444435444542324462343256442",  # O
    "165626632654652373453667663",  # P
    "266636663665564676551467663",  # Q
    "244326452544442564433566452",  # R
    "254626633634453565324567541",  # S
    "265626622555552673433567452",  # T
    "343325443532325452235545542",  # U
    "165526662654653674365677562",  # V
    "166626652655543675552667563",  # W
    "166636652664653675544656661",  # X
    "255426553643433574344466461",  # Y
    "155426542554453655443557542",  # Z
    "233334334333233363335446549",  # at the beginning
)
"""What it costs, in whole nats, that a letter is followed by A, B, ... Z and by the end of the word.

Minus the logarithm of how often it is, in the names that the project Faker (MIT licence) has for 63 languages
and countries, each with the same weight, as a zone writes them; `benchmarks/spelling.py` counts them.
"""

_FILLER = ALPHABET.index(FILLER)

# What may be reached in a name (Doc 9303-3, 4.6): a letter of either part, then fillers of each sort.
_PRIMARY = slice(0, 26)
_SECONDARY = slice(26, 52)
_START, _GAP, _PARTED, _GIVEN_GAP, _TAIL, _TAIL_ALONE = range(52, 58)
_STATES = 58
_SHOWN = np.array([*range(26), *range(26), *([_FILLER] * 6)])
"""The character that stands where each of them is, as a number in `ALPHABET`."""


def likeliest_name(costs: Floats) -> tuple[list[int], float]:
    """The characters of a name field, as numbers in `ALPHABET`, and what they cost beyond what is seen.

    Which letters follow each other counts in the choice and not in that cost: rare names are names.

    Args:
        costs: Positions x 37, the cheapest character of each at 0. Where the fillers are called blurred
            these are made cheaper here too, and what was seen instead of them is as doubtful as they are.
    """
    chosen, total, cost = _likeliest(costs)
    blurred = costs.copy()
    blurred[:, _FILLER] = _favoured(costs, LIKE_FILLERS, RARE)
    if (costs[:, _FILLER] - blurred[:, _FILLER]).sum() > BLUR:  # less can't be won
        again = _likeliest(blurred)
        if again[1] + BLUR < total:
            costs[:] = blurred
            chosen, cost = again[0], again[2] + BLUR
    return chosen, cost


def end_of_code(costs: Floats) -> int:
    """The second character of a document code, as a number in `ALPHABET`.

    Args:
        costs: 37, the cheapest character at 0; a filler is made cheaper.
    """
    costs[_FILLER] = _favoured(costs[None], LETTERS, RARE_IN_CODE)[0]
    return _FILLER if costs[_FILLER] <= costs.min() else int(costs.argmin())


def _favoured(costs: Floats, letters: str, rare: float) -> Floats:
    """What fillers cost where they may have been taken for some letters: never less than these."""
    seen = costs[:, [ALPHABET.index(letter) for letter in letters]].min(axis=1)
    filler = costs[:, _FILLER]
    favoured: Floats = np.minimum(filler, np.maximum(filler - rare, seen))
    return favoured


def _likeliest(costs: Floats) -> tuple[list[int], float, float]:
    """The characters of a name field, and what they cost with their spelling and without."""
    steps, spelling, ends = _steps()
    weighed = steps + spelling
    best = np.full(_STATES, np.inf)
    best[_START] = 0.0
    came_from = []
    for row in costs:
        ways = best[:, None] + weighed
        came_from.append(ways.argmin(axis=0))
        best = ways[came_from[-1], np.arange(_STATES)] + row[_SHOWN]
    best += ends
    state = int(best.argmin())
    total, cost = float(best[state]), float(ends[state])
    chosen = []
    for row, before in zip(costs[::-1], reversed(came_from), strict=True):
        chosen.append(int(_SHOWN[state]))
        cost += float(row[_SHOWN[state]] + steps[before[state], state])
        state = int(before[state])
    return chosen[::-1], total, cost


@cache
def _steps() -> tuple[Floats, Floats, Floats]:
    """What the form of names costs from each state to each, what their spelling does, and the end."""
    follows = SPELT * np.array([[float(digit) for digit in row] for row in FOLLOWS])
    between, end, first = follows[:26, :26], follows[:26, 26], follows[26, :26]
    steps = np.full((_STATES, _STATES), np.inf)
    spelling = np.zeros((_STATES, _STATES))
    for part, gap in ((_PRIMARY, _GAP), (_SECONDARY, _GIVEN_GAP)):
        steps[part, part] = steps[part, gap] = 0.0
        spelling[part, part], spelling[part, gap] = between, end
    begins = ((_START, _PRIMARY), (_GAP, _PRIMARY), (_PARTED, _SECONDARY), (_GIVEN_GAP, _SECONDARY))
    tails = ((_TAIL, _SECONDARY), (_TAIL_ALONE, _SECONDARY))
    for state, part in (*begins, *tails):
        steps[state, part] = 0.0 if state < _TAIL else LETTER_IN_TAIL
        spelling[state, part] = first
    fillers = (_GAP, _PARTED), (_PARTED, _TAIL_ALONE), (_GIVEN_GAP, _TAIL)
    for before, behind in (*fillers, (_TAIL, _TAIL), (_TAIL_ALONE, _TAIL_ALONE)):
        steps[before, behind] = 0.0
    steps[_START, _START] = FILLER_FIRST
    ends = np.zeros(_STATES)
    ends[_PRIMARY] = ends[_GAP] = ends[_START] = NO_PARTS
    ends[_PARTED] = ends[_TAIL_ALONE] = NO_GIVEN
    return steps, spelling, ends
