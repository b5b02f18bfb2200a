"""`visavis liveness`: was a live person before the camera, by one picture or by an answered challenge?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from visavis.cli import INCONCLUSIVE, MATCH, NO_MATCH
from visavis.cli.output import watched
from visavis.cli.purpose import purpose_options, record_first
from visavis.cli.verify import source
from visavis.decision.policy import Policy
from visavis.ledger.recording import of_frames, of_picture, use
from visavis.packs.catalogue import DEFAULT_PACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.decision.verdict import Liveness
    from visavis.examiner import Examined, Examiner
    from visavis.liveness.active import Active
    from visavis.liveness.frames import Answer
    from visavis.liveness.register import Sealed

INDENT = 14

STATUS = {"live": MATCH, "attack": NO_MATCH, "not assessed": INCONCLUSIVE}
COLOURS = {"live": "green", "attack": "red", "not assessed": "yellow"}
HEADINGS = {"live": "LIVE", "attack": "ATTACK", "not assessed": "NOT ASSESSED"}


@click.command("liveness")
@click.argument("frames", metavar="FRAMES")
@click.option("--challenge", "challenge", metavar="FILE", help="The challenge that the frames answer.")
@click.option("--for", "request", default="", metavar="REQUEST", help="Which request it is answered for.")
@click.option(
    "--pack", default=DEFAULT_PACK, show_default=True, help="Which engine finds and compares faces."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@purpose_options
@click.pass_context
def liveness_command(
    ctx: click.Context,
    *,
    frames: str,
    challenge: str | None,
    request: str,
    pack: str,
    as_json: bool,
    purpose: str | None,
    subject: str | None,
) -> None:
    """Was a live person before the camera?

    FRAMES is a folder with the frames that answer a challenge and frames.json, or without --challenge one
    picture; - reads it from standard input. A challenge counts once, whatever its answer comes to.

    Exit status: 0 live; 1 attack; 2 not assessed; 64 wrong usage, 65 unusable picture, frames or challenge,
    66 missing file, 69 pack, key, register or ledger not available, 73 ledger can't be written.
    """
    folder = Path(frames)
    if challenge is None and folder.is_dir():
        raise click.UsageError("a folder of frames answers a challenge: give it with --challenge")
    if challenge is not None and (frames == "-" or (folder.exists() and not folder.is_dir())):
        raise click.UsageError("frames that answer a challenge lie in a folder")
    if challenge is None and request:
        raise click.UsageError("--for goes with --challenge")
    from visavis.examiner import Examiner

    wanted = use(purpose, subject)  # refused before anything is looked at
    examiner = Examiner(pack)
    if challenge is None:
        found, seen = by_picture(examiner, frames)
        place = record_first(
            lambda use: of_picture("liveness", seen.evidence, use, decision=found.outcome, pack=pack), wanted
        )
    else:
        sealed, answer = read_both(folder, Path(challenge))
        active = judged(examiner, sealed, answer, request)
        found = of_active(active)
        digests = [frame.photo.sha256 for frame in answer.frames]
        place = record_first(
            lambda use: of_frames(
                sealed.challenge.id, digests, use, decision=found.outcome, pack=pack, reasons=active.codes
            ),
            wanted,
        )
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        click.echo("\n".join(text(found, colour=watched(sys.stdout))))
        if place is not None:
            click.echo(f"{'ledger':{INDENT}}{place}")
    ctx.exit(STATUS[found.outcome])


def by_picture(examiner: Examiner, picture: str) -> tuple[Liveness, Examined]:
    """What one picture comes to, and what was seen on it.

    Raises:
        PhotoError: It can't be used.
        PackError: The pack `pad` isn't installed or is damaged.
    """
    from visavis.liveness.liveness import assess
    from visavis.liveness.passive import PassiveDetector

    detector = PassiveDetector()
    seen = examiner.look(source(picture), policy=Policy(faces="largest_central"))
    return assess(seen.photo, seen.evidence.face, detector), seen


def by_frames(examiner: Examiner, folder: Path, challenge: Path, request: str) -> Active:
    """What frames that answer a challenge come to; the challenge is spent once they could be read.

    Raises:
        ChallengeError: The challenge, the list of frames, the key or the register can't be used.
        PhotoError: A frame isn't a picture.
    """
    return judged(examiner, *read_both(folder, challenge), request)


def read_both(folder: Path, challenge: Path) -> tuple[Sealed, Answer]:
    """A challenge and the frames that are to answer it.

    Raises:
        ChallengeError: The challenge or the list of frames can't be used.
        PhotoError: A frame isn't a picture.
    """
    from visavis.liveness.frames import read_answer
    from visavis.liveness.register import read_sealed

    return read_sealed(challenge), read_answer(folder)


def judged(examiner: Examiner, sealed: Sealed, answer: Answer, request: str) -> Active:
    """What frames come to that answer a challenge, which is spent by it.

    Raises:
        ChallengeError: The key or the register can't be used.
    """
    from visavis.liveness.active import Active, ActiveDetector
    from visavis.liveness.register import Issuer

    if answer.challenge_id != sealed.challenge.id:
        return Active.not_assessed("frames_of_another_challenge", "the frames answer another challenge")
    if problem := Issuer.at_home().admit(sealed, binding=request):
        return Active.not_assessed(*problem)
    return ActiveDetector(examiner).judge(sealed.challenge, answer.frames)


def of_active(active: Active) -> Liveness:
    """The same as `visavis verify` tells it."""
    from visavis.decision.verdict import Liveness

    threshold = None if active.score is None else active.threshold
    return Liveness(active.outcome, active.score, threshold, active.why, active=active.to_dict())


def text(found: Liveness, *, colour: bool = False) -> Iterator[str]:
    """What was found, in lines of at most 100 characters.

    Args:
        found: What was found.
        colour: Whether to style it with ANSI codes.
    """
    from visavis.report.text import headed

    rows = []
    if found.score is not None and found.threshold is not None:
        rows.append(("score", f"{found.score:.2f}, live from {found.threshold:.2f} on"))
    if found.active is not None:
        if found.active["problem"] is not None:
            rows.append(("problem", found.active["problem"]))
        for check in found.active["checks"]:
            score = "not assessed" if check["score"] is None else f"{check['score']:.2f}"
            rows.append((check["name"], f"{score}: {check['why']}"))
    if found.passive is not None:
        rows += [("note", note) for note in found.passive["notes"]]
    return headed(
        HEADINGS[found.outcome],
        COLOURS[found.outcome],
        rows,
        meaning=f"{found.why[:1].upper()}{found.why[1:]}.",
        indent=INDENT,
        colour=colour,
    )
