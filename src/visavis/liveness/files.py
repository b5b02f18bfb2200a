"""Small files that nobody vouches for: a challenge, the list of frames, the frames themselves."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from visavis.errors import ChallengeError

if TYPE_CHECKING:
    from pathlib import Path


def read_file(path: Path, limit: int, what: str, *, follow: bool = True) -> bytes:
    """All bytes of a regular file, never more than a limit.

    Args:
        path: Where it lies.
        limit: Bytes that it may have.
        what: What its error codes begin with, ``"challenge"`` or ``"frames"``.
        follow: Whether it may be a link: one in a folder of frames could lead out of it.

    Raises:
        ChallengeError: It is missing, can't be read, isn't a regular file, or is too large.
    """
    name = ascii(path.name)
    # Opened first and looked at afterwards; without O_NONBLOCK a pipe would keep us waiting for its writer.
    flags = ["O_NONBLOCK", "O_BINARY", *(() if follow else ("O_NOFOLLOW",))]
    try:
        descriptor = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in flags))
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise ChallengeError(f"{what}.missing", f"there is no file {name}") from None
    except OSError as error:
        raise ChallengeError(f"{what}.unreadable", f"{name} can't be read", found=error.strerror) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ChallengeError(f"{what}.unreadable", f"{name} isn't a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise ChallengeError(f"{what}.unreadable", f"{name} can't be read", found=error.strerror) from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise ChallengeError(f"{what}.too_large", f"{name} is too large", expected=f"at most {limit} bytes")
    return data
