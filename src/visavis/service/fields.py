"""What goes with the files of a request: checked against its shape, and against what the service allows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, TypeVar

from visavis.decision.policy import LIVENESS, Policy
from visavis.ledger.entry import canonical
from visavis.quality.assessed import required
from visavis.service.intake import json_of
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from visavis.access.gate import Grant
    from visavis.service.intake import Given
    from visavis.service.models import Asked, Rules
    from visavis.service.service import Service

Shape = TypeVar("Shape", bound="Asked")

OF_JSON = ("policy", "times")
"""Fields that are JSON within a form too."""


def fields(shape: type[Shape], given: Given) -> Shape:
    """The fields of a request, checked against their shape.

    Raises:
        Problem: 422 `request.fields`, with the first that is wrong.
    """
    from pydantic import ValidationError

    values = {
        name: json_of(value, name) if name in OF_JSON and isinstance(value, str) else value
        for name, value in given.fields.items()
    }
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:100]
        raise Problem(422, "request.fields", f"{where or 'the request'}: {first['msg']}") from None


def one(given: Given, name: str) -> bytes:
    """The only file of a name.

    Raises:
        Problem: 422 `request.fields`: there is none.
    """
    return several(given, name)[0]


def several(given: Given, name: str) -> Sequence[bytes]:
    """The files of a name, at least one.

    Raises:
        Problem: As `one`.
    """
    found = given.files.get(name, ())
    if not found:
        raise Problem(422, "request.fields", f"{name} is missing")
    return found


def policy_of(service: Service, grant: Grant, rules: Rules | None) -> Policy:
    """The policy that applies: the service's own, and what the request has stricter.

    Raises:
        Problem: 403 `request.policy_laxer`.
        PolicyError: It makes no sense, or the calibration can't support it.
        AccessError: The key doesn't allow it.
    """
    own = service.config.policy
    policy = own
    if rules is not None and rules.model_fields_set:
        asked = rules.model_dump(include=rules.model_fields_set)
        policy = Policy.from_dict({**own.to_dict(), **asked})
        for name, is_laxer in LAXER.items():
            if is_laxer(policy, own):
                raise Problem(
                    403,
                    "request.policy_laxer",
                    f"the service's own policy is stricter: {name}",
                    found=getattr(policy, name),
                    expected=getattr(own, name),
                )
    service.gate.allow_policy(grant, policy)
    service.engine.verifier.threshold(policy)
    return policy


def _floors(profile: str | None, own: Mapping[str, float]) -> dict[str, float]:
    asked = required(profile, own)
    return {} if asked is None else {name: floor.score for name, floor in asked.floors.items()}


def _lower(some: Mapping[str, float], than: Mapping[str, float]) -> bool:
    return any(some.get(name, 0.0) < score for name, score in than.items())


LAXER: Mapping[str, Callable[[Policy, Policy], bool]] = {
    "fmr": lambda some, than: some.fmr > than.fmr,
    "faces": lambda some, than: some.faces != than.faces and than.faces == "only",
    "min_inter_eye_px": lambda some, than: some.min_inter_eye_px < than.min_inter_eye_px,
    "min_confidence": lambda some, than: some.min_confidence < than.min_confidence,
    "max_disagreement": lambda some, than: some.max_disagreement > than.max_disagreement,
    "min_inside": lambda some, than: some.min_inside < than.min_inside,
    "extrapolate": lambda some, than: some.extrapolate and not than.extrapolate,
    "require_valid_document": lambda some, than: (
        than.require_valid_document and not some.require_valid_document
    ),
    "quality": lambda some, than: _lower(
        _floors(some.quality, some.floors), _floors(than.quality, than.floors)
    ),
    "reference_quality": lambda some, than: _lower(
        _floors(some.reference_quality, {}), _floors(than.reference_quality, {})
    ),
    "liveness": lambda some, than: LIVENESS.index(some.liveness) < LIVENESS.index(than.liveness),
    "liveness_threshold": lambda some, than: _threshold(some) < _threshold(than),
}
"""By rule: whether one policy is laxer than another."""


def _threshold(policy: Policy) -> float:
    if policy.liveness_threshold is not None:
        return policy.liveness_threshold
    from visavis.liveness.check import passive_threshold

    return passive_threshold()


def digest_of(inputs: Mapping[str, str], *asked: Any) -> bytes:
    """SHA-256 over what a request gives and asks for."""
    return hashlib.sha256(canonical([dict(inputs), *asked])).digest()


def sha256(data: bytes) -> str:
    """In hex, as the ledger takes the digests of inputs."""
    return hashlib.sha256(data).hexdigest()
