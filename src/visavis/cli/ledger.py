"""`visavis ledger`: what was recorded, whether it is whole, and proofs of it for others."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from visavis.cli import MATCH, NO_MATCH
from visavis.cli.output import unwritable, watched
from visavis.errors import LedgerError
from visavis.ledger.entry import KINDS, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from visavis.ledger.checkpoint import Checkpoint, VerifierKey
    from visavis.ledger.entry import Entry
    from visavis.ledger.reader import Reader
    from visavis.ledger.verify import Report

INDENT = 14
MAX_FILE = 65_536

where_option = click.option(
    "--ledger",
    "where",
    envvar="VISAVIS_LEDGER",
    metavar="PATH|ADDRESS",
    help="The ledger: a file, or an address of PostgreSQL; VISAVIS_LEDGER by default.",
)
key_option = click.option(
    "--key",
    "key_text",
    metavar="VERIFIER-KEY|FILE",
    help="The public half of the ledger's key, from elsewhere; by default that of the key's file.",
)


@click.group("ledger")
def ledger_group() -> None:
    """Is what was recorded still what was signed? What was recorded?

    The ledger is written where VISAVIS_LEDGER names one: a file, or an address of PostgreSQL. Its key lies
    beside the file, or where VISAVIS_LEDGER_KEY says.
    """


@ledger_group.command("verify")
@where_option
@click.option(
    "--checkpoint",
    "kept",
    metavar="FILE",
    help="One that was kept elsewhere; - reads it from standard input.",
)
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def verify_ledger(
    ctx: click.Context, *, where: str | None, kept: str | None, key_text: str | None, as_json: bool
) -> None:
    """Read the whole ledger and compare it with what was signed.

    Without a checkpoint from elsewhere it can't show whether the newest entries were cut off together with
    all that was signed of them, nor whether somebody with the key signed another history.

    Exit status: 0 nothing is wrong; 1 something is; 64 wrong usage or no ledger named; 65 the checkpoint
    or a key can't be used; 66 a file is missing; 69 the database can't be reached.
    """
    from visavis.ledger.verify import signers, verify

    with opened_to_read(where) as reader:
        key, trusted = _key(reader, key_text)
        checkpoint = None if kept is None else _checkpoint(kept, signers(reader, key))
        report = verify(reader, key=key, checkpoint=checkpoint)
    if as_json:
        click.echo(json.dumps(report.to_dict() | {"key": str(key), "key_from": trusted}, indent=2))
    else:
        click.echo(text(report, key, trusted, colour=watched(sys.stdout)))
    ctx.exit(MATCH if report.sound else NO_MATCH)


@ledger_group.command("show")
@where_option
@click.option(
    "--subject", metavar="REF", help="Only what is recorded of this reference; that is recorded too."
)
@click.option("--kind", type=click.Choice(KINDS), help="Only entries of this kind.")
@click.option(
    "--since", metavar="TIME", help="Only from this time on, as in 2026-01-31 or 2026-01-31T12:00; UTC."
)
@click.option(
    "--purpose", envvar="VISAVIS_PURPOSE", help="What a subject is looked up for; needed with --subject."
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each entry.")
def show(
    *,
    where: str | None,
    subject: str | None,
    kind: str | None,
    since: str | None,
    purpose: str | None,
    as_json: bool,
) -> None:
    """Show entries, one on each line.

    To look a subject up takes the ledger's key, and leaves an entry of its own.
    """
    from visavis.ledger.entry import Entry
    from visavis.ledger.export import line

    moment = None if since is None else _moment(since)
    digest = None if subject is None else _looked_up(where, subject, purpose)
    if subject is not None and digest is None:
        click.echo("nothing is recorded under this reference, or it was erased", err=True)
        return
    with opened_to_read(where) as reader:
        for index, leaf in reader.leaves(kind=kind, since=moment, subject=digest):
            if as_json:
                click.echo(line(index, leaf), nl=False)
            else:
                click.echo(_one_line(index, Entry.parse(leaf)))


@ledger_group.command("export")
@where_option
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), default="jsonl", show_default=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write."
)
def export(*, where: str | None, form: str, out: Path) -> None:
    """Write all entries into a file, as JSON Lines or Parquet (with the extra parquet)."""
    from visavis.ledger.export import export_jsonl, export_parquet

    with opened_to_read(where) as reader, _private(out) as file:
        count = (export_jsonl if form == "jsonl" else export_parquet)(reader.leaves(), file)
    click.echo(f"{count:,} entries are in {out}")


@ledger_group.command("prove")
@where_option
@click.argument("index", type=click.IntRange(min=0))
@click.option(
    "--json", "as_json", is_flag=True, help="Print the entry, the proof and the checkpoint as JSON."
)
def prove(*, where: str | None, index: int, as_json: bool) -> None:
    """Prove to somebody who has nothing of the ledger that entry INDEX is in it.

    What is printed has the form of C2SP tlog-proof: hashes that lead from the entry to the root of the newest
    checkpoint, which is signed. The entry itself is only in the JSON.
    """
    with opened_to_read(where) as reader:
        proof = reader.prove(index)
    click.echo(json.dumps(proof.to_dict(), indent=2) if as_json else proof.text, nl=as_json)


@ledger_group.command("checkpoint")
@where_option
@click.option("--public-key", is_flag=True, help="Print the public half of the key, for those who check.")
def checkpoint(*, where: str | None, public_key: bool) -> None:
    """Print the newest checkpoint, to be kept where nobody who can write the ledger can write."""
    with opened_to_read(where) as reader:
        if public_key:
            click.echo(str(_key(reader, None)[0]))
        else:
            click.echo(reader.checkpoint(), nl=False)


@ledger_group.command("rotate-key")
@where_option
@click.option(
    "--leaked", is_flag=True, help="Somebody else may have the key: its statements shall not count any more."
)
@click.option("--purpose", envvar="VISAVIS_PURPOSE", help="What it is done for; it is recorded.")
def rotate_key(*, where: str | None, leaked: bool, purpose: str | None) -> None:
    """Let a new key sign the ledger from now on, and print its public half.

    An entry names both keys, and both sign its checkpoint. What was signed before stays as it is and verifies
    under the key before, whose private half is gone afterwards. A service that runs goes on with the new key.
    """
    from visavis.ledger.log import Ledger

    with opened_to_read(where):
        pass  # there is nothing to exchange where there is no ledger
    with Ledger.open(_named(where)) as ledger:
        receipt = ledger.rotate_key(leaked=leaked, purpose=purpose)
        click.echo(str(ledger.signing_key().verifier))
    click.echo(f"recorded as entry {receipt.index}; keep a copy of the key's file", err=True)


@ledger_group.command("prepare")
@where_option
def prepare(*, where: str | None) -> None:
    """Make the tables in PostgreSQL, or bring them to this version; those in a file make themselves."""
    from visavis.ledger.log import prepare as make

    make(_named(where))
    click.echo("the tables are there")


def text(report: Report, key: VerifierKey, trusted: str, *, colour: bool = False) -> str:
    """What a check came to, in lines of at most 100 characters.

    Args:
        report: What it came to.
        key: By which signatures were checked.
        trusted: Where that key is from.
        colour: Whether to style it with ANSI codes.
    """
    from visavis.report.text import headed

    title, tone = ("INTACT", "green") if report.sound else ("NOT INTACT", "red")
    return "\n".join(headed(title, tone, _rows(report, key, trusted), indent=INDENT, colour=colour))


def _rows(report: Report, key: VerifierKey, trusted: str) -> Iterator[tuple[str, str]]:
    for finding in report.findings:
        yield "wrong", f"{finding.where}: {finding.message}"
    if report.further:
        yield "", f"and {sum(report.further.values()):,} more of the same kinds"
    yield "ledger", f"{report.origin}, {report.size:,} entries"
    yield "root", report.root.hex()
    yield "signed", f"{report.checkpoints:,} checkpoints of its own"
    if report.erased:
        yield "erased", f"the salts of {report.erased:,} digests, as recorded"
    if report.compared is None:
        yield "not checked", "against a checkpoint from elsewhere: none was given, so a cut end may go unseen"
    else:
        yield "compared", f"with a checkpoint that was kept, of {report.compared.size:,} entries"
    yield "key", f"{key.name}+{key.id.hex()}, {trusted}"
    if len(report.keys) > 1:
        yield "exchanged", f"as recorded; signed by {', then '.join(each.id.hex() for each in report.keys)}"


def _one_line(index: int, entry: Entry) -> str:
    from visavis.report.words import one_in

    said = [f"{index:>8}", entry.time[:19] + "Z", f"{entry.kind:<10}"]
    if entry.decision is not None:
        said.append(entry.decision)
    if entry.fmr is not None and entry.fmr > 0:
        said.append(f"FMR {one_in(entry.fmr)}")
    elif entry.fmr_upper is not None and entry.fmr_upper > 0:
        said.append(f"FMR below {one_in(entry.fmr_upper)}")
    if entry.purpose is not None:
        said.append(f"for {entry.purpose!r}")
    if entry.key is not None:
        said.append(f"key {entry.key!r}")
    if entry.pack is not None:
        said.append(f"pack {entry.pack}")
    if entry.subject is not None:
        said.append(f"subject {entry.subject.digest[:12]}")
    if entry.reasons:
        said.append(", ".join(entry.reasons))
    return "  ".join(said)


def _named(where: str | None) -> str:
    if not where:
        raise click.UsageError("say which ledger: --ledger, or VISAVIS_LEDGER")
    return where


@contextlib.contextmanager
def opened_to_read(where: str | None) -> Iterator[Reader]:
    """The ledger of `where_option`, which must be there."""
    from visavis.ledger.reader import Reader

    with Reader.read(_named(where)) as reader:
        yield reader


def _looked_up(where: str | None, subject: str, purpose: str | None) -> str | None:
    """The digest of a subject, once it is recorded that it was looked up."""
    from visavis.ledger.entry import Event
    from visavis.ledger.log import Ledger

    if not purpose:
        raise click.UsageError("--subject needs a --purpose: what the person is looked up for is recorded")
    with opened_to_read(where):
        pass  # to look somebody up makes no ledger
    with Ledger.open(_named(where)) as ledger:
        digest = ledger.subject_digest(subject)
        if digest is not None:
            ledger.append(Event(kind="access", purpose=purpose, subject=subject, details={"what": "show"}))
        return digest


def _key(reader: Reader, text: str | None) -> tuple[VerifierKey, str]:
    """The key by which signatures are checked, and where it is from."""
    from visavis.ledger.checkpoint import VerifierKey

    if text is not None:
        # Not Path.is_file, which raises where a text is too long for a name.
        stands_here = "+" in text and not os.path.isfile(text)  # noqa: PTH113
        given = text if stands_here else content(text, MAX_FILE).decode("utf-8", "replace")
        return VerifierKey.parse(given), "as it was given"
    if reader.key is not None:
        return reader.key.verifier, "from the file of the ledger's key"
    return VerifierKey.parse(reader.state().key), "as the ledger itself names it"


def _checkpoint(name: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    from visavis.ledger.checkpoint import read_checkpoint

    return read_checkpoint(content(name, MAX_FILE), keys)


def content(name: str, most: int) -> bytes:
    """The bytes of a file, one more than there may be at most, or of standard input for a hyphen.

    Raises:
        LedgerError: `ledger.no_file`.
    """
    try:
        if name == "-":
            return b"" if sys.stdin is None else sys.stdin.buffer.read(most + 1)
        with Path(name).open("rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError) as error:
        raise LedgerError(
            "ledger.no_file",
            f"there is no file {name!r} that can be read",
            found=getattr(error, "strerror", None),
        ) from None


def _moment(text: str) -> str:
    """A day or a time as entries have it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no day or time as 2026-01-31T12:00", param_hint="--since"
        ) from None
    return stamp(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


@contextlib.contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """A file that only its owner may read, which appears under its name when it is whole."""
    try:
        if path.exists() and not path.is_file():
            raise unwritable(path, "not a regular file")
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
            os.replace(beside, path)  # noqa: PTH105  # `beside` is a string
        except BaseException:
            os.unlink(beside)  # noqa: PTH108
            raise
    except OSError as error:
        raise unwritable(path, error.strerror) from None
