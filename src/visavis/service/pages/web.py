"""The desk's own scripts and sheets, as they were written; a page names each with the hash of its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"
ASK = "public, no-cache"
HASH = 16
"""Digits of a hash in an address."""


@dataclass(frozen=True, slots=True)
class File:
    """One file.

    Attributes:
        content: What is in it.
        kind: Its media type.
        hash: Of what is in it.
    """

    content: bytes
    kind: str
    hash: str


class Web:
    """All of them, read once."""

    def __init__(self, folder: Any = None) -> None:
        """Read the files.

        Args:
            folder: Where they lie; by default those that ship.
        """
        folder = folder or resources.files("visavis.service") / "web"
        self.files: Mapping[str, File] = {
            each.name: _read(each.read_bytes(), KINDS[suffix])
            for each in folder.iterdir()
            if (suffix := each.name[each.name.rfind(".") :]) in KINDS
        }

    def address(self, name: str) -> str:
        """Where a file is to be had; another address as soon as another thing is in it.

        Raises:
            KeyError: There is no such file.
        """
        return f"/desk/web/{name}?v={self.files[name].hash}"

    async def answer(self, request: Request) -> Response:
        """The file that is named in a request's path.

        Raises:
            HTTPException: 404.
        """
        from starlette.exceptions import HTTPException
        from starlette.responses import Response

        file = self.files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        is_named = request.query_params.get("v") == file.hash
        headers = {"ETag": f'"{file.hash}"', "Cache-Control": FOREVER if is_named else ASK}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(file.content, media_type=file.kind, headers=headers)


def _read(content: bytes, kind: str) -> File:
    return File(content, kind, hashlib.sha256(content).hexdigest()[:HASH])
