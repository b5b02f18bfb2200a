"""`visavis serve`: the HTTP service."""

from __future__ import annotations

import importlib.util
import os

import click

from visavis.cli import MATCH, USAGE
from visavis.errors import ServiceError

SETTINGS = ("host", "port", "workers", "tls_cert", "tls_key", "database", "mosip_key_file")


@click.command("serve")
@click.option(
    "--config",
    "file",
    type=click.Path(dir_okay=False),
    help="A TOML file with settings; see the documentation.",
)
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [default: 8420]")
@click.option(
    "--door",
    "doors",
    multiple=True,
    type=click.Choice(["facepp", "mosip"]),
    help="Also answer programs that were written for another product; may be given more than once.",
)
@click.option("--mosip-key-file", help="File of the key for calls at the door mosip that show none.")
@click.option("--desk", is_flag=True, help="Also offer the desk, pages for people, under /desk/.")
@click.option("--workers", type=int, help="Processes.  [default: 1]")
@click.option("--database", help="Path of a SQLite file, or an address of PostgreSQL.")
@click.option("--tls-cert", help="Certificate chain, PEM, where no proxy does TLS.")
@click.option("--tls-key", help="Its key.")
@click.option("--check", "only_check", is_flag=True, help="Say what is wrong with the settings, and end.")
@click.pass_context
def serve_command(
    ctx: click.Context,
    /,
    *,
    file: str | None,
    doors: tuple[str, ...],
    desk: bool,
    only_check: bool,
    **options: str | int | None,
) -> None:
    """Answer over HTTP, each call under a key with a purpose.

    Settings come from the file, over it from the environment (VISAVIS_SERVICE_...), over it from options.

    Exit status: 0 it was ended, or nothing is wrong; 64 the settings or the address can't be used; what else
    keeps it from starting, such as a missing pack, has the status that other commands give it.
    """
    if any(importlib.util.find_spec(name) is None for name in ("uvicorn", "fastapi", "babel", "segno")):
        raise ServiceError(
            "serve.not_installed",
            "the service needs packages that aren't installed; "
            "install them with: pip install 'visavis[service]'",
        )
    from visavis.service.config import FILE, PREFIX, load, read

    # In the environment, so that every process of the service reads the same.
    if file is not None:
        os.environ[FILE] = file
    for name in SETTINGS:
        if options[name] is not None:
            os.environ[PREFIX + name.upper()] = str(options[name])
    if doors:
        os.environ[PREFIX + "DOORS"] = ",".join(doors)
    if desk:
        os.environ[PREFIX + "DESK"] = "true"
    if only_check:
        config, found = read()
        notes = []
        if config is not None:
            from visavis.service import examination

            found, notes = examination.wrong(config), examination.to_note(config)
        for sentence in found:
            click.echo(f"wrong: {sentence}")
        for sentence in notes:
            click.echo(f"note:  {sentence}")
        if not found:
            click.echo("Nothing is wrong.")
        ctx.exit(USAGE if found else MATCH)
    from visavis.service.server import serve

    serve(load(), click.echo)
