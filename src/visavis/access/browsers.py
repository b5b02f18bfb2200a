"""Browsers that somebody has signed in with before: what others fail at doesn't keep these out.

Whoever knows a name can fail with it on purpose, and whoever shares an address with others can do that for
all of them. So a browser gets a cookie in which a number stands, and for each name that has signed in with it
an HMAC of number and name; whoever comes with theirs is counted by that, and by neither name nor address
(OWASP: Slow Down Online Guessing Attacks with Device Cookies). The cookie opens nothing: a thief has five
more guesses at the password of a name that they know, and then has to wait as anybody.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets

NAMES = 8
"""Names that one browser is known by at most, the latest ones."""
COOKIE = re.compile(rf"[A-Za-z0-9_-]{{22}}(?:\.[A-Za-z0-9_-]{{22}}){{1,{NAMES}}}")


class Browsers:
    """Makes and reads these cookies; nothing of them is kept here."""

    def __init__(self, secret: bytes) -> None:
        """Take a secret.

        Args:
            secret: Without it no cookie can be made.
        """
        self._secret = secret

    def number(self, cookie: str | None, name: str) -> str | None:
        """The number of a browser that a user has signed in with; None where it isn't known by this name.

        Args:
            cookie: What came with the request.
            name: That of the user, or what was typed.
        """
        number, marks = _read(cookie)
        mark = self._mark(number, name)
        found = False
        for each in marks:
            found |= hmac.compare_digest(each, mark)
        return number if found else None

    def known(self, cookie: str | None, name: str) -> str:
        """The cookie of a browser that a user has now signed in with.

        Args:
            cookie: The one that it had.
            name: The user's.
        """
        number, marks = _read(cookie)
        number = number or _text(secrets.token_bytes(16))
        mark = self._mark(number, name)
        return ".".join([number, mark, *(each for each in marks if each != mark)][: NAMES + 1])

    def _mark(self, number: str, name: str) -> str:
        name = name.strip().lower()
        mac = hmac.digest(self._secret, f"{number}\n{name}".encode("utf-8", "surrogatepass"), "sha256")
        return _text(mac[:16])


def _read(cookie: str | None) -> tuple[str, list[str]]:
    """Number and marks; an empty number where it is no such cookie."""
    if cookie is None or not COOKIE.fullmatch(cookie):
        return "", []
    number, *marks = cookie.split(".")
    return number, marks


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
