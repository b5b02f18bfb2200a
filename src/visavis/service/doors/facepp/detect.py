"""`POST /facepp/v3/detect`: which faces are on a picture?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.faces.choose import choose
from visavis.ledger.entry import Event
from visavis.quality.measure import measure
from visavis.service.answering import Task
from visavis.service.doors.facepp import rectangles, tokens
from visavis.service.doors.facepp.attributes import FIELD, Judged, asked_for, attributes, landmark
from visavis.service.doors.facepp.pictures import ONE, of_field, opened, source
from visavis.service.doors.facepp.seeing import by_size, image_id, kept_of
from visavis.service.doors.facepp.tokens import new_token
from visavis.service.fields import digest_of, policy_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace
    from visavis.examiner import Examined
    from visavis.geometry import Box
    from visavis.ledger.recording import Use
    from visavis.photo import Photo
    from visavis.service.doors.facepp.asked import Asked
    from visavis.service.doors.facepp.pictures import Source
    from visavis.service.engine import Engine, Guard
    from visavis.service.kept import Kept
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

MAX_TOKENS = 5
"""Faces of a picture that are kept, the largest: as many as Face++ analyses."""
MAX_ANALYSED = 20
"""Faces whose points and attributes are told where all are asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """What a detection came to.

    Attributes:
        faces: What is told of each, the largest first.
        kept: By their tokens: the faces that are kept.
    """

    faces: list[dict[str, Any]]
    kept: Mapping[str, Kept]


@dataclass(frozen=True, slots=True, eq=False)
class Detection(Task[Detected]):
    """A picture, and what is to be told of its faces."""

    asked: Asked
    picture: Source
    box: Box | None
    points: bool
    attributes: tuple[str, ...] | None
    analysed: int
    policy: Policy
    pack: str
    hours: float
    subject: str | None = None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), str(self.box), self.points, self.attributes, self.analysed)

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        return {"picture": self.picture.sha256}

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Detected:  # noqa: ARG002  # nothing is compared
        """As `Task.work`."""
        with of_field(self.picture.field):
            return self._detected(engine, wanted, opened(self.picture.data))

    def event(self, result: Detected, use: Use) -> Event:
        """As `Task.event`."""
        return Event(
            kind="quality",
            purpose=use.purpose,
            subject=use.subject,
            key=use.key,
            inputs={role: bytes.fromhex(sha256) for role, sha256 in self.inputs().items()},
            decision=self.outcome(result),
            pack=self.pack,
            details={"asked": "faces", "faces": len(result.faces), "kept": len(result.kept)},
        )

    def keep(self, service: Service, grant: Grant, result: Detected) -> None:
        """As `Task.keep`: the faces that were given a token."""
        tokens.of(service).keep(result.kept, key=grant.key, hours=self.hours)

    def answer(self, result: Detected, place: LedgerPlace) -> dict[str, Any]:  # noqa: ARG002  # it has no field for that
        """As `Task.answer`."""
        count = len(result.faces)
        return self.asked.answer({"image_id": image_id(), "faces": result.faces, "face_num": count})

    def outcome(self, result: Detected) -> str:
        """As `Task.outcome`."""
        return "found" if result.faces else "no_face"

    def _detected(self, engine: Engine, wanted: Wanted, photo: Photo) -> Detected:
        found = engine.find(wanted, photo)
        faces = by_size(found.faces)
        if self.box is not None:
            meant = choose(faces, self.policy.faces, self.box).face
            faces = () if meant is None else (meant,)
        told, kept = [], {}
        asks = self.points or bool(self.attributes)
        for number, face in enumerate(faces):
            one: dict[str, Any] = {"face_rectangle": rectangles.told(face.box, photo)}
            keeps = number < MAX_TOKENS and self.hours > 0
            if keeps or (asks and number < self.analysed):
                seen = engine.look(wanted, photo, found, policy=self.policy, face=face.box)
                held = kept_of(engine.recognise(seen), with_quality=True) if keeps else None
                if held is not None:
                    token = new_token()
                    kept[token] = held
                    one = {"face_token": token, **one}
                if number < self.analysed:
                    one |= self._more(seen)
            told.append(one)
        return Detected(told, kept)

    def _more(self, seen: Examined) -> dict[str, Any]:
        """Points and attributes of a face, as far as they were asked for."""
        face = seen.evidence.face
        more: dict[str, Any] = {}
        if face is None:
            return more
        if self.points:
            more["landmark"] = landmark(face)
        if self.attributes is not None:
            more["attributes"] = {}
        if self.attributes:
            quality = measure(seen.photo, face, seen.evidence.others)
            judged = Judged.by(self.policy, quality, is_fit=seen.problem is None)
            more["attributes"] = attributes(self.attributes, judged)
        return more


def make(asked: Asked, service: Service, grant: Grant) -> Detection:
    """What was asked.

    Raises:
        Said: It isn't complete, or can't be read.
        VisavisError: The policy can't be had.
    """
    form, config = asked.form, service.config
    ONE.given(form)
    every = form.flag("calculate_all", default=False)
    return Detection(
        asked=asked,
        points=form.number("return_landmark", 0, 2, default=0) > 0,
        attributes=asked_for(form.text(FIELD), refuse=config.facepp_refuse_attributes),
        analysed=MAX_ANALYSED if every else MAX_TOKENS,
        box=rectangles.given(form, "face_rectangle"),
        picture=source(asked, ONE),
        policy=policy_of(service, grant, None),
        pack=service.engine.verifier.pack.name,
        hours=config.facepp_token_hours,
    )
