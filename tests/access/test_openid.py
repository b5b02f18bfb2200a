from __future__ import annotations

import base64
import json
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.access.conftest import CHEAP
from tests.access.provider import CLIENT, SECRET, Key, OpenIDProvider, joined, with_secret
from tests.access.test_users import code

from visavis.access import openid
from visavis.access.accounts import Accounts
from visavis.access.openid import Provider, Settings, read_secret
from visavis.errors import AccessError
from visavis.ledger.log import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

REDIRECT = "https://desk.example/desk/openid"
RSA, OTHER_RSA, SHORT_RSA = Key(), Key(kid="other"), Key(kid="short", bits=1024)
SEALING = b"s" * 32


class Now:
    """The time, which the test may move: PyJWT looks at the machine's clock."""

    def __init__(self) -> None:
        self.off = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.off


@pytest.fixture
def there() -> Iterator[OpenIDProvider]:
    server = OpenIDProvider(RSA)
    server.redirect = REDIRECT
    server.start()
    yield server
    server.stop()


def settings(there: OpenIDProvider, **changes: Any) -> Settings:
    plain = Settings(issuer=there.url, client=CLIENT, secret=there.secret, redirect=REDIRECT)
    return replace(plain, **changes)


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def provider(there: OpenIDProvider, now: Now) -> Provider:
    return Provider(settings(there), secret=SEALING, clock=now)


def came(provider: Provider, there: OpenIDProvider) -> openid.Identity:
    begun = provider.begin()
    return provider.finish(begun.sealed, there.come(begun.url))


def refused(provider: Provider, there: OpenIDProvider) -> AccessError:
    with pytest.raises(AccessError) as caught:
        came(provider, there)
    return caught.value


@pytest.mark.parametrize(
    "key", [RSA, Key("ES256"), Key("EdDSA"), Key(kid=None)], ids=lambda key: key.algorithm
)
def test_who_signs_in_there_is_known_here(provider: Provider, there: OpenIDProvider, key: Key) -> None:
    there.key, there.published = key, [key.jwk]
    found = came(provider, there)
    assert (found.issuer, found.subject, found.name, found.roles) == (there.url, "4711", "Anna", None)
    assert there.asked == ["/.well-known/openid-configuration", "/authorize", "/token", "/keys"]
    came(provider, there)
    assert there.asked[4:] == ["/authorize", "/token"], "what the provider says is kept for a while"


@pytest.mark.parametrize(
    ("secret", "methods"),
    [(SECRET, None), (SECRET, ["client_secret_basic"]), (SECRET, ["client_secret_post"]), (None, ["none"])],
)
def test_how_the_service_shows_who_it_is(
    provider: Provider, there: OpenIDProvider, secret: str | None, methods: list[str] | None
) -> None:
    there.secret = secret
    there.says["token_endpoint_auth_methods_supported"] = methods or ["client_secret_basic"]
    own = Provider(settings(there), secret=SEALING)
    assert came(own, there).subject == "4711"
    wrong = Provider(settings(there, secret="wrong"), secret=SEALING)
    error = refused(wrong, there)
    assert error.code == ("access.openid_provider" if methods == ["none"] else "access.openid")
    assert SECRET not in repr(own.settings) + str(error)


def test_what_is_asked_is_new_each_time_and_hidden_in_the_cookie(provider: Provider) -> None:
    seen: set[str] = set()
    for _ in range(3):
        begun = provider.begin()
        asked = parse_qs(urlsplit(begun.url).query)
        for name in ("state", "nonce", "code_challenge"):
            [value] = asked[name]
            assert value not in seen
            seen.add(value)
            assert value not in begun.sealed
            assert value.encode() not in base64.urlsafe_b64decode(begun.sealed + "==")
        assert len(begun.sealed) < 1000
        assert "code_verifier" not in asked


def test_with_the_accounts_somebody_is_signed_in(there: OpenIDProvider, tmp_path: Path) -> None:
    roles = {"desk-clerks": "clerk", "desk-auditors": "auditor"}
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        accounts = Accounts.of(
            ledger, openid=settings(there, claim="realm_access.roles", roles=roles), cost=CHEAP
        )
        assert accounts.openid is not None

        def sign_in() -> Any:
            begun = accounts.openid.begin()  # type: ignore[union-attr]
            return accounts.finish_openid(begun.sealed, there.come(begun.url))

        there.person["realm_access"] = {"roles": ["desk-clerks", "staff", 7]}
        signed = sign_in()
        assert signed.session.user.name == "anna"
        assert signed.session.user.roles == {"clerk"}
        there.person["realm_access"] = {"roles": ["desk-clerks", "desk-auditors"]}
        assert sign_in().session.user.roles == {"clerk", "auditor"}
        assert code(lambda: accounts.sessions.find(signed.token)) == "access.session", "roles changed"
        there.person["realm_access"] = {"roles": []}
        assert code(sign_in) == "access.openid_user"
        assert len(accounts.users.all()) == 1
        assert code(lambda: Accounts.of(ledger).finish_openid("x", {})) == "access.openid_settings"


@pytest.mark.parametrize(
    ("claim", "person", "roles"),
    [
        ("groups", {"groups": ["a", "b", "c"]}, {"clerk", "auditor"}),
        ("groups", {"groups": "a"}, {"clerk"}),
        ("groups", {}, set()),
        ("groups", {"groups": {"a": True}}, set()),
        ("groups", {"groups": [["a"], None, {"a": 1}, 1, "A"]}, set()),
        ("https://bank.example/roles", {"https://bank.example/roles": ["b"]}, {"auditor"}),
        ("resource.desk.roles", {"resource": {"desk": {"roles": ["a"]}}}, {"clerk"}),
        ("resource.desk.roles", {"resource": ["desk"]}, set()),
    ],
)
def test_roles_by_a_claim(there: OpenIDProvider, claim: str, person: dict[str, Any], roles: set[str]) -> None:
    own = Provider(settings(there, claim=claim, roles={"a": "clerk", "b": "auditor"}), secret=SEALING)
    there.person |= person
    assert came(own, there).roles == frozenset(roles)


# Tokens that aren't right


def without(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda claims: RSA.token({key: value for key, value in claims.items() if key != name})


def changed(**claims: Any) -> Callable[[dict[str, Any]], str]:
    return lambda right: RSA.token({**right, **claims})


def spoilt(part: int) -> Callable[[dict[str, Any]], str]:
    def spoil(claims: dict[str, Any]) -> str:
        parts = RSA.token(claims).split(".")
        first = parts[part][10]
        parts[part] = parts[part][:10] + ("A" if first != "A" else "B") + parts[part][11:]
        return ".".join(parts)

    return spoil


PEM = RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
LONG_AGO, SOON = int(time.time()) - 3600, int(time.time()) + 3600

WRONG: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "no token": lambda claims: "x",
    "nothing": lambda claims: None,
    "a number": lambda claims: 7,
    "five parts": lambda claims: "a.b.c.d.e",
    "not ASCII": lambda claims: "\u00e4.\u00e4.\u00e4",
    "huge": lambda claims: RSA.token({**claims, "x": "x" * 100_000}),
    "header altered": spoilt(0),
    "claims altered": spoilt(1),
    "signature altered": spoilt(2),
    "signature of nothing": lambda claims: joined({"alg": "none"}, claims, lambda content: b""),
    "none with a signature": lambda claims: RSA.token(claims, alg="none"),
    "None with a signature": lambda claims: RSA.token(claims, alg="None"),
    "the public key as a secret": lambda claims: with_secret(claims, PEM, kid="first"),
    "the client's secret": lambda claims: with_secret(claims, SECRET.encode(), kid="first"),
    "RS512": lambda claims: RSA.token(claims, alg="RS512"),
    "PS256": lambda claims: RSA.token(claims, alg="PS256"),
    "ES256 with an RSA key": lambda claims: RSA.token(claims, alg="ES256"),
    "an algorithm that is none": lambda claims: RSA.token(claims, alg=["RS256"]),
    "a key in its header": lambda claims: OTHER_RSA.token(claims, kid="first", jwk=OTHER_RSA.jwk),
    "another key": lambda claims: OTHER_RSA.token(claims, kid="first"),
    "a key that isn't published": OTHER_RSA.token,
    "a key's name that is none": lambda claims: RSA.token(claims, kid=7),
    "crit": lambda claims: RSA.token(claims, crit=["exp"]),
    "b64": lambda claims: RSA.token(claims, b64=False),
    "another issuer": changed(iss="https://id.example"),
    "issuer with a slash": lambda claims: RSA.token({**claims, "iss": claims["iss"] + "/"}),
    "no issuer": without("iss"),
    "another audience": changed(aud="somebody else"),
    "audiences without ours": changed(aud=["a", "b"], azp=CLIENT),
    "several without a party": changed(aud=[CLIENT, "somebody else"]),
    "another party": changed(azp="somebody else"),
    "no audience": without("aud"),
    "audience of numbers": changed(aud=[7]),
    "over": changed(iat=LONG_AGO, exp=LONG_AGO + 300),
    "no end": without("exp"),
    "an end that is none": changed(exp="tomorrow"),
    "of the future": changed(iat=SOON, exp=SOON + 300),
    "not yet": changed(nbf=SOON),
    "no time": without("iat"),
    "another nonce": changed(nonce="x" * 43),
    "no nonce": without("nonce"),
    "a nonce that is none": changed(nonce=7),
    "no subject": without("sub"),
    "an empty subject": changed(sub=""),
    "a subject that is none": changed(sub=4711),
    "no claims": lambda claims: joined({"alg": "RS256", "kid": "first"}, [], RSA.sign),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_token_lets_nobody_in(provider: Provider, there: OpenIDProvider, wrong: str) -> None:
    there.make = WRONG[wrong]
    assert refused(provider, there).code == "access.openid"


def test_clocks_may_differ_by_a_minute(provider: Provider, there: OpenIDProvider) -> None:
    at = int(time.time())
    there.make = changed(iat=at + 40, exp=at + 340)
    came(provider, there)
    there.make = changed(iat=at - 340, exp=at - 40)
    came(provider, there)


def test_several_audiences_name_the_party_that_may(provider: Provider, there: OpenIDProvider) -> None:
    there.make = changed(aud=[CLIENT, "somebody else"], azp=CLIENT)
    assert came(provider, there).subject == "4711"


# Keys


def test_a_new_key_is_fetched_once(provider: Provider, there: OpenIDProvider) -> None:
    came(provider, there)
    there.key, there.published = OTHER_RSA, [RSA.jwk, OTHER_RSA.jwk]
    assert came(provider, there).subject == "4711"
    assert there.asked.count("/keys") == 2
    there.make = SHORT_RSA.token
    refused(provider, there)
    assert there.asked.count("/keys") == 3, "once more and no further"


def test_keys_are_not_trusted_for_ever(provider: Provider, there: OpenIDProvider, now: Now) -> None:
    came(provider, there)
    there.published = [OTHER_RSA.jwk]
    came(provider, there)
    now.off = timedelta(hours=1)
    assert refused(provider, there).code == "access.openid"


@pytest.mark.parametrize(
    "published",
    [
        [],
        [RSA.jwk | {"use": "enc"}],
        [RSA.jwk | {"alg": "RS512"}],
        [RSA.jwk | {"kty": "oct", "k": "AAAA"}],
        [RSA.jwk, RSA.jwk],  # two of one name
        [{"kty": "RSA", "kid": "first"}],
        [RSA.jwk | {"n": "!"}],
        [RSA.jwk | {"n": 7}],
        [7, None, "x"],
    ],
    ids=["none", "use", "alg", "kind", "twice", "no-n", "odd-n", "number", "no-keys"],
)
def test_keys_that_are_none(provider: Provider, there: OpenIDProvider, published: list[Any]) -> None:
    there.published = published
    assert refused(provider, there).code == "access.openid"


def test_a_short_key_does_not_count(provider: Provider, there: OpenIDProvider) -> None:
    there.key, there.published = SHORT_RSA, [SHORT_RSA.jwk]
    assert "too short" in str(refused(provider, there))


# What comes back


def test_each_code_counts_once(provider: Provider, there: OpenIDProvider) -> None:
    begun = provider.begin()
    back = there.come(begun.url)
    provider.finish(begun.sealed, back)
    assert code(lambda: provider.finish(begun.sealed, back)) == "access.openid"


def test_an_attempt_is_bound_to_its_browser(provider: Provider, there: OpenIDProvider) -> None:
    mine, theirs = provider.begin(), provider.begin()
    back = there.come(theirs.url)
    assert code(lambda: provider.finish(mine.sealed, back)) == "access.openid"
    assert code(lambda: provider.finish(None, back)) == "access.openid"
    mixed = {**there.come(mine.url), "state": back["state"]}
    assert code(lambda: provider.finish(theirs.sealed, mixed)) == "access.openid", (
        "a code of another verifier"
    )
    assert "/keys" not in there.asked


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"state": ""},
        {"state": "\ud800"},
        {"code": "x" * 100_000},
        {"code": ""},
        {"error": "access_denied"},
        {"error": "<script>"},
        {"iss": "https://id.example"},
    ],
)
def test_whatever_comes_back(provider: Provider, there: OpenIDProvider, given: dict[str, str]) -> None:
    begun = provider.begin()
    back = {**there.come(begun.url), **given} if given else {}
    with pytest.raises(AccessError) as caught:
        provider.finish(begun.sealed, back)
    assert caught.value.code == "access.openid"
    assert "<" not in str(caught.value)


def test_where_the_provider_says_who_answers_it_must(provider: Provider, there: OpenIDProvider) -> None:
    there.says["authorization_response_iss_parameter_supported"] = True  # RFC 9207, section 3
    begun = provider.begin()
    back = there.come(begun.url)
    assert code(lambda: provider.finish(begun.sealed, back)) == "access.openid"
    provider.finish(begun.sealed, {**back, "iss": there.url})


@pytest.mark.parametrize("sealed", ["", "x", "A" * 300, "A" * 1_000_000, "\ud800", "\u00e4", "===="])
def test_cookies_that_are_none(provider: Provider, sealed: str) -> None:
    assert code(lambda: provider.finish(sealed, {"state": "x", "code": "x"})) == "access.openid"


def test_a_cookie_is_for_its_settings_and_its_time(
    provider: Provider, there: OpenIDProvider, now: Now
) -> None:
    begun = provider.begin()
    back = there.come(begun.url)
    others = (
        Provider(settings(there), secret=b"t" * 32),
        Provider(settings(there, client="another"), secret=SEALING),
    )
    for other in others:
        assert code(partial(other.finish, begun.sealed, back)) == "access.openid"
    now.off = timedelta(minutes=10)
    assert code(lambda: provider.finish(begun.sealed, back)) == "access.openid"
    now.off = timedelta(minutes=9)
    provider.finish(begun.sealed, back)


# A provider that isn't what it should be


@pytest.mark.parametrize(
    "says",
    [
        {"issuer": "https://id.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"token_endpoint": "http://id.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 7},
        {"token_endpoint": "https://user:word@id.example/token"},
        {"token_endpoint": "https://id.example:99999/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": "S256"},
        {"response_types_supported": ["id_token"]},
    ],
    ids=str,
)
def test_a_provider_that_says_something_else(
    provider: Provider, there: OpenIDProvider, says: dict[str, Any]
) -> None:
    there.says |= says
    assert code(provider.begin) == code(provider.check) == "access.openid_provider"


ABOUT = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (ABOUT, (404, {}, b"{}")),
        (ABOUT, (500, {}, b"")),
        (ABOUT, (200, {}, b"<html>")),
        (ABOUT, (200, {}, b"[]")),
        (ABOUT, (200, {}, b"[" * 100_000)),
        (ABOUT, (200, {}, b"\xff\xfe")),
        (ABOUT, (302, {"Location": "https://id.example/"}, b"")),
        (ABOUT, (200, {}, b" " * 2_000_000 + b"{}")),
        ("/keys", (200, {}, b"{}")),
        ("/keys", (200, {}, json.dumps({"keys": [{}] * 101}).encode())),
        ("/keys", (302, {"Location": "/elsewhere"}, b"")),
        ("/token", (200, {}, b"[" * 100_000)),
        ("/token", (200, {}, b"{}")),
        ("/token", (302, {"Location": "/elsewhere"}, b"")),
        ("/token", (400, {}, b'{"error": "<script>"}')),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_provider_that_answers_something_else(
    provider: Provider, there: OpenIDProvider, path: str, answer: tuple[int, dict[str, str], bytes]
) -> None:
    there.answers[path] = answer
    error = refused(provider, there)
    assert error.code == ("access.openid" if path == "/token" else "access.openid_provider")
    assert "<" not in str(error)
    assert "/elsewhere" not in there.asked


def test_a_provider_that_is_too_slow(
    provider: Provider, there: OpenIDProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openid, "ALL_S", 0.1)
    there.answers[ABOUT] = (200, {}, b" " * 200_000)
    there.slow_s = 0.2
    assert code(provider.begin) == "access.openid_provider"


def test_a_provider_that_is_not_there(now: Now) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        gone = Settings(issuer=f"http://127.0.0.1:{taken.getsockname()[1]}", client=CLIENT, redirect=REDIRECT)
        assert code(Provider(gone, secret=SEALING).check) == "access.openid_provider"


def test_no_plain_endpoint_behind_https(monkeypatch: pytest.MonkeyPatch) -> None:
    safe = Provider(Settings(issuer="https://id.example", client=CLIENT, redirect=REDIRECT), secret=SEALING)
    about = {
        "issuer": "https://id.example",
        "authorization_endpoint": "https://id.example/a",
        "token_endpoint": "http://127.0.0.1/token",
        "jwks_uri": "https://id.example/k",
    }
    monkeypatch.setattr(safe, "_fetched", lambda url: (200, about))
    with pytest.raises(AccessError, match="token_endpoint isn't reached by https"):
        safe.check()


# Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://id.example"},
        {"issuer": "id.example"},
        {"issuer": ""},
        {"issuer": "https://id.example/?a=b"},
        {"issuer": "https://id.example/#a"},
        {"issuer": "https://user@id.example"},
        {"issuer": "https://id.ex\u00e4mple"},
        {"issuer": "https://id.example/a b"},
        {"issuer": "https://[::1"},
        {"redirect": "http://desk.example/desk/openid"},
        {"client": ""},
        {"claim": "groups"},
        {"roles": {"a": "clerk"}},
        {"claim": "groups", "roles": {"a": "boss"}},
    ],
    ids=str,
)
def test_settings_that_make_no_sense(wrong: dict[str, Any]) -> None:
    plain: dict[str, Any] = {"issuer": "https://id.example", "client": CLIENT, "redirect": REDIRECT}
    Settings(**plain)
    assert code(lambda: Settings(**{**plain, **wrong})) == "access.openid_settings"


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret\n", "s3cret"),
        (b"  with spaces inside \r\n", "with spaces inside"),
        (b"", None),
        (b"\n", None),
        (b"two\nlines", None),
        (b"\xff\xfe", None),
        (b"x" * 5000, None),
        (None, None),
    ],
)
def test_the_secret_is_read_from_its_file(tmp_path: Path, content: bytes | None, secret: str | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    if secret is None:
        assert code(lambda: read_secret(file)) == "access.openid_settings"
    else:
        assert read_secret(file) == secret


def test_without_the_package_it_is_said_what_to_install(
    provider: Provider, there: OpenIDProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jwt", None)
    error = refused(provider, there)
    assert error.code == "access.openid_settings"
    assert "pip install 'visavis[openid]'" in str(error)
