"""Evaluations of invented numbers: a rich one, a minimal one, one whose names are hostile."""

from __future__ import annotations

import dataclasses
import itertools
import math
from statistics import NormalDist

from visavis.evaluation.result import (
    Counts,
    CrossRate,
    Differential,
    Dropped,
    EqualErrorRate,
    Evaluation,
    Grouping,
    GroupRates,
    GroupsAt,
    OperatingPoint,
    Point,
    Robustness,
    RobustnessTable,
    ScoreHistogram,
    TenFold,
    WorstGroup,
)

PEOPLE, GENUINE, IMPOSTORS = 1_680, 12_400, 3_050_000

LOST = 92 / GENUINE
"""Share of the comparisons of one person that failures to acquire took."""

# Scores of one person and of two people as if they were normal, so that all rates have a closed form.
ONE, TWO = NormalDist(0.62, 0.10), NormalDist(0.06, 0.085)

TARGETS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
LABELS = ("north", "south", "east", "west", "(other)")
TIMES = (0.6, 1.1, 2.9, 7.4, 1.4)
"""How many times the overall FMR each of `LABELS` has."""

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    r"$\frac{1}{0$",
    "gpj.\u202etrap\n\x00\x1b[31m",
    "\udcff",
    "面部" * 40,
    "@0@",
    "=1+1",
)


def point(fmr: float, *, supported: bool = True) -> Point:
    threshold = TWO.inv_cdf(1 - fmr)
    fnmr, per_person = ONE.cdf(threshold) + 0.002, 0.9 * ONE.cdf(threshold) + 0.002
    wide = 1 + 0.6 * (1e-5 / fmr) ** 0.25
    return Point(
        threshold=threshold,
        fmr=fmr,
        fmr_low=fmr / wide if supported else 0.0,
        fmr_high=fmr * wide if supported else 3.1e-6,
        fmr_per_person=1.2 * fmr,
        fmr_per_person_low=1.1 * fmr / wide if supported else 0.0,
        fmr_per_person_high=1.3 * fmr * wide if supported else 4.4e-6,
        supported=supported,
        fnmr=fnmr,
        fnmr_low=0.75 * fnmr,
        fnmr_high=1.3 * fnmr,
        fnmr_per_person=per_person,
        fnmr_per_person_low=0.7 * per_person,
        fnmr_per_person_high=1.35 * per_person,
        false_matches=round(fmr * IMPOSTORS),
        false_non_matches=round(fnmr * GENUINE),
    )


def group(name: str, people: int, at: Point, times: float) -> GroupRates:
    fmr = at.fmr_per_person * times
    impostors = people * people
    supported = fmr * impostors >= 10
    fnmr = at.fnmr_per_person * math.sqrt(times)
    return GroupRates(
        name=name,
        people=people,
        fmr=fmr if supported else None,
        fmr_low=fmr / 1.7 if supported else 0.0,
        fmr_high=fmr * 1.8 if supported else 3.7 / impostors,
        fmr_supported=supported,
        fmr_ratio=times if supported and at.supported else None,
        fnmr_per_person=fnmr,
        fnmr_per_person_low=fnmr * 0.6,
        fnmr_per_person_high=fnmr * 1.5,
        fnmr_ratio=math.sqrt(times),
        impostors=impostors,
        genuine=people * 7,
    )


def groups_at(operating: OperatingPoint, labels: tuple[str, ...] = LABELS) -> GroupsAt:
    at = operating.at
    rates = tuple(
        group(name, people, at, times)
        for name, people, times in zip(labels, (520, 410, 380, 300, 70), TIMES, strict=True)
    )
    cross = tuple(
        CrossRate(
            first=first.name,
            second=second.name,
            fmr=(0.1 + 0.1 * index) * at.fmr_per_person if operating.fmr_target >= 1e-4 else None,
            fmr_low=(0.06 + 0.06 * index) * at.fmr_per_person if operating.fmr_target >= 1e-4 else 0.0,
            fmr_high=(0.18 + 0.16 * index) * at.fmr_per_person,
            fmr_supported=operating.fmr_target >= 1e-4,
            impostors=4 * first.people * second.people,
        )
        for index, first in enumerate(rates)
        for second in rates[:index]
    )
    known = sum(each.fmr_supported for each in rates) > 1
    return GroupsAt(
        fmr_target=operating.fmr_target,
        threshold=at.threshold,
        rates=rates,
        cross=cross,
        differentials=(
            Differential("fmr", 5, labels[3], 12.333, 4.1, 0.47)
            if known
            else Differential("fmr", 0, None, None, None, None),
            Differential("fnmr", 5, labels[3], 3.51, 1.9, 0.25),
        ),
    )


def grouping(name: str, points: tuple[OperatingPoint, ...], labels: tuple[str, ...] = LABELS) -> Grouping:
    return Grouping(
        name=name,
        groups=labels[:-1],
        merged=("islands", "abroad"),
        unlabelled=12,
        at=tuple(groups_at(each, labels) for each in points),
        worst_group=tuple(
            WorstGroup(each.fmr_target, labels[3], True, point(each.fmr_target / 7.4))
            if each.fmr_target > 1e-4
            else WorstGroup(each.fmr_target, None, False, None)
            for each in points
        ),
    )


def scores() -> ScoreHistogram:
    edges = [round(-1 + step / 40, 3) for step in range(81)]
    pairs = list(itertools.pairwise(edges))

    def shares(spread: NormalDist, count: int) -> tuple[float, ...]:
        raw = [round(count * (spread.cdf(high) - spread.cdf(low))) for low, high in pairs]
        return tuple(number / sum(raw) for number in raw)

    lost, *genuine = shares(ONE, GENUINE)
    return ScoreHistogram(
        tuple(edges), (lost + LOST, *(share * (1 - LOST) for share in genuine)), shares(TWO, IMPOSTORS)
    )


def robustness() -> RobustnessTable:
    conditions = [
        ("as they are", "none", 0.012, 0),
        ("eyes 60 px apart", "size", 0.012, 0),
        ("eyes 20 px apart", "size", 0.055, 2),
        ("eyes 12 px apart", "size", 0.31, 41),
        ("blur of 2 px", "blur", 0.021, 0),
        ("blur of 4 px", "blur", 0.12, 3),
        ("JPEG quality 30", "compression", 0.015, 0),
        ("JPEG quality 10", "compression", 0.048, 1),
        ("tilted by 20°", "tilt", 0.014, 0),
        ("grey", "grey", 0.013, 0),
    ]
    rows = tuple(
        Robustness(condition, kind, fnmr, max(0.0, 0.75 * fnmr - 0.002), 1.25 * fnmr + 0.003, lost, 1_000)
        for condition, kind, fnmr, lost in conditions
    )
    return RobustnessTable(1e-4, point(1e-4).threshold, rows)


def rich() -> Evaluation:
    points = tuple(OperatingPoint(fmr, point(fmr, supported=fmr >= 1e-5)) for fmr in TARGETS)
    finest = 3.3e-6
    rates = [10 ** -(1 + step / 12) for step in range(66)]
    curve = tuple(point(fmr, supported=fmr >= finest) for fmr in rates)
    return Evaluation(
        version="0.2.0",
        pack="sface",
        fingerprint="0123456789abcdef",
        protocol="all-pairs",
        data="Counter photographs, 2025",
        counts=Counts(PEOPLE, 1_610, 4_900, 37, GENUINE, 92, IMPOSTORS, 63),
        rule="overall",
        fmr_interval="bootstrap over people",
        fnmr_interval="bootstrap over people",
        replicates=1_000,
        finest_fmr=finest,
        operating_points=points,
        eer=EqualErrorRate(0.0083, 0.0061, 0.0109, 0.0079, 0.0055, 0.0105, 0.271),
        det=curve,
        scores=scores(),
        ten_fold=TenFold(
            0.99383,
            0.00112,
            (0.995, 0.99, 0.9933, 0.9967, 0.9917, 0.995, 0.9883, 0.9983, 0.9917, 0.9983),
            (0.301, 0.301, 0.299, 0.304, 0.301, 0.301, 0.298, 0.301, 0.301, 0.302),
        ),
        groupings=(grouping("region", points),),
        robustness=robustness(),
        failures=tuple(f"person-{number:04}/{number % 3}.jpg" for number in range(37)),
        dropped=(
            Dropped("person-0007/notes.txt", "unreadable", "the format is none of those that are read"),
            Dropped("row 17", "contradiction", "the same two pictures are called one person and two people"),
            *(
                Dropped(
                    f"person-{number:04}/copy.jpg", "duplicate", f"the same bytes as person-{number:04}/1.jpg"
                )
                for number in range(61)
            ),
        ),
        seconds={"templates": 412.3, "comparisons": 3.14, "intervals": 21.0, "total": 436.5},
    )


def minimal() -> Evaluation:
    """Four pictures of four people: nothing genuine, nothing supported, no groups."""
    nothing = Point(
        threshold=0.31,
        fmr=0.0,
        fmr_low=0.0,
        fmr_high=0.46,
        fmr_per_person=0.0,
        fmr_per_person_low=0.0,
        fmr_per_person_high=0.52,
        supported=False,
        fnmr=0.0,
        fnmr_low=0.0,
        fnmr_high=1.0,
        fnmr_per_person=0.0,
        fnmr_per_person_low=0.0,
        fnmr_per_person_high=1.0,
        false_matches=0,
        false_non_matches=0,
    )
    return Evaluation(
        version="0.2.0",
        pack="sface",
        fingerprint="0123456789abcdef",
        protocol="pairs",
        data="four",
        counts=Counts(4, 0, 4, 0, 0, 0, 6, 0),
        rule="overall",
        fmr_interval="binomial",
        fnmr_interval="binomial",
        replicates=0,
        finest_fmr=None,
        operating_points=(OperatingPoint(1e-3, nothing), OperatingPoint(1e-4, nothing)),
        eer=None,
        det=(),
        scores=ScoreHistogram((-1.0, 0.0, 0.5, 1.0), (0.0, 0.0, 0.0), (0.5, 0.5, 0.0)),
        ten_fold=None,
        groupings=(),
        robustness=None,
        failures=(),
        dropped=(),
        seconds={},
    )


def empty() -> Evaluation:
    """Nothing was compared at all."""
    return dataclasses.replace(
        minimal(),
        counts=Counts(0, 0, 0, 0, 0, 0, 0, 2),
        operating_points=(),
        scores=ScoreHistogram((-1.0, 1.0), (0.0,), (0.0,)),
    )


def hostile() -> Evaluation:
    """Every text that comes from outside says something else than it should."""
    plain = rich()
    labels = (*HOSTILE[:4], "(other)")
    more = (*HOSTILE[4:8], HOSTILE[8])
    return dataclasses.replace(
        plain,
        data=" ".join(HOSTILE),
        groupings=(
            grouping(HOSTILE[0], plain.operating_points, labels),
            grouping(HOSTILE[4], plain.operating_points, more),
        ),
        failures=HOSTILE,
        dropped=tuple(Dropped(name, "unreadable", f"found {name}") for name in HOSTILE),
    )
