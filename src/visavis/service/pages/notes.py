"""What is said at the top of the page that somebody sees next, after a form was worked on."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MOST, MOST_OF_ONE = 1000, 4


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that is said.

    Attributes:
        text: In the language of whoever reads it.
        kind: ``"done"``, ``"note"`` or ``"problem"``.
    """

    text: str
    kind: str


class Notes:
    """What is still to be said; in memory, for as many people as may be at a desk."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._waiting: OrderedDict[str, list[Note]] = OrderedDict()

    def put(self, whose: str, note: Note) -> None:
        """Keep a note for somebody."""
        kept = self._waiting.setdefault(whose, [])
        kept.append(note)
        del kept[:-MOST_OF_ONE]
        self._waiting.move_to_end(whose)
        while len(self._waiting) > MOST:
            self._waiting.popitem(last=False)

    def take(self, whose: str) -> list[Note]:
        """What is to be said to somebody, once."""
        return self._waiting.pop(whose, [])
