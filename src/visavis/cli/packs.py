"""`visavis packs`: which engines and tools there are, and putting them on this machine."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import click

from visavis.cli.progress import megabytes, progress
from visavis.errors import PackError
from visavis.packs.catalogue import DEFAULT_PACK, Engine, IndexMember, all_packs, find_pack
from visavis.packs.install import install, installed, remove, verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from visavis.packs.catalogue import File, Pack

COLUMN = 19  # of a card; the longest word in front of it is "second recogniser"


@click.group("packs")
def packs_group() -> None:
    """List, install, check and remove packs: the weights of one engine or tool each."""


@packs_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_packs(*, as_json: bool) -> None:
    """Show all packs and which of them are installed."""
    if as_json:
        click.echo(json.dumps([_row(pack) for pack in all_packs().values()], indent=2))
        return
    table = [("NAME", "INSTALLED", "SIZE", "TEMPLATE", "LICENCE", "SUMMARY")]
    for pack in all_packs().values():
        numbers = f"{pack.template_size} numbers" if isinstance(pack, Engine) else "none"
        size = megabytes(_files_size(pack))
        table.append((pack.name, _state(pack.name), size, numbers, pack.licence, pack.summary))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@packs_group.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show a pack's card: licence, sources, training data, checksums."""
    for line in _card(find_pack(name)):
        click.echo(line)


@packs_group.command("install")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--offline", is_flag=True, help="Make no connection: take files from a mirror folder or find-links."
)
def install_packs(names: tuple[str, ...], *, offline: bool) -> None:
    """Install packs (without a name: the default one), or repair or update those that are installed."""
    for name in _known(names or (DEFAULT_PACK,)):
        with progress() as report:
            done = install(name, offline=offline, progress=report)
        click.echo(f"{name} is installed ({megabytes(done.size)}, fingerprint {done.fingerprint})")


@packs_group.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def verify_packs(names: tuple[str, ...]) -> None:
    """Read the files of packs (without a name: all that are installed) again and compare their checksums."""
    problems: list[PackError] = []
    for name in _known(names) or [name for name in all_packs() if _state(name) != "no"] or [DEFAULT_PACK]:
        found = _problems(name)
        if not found:
            click.echo(f"{name}: every file is as it was installed")
        problems += found
    if problems:
        raise PackError(problems[0].code, "\n".join(map(str, problems)))


@packs_group.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", is_flag=True, help="Don't ask.")
def remove_packs(names: tuple[str, ...], *, yes: bool) -> None:
    """Remove packs. Files that another installed pack needs stay."""
    _known(names)
    if not yes:
        click.confirm(f"Remove {', '.join(names)}?", abort=True, err=True)
    for name in names:
        remove(name)
        click.echo(f"{name} is removed")


def _known(names: Iterable[str]) -> list[str]:
    """The names, once each; refuses an unknown one before anything is done about the others."""
    return [find_pack(name).name for name in dict.fromkeys(names)]


def _state(name: str) -> str:
    try:
        return "yes" if installed(name) else "no"
    except PackError as error:
        return error.code.removeprefix("pack.")  # damaged, outdated


def _problems(name: str) -> list[PackError]:
    try:
        return verify(name)
    except PackError as error:
        return [error]


def _row(pack: Pack) -> dict[str, str | int | bool | None]:
    return {
        "name": pack.name,
        "default": pack.name == DEFAULT_PACK,
        "state": _state(pack.name),
        "files_bytes": _files_size(pack),
        "template_size": pack.template_size if isinstance(pack, Engine) else None,
        "licence": pack.licence,
        "fingerprint": pack.fingerprint,
        "summary": pack.summary,
    }


def _card(pack: Pack) -> Iterator[str]:
    yield f"{pack.name}: {pack.title}. {pack.summary}."
    yield ""
    yield f"{'installed':{COLUMN}}{_state(pack.name)}"
    yield f"{'licence':{COLUMN}}{pack.licence}"
    if isinstance(pack, Engine):
        yield f"{'template':{COLUMN}}{pack.template_size} numbers, fingerprint {pack.fingerprint}"
    else:
        yield f"{'fingerprint':{COLUMN}}{pack.fingerprint}"
    for role, file in pack.files.items():
        yield ""
        yield f"{role.replace('_', ' '):{COLUMN}}{file.name}"
        yield from (f"{'':{COLUMN}}{line}" for line in _file_lines(file))
    for title, texts in (
        ("training data", pack.training_data),
        ("notes", pack.notes),
        ("papers", pack.papers),
    ):
        yield ""
        yield title
        for text in texts:
            yield from textwrap.wrap(text, 100, initial_indent="  - ", subsequent_indent="    ")


def _file_lines(file: File) -> Iterator[str]:
    yield file.origin
    yield f"{file.licence}, {megabytes(file.size)}"
    yield f"sha256 {file.sha256}"
    for source in file.sources:
        if isinstance(source, IndexMember):
            yield f"from {source.distribution.filename} on the package index, member {source.member}"
            yield f"     sha256 {source.distribution.sha256}"
        else:
            yield f"from {source.url}"


def _files_size(pack: Pack) -> int:
    return sum(file.size for file in pack.files.values())
