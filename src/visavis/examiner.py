"""The corridor as far as one photo goes: bytes -> photo -> face -> chip -> template."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from visavis.decision.reasons import poverty
from visavis.decision.verdict import Evidence
from visavis.faces.align import align
from visavis.faces.choose import choose
from visavis.faces.detect import Detector, detail_for
from visavis.faces.recognise import Recogniser
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.packs.install import require
from visavis.packs.runtime import networks
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from visavis.decision.policy import Policy
    from visavis.faces.detect import Found
    from visavis.faces.face import Face
    from visavis.faces.recognise import Template
    from visavis.geometry import Box
    from visavis.photo import PhotoSource


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """One photo after its way down the corridor, as far as it got.

    Attributes:
        photo: The photo.
        evidence: What was found on it.
        problem: Code of what keeps it from being compared, or None.
        chips: views x 112 x 112 x 3 RGB, what the recognisers read, where a face was chosen; in the order of
            `Pack.views`.
        template: Where the face was fit to compare, and one was made.
        timings_ms: Wall time by stage.
    """

    photo: Photo
    evidence: Evidence
    problem: str | None
    chips: NDArray[np.uint8] | None
    template: Template | None
    timings_ms: dict[str, float]

    def __repr__(self) -> str:
        return f"<Examined {self.photo!r}: {self.problem or 'fit to compare'}>"


class Examiner:
    """Takes photos down the corridor with one pack, loaded once; safe for several threads at once.

    Attributes:
        pack: The pack's entry in the catalogue.
        fingerprint: Goes into every template.
    """

    def __init__(self, pack: str = DEFAULT_PACK, *, threads: int | None = None, device: str = "cpu") -> None:
        """Load a pack.

        Args:
            pack: Name of an installed pack.
            threads: How many threads a call may use inside the networks; as many as the process has cores
                by default.
            device: On what the networks run, ``"cpu"`` or ``"cuda"``.

        Raises:
            PackError: The pack isn't installed or is damaged, or can't run on that device.
        """
        installed = require(pack)
        self.pack = installed.pack
        self.fingerprint = installed.fingerprint
        made = networks(installed.model, self.pack.files, threads=threads, device=device)
        self._detector = Detector(made["detector"], made["landmarks"])
        self._recognise = Recogniser(
            [(made[role], len(each.views)) for role, each in self.pack.recognisers_by_role.items()],
            pack=self.pack.name,
            fingerprint=self.fingerprint,
        )

    def examine(
        self, source: PhotoSource | Photo, *, policy: Policy, face: Box | None = None, name: str | None = None
    ) -> Examined:
        """Take one photo down the corridor as far as its template.

        Args:
            source: A path, bytes, a file object opened as binary, or a `Photo`.
            policy: Which face counts, and which faces are too poor to say.
            face: Where the face is that is meant, in pixels of the upright full-size picture.
            name: What to call the photo in the evidence; the file's own name where it has one.

        Raises:
            PhotoError: The photo can't be used.
        """
        return self.recognise(self.look(source, policy=policy, face=face, name=name))

    def find(self, photo: Photo, *, turned: int | None = None) -> Found:
        """All faces on a photo, for whoever chooses among them by a rule of their own.

        Args:
            photo: The photo.
            turned: By how many degrees clockwise it must be turned for them to be upright, where that is
                known.
        """
        return self._detector.find(photo, turned=turned)

    def place(self, photo: Photo, face: Face) -> Face:
        """A face that was found with its points placed precisely, for whoever needs no more of it.

        Args:
            photo: Decoded at `faces.detect.detail_for` the face.
            face: As `find` gave it.
        """
        return self._detector.place(photo, face)

    def recognise(self, seen: Examined) -> Examined:
        """The rest of the way of a photo that was looked at: its template, where it is fit to compare."""
        if seen.chips is None or seen.problem is not None:
            return seen
        clock = Clock()
        with clock("recognise"):
            [template] = self._recognise([seen.chips])
        return replace(seen, template=template, timings_ms={**seen.timings_ms, **clock.timings_ms})

    def look(
        self,
        source: PhotoSource | Photo,
        *,
        policy: Policy,
        face: Box | None = None,
        name: str | None = None,
        found: Found | None = None,
    ) -> Examined:
        """Take one photo as far as its chips: where nothing is compared, no template is needed.

        The arguments and the errors are those of `examine`; `found` is what `find` gave for this photo, where
        it was asked before.
        """
        clock = Clock()
        with clock("photo"):
            photo = source if isinstance(source, Photo) else Photo.open(source)
        with clock("detect"):
            found = found or self._detector.find(photo)
            choice = choose(found.faces, policy.faces, face)
        chosen = choice.face
        if chosen is not None:
            with clock("photo"):
                photo = photo.finer(detail_for(chosen))
            with clock("landmarks"):
                chosen = self._detector.place(photo, chosen)
        evidence = Evidence(
            name=name or _name(source),
            width=photo.width,
            height=photo.height,
            format=photo.format,
            sha256=photo.sha256,
            notes=photo.notes,
            turned=found.turned,
            face=chosen,
            others=choice.others,
        )
        chips = None
        if chosen is not None:
            with clock("align"):
                chips = align(photo, chosen, self.pack.views)
        problem = choice.problem or poverty(evidence, policy)
        return Examined(photo, evidence, problem, chips, None, clock.timings_ms)


class Clock:
    """Wall time by stage."""

    def __init__(self) -> None:
        self.timings_ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[Self]:
        """Adds the time that the block takes to `stage`."""
        start = time.perf_counter()
        yield self
        self.timings_ms[stage] = self.timings_ms.get(stage, 0.0) + (time.perf_counter() - start) * 1000


def _name(source: object) -> str | None:
    """The file name of a source that has one, without its folders: those are nobody else's business."""
    path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return os.path.basename(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else None  # noqa: PTH119
