"""What the command line writes: files that hold pictures of people, and lines for a terminal or a pipe."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, TextIO

from visavis.errors import VisavisError

if TYPE_CHECKING:
    from pathlib import Path


def watched(stream: TextIO | None) -> bool:
    """Whether a person watches a stream; nobody does where the shell closed it."""
    return stream is not None and stream.isatty()


def write(path: Path, content: str) -> None:
    """Write a file that only its owner may read, wholly or not at all, with the folders above it.

    Raises:
        VisavisError: `report.unwritable`.
    """
    try:
        if path.exists() and not path.is_file():
            raise unwritable(path, "not a regular file")
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
            os.replace(beside, path)  # noqa: PTH105  # `beside` is a string
        except BaseException:
            os.unlink(beside)  # noqa: PTH108
            raise
    except OSError as error:
        raise unwritable(path, error.strerror) from None


def unwritable(path: Path, found: str | None) -> VisavisError:
    """What to raise where a report or its folder can't be written."""
    return VisavisError("report.unwritable", f"{str(path)!r} can't be written", found=found)
