"""Documents with known zones: how many are read right, how many invented, and how long it takes.

    python benchmarks/mrz.py FOLDER --negatives 500 --photos PHOTOS --peer-python PYTHON --figures FILE

FOLDER holds pictures and truth.json: for each file its `format`, the `lines` of its zone, and whether it
`conforms_to_9303`. Negatives are drawn by a seed: book pages, tables, keyboards, cards without a zone; half
of them are photographs where --photos names a folder. The peers get the same pictures in turn with us, in an
interpreter that has them, each on one core: rapidocr reads the whole picture, PassportEye uses tesseract.
Times are of every picture brought to two megapixels, from the JPEG file to page, portrait and zone; the peers
give the zone only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from common import machine, use_one_core

PEERS = ("rapidocr", "passporteye")
MEGAPIXELS = 2.0
SUFFIXES = {".jpg", ".jpeg", ".png"}
LENGTHS = {2: (36, 44), 3: (30,)}
WORDS = "the of a page with and lines DATE NAME No. 1997 48.50 <- see TABLE chapter IX x<y REPUBLIC".split()  # noqa: SIM905
KEYS = ("1234567890-=", "QWERTYUIOP[]", "ASDFGHJKL;'#", "<ZXCVBNM,./")

Read = Callable[[Path], tuple[float, tuple[tuple[str, ...], bool] | None]]
"""Milliseconds that a picture takes, and its zone's lines with whether their check digits are right."""


@dataclass
class Count:
    """What one reader made of the pictures."""

    conforming: int = 0
    valid: int = 0
    exact: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As plain data; names of files for who wants to look at them."""
        return {
            "conforming": self.conforming,
            "valid": self.valid,
            "exact": self.exact,
            "valid_but_wrong": len(self.wrong),
            "invented": len(self.invented),
            "median_ms": statistics.median(self.ms) if self.ms else None,
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--negatives", type=int, default=100, help="pictures without a zone")
    parser.add_argument("--photos", type=Path, help="folder of photographs without a zone")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    use_one_core()
    print(machine())
    truth = json.loads((arguments.folder / "truth.json").read_text(encoding="utf-8"))
    readers: dict[str, Read] = {"visavis": ours()}
    for name in PEERS:
        if peer := start_peer(arguments.peer_python, name):
            readers[name] = peer
    counts = {name: Count() for name in readers}
    with tempfile.TemporaryDirectory() as folder:
        pictures = [arguments.folder / name for name in sorted(truth)]
        for path in pictures:
            count_reading(path, truth[path.name], readers, counts)
        for path in pictures:
            count_time(scaled(path, Path(folder)), readers, counts)
        for path in negatives(arguments.negatives, arguments.photos, Path(folder)):
            # The peers have no word for *this is no zone*: only ours is asked.
            _, zone = readers["visavis"](path)
            if zone is not None:
                counts["visavis"].invented.append(path.name)
    report(counts, arguments.negatives)
    if arguments.figures:
        figures = {
            "machine": machine(),
            "pictures": len(truth),
            "negatives": arguments.negatives,
            "readers": {name: count.as_dict() for name, count in counts.items()},
        }
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def ours() -> Read:
    """From the bytes of a picture to page, portrait and zone."""
    import cv2

    from visavis.documents.reader import DocumentReader
    from visavis.photo import Photo

    cv2.setNumThreads(1)
    reader = DocumentReader(threads=1)

    def read(path: Path) -> tuple[float, tuple[tuple[str, ...], bool] | None]:
        content = path.read_bytes()
        start = time.perf_counter()
        reading = reader.read(Photo.open(content))
        took = (time.perf_counter() - start) * 1000
        return took, None if reading.mrz is None else (reading.mrz.lines, reading.mrz.valid)

    return read


def start_peer(python: str, name: str) -> Read | None:
    """A peer in a process of its own, on our core; None, and a line that says why, where it can't be used."""
    command = [python, str(Path(__file__).with_name("mrz_peers.py")), name]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    )
    questions, answers = process.stdin, process.stdout
    if questions is None or answers is None:
        return None
    hello = json.loads(answers.readline() or "{}")
    if "ready" not in hello:
        print(f"{name} can't be used: {hello.get('problem', 'it ended')}")
        return None

    def read(path: Path) -> tuple[float, tuple[tuple[str, ...], bool] | None]:
        print(path, file=questions, flush=True)
        answer = json.loads(answers.readline())
        return answer["ms"], zone_of(answer["lines"])

    return read


def zone_of(texts: Sequence[str]) -> tuple[tuple[str, ...], bool] | None:
    """The zone among a peer's lines: some of the right length in a row, with right check digits if any."""
    from visavis.documents.mrz.mrz import parse

    lines = ["".join(text.upper().split()) for text in texts]
    found = []
    for count, lengths in LENGTHS.items():
        for start in range(len(lines) - count + 1):
            several = lines[start : start + count]
            if len({len(line) for line in several}) == 1 and len(several[0]) in lengths:
                mrz = parse(several)
                found.append((tuple(several), mrz is not None and mrz.valid))
    return max(found, key=lambda zone: zone[1], default=None)


def count_reading(
    path: Path, known: Mapping[str, Any], readers: Mapping[str, Read], counts: Mapping[str, Count]
) -> None:
    """Compare what each reader reads with what is known to be there."""
    for name, read in readers.items():
        count = counts[name]
        _, zone = read(path)
        lines, valid = zone or ((), False)
        exact = list(lines) == known["lines"]
        if valid and not exact:
            count.wrong.append(path.name)
        if known["conforms_to_9303"]:
            count.conforming += 1
            count.valid += valid
            count.exact += exact
            if not exact:
                count.missed.append(path.name)


def count_time(path: Path, readers: Mapping[str, Read], counts: Mapping[str, Count]) -> None:
    """Each in turn, so that a machine that slows down slows all."""
    for name, read in readers.items():
        took, _ = read(path)
        counts[name].ms.append(took)


def scaled(path: Path, folder: Path) -> Path:
    """The picture brought to two megapixels, as JPEG."""
    picture = Image.open(path).convert("RGB")
    factor = (MEGAPIXELS * 1e6 / (picture.width * picture.height)) ** 0.5
    size = round(picture.width * factor), round(picture.height * factor)
    made = folder / f"{path.name}.jpg"
    picture.resize(size, Image.Resampling.LANCZOS).save(made, quality=92)
    return made


def negatives(count: int, photos: Path | None, folder: Path) -> Iterator[Path]:
    """Pictures without a zone."""
    random = np.random.default_rng(9303)
    found = [] if photos is None else sorted(path for path in photos.rglob("*") if path.suffix in SUFFIXES)
    drawings = (_book_page, _table, _keyboard, _card)
    for index in range(count):
        if found and index % 2:
            yield found[int(random.integers(len(found)))]
            continue
        made = folder / f"negative-{index}.jpg"
        picture = drawings[index // 2 % len(drawings)](random)
        picture.rotate(random.normal(0, 4), fillcolor=(120, 120, 120)).save(made, quality=88)
        yield made


def _paper(random: np.random.Generator) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    tone = tuple(int(each) for each in random.integers(190, 256, 3))
    picture = Image.new("RGB", (1600, 1200), tone)
    return picture, ImageDraw.Draw(picture)


def _words(random: np.random.Generator, length: int) -> str:
    text = ""
    while len(text) < length:
        text += " " + WORDS[int(random.integers(len(WORDS)))]
    return text[1:]


def _book_page(random: np.random.Generator) -> Image.Image:
    """Lines of text, all of one length in half of the cases, and in capitals without gaps in a quarter."""
    picture, draw = _paper(random)
    size, justified = int(random.integers(22, 44)), random.random() < 0.5
    gap = "<" if random.random() < 0.25 else " "
    for y in range(60, 1120, int(size * random.uniform(1.1, 2.0))):
        text = _words(random, 44 if justified else int(random.integers(10, 60)))
        text = text[:44] if justified else text
        text = text.upper().replace(" ", "<") if gap == "<" else text
        draw.text((80, y), text, (20, 20, 30), font_size=size)
    return picture


def _table(random: np.random.Generator) -> Image.Image:
    """Rows of numbers between lines."""
    picture, draw = _paper(random)
    pitch = int(random.integers(36, 70))
    for y in range(60, 1120, pitch):
        draw.line((60, y, 1540, y), (60, 60, 60), 2)
        for x in range(80, 1500, 240):
            draw.text((x, y + 4), str(int(random.integers(10**7))), (20, 20, 20), font_size=pitch * 0.6)
    return picture


def _keyboard(random: np.random.Generator) -> Image.Image:
    """Rows of single letters and digits at one pitch."""
    picture, draw = _paper(random)
    pitch = int(random.integers(70, 120))
    for row, keys in enumerate(KEYS):
        for column, key in enumerate(keys):
            x, y = 80 + column * pitch + row * pitch // 3, 300 + row * pitch
            draw.rectangle((x, y, x + pitch * 0.9, y + pitch * 0.9), (40, 40, 44))
            draw.text((x + pitch * 0.3, y + pitch * 0.2), key, (240, 240, 240), font_size=pitch * 0.5)
    return picture


def _card(random: np.random.Generator) -> Image.Image:
    """The side of an identity card that has no zone, on a table."""
    from visavis.documents.specimen import draw, fictional

    grey = np.full((600, 467, 3), 150, np.uint8)
    page = Image.fromarray(draw("card", fictional(int(random.integers(1000))), grey).page)
    picture, _ = _paper(random)
    picture.paste(page, (250, 250))
    return picture


def report(counts: Mapping[str, Count], asked: int) -> None:
    """Print a table."""
    print(f"\n{'':12}{'valid':>8}{'exact':>8}{'of':>5}{'wrong':>7}{'median ms':>11}{'ratio':>7}")
    own = counts["visavis"].ms
    for name, count in counts.items():
        ratio = statistics.median(b / a for a, b in zip(own, count.ms, strict=True))
        print(
            f"{name:12}{count.valid:8}{count.exact:8}{count.conforming:5}{len(count.wrong):7}"
            f"{statistics.median(count.ms):11.0f}{ratio:7.1f}"
        )
    print(f"\nvisavis: {len(counts['visavis'].invented)} zones invented on {asked} pictures without one")
    for what in ("missed", "wrong", "invented"):
        if names := getattr(counts["visavis"], what):
            print(f"  {what}: {', '.join(names)}")


if __name__ == "__main__":
    main()
