"""From a similarity to the false match rate it stands for, and back; never finer than the data behind it.

A calibration belongs to one pack, by fingerprint: with other weights or another alignment the same number
means something else. Some ship with visavis; an operator may measure one on pictures like their own.
"""

from __future__ import annotations

import bisect
import functools
import hashlib
import json
import math
import os
import stat
from dataclasses import dataclass, field
from importlib import resources
from operator import itemgetter
from typing import Any, Literal, get_args

from visavis.decision.checks import (
    LEAST_RATE,
    LONGEST_TEXT,
    array,
    count,
    damaged,
    number,
    one_of,
    record,
    shown,
    text,
)
from visavis.decision.tail import REACH, Tail
from visavis.errors import PackError, PolicyError

Origin = Literal["shipped", "operator"]
Rule = Literal["overall", "worst_group"]

MAX_BYTES = 2**20
"""Largest file that is read as a calibration; one with 90 marks and 100 knots takes 20 kB."""

MAX_LLR = 15.0  # of either sign: nobody has the 10^15 comparisons that would show more


@dataclass(frozen=True, slots=True)
class Data:
    """The pictures behind a calibration."""

    name: str
    description: str
    people: int
    pictures: int
    impostor_comparisons: int
    genuine_comparisons: int
    without_face: int

    def __post_init__(self) -> None:
        text("name of the data", self.name)
        text("description of the data", self.description, LONGEST_TEXT)
        for name in Data.__slots__[2:]:
            count(f"{name} of the data", getattr(self, name))

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.pictures:,} pictures of {self.people:,} people, "
            f"{self.impostor_comparisons / 1e6:,.1f} million comparisons of different people"
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """At `threshold` the false match rate was `fmr`, and below `fmr_upper` with 95 % confidence."""

    threshold: float
    fmr: float
    fmr_upper: float

    def __post_init__(self) -> None:
        number("threshold of a mark", self.threshold, -1, 1)
        number("the rate of a mark", self.fmr, LEAST_RATE, 1)
        number("the bound of a mark", self.fmr_upper, self.fmr, 1)


@dataclass(frozen=True, slots=True)
class Rate:
    """The false match rate at a similarity.

    Attributes:
        fmr: The estimate; None where the data can only bound it.
        upper: One-sided 95 % bound, over a new draw of people like those of the calibration.
        modelled: What the tail model says where the data can only bound it, never above the finest rate that
            was counted and never below what the model may be asked for; None where there is an estimate, or
            no model.
    """

    fmr: float | None
    upper: float
    modelled: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Measured error rates of one pack.

    Attributes:
        pack: Name of the pack.
        fingerprint: The pack's fingerprint; templates made by anything else are not what this was measured
            on.
        data: What it was measured on.
        method: How the bounds were made.
        marks: Measured points by rising threshold; FMR falls strictly from one to the next. The last one is
            the finest the data supports.
        rule: ``"overall"``: rates are those of all comparisons of different people. ``"worst_group"``: rate
            and bound of each mark are those of the worst of the `groups`.
        groups: Labels, given by the operator, of the groups that were told apart; none where the rule is
            ``"overall"``.
        likelihood: Similarity and log10 likelihood ratio of each knot, the similarity rising, the ratio not
            falling, from below 0 to above 0: no evidence speaks for one side whatever it is.
        tail: A model of FMR beyond the last mark, or None.
        origin: ``"shipped"`` with visavis or the ``"operator"``'s own. Whoever loads a calibration says so;
            no file does.
        digest: SHA-256 (hex) over the canonical JSON of all that the file holds: keys sorted, no spaces,
            ASCII, each number in the shortest form that reads back as the same. It stands in the file and
            guards against accidents and against mixing packs, whose fingerprint it covers. It is not
            somebody's signature: whoever changes a file on purpose can make a digest that fits.
    """

    pack: str
    fingerprint: str
    data: Data
    method: str
    marks: tuple[Mark, ...]
    rule: Rule = "overall"
    groups: tuple[str, ...] = ()
    likelihood: tuple[tuple[float, float], ...] = ()
    tail: Tail | None = None
    origin: Origin = field(default="operator", compare=False)
    digest: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        text("the name of its pack", self.pack)
        text("the fingerprint of its pack", self.fingerprint)
        text("its method", self.method, LONGEST_TEXT)
        self._check_marks()
        self._check_groups()
        self._check_likelihood()
        self._check_tail()
        canonical = json.dumps(self._content(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        object.__setattr__(self, "digest", hashlib.sha256(canonical.encode("ascii")).hexdigest())

    def _check_marks(self) -> None:
        rising = all(a.threshold < b.threshold for a, b in zip(self.marks, self.marks[1:], strict=False))
        falling = all(a.fmr > b.fmr for a, b in zip(self.marks, self.marks[1:], strict=False))
        if len(self.marks) < 2 or not (rising and falling):
            raise damaged("its marks", expected="at least two of rising threshold and falling FMR")

    def _check_groups(self) -> None:
        one_of("its rule", self.rule, get_args(Rule))
        for label in self.groups:
            text("the label of a group", label)
        distinct = len(set(self.groups))
        if distinct != len(self.groups) or (distinct < 2 if self.rule == "worst_group" else distinct > 0):
            limits = "none under the rule overall, at least two different ones under worst_group"
            raise damaged("its groups", found=str(len(self.groups)), expected=limits)

    def _check_likelihood(self) -> None:
        for similarity, llr in self.likelihood:
            number("the similarity of a knot", similarity, -1, 1)
            number("the likelihood ratio of a knot", llr, -MAX_LLR, MAX_LLR)
        pairs = list(zip(self.likelihood, self.likelihood[1:], strict=False))
        rising = all(here[0] < there[0] and here[1] <= there[1] for here, there in pairs)
        if self.likelihood and not (rising and self.likelihood[0][1] < 0 < self.likelihood[-1][1]):
            limits = "similarities that rise, log10 likelihood ratios that don't fall, from below 0 to above"
            raise damaged("its knots", expected=limits)

    def _check_tail(self) -> None:
        last = self.marks[-1]
        if self.tail is not None and not (self.tail.start <= last.threshold and self.tail.fmr >= last.fmr):
            raise damaged("its tail", expected="one that starts at the last mark or before it")

    @property
    def finest(self) -> float:
        """The smallest FMR that the data supports as a number."""
        return self.marks[-1].fmr

    @property
    def finest_modelled(self) -> float:
        """The smallest FMR that the tail model may be asked for; the finest mark's where there is none."""
        if self.tail is None:
            return self.finest
        return min(self.finest, max(self.finest / REACH, self.tail.rate(1.0)))

    def supports(self, fmr: float) -> bool:
        """Whether the data itself supports a rate so small, without a model."""
        return fmr >= self.finest * (1 - 1e-9)

    def threshold(self, fmr: float, *, extrapolate: bool = False) -> float:
        """The similarity from which on the false match rate is at most `fmr`.

        Args:
            fmr: Above 0.
            extrapolate: Take the tail model's threshold where `fmr` is finer than the data supports; it never
                lies below that of the last mark.

        Raises:
            PolicyError: `fmr` is finer than the data supports, or than the model may be asked for.
        """
        if not self.supports(fmr):
            if not extrapolate or self.tail is None or fmr < self.finest_modelled * (1 - 1e-9):
                raise self._too_fine(fmr, extrapolate)
            return min(1.0, max(self.marks[-1].threshold, self.tail.threshold(fmr)))
        if fmr >= self.marks[0].fmr:
            return self.marks[0].threshold
        after = bisect.bisect_left([-mark.fmr for mark in self.marks], -fmr)
        if after == len(self.marks):
            return self.marks[-1].threshold
        low, high = self.marks[after - 1], self.marks[after]
        share = math.log(low.fmr / fmr) / math.log(low.fmr / high.fmr)
        return low.threshold + share * (high.threshold - low.threshold)

    def _too_fine(self, fmr: float, extrapolate: bool) -> PolicyError:
        model = ""
        if extrapolate:
            reach = f" with its model, which reaches at most {REACH:g} times beyond the data"
            model = ", as it has no model of the tail" if self.tail is None else reach
        finest = self.finest_modelled if extrapolate else self.finest
        return PolicyError(
            "policy.fmr_unsupported",
            f"the calibration of {self.pack!r} can't promise so small a false match rate",
            found=f"{fmr:.1e}",
            expected=f"{_rounded_up(finest)} or more{model} ({self.data})",
        )

    def rate(self, similarity: float) -> Rate:
        """The false match rate at a similarity: the share of comparisons of different people that reach it.

        Between two marks log FMR is interpolated linearly; beyond the last one there is only its upper bound,
        and what the tail model says where there is one.
        """
        if similarity < self.marks[0].threshold:
            return Rate(1.0, 1.0)
        if similarity > self.marks[-1].threshold:
            upper, modelled = self.marks[-1].fmr_upper, None
            if self.tail is not None:
                modelled = min(self.finest, max(self.finest_modelled, self.tail.rate(similarity)))
            return Rate(None, upper, modelled)
        after = max(1, bisect.bisect_left([mark.threshold for mark in self.marks], similarity))
        low, high = self.marks[after - 1], self.marks[after]
        share = (similarity - low.threshold) / (high.threshold - low.threshold)
        # Where the lower mark has no bound but 1, nothing better is known up to the next one.
        upper = 1.0 if low.fmr_upper == 1 else _between(low.fmr_upper, high.fmr_upper, share)
        return Rate(_between(low.fmr, high.fmr, share), upper)

    def llr(self, similarity: float) -> float | None:
        """The log10 likelihood ratio of a similarity, or None where the calibration has no knots.

        10 to its power is how many times likelier the similarity is where two pictures show one person than
        where they show two. Linear between two knots, beyond the ends constant: of what lies there the data
        says nothing.
        """
        if not self.likelihood:
            return None
        after = bisect.bisect_left(self.likelihood, similarity, key=itemgetter(0))
        if after in (0, len(self.likelihood)):
            return self.likelihood[min(after, len(self.likelihood) - 1)][1]
        (left, low), (right, high) = self.likelihood[after - 1], self.likelihood[after]
        return low + (similarity - left) / (right - left) * (high - low)

    def llr_is_bound(self, similarity: float) -> bool:
        """Whether the likelihood ratio is one of the ends', and that of the similarity further from 1."""
        ends = (self.likelihood[0][0], self.likelihood[-1][0]) if self.likelihood else (-math.inf, math.inf)
        return not ends[0] < similarity < ends[1]

    def require(self, pack: str, fingerprint: str) -> None:
        """Refuse to serve another pack than the one that was measured.

        Raises:
            PackError: `calibration.other_pack`.
        """
        if (self.pack, self.fingerprint) != (pack, fingerprint):
            raise PackError(
                "calibration.other_pack",
                "the calibration was measured with another pack, other weights or another alignment",
                found=f"{self.pack} {self.fingerprint}",
                expected=f"{pack} {fingerprint}",
            )

    def _content(self) -> dict[str, Any]:
        return {
            "pack": self.pack,
            "fingerprint": self.fingerprint,
            "data": {name: getattr(self.data, name) for name in Data.__slots__},
            "method": self.method,
            "rule": self.rule,
            "groups": list(self.groups),
            "marks": [[float(mark.threshold), float(mark.fmr), float(mark.fmr_upper)] for mark in self.marks],
            "likelihood": [[float(similarity), float(llr)] for similarity, llr in self.likelihood],
            "tail": None if self.tail is None else self.tail.to_dict(),
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain data, the form of the files in ``calibrations/`` and of an operator's own."""
        return {**self._content(), "digest": self.digest}

    @classmethod
    def from_dict(cls, data: object, *, origin: Origin = "operator") -> Calibration:
        """The inverse of `to_dict`.

        Raises:
            PackError: `calibration.damaged`: something is missing, too much, or makes no sense, or the digest
                is another one.
        """
        file: dict[str, Any] = dict(record("the file", data, _KEYS))
        digest = file.pop("digest")
        pictures: Any = record("the data", file["data"], Data.__slots__)
        marks: Any = [array("a mark", mark, 3) for mark in array("its marks", file["marks"])]
        knots: Any = [array("a knot", knot, 2) for knot in array("its knots", file["likelihood"])]
        groups: Any = array("its groups", file["groups"])
        calibration = cls(
            **{
                **file,
                "data": Data(**pictures),
                "marks": tuple(Mark(*mark) for mark in marks),
                "likelihood": tuple((similarity, llr) for similarity, llr in knots),
                "groups": tuple(groups),
                "tail": None if file["tail"] is None else Tail.from_dict(file["tail"]),
            },
            origin=origin,
        )
        if digest != calibration.digest:
            raise PackError(
                "calibration.damaged",
                "a calibration was changed after it was written",
                found=f"content of digest {calibration.digest[:12]}",
                expected=shown(digest),
            )
        return calibration


_KEYS = ("pack", "fingerprint", "data", "method", "rule", "groups", "marks", "likelihood", "tail", "digest")


def load(path: str | os.PathLike[str], *, pack: str, fingerprint: str) -> Calibration:
    """An operator's own calibration of a pack.

    Raises:
        PackError: `calibration.no_file`, `calibration.unreadable`, `calibration.too_large`,
            `calibration.damaged`, or `calibration.other_pack`.
    """
    calibration = Calibration.from_dict(_parsed(_read(path)))
    calibration.require(pack, fingerprint)
    return calibration


@functools.cache
def shipped(pack: str, fingerprint: str) -> Calibration:
    """The calibration that comes with visavis for a pack.

    Raises:
        PackError: There is none, or it was measured with other weights than those of `fingerprint`.
    """
    path = resources.files("visavis.decision") / "calibrations" / f"{pack}.json"
    if not path.is_file():
        raise PackError("calibration.missing", f"visavis has no calibration of the pack {pack!r}")
    calibration = Calibration.from_dict(_parsed(path.read_bytes()), origin="shipped")
    calibration.require(pack, fingerprint)
    return calibration


def _read(path: str | os.PathLike[str]) -> bytes:
    name = ascii(os.fsdecode(path))  # one printable line, whatever bytes the name has
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PackError("calibration.unreadable", f"{name} isn't a regular file")
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise PackError("calibration.no_file", f"there is no file {name}") from None
    except OSError as error:
        raise PackError("calibration.unreadable", f"{name} can't be read", found=error.strerror) from None
    if len(data) > MAX_BYTES:
        limit = f"at most {MAX_BYTES:,} bytes"
        raise PackError("calibration.too_large", f"{name} is too large for a calibration", expected=limit)
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Without O_NONBLOCK a pipe would keep us waiting for its writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise damaged("its file isn't JSON", found=str(error)[:100]) from None


def _between(first: float, second: float, share: float) -> float:
    """Geometric interpolation: `first` at share 0, `second` at share 1."""
    return math.exp(math.log(first) + share * (math.log(second) - math.log(first)))


def _rounded_up(fmr: float) -> str:
    """With two digits, as a rate that isn't below `fmr`."""
    digit = 10.0 ** (math.floor(math.log10(fmr)) - 1)
    nearest = f"{fmr:.1e}"
    return nearest if float(nearest) >= fmr * (1 - 1e-9) else f"{fmr + digit / 2:.1e}"
