"""visavis: is the person in this photograph the person in that one?

>>> import visavis
>>> verdict = visavis.verify("passport.jpg", "selfie.jpg")  # doctest: +SKIP
>>> verdict.decision  # doctest: +SKIP
'match'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import Verdict
    from visavis.documents.crosscheck import Crosscheck
    from visavis.errors import DocumentError, PackError, PhotoError, PolicyError, VisavisError
    from visavis.geometry import Box
    from visavis.photo import Photo
    from visavis.verifier import Verifier, crosscheck, verify

    __version__: str

__all__ = [
    "Box",
    "Crosscheck",
    "DocumentError",
    "PackError",
    "Photo",
    "PhotoError",
    "Policy",
    "PolicyError",
    "Verdict",
    "Verifier",
    "VisavisError",
    "__version__",
    "crosscheck",
    "verify",
]

# Where each name lives; importing visavis itself costs nothing, the first use of a name loads its room.
_ROOMS = {
    "Box": "visavis.geometry",
    "Crosscheck": "visavis.documents.crosscheck",
    "DocumentError": "visavis.errors",
    "PackError": "visavis.errors",
    "Photo": "visavis.photo",
    "PhotoError": "visavis.errors",
    "Policy": "visavis.decision.policy",
    "PolicyError": "visavis.errors",
    "Verdict": "visavis.decision.verdict",
    "Verifier": "visavis.verifier",
    "VisavisError": "visavis.errors",
    "crosscheck": "visavis.verifier",
    "verify": "visavis.verifier",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return _version()
    if name not in _ROOMS:
        raise AttributeError(f"module 'visavis' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)


def _version() -> str:
    """The version that is installed; ``"unknown"`` where the source was never installed."""
    from importlib import metadata

    try:
        return metadata.version("visavis")
    except metadata.PackageNotFoundError:
        return "unknown"


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
