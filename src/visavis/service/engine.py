"""What the engines do: pictures -> verdicts, with one pack that is loaded once.

Each method is a job for one engine thread. Between its parts it asks whether somebody still waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from visavis.errors import PackError
from visavis.service.problems import Problem
from visavis.verifier import Verifier

if TYPE_CHECKING:
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import Verdict
    from visavis.documents.crosscheck import Crosscheck
    from visavis.documents.document import Document
    from visavis.documents.trust import Trust
    from visavis.examiner import Examined
    from visavis.faces.recognise import Template
    from visavis.liveness.active import Active, ActiveDetector
    from visavis.liveness.challenge import Challenge
    from visavis.quality.assessed import Assessed
    from visavis.service.config import Config
    from visavis.service.pool import Wanted

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
        references: Sequence[bytes],
        probe: bytes,
        *,
        policy: Policy,
        guard: Guard,
        active: Active | None = None,
    ) -> Verdict:
        """Is the person on the probe the one on the references?

        Raises:
            VisavisError: As `Verifier.verify`, and what `guard` raises.
            GoneError: Nobody waits any more.
        """
        seen = []
        for data in references:
            seen.append(self.verifier.examine(data, policy=policy))
            wanted.check()
        probed = self.verifier.examine(probe, policy=policy)
        wanted.check()
        _ask(guard, seen, probed)
        return self.verifier.compare(seen, probed, policy=policy, active=active)

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
        document = self.verifier.examine_document(self._read(papers), policy=policy)
        wanted.check()
        probed = self.verifier.examine(probe, policy=policy)
        wanted.check()
        _ask(guard, [document.reference], probed)
        return self.verifier.verify_document(document, probed, policy=policy, active=active)

    def crosscheck(
        self, wanted: Wanted, first: Papers, second: Papers, *, policy: Policy, guard: Guard
    ) -> Crosscheck:
        """Do two documents belong to one person?

        Raises:
            VisavisError: As `Verifier.read_document` and `Verifier.crosscheck`.
            GoneError: Nobody waits any more.
        """
        both = []
        for papers in (first, second):
            document = self._read(papers)
            wanted.check()
            both.append(self.verifier.examine_document(document, policy=policy))
            wanted.check()
        _ask(guard, [both[0].reference], both[1].reference)
        return self.verifier.crosscheck(*both, policy=policy)

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
