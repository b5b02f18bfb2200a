"""What is refused before it starts: a table that pairs one picture with many different ones.

It is the rule of `access.fan_out` over the whole table, however long it runs, by the bytes of the pictures:
names don't matter, nor does whose picture it is said to be. Only pictures of one size can have the same
bytes, so that only those are read that might be one picture with too many others. Near-duplicates, which
have other bytes, are noticed by their faces while the batch runs (`admission`).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from visavis.batch import locations
from visavis.batch.rows import Claim
from visavis.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from visavis.access.fan_out import Limits
    from visavis.batch.rows import Row

Found = TypeVar("Found")

ASKING = 16
"""Threads that ask servers: most of the time they wait."""


class Meetings:
    """Which pictures a table pairs with which."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._references = array("q")
        self._probes = array("q")
        self._rows = array("q")

    def see(self, row: Row) -> None:
        """Take a row in."""
        if not isinstance(row, Claim):
            return
        for places, location in ((self._references, row.rests_on), (self._probes, row.probe)):
            places.append(self._numbers.setdefault(location, len(self._numbers)))
        self._rows.append(row.number)

    def check(self, limits: Limits) -> None:
        """Refuse a table that pairs one picture with more others than a key may compare it with.

        Raises:
            AccessError: `access.fan_out`.
            BatchError: `batch.unreachable`, `batch.not_installed`: pictures can't be had at all.
        """
        places = list(self._numbers)
        sizes = _of_each(locations.size, places)
        # What has no size is like nothing else.
        kinds = np.array([-1 - at if size is None else size for at, size in enumerate(sizes)], dtype=np.int64)
        pairs = np.array([self._references, self._probes], dtype=np.int64)
        for side, one, others, limit in (
            ("references", pairs[1], pairs[0], limits.references),
            ("probes", pairs[0], pairs[1], limits.probes),
        ):
            suspected = np.flatnonzero(np.isin(kinds[one], _crowded(kinds[one], others, limit)))
            wanted = np.unique(pairs[:, suspected]).tolist()
            digests = _of_each(locations.digest, [places[at] for at in wanted])
            content = {at: digest or places[at] for at, digest in zip(wanted, digests, strict=True)}
            met: dict[str, set[str]] = defaultdict(set)
            for at in suspected.tolist():
                found = met[content[int(one[at])]]
                found.add(content[int(others[at])])
                if len(found) > limit:
                    raise _error(side, len(found), self._rows[at], limit)


def _crowded(kinds: NDArray[np.int64], others: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """The kinds that are paired with more than so many others."""
    met = np.unique(np.stack([kinds, others], axis=1), axis=0)
    found, counts = np.unique(met[:, 0], return_counts=True)
    return found[counts > limit]


def _of_each(ask: Callable[[str], Found], places: Sequence[str]) -> list[Found]:
    """What is told of each place: by the disk one after the other, by servers many at a time."""
    if not any(map(locations.is_remote, places)):
        return [ask(place) for place in places]
    with ThreadPoolExecutor(ASKING) as pool:
        return list(pool.map(ask, places))


def _error(side: str, count: int, row: int, limit: int) -> AccessError:
    one = "probe" if side == "references" else "reference"
    return AccessError(
        "access.fan_out",
        f"the table pairs one {one} with too many different {side}: nothing was compared",
        found=f"{count} by row {row}",
        expected=f"at most {limit}",
    )
