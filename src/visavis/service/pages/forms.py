"""What somebody sends from a page: fields and files within limits, from a page that was given to them.

A form counts only with the token that stood in the page, and only where the browser doesn't say that another
site sent it. Whoever sends it may have been signed out meanwhile; that is looked at before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from visavis.errors import AccessError
from visavis.service.intake import MAX_FIELD_BYTES, MAX_PARTS, Body, Given, parse, read_body
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from visavis.service.config import Config

URLENCODED = "application/x-www-form-urlencoded"
TOKEN = "csrf"  # noqa: S105  # the field's name
FROM_HERE = ("same-origin", "none")
"""What Sec-Fetch-Site says of a form from here, and of one that the browser's own menu sent again."""
MAX_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was sent.

    Attributes:
        fields: Texts by name.
        files: Files by name, in their order.
    """

    fields: Mapping[str, str]
    files: Mapping[str, Sequence[bytes]]

    def text(self, name: str, most: int = MAX_TEXT) -> str:
        """What stands in a field, without spaces around it; empty where there is none.

        Args:
            name: Of the field.
            most: Characters at most.

        Raises:
            Problem: 422 `request.fields`: it is longer.
        """
        found = self.fields.get(name, "").strip()
        if len(found) > most:
            raise Problem(422, "request.fields", f"{name} is too long", expected=f"at most {most} characters")
        return found

    def is_on(self, name: str) -> bool:
        """Whether a box is ticked, or a button was pressed."""
        return name in self.fields

    def file(self, name: str) -> bytes | None:
        """A file; None where nobody chose one."""
        found = self.files.get(name)
        return found[0] if found else None


async def read_form(
    request: Request, body: Body, config: Config, *, files: Mapping[str, int], most: int | None = None
) -> Form:
    """Read a form.

    Args:
        request: The request.
        body: What it is read into; its owner lets it go.
        config: How the service is set up.
        files: Which names are files, and how many of each there may be.
        most: Bytes at most; by default what the service takes where there are files, and little without.

    Raises:
        Problem: It is too large, too slow, or no form.
        GoneError: Nobody waits any more.
    """
    most = most or (config.body_mib * 2**20 if files else MAX_FIELD_BYTES)
    await read_body(request, body, most=most, within_s=config.body_s)
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() == URLENCODED:
        given = _of_urlencoded(body.data)
    else:
        given = parse(content_type, body.data, files=files, most=config.picture_mib * 2**20)
    for name, value in given.fields.items():
        if not isinstance(value, str):  # JSON knows more than texts; a form doesn't
            raise Problem(422, "request.fields", f"{name[:50]!r} is a text")
    body.data = bytearray()
    return Form(given.fields, given.files)


def check_source(request: Request, known: str | None) -> None:
    """Refuse a form that another site sends; what a browser doesn't say refuses nothing.

    Args:
        request: The request.
        known: Where the desk is reached, as it is set.

    Raises:
        AccessError: `access.csrf`.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    from_here = True
    if site is not None:
        from_here = site in FROM_HERE
    elif origin is not None:
        # A proxy may do TLS, so of Host only that is compared, and no scheme.
        from_here = origin == known or urlsplit(origin).netloc == request.headers.get("host")
    if not from_here:
        raise AccessError("access.csrf", "this form isn't from here: load the page again")


def _of_urlencoded(data: bytes | bytearray) -> Given:
    try:
        pairs = parse_qsl(
            bytes(data).decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARTS
        )
    except ValueError:
        raise Problem(400, "request.malformed", "the form can't be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Problem(422, "request.fields", "a field is given more than once")
    return Given({}, fields)
