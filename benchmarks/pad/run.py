"""Presentation attacks on the active challenge and the passive detector, simulated.

    python benchmarks/pad/run.py FOLDER --of "bona fide=300" recorded=250 --figures docs/figures/pad.json
    python benchmarks/pad/run.py FOLDER --of "bona fide=300" --write

FOLDER has one folder of pictures for each person, who are split into two halves by their names: `--write`
measures on the development half and sets the working points in src/visavis/liveness/working_points.json;
without it the other half is measured with the working points as they are. Seeds differ between the halves.

A sequence of frames is rendered for each answer: the person's picture as a relief of a head, lit by a room
and by the screen's colours, filmed by a phone. species.py has who answers. It takes 3 seconds on a core.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).parents[1]))

from common import machine  # no package: it lies in benchmarks/
from pad.judging import Judged, judge_all, rejudged
from pad.people import Half
from pad.points import BONA_FIDE, needed, working_points
from pad.rates import Rate
from pad.species import SPECIES
from visavis.liveness.check import passive_threshold

CAVEAT = (
    "Simulation is not a certification: these are drawn attacks, not ISO/IEC 30107-3 testing with real ones."
)
WORKING_POINTS = Path(__file__).parents[2] / "src" / "visavis" / "liveness" / "working_points.json"
FIRST_SEED: dict[Half, int] = {"development": 1_000_000, "test": 2_000_000}
GROUPS = tuple(dict.fromkeys(kind.group for kind in SPECIES.values()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--sequences", type=int, default=150, help="answers of each species; 150 by default")
    parser.add_argument(
        "--of",
        nargs="*",
        default=[],
        metavar="GROUP=N",
        help=f"another number for each species of a group: {', '.join(GROUPS)}",
    )
    parser.add_argument(
        "--species", nargs="*", metavar="NAME", help="only these, as they are called in the table"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--half", choices=("development", "test"), help="the test half by default")
    parser.add_argument(
        "--write", action="store_true", help="set the working points, on the development half"
    )
    parser.add_argument(
        "--values",
        type=Path,
        metavar="FILE",
        help="all measures as lines of JSON; what is there isn't made again",
    )
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    half: Half = "development" if arguments.write else arguments.half or "test"
    if arguments.figures and half != "test":
        parser.error("--figures are of the test half")
    names = arguments.species or (needed() if arguments.write else list(SPECIES))
    if unknown := set(names) - set(SPECIES):
        parser.error(f"no such species: {', '.join(sorted(unknown))}; there are {', '.join(SPECIES)}")
    print(CAVEAT)
    print(machine())
    of = dict(numbers(arguments.of, parser))
    counts = {name: of.get(SPECIES[name].group, arguments.sequences) for name in names}
    found = list(measure(arguments.folder, half, counts, arguments.processes, arguments.values))
    if arguments.write:
        text = json.dumps(working_points(found), indent=1) + "\n"
        WORKING_POINTS.write_text(text, encoding="utf-8")
        print(f"written: {WORKING_POINTS}")
        return
    figures = {"caveat": CAVEAT, "machine": machine(), "half": half, **collate(found)}
    report(figures)
    if arguments.figures:
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def numbers(given: Sequence[str], parser: argparse.ArgumentParser) -> Iterator[tuple[str, int]]:
    """What `--of` says."""
    for each in given:
        group, _, number = each.partition("=")
        if group not in GROUPS or not number.isdigit():
            parser.error(f"--of: GROUP=N was expected, with a group of {', '.join(GROUPS)}; found {each!r}")
        yield group, int(number)


def measure(
    folder: Path, half: Half, counts: Mapping[str, int], processes: int, values: Path | None
) -> Iterator[Judged]:
    """Render and judge so many of each; species take turns: a run that is stopped has some of each.

    What the file of values has of these is taken from there, and judged by the working points of today.
    """
    lines = values.read_text(encoding="utf-8").splitlines() if values and values.exists() else []
    there = {(each.species, each.seed): each for each in (Judged(**json.loads(line)) for line in lines)}
    if any(each.half != half for each in there.values()):
        raise SystemExit(f"{values} is of the other half")
    work = [
        (name, FIRST_SEED[half] + number)
        for number in range(max(counts.values()))
        for name, count in counts.items()
        if number < count
    ]
    yield from (rejudged(there[each]) for each in work if each in there)
    work = [each for each in work if each not in there]
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(f"{half} half", total=len(work))
        for judged in judge_all(folder, half, work, processes):
            bar.advance(task)
            if values:
                with values.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(judged)) + "\n")
            yield judged


def collate(found: Sequence[Judged]) -> dict[str, Any]:
    """Counts and rates of each species, for both detectors."""
    threshold = passive_threshold()
    species = {}
    for name, kind in SPECIES.items():
        own = [each for each in found if each.species == name]
        if not own:
            continue
        # The passive detector has no outcomes of its own for sequences: its median against the threshold.
        passively = [
            "not assessed" if each.passive is None else "live" if each.passive >= threshold else "attack"
            for each in own
        ]
        species[name] = {
            "group": kind.group,
            "about": kind.about,
            "active": rate([each.outcome for each in own], name).to_dict(),
            "passive": rate(passively, name).to_dict(),
            "problems": counted(each.problem for each in own if each.problem),
            "failed": counted(each.failed for each in own if each.failed),
        }
    return {"passive_threshold": threshold, "species": species}


def rate(outcomes: Sequence[str], species: str) -> Rate:
    """How often outcomes are wrong."""
    wrong = "attack" if species == BONA_FIDE else "live"
    return Rate(len(outcomes), outcomes.count("not assessed"), outcomes.count(wrong))


def counted(names: Iterator[str]) -> dict[str, int]:
    """How often each occurs, the most frequent first."""
    all_ = list(names)
    return {name: all_.count(name) for name in sorted(set(all_), key=lambda each: (-all_.count(each), each))}


def report(figures: dict[str, Any]) -> None:
    """Print the rates, and last the attack that gets through most often, of those that have a target."""
    species: dict[str, Any] = figures["species"]
    print(f"\npeople and seeds of the {figures['half']} half; APCER of attacks, BPCER of bona fide answers;")
    print("of those assessed, with its 95 % interval (Clopper-Pearson); then APNRR or BPNRR, the share not\n")
    print(f"  {'':<28}{'answers':>8}  {'active challenge':<42}{'passive detector':<42}")
    for name, each in species.items():
        print(
            f"  {name:<28}{each['active']['count']:>8}  {told(each['active']):<42}{told(each['passive']):<42}"
        )
        if each["problems"] or each["failed"]:
            why = each["problems"] | each["failed"]
            print(f"  {'':<38}{', '.join(f'{key} {count}' for key, count in why.items())}")
    aimed = {
        name: each["active"]["error_rate"] or 0.0
        for name, each in species.items()
        if each["group"] not in ("bona fide", "reported")
    }
    if aimed:
        worst = max(aimed, key=lambda name: aimed[name])
        print(f"\nworst species of those with a target: {worst}, {told(species[worst]['active'])}")


def told(rate: dict[str, Any]) -> str:
    """A rate in a few words."""
    if rate["error_rate"] is None:
        return f"none assessed, {100 * rate['non_response_rate']:.1f} %"
    low, high = rate["interval_95"]
    share = f"{rate['errors']} = {100 * rate['error_rate']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    return f"{share}, {100 * rate['non_response_rate']:.1f} % not"


if __name__ == "__main__":
    main()
