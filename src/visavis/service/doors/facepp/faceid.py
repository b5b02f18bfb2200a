"""`POST /faceid/v2/verify`: is the person on a picture the one on the caller's own reference pictures?

Of Face++'s FaceID only the comparison with pictures that the caller gives is here. What is known of it is
pieced together from programs that call it; docs/facepp.md says what isn't sure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.faces.recognise import similarity
from visavis.ledger.recording import of_verdict
from visavis.quality.assessed import required
from visavis.quality.unified import NAME
from visavis.service.answering import Task
from visavis.service.doors.facepp.compare import face_of
from visavis.service.doors.facepp.confidence import FACEID, Curve
from visavis.service.doors.facepp.errors import Said, bad
from visavis.service.doors.facepp.pictures import MAX_BYTES, Source, of_field, opened, token_of, too_large
from visavis.service.doors.facepp.seeing import Seen, largest, recalled
from visavis.service.fields import digest_of, policy_of
from visavis.service.intake import file_of
from visavis.service.models import MAX_SUBJECT, SUBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace, Verdict
    from visavis.examiner import Examined
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.service.doors.facepp.asked import Asked
    from visavis.service.engine import Engine, Guard
    from visavis.service.kept import Kept
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

RESULTS = {f"image_ref{number}": f"result_ref{number}" for number in (1, 2, 3)}
"""By the field of a reference, of which the first has to be there: that of its result."""
REFERENCES = tuple(RESULTS)
PROBES = {"raw_image": ("image",), "facetoken": ("facetoken", "face_token")}
"""By ``face_image_type``: the fields that the probe may come in."""
QUALITY = 30
"""Least unified score of the probe where the request says nothing; FaceID's own default."""

NOT_LIVE = ("presentation_attack", "liveness_not_assessed")


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What a verification came to.

    Attributes:
        verdict: As it is recorded.
        probe: The probe.
        confidences: One for each reference, in their order; none where nothing was decided.
        thresholds: What goes with them.
    """

    verdict: Verdict
    probe: Examined
    confidences: tuple[float, ...]
    thresholds: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Verification(Task[Checked]):
    """One to three pictures of one person, and a probe."""

    asked: Asked
    references: tuple[Source, ...]
    probe: Source
    policy: Policy
    alone: bool
    turned: bool
    return_faces: bool
    subject: str | None
    kept: Kept | None = None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), self.policy.to_dict(), self.subject, self.alone, self.turned)

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        given = {**self._by_role(), "probe": self.probe}
        return {role: each.sha256 for role, each in given.items()}

    def prepare(self, service: Service, grant: Grant) -> Verification:
        """As `Task.prepare`: with the face of a token."""
        if self.probe.token is None:
            return self
        return replace(self, kept=face_of(service, grant, self.probe.token, self.policy))

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Checked:
        """As `Task.work`."""
        references = [self._examined(engine, wanted, each) for each in self.references]
        if self.kept is None:
            probe = self._examined(engine, wanted, self.probe)
        else:
            probe = recalled(self.kept, self.probe.token or "", self.policy, is_probe=True)
        verdict = engine.compare(wanted, references, probe, policy=self.policy, guard=guard)
        curve = Curve.through(engine.verifier.calibration, FACEID)
        confidences: tuple[float, ...] = ()
        if verdict.similarity is not None and curve.thresholds and probe.template is not None:
            templates = [each.template for each in references if each.template is not None]
            confidences = tuple(curve(similarity(each, probe.template)) for each in templates)
        return Checked(verdict, probe, confidences, curve.thresholds)

    def event(self, result: Checked, use: Use) -> Event:
        """As `Task.event`."""
        return of_verdict(result.verdict, use)

    def answer(self, result: Checked, place: LedgerPlace) -> dict[str, Any]:  # noqa: ARG002  # it has no field for that
        """As `Task.answer`.

        Raises:
            Said: What is an error to FaceID; that nothing was decided is in the ledger by then.
        """
        self._complain(result.verdict)
        told: dict[str, Any] = {
            RESULTS[each.field]: {"confidence": confidence, "thresholds": dict(result.thresholds)}
            for each, confidence in zip(self.references, result.confidences, strict=False)
        }
        if self.return_faces and self.kept is None:
            told["faces"] = Seen(result.probe).faces
        return self.asked.answer(told)

    def outcome(self, result: Checked) -> str:
        """As `Task.outcome`."""
        return result.verdict.decision

    def _by_role(self) -> dict[str, Source]:
        """The references by what verdict and ledger call them, which is by their order."""
        return {
            "reference" if number == 1 else f"reference {number}": each
            for number, each in enumerate(self.references, 1)
        }

    def _examined(self, engine: Engine, wanted: Wanted, picture: Source) -> Examined:
        with of_field(picture.field):
            photo = opened(picture.data)
            found = engine.find(wanted, photo, turned=None if self.turned else 0)
            face = None if self.alone else largest(found)
            return engine.examine(wanted, photo, found, policy=self.policy, face=face)

    def _complain(self, verdict: Verdict) -> None:
        """Say what keeps the pictures from being compared: of the probe first, then of the references."""
        decisive = [reason for reason in verdict.reasons if reason.decisive]
        for about, each in {"probe": self.probe, **self._by_role()}.items():
            for reason in decisive:
                if reason.about == about and reason.code not in NOT_LIVE:
                    code = {"no_face": "NO_FACE_FOUND", "several_faces": "MULTIPLE_FACES"}
                    raise Said(400, code.get(reason.code, "LOW_QUALITY"), each.field)
        if any(reason.code == "references_differ" for reason in decisive):
            raise bad(", ".join(each.field for each in self.references[1:]))


def make(asked: Asked, service: Service, grant: Grant) -> Verification:
    """What was asked.

    Raises:
        Said: It isn't complete, can't be read, or is what only the original can do.
        VisavisError: The policy can't be had.
    """
    form = asked.form
    [kind] = form.needed("comparison_type")
    if kind != "0":  # 1 is a comparison with a state's own pictures, which nobody else has
        raise bad("comparison_type")
    probe_kind = form.text("face_image_type") or "raw_image"
    if probe_kind not in PROBES:
        raise bad("face_image_type")
    probe_fields = PROBES[probe_kind]
    probe_field = next((name for name in probe_fields if name in form), None)
    if probe_field is None:
        raise Said(400, "MISSING_ARGUMENTS", probe_fields[0])
    if REFERENCES[0] not in form:
        raise Said(400, "MISSING_ARGUMENTS", REFERENCES[0])
    subject = form.text("uuid")
    if subject is not None and not (len(subject) <= MAX_SUBJECT and re.search(SUBJECT, subject)):
        raise bad("uuid")
    alone = form.flag("fail_when_multiple_faces", default=True)
    turned = form.flag("multi_oriented_detection", default=True)
    return_faces = form.flag("return_faces", default=False)
    policy = stricter(
        policy_of(service, grant, None),
        form.decimal("face_quality_threshold", 0, 100, default=QUALITY),
        alone=alone,
    )
    if probe_kind == "facetoken":
        probe = Source(probe_field, token=token_of(form.text(probe_field) or ""))
    else:
        probe = picture(asked, probe_field)
    references = tuple(picture(asked, name) for name in REFERENCES if name in form)
    return Verification(asked, references, probe, policy, alone, turned, return_faces, subject)


def picture(asked: Asked, field: str) -> Source:
    """The picture of a field.

    Raises:
        Said: It is too large.
    """
    data = asked.form.take(field)
    if len(data) > MAX_BYTES:
        raise too_large(field)
    return Source(field, data=file_of(data, asked.body))


def stricter(policy: Policy, quality: float, *, alone: bool) -> Policy:
    """The service's policy with what the request asks for, where that is more.

    Args:
        policy: The service's.
        quality: Least unified score of the probe, 0 to 100.
        alone: Whether another face on a picture keeps it from being compared.
    """
    own = required(policy.quality, policy.floors)
    floor = None if own is None else own.floors.get(NAME)
    least = max(float(quality), 0.0 if floor is None else floor.score)
    floors = {**policy.floors, NAME: least} if least > 0 else policy.floors
    return replace(policy, floors=floors, faces="only" if alone else policy.faces)
