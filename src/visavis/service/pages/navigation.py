"""The places of the desk: what stands in the head of each page, and on the start page with what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Place:
    """One place.

    Attributes:
        path: Its address.
        act: What one must be allowed to go there, of the values of `access.users.ACTS`.
        name: What it is called.
        told: What one does there, in a sentence.
    """

    path: str
    act: str
    name: str
    told: str

    def named(self, gettext: Callable[[str], str]) -> Place:
        """The same in a language."""
        return Place(self.path, self.act, gettext(self.name), gettext(self.told))

    def holds(self, path: str) -> bool:
        """Whether a page lies there."""
        return path == self.path or path.startswith(f"{self.path}/")


def _(text: str) -> str:
    """Marks a text for the catalogues; it is said in a language when somebody reads it."""
    return text


PLACES: tuple[Place, ...] = (
    Place(
        "/desk/check",
        "verifications",
        _("New check"),
        _("Compare the person before you with their document."),
    ),
)
"""In the order in which they stand."""
