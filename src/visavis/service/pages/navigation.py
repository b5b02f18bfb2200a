"""The places of the desk: what stands in the head of each page, and on the start page with what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.service.pages.languages import marked as _

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


PLACES: tuple[Place, ...] = (
    Place(
        "/desk/check",
        "verifications",
        _("New check"),
        _("Compare the person before you with their document."),
    ),
    Place(
        "/desk/crosscheck",
        "crosschecks",
        _("Two documents"),
        _("Compare two documents that are said to be of one person."),
    ),
    Place(
        "/desk/asked",
        "verifications",
        _("Second opinions"),
        _("See what a second person said of checks that you gave to them."),
    ),
    Place(
        "/desk/review",
        "reviews",
        _("Review queue"),
        _("Decide on checks of others that the program could not decide."),
    ),
    Place(
        "/desk/ledger",
        "ledger",
        _("Ledger"),
        _("See what this service was used for, and verify that nothing of it was changed."),
    ),
    Place(
        "/desk/subject",
        "subjects",
        _("A person’s report"),
        _("Tell a person what was done with their data."),
    ),
    Place(
        "/desk/admin",
        "users",
        _("Administration"),
        _("Manage users and keys, and erase what is to be erased."),
    ),
)
"""In the order in which they stand."""
