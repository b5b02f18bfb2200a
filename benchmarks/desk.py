"""How the desk feels: a first check, from the last picture to the verdict, weight and first paint of pages.

    python benchmarks/desk.py
    python benchmarks/desk.py --figures docs/figures/desk.json

A service of its own process with a desk, users and specimens; a Chromium whose camera is fed from a file. The
check is one of somebody who signs in, reads a passport specimen, lets the camera take the face, and reads
the verdict; each click, each field that is typed, each file chosen and each question of the browser is one
interaction. Its time is what machines need: nobody thinks in it. First paint is measured in a browser that
runs, with nothing in its cache and the processor slowed down four times. Takes a minute; needs Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser, Page, Request, Response, sync_playwright

from common import machine

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.e2e.stand import (
    PASSWORD,
    Hands,
    Papers,
    Somewhere,
    every_page,
    seen_by_camera,
    staff,
)

from visavis.ledger.log import Ledger
from visavis.packs.install import fetch_demo_pictures, install
from visavis.service.pages.frame import SESSION
from visavis.verifier import Verifier

SLOWED = 4
FAR = 0.55
"""How near the person comes of whom no picture is taken, so that guidance goes on."""
GUIDED_S = 5.0
MOST_S, MOST_INTERACTIONS = 60, 12
MOST_VERDICT_MS, MOST_BYTES, MOST_PAINT_MS, LEAST_FPS = 1000, 150_000, 1000, 8
PAINT = """() => new Promise((done) => new PerformanceObserver((list, observer) => {
    const found = list.getEntriesByName('first-contentful-paint')[0];
    if (found) { observer.disconnect(); done([performance.timeOrigin, found.startTime]); }
}).observe({type: 'paint', buffered: true}))"""


@dataclass
class Clerk:
    """Somebody who uses a page for the first time, and is counted.

    Attributes:
        page: What they see.
        interactions: What they did.
    """

    page: Page
    interactions: int = 0

    def click(self, role: str, name: str) -> None:
        """Click on something."""
        self.interactions += 1
        self.page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]

    def type(self, label: str, text: str) -> None:
        """Type into a field."""
        self.interactions += 1
        self.page.get_by_label(label).fill(text)

    def choose(self, label: str, file: Path) -> None:
        """Click on a field for files, and choose one."""
        self.interactions += 2
        self.page.get_by_label(label).set_input_files(file)

    def allow(self) -> None:
        """Say yes where the browser asks whether the desk may use the camera."""
        self.interactions += 1
        self.page.context.grant_permissions(["camera"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7, help="verdicts that are timed")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    for pack in ("sface", "mrz"):
        install(pack)
    print(machine())
    with (
        tempfile.TemporaryDirectory() as made,
        served(Path(made)) as (desk, papers),
        sync_playwright() as running,
    ):

        def browser(film: Path) -> Browser:
            arguments = ["--use-fake-device-for-media-stream"]
            arguments.append(f"--use-file-for-fake-video-capture={film}")
            return running.chromium.launch(executable_path=browser_path(), args=arguments)

        seeing = browser(papers.camera)
        figures: dict[str, Any] = {
            "machine": machine(),
            "chromium": seeing.version,
            "first": first_check(seeing, desk, papers),
            "verdict_ms": verdicts(seeing, desk, papers, arguments.runs),
            "pages": pages(seeing, desk, papers),
        }
        seeing.close()
        film = Path(made) / "far.mjpeg"
        film.write_bytes(seen_by_camera(papers.person.read_bytes(), near=FAR))
        figures |= {"guidance_fps": guidance(browser(film), desk, papers)}
    told(figures)
    if arguments.figures:
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def browser_path() -> str:
    """Where Chromium is."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("desk: needs Chromium; on Debian and its children: apt install chromium")
    return path


@contextmanager
def served(folder: Path) -> Iterator[tuple[Somewhere, Papers]]:
    """A desk in a process of its own, and what lies on it."""
    papers = Papers.make(folder, Verifier("sface"), fetch_demo_pictures())
    database = folder / "desk.sqlite"
    with Ledger.open(str(database)) as ledger:
        accounts = staff(ledger)
        log = folder / "log"
        with log.open("wb") as file:
            command = [sys.executable, "-m", "visavis", "serve", "--port", "0", "--database", str(database)]
            environment = {**os.environ, "VISAVIS_SERVICE_DESK": "true"}
            process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        try:
            yield Somewhere(f"http://127.0.0.1:{_port(process, log)}", ledger, accounts), papers
        finally:
            process.terminate()
            process.wait(30)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    while process.poll() is None:
        for line in log.read_bytes().splitlines():
            if line.startswith(b"{") and line.endswith(b"}") and b'"listening"' in line:
                port = int(json.loads(line)["told"].rpartition(":")[2])
                with contextlib.suppress(httpx2.TransportError):
                    if httpx2.get(f"http://127.0.0.1:{port}/v1/health/ready", trust_env=False).is_success:
                        return port
        time.sleep(0.1)
    sys.exit(f"desk: the service didn't start:\n{log.read_text()}")


def first_check(browser: Browser, desk: Somewhere, papers: Papers) -> dict[str, Any]:
    """A check by somebody who has never been here; with how long it took until the verdict was seen."""
    context = browser.new_context(base_url=desk.url, locale="en-GB")
    clerk = Clerk(context.new_page())
    start = time.perf_counter()
    clerk.page.goto("/desk/")
    clerk.type("Name", "clerk")
    clerk.type("Password", PASSWORD)
    clerk.click("button", "Sign in")
    clerk.click("link", "New check")
    clerk.click("button", "Begin")
    clerk.choose("Pictures of the document", papers.passport)
    clerk.click("link", "Go on to the face")
    clerk.page.wait_for_url("**/face")
    clerk.allow()
    clerk.click("button", "Turn the camera on")
    word = clerk.page.locator(".decision .word")
    word.wait_for()
    took = time.perf_counter() - start
    decided = word.inner_text()
    context.close()
    if decided != "Match":
        sys.exit(f"desk: the check came to {decided!r}")
    return {"seconds": took, "interactions": clerk.interactions}


def verdicts(browser: Browser, desk: Somewhere, papers: Papers, runs: int) -> list[float]:
    """Milliseconds from when the last picture is sent until the verdict is painted."""
    hands = Hands(desk.url, desk.token("clerk"))
    page = sitting(browser, desk, hands.token)
    took = []
    for run in range(-1, runs):
        check = hands.begin("document")
        hands.claim(check, papers.passport)
        page.goto(f"{check}/face")
        page.locator("[data-off]").click()  # the camera is not what is measured
        page.locator("[data-files] summary").click()
        page.locator("#probe").set_input_files(papers.person)
        with page.expect_request(lambda request: request.method == "POST") as sent:
            page.locator("[data-face] button").click()
        page.wait_for_url("**/verdict")
        origin, paint = page.evaluate(PAINT)
        if run >= 0:  # the first one warms up
            took.append(origin + paint - sent.value.timing["startTime"])
        hands.post(f"{check}/end", f"{check}/verdict")
    page.context.close()
    hands.http.close()
    return took


def pages(browser: Browser, desk: Somewhere, papers: Papers) -> list[dict[str, Any]]:
    """Bytes of each page with its sheets, scripts and icon, and when the slowed browser first painted it."""
    found = []
    for each in every_page(desk, papers):
        page = sitting(browser, desk, each.token)
        page.goto("/desk/web/icon.svg")  # so that the browser runs
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        got: dict[str, int] = {}
        page.on("response", functools.partial(_noted, got))
        page.goto(each.path, wait_until="load")
        _, paint = page.evaluate(PAINT)
        found.append({"name": each.name, "bytes": sum(got.values()), "paint_ms": paint})
        page.context.close()
    return found


def _noted(got: dict[str, int], response: Response) -> None:
    if not response.headers.get("content-type", "").startswith("image/jpeg"):
        got[response.url] = int(response.headers.get("content-length", "0"))


def guidance(browser: Browser, desk: Somewhere, papers: Papers) -> float:
    """Frames a second of which the camera's view says what to do."""
    hands = Hands(desk.url, desk.token("clerk"))
    check = hands.begin()
    hands.claim(check, papers.portrait)
    hands.http.close()
    page = sitting(browser, desk, hands.token)
    times: list[float] = []

    def note(request: Request) -> None:
        if request.url.endswith("/guidance"):
            times.append(time.perf_counter())

    page.on("requestfinished", note)
    page.goto(f"{check}/face")
    page.wait_for_timeout(1000 * GUIDED_S)
    browser.close()
    late = times[len(times) // 5 :]  # the first ones wait for the camera
    return (len(late) - 1) / (late[-1] - late[0])


def sitting(browser: Browser, desk: Somewhere, token: str, *, width: int = 1280, height: int = 720) -> Page:
    """A page of somebody who is signed in, where there is a token, and has let the desk use the camera."""
    context = browser.new_context(
        base_url=desk.url,
        locale="en-GB",
        permissions=["camera"],
        viewport={"width": width, "height": height},
    )
    if token:
        address = desk.url.replace("http:", "https:")  # a cookie belongs to no scheme
        context.add_cookies(
            [{"name": SESSION, "value": token, "url": address, "secure": True, "sameSite": "Strict"}]
        )
    return context.new_page()


def told(figures: dict[str, Any]) -> None:
    """Print what was measured beside what was aimed at."""
    first, verdict = figures["first"], statistics.median(figures["verdict_ms"])
    heaviest = max(figures["pages"], key=lambda page: page["bytes"])
    slowest = max(figures["pages"], key=lambda page: page["paint_ms"])
    rows = [
        ("first check, s", first["seconds"], "under", MOST_S),
        ("first check, interactions", first["interactions"], "at most", MOST_INTERACTIONS),
        ("last picture to verdict, ms", verdict, "under", MOST_VERDICT_MS),
        (f"heaviest page ({heaviest['name']}), kB", heaviest["bytes"] / 1000, "under", MOST_BYTES / 1000),
        (f"slowest first paint ({slowest['name']}), ms", slowest["paint_ms"], "under", MOST_PAINT_MS),
        ("guidance, frames a second", figures["guidance_fps"], "at least", LEAST_FPS),
    ]
    for name, value, how, aim in rows:
        print(f"{name:<44}{value:9.1f}   {how} {aim:g}")


if __name__ == "__main__":
    main()
