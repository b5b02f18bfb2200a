"""Under which of their purposes somebody looks at a person's data: they say it, and it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from visavis.access.keys import Grant, Key
    from visavis.errors import StorageError
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

MAX_REFERENCE = 200
"""Characters; what an entry of the ledger takes as a subject."""


async def purposes(visit: Visit) -> Sequence[Key]:
    """What whoever is signed in may choose from."""
    return await visit.ask(visit.desk.accounts.users.purposes, visit.user.id)


async def grant(visit: Visit, form: Form, scope: str) -> Grant:
    """Let somebody act under the purpose that their form names, and count it.

    Args:
        visit: Who it is.
        form: Its field ``purpose`` has the id of a key.
        scope: What they do, of `access.keys.SCOPES`.

    Raises:
        AccessError: As `Users.grant`: it isn't theirs, it ended, or it was used too often.
    """
    return await visit.ask(visit.desk.accounts.users.grant, visit.user, form.text("purpose"), scope)


def reference_of(visit: Visit, form: Form) -> tuple[str, dict[str, str]]:
    """The reference of a person that a form names, and what is wrong with the form."""
    _ = visit.gettext
    reference = form.text("reference", most=5 * MAX_REFERENCE)
    if not reference:
        return "", {"reference": _("Enter the reference of the person.")}
    if len(reference) > MAX_REFERENCE:
        most = visit.language.number(MAX_REFERENCE)
        return reference, {"reference": _("A reference has up to %(most)s characters.", most=most)}
    return reference, {}


def tell_unsure(visit: Visit, error: StorageError) -> None:
    """Say that an erasure has to be done again: others kept the database busy, before it or after it.

    Raises:
        StorageError: It is about something else.
    """
    if error.code != "storage.locked":
        raise error
    visit.tell(
        visit.gettext(
            "Others kept the database busy, so that it is not certain that what you erase is gone from its "
            "files. Erase it once more."
        ),
        "problem",
    )


def shown_days(days: Sequence[tuple[date, date]], visit: Visit) -> list[str]:
    """Parts of a period as they are called: by their day, or by the first and the last one."""
    from babel.dates import format_interval, format_skeleton

    locale, skeleton = visit.language.locale, "MMMd"
    return [
        format_skeleton(skeleton, first, locale=locale)
        if first == last
        else format_interval(first, last, skeleton, locale=locale)
        for first, last in days
    ]
