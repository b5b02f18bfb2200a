"""Working points of the checks, set by a rule from answers of the development half.

Each measure is aimed at some attacks. Its tightest working point is the value that all but a small share of
bona fide answers reach; its loosest one is as far from them as it can be while it stops nearly as many of
these attacks. The working point lies in the middle: people who aren't simulated differ more than those who
are. A measure that stops hardly any of them keeps what it had, a limit from what heads and screens can do. A
score's ends are the medians of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from pad.judging import Judged
from pad.species import SPECIES
from pad.surface import Floats
from visavis.liveness.check import working_points as present

BONA_FIDE = "bona fide"
LOST = 0.01  # of bona fide answers by each measure, at its tightest
LET_GO = 0.02  # of the attacks, by the loosest and not by the tightest
USEFUL = 0.1  # of the attacks, that a measure has to stop at least
PASSIVE_BPCER = 0.03
FEWEST = 40  # bona fide answers: with fewer the rule would follow a single one
FEWEST_AIMED = 20

AIMED: dict[str, tuple[str, ...]] = {
    "timing": ("frames frozen", "frames doubled", "frames looped"),
    "turning": ("replay injected", "replay on a screen"),
    "relief": ("flat print", "bent print", "print with eye holes", "screen, still", "face pasted"),
    "closer": ("replay injected", "replay on a screen"),
    "reflection": ("screen, still", "screen, film on cue", "replay on a screen"),
}
"""What each check is there for."""


def needed() -> list[str]:
    """The species whose answers set working points."""
    aimed = {name for each in AIMED.values() for name in each}
    return [name for name in SPECIES if name == BONA_FIDE or name in aimed]


def working_points(found: Sequence[Judged]) -> dict[str, Any]:
    """What goes into working_points.json.

    Measures with too few answers keep what they have.

    Raises:
        SystemExit: There are too few bona fide answers.
    """
    bona_fide = [each for each in found if each.species == BONA_FIDE and each.values]
    if len(bona_fide) < FEWEST:
        raise SystemExit(f"{len(bona_fide)} bona fide answers were assessed: it takes {FEWEST}")
    kept = present()
    points, how = {}, {}
    for name, point in kept.items():
        own = _values(bona_fide, name)
        attacks = _values([each for each in found if each.species in AIMED.get(name.split(".")[0], ())], name)
        sign = 1.0 if point.best > point.worst else -1.0
        chosen = None
        if len(own) < FEWEST or len(attacks) < FEWEST_AIMED:
            how[name] = "kept: too few answers"
        elif (chosen := _between(sign * own, sign * attacks)) is None:
            how[name] = "kept: it stops hardly any of these attacks"
        else:
            how[name] = "set"
        before = (sign * point.worst, sign * point.at, sign * point.best)
        worst, at, best = (round(sign * each, 4) for each in chosen or before)
        points[name] = {"worst": worst, "at": at, "best": best}
    passive = np.array([each.passive for each in bona_fide if each.passive is not None])
    return {
        "version": 1,
        "provenance": {
            "method": "benchmarks/pad/points.py, on simulated answers of development people",
            "made_by": "benchmarks/pad/run.py FOLDER --write",
            "answers": dict(sorted(Counter(each.species for each in found).items())),
            "points": how,
            "passive_bpcer": PASSIVE_BPCER,
        },
        "passive": {"threshold": round(float(np.quantile(passive, PASSIVE_BPCER, method="lower")), 4)},
        "active": points,
    }


def _values(answers: Sequence[Judged], name: str) -> Floats:
    found: Floats = np.array([each.values[name] for each in answers if name in each.values])
    return found[np.isfinite(found)]


def _between(bona_fide: Floats, attacks: Floats) -> tuple[float, float, float] | None:
    """Worst, working point and best of a measure of which more is better; None where it is of no use."""
    tightest = float(np.quantile(bona_fide, LOST, method="lower"))
    stopped = np.sort(attacks[attacks < tightest])[::-1]
    if len(stopped) < USEFUL * len(attacks):
        return None
    loosest = float(stopped[int(LET_GO * len(attacks))])
    at = (tightest + loosest) / 2
    best, worst = float(np.median(bona_fide)), float(np.median(attacks))
    # Where attacks are no worse in this measure the scale takes its lower half from the upper one.
    worst = worst if worst < at else at - max(best - at, 1e-3)
    best = best if best > at else at + max(at - worst, 1e-3)
    return worst, at, best
