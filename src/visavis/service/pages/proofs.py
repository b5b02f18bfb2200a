"""What a browser needs to verify the ledger by itself: checkpoints, hashes, proofs and the entries' bytes.

Nothing here says that something holds. The browser works that out (``web/ledger.js``), so that whoever looks
at it has to trust their browser and the scripts, and not a sentence that a server wrote.

What an entry holds says of nobody who they are; auditors read all of it on other pages too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from visavis.errors import LedgerError
from visavis.ledger import rows
from visavis.ledger.checkpoint import VerifierKey
from visavis.ledger.tiles import WIDTH
from visavis.service.pages.audit import INDEX, MAY
from visavis.service.pages.entries import bytes_of, parsed
from visavis.service.pages.frame import Pages
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.responses import Response

    from visavis.ledger.reader import Reader
    from visavis.service.pages.frame import Visit

PAGES = Pages()

MOST_LEAVES = 1024
"""Entries of one answer."""
MOST_ROTATIONS = 64
MOST_WHOLE = 200_000
"""Entries up to which a browser reads all of them; of a longer ledger it takes samples."""
SAMPLES = 400
LEVEL = re.compile(r"[0-7]")


@PAGES.get("/ledger/verification", may=MAY)
async def verification(visit: Visit) -> Response:
    """The page on which a browser verifies the ledger."""
    ledger = visit.desk.service.ledger
    state = await visit.ask(ledger.state)
    return visit.page(
        "audit_verification.html",
        title=visit.gettext("Verify the ledger"),
        state=state,
        key_id=VerifierKey.parse(state.key).id.hex(),
        most_whole=MOST_WHOLE,
        samples=SAMPLES,
        page=MOST_LEAVES,
        miss=0.99**SAMPLES,
    )


@PAGES.get("/ledger/checkpoint", may=MAY)
async def checkpoint(visit: Visit) -> Response:
    """The newest checkpoint as a file, to be kept elsewhere."""
    from starlette.responses import PlainTextResponse

    note = await visit.ask(visit.desk.service.ledger.checkpoint)
    size = note.split("\n")[1]
    headers = {"Content-Disposition": f'attachment; filename="checkpoint-{int(size)}.txt"'}
    return visit.finished(PlainTextResponse(note, headers=headers))


@PAGES.get("/ledger/log", may=MAY)
async def newest(visit: Visit) -> Response:
    """The newest checkpoint, who signs, and how the keys that signed follow each other."""

    def read(reader: Reader) -> dict[str, Any]:
        with reader.storage.reading() as connection:
            state = rows.present(rows.state(connection, lock=False))
            return {
                "note": rows.newest(connection),
                "key": state.key,
                "rotations": _rotations(connection),
            }

    return visit.json(await visit.ask(read, visit.desk.service.ledger))


@PAGES.get("/ledger/log/leaves/{first}", may=MAY)
async def leaves(visit: Visit) -> Response:
    """The bytes of entries one after the other, each with a line's end behind it, which none has inside."""
    from starlette.responses import Response as Plain

    first, most = _asked(visit.given("first")), _asked(visit.query("count") or "0")
    if not 0 < most <= MOST_LEAVES:
        raise Problem(422, "request.fields", "count of entries", expected=f"1 to {MOST_LEAVES}")

    def read(reader: Reader) -> list[bytes]:
        entries = rows.tables().entries.c
        query = rows.sa().select(entries.idx, entries.leaf)
        query = query.where(entries.idx >= first, entries.idx < first + most).order_by(entries.idx)
        with reader.storage.reading() as connection:
            return [bytes_of(row.leaf) for row in connection.execute(query)]

    found = await visit.ask(read, visit.desk.service.ledger)
    content = b"".join(leaf + b"\n" for leaf in found)
    return visit.finished(Plain(content, media_type="application/jsonl"))


@PAGES.get("/ledger/log/tiles/{level}/{number}", may=MAY)
async def tile(visit: Visit) -> Response:
    """The hashes of one tile of the tree, 32 bytes each (C2SP tlog-tiles)."""
    from starlette.responses import Response as Plain

    if not LEVEL.fullmatch(visit.given("level")):
        raise _nothing()
    level, number = int(visit.given("level")), _asked(visit.given("number"))

    def read(reader: Reader) -> bytes:
        with reader.storage.reading() as connection:
            return rows.tile(connection, level, number)

    found = await visit.ask(read, visit.desk.service.ledger)
    if not found:
        raise _nothing()
    return visit.finished(Plain(found, media_type="application/octet-stream"))


@PAGES.get("/ledger/log/inclusion/{index}", may=MAY)
async def inclusion(visit: Visit) -> Response:
    """An entry and the hashes that lead from it to the root of the tree of a size."""
    index, size = _asked(visit.given("index")), _asked(visit.query("size"))

    def read(reader: Reader) -> dict[str, Any]:
        with reader.storage.reading() as connection:
            _refuse_beyond(connection, index + 1, size)
            hashes = rows.tree(connection, size).inclusion(index, size)
            leaf = rows.leaf(connection, index).decode("utf-8", "replace")
            return {"leaf": leaf, "hashes": [each.hex() for each in hashes]}

    return visit.json(await _proved(visit, read))


@PAGES.get("/ledger/log/consistency", may=MAY)
async def consistency(visit: Visit) -> Response:
    """The hashes that show that the tree of one size grew out of that of another."""
    old, new = _asked(visit.query("old")), _asked(visit.query("new"))

    def read(reader: Reader) -> dict[str, Any]:
        with reader.storage.reading() as connection:
            _refuse_beyond(connection, old, new)
            hashes = rows.tree(connection, new).consistency(old, new)
            return {"hashes": [each.hex() for each in hashes]}

    return visit.json(await _proved(visit, read))


async def _proved(visit: Visit, read: Any) -> dict[str, Any]:
    """What was worked out from the tree; where a tile lacks something, it can't be."""
    try:
        found: dict[str, Any] = await visit.ask(read, visit.desk.service.ledger)
    except ValueError as error:
        raise rows.damaged(str(error)) from None
    except LedgerError as error:
        if error.code != "ledger.index":
            raise
        raise _nothing() from None
    return found


def _rotations(connection: Connection) -> list[dict[str, Any]]:
    """Where the key was exchanged: the entry, its proof in the tree that it ends, and what both signed."""
    notes = rows.tables().checkpoints
    found = []
    for row in rows.rotations(connection)[:MOST_ROTATIONS]:
        size, leaf = row.idx + 1, bytes_of(row.leaf)
        note = connection.execute(rows.sa().select(notes.c.note).where(notes.c.size == size)).scalar()
        if note is None or parsed(leaf) is None:
            continue
        try:
            hashes = rows.tree(connection, size).inclusion(row.idx, size)
        except ValueError:
            continue
        proof = [each.hex() for each in hashes]
        found.append({"index": row.idx, "leaf": leaf.decode(), "note": note, "hashes": proof})
    return found


def _refuse_beyond(connection: Connection, low: int, high: int) -> None:
    size = rows.present(rows.state(connection, lock=False)).size
    if not 0 <= low <= high <= size:
        raise rows.no_such(f"{low} to {high}", size)


def _asked(text: str) -> int:
    if not INDEX.fullmatch(text):
        raise _nothing()
    return int(text)


def _nothing() -> Problem:
    return Problem(404, "request.path", "the ledger has nothing there")


assert MOST_LEAVES % WIDTH == 0  # noqa: S101  # a browser reads whole tiles beside them
