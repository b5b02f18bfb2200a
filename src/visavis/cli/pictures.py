"""What `evaluate` and `calibrate` share: pictures whose truth is known, and their comparisons."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from visavis.cli.output import unwritable
from visavis.cli.progress import counting
from visavis.decision.checks import LEAST_RATE, LONGEST_NAME
from visavis.errors import PhotoError
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
    worst_group: bool
    pack: str
    fresh: bool

    @property
    def source(self) -> Path:
        """The folder or file that says what is to be compared.

        Raises:
            UsageError: Not exactly one was given, LFW's list without its pictures, or nothing that could make
                groups where the worst one is asked for.
        """
        sources = [path for path in (self.all_pairs, self.pairs, self.lfw) if path is not None]
        if len(sources) != 1:
            raise click.UsageError("give one of --all-pairs, --pairs and --lfw")
        if (self.lfw is None) != (self.pictures is None):
            raise click.UsageError("--lfw and --pictures belong together")
        if self.worst_group and self.groups is None and self.pairs is None:
            raise click.UsageError("--worst-group needs --groups, or pairs with groups")
        return sources[0]

    @property
    def name(self) -> str:
        """What to call the data where the user doesn't say: as a report and a calibration can hold it."""
        from visavis.evaluation.truth import printable

        path = self.source.resolve()
        name = path.stem if self.all_pairs is None else path.name  # dots in a folder's name begin no suffix
        return printable(name)[:LONGEST_NAME] or "pictures"

    def read(self) -> Truth:
        """The truth, checked.

        Raises:
            EvaluationError: It can't be used, or a file or folder of it isn't there.
        """
        from visavis.evaluation.folders import read_folders
        from visavis.evaluation.labels import read_labels
        from visavis.evaluation.lfw import read_lfw
        from visavis.evaluation.pairs import read_pairs

        source = self.source
        self._check_inputs()
        if self.lfw is not None and self.pictures is not None:
            truth = read_lfw(self.lfw, self.pictures)
        elif self.pairs is not None:
            truth = read_pairs(source)
        else:
            truth = read_folders(source)
        if self.groups is not None:
            truth = read_labels(self.groups, truth)
        if self.worst_group:
            from visavis.evaluation.evaluate import check_groups

            check_groups(truth)
        return truth

    @property
    def _inputs(self) -> list[Path]:
        files = (self.all_pairs, self.pairs, self.lfw, self.pictures, self.groups)
        return [path for path in files if path is not None]

    def _check_inputs(self) -> None:
        from visavis.evaluation.truth import EvaluationError, printable

        for path in self._inputs:
            # Unlike Path.exists it has no objection to any name.
            if not os.path.exists(path):  # noqa: PTH110
                raise EvaluationError("evaluation.missing", f"there is no file or folder {printable(path)!r}")

    def check_outputs(self, *outputs: Path | None) -> None:
        """Refuse what couldn't be written after minutes of work, or would destroy what it was made from.

        Raises:
            UsageError: An output would overwrite a picture, another file of the input, or another output.
            VisavisError: `report.unwritable`.
        """
        written: set[str] = set()
        for path in outputs:
            if path is None:
                continue
            _check_writable(path)
            if (real := os.path.realpath(path)) in written:
                raise click.UsageError(f"two outputs would be the same file: {path}")
            written.add(real)
            if any(_is_same(path, given) for given in self._inputs):
                raise click.UsageError(f"the output would overwrite what it is made from: {path}")
            if _is_picture(path):
                raise click.UsageError(f"the output would overwrite a picture: {path}")


def given_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that make a `Given`."""
    options = (
        click.option("--all-pairs", type=FOLDER, help="Folder with one folder of pictures for each person."),
        click.option("--pairs", type=FILE, help="CSV or Parquet with the columns reference, probe, same."),
        click.option("--lfw", type=FILE, help="Pairs as Labeled Faces in the Wild lists them (pairs.txt)."),
        click.option("--pictures", type=FOLDER, help="The folder of pictures that --lfw speaks of."),
        click.option("--groups", type=FILE, help="CSV or Parquet with the column person and your labels."),
        click.option(
            "--worst-group", is_flag=True, help="Hold each false match rate in the worst group, not overall."
        ),
        click.option(
            "--name",
            callback=line_of(LONGEST_NAME),
            help="What to call the pictures; the folder's or file's name by default.",
        ),
        click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine."),
        click.option("--fresh", is_flag=True, help="Begin anew where a run was interrupted."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextlib.contextmanager
def compared(given: Given) -> Iterator[tuple[Compared, Examiner]]:
    """The comparisons; what is kept on the way is destroyed when the block is left.

    Only after an interruption, or a fault, it stays for a day, so that the same command can go on.

    Raises:
        EvaluationError: The pictures can't be used, or can't be worked on here.
        PackError: The pack isn't installed or is damaged.
    """
    from visavis.evaluation.acquire import acquire
    from visavis.evaluation.evaluate import compare
    from visavis.evaluation.store import Workplace
    from visavis.evaluation.truth import EvaluationError
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
        try:
            yield compare(truth, acquired), examiner
        except EvaluationError:  # to go on would end in the same
            workplace.finish()
            raise
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
        if not (math.isfinite(value) and LEAST_RATE <= value <= 1):
            raise click.BadParameter(
                f"a false match rate from {LEAST_RATE:g} to 1 was expected, found {value:g}"
            )
    return tuple(sorted(set(values), reverse=True))


def line_of(longest: int) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """What refuses a text that isn't one line of at most so many printable characters."""

    def check(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
        if value is not None and not (value.strip() and value.isprintable() and len(value) <= longest):
            raise click.BadParameter(f"one line of at most {longest} printable characters was expected")
        return value

    return check


def _check_writable(path: Path) -> None:
    try:
        if path.exists() and not path.is_file():
            raise unwritable(path, "not a regular file")
        folder = next(above for above in path.absolute().parents if above.exists())
        if not folder.is_dir():
            raise unwritable(path, f"{folder} is no folder")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise unwritable(path, f"no permission to write in {folder}")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unwritable(path, getattr(error, "strerror", None)) from None


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _is_picture(path: Path) -> bool:
    """Whether there is a picture, as its first bytes say."""
    from visavis.photo.formats import recognise

    try:
        with path.open("rb") as file:
            recognise(file.read(64))
    except (OSError, PhotoError):
        return False
    return True
