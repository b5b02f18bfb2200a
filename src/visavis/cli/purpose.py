"""For what and about whom: the options of every command whose answer goes into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use

Command = TypeVar("Command", bound="Callable[..., object]")


def purpose_options(command: Command) -> Command:
    """Give a command ``--purpose`` and ``--subject``."""
    subject = click.option(
        "--subject",
        metavar="REF",
        help="For the ledger: your own reference of the person, never a name.",
    )
    purpose = click.option(
        "--purpose",
        help="For the ledger that VISAVIS_LEDGER names, which needs one: what it is done for.",
    )
    return purpose(subject(command))


def record_first(event: Callable[[Use], Event], use: Use | None) -> str | None:
    """Record what is about to be answered; says where, or None where no ledger is named.

    Args:
        event: Makes the event.
        use: For what and about whom, as `ledger.recording.use` gives it.
    """
    if use is None:
        return None
    from visavis.ledger.recording import record

    receipt = record(event(use))
    return f"entry {receipt.index} of {receipt.origin}"
