"""Which face of a photo is meant: an explicit rule, never the best of all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visavis.faces.face import Face
    from visavis.geometry import Box

# A second face this tall beside the main one could be the one that is meant. A ghost portrait on a document
# and passers-by are smaller.
RIVAL = 0.6
SAME = 0.3  # intersection over union from which on a given box and a face are the same place


@dataclass(frozen=True, slots=True)
class Choice:
    """The face that counts, all others, and where none counts why.

    `problem` is None, ``"no_face"``, ``"several_faces"`` or ``"no_face_in_box"``.
    """

    face: Face | None
    others: tuple[Face, ...]
    problem: str | None


def choose(faces: tuple[Face, ...], rule: str, box: Box | None = None) -> Choice:
    """Pick the face that counts.

    Args:
        faces: All faces of the photo, largest and most central first.
        rule: ``"only"`` or ``"largest_central"`` (see `Policy.faces`).
        box: Where the caller says that the face is, in pixels of the full picture; goes before the rule.
    """
    if not faces:
        return Choice(None, (), "no_face")
    if box is not None:
        best = max(faces, key=lambda face: _agreement(face, box))
        if _agreement(best, box) == 0:
            return Choice(None, faces, "no_face_in_box")
        return _chosen(best, faces)
    if rule == "only":
        comparable = rivals(faces)
        if len(comparable) > 1:
            return Choice(None, faces, "several_faces")
        return _chosen(comparable[0], faces)
    return _chosen(faces[0], faces)


def rivals(faces: tuple[Face, ...]) -> tuple[Face, ...]:
    """The faces that could each be the one that is meant: the tallest, and those of comparable size."""
    tallest = max(face.box.height for face in faces)
    return tuple(face for face in faces if face.box.height >= RIVAL * tallest)


def _chosen(face: Face, faces: tuple[Face, ...]) -> Choice:
    return Choice(face, tuple(other for other in faces if other is not face), None)


def _agreement(face: Face, box: Box) -> float:
    """How well a face fits a box, 0 where it doesn't: people draw boxes around heads and noses alike."""
    overlap = face.box.overlap(box)
    x, y = face.box.centre
    inside = box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height
    return overlap + inside if overlap >= SAME or inside else 0.0
