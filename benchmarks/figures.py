"""Writes into README and docs what was measured, what the code says of itself, and what commands print.

    python benchmarks/figures.py                  # every marked place
    python benchmarks/figures.py packs limits     # only places of these names
    python benchmarks/figures.py --check          # writes nothing; exit status 1 where a document differs

A marked place lies between two comments, `<!-- figures:NAME -->` and `<!-- /figures -->`. What is measured
comes from the files that accuracy.py, speed.py and startup.py write with --figures FILE into docs/figures.
The place `run` is different: it holds a console block, whose `visavis` commands are run, in a folder with the
pictures that the documents speak of, and whose output is replaced.
"""

from __future__ import annotations

import argparse
import ast
import functools
import io
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from PIL import Image

import visavis
from visavis.decision.calibration import shipped
from visavis.errors import PackError, PolicyError
from visavis.packs.catalogue import DEFAULT_PACK, PACKS, IndexMember, Role, find_pack
from visavis.packs.install import fetch_demo_pictures
from visavis.photo import limits as photo_limits
from visavis.report.words import one_in

ROOT = Path(__file__).parents[1]
FMRS = (1e-3, 1e-4, 1e-5, 1e-6)
DOES: Mapping[Role, str] = {
    "detector": "finds faces",
    "landmarks": "places the points of a face",
    "recogniser": "makes templates",
    "second_recogniser": "makes templates",
}

PLACE = re.compile(r"(<!-- figures:([\w-]+) -->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
TIME = re.compile(r"\d+(?:\.\d+)? ms\b")
TOLERANCE = 0.05  # of a number that a command prints: another processor rounds otherwise


class FiguresError(Exception):
    """A table can't be made; the text says what to do."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join((*TABLES, 'run'))}")
    parser.add_argument("--check", action="store_true", help="write nothing, say which documents differ")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the repository")
    arguments = parser.parse_args()
    try:
        stale = update(arguments.root, names=arguments.names, check=arguments.check)
    except FiguresError as error:
        sys.exit(f"figures: {error}")
    for path, name in stale:
        print(f"{path.relative_to(arguments.root)}: {name} {'differs' if arguments.check else 'written'}")
    sys.exit(1 if arguments.check and stale else 0)


def documents(root: Path) -> list[Path]:
    """README and all pages."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def update(root: Path, *, names: Sequence[str] = (), check: bool = False) -> list[tuple[Path, str]]:
    """Bring the marked places up to date.

    Args:
        root: The folder with README.md and docs.
        names: Only places of these names; all by default.
        check: Write nothing.

    Returns:
        Document and name of each place that was not as it should be.

    Raises:
        FiguresError: A file of figures is missing or isn't one, or a place has an unknown name.
    """
    if unknown := set(names) - {*TABLES, "run"}:
        raise FiguresError(f"there is no table named {', '.join(sorted(unknown))}")
    stale = []
    for path in documents(root):
        text = path.read_text(encoding="utf-8")
        parts, end = [], 0
        for place in PLACE.finditer(text):
            name = place[2]
            if names and name not in names:
                continue
            new, same = _content(name, place[3], root / "docs" / "figures")
            if not same:
                stale.append((path, name))
                parts += [text[end : place.start(3)], new]
                end = place.end(3)
        if parts and not check:
            path.write_text("".join([*parts, text[end:]]), encoding="utf-8")
    return stale


def _content(name: str, old: str, figures: Path) -> tuple[str, bool]:
    """What a place should hold, and whether it does."""
    if name == "run":
        new = CONSOLE.sub(lambda block: _run_again(block[1]), old)
        return new, difference(old.splitlines(), new.splitlines()) is None
    if name not in TABLES:
        raise FiguresError(f"a document asks for a table named {name}; there are {', '.join(TABLES)}")
    try:
        new = "\n" + "\n".join(TABLES[name](figures)) + "\n\n"
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise FiguresError(
            f"{name}: a file in {figures.name} isn't what its benchmark writes: {error!r}"
        ) from error
    return new, new == old


# What was measured


def _read(figures: Path, name: str, made_by: str) -> Any:
    path = figures / f"{name}.json"
    if not path.is_file():
        raise FiguresError(f"{path.name} is missing in {figures}; make it with: {made_by} --figures {path}")
    return json.loads(path.read_text(encoding="utf-8"))


def _accuracies(figures: Path) -> list[Any]:
    found = []
    for pack in PACKS:
        measured = _read(figures, f"accuracy-{pack}", f"benchmarks/accuracy.py FOLDER --pack {pack}")
        if (measured["pack"], measured["fingerprint"]) != (pack, find_pack(pack).fingerprint):
            raise FiguresError(f"accuracy-{pack}.json was measured with other weights: measure it again")
        found.append(measured)
    return found


def accuracy(figures: Path) -> Iterator[str]:
    """FNMR of each pack at each FMR, each person weighing the same."""
    measured = _accuracies(figures)
    fmrs = [row["fmr"] for row in measured[0]["rows"]]
    yield from _table(
        ["Pack", *(f"FNMR at FMR {one_in(fmr)}" for fmr in fmrs)],
        (
            [f"`{each['pack']}`", *(_percent(row["fnmr_per_person"]) for row in each["rows"])]
            for each in measured
        ),
    )
    first = measured[0]
    yield ""
    yield (
        f"Each person weighs the same; all pairs of {first['pictures']:,} pictures of {first['people']:,} "
        f"people: {first['genuine']:,} of one person, {first['impostors']:,} of two."
    )


def accuracy_full(figures: Path) -> Iterator[str]:
    """The same with thresholds, and over all comparisons alike."""
    yield from _table(
        ["Pack", "FMR", "Threshold", "FNMR per person", "FNMR pooled"],
        (
            [
                f"`{each['pack']}`",
                one_in(row["fmr"]),
                f"{row['threshold']:.4f}",
                _percent(row["fnmr_per_person"]),
                _percent(row["fnmr"]),
            ]
            for each in _accuracies(figures)
            for row in each["rows"]
        ),
    )


def accuracy_data(figures: Path) -> Iterator[str]:
    """How much was compared."""
    yield from _table(
        [
            "Pack",
            "Fingerprint",
            "People",
            "Pictures",
            "Without a face",
            "Pairs of one person",
            "Pairs of two people",
        ],
        (
            [
                f"`{each['pack']}`",
                f"`{each['fingerprint']}`",
                *(f"{each[key]:,}" for key in ("people", "pictures", "without_face", "genuine", "impostors")),
            ]
            for each in _accuracies(figures)
        ),
    )


def _speed(figures: Path) -> Any:
    measured = _read(figures, "speed", "benchmarks/speed.py " + " ".join(f"--pack {pack}" for pack in PACKS))
    if any(times["peer_ms"] is None for times in measured["packs"].values()):
        raise FiguresError(
            "speed.json was measured without face_recognition beside it: make bench installs it"
        )
    return measured


def speed(figures: Path) -> Iterator[str]:
    """From JPEG bytes to template, beside the peer."""
    measured = _speed(figures)
    yield from _table(
        ["Pack", "1080p JPEG to template", "`face_recognition` in the same run", "Ratio"],
        (
            [f"`{pack}`", _ms(times["whole_ms"]), _ms(times["peer_ms"]), f"{times['ratio']:.0f}"]
            for pack, times in measured["packs"].items()
        ),
    )
    yield ""
    yield _circumstances(measured, "One thread")


def speed_stages(figures: Path) -> Iterator[str]:
    """Where the time goes."""
    measured = _speed(figures)
    packs = measured["packs"]
    first = next(iter(packs.values()))
    rows = [
        [f"{stage}", *(_ms(times["stages_ms"][stage]) for times in packs.values())]
        for stage in first["stages_ms"]
    ]
    rows.append(["whole path", *(_ms(times["whole_ms"]) for times in packs.values())])
    rows.append(["`face_recognition`", *(_ms(times["peer_ms"]) for times in packs.values())])
    rows.append(["ratio", *(f"{times['ratio']:.1f}" for times in packs.values())])
    yield from _table(["Stage", *(f"`{pack}`" for pack in packs)], rows)
    yield ""
    yield _circumstances(measured, "One thread")


def startup(figures: Path) -> Iterator[str]:
    """Processes that start from nothing."""
    measured = _read(figures, "startup", "benchmarks/startup.py")
    yield from _table(
        ["Process", "Wall time", "Peak memory"],
        (
            [f"`{row['title']}`", f"{row['wall_s']:.2f} s", f"{row['peak_mib']:.0f} MiB"]
            for row in measured["rows"]
        ),
    )
    yield ""
    yield _circumstances(measured, "Each a process of its own")


def _circumstances(measured: Any, how: str) -> str:
    return f"{how}, medians of {measured['runs']} runs, on {measured['machine']}."


# What the code says of itself


def calibration(figures: Path) -> Iterator[str]:  # noqa: ARG001  # the calibrations lie with the code
    """Thresholds of the calibrations that ship, and the finest FMR they support."""
    rows = []
    for pack in PACKS:
        try:
            ours = shipped(pack, find_pack(pack).fingerprint)
        except PackError as error:
            raise FiguresError(f"{error}: benchmarks/accuracy.py --calibrate measures it") from error
        thresholds = []
        for fmr in FMRS:
            try:
                thresholds.append(f"{ours.threshold(fmr):.3f}")
            except PolicyError:
                thresholds.append("refused")
        rows.append([f"`{pack}`", *thresholds, one_in(ours.finest), one_in(ours.marks[-1].fmr_upper)])
    yield from _table(
        ["Pack", *(f"Threshold at {one_in(fmr)}" for fmr in FMRS), "Finest FMR", "Its upper bound"], rows
    )


def packs(figures: Path) -> Iterator[str]:  # noqa: ARG001
    """The packs there are."""
    yield from _table(
        ["Pack", "What it is", "Download", "Template", "Views", "Licence"],
        (
            [
                f"`{pack.name}`",
                pack.summary
                + (" (default)" if pack.name == DEFAULT_PACK and "default" not in pack.summary else ""),
                f"{sum(file.size for file in pack.files.values()) / 1e6:.1f} MB",
                f"{pack.template_size} numbers",
                str(len(pack.views)),
                pack.licence,
            ]
            for pack in PACKS.values()
        ),
    )


def weights(figures: Path) -> Iterator[str]:  # noqa: ARG001
    """The files, who made them and where they come from."""
    parts: dict[str, list[tuple[Role, str]]] = {}
    files = {}
    for pack in PACKS.values():
        for role, file in pack.files.items():
            files[file.name] = file
            parts.setdefault(file.name, []).append((role, pack.name))
    for file in files.values():
        sources = ", or ".join(
            f"`{source.distribution.requirement}` on the package index"
            if isinstance(source, IndexMember)
            else f"[upstream]({source.url})"
            for source in file.sources
        )
        part = " and ".join(_joined(parts[file.name]))
        yield f"- `{file.name}`, {part}: {file.origin}. {file.licence}. From {sources}."


def _joined(parts: list[tuple[Role, str]]) -> Iterator[str]:
    """What a file does in which packs, each of its parts once."""
    for does, alike in groupby(parts, key=lambda part: DOES[part[0]]):
        names = [f"`{name}`" for _, name in alike]
        yield f"{does} in {'all packs' if len(names) == len(PACKS) else ', '.join(names)}"


def terms(figures: Path) -> Iterator[str]:  # noqa: ARG001
    """Training data and terms, as far as the authors state them."""
    for text in dict.fromkeys(text for pack in PACKS.values() for text in (*pack.training_data, *pack.notes)):
        names = [f"`{pack.name}`" for pack in PACKS.values() if text in (*pack.training_data, *pack.notes)]
        yield f"- {'All packs' if len(names) == len(PACKS) else ', '.join(names)}: {text}"


def limits(figures: Path) -> Iterator[str]:  # noqa: ARG001
    """Every limit of `photo/limits.py` with the reason that stands beside it."""
    tree = ast.parse(Path(photo_limits.__file__).read_text(encoding="utf-8"))
    rows = []
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        if not isinstance(statement, ast.Assign) or not isinstance(following, ast.Expr):
            continue
        (target,) = statement.targets
        if isinstance(target, ast.Name) and target.id.startswith(("MAX_", "MIN_")):
            reason = " ".join(ast.literal_eval(following.value).split())
            rows.append([f"`{target.id}`", f"{getattr(photo_limits, target.id):,}", reason])
    yield from _table(["Limit", "Value", "Meaning"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _ms(value: float) -> str:
    return f"{value:.1f} ms"


TABLES: Mapping[str, Callable[[Path], Iterator[str]]] = {
    "accuracy": accuracy,
    "accuracy-full": accuracy_full,
    "accuracy-data": accuracy_data,
    "speed": speed,
    "speed-stages": speed_stages,
    "startup": startup,
    "calibration": calibration,
    "packs": packs,
    "weights": weights,
    "terms": terms,
    "limits": limits,
}


# What commands print


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console block.

    Attributes:
        line: What follows the ``$``.
        output: What the document says that it prints.
        status: Exit status that ``$ echo $?`` behind it shows; 0 where the document doesn't ask.
        asked: Whether it asks.
    """

    line: str
    output: tuple[str, ...]
    status: int = 0
    asked: bool = False


def commands(block: str) -> list[Command]:
    """The commands of a console block, in order."""
    found: list[Command] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], ()))
        elif not found:
            raise FiguresError(f"a console block begins with a command, found {line!r}")
        else:
            found[-1] = Command(found[-1].line, (*found[-1].output, line))
    told: list[Command] = []
    for command in found:
        if command.line == "echo $?":
            told[-1] = Command(told[-1].line, told[-1].output, int(command.output[0]), asked=True)
        else:
            told.append(command)
    return told


def lay_out(folder: Path, portraits: Mapping[str, bytes]) -> None:
    """The pictures that the documents speak of, made of the demo's portraits."""
    (folder / "passport.jpg").write_bytes(portraits["obama.jpg"])
    (folder / "selfie.jpg").write_bytes(portraits["obama2.jpg"])
    (folder / "stranger.jpg").write_bytes(portraits["biden.jpg"])
    (folder / "cut.jpg").write_bytes(portraits["obama2.jpg"][:100_000])
    pair = [Image.open(io.BytesIO(portraits[name])).convert("RGB") for name in ("obama.jpg", "biden.jpg")]
    pair = [portrait.resize((portrait.width * 900 // portrait.height, 900)) for portrait in pair]
    both = Image.new("RGB", (sum(portrait.width for portrait in pair), 900))
    both.paste(pair[0], (0, 0))
    both.paste(pair[1], (pair[0].width, 0))
    both.save(folder / "both.jpg", quality=92)
    Image.linear_gradient("L").convert("RGB").resize((640, 480)).save(folder / "sky.jpg")


def run(line: str, folder: Path, **environment: str) -> tuple[list[str], int]:
    """Run a `visavis` command of a document without a connection: what it prints, and its exit status."""
    function = 'visavis() { "$PYTHON" -m visavis "$@"; }'
    done = subprocess.run(
        ["sh", "-c", f"{function}\n{line}"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHON": sys.executable,
            "PYTHONPATH": str(Path(visavis.__file__).parents[1]),
            "VISAVIS_OFFLINE": "1",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return [text.rstrip() for text in done.stdout.splitlines()], done.returncode


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory()
    lay_out(Path(folder.name), fetch_demo_pictures())
    return folder


def _run_again(block: str) -> str:
    lines = ["```console"]
    for command in commands(block):
        lines.append(f"$ {command.line}")
        if not command.line.startswith("visavis "):
            lines += command.output
            continue
        output, status = run(command.line, Path(_folder().name))
        if status != command.status:
            printed = "\n".join(output)
            raise FiguresError(f"{command.line}: status {status}, documented is {command.status}\n{printed}")
        lines += output
        if command.asked:
            lines += ["$ echo $?", str(status)]
    return "\n".join([*lines, "```"])


def difference(documented: Sequence[str], printed: Sequence[str]) -> str | None:
    """The first line in which a documented output isn't what was printed, or None.

    Times may differ at will, other numbers by `TOLERANCE`; a line ``...`` stands for any number of lines.
    """
    if "..." in documented:
        cut = list(documented).index("...")
        rest = list(documented[cut + 1 :])
        if found := difference(documented[:cut], printed[:cut]):
            return found
        starts = range(cut, len(printed) + 1)
        if any(difference(rest, printed[start:]) is None for start in starts):
            return None
        return f"after {documented[cut - 1] if cut else 'the beginning'!r} nothing is like {rest!r}"
    for ours, theirs in zip_longest(documented, printed):
        if ours is None or theirs is None or not _alike(ours, theirs):
            return f"{ours!r} is documented, {theirs!r} was printed"
    return None


def _alike(documented: str, printed: str) -> bool:
    documented, printed = (TIME.sub("N ms", line) for line in (documented, printed))
    if NUMBER.sub("0", documented) != NUMBER.sub("0", printed):
        return False
    pairs = zip(NUMBER.findall(documented), NUMBER.findall(printed), strict=True)
    return all(
        math.isclose(_number(ours), _number(theirs), rel_tol=TOLERANCE, abs_tol=0.005)
        for ours, theirs in pairs
    )


def _number(text: str) -> float:
    return float(text.replace(",", "").rstrip("."))


if __name__ == "__main__":
    main()
