"""One picture or one kept face on its way to a comparison, and what is told of the faces on it."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.quality.assessed import held
from visavis.quality.measure import Quality
from visavis.service.doors.facepp import rectangles
from visavis.service.doors.facepp.tokens import new_token
from visavis.service.kept import NO_FLOORS, Kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from visavis.decision.policy import Policy
    from visavis.examiner import Examined
    from visavis.faces.detect import Found
    from visavis.faces.face import Face
    from visavis.geometry import Box
    from visavis.photo import Photo
    from visavis.service.engine import Engine
    from visavis.service.pool import Wanted

    Choice = Callable[[Found], Box | None]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture, the face on it that counts, and all others.

    Attributes:
        examined: The picture with the face that counts, if one does.
        token: Under which that face is kept, where it is.
        kept: What is kept of it.
    """

    examined: Examined
    token: str | None = None
    kept: Kept | None = None

    @property
    def faces(self) -> list[dict[str, Any]]:
        """What is told of them: the one that counts first, then the others, the largest first.

        Only the one that counts has a token. Where none does, because none lies in the rectangle that was
        given, none is told.
        """
        evidence = self.examined.evidence
        if evidence.face is None:
            return []
        whole = {} if self.token is None else {"face_token": self.token}
        boxes = [evidence.face.box, *(face.box for face in by_size(evidence.others))]
        return [
            {**(whole if number == 0 else {}), "face_rectangle": rectangles.told(box, self.examined.photo)}
            for number, box in enumerate(boxes)
        ]


def by_size(faces: tuple[Face, ...]) -> tuple[Face, ...]:
    """Faces by the size of their boxes, the largest first."""
    return tuple(sorted(faces, key=lambda face: face.box.area, reverse=True))


def largest(found: Found) -> Box | None:
    """Where the largest face is."""
    return by_size(found.faces)[0].box if found.faces else None


def look(
    engine: Engine, wanted: Wanted, photo: Photo, *, policy: Policy, box: Box | None, keeps: bool
) -> Seen:
    """A picture with the face in a box, or the largest one.

    Args:
        engine: What looks.
        wanted: Whether somebody waits.
        photo: The picture.
        policy: Which faces are too poor to say.
        box: Where the client says that the face is.
        keeps: Whether the face is to be kept.

    Raises:
        PhotoError: The picture can't be used.
        GoneError: Nobody waits any more.
    """
    found = engine.find(wanted, photo)
    examined = engine.examine(wanted, photo, found, policy=policy, face=box or largest(found))
    kept = kept_of(examined, with_quality=any(policy.demanded())) if keeps else None
    return Seen(examined, None if kept is None else new_token(), kept)


def kept_of(examined: Examined, *, with_quality: bool) -> Kept | None:
    """What a token stands for: a face's template, where it lay, and its quality where that may be asked.

    Args:
        examined: The picture with the face.
        with_quality: Whether the face's quality is measured and kept too.

    Returns:
        None where the face is too poor to compare: then there is nothing that a token could stand for.
    """
    evidence = replace(examined.evidence, name=None, sha256="0" * 64, notes=(), others=())
    if with_quality:
        kept = Kept.of(examined)
        return (
            None if kept is None else replace(kept, evidence=replace(evidence, quality=kept.evidence.quality))
        )
    if examined.template is None or examined.problem is not None or evidence.face is None:
        return None
    return Kept(examined.template, replace(evidence, quality=held(Quality(()), NO_FLOORS)))


def is_enough(kept: Kept, policy: Policy) -> bool:
    """Whether a kept face has all that the policy asks for, which may be a stricter one by now."""
    quality = kept.evidence.quality
    return not any(policy.demanded()) or (quality is not None and bool(quality.components))


def recalled(kept: Kept, token: str, policy: Policy, *, is_probe: bool) -> Examined:
    """A kept face as if its picture had just been examined.

    Args:
        kept: The face.
        token: Under which it was kept.
        policy: What applies.
        is_probe: Whether it stands for the person who makes the claim. Whether that was a live person nobody
            can tell without the picture.
    """
    examined = kept.examined(policy, policy.demanded()[is_probe], token.encode())
    if is_probe and examined.problem is None and policy.liveness != "off":
        evidence = replace(examined.evidence, face=None, others=())
        return replace(examined, evidence=evidence)
    return examined


def image_id() -> str:
    """What names a picture in an answer: 24 letters that mean nothing."""
    return base64.b64encode(secrets.token_bytes(16)).decode()
