"""Writes into README and docs what was measured, what the code says of itself, and what commands print.

    python benchmarks/figures.py                  # every marked place
    python benchmarks/figures.py packs limits     # only places of these names, and those like packs-...
    python benchmarks/figures.py --check          # writes nothing; exit status 1 where a document differs

A marked place lies between two comments, `<!-- figures:NAME -->` and `<!-- /figures -->`. What is measured
comes from the files in docs/figures: what `visavis evaluate --json` prints, and what the other benchmarks
write with --figures FILE. The place `run` is different: it holds a console block, whose `visavis` commands
are run, in a folder with the pictures that the documents speak of, and whose output is replaced.
"""

from __future__ import annotations

import argparse
import ast
import functools
import hashlib
import io
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

import visavis
from visavis.decision.calibration import Calibration, shipped
from visavis.errors import PackError
from visavis.evaluation.rates import FEWEST_FALSE_MATCHES
from visavis.evaluation.words import below_power, power
from visavis.packs.catalogue import DEFAULT_PACK, PACKS, Engine, IndexMember, Role, all_packs, find_pack
from visavis.packs.install import fetch_demo_pictures
from visavis.photo import limits as photo_limits
from visavis.report.words import one_in

ROOT = Path(__file__).parents[1]
FMRS = (1e-3, 1e-4, 1e-5, 1e-6)
CHOICES = FMRS[:3]  # that the documents compare
CHECKS = (100, 100_000)  # a day, of a desk and of a large service
IMPOSTORS = 0.01  # of those who come, in the example
DAYS = 365.25  # of a year
HALVED = 0.5  # what discarding the worst fifth of spoiled pictures was to leave of FNMR
SEVERITIES = ("1, a careful user", "2, every day", "3, poor light and hurry")  # of documents/camera.py
KINDS = {"sqlite": "a SQLite file", "postgresql": "PostgreSQL"}
SCALE_RATES = (10, 1_000, 100_000)  # of scale.py
CORE_PRICES = (0.01, 0.03, 0.05)  # of a core-hour, in whatever money, in the example
BUSY = {
    "engine": "engines",
    "Python's lock": "Python's lock",
    "file": "file",
    "turn": "turn",
    "ledger": "ledger",
}
DOES: Mapping[Role, str] = {
    "detector": "finds faces",
    "landmarks": "places the points of a face",
    "recogniser": "makes templates",
    "second_recogniser": "makes templates",
    "text_detector": "finds text",
    "text_recogniser": "reads lines of text",
    "pad_close": "looks closely for attacks",
    "pad_wide": "looks for attacks with what is around the face",
}

PLACE = re.compile(r"(<!-- figures:([\w-]+) -->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
TIME = re.compile(r"\d+(?:\.\d+)? ms\b")
PROGRESS = re.compile(
    r"\d+ of \d+ (?:pictures|rows)(?:, .* left)?|\d+ of \d+ people with pictures made worse"
)  # on standard error
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
        names: Only places of these names, and of those that begin with one and a hyphen; all by default.
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
            if names and not any(name == each or name.startswith(f"{each}-") for each in names):
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
        raise FiguresError(f"{path.name} is missing in {figures}; make it with: {made_by}")
    return json.loads(path.read_text(encoding="utf-8"))


def _evaluations(figures: Path) -> list[Any]:
    found = []
    for pack in PACKS:
        command = (
            f"visavis evaluate --all-pairs FOLDER --pack {pack} --json > docs/figures/evaluation-{pack}.json"
        )
        measured = _read(figures, f"evaluation-{pack}", command)
        _same_weights(measured, pack, f"evaluation-{pack}")
        found.append(measured)
    return found


def _same_weights(measured: Any, pack: str, file: str) -> None:
    if (measured["pack"], measured["fingerprint"]) != (pack, find_pack(pack).fingerprint):
        raise FiguresError(f"{file}.json was measured with other weights: measure it again")


def _peer(figures: Path) -> Any:
    measured = _read(figures, "peer", "benchmarks/peer_accuracy.py FOLDER --figures docs/figures/peer.json")
    if [each["name"] for each in measured["packs"]] != list(PACKS):
        raise FiguresError("peer.json doesn't have all packs: measure it again")
    for each in measured["packs"]:
        _same_weights({"pack": each["name"], **each}, each["name"], "peer")
    return measured


def _at(measured: Any, fmr: float) -> Any:
    """An evaluation's operating point."""
    [point] = [point for point in measured["operating_points"] if point["fmr_target"] == fmr]
    return point


def accuracy(figures: Path) -> Iterator[str]:
    """FNMR of each pack at each FMR, each person weighing the same, and the peer's beside it."""
    measured, beside = _evaluations(figures), _peer(figures)["peer"]
    rows = [
        [
            f"`{each['pack']}`",
            *(_fnmr(point) if point["supported"] else "no rate" for point in points),
        ]
        for each in measured
        for points in [[_at(each, fmr) for fmr in CHOICES]]
    ]
    rows.append(
        ["`face_recognition`", *(_fnmr(row) if row["supported"] else "no rate" for row in beside["rows"])]
    )
    yield from _table(["Pack", *(f"FNMR at FMR {one_in(fmr)}" for fmr in CHOICES)], rows)
    counts = measured[0]["counts"]
    yield ""
    yield (
        f"Each person weighs the same; in brackets the 95 % interval. All pairs of {counts['pictures']:,} "
        f"pictures of {counts['people']:,} people: {counts['genuine']:,} of one person, "
        f"{counts['impostors']:,} of two. `face_recognition` with its defaults, on the same pictures."
    )


def accuracy_full(figures: Path) -> Iterator[str]:
    """The same with thresholds and intervals, and over all comparisons alike; rates that are supported."""
    rows = []
    for each in _evaluations(figures):
        for point in each["operating_points"]:
            row = [f"`{each['pack']}`", one_in(point["fmr_target"]), f"{point['threshold']:.4f}"]
            if point["supported"]:
                row += [_fmr(point, "fmr"), _fmr(point, "fmr_per_person")]
                row += [_fnmr(point), _fnmr(point, "fnmr")]
            else:
                row += [below_power(point[f"{name}_high"]) for name in ("fmr", "fmr_per_person")]
                row += ["no rate", "no rate"]
            rows.append(row)
    yield from _table(
        ["Pack", "FMR asked", "Threshold", "FMR pooled", "FMR per person", "FNMR per person", "FNMR pooled"],
        rows,
    )


def accuracy_data(figures: Path) -> Iterator[str]:
    """How much was compared."""
    keys = ("people", "pictures", "failures_to_acquire", "dropped", "genuine", "impostors")
    yield from _table(
        [
            "Pack",
            "Fingerprint",
            "People",
            "Pictures",
            "Without a face",
            "Left out",
            "Pairs of one person",
            "Pairs of two people",
        ],
        (
            [
                f"`{each['pack']}`",
                f"`{each['fingerprint']}`",
                *(f"{each['counts'][key]:,}" for key in keys),
            ]
            for each in _evaluations(figures)
        ),
    )


def peer(figures: Path) -> Iterator[str]:
    """How many times the FNMR of a peer is ours, at the same FMR."""
    measured = _peer(figures)
    pairs = [
        (each["name"], ours, theirs)
        for each in measured["packs"]
        for ours, theirs in zip(each["rows"], measured["peer"]["rows"], strict=True)
        if ours["supported"] and theirs["supported"]
    ]
    head = ["Pack", "FMR", "FNMR per person", "`face_recognition`", "Times", "FNMR pooled"]
    yield from _table(
        [*head, "`face_recognition`", "Times"],
        (
            [
                f"`{name}`",
                one_in(ours["fmr_target"]),
                _percent(ours["fnmr_per_person"]),
                _percent(theirs["fnmr_per_person"]),
                _times(ours, "times_per_person"),
                _percent(ours["fnmr"]),
                _percent(theirs["fnmr"]),
                _times(ours, "times"),
            ]
            for name, ours, theirs in pairs
        ),
    )
    yield ""
    yield (
        f"{measured['pictures']:,} pictures of {measured['people']:,} people; on "
        f"{measured['peer']['without_face']:,} of them `face_recognition` found no face, on "
        f"{', '.join(str(each['without_face']) for each in measured['packs'])} the packs. In brackets the "
        "lower end of the 95 % interval, people drawn anew, the same for both."
    )


def checks(figures: Path) -> Iterator[str]:
    """What an FMR means for so many checks a day."""
    measured = next(each for each in _evaluations(figures) if each["pack"] == DEFAULT_PACK)
    rows = []
    for fmr in CHOICES:
        row = [one_in(fmr)]
        point = _at(measured, fmr)
        for checked in CHECKS:
            row.append(_every(checked * IMPOSTORS * fmr))
            turned = checked * (1 - IMPOSTORS) * point["fnmr_per_person"]
            row.append(f"{_round(turned)} a day" if point["supported"] else "no rate")
        rows.append(row)
    head = [[f"{checked:,} checks a day: an impostor passes", "turned away"] for checked in CHECKS]
    yield from _table(["FMR", *head[0], *head[1]], rows)
    yield ""
    yield (
        f"Of those who come {one_in(IMPOSTORS)} is an impostor, somebody who tries with their own face; "
        f"turned away by mistake are so many of the others, at the FNMR of `{DEFAULT_PACK}`."
    )


def coverage(figures: Path) -> Iterator[str]:
    """Thresholds asked on half of the people, tried on the other half."""
    measured = _read(
        figures, "coverage", "benchmarks/coverage.py FOLDER --figures docs/figures/coverage.json"
    )
    _same_weights(measured, measured["pack"], "coverage")
    yield from _table(
        [
            "Rate",
            "At FMR",
            "Other half: median",
            "lowest to highest",
            "half to twice",
            "Interval holds: all people",
            "the other half",
        ],
        (
            [
                row["rate"],
                one_in(row["asked"]),
                f"{row['median']:.2f}",
                f"{row['low']:.2f} to {row['high']:.2f}",
                *(f"{100 * row[name]:.0f} in 100" for name in ("within", "all", "others")),
            ]
            for row in measured["rows"]
        ),
    )
    yield ""
    yield f"`{measured['pack']}`, {measured['splits']} splits of {measured['people']:,} people into halves."


def arrangements(figures: Path) -> Iterator[str]:
    """Each pack run in several ways, chosen on half of the people."""
    measured = _read(
        figures, "arrangements", "benchmarks/arrangements.py FOLDER --figures docs/figures/arrangements.json"
    )
    yield from _table(
        ["Pack", "Views", "FNMR on one half", "on the other", "Recognisers", ""],
        (
            [
                f"`{row['pack']}`",
                " ".join(row["arrangement"].split()),
                *(_percent(row[name]) for name in ("chosen_mean", "confirmed_mean")),
                _ms(row["ms"]),
                ", ".join(
                    word for word, said in (("lowest", row["best"]), ("shipped", row["shipped"])) if said
                ),
            ]
            for row in measured["arrangements"]
        ),
    )
    yield ""
    yield (
        "FNMR per person, mean over nine FMRs from 1 in 100,000 to 1 in 1,000; "
        f"{measured['pictures']:,} pictures of {measured['people']:,} people. "
        f"Recognisers: one face on one thread of {measured['machine']}."
    )


def _speed(figures: Path) -> Any:
    chosen = " ".join(f"--pack {pack}" for pack in PACKS)
    command = f"benchmarks/speed.py {chosen} --figures docs/figures/speed.json"
    measured = _read(figures, "speed", command)
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
    rows.append(["JPEG and networks alone", *(_ms(times["bare_ms"]) for times in packs.values())])
    rows.append(["whole path to that", *(f"{times['overhead']:.2f}" for times in packs.values())])
    rows.append(["`face_recognition`", *(_ms(times["peer_ms"]) for times in packs.values())])
    rows.append(["ratio", *(f"{times['ratio']:.1f}" for times in packs.values())])
    yield from _table(["Stage", *(f"`{pack}`" for pack in packs)], rows)
    yield ""
    yield _circumstances(measured, "One thread")


def startup(figures: Path) -> Iterator[str]:
    """Processes that start from nothing."""
    measured = _read(figures, "startup", "benchmarks/startup.py --figures docs/figures/startup.json")
    yield from _table(
        ["Process", "Wall time", "Peak memory"],
        (
            [f"`{row['title']}`", f"{row['wall_s']:.2f} s", f"{row['peak_mib']:.0f} MiB"]
            for row in measured["rows"]
        ),
    )
    yield ""
    yield _circumstances(measured, "Each a process of its own")


def desk(figures: Path) -> Iterator[str]:
    """What somebody at the desk waits for, beside what was aimed at."""
    measured = _read(figures, "desk", "benchmarks/desk.py --figures docs/figures/desk.json")
    first, pages = measured["first"], measured["pages"]
    verdict = statistics.median(measured["verdict_ms"])
    yield from _table(
        ["What", "Measured", "Aimed at"],
        [
            ["A first check, from sign-in to verdict", f"{first['seconds']:.0f} s", "under a minute"],
            ["What one does for it: clicks, fields, files", f"{first['interactions']}", "at most 12"],
            ["From the last picture to the painted verdict", f"{verdict:.0f} ms", "under 1 s"],
            [
                f"The heaviest of {len(pages)} pages, with scripts and sheets",
                f"{max(page['bytes'] for page in pages) / 1000:.0f} kB",
                "under 150 kB",
            ],
            [
                "First paint of the slowest page, processor slowed four times",
                f"{max(page['paint_ms'] for page in pages):.0f} ms",
                "under 1 s",
            ],
            ["Frames a second that the live view follows", f"{measured['guidance_fps']:.1f}", "at least 8"],
        ],
    )
    yield ""
    runs, browser = len(measured["verdict_ms"]), measured["chromium"].partition(".")[0]
    yield f"Chromium {browser}, over loopback; the verdict is the median of {runs}; on {measured['machine']}."


def fan_out(figures: Path) -> Iterator[str]:
    """Which pictures count as one face where comparisons are counted."""
    measured = _read(figures, "fan_out", "benchmarks/fan_out.py FOLDER --figures docs/figures/fan_out.json")
    yield from _table(
        ["Two pictures of one person", "Cosine, median", "Pairs", "Count as one", "At least"],
        (
            [
                way if way == "another picture" else f"the same one, {way}",
                f"{row['cosine']:.2f}",
                f"{row['pairs']:,}",
                *(f"{math.floor(1000 * row[name]) / 10:.1f} %" for name in ("share", "least")),
            ]
            for way, row in measured["same"].items()
        ),
    )
    yield ""
    strangers, desk, sought = measured["strangers"], measured["desk"], measured["search"]
    cosines = ", ".join(f"{cosine:.2f}" for cosine in strangers["cosines"])
    alike = f" (cosine {cosines}; from 0.8 on a name is likely to be wrong)" if cosines else ""
    yield (
        f"`{measured['pack']}`, {measured['salts']} salts; the last column is the lower bound at 95 %. Of "
        f"{strangers['pairs']:,} pairs of pictures under different names "
        f"{' or '.join(map(str, sorted(set(strangers['found']))))} count as one{alike}. Where "
        f"{desk['people']:,} people verify once each, all with one key in one day, {desk['stopped']} are "
        f"stopped. Whoever compares one picture with 199 people, made again in another way each time, is let "
        f"through {sought['median']:g} times (median; {sought['most']} at most), and the limit is "
        f"{sought['limit']}."
    )


def scale(figures: Path) -> Iterator[str]:
    """How many cores, machines and databases so many verifications a second take."""
    measured = _scale(figures)
    yield from _table(
        [
            "A second",
            "Kept in",
            "Databases, each a ledger",
            "Cores of each",
            "Cores",
            "Machines of 16 cores",
            "Median",
            "99 of 100 within",
            "Refused",
            "Cores at work",
        ],
        (
            [
                f"{row['rate']:,}",
                KINDS[kind],
                f"{row['databases']:,}",
                str(row["cores_each"]),
                f"{row['cores']:,}",
                f"{row['machines']:,}",
                *(f"{row[name]:.0f} ms" for name in ("p50_ms", "p99_ms")),
                _percent(row["refused"]),
                f"{100 * row['rate'] * measured['costs'][kind]['service'] / 1000 / row['cores']:.0f} %",
            ]
            for place in range(len(SCALE_RATES))
            for kind, found in measured["kinds"].items()
            for row in [found["rates"][place]]
        ),
    )
    yield ""
    yield (
        "Simulated, from what was measured on "
        f"{measured['cores']} cores of {measured['machine']}. Where there are several databases, one of them "
        "is simulated with its cores, and stands for all. The cores are those of the service; what the "
        "server of PostgreSQL needs stands below."
    )


def scale_cost(figures: Path) -> Iterator[str]:
    """Processor time of one verification, part by part."""
    measured = _scale(figures)
    parts = {
        "library": "the library: two JPEGs of 1920 x 1080, and the comparison",
        "turn": "one face and many others (`fan_out`)",
        "key": "the key: looking it up, and counting the call",
        "commit": "the entry in the ledger",
        "statement": "the signed statement, with its proof",
        "keep": "the answer, kept for a day",
        "rest": "HTTP and all the rest",
        "service": "**the service**",
        "server": "the server of the database, beside it",
    }
    yield from _table(
        ["Milliseconds of a core", *(KINDS[kind] for kind in measured["costs"])],
        (
            [title, *(f"{found[name]:.1f}" for found in measured["costs"].values())]
            for name, title in parts.items()
        ),
    )
    yield ""
    yield f"Pack `{DEFAULT_PACK}`, on {measured['machine']}."


def scale_million(figures: Path) -> Iterator[str]:
    """Core-hours of a million verifications, and what they cost at prices that are examples."""
    measured = _scale(figures)
    rows = [("the library alone", next(iter(measured["costs"].values()))["library"])]
    for kind, found in measured["costs"].items():
        rows.append(
            (f"the service with {KINDS[kind]}, all cores at work", found["service"] + found["server"])
        )
    for kind, found in measured["kinds"].items():
        for row in found["rates"]:
            spent = 1000 * row["cores"] / row["rate"] + measured["costs"][kind]["server"]
            rows.append((f"{row['rate']:,} a second, sustained, {KINDS[kind]}", spent))
    yield from _table(
        [
            "A million verifications",
            "Core-hours",
            *(f"at {price:g} a core-hour" for price in CORE_PRICES),
        ],
        (
            [title, f"{ms / 3.6:.1f}", *(f"{ms / 3.6 * price:.2f}" for price in CORE_PRICES)]
            for title, ms in rows
        ),
    )


def scale_machine(figures: Path) -> Iterator[str]:
    """What a machine of 16 cores sustains, by how its cores are shared out."""
    measured = _scale(figures)
    kinds = measured["kinds"]
    yield from _table(
        [
            "`workers`",
            "`engines`",
            *(
                f"{KINDS[kind]}: {choice}"
                for kind in kinds
                for choice in ("whichever process by chance", "the one with the fewest requests")
            ),
        ],
        (
            [
                str(shape["workers"]),
                str(shape["engines"]),
                *(
                    f"{found['shapes'][place][choice]:.0f} a second"
                    for found in kinds.values()
                    for choice in ("chance", "fewest")
                ),
            ]
            for place, shape in enumerate(next(iter(kinds.values()))["shapes"])
        ),
    )
    yield ""
    yield "Simulated, with databases that never make anybody wait."


def scale_limits(figures: Path) -> Iterator[str]:
    """What is done one after the other."""
    titles = {
        "python": "Python's lock",
        "file": "the writing lock of a SQLite file, each entry committed by itself",
        "file_gathered": "the same, entries of many committed together",
        "turn": "the turn of `fan_out`",
        "commit": "the ledger, each entry committed by itself",
        "gathered": "the ledger, entries of many committed together",
        "key": "the row of a key",
    }
    measured = _scale(figures)
    yield from _table(
        [
            "Kept in",
            "One after the other",
            "One for each",
            "Each takes",
            "A second, at most",
            "Measured, eight at once",
            "A second, database 0.5 ms away",
        ],
        (
            [
                KINDS[kind],
                titles[row["what"]],
                row["per"],
                f"{row['ms']:.1f} ms",
                f"{row['per_s']:,.0f}",
                "" if row["measured"] is None else f"{row['measured']:,.0f}",
                f"{row['away_per_s']:,.0f}",
            ]
            for kind, found in measured["kinds"].items()
            for row in found["limits"]
        ),
    )


def scale_shards(figures: Path) -> Iterator[str]:
    """What one database sustains, by the cores that ask it, and what is busy then."""
    measured = _scale(figures)
    yield from _table(
        ["Kept in", "Cores that ask it", "Sustained a second", "Median", "99 of 100 within", "Busy then"],
        (
            [
                KINDS[kind],
                str(row["cores"]),
                f"{row['rate']:.1f}",
                *(f"{row[name]:.0f} ms" for name in ("p50_ms", "p99_ms")),
                ", ".join(
                    f"{BUSY[name]} {100 * share:.0f} %" for name, share in row["busy"].items() if name in BUSY
                ),
            ]
            for kind, found in measured["kinds"].items()
            for row in found["shards"]
        ),
    )


def scale_database(figures: Path) -> Iterator[str]:
    """What databases have to do at each rate, and what they hold."""
    measured = _scale(figures)
    rows = []
    for place in range(len(SCALE_RATES)):
        for kind, found in measured["kinds"].items():
            row, steps = found["rates"][place], measured["measured"]["databases"][kind]
            rate, cost = row["rate"], measured["costs"][kind]
            day = 86_400 * rate / 1e9
            statements = sum(
                steps[name]["statements"] for name in ("key", "turn", "commit", "statement", "keep")
            )
            rows.append(
                [
                    f"{rate:,}",
                    KINDS[kind],
                    f"{rate / row['databases']:.0f}",
                    f"{row['group']:.1f}",
                    f"{float(f'{rate * statements:.2g}'):,.0f}",
                    f"{_round(rate * cost['server'] / 1000)}" if cost["server"] else "none",
                    f"{_round(day * steps['service']['entry_bytes'])} GB",
                    f"{_round(day * steps['service']['answer_bytes'])} GB",
                    f"{_round(2 * day * steps['comparison_bytes'])} GB",
                ]
            )
    yield from _table(
        [
            "A second",
            "Kept in",
            "Entries a second, of one ledger",
            "Entries of a commit",
            "Statements a second, of all",
            "Cores of the servers",
            "Ledgers grow by, a day",
            "Answers of a day",
            "Comparisons of two days",
        ],
        rows,
    )


def scale_held(figures: Path) -> Iterator[str]:
    """What is simulated of the machine that was measured, beside what was measured on it."""
    titles = {
        "per_s": "sustained with as many callers as places, a second",
        "p50_ms": "median at half of that, ms",
        "p99_ms": "99 of 100 at half of that within, ms",
        "p99_by_p50": "the one by the other",
        "turn_per_s": "turns of `fan_out`, eight at once, a second",
    }
    measured = _scale(figures)
    yield from _table(
        ["Kept in", "", "Simulated", "Measured", "Ratio"],
        (
            [
                KINDS[kind],
                title,
                *(f"{row[name]:.1f}" for name in ("simulated", "measured")),
                f"{row['simulated'] / row['measured']:.2f}",
            ]
            for kind, found in measured["validation"].items()
            for name, title in titles.items()
            for row in [found[name]]
        ),
    )
    yield ""
    taken = ", ".join(
        f"{found['service']['taken_cores']:.2f}" for found in measured["measured"]["databases"].values()
    )
    yield (
        f"On {measured['cores']} cores, with the same two pictures again and again. What the callers, the "
        f"server and other programs took of the cores meanwhile ({taken}) is taken off in the simulation."
    )


def _scale(figures: Path) -> Any:
    return _read(figures, "scale", "benchmarks/scale.py --figures docs/figures/scale.json")


def mrz(figures: Path) -> Iterator[str]:
    """Zones of pictures of documents, read by us and by the peers."""
    measured = _read(figures, "mrz", "benchmarks/mrz.py FOLDER --figures docs/figures/mrz.json")
    readers = measured["readers"]
    yield from _table(
        ["Reader", "Valid check digits", "Every character right", "Valid but wrong", "Median time a picture"],
        (
            [
                f"`{name}`",
                *(f"{found[key]} of {found['conforming']}" for key in ("valid", "exact")),
                str(found["valid_but_wrong"]),
                f"{found['median_ms']:.0f} ms",
            ]
            for name, found in readers.items()
        ),
    )
    yield ""
    yield (
        f"{measured['pictures']} pictures, {readers['visavis']['conforming']} of them with a zone as ICAO "
        "Doc 9303 wants it; valid but wrong are counted on all of them. On "
        f"{measured['negatives']:,} pictures without a zone visavis read {readers['visavis']['invented']} "
        f"zones. Times on one core of {measured['machine']}, every picture brought to two megapixels."
    )


def specimens(figures: Path) -> Iterator[str]:
    """What is found on photographed specimens, at each severity."""
    measured = _specimens(figures)
    severities = measured["severities"]
    whole: Mapping[str, str] = {
        "portrait": "Portrait found",
        "ghost": "Ghost portrait found, where there is one",
        "zone": "Zone read, every character right",
        "corners": "Corners of the page within 2 % of its longer edge",
    }
    rows = [[title, *(_share(each[name]) for each in severities)] for name, title in whole.items()]
    rows.append(
        ["Check digits valid, text wrong", *(str(len(each["valid_but_wrong"])) for each in severities)]
    )
    rows.append(["Median time a picture", *(f"{each['median_ms']:.0f} ms" for each in severities)])
    yield from _table(["", *SEVERITIES], rows)
    yield ""
    yield (
        f"{measured['specimens']:,} specimens, each photographed three times. In brackets the 95 % interval; "
        "what we wanted to reach stands behind it. Times on one thread while "
        f"{measured['processes']} processes read, on {measured['machine']}."
    )


def specimens_faces(figures: Path) -> Iterator[str]:
    """What printing and photographing a face costs in comparisons."""
    measured = _specimens(figures)
    picture, severities = measured["picture"], measured["severities"]
    rows = [["the picture itself", *_compared(picture), ""]]
    rows += [
        [title, *_compared(each), _points(each, "loss_per_person")]
        for title, each in zip(SEVERITIES, severities, strict=True)
    ]
    yield from _table(
        ["Compared", "Without a template", "FNMR per person", "FNMR pooled", "FMR", "FNMR rises by"], rows
    )
    yield ""
    yield (
        f"`{measured['pack']}` at its threshold for FMR {one_in(measured['fmr_target'])}: "
        f"{picture['genuine']:,} comparisons with other pictures of {picture['people']:,} people, and "
        f"{picture['impostors']:,} with pictures of others. A portrait without a template counts as a false "
        "non-match in each of its comparisons. The last column: by how many percentage points FNMR per "
        "person is above that of the picture itself, in brackets the 95 % interval, people drawn anew; at "
        f"most {100 * measured['most_lost']:g} were wanted at severity 1."
    )


def _specimens(figures: Path) -> Any:
    command = "benchmarks/specimens.py FOLDER --figures docs/figures/specimens.json"
    measured = _read(figures, "specimens", command)
    _same_weights(measured, measured["pack"], "specimens")
    return measured


def quality_curve(figures: Path) -> Iterator[str]:
    """Error versus discard: FNMR of what is kept, by the unified score and by single components."""
    measured = _quality(figures)
    whole, spoiled, clean = measured["curves"]
    shown = [measured["discarded"].index(share) for share in (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)]
    rows = []
    for title, part in (("", whole), (", spoiled only", spoiled)):
        for row in part["rows"]:
            is_ours = row["by"] == "unified score"
            cells = [_end(row, place) if is_ours else _tenths(row["fnmr"][place]) for place in shown]
            drop = f"{row['drop']:.2f} ({_outwards(row['drop_low'], row['drop_high'], 2)})"
            rows.append([f"{row['by']}{title}", *cells, drop])
    head = [f"{100 * measured['discarded'][place]:g} % discarded" for place in shown]
    yield from _table(["The worst by", *head, "Drop at a fifth"], rows)
    yield ""
    clean_fnmr = _tenths(clean["rows"][0]["fnmr"][0])
    yield (
        f"`{measured['pack']}` at its threshold for FMR {one_in(measured['fmr'])}; "
        f"{whole['comparisons']:,} comparisons of {measured['people']:,} people, none of them among "
        f"the {measured['fitted_people']:,} that the score was fitted to: {spoiled['comparisons']:,} of a "
        f"spoiled picture, the others of the same pictures as they are, which miss {clean_fnmr}. "
        f"On {measured['without_face']:,} more no face was found. Each person weighs the same; in brackets "
        "the 95 % interval, people drawn anew. The last column: FNMR with a fifth discarded over FNMR with "
        "none."
    )
    ours = spoiled["rows"][0]
    yield ""
    drop = f"{ours['drop']:.2f} ({_outwards(ours['drop_low'], ours['drop_high'], 2)})"
    yield (
        "Asked was that among spoiled pictures discarding the worst fifth halves FNMR, a drop to "
        f"{HALVED:.2f} or less; reached is {drop}, which "
        f"{'is enough' if ours['drop'] <= HALVED else 'falls short of it'}."
    )


def quality_floors(figures: Path) -> Iterator[str]:
    """The floors of the unified score, and what they do to the same pictures."""
    measured = _quality(figures)
    yield from _table(
        [
            "Profile",
            "Floor",
            "Missed just there, at most",
            "Refused as they are",
            "Refused when spoiled",
            "FNMR below",
            "FNMR above",
        ],
        (
            [
                f"`{row['profile']}`",
                f"{row['score']:.1f}",
                f"{100 * row['missed']:g} in 100",
                *(_tenths(row[name]) for name in ("refused", "refused_spoiled", "fnmr_below", "fnmr_above")),
            ]
            for row in measured["floors"]
        ),
    )


def quality_skin(figures: Path) -> Iterator[str]:
    """What becomes of scores where only the skin is darker."""
    measured = _quality(figures)
    first, *darker = measured["skin"]
    yield from _table(
        [
            "Skin sends back, of before",
            "Unified score",
            "one in twenty loses more than",
            "With exposure in it",
            "one in twenty loses more than",
            "Dynamic range below three bits",
        ],
        (
            [
                f"{100 * row['factor']:g} %",
                *(f"{row[name]:+.1f}" for name in ("change", "worst", "change_exposed", "worst_exposed")),
                f"{row['flat']:,} of {row['lit']:,}",
            ]
            for row in darker
        ),
    )
    yield ""
    yield (
        f"Pictures of {first['people']:,} people as they are, with the face made darker and everything else "
        "left, through the whole corridor; points of the score, on average."
    )


def pad(figures: Path) -> Iterator[str]:
    """Simulated presentation attacks on the active challenge, and on the passive detector beside it."""
    command = "benchmarks/pad/run.py FOLDER --figures docs/figures/pad.json"
    measured = _read(figures, "pad", command)
    yield measured["caveat"]
    yield ""
    rows = [
        [
            each["about"] + (" (no target)" if each["group"] == "reported" else ""),
            f"{each['active']['count']:,}",
            "BPCER" if each["group"] == "bona fide" else "APCER",
            _attacks(each["active"]),
            f"{100 * each['active']['non_response_rate']:.1f} %",
            _attacks(each["passive"]),
        ]
        for each in measured["species"].values()
    ]
    yield from _table(["Answers of", "How many", "", "Challenge", "not assessed", "Passive detector"], rows)
    yield ""
    yield (
        "APCER is the share of attacks taken for live people, BPCER that of live people taken for attacks "
        "(ISO/IEC 30107-3), of those assessed; in brackets the 95 % interval (Clopper-Pearson). The passive "
        "detector looks at nine frames of each answer, and their median counts as live from "
        f"{measured['passive_threshold']:g} on. People and seeds had no part in setting the working points."
    )


def _attacks(rate: Mapping[str, Any]) -> str:
    """An error rate of presentation attack detection with its interval."""
    if rate["error_rate"] is None:
        return "none assessed"
    low, high = (100 * end for end in rate["interval_95"])
    return f"{100 * rate['error_rate']:.1f} % ({_outwards(low, high, 1)})"


def _quality(figures: Path) -> Any:
    command = "benchmarks/quality_score.py FOLDER --figures docs/figures/quality.json"
    measured = _read(figures, "quality", command)
    _same_weights(measured, measured["pack"], "quality")
    return measured


def _tenths(share: float) -> str:
    return f"{100 * share:.1f} %"


def _end(row: Mapping[str, Any], place: int) -> str:
    """A rate of a curve with its interval."""
    low, high = (100 * row[f"fnmr_{end}"][place] for end in ("low", "high"))
    return f"{_tenths(row['fnmr'][place])} ({_outwards(low, high, 1)})"


def _outwards(low: float, high: float, decimals: int) -> str:
    """An interval, rounded outwards."""
    size = 10**decimals
    low, high = math.floor(low * size + 1e-6) / size, math.ceil(high * size - 1e-6) / size
    return f"{low:.{decimals}f} to {high:.{decimals}f}"


def _share(found: Mapping[str, float]) -> str:
    """A share with its interval, which is rounded outwards, and its target."""
    share = 100 * found["count"] / max(found["of"], 1)
    low, high = math.floor(found["low"] * 1e3 + 1e-6) / 10, math.ceil(found["high"] * 1e3 - 1e-6) / 10
    target = f"; {100 * found['target']:g}" if "target" in found else ""
    return f"{share:.1f} % ({low:.1f} to {high:.1f}){target}"


def _compared(measured: Any) -> list[str]:
    return [
        f"{measured['failures_to_acquire']:,}",
        *(_percent(measured[name]) for name in ("fnmr_per_person", "fnmr")),
        f"{measured['fmr']:.1e}",
    ]


def _points(rates: Mapping[str, float], name: str) -> str:
    """Percentage points with their interval, which is rounded outwards."""
    low = math.floor(rates[f"{name}_low"] * 1e4 + 1e-6) / 100
    high = math.ceil(rates[f"{name}_high"] * 1e4 - 1e-6) / 100
    return f"{100 * rates[name]:.2f} ({low + 0.0:.2f} to {high + 0.0:.2f})"


def _circumstances(measured: Any, how: str) -> str:
    return f"{how}, medians of {measured['runs']} runs, on {measured['machine']}."


# What the code says of itself


def calibration(figures: Path) -> Iterator[str]:  # noqa: ARG001  # the calibrations lie with the code
    """Thresholds of the calibrations that ship, the finest FMR they support, and how their models did."""
    ours = [(pack, _shipped(pack)) for pack in PACKS]
    yield from _table(
        ["Pack", "FMR asked", "Threshold", "FMR there at most", "log10 likelihood ratio there"],
        ([f"`{pack}`", one_in(fmr), *_threshold(found, fmr)] for pack, found in ours for fmr in FMRS),
    )
    yield ""
    yield from _table(
        ["Pack", "Finest FMR counted", "Its upper bound", "Finest by the model", "How the model did"],
        (
            [
                f"`{pack}`",
                one_in(found.finest),
                one_in(found.marks[-1].fmr_upper),
                *(
                    ("none", "there is none")
                    if found.tail is None
                    else (one_in(found.finest_modelled), str(found.tail.finest_transfer))
                ),
            ]
            for pack, found in ours
        ),
    )


def _shipped(pack: str) -> Calibration:
    try:
        return shipped(pack, find_pack(pack).fingerprint)
    except PackError as error:
        raise FiguresError(
            f"{error}: visavis calibrate --all-pairs FOLDER --pack {pack} measures it"
        ) from error


def _threshold(found: Calibration, fmr: float) -> Iterator[str]:
    """Threshold, upper bound and likelihood ratio; what a model says is marked."""
    if fmr < found.finest_modelled * (1 - 1e-9):
        yield from ("refused", "", "")
        return
    threshold = found.threshold(fmr, extrapolate=True)
    counted = found.supports(fmr)
    yield f"{threshold:.4f}" if counted else f"{threshold:.4f} by the model"
    yield one_in(found.rate(threshold).upper)
    llr = found.llr(threshold)
    if llr is None:
        yield "none"
    else:
        shown = f"{round(llr, 1) + 0.0:.1f}"  # a minus before nothing would be read as something
        yield f"at least {shown}" if found.llr_is_bound(threshold) else shown


def needed(figures: Path) -> Iterator[str]:  # noqa: ARG001
    """How many people an FMR takes by the rule of 30."""
    rows = []
    for fmr in (1e-2, *FMRS):
        compared = math.ceil(FEWEST_FALSE_MATCHES / fmr - 1e-6)
        people = math.ceil((1 + math.sqrt(1 + 8 * compared)) / 2)
        rows.append([one_in(fmr), f"{compared:,}", f"{people:,}", f"{2 * compared:,}"])
    yield from _table(
        ["FMR", "Comparisons of two people", "People, all with all", "People, each in one pair"], rows
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
                *(
                    (f"{pack.template_size} numbers", str(len(pack.views)))
                    if isinstance(pack, Engine)
                    else ("none", "none")
                ),
                pack.licence,
            ]
            for pack in all_packs().values()
        ),
    )


def weights(figures: Path) -> Iterator[str]:  # noqa: ARG001
    """The files, who made them and where they come from."""
    parts: dict[str, list[tuple[Role, str]]] = {}
    files = {}
    for pack in all_packs().values():
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
        yield f"{does} in {'all engines' if len(names) == len(PACKS) else ', '.join(names)}"


def terms(figures: Path) -> Iterator[str]:  # noqa: ARG001
    """Training data and terms, as far as the authors state them."""
    said = {pack.name: (*pack.training_data, *pack.notes) for pack in all_packs().values()}
    for text in dict.fromkeys(text for texts in said.values() for text in texts):
        names = [f"`{name}`" for name, texts in said.items() if text in texts]
        yield f"- {'All engines' if len(names) == len(PACKS) else ', '.join(names)}: {text}"


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


def _fnmr(rates: Mapping[str, float], name: str = "fnmr_per_person") -> str:
    """A rate with its interval, which is rounded outwards."""
    low = math.floor(rates[f"{name}_low"] * 1e4 + 1e-6) / 100
    high = math.ceil(rates[f"{name}_high"] * 1e4 - 1e-6) / 100
    return f"{_percent(rates[name])} ({low:.2f} to {high:.2f})"


def _fmr(rates: Mapping[str, float], name: str) -> str:
    return power(rates[name], rates[f"{name}_low"], rates[f"{name}_high"])


def _times(rates: Mapping[str, float | None], name: str) -> str:
    """Rounded down, so that no more is promised than was measured."""
    value, low = rates[name], rates[f"{name}_low"]
    shown = [
        "without limit" if each is None else f"{math.floor(each * 10) / 10:.1f}" for each in (value, low)
    ]
    return f"{shown[0]} ({shown[1]})"


def _every(rate: float) -> str:
    """So many times a day, or once in so many days or years."""
    if rate >= 1:
        return f"{_round(rate)} a day"
    if 1 / rate < 2 * DAYS:
        return f"once in {_round(1 / rate)} days"
    return f"once in {_round(1 / rate / DAYS)} years"


def _round(number: float) -> str:
    """With two significant digits."""
    return f"{float(f'{number:.2g}'):,g}"


def _ms(value: float) -> str:
    return f"{value:.1f} ms"


TABLES: Mapping[str, Callable[[Path], Iterator[str]]] = {
    "accuracy": accuracy,
    "accuracy-full": accuracy_full,
    "accuracy-data": accuracy_data,
    "peer": peer,
    "checks": checks,
    "coverage": coverage,
    "arrangements": arrangements,
    "speed": speed,
    "speed-stages": speed_stages,
    "startup": startup,
    "mrz": mrz,
    "specimens": specimens,
    "specimens-faces": specimens_faces,
    "quality-curve": quality_curve,
    "quality-floors": quality_floors,
    "quality-skin": quality_skin,
    "pad": pad,
    "desk": desk,
    "fan-out": fan_out,
    "scale": scale,
    "scale-cost": scale_cost,
    "scale-million": scale_million,
    "scale-machine": scale_machine,
    "scale-limits": scale_limits,
    "scale-shards": scale_shards,
    "scale-database": scale_database,
    "scale-held": scale_held,
    "calibration": calibration,
    "needed": needed,
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
    _lay_out_people(folder)
    _lay_out_ledger(folder)


PAIRS = """\
reference,probe,same
passport.jpg,selfie.jpg,yes
passport.jpg,stranger.jpg,no
selfie.jpg,sky.jpg,yes
selfie.jpg,gone.jpg,no
"""


CLAIMS = """\
reference,probe,subject,branch
passport.jpg,selfie.jpg,customer-4711,north
passport.jpg,stranger.jpg,customer-0815,south
passport.jpg,gone.jpg,customer-0017,north
"""


def _lay_out_people(folder: Path) -> None:
    """What an evaluation needs: one folder for each person, or a table of pairs."""
    people = {"0017": ("passport.jpg", "selfie.jpg", "sky.jpg"), "0032": ("stranger.jpg", "cut.jpg")}
    for person, pictures in people.items():
        (folder / "people" / person).mkdir(parents=True)
        for name in pictures:
            (folder / "people" / person / name).write_bytes((folder / name).read_bytes())
    (folder / "people" / "0017" / "copy.jpg").write_bytes((folder / "selfie.jpg").read_bytes())
    with Image.open(folder / "stranger.jpg") as stranger:
        ImageOps.mirror(stranger).save(folder / "people" / "0032" / "mirrored.jpg", quality=92)
    (folder / "pairs.csv").write_text(PAIRS, encoding="utf-8")
    (folder / "claims.csv").write_text(CLAIMS, encoding="utf-8")


def _lay_out_ledger(folder: Path) -> None:
    """A ledger with a few entries, as `visavis verify` would have written them."""
    from visavis.ledger.entry import Event
    from visavis.ledger.log import Ledger

    inputs = {role: hashlib.sha256(role.encode()).digest() for role in ("reference", "probe")}
    with Ledger.open(folder / "ledger.db", key_file=folder / "ledger.db.key") as ledger:
        for number, decision in enumerate(("match", "match", "no_match", "inconclusive")):
            ledger.append(
                Event(
                    kind="verdict",
                    purpose="onboarding",
                    subject=("customer-4711", "customer-0815")[number % 2],
                    inputs=inputs,
                    decision=decision,
                    pack=DEFAULT_PACK,
                )
            )
        ledger.append(Event(kind="refusal", purpose="onboarding", reasons=("policy.fmr_unsupported",)))


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
    lines = [text.rstrip() for text in done.stdout.splitlines()]
    return [line for line in lines if not PROGRESS.fullmatch(line)], done.returncode


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
