"""Which pictures count as the same face where comparisons are counted, and does that stop honest keys?

    python benchmarks/fan_out.py FOLDER --pack sface
    python benchmarks/fan_out.py FOLDER --people 1000 --salts 10 --figures FILE

FOLDER holds one folder for each person with that person's pictures. Of some people a picture is made again:
compressed harder, made smaller or larger, cropped by a few per cent, mirrored, made brighter. "count as one"
is the share of such pairs whose marks say that they are one face, over several salts; "at least" is its
lower bound at 95 % for independent pictures (Clopper and Pearson). Different pictures of one person need not
count as one. Pairs of different people must not: "0 of N pairs" has the upper bound 3 / N only where pairs
are independent, which those that share people aren't.

Then a desk: every person comes once, in random order, all with one key within one window. How many
comparisons are stopped, with the limits as they are, and what is the largest number of different references
that any probe is said to have met? And a search: one person's picture, each time in another form, against
all the others.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from rich.progress import track

from common import machine
from visavis.access.fan_out import FanOut, Limits
from visavis.access.marks import BANDS, BITS, PATTERNS, SHARED, Marker
from visavis.access.windows import MemoryWindow
from visavis.decision.policy import Policy
from visavis.errors import AccessError
from visavis.examiner import Examiner
from visavis.faces.recognise import Template

SEED = 5
POLICY = Policy(faces="largest_central")


def jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return content.getvalue()


def scaled(picture: Image.Image, by: float) -> Image.Image:
    return picture.resize((round(picture.width * by), round(picture.height * by)), Image.Resampling.LANCZOS)


def cropped(picture: Image.Image, share: float) -> Image.Image:
    """Without a strip at the left and the top of that share of its sides."""
    box = (round(picture.width * share), round(picture.height * share), picture.width, picture.height)
    return picture.crop(box)


WAYS: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG quality 60": lambda picture: jpeg(picture, 60),
    "JPEG quality 30": lambda picture: jpeg(picture, 30),
    "half the size": lambda picture: jpeg(scaled(picture, 0.5)),
    "1.3 times the size": lambda picture: jpeg(scaled(picture, 1.3)),
    "cropped by 4 %": lambda picture: jpeg(cropped(picture, 0.04)),
    "cropped by 8 %": lambda picture: jpeg(cropped(picture, 0.08)),
    "mirrored": lambda picture: jpeg(ImageOps.mirror(picture)),
    "15 % brighter": lambda picture: jpeg(ImageEnhance.Brightness(picture).enhance(1.15)),
}


@dataclass(slots=True)
class Faces:
    """Templates: of each person's first picture, of their second, and of the first made again."""

    first: list[Template] = field(default_factory=list)
    second: dict[int, Template] = field(default_factory=dict)
    again: dict[str, dict[int, Template]] = field(default_factory=lambda: {way: {} for way in WAYS})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", default="sface")
    parser.add_argument("--people", type=int, default=1500)
    parser.add_argument("--made-again", type=int, default=150, help="of how many people's pictures")
    parser.add_argument("--salts", type=int, default=5)
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    faces = collect(
        arguments.folder, Examiner(arguments.pack, threads=1), arguments.people, arguments.made_again
    )
    figures: dict[str, Any] = {
        "machine": machine(),
        "pack": arguments.pack,
        "people": len(faces.first),
        "bands": BANDS,
        "bits": BITS,
        "looked_up": len(PATTERNS) + 1,
        "shared": SHARED,
        "salts": arguments.salts,
    }
    print(f"{figures['people']:,} people; {BANDS} bands of {BITS} signs, {SHARED} to be shared")
    figures |= same(faces, [bytes([salt]) * 32 for salt in range(arguments.salts)])
    figures |= strangers(faces, [bytes([salt]) * 32 for salt in range(arguments.salts)])
    figures |= desk(faces)
    figures |= search(faces)
    figures |= cost(faces)
    if arguments.figures:
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n")


def collect(folder: Path, examiner: Examiner, people: int, made_again: int) -> Faces:
    chosen = sorted(path for path in folder.iterdir() if path.is_dir())
    random.Random(SEED).shuffle(chosen)
    faces = Faces()

    def template(picture: bytes) -> Template | None:
        return examiner.examine(picture, policy=POLICY).template

    for person in track(chosen[:people], description=examiner.pack.name):
        pictures = sorted(
            each for each in person.iterdir() if each.suffix.lower() in (".jpg", ".jpeg", ".png")
        )
        first = template(pictures[0].read_bytes()) if pictures else None
        if first is None:
            continue
        number = len(faces.first)
        faces.first.append(first)
        if len(pictures) > 1 and (second := template(pictures[1].read_bytes())) is not None:
            faces.second[number] = second
        if number < made_again:
            picture = Image.open(pictures[0]).convert("RGB")
            for way, make in WAYS.items():
                if (again := template(make(picture))) is not None:
                    faces.again[way][number] = again
    return faces


def same(faces: Faces, salts: Sequence[bytes]) -> dict[str, Any]:
    """How often two pictures of one person count as one face."""
    print(f"\n{'pictures of one person':24}{'cosine':>8}{'pairs':>7}{'count as one':>15}{'at least':>11}")
    rows = {}
    for way, others in {**faces.again, "another picture": faces.second}.items():
        pairs = [(faces.first[number], other) for number, other in others.items()]
        if not pairs:
            continue
        cosine = statistics.median(float(one.vector @ other.vector) for one, other in pairs)
        hits = [is_one(marker, *pair) for marker in map(Marker, salts) for pair in pairs]
        share = statistics.mean(hits)
        least = bound(round(share * len(pairs)), len(pairs))
        print(f"{way:24}{cosine:8.3f}{len(pairs):7}{share:14.1%}{least:11.1%}")
        rows[way] = {"cosine": cosine, "pairs": len(pairs), "share": share, "least": least}
    return {"same": rows}


def strangers(faces: Faces, salts: Sequence[bytes]) -> dict[str, Any]:
    """How many pairs of different people count as one face."""
    count = len(faces.first)
    found: list[int] = []
    cosines: dict[tuple[int, int], float] = {}
    for salt in salts:
        marker = Marker(salt)
        kept: dict[int, list[int]] = {}
        for number, face in enumerate(faces.first):
            for mark in marker.kept(face, "probe"):
                kept.setdefault(mark, []).append(number)
        hits = set()
        for number, face in enumerate(faces.first):
            bands: dict[int, set[int]] = {}
            for mark, band in marker.looked_up(face, "probe").items():
                for other in kept.get(mark, ()):
                    bands.setdefault(other, set()).add(band)
            near = (other for other, shared in bands.items() if len(shared) >= SHARED and other != number)
            hits |= {(min(number, other), max(number, other)) for other in near}
        found.append(len(hits))
        cosines |= {pair: float(faces.first[pair[0]].vector @ faces.first[pair[1]].vector) for pair in hits}
    pairs = count * (count - 1) // 2
    told = ", ".join(f"{cosine:.2f}" for cosine in sorted(cosines.values()))
    print(f"\ndifferent people: {', '.join(map(str, found))} of {pairs:,} pairs count as one face")
    print(f"cosines of these pairs: {told or 'none'}; from 0.8 on a name in the folder is likely to be wrong")
    return {"strangers": {"pairs": pairs, "found": found, "cosines": sorted(cosines.values())}}


def desk(faces: Faces) -> dict[str, Any]:
    """Every person comes once, with a picture that is not the reference's."""
    limits = Limits()
    asked = [(faces.first[number], probe) for number, probe in faces.second.items()]
    # Who has one picture only comes with it twice: for what is counted here that is the same.
    asked += [(face, face) for number, face in enumerate(faces.first) if number not in faces.second]
    random.Random(SEED).shuffle(asked)
    stopped = refused(limits, asked)
    tight = refused(Limits(references=1, probes=1, references_all_keys=1, probes_all_keys=1), asked)
    print(f"\na desk: {len(asked):,} people verify once; {stopped} are stopped (with limits of 1: {tight})")
    return {"desk": {"people": len(asked), "stopped": stopped, "stopped_by_limits_of_1": tight}}


def search(faces: Faces) -> dict[str, Any]:
    """One face against all others, each time as a picture that was made another way."""
    let = []
    for number in list(faces.again["mirrored"])[:20]:
        forms = [
            faces.first[number],
            *(others[number] for others in faces.again.values() if number in others),
        ]
        asked = [
            (reference, forms[turn % len(forms)])
            for turn, reference in enumerate(faces.first[:200])
            if turn != number
        ]
        let.append(len(asked) - refused(Limits(), asked))
    limit, made = Limits().references, statistics.median(let)
    print(f"a search: of 199 comparisons {made:g} are made (limit {limit}), at most {max(let)}")
    return {"search": {"median": made, "most": max(let), "limit": limit}}


def refused(limits: Limits, asked: Sequence[tuple[Template, Template]]) -> int:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    fan_out = FanOut(MemoryWindow(), limits, secret=bytes(32), clock=lambda: now)
    count = 0
    for reference, probe in asked:
        try:
            fan_out.admit(key="desk", reference=[reference], probe=probe)
        except AccessError:
            count += 1
    return count


def cost(faces: Faces) -> dict[str, Any]:
    """Processor time of one comparison's count, in memory."""
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    fan_out = FanOut(MemoryWindow(), clock=lambda: now)
    some = faces.first[:200]
    fan_out.admit(key="k", reference=[some[0]], probe=some[0])
    start = time.process_time()
    for face in some:
        fan_out.admit(key="k", reference=[face], probe=face)
    each = (time.process_time() - start) / len(some) * 1000
    print(f"processor time: {each:.2f} ms a comparison")
    return {"ms": each}


def is_one(marker: Marker, kept: Template, looked_up: Template) -> bool:
    found = marker.looked_up(looked_up, "probe")
    return len({found[mark] for mark in marker.kept(kept, "probe") if mark in found}) >= SHARED


def bound(hits: int, pairs: int) -> float:
    """One-sided lower bound at 95 % of a share, by bisection of the binomial distribution."""
    if hits == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        logs = [
            math.lgamma(pairs + 1)
            - math.lgamma(k + 1)
            - math.lgamma(pairs - k + 1)
            + k * math.log(middle)
            + (pairs - k) * math.log1p(-middle)
            for k in range(hits, pairs + 1)
        ]
        low, high = (middle, high) if float(np.exp(logs).sum()) < 0.05 else (low, middle)
    return low


if __name__ == "__main__":
    main()
