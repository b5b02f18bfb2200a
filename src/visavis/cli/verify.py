"""`visavis verify`: is the person on one photo the person on another, or on a document?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import click

from visavis.cli import INCONCLUSIVE, MATCH, NO_MATCH
from visavis.cli.output import watched, write
from visavis.cli.policy import policy_options
from visavis.cli.purpose import purpose_options
from visavis.errors import PackError, PhotoError
from visavis.ledger.recording import use
from visavis.packs.catalogue import DEFAULT_PACK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from visavis.decision.policy import Policy
    from visavis.documents.trust import Trust
    from visavis.examiner import Examined
    from visavis.geometry import Box
    from visavis.liveness.active import Active
    from visavis.verifier import ExaminedDocument, Verifier

Made = TypeVar("Made")

STATUS = {"match": MATCH, "no_match": NO_MATCH, "inconclusive": INCONCLUSIVE}


def face_boxes(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[str | None, Box]:
    """``[reference:|probe:]x,y,w,h``: the boxes by the picture they belong to, None without a prefix."""
    from visavis.geometry import Box

    boxes: dict[str | None, Box] = {}
    for value in values:
        about, colon, numbers = value.rpartition(":")
        if colon and about not in ("reference", "probe"):
            raise click.BadParameter(f"{about!r} is neither 'reference' nor 'probe'")
        try:
            x, y, width, height = (float(number) for number in numbers.split(","))
            box = Box(x, y, width, height)
        except ValueError:
            raise click.BadParameter(
                f"{numbers!r} isn't x,y,w,h in pixels, width and height not negative"
            ) from None
        if (about or None) in boxes or None in boxes:
            raise click.BadParameter("give it once, or once with 'reference:' and once with 'probe:'")
        boxes[about or None] = box
    if None in boxes and len(boxes) > 1:
        raise click.BadParameter("give it once, or once with 'reference:' and once with 'probe:'")
    return boxes


@click.command("verify")
@click.argument("pictures", nargs=-1, required=True, metavar="[REFERENCE] PROBE")
@policy_options
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML report with pictures."
)
@click.option(
    "--face",
    "boxes",
    callback=face_boxes,
    metavar="[reference:|probe:]x,y,w,h",
    multiple=True,
    help="Where the face is that is meant; without a prefix in the picture that shows several.",
)
@click.option(
    "--also",
    "further",
    multiple=True,
    metavar="REFERENCE",
    help="A further picture of the person on REFERENCE; may be given several times.",
)
@click.option(
    "--document",
    "pages",
    multiple=True,
    metavar="PICTURE",
    help="In place of REFERENCE: a document, as picture or PDF; once more for its back.",
)
@click.option("--chip", metavar="PATH", help="The files of the document's chip: a folder or a zip.")
@click.option(
    "--trust",
    "certificates",
    multiple=True,
    metavar="PATH",
    help="Certificates of issuing states that you trust: a file or a folder.",
)
@click.option(
    "--challenge",
    metavar="FILE",
    help="With --frames: the challenge that the person on PROBE answered, as `visavis challenge` drew it.",
)
@click.option("--frames", metavar="FOLDER", help="The frames that answer it, with frames.json.")
@click.option("--for", "request", default="", metavar="REQUEST", help="Which request it is answered for.")
@click.option(
    "--calibration",
    metavar="FILE",
    help="Error rates measured on your own pictures, in place of those that ship with the pack.",
)
@click.option("--offline", is_flag=True, help="Never offer to download a missing pack.")
@purpose_options
@click.pass_context
def verify_command(
    ctx: click.Context,
    *,
    pictures: tuple[str, ...],
    policy: Policy,
    pack: str,
    as_json: bool,
    report: Path | None,
    boxes: dict[str | None, Box],
    further: tuple[str, ...],
    pages: tuple[str, ...],
    chip: str | None,
    certificates: tuple[str, ...],
    challenge: str | None,
    frames: str | None,
    request: str,
    calibration: str | None,
    offline: bool,
    purpose: str | None,
    subject: str | None,
) -> None:
    """Is the person on PROBE the person on REFERENCE, or on a document?

    REFERENCE and PROBE are picture files; - reads one of them from standard input. With --document, PROBE is
    the only one.

    Exit status: 0 match, 1 no match, 2 inconclusive; 64 wrong usage, 65 unusable picture, 66 missing file,
    69 pack or ledger not available, 73 report or ledger can't be written.
    """
    *references, probe = pictures
    if pages and (references or further or "reference" in boxes):
        raise click.UsageError(
            "with --document give one picture, that of the person, and no --also or --face reference:..."
        )
    if not pages and len(references) != 1:
        told = f"not {len(pictures)}: {', '.join(pictures)}"
        raise click.UsageError(f"give two pictures, REFERENCE and PROBE, or --document and one, {told}")
    if not pages and (chip or certificates or policy.require_valid_document):
        raise click.UsageError("--chip, --trust and --require-valid-document need --document")
    asks_liveness = policy.liveness != "off"
    _check_answer(challenge, frames, request, asks_liveness=asks_liveness)
    _check(
        [*references, probe, *further],
        [*pages, *filter(None, (chip, challenge)), *certificates],
        report,
        calibration,
    )
    use(purpose, subject)  # refused before anything is loaded
    verifier = offered(lambda: load(pack, calibration), pack, offline=offline)
    verifier.threshold(policy)  # an impossible policy is refused before a picture is opened
    document = None
    if pages:
        trust = trusted(certificates)
        document = offered(lambda: read(verifier, policy, pages, chip, trust), "mrz", offline=offline)
    seen = [verifier.examine(source(name), policy=policy, face=boxes.get("reference")) for name in references]
    seen += [verifier.examine(source(name), policy=policy) for name in further]
    probed = verifier.examine(source(probe), policy=policy, face=boxes.get("probe"))
    if (box := boxes.get(None)) is not None:
        seen, probed = _where_meant(verifier, policy, box, seen, probed)
    if asks_liveness:
        _offer_passive(offline=offline)
    active = _answered(verifier, frames, challenge, request)
    if document is not None:
        seen = [document.reference]
        verdict = verifier.verify_document(
            document, probed, policy=policy, active=active, purpose=purpose, subject=subject
        )
    else:
        verdict = verifier.compare(
            seen, probed, policy=policy, active=active, purpose=purpose, subject=subject
        )
    if report is not None:
        from visavis.report.page import page

        write(report, page(verdict, seen, probed, calibration=verifier.calibration, document=document))
    if as_json:
        click.echo(json.dumps(verdict.to_dict(), indent=2))
    else:
        from visavis.report.text import text

        click.echo(text(verdict, colour=watched(sys.stdout)))
    ctx.exit(STATUS[verdict.decision])


def _check(
    pictures: Sequence[str], of_document: Sequence[str], report: Path | None, calibration: str | None
) -> None:
    """Refuse what can't be, before anything is opened."""
    from visavis.verifier import MAX_REFERENCES

    given = [*pictures, *of_document]
    if given.count("-") > 1:
        raise click.UsageError("only one picture can come from standard input")
    if len(pictures) - 1 > MAX_REFERENCES:
        raise click.UsageError(f"at most {MAX_REFERENCES} references of one person can be given")
    if report is not None and calibration is not None and is_same(report, calibration):
        raise click.UsageError(f"the report would overwrite the calibration: {report}")
    if report is not None and any(is_same(report, name) for name in given):
        raise click.UsageError(f"the report would overwrite a picture, or what else was given: {report}")


def _check_answer(challenge: str | None, frames: str | None, request: str, *, asks_liveness: bool) -> None:
    """Refuse options about liveness that don't go together."""
    if not asks_liveness and (challenge or frames):
        raise click.UsageError("--challenge and --frames need --liveness or --require-liveness")
    if (challenge is None) != (frames is None) or (request and challenge is None):
        raise click.UsageError("--challenge and --frames go together, and --for goes with them")


def load(pack: str, calibration: str | None) -> Verifier:
    """The verifier of a pack."""
    from visavis.verifier import Verifier

    return Verifier(pack, calibration=calibration)


def trusted(certificates: Sequence[str]) -> Trust | None:
    """What was given with ``--trust``, or None."""
    if not certificates:
        return None
    from visavis.documents.trust import Trust

    return Trust.read(*certificates)


def read(
    verifier: Verifier, policy: Policy, pages: Sequence[str], chip: str | None, trust: Trust | None
) -> ExaminedDocument:
    """A document, read and its portraits examined."""
    document = verifier.read_document([source(name) for name in pages], chip=chip, trust=trust)
    return verifier.examine_document(document, policy=policy)


def offered(make: Callable[[], Made], pack: str, *, offline: bool) -> Made:
    """What `make` makes, after offering to install the pack it needs where a person is there to answer."""
    try:
        return make()
    except PackError as error:
        asked = watched(sys.stdin) and watched(sys.stderr) and not offline
        if error.code not in ("pack.not_installed", "pack.outdated") or not asked:
            raise
        click.echo(f"visavis: {error}", err=True)
        if not click.confirm("Install it now?", default=True, err=True):
            raise
        from visavis.cli.progress import progress
        from visavis.packs.install import install

        with progress() as report:
            install(pack, progress=report)
        return make()


def _offer_passive(*, offline: bool) -> None:
    """Offer to install what judges a picture where a person can answer; without it the verdict says so."""
    from visavis.liveness.passive import PACK
    from visavis.packs.install import require_any

    try:
        offered(lambda: require_any(PACK), PACK, offline=offline)
    except PackError as error:
        if error.code != "pack.not_installed":
            raise


def _answered(verifier: Verifier, frames: str | None, challenge: str | None, request: str) -> Active | None:
    """What frames that answer a challenge come to, or None where none were given."""
    if frames is None or challenge is None:
        return None
    from visavis.cli.liveness import by_frames

    return by_frames(verifier.examiner, Path(frames), Path(challenge), request)


def is_same(report: Path, picture: str) -> bool:
    """Whether a report would overwrite a file that was given."""
    try:
        return picture != "-" and report.samefile(picture)
    except OSError:
        return False


def source(name: str) -> str | BinaryIO:
    """A file's name, or standard input for a hyphen."""
    if name != "-":
        return name
    if sys.stdin is None:  # the shell's <&-
        raise PhotoError("photo.unreadable", "standard input is closed")
    return sys.stdin.buffer


def _where_meant(
    verifier: Verifier, policy: Policy, box: Box, references: list[Examined], probe: Examined
) -> tuple[list[Examined], Examined]:
    """Apply a box without a prefix to the picture that shows several faces; to the probe where none does."""
    crowded = [seen for seen in (*references, probe) if seen.evidence.others] or [probe]
    if len(crowded) > 1:
        raise click.UsageError("several pictures show several faces: say --face reference:... or probe:...")

    def again(seen: Examined) -> Examined:
        if seen is not crowded[0]:
            return seen
        return verifier.examine(seen.photo, policy=policy, face=box, name=seen.evidence.name)

    return [again(seen) for seen in references], again(probe)
