"""The answer to a challenge, kept for a few minutes for the one verification that may rest on it.

With it goes the template of the person on the frames, so that the probe can be held against it: encrypted
like every answer that is kept, and gone when its time is over.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.faces.recognise import Template
from visavis.ledger.digests import lookup
from visavis.liveness.active import Active
from visavis.liveness.check import Check
from visavis.service.problems import Problem
from visavis.service.store import unknown_challenge

if TYPE_CHECKING:
    from visavis.access.gate import Grant
    from visavis.service.service import Service

USABLE = timedelta(minutes=10)
"""How long a verification may rest on an answer."""


def keep(service: Service, grant: Grant, challenge_id: str, active: Active, subject: str | None) -> None:
    """Keep an answer.

    Raises:
        StorageError: The database can't be used.
    """
    content = json.dumps({"active": active.to_dict(), "template": _packed(active.template)})
    service.verdicts.keep(
        _id(challenge_id), content.encode(), purpose=grant.purpose, subject=subject, keep_for=USABLE
    )


def active_of(service: Service, grant: Grant, challenge_id: str, subject: str | None) -> Active:
    """What the frames that answer a challenge came to.

    Raises:
        Problem: 404 where there is none, or it is of another purpose; 409 where it is of another subject,
            isn't answered yet, or another verification rests on it.
    """
    sealed, state = service.challenges.find(challenge_id, purpose=grant.purpose)
    if sealed.challenge.binding != binding_of(service, subject):
        raise Problem(
            409, "request.challenge_of_another_request", "the challenge was drawn for another subject"
        )
    if state == "used":
        raise used()
    content = service.verdicts.get(_id(challenge_id), purpose=grant.purpose)
    if content is None:
        if state == "answered":
            raise unknown_challenge()
        raise Problem(409, "request.challenge_not_answered", "the challenge wasn't answered yet")
    plain = json.loads(content)
    return _active(plain["active"], plain["template"])


def binding_of(service: Service, subject: str | None) -> str:
    """What binds a challenge to a subject, without its reference."""
    return "" if subject is None else lookup(service.key.secret, subject).hex()


def used() -> Problem:
    """What is raised where a second verification would rest on one answer."""
    return Problem(
        409, "request.challenge_used", "another verification rests on this challenge: draw a new one"
    )


def _id(challenge_id: str) -> str:
    return f"challenge_{challenge_id}"


def _packed(template: Template | None) -> dict[str, Any] | None:
    if template is None:
        return None
    vector = np.ascontiguousarray(template.vector, dtype="<f4")
    return {
        "vector": base64.b64encode(vector.tobytes()).decode(),
        "pack": template.pack,
        "fingerprint": template.fingerprint,
    }


def _active(plain: dict[str, Any], packed: dict[str, Any] | None) -> Active:
    template = None
    if packed is not None:
        vector = np.frombuffer(base64.b64decode(packed["vector"]), "<f4").astype(np.float32)
        vector.flags.writeable = False
        template = Template(vector, packed["pack"], packed["fingerprint"])
    return Active(
        outcome=plain["outcome"],
        score=plain["score"],
        threshold=plain["threshold"],
        checks=tuple(Check(**check) for check in plain["checks"]),
        problem=plain["problem"],
        why=plain["why"],
        template=template,
    )
