"""Under which key a call runs: the one that it shows, or the one that the settings name for all without.

The platform's own client can't show a key. The file is read on each call, so that a key that was rotated
counts from the next one on. A page in a browser never runs under it, not even one that its site's name was
made to lead here for (DNS rebinding): browsers say where a page is from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from visavis.access.keys import TOKEN
from visavis.errors import ServiceError
from visavis.service.doors.mosip.description import METHODS
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.service.service import Service

MOST_BYTES = 4096


def token_of(service: Service, head: Mapping[str, str]) -> str:
    """The key of a call.

    Args:
        service: Whose settings count.
        head: The call's.

    Raises:
        Problem: 401 `request.key_missing`: it shows none, and the settings name none.
        ServiceError: `serve.key_file`: the file that they name can't be read, or holds no key.
    """
    authorization = head.get("authorization")
    if authorization is None:
        if service.config.mosip_key_file is not None and "origin" not in head:
            return read_key_file(service.config.mosip_key_file)
    else:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
    raise Problem(
        401,
        "request.key_missing",
        "a key is needed",
        expected="Authorization: Bearer vv_..., or mosip_key_file in the settings of the service",
    )


def read_key_file(path: str) -> str:
    """The key in a file.

    Raises:
        ServiceError: `serve.key_file`; it never says what stands in it.
    """
    try:
        with Path(path).open("rb") as file:
            token = file.read(MOST_BYTES).decode("latin-1").strip()
    except OSError as error:
        raise ServiceError(
            "serve.key_file", f"the key's file {path!r} can't be read", found=error.strerror
        ) from None
    if not TOKEN.fullmatch(token):
        raise ServiceError(
            "serve.key_file", f"the file {path!r} holds no key", expected="vv_... and nothing else"
        )
    return token


def a_scope(service: Service, token: str) -> str:
    """A scope that a key has and that something at this door needs: whoever may ask anything may ask what."""
    found = TOKEN.fullmatch(token)
    scopes = service.gate.keys.scopes_of(found[1]) if found else frozenset()
    return next((scope for scope in METHODS.values() if scope in scopes), "verifications")
