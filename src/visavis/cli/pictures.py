"""What `evaluate` and `calibrate` share: pictures whose truth is known, and their comparisons."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from visavis.cli.progress import counting
from visavis.packs.catalogue import DEFAULT_PACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from visavis.evaluation.evaluate import Compared
    from visavis.evaluation.truth import Truth
    from visavis.examiner import Examiner

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Given:
    """Which pictures the user gave, and with which pack to look at them."""

    all_pairs: Path | None
    pairs: Path | None
    lfw: Path | None
    pictures: Path | None
    groups: Path | None
    pack: str
    fresh: bool

    @property
    def source(self) -> Path:
        """The folder or file that says what is to be compared.

        Raises:
            UsageError: Not exactly one was given, or LFW's list without its pictures.
        """
        sources = [path for path in (self.all_pairs, self.pairs, self.lfw) if path is not None]
        if len(sources) != 1:
            raise click.UsageError("give one of --all-pairs, --pairs and --lfw")
        if (self.lfw is None) != (self.pictures is None):
            raise click.UsageError("--lfw and --pictures belong together")
        return sources[0]

    @property
    def name(self) -> str:
        """What to call the data where the user doesn't say."""
        return self.source.resolve().stem or str(self.source)

    def read(self) -> Truth:
        """The truth, checked.

        Raises:
            EvaluationError: It can't be used.
        """
        from visavis.evaluation.folders import read_folders
        from visavis.evaluation.labels import read_labels
        from visavis.evaluation.lfw import read_lfw
        from visavis.evaluation.pairs import read_pairs

        source = self.source
        if self.lfw is not None and self.pictures is not None:
            truth = read_lfw(self.lfw, self.pictures)
        elif self.pairs is not None:
            truth = read_pairs(source)
        else:
            truth = read_folders(source)
        return truth if self.groups is None else read_labels(self.groups, truth)


def given_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that make a `Given`."""
    options = (
        click.option("--all-pairs", type=FOLDER, help="Folder with one folder of pictures for each person."),
        click.option("--pairs", type=FILE, help="CSV or Parquet with the columns reference, probe, same."),
        click.option("--lfw", type=FILE, help="Pairs as Labeled Faces in the Wild lists them (pairs.txt)."),
        click.option("--pictures", type=FOLDER, help="The folder of pictures that --lfw speaks of."),
        click.option("--groups", type=FILE, help="CSV or Parquet with the column person and your labels."),
        click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine."),
        click.option("--fresh", is_flag=True, help="Begin anew where a run was interrupted."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextlib.contextmanager
def compared(given: Given) -> Iterator[tuple[Compared, Examiner]]:
    """The comparisons; what is kept on the way is destroyed when the block is left without an error.

    Raises:
        EvaluationError: The pictures can't be used, or can't be worked on here.
        PackError: The pack isn't installed or is damaged.
    """
    from visavis.evaluation.acquire import acquire
    from visavis.evaluation.evaluate import compare
    from visavis.evaluation.store import Workplace
    from visavis.examiner import Examiner

    truth = given.read()
    examiner = Examiner(given.pack, threads=1)
    about = f"{truth.protocol} {given.source.resolve()}"
    if given.fresh:
        with Workplace(examiner.fingerprint, about) as left_over:
            left_over.finish()
    with Workplace(examiner.fingerprint, about) as workplace, _resumable():
        with counting("pictures") as progress:
            acquired = acquire(truth, examiner, workplace=workplace, progress=progress)
        yield compare(truth, acquired), examiner
        workplace.finish()


@contextlib.contextmanager
def _resumable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        click.echo("visavis: interrupted; the same command goes on from here within a day", err=True)
        raise


def rates(_ctx: click.Context, _param: click.Parameter, values: tuple[float, ...]) -> tuple[float, ...]:
    """False match rates, strictest last, each once."""
    for value in values:
        if not (math.isfinite(value) and 0 < value <= 1):
            raise click.BadParameter(
                f"a false match rate above 0 and at most 1 was expected, found {value:g}"
            )
    return tuple(sorted(set(values), reverse=True))
