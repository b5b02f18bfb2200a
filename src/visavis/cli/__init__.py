"""The command line: one file for each command, loaded when it is called."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from visavis.errors import PackError, PhotoError, VisavisError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Exit statuses: 0 to 2 are verdicts, the next those of BSD's sysexits.h, the last two a shell's for signals.
MATCH, NO_MATCH, INCONCLUSIVE = 0, 1, 2
USAGE = 64
UNUSABLE_PICTURE = UNUSABLE_INPUT = 65
MISSING_FILE = 66
NO_PACK = BUSY = 69
FAULT = 70
CANNOT_WRITE = 73
INTERRUPTED = 130
NO_READER = 141

# Where a code's status isn't that of an input that can't be used.
OF_CHALLENGES = {
    "challenge.missing": MISSING_FILE,
    "frames.missing": MISSING_FILE,
    "challenge.binding": USAGE,
    "challenge.key": NO_PACK,
    "challenge.home": NO_PACK,
}
OF_LEDGER = {
    **dict.fromkeys(("ledger.entry", "ledger.index", "ledger.not_set", "ledger.purpose"), USAGE),
    **dict.fromkeys(("ledger.empty", "ledger.no_file", "ledger.no_key", "storage.missing"), MISSING_FILE),
    **dict.fromkeys(("storage.full", "storage.read_only"), CANNOT_WRITE),
    **dict.fromkeys(("storage.driver", "storage.failed", "storage.gone", "storage.locked"), BUSY),
    **dict.fromkeys(("storage.newer", "storage.outdated", "storage.tables"), BUSY),
    "storage.damaged": UNUSABLE_INPUT,
    "access.damaged": UNUSABLE_INPUT,
    "access.no_secret": MISSING_FILE,
}

OF_BATCHES = {
    "batch.missing": MISSING_FILE,
    "batch.out": CANNOT_WRITE,
    "batch.worker": FAULT,
    **dict.fromkeys(("batch.other", "batch.not_installed"), USAGE),
    **dict.fromkeys(("batch.busy", "batch.cluster", "batch.node", "batch.unreachable"), BUSY),
}

# By its prefix: to import the classes would cost every command its quick start.
UNUSABLE = (
    *("evaluation.", "document.", "chip.", "certificates.", "record."),
    *("ledger.", "statement.", "challenge.", "frames.", "batch."),
)

COMMANDS = {
    "verify": (
        "visavis.cli.verify:verify_command",
        "Is the person on one photo on the other, or on an ID?",
    ),
    "crosscheck": ("visavis.cli.crosscheck:crosscheck_command", "Do two documents belong to one person?"),
    "quality": ("visavis.cli.quality:quality_command", "Is a picture fit to decide on?"),
    "challenge": ("visavis.cli.challenge:challenge_command", "What a person is to do before the camera."),
    "liveness": ("visavis.cli.liveness:liveness_command", "Was a live person before the camera?"),
    "document": ("visavis.cli.document:document_command", "What is printed on a document, and on its chip?"),
    "specimen": ("visavis.cli.specimen:specimen_command", "Draw and photograph a fictional document."),
    "batch": ("visavis.cli.batch:batch_command", "Many pairs of a table, each one claimed identity."),
    "evaluate": ("visavis.cli.evaluate:evaluate_command", "How often does a pack err on your pictures?"),
    "calibrate": ("visavis.cli.calibrate:calibrate_command", "What a similarity means on your pictures."),
    "ledger": ("visavis.cli.ledger:ledger_group", "What was it used for, and is that whole?"),
    "keys": ("visavis.cli.keys:keys_group", "Who may ask a service, for what and how often?"),
    "users": ("visavis.cli.users:users_group", "Who may sign in at the desk, and do what there?"),
    "subject": ("visavis.cli.subject:subject_group", "What was done with a person's data? Erase it."),
    "statement": ("visavis.cli.statement:statement_group", "Does a signed statement hold?"),
    "serve": ("visavis.cli.serve:serve_command", "Answer other programs over HTTP."),
    "packs": ("visavis.cli.packs:packs_group", "List, install, check and remove packs of weights."),
    "doctor": ("visavis.cli.doctor:doctor_command", "What this machine has, how fast it is, what to do."),
    "demo": ("visavis.cli.demo:demo_command", "Verdicts on public-domain photographs and specimens."),
}


class Commands(click.Group):
    """A group whose commands are imported when they are called, so that each starts as fast as it can."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  # the table above is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list that ``--help`` prints, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        import visavis  # here, for looking the version up takes time

        click.echo(f"visavis {visavis.__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
def commands() -> None:
    """One photograph against one other: is this the same person?"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit status: one clear line on an error, never a traceback."""
    try:
        status = commands.main(arguments, prog_name="visavis", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:  # a wrong option, a missing argument
        error.show()
        status = USAGE
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except VisavisError as error:
        click.echo(f"visavis: {error}", err=True)
        status = status_of(error)
    except (BrokenPipeError, SystemExit):  # whoever read our output has seen enough; click leaves by itself
        sys.stderr.close()
        status = NO_READER
    except OSError as error:  # the disk that our output goes to is full
        click.echo(f"visavis: the output can't be written ({error.strerror})", err=True)
        status = CANNOT_WRITE
    except Exception as error:  # 1 would be read as "no match"
        if os.environ.get("VISAVIS_TRACEBACK"):
            raise
        click.echo(
            f"visavis: a fault in visavis itself, {type(error).__name__}: {error} "
            "(please report it; VISAVIS_TRACEBACK=1 shows where)",
            err=True,
        )
        status = FAULT
    sys.exit(status)


def program() -> NoReturn:
    """`main`, as all that a process does: it ends with it."""
    try:
        main()
    finally:
        # To look networks and modules through for cycles, and to free them one by one, takes a good part of a
        # short command's time; the system takes a process's memory back at once.
        gc.freeze()


def status_of(error: VisavisError) -> int:
    """The exit status of an error."""
    if isinstance(error, PhotoError):
        return MISSING_FILE if error.code == "photo.missing" else UNUSABLE_PICTURE
    if error.code in ("calibration.no_file", "evaluation.missing", "chip.missing", "certificates.missing"):
        return MISSING_FILE
    if isinstance(error, PackError):
        return USAGE if error.code == "pack.unknown" else NO_PACK
    if error.code in ("report.unwritable", "evaluation.store"):
        return CANNOT_WRITE
    if error.code == "evaluation.busy":
        return BUSY
    if error.code in OF_LEDGER:
        return OF_LEDGER[error.code]
    if error.code in OF_BATCHES:
        return OF_BATCHES[error.code]
    if error.code in OF_CHALLENGES:
        return OF_CHALLENGES[error.code]
    return UNUSABLE_INPUT if error.code.startswith(UNUSABLE) else USAGE
