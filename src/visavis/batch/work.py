"""What is done with rows, wherever it is done: pictures -> templates -> verdicts, with one engine.

Nothing here knows of processes, of parts or of the ledger: rows go in, answers come out, and both can be sent
from one machine to another. An answer isn't given to anybody before it was let through (`admission`) and
recorded (`record`).
"""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.batch import locations
from visavis.errors import DocumentError, PhotoError
from visavis.ledger.recording import Use, of_refusal, of_verdict
from visavis.photo import Photo
from visavis.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.batch.rows import Claim
    from visavis.decision.calibration import Calibration
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import Verdict
    from visavis.errors import VisavisError
    from visavis.examiner import Examined
    from visavis.faces.recognise import Template
    from visavis.ledger.entry import Event

ROWS = 8
"""Rows that are handed out together: few, so that nobody waits long for the last ones."""
NO_PIXELS = Photo(np.zeros((1, 1, 3), dtype=np.uint8), 1, 1, "array", "")
ASKED = "verdict"
"""What a row asks for, as the ledger calls it."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What an engine is made of.

    Attributes:
        pack: Name of an installed pack.
        policy: What applies to all rows.
        calibration: The operator's own, or None. It is read once: on other machines its path may name
            another file, or none.
        batch: The id of the batch, which goes into every entry.
        device: On what networks run, ``"cpu"`` or ``"cuda"``.
    """

    pack: str
    policy: Policy
    calibration: Calibration | None
    batch: str
    device: str = "cpu"

    def verifier(self) -> Verifier:
        """The engine.

        Raises:
            PackError: The pack isn't installed or is damaged, can't run on the device, or the calibration
                can't be used with it.
        """
        return Verifier(
            self.pack,
            policy=self.policy,
            calibration=self.calibration,
            threads=1,
            device=self.device,
            record=False,  # who takes the answers does
        )


@dataclass(frozen=True, slots=True)
class Looked:
    """A picture that was taken down the corridor, to be used again where it is named again.

    Attributes:
        stamp: By which the file is known again, see `locations.stamp`.
        content: An `Examined` without pixels, as bytes, so that who only passes it on needn't understand it.
    """

    stamp: tuple[int, int] | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Task:
    """Rows that are handed out together.

    Attributes:
        number: From 0, without gaps.
        claims: In order.
        known: By location: pictures that were looked at before.
    """

    number: int
    claims: tuple[Claim, ...]
    known: Mapping[str, Looked]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came of a claim.

    Attributes:
        number: Of the row.
        event: What is to be recorded of it.
        cells: By name: what the result says, see `results.COLUMNS`.
        references: Templates that would be compared; none where nothing was.
        probe: What they would be compared with.
        pair: Digest of what was compared: two rows with the same one compare the same bytes.
    """

    number: int
    event: Event
    cells: Mapping[str, Any]
    references: tuple[Template, ...] = ()
    probe: Template | None = None
    pair: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What came of a task.

    Attributes:
        number: Of the task.
        answers: One for each claim, in order.
        looked: By location: pictures that were looked at for it.
    """

    number: int
    answers: tuple[Answer, ...]
    looked: Mapping[str, Looked]


class Worker:
    """Answers tasks with one engine; for one thread."""

    def __init__(self, setup: Setup) -> None:
        """Load the engine.

        Raises:
            PackError: As `Setup.verifier`.
        """
        self._setup = setup
        self._policy = setup.policy
        self._verifier = setup.verifier()
        of_reference, of_probe = self._policy.demanded()
        # Whoever asks for quality or liveness looks at the pixels again, each time.
        self._reference_is_kept = of_reference is None
        self._probe_is_kept = of_probe is None and self._policy.liveness == "off"
        self._about = ""  # the picture that is read
        self._known: dict[str, Looked] = {}
        self._looked: dict[str, Looked] = {}

    def __call__(self, task: Task) -> Answers:
        """Answer the claims of a task.

        Raises:
            VisavisError: Something that no row is to blame for, such as a storage that doesn't answer.
        """
        self._known, self._looked = dict(task.known), {}
        answers = tuple(self._answer(claim) for claim in task.claims)
        return Answers(task.number, answers, self._looked)

    def _answer(self, claim: Claim) -> Answer:
        use = Use(purpose=claim.purpose, subject=claim.subject)
        inputs: dict[str, str] = {}
        try:
            answer = self._verdict(claim, use, inputs)
        except (PhotoError, DocumentError) as error:
            cells = {"error": error.code, "message": f"{self._about}: {_message(error, claim)}"}
            answer = Answer(claim.number, of_refusal(error, ASKED, use, inputs), cells)
        details = {**(answer.event.details or {}), "batch": self._setup.batch, "row": claim.number}
        return replace(answer, event=replace(answer.event, details=details))

    def _verdict(self, claim: Claim, use: Use, inputs: dict[str, str]) -> Answer:
        if claim.document is not None:
            self._about = "document"
            data = locations.read(claim.document)
            inputs["document"] = hashlib.sha256(data).hexdigest()
            document = self._verifier.examine_document(
                self._verifier.read_document(data, name=locations.name_of(claim.document))
            )
            probe = self._look(claim.probe, "probe", inputs, kept=self._probe_is_kept)
            verdict = self._verifier.verify_document(document, probe)
            reference = document.reference
        else:
            place = claim.reference or ""
            reference = self._look(place, "reference", inputs, kept=self._reference_is_kept)
            probe = self._look(claim.probe, "probe", inputs, kept=self._probe_is_kept)
            verdict = self._verifier.compare([reference], probe)
        event = of_verdict(verdict, use)
        if reference.template is None or probe.template is None:
            return Answer(claim.number, event, cells_of(verdict))
        pair = hashlib.sha256("".join(f"{role} {inputs[role]} " for role in sorted(inputs)).encode()).digest()
        return Answer(claim.number, event, cells_of(verdict), (reference.template,), probe.template, pair)

    def _look(self, location: str, role: str, inputs: dict[str, str], *, kept: bool) -> Examined:
        """A picture, taken down the corridor; from memory where it was before and hasn't changed."""
        self._about = role
        stamp = locations.stamp(location)
        if kept and (known := self._known.get(location)) is not None and known.stamp == stamp:
            seen: Examined = pickle.loads(known.content)  # noqa: S301  # our own, through our own processes
            inputs[role] = seen.evidence.sha256
            return seen
        data = locations.read(location)
        inputs[role] = hashlib.sha256(data).hexdigest()
        seen = self._verifier.examine(data, name=locations.name_of(location))
        if self._reference_is_kept or self._probe_is_kept:
            lean = replace(seen, photo=NO_PIXELS, chips=None, timings_ms={})
            self._known[location] = self._looked[location] = Looked(stamp, pickle.dumps(lean))
        return seen


OF_VERDICT = ("decision", "similarity", "fmr", "fmr_upper", "fmr_modelled", "llr", "threshold")


def cells_of(verdict: Verdict) -> dict[str, Any]:
    """What a result says of a verdict, each number as the verdict itself gives it as plain data."""
    plain = verdict.to_dict()
    cells = {name: plain[name] for name in OF_VERDICT}
    for side in ("reference", "probe"):
        quality = plain[side]["quality"]
        cells[f"{side}_quality"] = None if quality is None else quality["score"]
    if verdict.policy.liveness != "off":
        cells |= {"liveness": plain["liveness"]["outcome"], "liveness_score": plain["liveness"]["score"]}
    return {
        **cells,
        "reasons": [reason.code for reason in verdict.reasons],
        "about": [reason.about for reason in verdict.reasons],
        "portrait": None if verdict.document is None else verdict.document.portrait,
    }


def _message(error: VisavisError, claim: Claim) -> str:
    """What is wrong with a picture, without the folders of this machine."""
    message = str(error)
    for location in filter(None, (claim.reference, claim.document, claim.probe)):
        message = message.replace(ascii(location), ascii(locations.name_of(location)))
    return message
