"""How far something is, for a person who watches and for a log file."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

import click

from visavis.cli.output import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from visavis.packs.download import Progress


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """Bars where a person is watching, else a line for each step; on stderr either way."""
    if not _is_watched():
        yield _print_steps()
        return

    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    amount = TextColumn("{task.fields[amount]}")
    with Bars("{task.description}", BarColumn(), amount, console=Console(stderr=True)) as bars:
        tasks = {}

        def draw(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total, amount="")
            counts_bytes = total is not None and total > 1
            amount = f"{megabytes(done)} of {megabytes(total or 0)}" if counts_bytes else ""
            bars.update(tasks[name], completed=done, total=total, amount=amount)

        yield draw


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar where a person is watching, else a line for each tenth, with rate and remaining time; on stderr.

    Args:
        what: What is counted, such as ``"pictures"``.
    """
    if not _is_watched():
        yield _print_tenths(what)
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f} a second")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        task = None

        def draw(done: int, total: int) -> None:
            nonlocal task
            if task is None:  # what an interrupted run has done takes no time
                task = bars.add_task(what, total=total, completed=done)
            bars.update(task, completed=done, total=total)

        yield draw


def _is_watched() -> bool:
    return watched(sys.stderr)


def _print_steps() -> Progress:
    seen = set()

    def tell(name: str, _done: int, total: int | None) -> None:
        if name not in seen:
            seen.add(name)
            click.echo(f"{name} ({megabytes(total)})" if total else name, err=True)

    return tell


def _print_tenths(what: str) -> Callable[[int, int], None]:
    told = -1
    last: tuple[int, float] | None = None  # what was done at the line before, and when

    def tell(done: int, total: int) -> None:
        nonlocal told, last
        tenth = 10 * done // max(total, 1)
        if tenth <= told:
            return
        told, now, pace = tenth, time.perf_counter(), ""
        # Since the last line, not since the start: what an interrupted run has done takes no time.
        if last is not None and done < total and now > last[1]:
            pace = _pace((done - last[0]) / (now - last[1]), total - done)
        last = done, now
        click.echo(f"{done:,} of {total:,} {what}{pace}", err=True)

    return tell


def _pace(rate: float, left: int) -> str:
    """``", 85 a second, 67 s left"``; nothing where less than a second is left."""
    seconds = left / rate
    if seconds < 1:
        return ""
    if seconds < 120:
        time_left = f"{seconds:.0f} s"
    else:
        time_left = f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
    return f", {rate:,.{0 if rate >= 10 else 2}f} a second, {time_left} left"


def megabytes(size: int) -> str:
    """A size in bytes for a person."""
    return f"{size / 1e6:.1f} MB"
