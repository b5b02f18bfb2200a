from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from visavis.errors import LedgerError
from visavis.ledger import jws
from visavis.ledger.checkpoint import Checkpoint
from visavis.ledger.entry import Event
from visavis.ledger.keys import LedgerKey
from visavis.ledger.log import Ledger
from visavis.ledger.merkle import leaf_hash
from visavis.ledger.statement import TYPE, issue, jwks, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROBE = b"the bytes of a picture"


@dataclass
class Issued:
    """A ledger, one statement from it, and what is in it."""

    ledger: Ledger
    index: int
    token: str

    @property
    def key(self) -> LedgerKey:
        assert self.ledger.key is not None
        return self.ledger.key

    @property
    def public(self) -> bytes:
        return self.key.verifier.public

    @property
    def payload(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(jws.parts(self.token)[1])
        return data

    def signed(self, payload: Any, header: dict[str, Any] | None = None) -> str:
        """Anything at all, signed with the ledger's own key."""
        head = {"alg": "EdDSA", "kid": jws.thumbprint(self.public), "typ": TYPE} if header is None else header
        content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return jws.compact(head, content, self.key.signature)


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issued]:
    with Ledger.open(tmp_path_factory.mktemp("statement") / "ledger.db") as ledger:
        ledger.append(Event(kind="quality"))
        receipt = ledger.append(
            Event(
                kind="verdict",
                purpose="opening an account",
                key="abc",
                subject="customer 17",
                inputs={"reference": hashlib.sha256(b"r").digest(), "probe": hashlib.sha256(PROBE).digest()},
                decision="match",
                fmr=1e-5,
                fmr_upper=2e-5,
                policy={"fmr": 1e-4, "faces": "only"},
                pack="sface",
                fingerprint="0123456789abcdef",
                calibration="c" * 64,
                reasons=("small_face",),
                details={"threshold": 0.4},
            )
        )
        for _ in range(4):
            ledger.append(Event(kind="quality"))
        yield Issued(ledger, receipt.index, issue(ledger, receipt.index))


def refused(token: str | bytes, keys: list[bytes]) -> str:
    """What a statement is refused for; "" where it isn't."""
    try:
        verify(token, keys)
    except LedgerError as error:
        return error.code
    return ""


def test_a_statement_says_what_the_ledger_has(issued: Issued) -> None:
    statement = verify(issued.token, [issued.public])
    assert statement.index == issued.index == 2
    assert statement.entry == issued.ledger.entry(2)
    assert statement.checkpoint.origin == issued.key.verifier.name
    assert statement.checkpoint.size == 7
    assert statement.key == issued.public
    payload = issued.payload
    assert {name: payload[name] for name in ("iss", "kind", "decision", "fmr", "fmr_upper", "pack")} == {
        "iss": issued.key.verifier.name,
        "kind": "verdict",
        "decision": "match",
        "fmr": 1e-5,
        "fmr_upper": 2e-5,
        "pack": "sface",
    }
    assert payload["policy"] == {"fmr": 1e-4, "faces": "only"}
    assert payload["purpose"] == "opening an account"
    assert payload["time"] == statement.entry.time
    assert payload["ledger"]["index"] == 2


def test_it_can_be_checked_without_any_of_our_code(issued: Issued) -> None:
    """By RFC 7515, RFC 6962 and C2SP tlog-checkpoint alone."""
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    def raw(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    [key] = json.loads(json.dumps(jwks(issued.key.verifier)))["keys"]
    public = Ed25519PublicKey.from_public_bytes(raw(key["x"]))
    head, payload, signature = issued.token.split(".")
    public.verify(raw(signature), f"{head}.{payload}".encode())
    ledger = json.loads(raw(payload))["ledger"]
    text, _, last = ledger["checkpoint"].rpartition("\n\n")
    public.verify(base64.b64decode(last.split(" ")[2])[4:], f"{text}\n".encode())
    origin, size, root = text.split("\n")
    assert (origin, size) == (json.loads(raw(payload))["iss"], "7")

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\1" + left + right).digest()

    # Entry 2 of 7: its sibling is on the right, then on the left, then on the right.
    one, two, three = (bytes.fromhex(each) for each in ledger["inclusion"])
    leaf = hashlib.sha256(b"\0" + ledger["leaf"].encode()).digest()
    assert node(node(two, node(leaf, one)), three) == base64.b64decode(root)


def test_the_leaf_opens_for_the_picture_and_no_other(issued: Issued) -> None:
    statement = verify(issued.token, [issued.public])
    assert statement.is_about("probe", PROBE) is True
    assert statement.is_about("probe", PROBE + b"!") is False
    assert statement.is_about("reference", PROBE) is False
    assert statement.is_about("selfie", PROBE) is None
    # RFC 2104 by the standard library.
    opening = bytes.fromhex(issued.payload["openings"]["probe"])
    digest = hmac.new(opening, hashlib.sha256(PROBE).digest(), hashlib.sha256).hexdigest()
    assert digest == json.loads(issued.payload["ledger"]["leaf"])["inputs"]["probe"]["digest"]
    assert "customer 17" not in json.dumps(issued.payload)


def test_after_an_erasure_a_new_statement_opens_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Ledger.open(tmp_path_factory.mktemp("erased") / "ledger.db") as ledger:
        event = Event(
            kind="verdict",
            subject="customer 17",
            decision="match",
            inputs={"probe": hashlib.sha256(PROBE).digest()},
        )
        index = ledger.append(event).index
        assert ledger.key is not None
        before = issue(ledger, index)
        ledger.erase_subject("customer 17")
        after = verify(issue(ledger, index), [ledger.key.verifier.public])
        assert after.is_about("probe", PROBE) is None
        assert verify(before, [ledger.key.verifier.public]).is_about("probe", PROBE) is True


def test_a_statement_of_every_entry_holds(issued: Issued) -> None:
    for index in range(issued.ledger.state().size):
        assert verify(issue(issued.ledger, index), [issued.public]).index == index


def test_only_a_key_that_is_trusted_counts(issued: Issued) -> None:
    other = LedgerKey.new()
    assert refused(issued.token, []) == "statement.untrusted"
    assert refused(issued.token, [other.verifier.public]) == "statement.untrusted"
    assert refused(issued.token, [other.verifier.public, issued.public]) == ""


def test_a_key_set_names_its_keys_and_hides_the_rest(issued: Issued) -> None:
    old = LedgerKey.new()
    keys = jwks(issued.key.verifier, old.verifier)["keys"]
    assert [set(key) for key in keys] == [{"kty", "crv", "x", "kid", "alg", "use"}] * 2
    assert jws.read_keys(json.dumps({"keys": keys})) == [issued.public, old.verifier.public]


# Hostile tokens: all but the first few are signed with the right key


def test_a_bit_anywhere_is_noticed(issued: Issued) -> None:
    for place in range(0, len(issued.token), 41):
        if issued.token[place] != ".":
            other = "A" if issued.token[place] != "A" else "B"
            spoilt = issued.token[:place] + other + issued.token[place + 1 :]
            assert refused(spoilt, [issued.public]) != "", place


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "none", "typ": TYPE, "kid": "KID"},
        {"alg": "HS256", "typ": TYPE, "kid": "KID"},
        {"alg": "ES256", "typ": TYPE, "kid": "KID"},
        {"alg": "eddsa", "typ": TYPE, "kid": "KID"},
        {"alg": "Ed25519", "typ": TYPE, "kid": "KID"},
        {"alg": ["EdDSA"], "typ": TYPE, "kid": "KID"},
        {"alg": "EdDSA", "kid": "KID"},
        {"alg": "EdDSA", "typ": "JWT", "kid": "KID"},
        {"alg": "EdDSA", "typ": TYPE},
        {"alg": "EdDSA", "typ": TYPE, "kid": "KID", "crit": ["exp"], "exp": 1},
        {"alg": "EdDSA", "typ": TYPE, "kid": "KID", "crit": []},
        {"alg": "EdDSA", "typ": TYPE, "kid": "KID", "b64": False, "crit": ["b64"]},
        {"alg": "EdDSA", "typ": TYPE, "kid": "KID", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}},
        {"alg": "EdDSA", "typ": TYPE, "kid": "KID", "jku": "https://example.org/jwks.json"},
        {"alg": "EdDSA", "typ": TYPE, "kid": "KID", "zip": "DEF"},
    ],
)
def test_another_header_is_refused(issued: Issued, header: dict[str, Any]) -> None:
    kid = jws.thumbprint(issued.public)
    filled = {name: kid if value == "KID" else value for name, value in header.items()}
    assert refused(issued.signed(issued.payload, filled), [issued.public]) == "statement.malformed"


@pytest.mark.parametrize("kid", ["", "other", None, 7, ["x"], {}])
def test_a_key_that_is_not_named_is_not_tried(issued: Issued, kid: object) -> None:
    token = issued.signed(issued.payload, {"alg": "EdDSA", "typ": TYPE, "kid": kid})
    assert refused(token, [issued.public]) == "statement.untrusted"


def test_a_public_key_is_no_secret_for_hmac(issued: Issued) -> None:
    """The confusion of algorithms: HS256 with the public key as its secret."""
    header = {"alg": "HS256", "typ": TYPE, "kid": jws.thumbprint(issued.public)}
    content = json.dumps(issued.payload).encode()
    for secret in (issued.public, jws.encoded(issued.public).encode()):
        sign = partial(hmac.digest, secret, digest="sha512")  # as long as a signature of Ed25519
        token = jws.compact(header, content, sign)
        assert refused(token, [issued.public]) == "statement.malformed"
        token = jws.compact({**header, "alg": "EdDSA"}, content, sign)
        assert refused(token, [issued.public]) == "statement.signature"


def _in_ledger(name: str, value: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda data: {**data, "ledger": {**data["ledger"], name: value}}


def _in_leaf(name: str, value: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Statement and leaf agree with each other, and not with the tree."""

    def changed(data: dict[str, Any]) -> dict[str, Any]:
        leaf = json.loads(data["ledger"]["leaf"]) | {name: value}
        text = json.dumps(leaf, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return {**data, name: value, "ledger": {**data["ledger"], "leaf": text}}

    return changed


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: {**data, "decision": "no_match"}, "statement.proof"),
        (lambda data: {**data, "fmr": 1e-6}, "statement.proof"),
        (lambda data: {**data, "fmr": "1e-05"}, "statement.proof"),
        (lambda data: {**data, "time": "2020-01-01T00:00:00.000000Z"}, "statement.proof"),
        (lambda data: {**data, "policy": {"fmr": 1e-4, "faces": True}}, "statement.proof"),
        (_in_leaf("decision", "no_match"), "statement.proof"),
        (_in_leaf("fmr", 1e-9), "statement.proof"),
        (_in_leaf("decision", "x" * 201), "ledger.entry"),
        (_in_ledger("index", 1), "statement.proof"),
        (_in_ledger("index", 2.0), "statement.malformed"),
        (_in_ledger("index", True), "statement.malformed"),
        (_in_ledger("index", -1), "statement.malformed"),
        (_in_ledger("index", 10**30), "statement.proof"),
        (_in_ledger("inclusion", []), "statement.proof"),
        (_in_ledger("inclusion", ["0" * 64] * 3), "statement.proof"),
        (_in_ledger("inclusion", ["0" * 64] * 65), "statement.malformed"),
        (_in_ledger("inclusion", ["0" * 63]), "statement.malformed"),
        (_in_ledger("inclusion", ["A" * 64]), "statement.malformed"),
        (_in_ledger("inclusion", [None]), "statement.malformed"),
        (_in_ledger("inclusion", "0" * 64), "statement.malformed"),
        (_in_ledger("leaf", "{}"), "ledger.entry"),
        (_in_ledger("leaf", "\ud800"), "statement.malformed"),
        (_in_ledger("leaf", "x" * 20_000), "statement.malformed"),
        (_in_ledger("leaf", None), "statement.malformed"),
        (_in_ledger("checkpoint", ""), "ledger.checkpoint"),
        (_in_ledger("checkpoint", "\udfff"), "statement.malformed"),
        (_in_ledger("checkpoint", 1), "statement.malformed"),
        (_in_ledger("more", 1), "statement.malformed"),
        (lambda data: {**data, "more": 1}, "statement.malformed"),
        (lambda data: {name: data[name] for name in data if name != "fmr"}, "statement.malformed"),
        (lambda data: {**data, "iss": "another/ledger"}, "ledger.signature"),
        (lambda data: {**data, "iss": "a b"}, "statement.malformed"),
        (lambda data: {**data, "iss": None}, "statement.malformed"),
        (lambda data: {**data, "iss": "\ud800"}, "statement.malformed"),
        (lambda data: {**data, "openings": {"other": "0" * 64}}, "statement.malformed"),
        (lambda data: {**data, "openings": {"probe": "0"}}, "statement.malformed"),
        (lambda data: {**data, "openings": []}, "statement.malformed"),
        (lambda data: {**data, "ledger": None}, "statement.malformed"),
        (lambda data: [data], "statement.malformed"),
        (lambda data: b"\xff", "statement.malformed"),
        (lambda data: b"{}" + json.dumps(data).encode(), "statement.malformed"),
        (lambda data: json.dumps(data).encode()[:-1] + b',"iss":"x"}', "statement.malformed"),
        (lambda data: b"[" * 10_000, "statement.malformed"),
        (lambda data: json.dumps({**data, "fmr": float("nan")}).encode(), "statement.malformed"),
        (lambda data: b'{"fmr":' + b"9" * 10_000 + b"}", "statement.malformed"),
    ],
)
def test_a_payload_that_is_signed_and_untrue_is_refused(
    issued: Issued, change: Callable[[dict[str, Any]], Any], code: str
) -> None:
    assert refused(issued.signed(change(issued.payload)), [issued.public]) == code


def test_the_payload_as_it_is_holds(issued: Issued) -> None:
    """Or the table above would show nothing."""
    assert refused(issued.signed(issued.payload), [issued.public]) == ""


def test_a_checkpoint_of_another_key_is_refused(issued: Issued) -> None:
    leaf = issued.payload["ledger"]["leaf"].encode()
    other = LedgerKey.new(issued.key.verifier.name)
    note = other.sign(Checkpoint(issued.key.verifier.name, 1, leaf_hash(leaf)))
    place = {"index": 0, "leaf": leaf.decode(), "inclusion": [], "checkpoint": note}
    assert refused(issued.signed({**issued.payload, "ledger": place}), [issued.public]) == "ledger.signature"


def test_a_checkpoint_is_no_statement_and_a_statement_no_checkpoint(issued: Issued) -> None:
    from visavis.ledger.checkpoint import read_checkpoint

    assert refused(issued.ledger.checkpoint(), [issued.public]) == "statement.malformed"
    with pytest.raises(LedgerError):
        read_checkpoint(issued.token, [issued.key.verifier])
    # One key signs both: the one holds line's ends, the other never does.
    assert issued.ledger.checkpoint().count("\n") > 3
    assert "\n" not in issued.token


@pytest.mark.parametrize("index", [-1, 7, 10**6])
def test_of_an_entry_that_is_not_there_there_is_no_statement(issued: Issued, index: int) -> None:
    with pytest.raises(LedgerError) as caught:
        issue(issued.ledger, index)
    assert caught.value.code == "ledger.index"
