"""`visavis challenge`: draw what a person is to do before the camera."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from visavis.cli.output import write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.liveness.challenge import Challenge


@click.command("challenge")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write the challenge to, as JSON.",
)
@click.option("--for", "request", default="", metavar="REQUEST", help="Which request it is bound to.")
def challenge_command(*, out: Path, request: str) -> None:
    """Draw what a person is to do before the camera.

    It counts once, for three minutes, for this REQUEST and on this machine; the steps are printed in words.

    Exit status: 0 it is drawn; 64 wrong usage, 69 the key to seal it with can't be used, 73 the file can't be
    written.
    """
    from visavis.liveness.register import Issuer

    sealed = Issuer.at_home().issue(request)
    write(out, json.dumps(sealed.to_dict(), indent=2) + "\n")
    click.echo("\n".join(told(sealed.challenge)))


def told(challenge: Challenge) -> Iterator[str]:
    """A challenge in lines."""
    from visavis.liveness.challenge import in_words

    bound = f"for the request {challenge.binding}" if challenge.binding else "bound to no request"
    yield f"challenge {challenge.id}, {bound}"
    yield f"counts once, until {challenge.expires_at:%H:%M:%S} UTC"
    for step in challenge.steps:
        yield f"{step.from_ms / 1000:5.2f} s  {in_words(step)}"
    yield f"{challenge.duration_ms / 1000:5.2f} s  the end"
