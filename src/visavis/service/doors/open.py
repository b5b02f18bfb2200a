"""Which doors there are; each is loaded only where it is open."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from visavis.service.doors.door import Door

MODULES = {"facepp": "visavis.service.doors.facepp.routes", "mosip": "visavis.service.doors.mosip.routes"}


def doors(names: Sequence[str]) -> list[Door]:
    """The doors of these names, of `config.DOORS`."""
    return [import_module(MODULES[name]).DOOR for name in names]
