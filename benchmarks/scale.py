"""What a million verifications cost, how many machines so many a second take, and what bends first.

    python benchmarks/scale.py --figures docs/figures/scale.json
    python benchmarks/scale.py --from docs/figures/scale.json

First everything is measured on this machine (scale_measure.py): a verification by the library, each step of
a request in SQLite and in PostgreSQL where that is installed, and a running service over both. Then a
simulation (scale_model.py) takes these figures to other rates: what one machine of 16 cores sustains, what a
database does, and how many of both so many verifications a second take. What it says of this machine is held
against what the service did here. With --from nothing is measured, and the simulation is made anew.

"sustained" is a rate at which fewer than 1 in 1,000 requests are refused and the 99th of 100 answers takes at
most three times the median. Where many databases are needed, each with cores of its own, they are alike and
one of them is simulated.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from scale_model import Plan, Steps, Told, most_sustained, simulate

ROOT = Path(__file__).parents[1]
CHART = ROOT / "docs" / "assets" / "scale.svg"
RATES = (10, 1_000, 100_000)
CORES = 16
SHAPES = ((1, 16), (4, 4), (8, 2), (16, 1))
"""Processes and engines of each, of a machine with `CORES`."""
LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4)
"""By what one database's turns can do in a second."""
SIZES = (1, 2, 4, 8, 16)
"""Cores that ask one database."""
AWAY_MS = 0.5
"""There and back to a database elsewhere in the same building, as an example."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=12, help="of each measurement of a service")
    parser.add_argument("--from", dest="earlier", type=Path, metavar="FILE", help="measure nothing")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    parser.add_argument("--chart", type=Path, metavar="FILE", default=CHART, help="written with --figures")
    arguments = parser.parse_args()
    if arguments.earlier is not None:
        known = json.loads(arguments.earlier.read_text(encoding="utf-8"))
        figures = {name: known[name] for name in ("machine", "cores", "measured")}
    else:
        sys.path.insert(0, str(ROOT))  # the private PostgreSQL of the tests
        from common import machine, pictures_1080p
        from scale_measure import measured
        from visavis.packs.runtime import available_cores

        pictures = pictures_1080p()
        pair = pictures["obama.jpg"], pictures["obama2.jpg"]
        figures = {
            "machine": machine(),
            "cores": available_cores(),
            "measured": measured(pair, arguments.seconds),
        }
    print(f"{figures['machine']}, {figures['cores']} cores\n")
    figures |= simulated(figures)
    if arguments.figures:
        arguments.figures.write_text(compact(figures), encoding="utf-8")
        arguments.chart.write_text(chart(figures), encoding="utf-8")


def simulated(figures: Mapping[str, Any]) -> dict[str, Any]:
    """All that follows from what was measured."""
    found = figures["measured"]
    costs = {kind: cost(found, kind) for kind in found["databases"]}
    told: dict[str, Any] = {"costs": costs, "kinds": {}}
    for kind, each in costs.items():
        print(f"{kind}: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in each.items()))
    told["validation"] = validation(figures)
    for kind in found["databases"]:
        told["kinds"][kind] = of_database(found, kind)
    return told


def cost(measured: Mapping[str, Any], kind: str) -> dict[str, float]:
    """Processor time of one verification in milliseconds, part by part, over a kind of database.

    The service was asked for the same two pictures again and again; where it counts them as faces that it
    has seen, what it takes for new ones is put in.
    """
    found = measured["databases"][kind]
    parts = {"library": statistics.mean(measured["library"]["cpu_ms"])}
    parts |= {name: found[name]["cpu_ms"] for name in ("key", "turn", "commit", "statement", "keep")}
    known = sum(parts.values()) - parts["turn"] + found["again"]["cpu_ms"]
    parts["rest"] = max(0.0, found["service"]["cpu_ms"] - known)
    parts["service"] = sum(parts.values())
    parts["server"] = sum(found[name]["server_ms"] for name in ("key", "turn", "commit", "statement", "keep"))
    return parts


def steps(measured: Mapping[str, Any], kind: str, *, again: bool = False, stretch: float = 1.0) -> Steps:
    """What a request takes, over a kind of database.

    Args:
        measured: What was measured.
        kind: ``"sqlite"`` or ``"postgresql"``.
        again: Whether the faces are those that were asked for before.
        stretch: How much longer the work takes, because others use the cores too.
    """
    found, library = measured["databases"][kind], measured["library"]
    turn = found["again" if again else "turn"]
    spent = cost(measured, kind)
    beside = spent["service"] - spent["library"] - spent["turn"]
    held = (library["python_ms"] + beside) * stretch
    return Steps(
        native=_s([(each - library["python_ms"]) * stretch for each in library["cpu_ms"]]),
        python=held / 1000,
        turn=_s(turn["ms"]),
        turn_python=turn["cpu_ms"] / 1000,
        key=(max(0.0, _median(found["key"]) - _median(found["look"])) / 1000,),
        look=max(0.0, _median(found["look"]) - found["look"]["cpu_ms"]) / 1000,
        commit=_s(found["commit"]["ms"]),
        entry=found["entry_ms"] / 1000,
        statement=_s([each - found["statement"]["cpu_ms"] for each in found["statement"]["ms"]]),
        keep=_s(found["keep"]["ms"]),
        one_writer=kind == "sqlite",
    )


def validation(figures: Mapping[str, Any]) -> dict[str, Any]:
    """What is simulated of this machine, beside what was measured on it."""
    told = {}
    cores, measured = figures["cores"], figures["measured"]
    plan = Plan(engines=cores, most=6000)
    for kind, found in measured["databases"].items():
        service = found["service"]
        whole, half = (
            simulate(steps(measured, kind, again=True, stretch=_stretch(cores, taken)), asked)
            for taken, asked in (
                (service["taken_cores"], replace(plan, callers=2 * cores)),
                (service["taken_cores_half"], replace(plan, rate=service["per_s"] / 2)),
            )
        )
        turns = simulate(
            Steps(native=(0.0,), turn=_s(found["turn"]["ms"]), one_writer=kind == "sqlite"),
            Plan(callers=8, engines=8, most=2000),
        )
        rows = {
            "per_s": (whole.per_s, service["per_s"]),
            "p50_ms": (1000 * half.p50, service["half_ms"][0]),
            "p99_ms": (1000 * half.p99, service["half_ms"][1]),
            "p99_by_p50": (half.p99 / half.p50, service["half_ms"][1] / service["half_ms"][0]),
            "turn_per_s": (turns.per_s, found["turn_per_s"]),
        }
        told[kind] = {name: {"simulated": ours, "measured": seen} for name, (ours, seen) in rows.items()}
        print(f"\n{kind + ', this machine':<28}{'simulated':>12}{'measured':>12}{'ratio':>8}")
        for name, (ours, seen) in rows.items():
            print(f"{name:<28}{ours:12.1f}{seen:12.1f}{ours / seen:8.2f}")
    return told


def _stretch(cores: int, taken: float) -> float:
    """How much longer work takes where others take so many of the cores."""
    return cores / (cores - min(taken, 0.75 * cores))


def of_database(measured: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What machines with a kind of database do: a machine, a database, and so many a second."""
    here, found = steps(measured, kind), measured["databases"][kind]
    print(f"\n{kind}\n{'processes x engines':<28}{'by chance':>12}{'fewest':>12}   a second, sustained")
    shapes = [machine_of(here, *shape) for shape in SHAPES]
    best = max(shapes, key=lambda each: float(each["fewest"]))
    plan = Plan(engines=best["engines"], keys=64, most=6000)
    shards = shards_of(here, plan, SIZES if kind == "sqlite" else (*SIZES, 2 * CORES))
    print(
        f"\n{'a second':>10}{'databases':>11}{'cores':>9}{'machines':>10}"
        f"{'p50 ms':>8}{'p99 ms':>8}{'refused':>9}"
    )
    return {
        "shapes": shapes,
        "limits": limits(here, found, kind),
        "shards": shards,
        "rates": [at_rate(here, plan, shards, rate) for rate in RATES],
        "loads": loads(here, sized(plan, max(each["cores"] for each in shards))),
    }


def machine_of(here: Steps, workers: int, engines: int) -> dict[str, Any]:
    """What a machine of `CORES` sustains where no database makes it wait."""
    high = workers * engines / (statistics.mean(here.native) + here.python)
    plan = Plan(workers=workers, engines=engines, ample=True, most=4000)
    found: dict[str, Any] = {"workers": workers, "engines": engines}
    for choice in ("chance", "fewest"):
        rate, _ = most_sustained(here, replace(plan, choice=choice), high, tries=6)
        found[choice] = rate
    print(f"{f'{workers} x {engines}':<28}{found['chance']:12.0f}{found['fewest']:12.0f}")
    return found


def limits(here: Steps, found: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """What is done one after the other, how long it takes, and so how often it can be done in a second."""
    turn, key = 1000 * statistics.mean(here.turn), 1000 * here.key[0]
    commit = 1000 * statistics.mean(here.commit)
    entry = 1000 / found["gathered_per_s"]
    keep = 1000 * statistics.mean(here.keep)
    rows = [("python", "process", 1000 * (here.python + here.turn_python), 0.0)]
    if kind == "sqlite":
        rows.append(("file", "file", key + turn + commit + keep, 0.0))
        rows.append(("file_gathered", "file", key + turn + entry + keep, 0.0))
    else:
        rows += [
            ("turn", "database", turn, found["turn"]["statements"] + 1),
            ("commit", "ledger", commit, found["commit"]["statements"] + 1),
            ("gathered", "ledger", entry, (found["commit"]["statements"] + 1) / found["gathered"]),
            ("key", "key", key, 2.0),
        ]
    seen = {"turn": found["turn_per_s"], "key": found["key_row_per_s"]}
    return [
        {
            "what": what,
            "per": per,
            "ms": ms,
            "per_s": 1000 / ms,
            "away_per_s": 1000 / (ms + trips * AWAY_MS),
            "measured": seen.get(what),
        }
        for what, per, ms, trips in rows
    ]


def sized(plan: Plan, cores: int) -> Plan:
    """The same with so many cores, all of one database."""
    engines = min(plan.engines, cores)
    return replace(plan, workers=cores // engines, engines=engines)


def shards_of(here: Steps, plan: Plan, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """What one database sustains with so many cores."""
    print(f"\n{'cores of one database':<28}{'a second':>12}{'p50 ms':>8}{'p99 ms':>8}  busy")
    found = []
    for cores in sizes:
        high = cores / (statistics.mean(here.native) + here.python)
        rate, told = most_sustained(here, sized(plan, cores), high)
        row = {"cores": cores, "rate": rate, **_plain(told)}
        busy = ", ".join(f"{name} {share:.0%}" for name, share in told.busy.items() if share > 0.05)
        print(f"{cores:<28}{rate:12.1f}{row['p50_ms']:8.0f}{row['p99_ms']:8.0f}  {busy}")
        found.append(row)
    if not any(each["rate"] for each in found):
        raise SystemExit("nothing is sustained by these figures: measure them again where nothing else runs")
    return [each for each in found if each["rate"]]


def at_rate(here: Steps, plan: Plan, shards: Sequence[Mapping[str, Any]], rate: float) -> dict[str, Any]:
    """With how many databases, each with how many cores, a rate takes the fewest cores."""
    ways = [(math.ceil(rate / each["rate"]) * each["cores"], each) for each in shards]
    cores, best = min(ways, key=lambda way: (way[0], way[1]["cores"]))
    databases = cores // best["cores"]
    told = simulate(here, replace(sized(plan, best["cores"]), rate=rate / databases))
    fewest = max(shards, key=lambda each: float(each["rate"]))
    machines = math.ceil(cores / CORES)
    print(
        f"{rate:>10,}{databases:>11,}{cores:>9,}{machines:>10,}"
        f"{1000 * told.p50:8.0f}{1000 * told.p99:8.0f}{told.refused:9.2%}"
    )
    return {
        "rate": rate,
        "databases": databases,
        "cores_each": best["cores"],
        "cores": cores,
        "machines": machines,
        "fewest_databases": math.ceil(rate / fewest["rate"]),
        **_plain(told),
    }


def loads(here: Steps, plan: Plan) -> list[dict[str, Any]]:
    """What becomes of requests as they become more, until one database can do no more."""
    most, cores = 1 / statistics.mean(here.turn), plan.workers * plan.engines
    return [
        {"rate": load * most, "cores": cores, **_plain(simulate(here, replace(plan, rate=load * most)))}
        for load in LOADS
    ]


def chart(figures: Mapping[str, Any]) -> str:
    """Time of an answer and refusals by the rate that one database gets, as an SVG file."""
    from visavis.report.drawing import FIRST, INK, QUIET, SECOND, styled, svg
    from visavis.report.drawing import WIDTH as INCHES

    kind = "postgresql" if "postgresql" in figures["kinds"] else "sqlite"
    points = figures["kinds"][kind]["loads"]
    sustained = figures["kinds"][kind]["shards"][-1]["rate"]
    rates = [each["rate"] for each in points]
    with styled():
        from matplotlib.figure import Figure

        drawn = Figure(figsize=(INCHES, 4.6))
        above, below = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        drawn.subplots_adjust(left=0.14, right=0.97, top=0.94, bottom=0.13, hspace=0.16)
        for name, label, colour, line in (
            ("p99_ms", "99 of 100 answers", SECOND, (0, (3.5, 1.5))),
            ("p50_ms", "half of them", FIRST, "-"),
        ):
            above.plot(rates, [each[name] for each in points], color=colour, linestyle=line, label=label)
        above.set(ylabel="Milliseconds", xlim=(0, max(rates)))
        above.set_ylim(bottom=0)
        above.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
        below.plot(rates, [100 * each["refused"] for each in points], color=INK, marker="o", markersize=3)
        below.set(ylabel="Refused, %", xlabel="Verifications a second, asked of one database")
        below.set_ylim(bottom=0)
        for axes in (above, below):
            axes.axvline(sustained, color=QUIET, linewidth=0.9, linestyle=(0, (1.2, 1.6)))
        below.text(
            sustained, 0.95, " sustained ", transform=below.get_xaxis_transform(), ha="right", va="top"
        )
        last = points[-1]
        inside = svg(
            drawn,
            "scale",
            "Time of an answer and refusals by load",
            f"Sustained are {sustained:.0f} a second; at {last['rate']:.0f} a second half of the answers "
            f"take {last['p50_ms']:.0f} ms and {last['refused']:.0%} of the requests are refused.",
        )
    return _alone(inside)


COLOURS = {"ink": "#1a1d21", "quiet": "#545b64", "line": "#c9ced4", "first": "#00609c", "second": "#b84a00"}
"""Of the pages, in their light form: a file that lies beside a page has none of its own."""


def _alone(inside: str) -> str:
    """A chart for the inside of a page as a file of its own, on white as the documentation's pages are."""
    found = re.sub(r"var\(--(\w+)\)", lambda name: COLOURS[name[1]], inside)
    font = 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" style="background: #fff"'
    return found.replace("<svg ", f"<svg {font} ", 1) + "\n"


def compact(figures: Mapping[str, Any]) -> str:
    """As JSON, with numbers that belong together in one line."""
    text = json.dumps(figures, indent=1)
    return re.sub(r"\[[-+\d.,e\s]+\]", lambda found: " ".join(found[0].split()), text) + "\n"


def _plain(told: Told) -> dict[str, Any]:
    plain = asdict(told)
    plain["p50_ms"], plain["p99_ms"] = 1000 * plain.pop("p50"), 1000 * plain.pop("p99")
    return plain


def _s(ms: Sequence[float]) -> tuple[float, ...]:
    return tuple(max(0.0, each) / 1000 for each in ms)


def _median(step: Mapping[str, Any]) -> float:
    return float(statistics.median(step["ms"]))


if __name__ == "__main__":
    main()
