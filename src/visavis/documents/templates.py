"""The templates of pages: those of a room, and the sections that pages of several rooms share."""

from __future__ import annotations

import functools
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2

SHARED = "visavis.documents"


@functools.cache
def templates(room: str) -> jinja2.Environment:
    """The templates of a room.

    Args:
        room: Name of the package whose folder they lie in, such as ``"visavis.report"``; what isn't there is
            looked for here, in the lowest room that makes a page.
    """
    import jinja2

    def source(name: str) -> str | None:
        files = (resources.files(folder).joinpath(name) for folder in (room, SHARED))
        return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), None)

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
