"""The pictures of the desk in the documentation, taken of the pages themselves.

    python benchmarks/desk_pictures.py            # writes docs/assets/desk/*.png

On them are specimens of a fictional holder and the demo's public-domain photographs, and nobody else. Needs
Chromium; takes about half a minute.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.e2e.stand import Hands, Papers, Somewhere, seen_by_camera

from desk import browser_path, served, sitting

ASSETS = Path(__file__).parents[1] / "docs" / "assets" / "desk"
WIDTH, HEIGHT = 960, 720
COLOURS = 200
NEAR = 0.5
"""How near the person comes before the camera: the page asks for more, and takes no picture."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ASSETS, help="the folder that they go to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as made,
        served(Path(made)) as (desk, papers),
        sync_playwright() as running,
    ):
        film = Path(made) / "near.mjpeg"
        film.write_bytes(seen_by_camera(papers.person.read_bytes(), near=NEAR))
        arguments = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
        browser = running.chromium.launch(executable_path=browser_path(), args=arguments)
        take(browser, desk, papers, out)
        browser.close()
    sizes = {path.name: path.stat().st_size for path in sorted(out.glob("*.png"))}
    for name, size in sizes.items():
        print(f"{name:<20}{size / 1000:8.0f} kB")
    print(f"{'together':<20}{sum(sizes.values()) / 1000:8.0f} kB")


def take(browser: Browser, desk: Somewhere, papers: Papers, out: Path) -> None:
    """A check step by step, what comes of it, and the other rooms."""
    clerk, reviewer = Hands(desk.url, desk.token("clerk")), Hands(desk.url, desk.token("reviewer"))
    page = sitting(browser, desk, clerk.token, width=WIDTH, height=HEIGHT)
    page.goto("/desk/check")
    shoot(page, out / "purpose.png", 620)
    check = clerk.begin("document", "case 4711")
    clerk.claim(check, papers.passport)
    page.goto(f"{check}/claim")
    shoot(page, out / "read.png", 940)
    page.goto(f"{check}/face")
    page.get_by_text("closer").first.wait_for()
    shoot(page, out / "face.png", 810)
    clerk.face(check, papers.person)
    page.goto(f"{check}/verdict")
    shoot(page, out / "verdict.png", 980)
    page.goto(f"{check}/receipt")
    shoot(page, out / "receipt.png", 760)
    page.get_by_role("link", name="العربية").click()
    page.wait_for_load_state()
    shoot(page, out / "receipt-ar.png", 560)
    asked = clerk.checked(papers.portrait, papers.nobody, subject="case 4712")
    clerk.ask(asked, "The camera is broken. Can you see anything?")
    second = sitting(browser, desk, reviewer.token, width=WIDTH, height=HEIGHT)
    second.goto(asked.replace("/check/", "/review/"))
    shoot(second, out / "review.png", 780)
    for hands in (clerk, reviewer):
        hands.http.close()


def shoot(page: Page, path: Path, height: int) -> None:
    """Take a picture of the upper part of a page, with few colours, so that it is small."""
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": height}
    taken = page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(taken)) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
