"""Signing in at an OpenID provider: the authorization code flow with PKCE, and nothing else of it.

OpenID Connect Core 1.0 with Discovery 1.0, RFC 7636 (S256) and RFC 9700's advice. What has to be remembered
between the two requests (state, nonce and the verifier of PKCE) goes through the browser in a cookie that
only this service can read and make, so that it is bound to that browser and nothing is kept for strangers.

The ID token is checked by PyJWT under a key that the provider publishes: signature by one of three
algorithms, issuer, audience, times, and here authorized party and nonce. What is fetched is bounded in size
and time, never follows a redirect, and comes by https, but for a provider on this machine.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from visavis.access.users import ROLES
from visavis.errors import AccessError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ALGORITHMS = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
"""Signatures that count, each with its kind of key. None with a shared secret: the client's isn't a key."""
RSA_BITS = 2048
SCOPES = ("openid", "profile")

MAX_BYTES = 256 * 1024
"""Of any answer of the provider."""
MAX_TOKEN = 64 * 1024
MAX_KEYS = 100
CONNECT_S, READ_S, ALL_S = 5.0, 5.0, 10.0
LEEWAY = timedelta(seconds=60)
"""How far the provider's clock may be off."""
KEPT_FOR = timedelta(hours=1)
"""How long what the provider says of itself is taken for true."""
SIGN_IN_FOR = timedelta(minutes=10)
"""How long somebody has at the provider."""
NONCE_BYTES = 12
MAX_SEALED = 4096
ERROR = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the provider is reached, and what it decides.

    Attributes:
        issuer: The provider, exactly as it calls itself.
        client: What it calls this service.
        secret: What shows that it is this service; None where PKCE alone has to do.
        redirect: Where the provider sends people back to.
        claim: Name of the claim whose values say which roles somebody has, with dots into objects; None where
            roles are given here.
        roles: Role of `users.ROLES` by value of that claim.
    """

    issuer: str
    client: str
    secret: str | None = field(default=None, repr=False)
    redirect: str
    claim: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _address(self.issuer, "the issuer", plain=True, error=_unset)
        _address(self.redirect, "the address that people come back to", plain=True, error=_unset)
        if not self.client:
            raise _unset("the client's name is missing")
        if (self.claim is None) == bool(self.roles):
            raise _unset("a claim and the roles by its values go together: give both or none")
        if wrong := [role for role in self.roles.values() if role not in ROLES]:
            raise _unset("there is no such role", found=wrong[0], expected=", ".join(ROLES))


@dataclass(frozen=True, slots=True)
class Begun:
    """Where somebody is sent to sign in.

    Attributes:
        url: The address to redirect to.
        sealed: For a cookie, until they come back.
    """

    url: str
    sealed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the provider has vouched for.

    Attributes:
        issuer: The provider.
        subject: What it calls them; never given to somebody else.
        name: What they might be called here; None where it doesn't say.
        roles: Those that it gives them; None where it isn't asked.
    """

    issuer: str
    subject: str
    name: str | None
    roles: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoints:
    """What the provider says of itself."""

    authorization: str
    token: str
    keys: str
    methods: tuple[str, ...]
    says_issuer: bool


class Provider:
    """An OpenID provider; safe for several threads at once."""

    def __init__(
        self, settings: Settings, *, secret: bytes, clock: Callable[[], datetime] | None = None
    ) -> None:
        """Take settings; nothing is asked yet.

        Args:
            settings: How it is reached.
            secret: Seals what goes through the browser; the same in all processes.
            clock: What time it is.
        """
        self.settings = settings
        self._secret = secret
        self._clock = clock or (lambda: datetime.now(UTC))
        self._lock = threading.Lock()
        self._endpoints: tuple[datetime, _Endpoints] | None = None
        self._keys: tuple[datetime, list[Mapping[str, Any]]] | None = None

    def check(self) -> None:
        """Ask the provider what it says of itself.

        Raises:
            AccessError: `access.openid_provider`.
        """
        self._about()

    def begin(self) -> Begun:
        """Send somebody there.

        Raises:
            AccessError: `access.openid_provider`: it can't be reached, or isn't what it should be.
        """
        about = self._about()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": self.settings.client,
            "redirect_uri": self.settings.redirect,
            "scope": " ".join(SCOPES),
            "state": state,
            "nonce": nonce,
            "code_challenge": _encoded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        until = (self._clock() + SIGN_IN_FOR).timestamp()
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "until": until}
        separator = "&" if urlsplit(about.authorization).query else "?"
        return Begun(f"{about.authorization}{separator}{urlencode(asked)}", self._sealed(kept))

    def finish(self, sealed: str | None, given: Mapping[str, str]) -> Identity:
        """Take somebody back, and see who they are.

        Args:
            sealed: The cookie that `begin` made; to be deleted now.
            given: The parameters in the address that they came back to.

        Raises:
            AccessError: `access.openid`: they began elsewhere or too long ago, the provider refused, or its
                token isn't right; `access.openid_provider`: it can't be reached, or isn't what it should be.
        """
        kept = self._opened(sealed)
        if not hmac.compare_digest(kept["state"].encode(), given.get("state", "").encode("utf-8", "replace")):
            raise _refused("what came back belongs to another attempt: begin again")
        about = self._about()
        said = given.get("iss")  # RFC 9207
        if (said is None and about.says_issuer) or (said is not None and said != self.settings.issuer):
            raise _refused("another provider answers than was asked")
        if "error" in given:
            error = given["error"]
            raise _refused("the provider refused", found=error if ERROR.fullmatch(error) else None)
        code = given.get("code", "")
        if not 1 <= len(code) <= MAX_SEALED:
            raise _refused("no code came back")
        claims = self._claims(self._token(about, code, kept["verifier"]), about)
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), kept["nonce"].encode()):
            raise _refused("the token belongs to another attempt: begin again")
        name = next(
            (claims[each] for each in ("preferred_username", "email") if isinstance(claims.get(each), str)),
            None,
        )
        return Identity(
            issuer=self.settings.issuer, subject=claims["sub"], name=name, roles=self._roles(claims)
        )

    # The token

    def _token(self, about: _Endpoints, code: str, verifier: str) -> str:
        """The ID token for a code."""
        settings = self.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect,
            "code_verifier": verifier,
        }
        headers = {}
        if settings.secret is None:
            form["client_id"] = settings.client
        elif "client_secret_basic" in about.methods:
            # RFC 6749, section 2.3.1: both are encoded as in a form first.
            pair = f"{quote(settings.client, safe='')}:{quote(settings.secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif "client_secret_post" in about.methods:
            form |= {"client_id": settings.client, "client_secret": settings.secret}
        else:
            raise _provider("it wants clients to show who they are in a way that isn't known here")
        status, answer = self._fetched(about.token, form=form, headers=headers)
        if status != 200:
            error = answer.get("error") if isinstance(answer, dict) else None
            known = isinstance(error, str) and ERROR.fullmatch(error) is not None
            raise _refused("the provider gives nothing for the code", found=error if known else status)
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or len(token) > MAX_TOKEN:
            raise _refused("the provider gives no ID token")
        return token

    def _claims(self, token: str, about: _Endpoints) -> dict[str, Any]:
        """What a token says, once all about it is right (OpenID Connect Core 1.0, section 3.1.3.7)."""
        jwt = _library()
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or {"crit", "b64"} & set(header):
                raise _refused("the token is signed in a way that doesn't count")
            key = self._key(about, algorithm, header.get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self.settings.client,
                issuer=self.settings.issuer,
                leeway=LEEWAY,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except jwt.PyJWTError as error:
            raise _refused("the token isn't right", found=type(error).__name__) from None
        except (ValueError, TypeError, RecursionError):  # of values that are no claims at all
            raise _refused("the token isn't right") from None
        audience, party = claims["aud"], claims.get("azp")
        several = isinstance(audience, list) and len(audience) > 1
        if (several and party is None) or (party is not None and party != self.settings.client):
            raise _refused("the token is meant for somebody else")
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise _refused("the token says of nobody who it is")
        return claims

    def _key(self, about: _Endpoints, algorithm: str, kid: object) -> Any:
        """The key that a token says it is signed with; keys are fetched once more where it isn't there."""
        jwt = _library()
        for anew in (False, True):
            fitting = list(_fitting(self._published(about, anew=anew), algorithm, kid))
            if len(fitting) == 1:
                key = jwt.PyJWK(dict(fitting[0]), algorithm=algorithm).key
                if ALGORITHMS[algorithm] == "RSA" and key.key_size < RSA_BITS:
                    raise _refused("the provider's key is too short", found=key.key_size, expected=RSA_BITS)
                return key
        raise _refused("no one key of the provider's is the token's")

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        """The roles that a token gives; none where it doesn't have the claim."""
        claim = self.settings.claim
        if claim is None:
            return None
        found: Any = claims.get(claim)
        if found is None:
            found = claims
            for part in claim.split("."):
                found = found.get(part) if isinstance(found, dict) else None
        values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        roles = self.settings.roles
        return frozenset(roles[value] for value in values if isinstance(value, str) and value in roles)

    # What the provider publishes

    def _about(self) -> _Endpoints:
        """What the provider says of itself (OpenID Connect Discovery 1.0, section 4)."""
        with self._lock:
            if self._endpoints is not None and self._clock() - self._endpoints[0] < KEPT_FOR:
                return self._endpoints[1]
        issuer = self.settings.issuer
        status, data = self._fetched(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if status != 200 or not isinstance(data, dict):
            raise _provider("it doesn't say what it is", found=status)
        if data.get("issuer") != issuer:
            raise _provider("it calls itself otherwise", found=str(data.get("issuer"))[:200], expected=issuer)
        if "S256" not in _texts(data, "code_challenge_methods_supported", ("S256",)):
            raise _provider("it doesn't know PKCE with S256")
        if "code" not in _texts(data, "response_types_supported", ("code",)):
            raise _provider("it doesn't give codes")
        found = _Endpoints(
            authorization=self._endpoint(data, "authorization_endpoint"),
            token=self._endpoint(data, "token_endpoint"),
            keys=self._endpoint(data, "jwks_uri"),
            methods=_texts(data, "token_endpoint_auth_methods_supported", ("client_secret_basic",)),
            says_issuer=data.get("authorization_response_iss_parameter_supported") is True,
        )
        with self._lock:
            self._endpoints = (self._clock(), found)
        return found

    def _endpoint(self, data: Mapping[str, Any], name: str) -> str:
        url = data.get(name)
        if not isinstance(url, str):
            raise _provider(f"it has no {name}")
        _address(url, name, error=_provider)
        if urlsplit(self.settings.issuer).scheme == "https" and urlsplit(url).scheme != "https":
            raise _provider(f"its {name} isn't reached by https")
        return url

    def _published(self, about: _Endpoints, *, anew: bool) -> list[Mapping[str, Any]]:
        """The provider's keys (RFC 7517)."""
        with self._lock:
            if not anew and self._keys is not None and self._clock() - self._keys[0] < KEPT_FOR:
                return self._keys[1]
        status, data = self._fetched(about.keys)
        keys = data.get("keys") if isinstance(data, dict) else None
        if status != 200 or not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise _provider("it publishes no keys", found=status)
        found: list[Mapping[str, Any]] = [key for key in keys if isinstance(key, dict)]
        with self._lock:
            self._keys = (self._clock(), found)
        return found

    def _fetched(
        self, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status of an answer and its JSON, None where it has none."""
        import httpx2

        until, content = time.monotonic() + ALL_S, bytearray()
        method = "GET" if form is None else "POST"
        told = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "visavis"}
        try:
            with (
                httpx2.Client(
                    timeout=httpx2.Timeout(READ_S, connect=CONNECT_S), verify=_certificates()
                ) as client,
                client.stream(method, url, data=form, headers={**told, **(headers or {})}) as response,
            ):
                for chunk in response.iter_raw():
                    content += chunk
                    if len(content) > MAX_BYTES or time.monotonic() > until:
                        raise _provider("its answer is too long, or comes too slowly")
                status = response.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise _provider("it can't be reached", found=type(error).__name__) from None
        try:
            return status, json.loads(bytes(content))
        except (ValueError, RecursionError):
            return status, None

    # What goes through the browser

    def _sealed(self, kept: Mapping[str, object]) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return _encoded(nonce + self._cipher().encrypt(nonce, json.dumps(kept).encode(), self._bound()))

    def _opened(self, sealed: str | None) -> dict[str, Any]:
        from cryptography.exceptions import InvalidTag

        try:
            if sealed is None or len(sealed) > MAX_SEALED:
                raise ValueError
            content = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            opened = self._cipher().decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], self._bound())
        except (InvalidTag, ValueError):
            raise _refused("this attempt didn't begin here: begin again") from None
        kept: dict[str, Any] = json.loads(opened)
        if kept["until"] <= self._clock().timestamp():
            raise _refused("this attempt began too long ago: begin again")
        return kept

    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._secret)

    def _bound(self) -> bytes:
        return f"openid\n{self.settings.issuer}\n{self.settings.client}".encode()


def read_secret(file: str | Path) -> str:
    """The client's secret from a file, without the end of its line.

    Raises:
        AccessError: `access.openid_settings`: it can't be read, or there is none in it.
    """
    try:
        with open(file, encoding="utf-8") as stream:  # noqa: PTH123
            secret = stream.read(4097).strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "no text"
        raise _unset(f"the file {str(file)!r} can't be read", found=said) from None
    if not 1 <= len(secret) <= 4096 or not secret.isprintable():
        raise _unset(f"the file {str(file)!r} holds no secret")
    return secret


def _fitting(keys: Sequence[Mapping[str, Any]], algorithm: str, kid: object) -> Iterator[Mapping[str, Any]]:
    """Keys for signatures by an algorithm, under a name where the token gives one."""
    for key in keys:
        named = kid is None or key.get("kid") == kid
        meant = key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
        if named and meant and key.get("kty") == ALGORITHMS[algorithm]:
            yield key


def _address(url: str, what: str, *, plain: bool = False, error: Callable[..., AccessError]) -> None:
    """Refuse an address that isn't https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise error(f"{what} is no address", found=repr(url)[:200]) from None
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    bare = not (parts.username or parts.password or parts.fragment or (plain and parts.query))
    if not (safe and host and bare and url.isascii() and url.isprintable() and " " not in url):
        raise error(f"{what} can't be this", found=repr(url)[:200], expected="an address with https")


def _texts(data: Mapping[str, Any], name: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """A list of texts; what the standard says where it isn't there."""
    found = data.get(name)
    if found is None:
        return otherwise
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust; made once, for it takes longer than a request."""
    import httpx2

    return httpx2.create_ssl_context()


def _library() -> Any:
    try:
        import jwt
    except ImportError:
        raise _unset(
            "OpenID needs PyJWT, which isn't installed; install it with: pip install 'visavis[openid]'"
        ) from None
    return jwt


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _unset(message: str, *, found: object = None, expected: object = None) -> AccessError:
    return AccessError("access.openid_settings", f"OpenID: {message}", found=found, expected=expected)


def _provider(message: str, *, found: object = None, expected: object = None) -> AccessError:
    return AccessError(
        "access.openid_provider", f"the OpenID provider: {message}", found=found, expected=expected
    )


def _refused(message: str, *, found: object = None, expected: object = None) -> AccessError:
    return AccessError("access.openid", f"signing in failed: {message}", found=found, expected=expected)
