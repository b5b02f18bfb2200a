"""A small OpenID provider on this machine: discovery, authorization codes with PKCE, signed ID tokens, keys.

It knows nothing of what it is to test: tokens are signed by `cryptography` alone, and it holds a client to
what OpenID Connect Core 1.0 and RFC 7636 ask of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CLIENT, SECRET = "visavis desk", "s3cret: +%"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def number(value: int) -> str:
    return encoded(value.to_bytes(-(-value.bit_length() // 8), "big"))


class Key:
    """A key that signs, and how it is published (RFC 7518, RFC 8037)."""

    def __init__(self, algorithm: str = "RS256", kid: str | None = "first", *, bits: int = 2048) -> None:
        self.algorithm, self.kid = algorithm, kid
        self.private: Any
        if algorithm == "RS256":
            self.private = rsa.generate_private_key(65537, bits)
            public = self.private.public_key().public_numbers()
            self.jwk = {"kty": "RSA", "n": number(public.n), "e": number(public.e)}
        elif algorithm == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
            point = self.private.public_key().public_numbers()
            x, y = (encoded(each.to_bytes(32, "big")) for each in (point.x, point.y))
            self.jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        else:
            self.private = ed25519.Ed25519PrivateKey.generate()
            self.jwk = {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": encoded(self.private.public_key().public_bytes_raw()),
            }
        self.jwk |= {"use": "sig", "alg": algorithm} | ({} if kid is None else {"kid": kid})

    def sign(self, content: bytes) -> bytes:
        if self.algorithm == "RS256":
            return bytes(self.private.sign(content, padding.PKCS1v15(), SHA256()))
        if self.algorithm == "ES256":
            pair = decode_dss_signature(self.private.sign(content, ec.ECDSA(SHA256())))
            return b"".join(each.to_bytes(32, "big") for each in pair)
        return bytes(self.private.sign(content))

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        named = {"alg": self.algorithm, "typ": "JWT"} | ({} if self.kid is None else {"kid": self.kid})
        return joined({**named, **header}, claims, self.sign)


def joined(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def with_secret(claims: Mapping[str, Any], secret: bytes, **header: Any) -> str:
    """A token under a shared secret, which nobody may take."""
    return joined({"alg": "HS256", **header}, claims, lambda content: hmac.digest(secret, content, "sha256"))


class OpenIDProvider(ThreadingHTTPServer):
    """The provider; whoever comes is signed in as `person` at once.

    Attributes:
        says: Changes of what it says of itself; None takes a field away.
        person: Claims about who signs in.
        make: Makes the ID token from its claims; a test puts a wrong one there.
        answers: By path: an answer in the place of its own: status, headers, body.
    """

    daemon_threads = True

    def __init__(self, key: Key, *, secret: str | None = SECRET) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.key, self.published, self.secret = key, [key.jwk], secret
        self.says: dict[str, Any] = {}
        self.person: dict[str, Any] = {"sub": "4711", "preferred_username": "Anna"}
        self.make: Callable[[dict[str, Any]], Any] = self.right
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.redirect = ""
        self.slow_s = 0.0

    def right(self, claims: dict[str, Any]) -> str:
        """The token as it should be."""
        return self.key.token(claims)

    def come(self, url: str) -> dict[str, str]:
        """What a browser brings back that was sent to an address."""
        import httpx2

        back = httpx2.get(url).headers["Location"]
        assert back.startswith(self.redirect + "?")
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: OpenIDProvider

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self._answered(path):
            return
        server = self.server
        if path == "/.well-known/openid-configuration":
            about = {
                "issuer": server.url,
                "authorization_endpoint": f"{server.url}/authorize",
                "token_endpoint": f"{server.url}/token",
                "jwks_uri": f"{server.url}/keys",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["plain", "S256"],
                **server.says,
            }
            self._send(200, {name: value for name, value in about.items() if value is not None})
        elif path == "/keys":
            self._send(200, {"keys": server.published})
        elif path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            assert asked["response_type"] == "code"
            assert asked["client_id"] == CLIENT
            assert asked["redirect_uri"] == server.redirect
            assert "openid" in asked["scope"].split()
            assert asked["code_challenge_method"] == "S256"
            assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
            code = secrets.token_urlsafe()
            server.codes[code] = asked
            self.send_response(302)
            self.send_header(
                "Location", f"{server.redirect}?{urlencode({'code': code, 'state': asked['state']})}"
            )
            self.end_headers()
        else:
            self._send(404, {})

    def do_POST(self) -> None:
        form = {
            name: values[0]
            for name, values in parse_qs(
                self.rfile.read(int(self.headers["Content-Length"])).decode()
            ).items()
        }
        if self._answered(self.path):
            return
        server = self.server
        asked = server.codes.pop(form.get("code", ""), None)
        if not self._is_client(form):
            self._send(401, {"error": "invalid_client"})
            return
        verifier = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or verifier != asked["code_challenge"]
        ):
            self._send(400, {"error": "invalid_grant"})
            return
        now = int(time.time())
        claims = {"iss": server.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        token = server.make({**claims, **server.person})
        self._send(200, {"access_token": "x", "token_type": "Bearer", "id_token": token})

    def _is_client(self, form: Mapping[str, str]) -> bool:
        secret = self.server.secret
        if secret is None:
            return form.get("client_id") == CLIENT and "Authorization" not in self.headers
        if "client_secret_post" in self.server.says.get("token_endpoint_auth_methods_supported", ()):
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, secret)
        kind, _, pair = self.headers.get("Authorization", "").partition(" ")
        name, _, given = base64.b64decode(pair).decode().partition(":")
        return (kind, unquote(name), unquote(given)) == ("Basic", CLIENT, secret)

    def _answered(self, path: str) -> bool:
        self.server.asked.append(path)
        if path not in self.server.answers:
            return False
        status, headers, body = self.server.answers[path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for start in range(0, len(body), 65_536):
                self.wfile.write(body[start : start + 65_536])
                self.wfile.flush()
                time.sleep(self.server.slow_s)
        except OSError:  # whoever asked has gone
            self.close_connection = True
        return True

    def _send(self, status: int, data: Mapping[str, Any]) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
