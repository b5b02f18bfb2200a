"""What a browser is given to verify the ledger by: the very bytes, and proofs that hold."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from tests.service.pages.test_audit import put, verdict

from visavis.ledger import rows
from visavis.ledger.checkpoint import VerifierKey, read_checkpoint
from visavis.ledger.merkle import consistent, includes, leaf_hash
from visavis.service.pages import proofs

if TYPE_CHECKING:
    from tests.service.pages.conftest import Browser

LOG = "/desk/ledger/log"


@pytest.fixture
def grown(desk: Browser) -> Browser:
    """A ledger of some hundred entries, and an auditor."""
    desk.sign_in("auditor")
    put(desk, [verdict(inputs={}) for _ in range(600)])
    return desk


def test_the_newest_checkpoint_is_signed_by_the_key_that_is_shown(grown: Browser) -> None:
    log = grown.get(LOG).json()
    signed = read_checkpoint(log["note"], [VerifierKey.parse(log["key"])])
    assert signed.size == grown.service.ledger.state().size
    assert log["rotations"] == []
    answer = grown.get("/desk/ledger/checkpoint")
    assert answer.text == log["note"]
    assert answer.headers["content-disposition"].startswith("attachment; ")


def test_entries_are_given_as_they_are_hashed(grown: Browser) -> None:
    ledger = grown.service.ledger
    answer = grown.get(f"{LOG}/leaves/250?count=10")
    assert answer.content.split(b"\n") == [*(ledger.leaf(index) for index in range(250, 260)), b""]
    tile = grown.get(f"{LOG}/tiles/0/1").content
    assert len(tile) == 256 * 32
    assert tile[:32] == leaf_hash(ledger.leaf(256))
    assert len(grown.get(f"{LOG}/tiles/1/0").content) == 2 * 32
    assert grown.get(f"{LOG}/leaves/100000?count=10").content == b""


def test_proofs_hold_for_every_size(grown: Browser) -> None:
    ledger = grown.service.ledger
    now = ledger.state().size
    with ledger.storage.reading() as connection:
        tree = rows.tree(connection, now)
        roots = {size: tree.root(size) for size in (1, 2, 255, 256, 257, 500, now)}
    for size, root in roots.items():
        for index in {0, size // 2, size - 1}:
            found = grown.get(f"{LOG}/inclusion/{index}?size={size}").json()
            hashes = [bytes.fromhex(each) for each in found["hashes"]]
            assert includes(leaf_hash(found["leaf"].encode()), index, size, hashes, root)
        found = grown.get(f"{LOG}/consistency?old={size}&new={now}").json()
        hashes = [bytes.fromhex(each) for each in found["hashes"]]
        assert consistent(size, now, hashes, root, roots[now])


def test_an_exchange_of_the_key_can_be_followed(grown: Browser) -> None:
    ledger = grown.service.ledger
    first = VerifierKey.parse(ledger.state().key)
    ledger.rotate_key()
    put(grown, [verdict()])
    log = grown.get(LOG).json()
    [exchange] = log["rotations"]
    signed = read_checkpoint(exchange["note"], [first])
    assert signed == read_checkpoint(exchange["note"], [VerifierKey.parse(log["key"])])
    hashes = [bytes.fromhex(each) for each in exchange["hashes"]]
    leaf = leaf_hash(exchange["leaf"].encode())
    assert includes(leaf, exchange["index"], signed.size, hashes, signed.root)
    assert base64.b64encode(first.public) not in log["note"].encode()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("leaves/0", 422),
        ("leaves/0?count=0", 422),
        (f"leaves/0?count={proofs.MOST_LEAVES + 1}", 422),
        ("leaves/0?count=-1", 404),
        ("leaves/-1?count=1", 404),
        ("leaves/x?count=1", 404),
        ("tiles/0/99", 404),
        ("tiles/9/0", 404),
        ("tiles/-1/0", 404),
        ("tiles/x/0", 404),
        (f"tiles/0/{'9' * 40}", 404),
        ("inclusion/0?size=0", 404),
        ("inclusion/0?size=999999", 404),
        ("inclusion/600000?size=600", 404),
        ("inclusion/0", 404),
        ("inclusion/0?size=x", 404),
        ("consistency?old=5&new=4", 404),
        ("consistency?old=-1&new=4", 404),
        ("consistency?old=1&new=999999", 404),
        ("consistency", 404),
    ],
)
def test_what_isnt_there(grown: Browser, path: str, status: int) -> None:
    answer = grown.get(f"{LOG}/{path}", headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.json()["text"]


def test_a_tree_that_lacks_something_proves_nothing(grown: Browser) -> None:
    tiles = rows.tables().tiles
    with grown.service.ledger.storage.writing() as connection:
        connection.execute(tiles.delete().where(tiles.c.level == 0, tiles.c.idx == 0))
    for path in ("inclusion/3?size=600", "consistency?old=3&new=600"):
        answer = grown.get(f"{LOG}/{path}", headers={"Accept": "application/json"})
        assert answer.status_code == 503, path
    page = grown.get("/desk/ledger/entry/3")
    assert page.status_code == 200
    assert "the ledger’s tree is damaged" in page.text


def test_only_auditors_get_it(grown: Browser) -> None:
    assert set(proofs.PAGES.acts.values()) == {"ledger"}
    other = grown.another()
    other.sign_in("administrator")
    for _, path in proofs.PAGES.acts:
        where = path.replace("{first}", "0").replace("{level}/{number}", "0/0").replace("{index}", "0")
        assert other.get(f"/desk{where}").status_code == 403, path
