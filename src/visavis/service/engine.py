"""What the engines do: pictures -> verdicts, with one pack that is loaded once.

Each method is a job for one engine thread. Between its parts it asks whether somebody still waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from visavis.errors import PackError
from visavis.service.kept import Kept
from visavis.service.problems import Problem
from visavis.verifier import Verifier

if TYPE_CHECKING:
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import Verdict
    from visavis.documents.crosscheck import Crosscheck
    from visavis.documents.document import Document
    from visavis.documents.trust import Trust
    from visavis.examiner import Examined
    from visavis.faces.detect import Found
    from visavis.faces.recognise import Template
    from visavis.geometry import Box
    from visavis.liveness.active import Active, ActiveDetector
    from visavis.liveness.challenge import Challenge
    from visavis.photo import Photo
    from visavis.quality.assessed import Assessed
    from visavis.service.config import Config
    from visavis.service.pool import Wanted
    from visavis.verifier import ExaminedDocument

Guard = Callable[[Sequence["Template"], "Template"], None]
"""Sees the templates of references and probe before they are compared; raises where they may not be."""


@dataclass(frozen=True, slots=True, eq=False)
class Papers:
    """One document as it was sent.

    Attributes:
        pages: Bytes of its pictures, or of a PDF.
        chip: Bytes of a zip with the files of its chip, or None.
    """

    pages: Sequence[bytes]
    chip: bytes | None = None

    def named(self, about: str) -> dict[str, bytes]:
        """All of it by role, as the ledger calls what was given."""
        named = {f"{about} {number}": data for number, data in enumerate(self.pages, 1)}
        return named if self.chip is None else {**named, f"{about} chip": self.chip}


class Engine:
    """A pack with all that answers with it; safe for several threads at once."""

    def __init__(self, config: Config) -> None:
        """Load the pack.

        Raises:
            VisavisError: The pack, the calibration or the certificates can't be used, or the calibration
                can't support the policy.
        """
        self.verifier = Verifier(
            config.pack,
            policy=config.policy,
            calibration=config.calibration,
            threads=1,
            record=False,  # the service does, with its own purposes
        )
        self.verifier.threshold(config.policy)
        self.trust: Trust | None = None
        if config.trust is not None:
            from visavis.documents.trust import Trust

            self.trust = Trust.read(config.trust)
        self._active: ActiveDetector | None = None
        self._lock = threading.Lock()

    @property
    def has_liveness(self) -> bool:
        """Whether the networks that look for presentation attacks are installed."""
        from visavis.liveness.passive import PACK

        return _is_installed(PACK)

    @property
    def has_documents(self) -> bool:
        """Whether documents can be read."""
        return _is_installed("mrz")

    def verify(
        self,
        wanted: Wanted,
        references: Sequence[bytes | Kept],
        probe: bytes,
        *,
        policy: Policy,
        guard: Guard,
        active: Active | None = None,
    ) -> Verdict:
        """Is the person on the probe the one on the references, pictures or faces that were kept?

        Raises:
            VisavisError: As `Verifier.verify`, and what `guard` raises.
            GoneError: Nobody waits any more.
        """
        seen = []
        for each in references:
            if isinstance(each, Kept):
                seen.append(each.examined(policy, policy.demanded()[0]))
            else:
                seen.append(self.verifier.examine(each, policy=policy))
            wanted.check()
        probed = self.examine_picture(wanted, probe, policy=policy)
        return self.compare(wanted, seen, probed, policy=policy, guard=guard, active=active)

    def verify_document(
        self,
        wanted: Wanted,
        papers: Papers,
        probe: bytes,
        *,
        policy: Policy,
        guard: Guard,
        active: Active | None = None,
    ) -> Verdict:
        """Is the person on the probe the one whom the document shows?

        Raises:
            VisavisError: As `Verifier.read_document` and `Verifier.verify_document`.
            GoneError: Nobody waits any more.
        """
        document = self.examine_document(wanted, papers, policy=policy)
        probed = self.examine_picture(wanted, probe, policy=policy)
        return self.compare_document(wanted, document, probed, policy=policy, guard=guard, active=active)

    def crosscheck(
        self, wanted: Wanted, first: Papers, second: Papers, *, policy: Policy, guard: Guard
    ) -> Crosscheck:
        """Do two documents belong to one person?

        Raises:
            VisavisError: As `Verifier.read_document` and `Verifier.crosscheck`.
            GoneError: Nobody waits any more.
        """
        both = [self.examine_document(wanted, papers, policy=policy) for papers in (first, second)]
        return self.crosscheck_documents(wanted, *both, policy=policy, guard=guard)

    def read_document(self, wanted: Wanted, papers: Papers) -> Document:
        """What is printed on a document, and on its chip?

        Raises:
            VisavisError: As `Verifier.read_document`.
        """
        wanted.check()
        return self._read(papers)

    def quality(self, wanted: Wanted, picture: bytes, profile: str, policy: Policy) -> Examined:
        """A picture with its face held against a profile, in its evidence.

        Raises:
            PhotoError: The picture can't be used.
        """
        from visavis.quality.assessed import held
        from visavis.quality.measure import measure
        from visavis.quality.profiles import PROFILES

        wanted.check()
        seen = self.verifier.examiner.look(picture, policy=policy)
        face = seen.evidence.face
        if face is None:
            return seen
        found: Assessed = held(measure(seen.photo, face, seen.evidence.others), PROFILES[profile])
        return replace(seen, evidence=replace(seen.evidence, quality=found))

    def keep(self, wanted: Wanted, picture: bytes, policy: Policy) -> tuple[Examined, Kept | None]:
        """A picture, and what can be kept of its face; None where it is too poor by the policy.

        What the policy asks of a reference's quality is held against it and stands in its evidence.

        Raises:
            PhotoError: The picture can't be used.
        """
        from visavis.quality.assessed import held
        from visavis.quality.measure import Quality

        wanted.check()
        seen = self.verifier.examine(picture, policy=policy)
        kept = Kept.of(seen)
        asked = policy.demanded()[0]
        if kept is None or kept.evidence.quality is None or asked is None:
            return seen, kept
        found = held(Quality(kept.evidence.quality.components), asked)
        return replace(seen, evidence=replace(seen.evidence, quality=found)), kept if found.meets else None

    def find(self, wanted: Wanted, photo: Photo, *, turned: int | None = None) -> Found:
        """All faces on a photo; see `Examiner.find`.

        Raises:
            GoneError: Nobody waits any more.
        """
        wanted.check()
        return self.verifier.examiner.find(photo, turned=turned)

    def look(
        self, wanted: Wanted, photo: Photo, found: Found, *, policy: Policy, face: Box | None
    ) -> Examined:
        """A photo whose faces were found, with the one in a box, or the one that the policy means.

        Raises:
            GoneError: Nobody waits any more.
        """
        wanted.check()
        return self.verifier.examiner.look(photo, policy=policy, face=face, found=found)

    def recognise(self, seen: Examined) -> Examined:
        """The same with its template, where it is fit to compare."""
        return self.verifier.examiner.recognise(seen)

    def examine_picture(self, wanted: Wanted, picture: bytes, *, policy: Policy) -> Examined:
        """A picture on its way as far as its template.

        Raises:
            PhotoError: The picture can't be used.
            GoneError: Nobody waits any more.
        """
        wanted.check()
        return self.verifier.examine(picture, policy=policy)

    def examine_document(self, wanted: Wanted, papers: Papers, *, policy: Policy) -> ExaminedDocument:
        """A document that was read, its portraits on their way as far as their templates.

        Raises:
            VisavisError: As `Verifier.read_document`.
            GoneError: Nobody waits any more.
        """
        document = self.read_document(wanted, papers)
        wanted.check()
        return self.verifier.examine_document(document, policy=policy)

    def examine(
        self, wanted: Wanted, photo: Photo, found: Found, *, policy: Policy, face: Box | None
    ) -> Examined:
        """`look` and `recognise` together."""
        return self.recognise(self.look(wanted, photo, found, policy=policy, face=face))

    def compare(
        self,
        wanted: Wanted,
        references: Sequence[Examined],
        probe: Examined,
        *,
        policy: Policy,
        guard: Guard,
        active: Active | None = None,
    ) -> Verdict:
        """The verdict on faces that were examined, or kept.

        Raises:
            VisavisError: As `Verifier.compare`, and what `guard` raises.
            GoneError: Nobody waits any more.
        """
        wanted.check()
        _ask(guard, references, probe)
        return self.verifier.compare(references, probe, policy=policy, active=active)

    def compare_document(
        self,
        wanted: Wanted,
        document: ExaminedDocument,
        probe: Examined,
        *,
        policy: Policy,
        guard: Guard,
        active: Active | None = None,
    ) -> Verdict:
        """The verdict on a document and a face that were examined.

        Raises:
            VisavisError: As `Verifier.verify_document`, and what `guard` raises.
            GoneError: Nobody waits any more.
        """
        wanted.check()
        _ask(guard, [document.reference], probe)
        return self.verifier.verify_document(document, probe, policy=policy, active=active)

    def crosscheck_documents(
        self,
        wanted: Wanted,
        first: ExaminedDocument,
        second: ExaminedDocument,
        *,
        policy: Policy,
        guard: Guard,
    ) -> Crosscheck:
        """What two documents that were examined come to against each other.

        Raises:
            VisavisError: As `Verifier.crosscheck`, and what `guard` raises.
            GoneError: Nobody waits any more.
        """
        wanted.check()
        _ask(guard, [first.reference], second.reference)
        return self.verifier.crosscheck(first, second, policy=policy)

    def judge(self, wanted: Wanted, challenge: Challenge, frames: Sequence[tuple[float, bytes]]) -> Active:
        """Whether frames show a live person who did what a challenge asked.

        Args:
            wanted: Whether somebody waits.
            challenge: What was asked.
            frames: Time in milliseconds and bytes of each.

        Raises:
            PhotoError: A frame isn't a picture that can be used.
            GoneError: Nobody waits any more.
        """
        from visavis.liveness.frames import DETAIL, Frame, shrunk
        from visavis.photo import Photo

        taken = []
        for at_ms, data in frames:
            wanted.check()
            taken.append(Frame(at_ms, shrunk(Photo.open(data, detail=DETAIL))))
        wanted.check()
        return self._detector().judge(challenge, taken)

    def _detector(self) -> ActiveDetector:
        from visavis.liveness.active import ActiveDetector

        with self._lock:
            if self._active is None:
                self._active = ActiveDetector(self.verifier.examiner, calibration=self.verifier.calibration)
            return self._active

    def _read(self, papers: Papers) -> Document:
        try:
            return self.verifier.read_document(list(papers.pages), chip=papers.chip, trust=self.trust)
        except PackError as error:
            if error.code == "pack.not_installed":
                raise Problem(
                    501,
                    "service.no_documents",
                    "this service reads no documents: the pack 'mrz' isn't installed",
                ) from None
            raise


def _ask(guard: Guard, references: Sequence[Examined], probe: Examined) -> None:
    """Show the guard what is about to be compared, where anything is."""
    templates = [seen.template for seen in references if seen.template is not None]
    if len(templates) == len(references) and probe.template is not None:
        guard(templates, probe.template)


def _is_installed(pack: str) -> bool:
    from visavis.packs.install import installed

    return installed(pack) is not None
