"""Whether pictures of a check are kept once there is a verdict: only where whoever runs the desk asks for it.

What is kept are the JPEGs that the check shows, never what was given; of them not the cut-outs that were
compared, for the faces are on the others. They lie in `access.pictures`, under the index of the verdict's
entry.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from visavis.errors import VisavisError
from visavis.service.logs import LOGGER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from visavis.service.answering import Call
    from visavis.service.config import Config

log = logging.getLogger(LOGGER)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What became of the pictures of a check.

    Attributes:
        until: Until when they are kept; None where they aren't.
        has_failed: Whether they were to be kept and could not be.
    """

    until: datetime | None = None
    has_failed: bool = False


NOT_KEPT = Keeping()


def is_asked_for(config: Config) -> bool:
    """Whether pictures are kept here, so that a check has to say by which reference they are found."""
    return config.desk_picture_days > 0


def keep(call: Call, index: int, pictures: Mapping[str, bytes]) -> Keeping:
    """Keep the pictures of a check, where that is asked for; whatever becomes of it, the verdict stands.

    Args:
        call: What the check asked.
        index: Of the ledger's entry that the verdict is.
        pictures: All that the check shows, by name.
    """
    service, subject = call.service, call.task.subject
    if not is_asked_for(service.config) or subject is None:
        return NOT_KEPT
    try:
        until = service.pictures.keep(
            index,
            {name: data for name, data in pictures.items() if "face-" not in name},
            purpose=call.grant.purpose,
            subject=subject,
            keep_for=timedelta(days=service.config.desk_picture_days),
        )
    except VisavisError as error:
        log.warning("pictures not kept", extra={"code": error.code, "told": error.message})
        return Keeping(has_failed=True)
    return Keeping(until)
