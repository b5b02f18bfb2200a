"""What an evaluation comes to: rates with intervals, and what they rest on. No picture, no person, no score.

Every field is an aggregate over people; what names a file says only that the file could not be used.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

Protocol = Literal["all-pairs", "pairs", "lfw"]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file or a row that takes no part.

    Attributes:
        what: The file, below the folder that was given, or the row ("row 17").
        code: Why: ``"unreadable"``, ``"duplicate"``, ``"contradiction"``, ``"missing"`` ...
        message: The same in a sentence.
    """

    what: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was compared.

    Attributes:
        people: People with at least one picture that could be read.
        people_with_genuine: Those of them of whom two pictures were to be compared.
        pictures: Pictures that could be read.
        failures_to_acquire: Pictures that gave no template (no face was found).
        genuine: Comparisons of one person, with those lost to failures to acquire.
        genuine_lost: Those lost: false non-matches at every threshold (ISO/IEC 19795-1).
        impostors: Comparisons of two people; failures to acquire take no part.
        dropped: Files and rows that take no part.
    """

    people: int
    people_with_genuine: int
    pictures: int
    failures_to_acquire: int
    genuine: int
    genuine_lost: int
    impostors: int
    dropped: int

    @property
    def failure_to_acquire_rate(self) -> float:
        """Share of the readable pictures that gave no template."""
        return self.failures_to_acquire / self.pictures if self.pictures else 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """Both error rates at one threshold; all intervals two-sided, 95 %.

    Attributes:
        threshold: A similarity that reaches it is a match.
        fmr: False match rate over all comparisons of two people, as measured.
        fmr_low: Lower end of its interval.
        fmr_high: Upper end. Where the data doesn't support a rate, the bound that it does support.
        fmr_per_person: The same as the mean over pairs of people of each pair's own rate, so that a person
            of whom there are many pictures weighs no more than any other.
        fmr_per_person_low: Lower end of its interval.
        fmr_per_person_high: Upper end.
        supported: Whether the comparisons support these as rates; if not, only the upper ends may be claimed.
        fnmr: False non-match rate over all comparisons of one person.
        fnmr_low: Lower end of its interval.
        fnmr_high: Upper end.
        fnmr_per_person: Mean of each person's own false non-match rate.
        fnmr_per_person_low: Lower end of its interval.
        fnmr_per_person_high: Upper end.
        false_matches: How many comparisons of two people reached the threshold.
        false_non_matches: How many of one person didn't, with those lost to failures to acquire.
    """

    threshold: float
    fmr: float
    fmr_low: float
    fmr_high: float
    fmr_per_person: float
    fmr_per_person_low: float
    fmr_per_person_high: float
    supported: bool
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    fnmr_per_person: float
    fnmr_per_person_low: float
    fnmr_per_person_high: float
    false_matches: int
    false_non_matches: int


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The lowest threshold at which the measured FMR is at most `fmr_target`, and the rates there.

    Which FMR that is `Evaluation.rule` says.
    """

    fmr_target: float
    at: Point


@dataclass(frozen=True, slots=True)
class EqualErrorRate:
    """Where FMR and FNMR are the same.

    Attributes:
        rate: That rate, FNMR over all comparisons.
        low: Lower end of its 95 % interval.
        high: Upper end.
        per_person: The same with FNMR per person.
        per_person_low: Lower end of its interval.
        per_person_high: Upper end.
        threshold: Where `rate` lies.
    """

    rate: float
    low: float
    high: float
    per_person: float
    per_person_low: float
    per_person_high: float
    threshold: float


@dataclass(frozen=True, slots=True)
class ScoreHistogram:
    """How similarities are spread.

    Attributes:
        edges: n + 1 similarities, rising.
        genuine: n shares of the comparisons of one person, each person weighing the same; their sum is 1.
        impostor: n shares of the comparisons of two people.
    """

    edges: tuple[float, ...]
    genuine: tuple[float, ...]
    impostor: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TenFold:
    """Accuracy as the protocol of Labeled Faces in the Wild has it.

    The threshold of each fold is the one that was best on all the others.

    Attributes:
        accuracy: Mean over the folds.
        standard_error: Of that mean: standard deviation over the folds through the root of their number.
        folds: Accuracy of each fold.
        thresholds: The threshold that was applied to each.
    """

    accuracy: float
    standard_error: float
    folds: tuple[float, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class GroupRates:
    """Error rates of one group of people at one threshold, every person weighing the same.

    FMR is over comparisons within the group.

    Attributes:
        name: The operator's label.
        people: People in it.
        fmr: False match rate within the group; None where its comparisons don't support one, or too few
            people have part in them.
        fmr_low: Lower end of its 95 % interval.
        fmr_high: Upper end; where no rate is supported, a bound that tells nothing of single comparisons.
        fmr_supported: Whether the comparisons support `fmr` as a rate.
        fmr_ratio: `fmr` over the overall rate; None where either can't be said.
        fnmr_per_person: Mean of each person's own false non-match rate; None where too few people have
            genuine comparisons.
        fnmr_per_person_low: Lower end of its interval.
        fnmr_per_person_high: Upper end.
        fnmr_ratio: `fnmr_per_person` over the overall one.
        impostors: Comparisons of two people within the group.
        genuine: Comparisons of one person.
    """

    name: str
    people: int
    fmr: float | None
    fmr_low: float | None
    fmr_high: float | None
    fmr_supported: bool
    fmr_ratio: float | None
    fnmr_per_person: float | None
    fnmr_per_person_low: float | None
    fnmr_per_person_high: float | None
    fnmr_ratio: float | None
    impostors: int
    genuine: int


@dataclass(frozen=True, slots=True)
class CrossRate:
    """FMR across two groups: a person of one against a person of the other.

    Its fields are those of `GroupRates`.
    """

    first: str
    second: str
    fmr: float | None
    fmr_low: float
    fmr_high: float
    fmr_supported: bool
    impostors: int


@dataclass(frozen=True, slots=True)
class Differential:
    """How far error rates of groups lie apart at one threshold, in the measures of the field.

    Attributes:
        rate: ``"fmr"`` or ``"fnmr"``.
        groups: How many groups it is over: those with a rate above 0 that the data supports.
        worst: Label of the group with the highest rate.
        max_over_min: Highest rate through the lowest.
        max_over_geometric_mean: Highest through the geometric mean (NIST IR 8429).
        gini: Gini coefficient of the rates, corrected for their number (ISO/IEC 19795-10).
    """

    rate: Literal["fmr", "fnmr"]
    groups: int
    worst: str | None
    max_over_min: float | None
    max_over_geometric_mean: float | None
    gini: float | None


@dataclass(frozen=True, slots=True)
class GroupsAt:
    """Rates of all groups at one operating point's threshold."""

    fmr_target: float
    threshold: float
    rates: tuple[GroupRates, ...]
    cross: tuple[CrossRate, ...]
    differentials: tuple[Differential, ...]


@dataclass(frozen=True, slots=True)
class WorstGroup:
    """The threshold that holds an FMR in each group, and what it costs everyone.

    Attributes:
        fmr_target: The FMR that no group's own may exceed.
        group: The group that sets the threshold; None where its comparisons don't support the rate there.
        supported: Whether they do.
        at: Overall rates at that threshold; None where they don't.
    """

    fmr_target: float
    group: str | None
    supported: bool
    at: Point | None


@dataclass(frozen=True, slots=True)
class Grouping:
    """One column of labels that the operator gave.

    Attributes:
        name: The column's name.
        groups: Labels with enough people to speak of.
        merged: Labels with too few people, counted together under ``"(other)"``.
        unlabelled: People without a label.
        at: One for each operating point.
        worst_group: One for each operating point.
    """

    name: str
    groups: tuple[str, ...]
    merged: tuple[str, ...]
    unlabelled: int
    at: tuple[GroupsAt, ...]
    worst_group: tuple[WorstGroup, ...]


@dataclass(frozen=True, slots=True)
class Robustness:
    """FNMR of pictures made worse, at the threshold of an operating point on the pictures as they are.

    Attributes:
        condition: ``"as they are"``, ``"eyes 20 px apart"``, ``"JPEG quality 30"`` ...
        kind: ``"none"``, ``"size"``, ``"blur"``, ``"compression"``, ``"tilt"`` or ``"grey"``.
        fnmr: Share of the pairs that don't match, the reference being as it is and the probe made worse.
        fnmr_low: Lower end of its 95 % interval; the pairs are of different people, so it is binomial.
        fnmr_high: Upper end.
        failures_to_acquire: Worsened pictures without a template; they count as false non-matches.
        pairs: Pairs, one for each person.
    """

    condition: str
    kind: str
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    failures_to_acquire: int
    pairs: int


@dataclass(frozen=True, slots=True)
class RobustnessTable:
    """All conditions at one threshold."""

    fmr_target: float
    threshold: float
    rows: tuple[Robustness, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Error rates of a pack on pictures whose truth is known.

    Attributes:
        version: Version of visavis.
        pack: Name of the pack.
        fingerprint: Its fingerprint.
        protocol: Which comparisons were made.
        data: What the operator calls the pictures.
        counts: How much was compared.
        rule: Where operating points lie: at the threshold that holds each FMR over all comparisons
            (``"overall"``), or in the worst group (``"worst_group"``).
        fmr_interval: How intervals of FMR were made: ``"bootstrap over people"`` or ``"binomial"``.
        fnmr_interval: How those of FNMR were made.
        replicates: Draws of the bootstrap.
        finest_fmr: The lowest FMR that the comparisons support as a rate; None where they support none.
        operating_points: One for each FMR asked for.
        eer: Equal error rate; None where there are no genuine or no impostor comparisons.
        det: Detection error trade-off: both rates from FMR 0.1 down, falling FMR.
        scores: How similarities are spread.
        ten_fold: Accuracy by folds, where the protocol has them.
        groupings: One for each column of labels.
        robustness: Pictures made worse; None where it wasn't asked for.
        failures: Files without a template.
        dropped: Files and rows that take no part.
        seconds: Wall time by stage.
    """

    version: str
    pack: str
    fingerprint: str
    protocol: Protocol
    data: str
    counts: Counts
    rule: Literal["overall", "worst_group"]
    fmr_interval: str
    fnmr_interval: str
    replicates: int
    finest_fmr: float | None
    operating_points: tuple[OperatingPoint, ...]
    eer: EqualErrorRate | None
    det: tuple[Point, ...]
    scores: ScoreHistogram
    ten_fold: TenFold | None
    groupings: tuple[Grouping, ...]
    robustness: RobustnessTable | None
    failures: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    seconds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """As plain data, ready for JSON; an operating point's rates lie beside its `fmr_target`."""
        plain = dataclasses.asdict(self)
        plain["counts"]["failure_to_acquire_rate"] = self.counts.failure_to_acquire_rate
        plain["operating_points"] = [
            {"fmr_target": point["fmr_target"], **point["at"]} for point in plain["operating_points"]
        ]
        return plain
