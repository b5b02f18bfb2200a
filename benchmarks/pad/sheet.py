"""A contact sheet of the laboratory's answers: a row for each species, eight frames each.

    python benchmarks/pad/sheet.py FOLDER sheet.png --seed 3

FOLDER has one folder of pictures for each person. The sheet shows their faces: don't pass it on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1]))

from pad.people import People  # no package: it lies in benchmarks/
from pad.species import SPECIES, render
from visavis.examiner import Examiner
from visavis.liveness.challenge import Challenge, draw
from visavis.liveness.frames import Frame

FRAMES = 8
LEGEND = 190  # pixels


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("out", type=Path, metavar="PNG")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--species", nargs="*", metavar="NAME", help="only these; all by default")
    parser.add_argument("--width", type=int, default=144, help="of a frame in pixels")
    arguments = parser.parse_args()
    people = People(arguments.folder, "development", Examiner(threads=1))
    challenge = draw(seed=f"sheet {arguments.seed}".encode())
    rows = []
    for name in arguments.species or SPECIES:
        frames = render(name, people, challenge, arguments.seed)
        rows.append(row(name, chosen(frames, challenge), arguments.width))
    sheet = Image.new("RGB", (rows[0].width, sum(each.height for each in rows)), "white")
    top = 0
    for each in rows:
        sheet.paste(each, (0, top))
        top += each.height
    sheet.save(arguments.out)
    asked = [step.action if step.colour is None else f"colour {step.colour}" for step in challenge.steps]
    print(f"{arguments.out}: {len(rows)} rows; the challenge was {', '.join(asked)}")


def chosen(frames: Sequence[Frame], challenge: Challenge) -> list[Frame]:
    """The frame in the middle of each step, as many as the sheet has, the steps without colours first."""
    steps = sorted(challenge.steps, key=lambda step: step.action == "colour")[:FRAMES]
    steps.sort(key=lambda step: step.from_ms)
    times = np.array([frame.at_ms for frame in frames])
    middles = [0.45 * step.from_ms + 0.55 * step.until_ms for step in steps]
    return [frames[int(np.abs(times - middle).argmin())] for middle in middles]


def row(name: str, frames: Sequence[Frame], width: int) -> Image.Image:
    """Frames side by side behind their name."""
    pictures = [Image.fromarray(frame.photo.pixels) for frame in frames]
    height = round(width * pictures[0].height / pictures[0].width)
    drawn = Image.new("RGB", (LEGEND + FRAMES * width, height), "white")
    ImageDraw.Draw(drawn).text((6, height // 2 - 6), name, fill="black")
    for number, picture in enumerate(pictures):
        drawn.paste(picture.resize((width, height)), (LEGEND + number * width, 0))
    return drawn


if __name__ == "__main__":
    main()
