from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from visavis.access import totp

SEED = b"12345678901234567890"


# RFC 6238, appendix B, the rows of SHA-1: 8 digits.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    step = totp.step_at(datetime.fromtimestamp(seconds, UTC))
    assert totp.code_of(SEED, step, digits=8) == code
    assert totp.code_of(SEED, step) == code[2:], "of fewer digits the last ones (RFC 4226, section 5.3)"


# RFC 4226, appendix D.
@pytest.mark.parametrize(
    ("count", "code"),
    [
        *((0, "755224"), (1, "287082"), (2, "359152"), (3, "969429"), (4, "338314")),
        *((5, "254676"), (6, "287922"), (7, "162583"), (8, "399871"), (9, "520489")),
    ],
)
def test_the_vectors_of_rfc_4226(count: int, code: str) -> None:
    assert totp.code_of(SEED, count) == code


@pytest.mark.parametrize(("off", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_counts_in_its_step_and_beside_it(off: int, fits: bool) -> None:
    step = 1_000_000
    found = totp.step_of(SEED, totp.code_of(SEED, step + off), now=step)
    assert found == (step + off if fits else None)


@pytest.mark.parametrize(
    "typed",
    ["", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666", "-12345", "\ud800" * 6],
)
def test_whatever_is_no_code(typed: str) -> None:
    assert totp.step_of(SEED, totp.plain(typed), now=0) is None


@pytest.mark.parametrize("typed", ["287 082", "287-082", " 287082\n"])
def test_a_code_may_be_typed_with_spaces(typed: str) -> None:
    assert totp.step_of(SEED, totp.plain(typed), now=1) == 1


def test_the_address_for_an_app() -> None:
    told = totp.address(SEED, name="anna@bank.example", issuer="visavis desk: 1")
    parts = urlsplit(told)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path == "/visavis%20desk%3A%201:anna%40bank.example"
    asked = parse_qs(parts.query)
    # The secret of RFC 6238 in base32, by coreutils: printf 12345678901234567890 | base32
    assert asked["secret"] == ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
    assert asked["issuer"] == ["visavis desk: 1"]
    assert (asked["digits"], asked["period"], asked["algorithm"]) == (["6"], ["30"], ["SHA1"])


def test_secrets_and_recovery_codes_are_random() -> None:
    assert len({totp.new_secret() for _ in range(20)}) == 20
    assert len(totp.new_secret()) == 20
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == totp.RECOVERY_CODES == 10
    assert all(totp.RECOVERY.fullmatch(totp.plain(code)) for code in codes)
    assert totp.plain(codes[0].upper().replace("-", " ")) == totp.plain(codes[0])
