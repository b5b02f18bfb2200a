"""What the door says of itself: its description for the platform, and that it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import visavis
from visavis.records.cbeff import FACE
from visavis.service.doors.mosip.template import OURS

if TYPE_CHECKING:
    from visavis.access.gate import Grant
    from visavis.service.service import Service

API_VERSION = "0.9"
"""The platform refuses any other."""

METHODS = {
    "MATCH": "verifications",
    "QUALITY_CHECK": "quality",
    "EXTRACT": "templates",
    "CONVERT_FORMAT": "quality",
    "SEGMENT": "quality",
}
"""By the platform's name of a method: the scope that a key needs for it."""


def describe(service: Service, grant: Grant) -> dict[str, Any]:
    """What answers here, and what the key may ask of it."""
    verifier, policy = service.engine.verifier, service.config.policy
    return {
        "apiVersion": API_VERSION,
        "sdkVersion": visavis.__version__,
        "supportedModalities": [FACE],
        "supportedMethods": {name: [FACE] for name, scope in METHODS.items() if scope in grant.scopes},
        "otherInfo": {
            "pack": verifier.pack.name,
            "fingerprint": verifier.examiner.fingerprint,
            "calibration": verifier.calibration.digest,
            "policy_fmr": repr(policy.fmr),
            "threshold": repr(round(verifier.threshold(policy), 5)),
            "ledger": service.key.verifier.name,
        },
        "productOwner": {"organization": OURS, "type": "BioSDK"},
    }


def running() -> str:
    """That the service runs, with the time."""
    return f"Service is running... {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
