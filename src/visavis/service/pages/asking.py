"""To put before a second person what could not be decided: a check, or a crosscheck."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit
    from visavis.service.pages.held import One, Store

MAX_WHY = 500
"""Characters of what is said to a second person, and of what they say."""


async def ask_second(
    visit: Visit, form: Form, store: Store[One], one: One, *, gone: str
) -> tuple[dict[str, str], int] | None:
    """Ask a second person about something that was not decided; whoever calls holds its lock.

    Args:
        visit: Who asks.
        form: What they sent: ``why``.
        store: Where it is held.
        one: What they ask about; nobody was asked about it yet.
        gone: What is said where its pictures are gone.

    Returns:
        What is wrong, by field, with the status of the page that says so; None where it was done.
    """
    _, why = visit.gettext, form.text("why", most=4 * MAX_WHY)
    if not why or len(why) > MAX_WHY:
        told = _(
            "Say in up to %(most)s characters what the second person should look at.",
            most=visit.language.number(MAX_WHY),
        )
        return {"why": told}, 422
    if not one.pictures:
        return {"": gone}, 409
    users = visit.desk.accounts.users
    has_anybody = await visit.ask(users.anybody_else_may, "reviews", one.purpose, but=visit.user.id)
    if not store.ask(one, why):
        return {"": _("Too many checks wait for a second person. Try again later.")}, 429
    if has_anybody:
        visit.tell(_("A second person is asked to look at this check."))
    else:
        visit.tell(
            _(
                "Your question is in the queue, but nobody else at this desk may decide for the purpose "
                "“%(purpose)s”. Tell an administrator, or begin another check: without an answer the one "
                "that you asked about ends after a day.",
                purpose=one.purpose,
            ),
            "problem",
        )
    return None
