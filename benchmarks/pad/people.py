"""Whose pictures the laboratory takes: people split into two halves that never meet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pad.surface import Floats
from visavis.decision.policy import Policy
from visavis.examiner import Examiner
from visavis.photo import Photo
from visavis.quality.pose import pose_of

Half = Literal["development", "test"]

MOST_YAW_DEG = 9.0  # a picture that is itself turned makes a crooked relief
LEAST_EYES_PX = 30.0
SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A picture of somebody who looks about straight ahead.

    Attributes:
        person: Whose.
        pixels: height x width x 3, RGB, 8 bit.
        landmarks: 5 x 2, in pixels.
    """

    person: str
    pixels: NDArray[np.uint8]
    landmarks: Floats


def half_of(person: str) -> Half:
    """Which half somebody belongs to, by name, whoever else there is."""
    return "development" if hashlib.sha256(person.encode()).digest()[0] % 2 == 0 else "test"


class People:
    """The people of one half of a folder with one folder for each person."""

    def __init__(self, folder: Path, half: Half, examiner: Examiner) -> None:
        self._folder, self._examiner = folder, examiner
        self.names = sorted(
            each.name for each in folder.iterdir() if each.is_dir() and half_of(each.name) == half
        )
        if len(self.names) < 2:
            raise SystemExit(
                f"{folder} holds {len(self.names)} people of the {half} half: at least 2 are needed"
            )

    def draw(self, random: np.random.Generator, *, but: str | None = None) -> Portrait:
        """A picture of somebody, or of somebody else than `but`."""
        for _ in range(1000):
            name = self.names[int(random.integers(len(self.names)))]
            if name == but:
                continue
            files = sorted(
                each for each in (self._folder / name).iterdir() if each.suffix.lower() in SUFFIXES
            )
            if files and (portrait := self._portrait(name, files[int(random.integers(len(files)))])):
                return portrait
        raise SystemExit(f"no picture of somebody who looks straight ahead was found in {self._folder}")

    def _portrait(self, person: str, path: Path) -> Portrait | None:
        photo = Photo.open(path)
        evidence = self._examiner.look(photo, policy=Policy(faces="largest_central")).evidence
        face = evidence.face
        if (
            face is None
            or evidence.others
            or face.inter_eye_px < LEAST_EYES_PX
            or (face.disagreement or 0.0) > 0.12
        ):
            return None
        pose = pose_of(face.points)
        if abs(pose.yaw_deg) > MOST_YAW_DEG:
            return None
        return Portrait(person, photo.pixels, face.points * photo.scale)
