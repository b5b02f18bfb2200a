"""The ledger verified in a real browser: what is whole holds, and what was tampered with is found."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.service.pages.conftest import PASSWORD
from tests.service.pages.test_audit import put, verdict

from visavis.ledger import merkle, rows
from visavis.ledger.entry import Entry
from visavis.service.pages import proofs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from tests.service.pages.conftest import Browser

pytest.importorskip("playwright.sync_api", reason="takes Playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="takes Chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """An application on the loopback interface; gives its address."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://localhost:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture
def page(desk: Browser, chromium: Any) -> Iterator[Page]:
    """The page that verifies, with an auditor before it, of a ledger of some hundred entries."""
    desk.user("auditor")
    put(desk, [verdict(inputs={}) for _ in range(700)])
    with served(desk.http.app) as address:
        context = chromium.new_context(base_url=address)
        opened = context.new_page()
        opened.wrong = []
        opened.on("console", lambda said: opened.wrong.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda error: opened.wrong.append(str(error)))
        opened.goto("/desk/sign-in?back=/desk/ledger/verification")
        opened.fill("#name", "auditor")
        opened.fill("#password", PASSWORD)
        opened.get_by_role("button", name="Sign in").click()
        opened.wait_for_url("**/ledger/verification")
        yield opened
        context.close()


def verified(page: Page, **given: str) -> tuple[str, dict[str, list[str]]]:
    """How a verification ends, and by what kind what was found."""
    if "how" in given:
        page.check(f"#how-{given.pop('how')}")
    for name in ("index", "checkpoint", "key"):
        page.fill(f"#{name}", given.get(name, ""))
    page.get_by_role("button", name="Verify", exact=True).click()
    page.wait_for_selector("#outcome > .notice")
    page.wait_for_selector("#stop", state="hidden")
    found: dict[str, list[str]] = {}
    for item in page.query_selector_all("#findings > li"):
        found.setdefault(item.get_attribute("class") or "", []).append(item.get_attribute("data-name") or "")
    return page.get_attribute("#outcome", "data-outcome") or "", found


def again(page: Page) -> None:
    """A second visit of the page, without what was said on the first."""
    page.goto("/desk/ledger/verification")


def change(desk: Browser, index: int, change_: Callable[[bytes], bytes], *, tile: bool = False) -> None:
    """Change an entry behind the ledger's back; with its hash in the tree as well, if asked."""
    leaf = change_(desk.service.ledger.leaf(index))
    tables = rows.tables()
    with desk.service.ledger.storage.writing() as connection:
        entries = tables.entries
        connection.execute(entries.update().where(entries.c.idx == index).values(leaf=leaf))
        if tile:
            number, at = divmod(index, 256)
            content = bytearray(rows.tile(connection, 0, number))
            content[at * 32 : at * 32 + 32] = merkle.leaf_hash(leaf)
            tiles = tables.tiles
            connection.execute(
                tiles.update().where(tiles.c.level == 0, tiles.c.idx == number).values(hashes=bytes(content))
            )


def cut(desk: Browser, size: int) -> None:
    """Take the ledger back to an earlier size, with all that was signed since."""
    from visavis.ledger.tiles import Edge

    ledger, tables = desk.service.ledger, rows.tables()
    edge = Edge()
    for index in range(size):
        edge.append(merkle.leaf_hash(ledger.leaf(index)))
    with ledger.storage.writing() as connection:
        for table, column in ((tables.entries, "idx"), (tables.checkpoints, "size")):
            least = size if column == "idx" else size + 1
            connection.execute(table.delete().where(table.c[column] >= least))
        connection.execute(tables.tiles.delete())
        rows.write_tiles(connection, edge)
        connection.execute(tables.log.update(), {"size": size, "root": edge.root()})


def test_a_whole_ledger_holds_and_the_next_visit_compares(desk: Browser, page: Page) -> None:
    size = desk.service.ledger.state().size
    outcome, found = verified(page)
    assert (outcome, found) == (
        "outcome-right",
        {"right": ["signed-shown", "all-hold", "kept"], "open": ["no-earlier"]},
    )
    assert f"all {size} entries were read" in page.inner_text("#findings")
    kept = page.evaluate("Object.entries(localStorage)")
    assert kept == [["visavis ledger checkpoint", desk.service.ledger.checkpoint()]]
    put(desk, [verdict()])
    again(page)
    outcome, found = verified(page)
    assert (outcome, found) == ("outcome-right", {"right": ["signed-shown", "grew-kept", "all-hold", "kept"]})
    page.get_by_role("button", name="Forget").click()
    assert page.evaluate("localStorage.length") == 0
    assert page.wrong == []  # type: ignore[attr-defined]


def test_with_a_key_and_a_checkpoint_from_elsewhere(desk: Browser, page: Page) -> None:
    ledger = desk.service.ledger
    kept, key = ledger.checkpoint(), ledger.state().key
    ledger.rotate_key()
    put(desk, [verdict()])
    outcome, found = verified(page, checkpoint=kept.replace("\n", "\r\n"), key=f" {key} \n")
    assert outcome == "outcome-right"
    assert found == {"right": ["signed-pasted", "rotated", "grew-pasted", "all-hold", "kept"]}
    again(page)
    other = "other+" + key.partition("+")[2]
    assert verified(page, key=other) == ("outcome-nothing", {"open": ["key-unreadable"]})
    again(page)
    assert verified(page, checkpoint=kept[:-8])[1] == {"open": ["checkpoint-unreadable"]}


def test_some_entries_and_one(desk: Browser, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "SAMPLES", 30)
    again(page)
    outcome, found = verified(page, how="some")
    assert (outcome, found["right"]) == ("outcome-right", ["signed-shown", "samples-hold", "kept"])
    again(page)
    outcome, found = verified(page, index="5")
    assert (outcome, found["right"]) == (
        "outcome-right",
        ["signed-shown", "grew-kept", "entry-holds", "kept"],
    )
    page.goto("/desk/ledger/verification?entry=7")
    assert page.input_value("#index") == "7"
    change(desk, 7, lambda leaf: leaf.replace(b'"match"', b'"no_match"'), tile=True)
    assert verified(page, index="7")[1]["wrong"] == ["altered"]
    again(page)
    assert verified(page, index="99999")[0] == "outcome-nothing"


def test_an_entry_that_was_changed_is_found(desk: Browser, page: Page) -> None:
    verified(page)
    again(page)
    change(desk, 300, lambda leaf: leaf.replace(b'"match"', b'"no_match"'))
    outcome, found = verified(page)
    assert (outcome, found["wrong"]) == (
        "outcome-wrong",
        ["altered", "root-differs", "old-root-differs"],
    )
    assert "entry 300 is not the one that was signed" in page.inner_text("#findings")
    assert "kept" not in found["right"]


def test_an_entry_that_was_changed_with_its_hash_is_found(desk: Browser, page: Page) -> None:
    change(desk, 300, lambda leaf: leaf.replace(b'"match"', b'"no_match"'), tile=True)
    assert verified(page)[1]["wrong"] == ["root-differs"]
    again(page)
    assert verified(page, index="300")[1]["wrong"] == ["altered"]


def test_entries_that_lack_or_are_broken_in_two_are_found(desk: Browser, page: Page) -> None:
    entries = rows.tables().entries
    with desk.service.ledger.storage.writing() as connection:
        connection.execute(entries.delete().where(entries.c.idx == 650))
    found = verified(page)[1]
    assert "missing" in found["wrong"]
    again(page)
    change(desk, 3, lambda leaf: leaf[:9] + b"\n" + leaf[9:])
    assert "altered" in verified(page)[1]["wrong"]


def test_a_ledger_that_became_shorter_is_found(desk: Browser, page: Page) -> None:
    kept = desk.service.ledger.checkpoint()
    verified(page)
    again(page)
    cut(desk, next(size for size in range(699, 0, -1) if has_note(desk, size)))
    outcome, found = verified(page, checkpoint=kept)
    assert (outcome, found["wrong"]) == ("outcome-wrong", ["shorter-pasted", "shorter-kept"])
    assert "all-hold" in found["right"]  # of itself, nothing shows


def test_another_history_under_the_same_key_is_found(desk: Browser, page: Page) -> None:
    kept = desk.service.ledger.checkpoint()
    size = next(size for size in range(699, 0, -1) if has_note(desk, size))
    cut(desk, size)
    desk.service.ledger._edge = None
    put(desk, [verdict(inputs={}, decision="no_match") for _ in range(800)])
    outcome, found = verified(page, checkpoint=kept)
    assert (outcome, found["wrong"]) == ("outcome-wrong", ["differs-pasted", "old-root-differs"])


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda note: note.replace("\n\n", "x\n\n", 1), "note-unreadable"),
        (lambda note: note.rstrip("\n")[:-8] + "AAAAAA==\n", "signature-wrong"),
        (lambda note: note[: note.index("\u2014")] + "\u2014 somebody AAAAAAAA\n", "signature-other"),
    ],
)
def test_a_checkpoint_that_was_changed_is_found(
    desk: Browser, page: Page, damage: Callable[[str], str], expected: str
) -> None:
    notes = rows.tables().checkpoints
    with desk.service.ledger.storage.writing() as connection:
        size = rows.largest_note(connection)
        note = damage(rows.newest(connection))
        connection.execute(notes.update().where(notes.c.size == size).values(note=note))
    outcome, found = verified(page)
    assert outcome == "outcome-wrong"
    assert expected in found["wrong"]


def test_the_key_of_somebody_else_is_none(desk: Browser, page: Page) -> None:
    from visavis.ledger.keys import LedgerKey

    other = LedgerKey.new(desk.service.ledger.state().origin)
    outcome, found = verified(page, key=str(other.verifier))
    assert (outcome, found["wrong"]) == ("outcome-wrong", ["signature-other"])


def test_a_browser_without_ed25519_says_so(desk: Browser, page: Page) -> None:
    page.evaluate(
        """() => { const old = SubtleCrypto.prototype.importKey;
        SubtleCrypto.prototype.importKey = function (kind, key, how, ...rest) {
            if (how.name === "Ed25519") return Promise.reject(new DOMException("no", "NotSupportedError"));
            return old.call(this, kind, key, how, ...rest); } }"""
    )
    outcome, found = verified(page)
    assert outcome == "outcome-right"
    assert found["open"] == ["no-ed25519", "no-earlier"]
    assert found["right"] == ["all-hold", "kept"]
    assert "signature not checked in this browser" in page.inner_text("#findings")


def test_it_can_be_stopped(desk: Browser, page: Page) -> None:
    page.route("**/log/leaves/**", lambda route: None)  # never answered
    page.get_by_role("button", name="Verify", exact=True).click()
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("#outcome > .notice")
    assert page.get_attribute("#outcome", "data-outcome") == "outcome-stopped"


def test_proofs_and_roots_agree_with_an_independent_implementation(page: Page) -> None:
    """Against `ledger.merkle`, whose own tests have the vectors of RFC 6962's reference implementation."""
    leaves = [bytes([number]) * (number % 5) for number in range(70)]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]

    def tree(height: int, number: int) -> bytes:
        if height == 0:
            return hashes[number]
        return merkle.node_hash(tree(height - 1, 2 * number), tree(height - 1, 2 * number + 1))

    def proof(ranges: list[tuple[int, int]]) -> list[str]:
        return [merkle.range_hash(each, tree).hex() for each in ranges]

    sizes = (1, 2, 3, 4, 7, 8, 31, 32, 33, 70)
    cases = {
        "leaves": [leaf.hex() for leaf in leaves],
        "roots": {size: merkle.range_hash((0, size), tree).hex() for size in (0, *sizes)},
        "inclusion": [
            [index, size, proof(merkle.inclusion_ranges(index, size))]
            for size in sizes
            for index in range(size)
        ],
        "consistency": [
            [old, new, proof(merkle.consistency_ranges(old, new))]
            for new in sizes
            for old in range(new + 1)
            if old in (0, *sizes)
        ],
    }
    wrong = page.evaluate(
        """async (cases) => {
        const m = await import("/desk/web/merkle.js");
        const wrong = [];
        const hashes = await Promise.all(cases.leaves.map((leaf) => m.leafHash(m.ofHex(leaf))));
        const roots = Object.fromEntries(Object.entries(cases.roots).map(([n, r]) => [n, m.ofHex(r)]));
        const tree = new m.Growing();
        if (!m.same(await tree.root(), roots[0])) wrong.push("root 0");
        for (const hash of hashes) {
            await tree.append(hash);
            const root = roots[tree.size];
            if (root && !m.same(await tree.root(), root)) wrong.push(`root ${tree.size}`);
        }
        const flipped = (proof) => proof.map((h, at) => (at ? h : h.map((b) => b ^ 1)));
        for (const [index, size, given] of cases.inclusion) {
            const proof = given.map(m.ofHex);
            const holds = await m.includes(hashes[index], index, size, proof, roots[size]);
            if (!holds) wrong.push(`in ${index}/${size}`);
            const lies = [
                [hashes[index], index, size, [...proof, hashes[0]], roots[size]],
                [hashes[index], index + 1, size, proof, roots[size]],
                [hashes[index], index, size, proof.slice(1), proof.length ? roots[size] : roots[2]],
                [m.ofHex("00".repeat(32)), index, size, proof, roots[size]],
                [hashes[index], index, size, proof.map((h) => h.slice(1)), roots[size].slice(1)],
            ];
            if (proof.length) lies.push([hashes[index], index, size, flipped(proof), roots[size]]);
            for (const [at, lie] of lies.entries())
                if (await m.includes(...lie)) wrong.push(`lie ${at} in ${index}/${size}`);
        }
        for (const [old, now, given] of cases.consistency) {
            const proof = given.map(m.ofHex);
            const holds = await m.consistent(old, now, proof, roots[old], roots[now]);
            if (!holds) wrong.push(`con ${old}/${now}`);
            const lies = [
                [old, now, [...proof, hashes[0]], roots[old], roots[now]],
                [old, now, proof, m.ofHex("00".repeat(32)), roots[now]],
                [now + 1, now, proof, roots[old], roots[now]],
            ];
            if (old !== 0) lies.push([old, now, proof, roots[old], m.ofHex("00".repeat(32))]);
            if (proof.length) lies.push([old, now, flipped(proof), roots[old], roots[now]]);
            for (const [at, lie] of lies.entries())
                if (await m.consistent(...lie)) wrong.push(`lie ${at} con ${old}/${now}`);
        }
        return wrong;
        }""",
        cases,
    )
    assert wrong == []
    assert hashlib.sha256(b"\x00").digest() == hashes[0]


def has_note(desk: Browser, size: int) -> bool:
    notes = rows.tables().checkpoints
    with desk.service.ledger.storage.reading() as connection:
        return connection.execute(notes.select().where(notes.c.size == size)).first() is not None


def test_what_is_kept_says_nothing_of_a_person(desk: Browser, page: Page) -> None:
    put(desk, [verdict(subject="case-4711")])
    verified(page)
    kept = str(page.evaluate("JSON.stringify(localStorage)"))
    entry = Entry.parse(desk.service.ledger.leaf(desk.service.ledger.state().size - 2))
    assert "case-4711" not in kept
    assert entry.subject is None or entry.subject.digest not in kept
