from __future__ import annotations

import threading
import time

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from visavis.access import passwords
from visavis.access.passwords import Cost, Passwords, refuse_weak
from visavis.errors import AccessError

CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
GOOD = "correct horse battery staple"


@pytest.fixture(scope="module")
def kept() -> Passwords:
    return Passwords(b"s" * 32, CHEAP)


def test_a_password_fits_its_user_and_nobody_else(kept: Passwords) -> None:
    hashed = kept.hashed("anna", GOOD)
    assert hashed.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert hashed != kept.hashed("anna", GOOD), "each has a salt of its own"
    assert kept.fits("anna", GOOD, hashed)
    assert not kept.fits("anna", GOOD + " ", hashed)
    assert not kept.fits("bert", GOOD, hashed), "one user's hash is none of another's"
    assert not Passwords(b"t" * 32, CHEAP).fits("anna", GOOD, hashed), (
        "without the ledger's key it is nothing"
    )


def test_nobody_fits_where_nothing_is_kept(kept: Passwords) -> None:
    assert not kept.fits("anna", GOOD, None)
    assert not kept.fits("nobody", GOOD, None)


@pytest.mark.parametrize(
    "damaged", ["", "x", "$argon2id$", "$argon2id$v=19$m=0,t=1,p=1$eHg$eHg", "$2b$12$" + "a" * 53, "\0"]
)
def test_damaged_hashes_fit_nothing(kept: Passwords, damaged: str) -> None:
    assert not kept.fits("anna", GOOD, damaged or "$")


@pytest.mark.parametrize("typed", ["", "\0", "\ud800" * 20, "x" * 10_000_000, "a\u0301" * 600, GOOD.upper()])
def test_whatever_is_typed_is_only_wrong(kept: Passwords, typed: str) -> None:
    hashed = kept.hashed("anna", GOOD)
    began = time.perf_counter()
    assert not kept.fits("anna", typed, hashed)
    assert time.perf_counter() - began < 5


def test_two_ways_to_write_a_character_are_one(kept: Passwords) -> None:
    # U+00E9, and e with U+0301: the same by Unicode's canonical equivalence (UAX #15).
    hashed = kept.hashed("anna", "caf\u00e9 au lait demain")
    assert kept.fits("anna", "cafe\u0301 au lait demain", hashed)


def test_the_default_is_the_second_option_of_rfc_9106() -> None:
    # RFC 9106, section 4: Argon2id with t=3 iterations, p=4 lanes, m=2^16 KiB, 128-bit salt, 256-bit tag.
    cost = Cost()
    assert (cost.passes, cost.lanes, cost.memory_kib) == (3, 4, 2**16)
    assert (passwords.SALT_BYTES, passwords.HASH_BYTES) == (128 // 8, 256 // 8)


def test_the_secret_value_is_that_of_rfc_9106() -> None:
    # RFC 9106, section 5.3; what `Passwords` gives as secret is its K.
    work = Argon2id(
        salt=b"\2" * 16, length=32, iterations=3, lanes=4, memory_cost=32, ad=b"\4" * 12, secret=b"\3" * 8
    )
    tag = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    assert work.derive(b"\1" * 32).hex() == tag


@pytest.mark.parametrize(
    ("before", "now", "outdated"),
    [
        (CHEAP, CHEAP, False),
        (CHEAP, Cost(memory_kib=128, passes=1, lanes=1), True),
        (CHEAP, Cost(memory_kib=64, passes=2, lanes=1), True),
        (Cost(memory_kib=128, passes=2, lanes=1), CHEAP, False),
    ],
)
def test_a_hash_is_outdated_where_less_work_went_into_it(before: Cost, now: Cost, outdated: bool) -> None:
    hashed = Passwords(b"s" * 32, before).hashed("anna", GOOD)
    assert Passwords(b"s" * 32, now).is_outdated(hashed) is outdated


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "\u043f\u0430\u0440\u043e\u043b\u044c \u0434\u043b\u044f \u0442\u0435\u0441\u0442\u0430",
        "four words nobody says",
        "x7#kQ9!vLm2@pR5",  # 15 characters
        " spaces at both ends ",
        "".join(f"{number:03d}-" for number in range(64)),  # 256 characters
    ],
)
def test_what_can_be_a_password(password: str) -> None:
    refuse_weak(password, "anna")


@pytest.mark.parametrize(
    ("password", "name"),
    [
        ("", "anna"),
        ("x7#kQ9!vLm2@pR", "anna"),  # 14
        ("nice words " * 30, "anna"),
        ("a" * 20, "anna"),
        ("abababababababab", "anna"),
        ("passwordpassword", "anna"),
        ("1234567890123456", "anna"),
        ("qwertyuiopasdfgh", "anna"),
        ("abcdefghijklmnop", "anna"),
        ("anna.smith@bank.example1", "anna.smith@bank.example"),
        ("visavis-password-1", "anna"),
        ("Password Visavis 12", "anna"),
        ("\ud800 is half of a pair", "anna"),
    ],
)
def test_what_can_not(password: str, name: str) -> None:
    with pytest.raises(AccessError) as caught:
        refuse_weak(password, name)
    assert caught.value.code == "access.password"
    assert not password or password not in str(caught.value)


def test_only_so_many_are_looked_at_at_the_same_time(
    kept: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "WAIT_S", 0.05)
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(kept, "_places", places)
    hashed = kept.hashed("anna", GOOD)
    with places, pytest.raises(AccessError) as caught:
        kept.fits("anna", GOOD, hashed)
    assert caught.value.code == "access.busy"
    assert kept.fits("anna", GOOD, hashed), "and each gives its place back"
