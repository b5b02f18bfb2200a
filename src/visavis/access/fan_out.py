"""One face compared with many others is a search, one pair at a time: this is what stops it.

Of each comparison a window keeps salted marks of both faces (`marks`), no template. Before a comparison its
probe is looked up: against how many different references was it compared within the last 24 hours, by this
key and by all keys? Near-duplicate pictures count as the same. The other way round is counted too, for
whoever searches can put the face into the reference's place; there the limit is higher, since one person's
document is honestly compared with several of their selfies. A comparison that would go over a limit isn't
made.

What it can't stop: whoever has several pictures of the face that differ as two photographs of one person do;
a picture that was changed until its template moved that far; whoever goes slowly, or stays below the limits
with each of many faces; whoever has the machine and leaves this out. It makes searching slow and leaves a
trace.
"""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from visavis.access.keys import us
from visavis.access.marks import SHARED, Marker, kept_of
from visavis.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from visavis.access.windows import Seen, Turn, Window
    from visavis.faces.recognise import Template

NO_LIMIT = 1_000_000
ALIKE = 0.5
"""Cosine from which on two references that are given together may be one person's. It lies above the
threshold of every pack for a false match rate of 1 in 100,000, so that different people hardly reach it."""
SALTS = 4
"""Markers that a process keeps: of this window and the one before, and a few that are on their way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many different faces one face may be compared with in a window.

    Attributes:
        references: Different references for one probe, by one key.
        references_all_keys: The same by all keys together.
        probes: Different probes for one reference, by one key.
        probes_all_keys: The same by all keys together.
        window: How far back it is counted.
    """

    references: int = 5
    references_all_keys: int = 10
    probes: int = 20
    probes_all_keys: int = 40
    window: timedelta = timedelta(hours=24)

    def __post_init__(self) -> None:
        for field in fields(self)[:4]:
            number = getattr(self, field.name)
            if not isinstance(number, int) or not 1 <= number <= NO_LIMIT:
                raise AccessError(
                    "access.limits", f"{field.name} can't be this", found=number, expected=f"1 to {NO_LIMIT}"
                )
        if not timedelta(minutes=1) <= self.window <= timedelta(days=31):
            raise AccessError(
                "access.limits", "the window can't be this", found=self.window, expected="1 minute to 31 days"
            )


@dataclass(frozen=True, slots=True)
class _Count:
    """How many different faces one was compared with.

    Attributes:
        side: Which side the many are on.
        others: How many, with the one that is asked for.
        limit: How many there may be.
        by: ``"the key"`` or ``"all keys"``.
        wait_us: After how long there is room again.
    """

    side: str
    others: int
    limit: int
    by: str
    wait_us: int


class FanOut:
    """Counts comparisons; as safe for threads and processes as its window is."""

    def __init__(
        self,
        window: Window,
        limits: Limits | None = None,
        *,
        secret: bytes | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Take a window.

        Args:
            window: Where it is kept what was compared.
            limits: How many there may be.
            secret: Without it the salts in the window are of no use; a random one for a window in memory.
            clock: What time it is.
        """
        self.limits = limits or Limits()
        self._window = window
        self._secret = secret or secrets.token_bytes(32)
        self._clock = clock or (lambda: datetime.now(UTC))
        self._markers: dict[bytes, Marker] = {}

    def admit(self, *, key: str, reference: Sequence[Template], probe: Template) -> None:
        """Count a comparison, or refuse it; to be asked before it is made.

        Args:
            key: Who makes it.
            reference: Pictures of one person, which count as one reference. Those that aren't alike enough
                for that count as several, whatever the comparison will say of them.
            probe: What they are compared with.

        Raises:
            AccessError: `access.fan_out`.
            StorageError: The window can't be read or written: nothing may be compared.
        """
        now, refused = us(self._clock()), None
        with self._window.turn() as turn:
            for person in _people(reference):
                refused = self._count(turn, key, person, probe, now)
                if refused is not None:
                    break
        if refused is not None:
            raise _error(refused, self.limits.window)

    def expire(self) -> None:
        """Destroy the salts whose time is over; comparisons do it too, where there are any.

        Raises:
            StorageError: The window can't be written.
        """
        number = us(self._clock()) // (self.limits.window // timedelta(microseconds=1))
        with self._window.turn() as turn:
            turn.forget(number - 1, number + 1)
        self._window.scrub()

    def _count(
        self, turn: Turn, key: str, reference: Sequence[Template], probe: Template, now: int
    ) -> _Count | None:
        """Keep a comparison with one reference, or tell which limit it would go over."""
        span = self.limits.window // timedelta(microseconds=1)
        number = now // span
        turn.forget(number - 1, number + 1)
        references: dict[int, Seen] = {}
        probes: dict[int, Seen] = {}
        shared: dict[int, set[int]] = {}
        for each in (number - 1, number):
            salt = turn.salt(each, make=each == number)
            if salt is None:
                continue
            marker = self._marker(salt)
            of_references = [marker.looked_up(template, "reference") for template in reference]
            of_probe = marker.looked_up(probe, "probe")
            found = turn.find(each, chain(*of_references, of_probe), now - span)
            for marks in of_references:
                references |= _near(found, marks, shared)
            probes |= _near(found, of_probe, shared)
        numbers = (
            min((seen.reference for seen in references.values()), default=None),
            min((seen.probe for seen in probes.values()), default=None),
        )
        refused = self._over(references.values(), probes.values(), numbers, key, now - span)
        if refused is None:
            kept = set().union(*map(kept_of, (*of_references, of_probe)))  # of the window that is now
            again = _again(references, probes, key, numbers, kept=kept, shared=shared)
            if again is None:
                turn.add(number, key, now, numbers, sorted(kept))
            else:
                turn.renew(again, now)
        return refused

    def _over(
        self,
        references: Collection[Seen],
        probes: Collection[Seen],
        numbers: tuple[int | None, int | None],
        key: str,
        since: int,
    ) -> _Count | None:
        """The first limit that this comparison would go over."""
        limits = self.limits
        counted = (
            ("references", probes, numbers[0], (limits.references, limits.references_all_keys)),
            ("probes", references, numbers[1], (limits.probes, limits.probes_all_keys)),
        )
        for side, earlier, number, (by_key, by_all) in counted:
            for by, limit in (("the key", by_key), ("all keys", by_all)):
                latest: dict[int, int] = {}
                for seen in earlier:
                    if by == "all keys" or seen.key == key:
                        other = seen.reference if side == "references" else seen.probe
                        latest[other] = max(latest.get(other, 0), seen.at)
                if number not in latest and len(latest) >= limit:
                    # There is room again once one fewer than the limit are left in the window.
                    leaving = sorted(latest.values())[len(latest) - limit]
                    return _Count(side, len(latest) + 1, limit, by, leaving - since)
        return None

    def _marker(self, salt: bytes) -> Marker:
        """The marker of a salt; its directions cost more than all the rest."""
        markers = self._markers
        if salt not in markers:
            kept = dict(list(markers.items())[-(SALTS - 1) :])
            self._markers = {**kept, salt: Marker(hmac.digest(self._secret, b"fan-out" + salt, "sha256"))}
            markers = self._markers
        return markers[salt]


def secret_of(ledger: bytes) -> bytes:
    """What keeps the salts in a ledger's database useless without its key; the same for all who count there.

    Args:
        ledger: The secret of the ledger's key.
    """
    return hmac.digest(ledger, b"access fan-out 1", "sha256")


def _people(reference: Sequence[Template]) -> list[list[Template]]:
    """Pictures by whose they seem to be: each with the first one that it is alike.

    Otherwise many people could be made one reference by giving them together, and be compared one by one
    afterwards.
    """
    people: list[list[Template]] = []
    for template in reference:
        for person in people:
            if float(person[0].vector @ template.vector) >= ALIKE:
                person.append(template)
                break
        else:
            people.append([template])
    return people


def _near(
    found: Sequence[tuple[int, Seen]], marks: Mapping[int, int], shared: dict[int, set[int]]
) -> dict[int, Seen]:
    """By its id: each comparison with a near-duplicate of the face that these marks are of.

    Args:
        found: What was found by these marks and by others.
        marks: The marks, each with its band.
        shared: By the id of a comparison: the marks that it was found by; they are added.
    """
    ours = [(mark, seen) for mark, seen in found if mark in marks]
    bands: Counter[int] = Counter()
    by_id: dict[int, Seen] = {}
    for _, id_, seen in {(marks[mark], seen.id, seen) for mark, seen in ours}:
        bands[id_] += 1
        by_id[id_] = seen
    for mark, seen in ours:
        shared.setdefault(seen.id, set()).add(mark)
    return {id_: by_id[id_] for id_, count in bands.items() if count >= SHARED}


def _again(
    references: Mapping[int, Seen],
    probes: Mapping[int, Seen],
    key: str,
    numbers: tuple[int | None, int | None],
    *,
    kept: set[int],
    shared: Mapping[int, set[int]],
) -> int | None:
    """A comparison by the same key under the same numbers that has every mark of this one; None without.

    Whatever finds this one finds that one, so that a second row would say nothing but a later time. Marks
    under another window's salt are others, so that the one found is of this window.
    """
    for id_ in sorted(references.keys() & probes.keys(), reverse=True):
        seen = references[id_]
        if seen.key == key and (seen.reference, seen.probe) == numbers and shared[id_] >= kept:
            return id_
    return None


def _error(count: _Count, window: timedelta) -> AccessError:
    hours = window / timedelta(hours=1)
    one = "probe" if count.side == "references" else "reference"
    return AccessError(
        "access.fan_out",
        f"one {one} is compared with too many different {count.side}: nothing was compared",
        found=f"{count.others} by {count.by}",
        expected=f"at most {count.limit} in {hours:g} hours",
        retry_after_s=max(1, -(-count.wait_us // 1_000_000)),
    )
