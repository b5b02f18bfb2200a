"""RFC 8037, appendix A, and whatever isn't a token."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.errors import LedgerError
from visavis.ledger import jws

# RFC 8037, appendix A.1 and A.2
PRIVATE = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
# A.3
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
# A.4
TOKEN = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_signing_is_that_of_rfc_8037() -> None:
    sign = Ed25519PrivateKey.from_private_bytes(raw(PRIVATE)).sign
    assert jws.compact({"alg": "EdDSA"}, b"Example of Ed25519 signing", sign) == TOKEN


def test_validating_is_that_of_rfc_8037() -> None:
    header, payload, signature, signed = jws.parts(TOKEN)
    assert (header, payload) == ({"alg": "EdDSA"}, b"Example of Ed25519 signing")
    assert jws.verified(raw(PUBLIC), signature, signed)
    assert not jws.verified(raw(PUBLIC), signature, signed + b"a")
    assert not jws.verified(raw(PUBLIC)[::-1], signature, signed)
    assert not jws.verified(raw(PUBLIC), bytes(64), signed)


def test_a_thumbprint_is_that_of_rfc_8037() -> None:
    assert jws.thumbprint(raw(PUBLIC)) == THUMBPRINT


def test_a_key_is_that_of_rfc_8037_with_what_it_is_for() -> None:
    key = jws.jwk(raw(PUBLIC))
    assert {name: key[name] for name in ("kty", "crv", "x")} == {"kty": "OKP", "crv": "Ed25519", "x": PUBLIC}
    assert (key["kid"], key["alg"], key["use"]) == (THUMBPRINT, "EdDSA", "sig")
    assert "d" not in key
    assert jws.read_keys(json.dumps(key)) == [raw(PUBLIC)]
    assert jws.read_keys(json.dumps({"keys": [key, key]}).encode()) == [raw(PUBLIC)] * 2


HEAD, PAYLOAD, SIGNATURE = TOKEN.split(".")


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        f"{HEAD}.{PAYLOAD}",
        f"{HEAD}.{PAYLOAD}.",
        f"{HEAD}..{SIGNATURE}",
        f"{TOKEN}.{SIGNATURE}",
        f"{HEAD}=.{PAYLOAD}.{SIGNATURE}",
        f"{HEAD}.{PAYLOAD}.{SIGNATURE}==",
        f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-1]}",
        f"{HEAD}.{PAYLOAD}.{SIGNATURE}A",
        f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-1]}h",  # bits that stand for nothing are set
        f"{HEAD}.{PAYLOAD[:-1]}+.{SIGNATURE}",
        f"{HEAD}. {PAYLOAD}.{SIGNATURE}",
        f"{HEAD}.{PAYLOAD}\n.{SIGNATURE}",
        f"{HEAD}.{PAYLOAD}.{SIGNATURE}\u00e9",
        f"{encoded('[]')}.{PAYLOAD}.{SIGNATURE}",
        f"{encoded('null')}.{PAYLOAD}.{SIGNATURE}",
        f"{encoded('{')}.{PAYLOAD}.{SIGNATURE}",
        encoded('{"alg":"EdDSA","alg":"EdDSA"}') + f".{PAYLOAD}.{SIGNATURE}",
        encoded('{"alg":NaN}') + f".{PAYLOAD}.{SIGNATURE}",
        encoded("[" * 5000) + f".{PAYLOAD}.{SIGNATURE}",
        base64.urlsafe_b64encode(b"\xff\xfe").decode().rstrip("=") + f".{PAYLOAD}.{SIGNATURE}",
        "\ufeff" + TOKEN,
        '{"payload":"","signatures":[]}',
        "A" * (jws.MAX_TOKEN + 1),
        b"\x00" * 100,
    ],
)
def test_whatever_is_no_token_is_refused(token: str | bytes) -> None:
    with pytest.raises(LedgerError) as caught:
        jws.parts(token)
    assert caught.value.code == "statement.malformed"


def test_white_space_around_a_token_is_that_of_a_file() -> None:
    assert jws.parts(f"\n{TOKEN}\r\n") == jws.parts(TOKEN)


KEY: dict[str, Any] = {"kty": "OKP", "crv": "Ed25519", "x": PUBLIC}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"keys": []},
        {"keys": {}},
        {"keys": [1]},
        {"keys": [KEY] * 65},
        {**KEY, "x": PUBLIC[:-1]},
        {**KEY, "x": PUBLIC + "="},
        {**KEY, "x": None},
        {"kty": "OKP", "crv": "Ed25519"},
        {**KEY, "crv": "X25519"},
        {**KEY, "kty": "oct", "k": "AAAA"},
        {**KEY, "use": "enc"},
        {**KEY, "alg": "HS256"},
        {**KEY, "key_ops": ["sign"]},
        {**KEY, "key_ops": "verify"},
        {**KEY, "d": PRIVATE},
    ],
)
def test_what_is_no_public_key_for_signatures_is_refused(data: object) -> None:
    with pytest.raises(LedgerError) as caught:
        jws.read_keys(json.dumps(data))
    assert caught.value.code == "statement.key"


@pytest.mark.parametrize("text", ["", "{", '{"x":1,"x":2}', "A" * 70_000, b"\xff"])
def test_what_is_no_json_holds_no_key(text: str | bytes) -> None:
    with pytest.raises(LedgerError) as caught:
        jws.read_keys(text)
    assert caught.value.code == "statement.key"


def test_keys_of_other_kinds_are_passed_over() -> None:
    others = [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {**KEY, "use": "enc"}]
    assert jws.read_keys(json.dumps({"keys": [*others, {**KEY, "alg": "Ed25519"}]})) == [raw(PUBLIC)]
