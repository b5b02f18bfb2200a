"""The corridor: bytes -> photo -> face -> chip -> template -> similarity -> verdict."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, cast

from visavis.decision.calibration import Calibration, load, shipped
from visavis.decision.policy import Policy
from visavis.decision.reasons import (
    below,
    explain,
    inner,
    invalid,
    modelled,
    not_live,
    other_chip,
    other_people,
    without_portrait,
)
from visavis.decision.verdict import (
    NOT_ASKED,
    Comparison,
    Decision,
    DocumentPart,
    Evidence,
    Liveness,
    Provenance,
    Reason,
    Verdict,
)
from visavis.errors import PackError, PolicyError, VisavisError
from visavis.examiner import Clock, Examined, Examiner
from visavis.faces.recognise import similarity
from visavis.ledger.recording import Use, recorded, recorded_crosscheck, use
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.quality.assessed import held

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from visavis.documents.chip import ChipFiles, ChipSource
    from visavis.documents.crosscheck import Crosscheck
    from visavis.documents.document import Document
    from visavis.documents.reader import DocumentReader
    from visavis.documents.reference import Choice
    from visavis.documents.trust import Trust
    from visavis.faces.recognise import Template
    from visavis.geometry import Box
    from visavis.liveness.active import Active
    from visavis.liveness.passive import PassiveDetector
    from visavis.photo import Photo, PhotoSource
    from visavis.quality.profiles import Profile

MAX_REFERENCES = 8
SAME_FACE = 0.3  # share of their joint area from which on two boxes are of one face
SAID_OTHERWISE = (  # problems that are reasons here
    "chip_failed",
    "chip_not_authenticated",
    "chip_differs",
    "chip_of_another_document",
)
OF_DOCUMENTS = Liveness.not_assessed("it is never asked of documents")
REFERENCES_FMR = 1e-3  # that several references must meet among themselves, however lax the policy


@dataclass(frozen=True, slots=True, eq=False)
class ExaminedDocument:
    """A document whose portraits went down the corridor.

    Attributes:
        document: What was read.
        choice: Which portrait counts.
        portraits: By ``"chip"``, ``"printed"`` and ``"ghost"``: those that there are.
        further: The printed portraits of its other pictures, by what they are called.
        reference: The one that counts; where none does, the first picture without a face.
    """

    document: Document
    choice: Choice
    portraits: Mapping[str, Examined]
    further: Mapping[str, Examined]
    reference: Examined


class Verifier:
    """Answers for many pairs with one pack loaded once; safe for several threads, with the same results.

    Attributes:
        examiner: Takes single photos down the corridor.
        pack: The pack's entry in the catalogue.
        policy: What applies where a call doesn't say otherwise.
        calibration: Where error rates and thresholds come from.
    """

    def __init__(
        self,
        pack: str = DEFAULT_PACK,
        *,
        policy: Policy | None = None,
        calibration: Calibration | str | os.PathLike[str] | None = None,
        threads: int | None = None,
        device: str = "cpu",
        record: bool = True,
    ) -> None:
        """Load a pack.

        Args:
            pack: Name of an installed pack.
            policy: What applies where a call doesn't say otherwise; `Policy()` by default.
            calibration: Where error rates and thresholds come from: a calibration of this pack, or the path
                of a file with one; that which ships with visavis by default.
            threads: How many threads a call may use inside the networks; as many as the process has cores by
                default.
            device: On what the networks run, ``"cpu"`` or ``"cuda"``.
            record: Whether verdicts are recorded in the ledger that `VISAVIS_LEDGER` names, where it names
                one. Only who records them by other means says no.

        Raises:
            PackError: The pack isn't installed or is damaged, can't run on that device, or the calibration
                can't be used with it.
        """
        self.examiner = Examiner(pack, threads=threads, device=device)
        self.pack = self.examiner.pack
        self.policy = policy or Policy()
        self.calibration = _calibration(calibration, self.pack.name, self.examiner.fingerprint)
        self._threads = threads
        self._device = device
        self._record = record
        self._reader: DocumentReader | None = None
        self._reader_lock = threading.Lock()
        self._passive: PassiveDetector | None = None
        self._passive_lock = threading.Lock()

    def verify(
        self,
        reference: PhotoSource | Photo | Sequence[PhotoSource | Photo],
        probe: PhotoSource | Photo,
        *,
        policy: Policy | None = None,
        reference_face: Box | None = None,
        probe_face: Box | None = None,
        active: Active | None = None,
        purpose: str | None = None,
        subject: str | None = None,
    ) -> Verdict:
        """Is the person on the probe the person on the reference?

        Args:
            reference: A photo (path, bytes, file object or `Photo`), or up to eight of *one* person.
            probe: The photo of the person who claims to be the same.
            policy: What applies to this call.
            reference_face: Where on the (first) reference the face is, in pixels of the upright full-size
                picture.
            probe_face: Where on the probe.
            active: What frames that answer a challenge came to, where the policy asks for liveness: the probe
                must be of the person on them.
            purpose: For the ledger, where one is named: what it is done for.
            subject: For the ledger: the caller's own reference of the person, never a name.

        Raises:
            PhotoError: A photo can't be used. No face, or one too poor to say, is a verdict and no error.
            PolicyError: The policy asks for a false match rate that the calibration can't support, or doesn't
                ask for liveness and `active` was given.
            PackError: The policy asks for liveness, and the pack `pad` is damaged. That it isn't installed is
                part of the verdict and no error.
            LedgerError: A ledger is named and no purpose, or it can't be written as it is.
            StorageError: The ledger can't be written; then there is no verdict.
        """
        policy = policy or self.policy
        self._use(purpose, subject)
        self.threshold(policy)  # refused before anybody's face is looked at
        _check_active(policy, active)
        references = _several(reference)
        _check_count(references)
        boxes = [reference_face, *[None] * (len(references) - 1)]
        seen = [
            self.examine(photo, policy=policy, face=box) for photo, box in zip(references, boxes, strict=True)
        ]
        probed = self.examine(probe, policy=policy, face=probe_face)
        return self.compare(seen, probed, policy=policy, active=active, purpose=purpose, subject=subject)

    def threshold(self, policy: Policy) -> float:
        """The similarity from which on a policy calls two photos a match.

        Raises:
            PolicyError: The policy asks for a false match rate that the calibration can't support.
        """
        return self.calibration.threshold(policy.fmr, extrapolate=policy.extrapolate)

    def examine(
        self,
        source: PhotoSource | Photo,
        *,
        policy: Policy | None = None,
        face: Box | None = None,
        name: str | None = None,
    ) -> Examined:
        """Take one photo as far as its template; see `Examiner.examine`."""
        return self.examiner.examine(source, policy=policy or self.policy, face=face, name=name)

    def compare(
        self,
        references: Sequence[Examined],
        probe: Examined,
        *,
        policy: Policy | None = None,
        active: Active | None = None,
        purpose: str | None = None,
        subject: str | None = None,
    ) -> Verdict:
        """The verdict on examined photos.

        Several references must be of one person: where two of them don't match each other, nothing is
        decided. Their similarities to the probe are averaged; the rate and the likelihood ratio given are
        those of a single comparison.

        Raises:
            VisavisError: `references.count`: none, or more than eight.
            PolicyError: As in `verify`.
            PackError: As in `verify`.
            LedgerError: As in `verify`.
            StorageError: As in `verify`.
        """
        _check_count(references)
        policy = policy or self.policy
        use = self._use(purpose, subject)
        _check_active(policy, active)
        names = (*_names(len(references)), "probe")
        return recorded(self._judge(references, probe, policy, names=names, active=active), use)

    def read_document(
        self,
        pictures: PhotoSource | Photo | Sequence[PhotoSource | Photo],
        *,
        chip: ChipSource | ChipFiles | None = None,
        trust: Trust | None = None,
        name: str | None = None,
    ) -> Document:
        """Read all that was given of one document; the networks for that are loaded on the first call.

        Args:
            pictures: A picture, a PDF, or several pictures of one document.
            chip: The files of its chip: a folder, a zip, or the bytes of a zip.
            trust: Certificates of issuing states by which the chip's signer is judged.
            name: What to call the document.

        Raises:
            PhotoError: A picture can't be used.
            DocumentError: The PDF or the files of the chip can't.
            PackError: The pack `mrz` isn't installed or is damaged.
        """
        from visavis.documents.document import read_document
        from visavis.documents.reader import DocumentReader

        with self._reader_lock:
            if self._reader is None:
                self._reader = DocumentReader(self.pack.name, threads=self._threads, device=self._device)
        return read_document(pictures, reader=self._reader, chip=chip, trust=trust, name=name)

    def verify_document(
        self,
        document: Document | ExaminedDocument,
        probe: PhotoSource | Photo | Examined,
        *,
        policy: Policy | None = None,
        probe_face: Box | None = None,
        active: Active | None = None,
        purpose: str | None = None,
        subject: str | None = None,
    ) -> Verdict:
        """Is the person on the probe the one whom the document shows?

        The chip's portrait is the reference where its authentication passed, otherwise the printed one. No
        portrait, or several that could be it, is a verdict and no error.

        Args:
            document: What `read_document` or `examine_document` gave.
            probe: The photo of the person who claims to be the holder.
            policy: What applies to this call.
            probe_face: Where on the probe the face is, in pixels of the upright full-size picture.
            active: As in `verify`.
            purpose: As in `verify`.
            subject: As in `verify`.

        Raises:
            PhotoError: The probe can't be used.
            PolicyError: As in `verify`.
            PackError: As in `verify`.
            LedgerError: As in `verify`.
            StorageError: As in `verify`.
        """
        policy = policy or self.policy
        use = self._use(purpose, subject)
        threshold = self.threshold(policy)
        _check_active(policy, active)
        read = self.examine_document(document, policy=policy)
        probed = probe if isinstance(probe, Examined) else self.examine(probe, policy=policy, face=probe_face)
        about = "document"
        part, notes = self._part(read, threshold, about)
        reasons = [*_missing(read, about), *_contradictions(part, read, policy, about), *notes]
        reasons += _validity(read, policy, about)
        verdict = self._judge(
            [read.reference], probed, policy, names=("reference", "probe"), more=reasons, active=active
        )
        if verdict.similarity is not None:  # otherwise nothing may be decided on any of them
            beside = [
                self._comparison("probe", probed, f"{name} portrait", read.portraits[name], threshold)
                for name in ("chip", "printed")
                if name in read.portraits
            ]
            part = replace(part, comparisons=(*beside, *part.comparisons))
        return recorded(replace(verdict, document=part), use)

    def crosscheck(
        self,
        first: Document | ExaminedDocument,
        second: Document | ExaminedDocument,
        *,
        policy: Policy | None = None,
        purpose: str | None = None,
        subject: str | None = None,
    ) -> Crosscheck:
        """Do two documents belong to one person, by their portraits and by what they say?

        Of the policy's demands on quality only `reference_quality` counts, and it counts for both portraits.
        Whether a live person is there is never asked of documents.

        Args:
            first: What `read_document` or `examine_document` gave.
            second: Likewise.
            policy: What applies to this call.
            purpose: As in `verify`.
            subject: As in `verify`.

        Raises:
            PolicyError: The policy asks for a false match rate that the calibration can't support.
            LedgerError: As in `verify`.
            StorageError: As in `verify`.
        """
        from visavis.documents.crosscheck import compare_fields, crosscheck
        from visavis.documents.reference import zone_of

        policy = policy or self.policy
        use = self._use(purpose, subject)
        threshold = self.threshold(policy)
        names = ("first document", "second document")
        both = [self.examine_document(document, policy=policy) for document in (first, second)]
        (part, notes), (other, more) = (
            self._part(read, threshold, about) for read, about in zip(both, names, strict=True)
        )
        reasons = [
            reason
            for read, said, about in zip(both, (part, other), names, strict=True)
            for reason in (
                *_missing(read, about),
                *_contradictions(said, read, policy, about),
                *_validity(read, policy, about),
            )
        ]
        faces = self._judge(
            [both[0].reference], both[1].reference, policy, names=names, more=reasons, of_documents=True
        )
        fields = compare_fields(*(zone_of(read.document) for read in both))
        found = crosscheck(
            faces, fields, part, other, same_picture=_same_picture(*both), notes=(*notes, *more)
        )
        return recorded_crosscheck(found, use)

    def examine_document(
        self, document: Document | ExaminedDocument, *, policy: Policy | None = None
    ) -> ExaminedDocument:
        """Take a document's portraits as far as their templates."""
        if isinstance(document, ExaminedDocument):
            return document
        from visavis.documents.reference import choose

        policy = policy or self.policy
        choice = choose(document)
        portraits: dict[str, Examined] = {}
        if document.chip_portrait is not None:
            portraits["chip"] = self.examine(document.chip_portrait, policy=policy, name="DG2 of the chip")
        for name, printed in (("printed", document.portrait), ("ghost", document.ghost)):
            if printed is not None:
                page = document.pages[printed.page]
                seen = self.examine(printed.photo, policy=policy, face=printed.face.box, name=page.name)
                known = [each.face.box for each in (document.portrait, document.ghost) if each is not None]
                portraits[name] = _without(seen, known)
        further = {
            f"portrait of picture {printed.page + 1}": self.examine(
                printed.photo, policy=policy, face=printed.face.box, name=document.pages[printed.page].name
            )
            for printed in document.further_portraits
        }
        reference = _faceless(document) if choice.portrait is None else portraits[choice.portrait]
        return ExaminedDocument(document, choice, portraits, further, reference)

    def _use(self, purpose: str | None, subject: str | None) -> Use | None:
        """For what and about whom, where that is to be recorded; asked before anybody's face is looked at."""
        return use(purpose, subject) if self._record else None

    def _judge(
        self,
        references: Sequence[Examined],
        probe: Examined,
        policy: Policy,
        *,
        names: Sequence[str],
        more: Sequence[Reason] = (),
        active: Active | None = None,
        of_documents: bool = False,
    ) -> Verdict:
        """The verdict.

        `names` are those of references and probe, `more` are reasons from elsewhere; `of_documents` says that
        no picture is of a person who stands there.
        """
        clock = Clock()
        threshold = self.threshold(policy)
        asked, of_probe = policy.demanded(of_documents=of_documents)
        references = [_held(seen, asked, clock) for seen in references]
        probe = _held(probe, of_probe, clock)
        liveness = OF_DOCUMENTS if of_documents else self._liveness(probe, policy, active, clock)
        with clock("compare"):
            reasons = [
                reason
                for about, seen in zip(names, [*references, probe], strict=True)
                for reason in (
                    *explain(about, seen.evidence, seen.problem, policy),
                    *below(about, seen.evidence.quality),
                )
            ]
            if not of_documents:
                reasons += not_live(liveness, policy)
            reasons += more
            score = None
            if not any(reason.decisive for reason in reasons):
                lax = max(REFERENCES_FMR, self.calibration.finest)
                of_one = max(threshold, self.calibration.threshold(lax))
                reasons += _strangers(names[:-1], references, of_one)
                reasons += _another(active, probe, of_one)
            if not any(reason.decisive for reason in reasons):
                scores = [similarity(_template(seen), _template(probe)) for seen in references]
                score = sum(scores) / len(scores)
            reasons += modelled(self.calibration, policy)
            rate = None if score is None else self.calibration.rate(score)
            decision: Decision = "inconclusive"
            if score is not None:
                decision = "match" if score >= threshold else "no_match"
        timings = dict(clock.timings_ms)
        for seen in (*references, probe):
            for stage, ms in seen.timings_ms.items():
                timings[stage] = timings.get(stage, 0.0) + ms
        timings["total"] = sum(timings.values())
        return Verdict(
            decision=decision,
            similarity=score,
            fmr=None if rate is None else rate.fmr,
            fmr_upper=None if rate is None else rate.upper,
            fmr_modelled=None if rate is None else rate.modelled,
            llr=None if score is None else self.calibration.llr(score),
            llr_is_bound=score is not None and self.calibration.llr_is_bound(score),
            threshold=threshold,
            threshold_modelled=not self.calibration.supports(policy.fmr),
            policy=policy,
            pack=self.pack.name,
            fingerprint=self.examiner.fingerprint,
            calibration=Provenance.of(self.calibration),
            reference=references[0].evidence,
            further_references=tuple(seen.evidence for seen in references[1:]),
            probe=probe.evidence,
            liveness=liveness,
            reasons=tuple(reasons),
            timings_ms=timings,
        )

    def _liveness(self, probe: Examined, policy: Policy, active: Active | None, clock: Clock) -> Liveness:
        """Whether a live person was there, where the policy asks."""
        if policy.liveness == "off":
            return NOT_ASKED
        from visavis.liveness.liveness import assess

        detector = self._load_passive()
        with clock("liveness"):
            return assess(
                probe.photo,
                probe.evidence.face,
                detector,
                threshold=policy.liveness_threshold,
                active=active,
            )

    def _load_passive(self) -> PassiveDetector | None:
        """The networks that judge a picture, loaded on the first call; None where they aren't installed."""
        from visavis.liveness.passive import PassiveDetector

        with self._passive_lock:
            if self._passive is None:
                try:
                    self._passive = PassiveDetector(threads=self._threads, device=self._device)
                except PackError as error:
                    if error.code != "pack.not_installed":
                        raise
            return self._passive

    def _part(
        self, read: ExaminedDocument, threshold: float, about: str
    ) -> tuple[DocumentPart, tuple[Reason, ...]]:
        """What a document says, whether it agrees with itself, and what to keep in mind about that."""
        document, portraits = read.document, read.portraits
        main = read.choice.portrait or "printed"
        pairs = [("printed", "chip"), (main, "ghost")]
        inside = [
            self._comparison(f"{a} portrait", portraits[a], f"{b} portrait", portraits[b], threshold)
            for a, b in pairs
            if a in portraits and b in portraits
        ]
        across = [
            self._comparison("printed portrait", portraits["printed"], name, seen, threshold)
            for name, seen in read.further.items()
        ]
        chip = None
        if document.chip is not None:
            chip = {
                "mrz": None if document.chip_mrz is None else document.chip_mrz.to_dict(),
                "authenticity": None if document.authenticity is None else document.authenticity.to_dict(),
                "notes": list(document.chip.notes),
            }
        part = DocumentPart(
            portrait=read.choice.portrait,
            why=read.choice.why,
            mrz=None if document.mrz is None else document.mrz.to_dict(),
            chip=chip,
            comparisons=(*inside, *across),
            fields=tuple(row.to_dict() for row in document.printed_against_chip),
            problems=tuple(
                replace(problem, about=about)
                for problem in document.problems
                if not problem.decisive and problem.code not in SAID_OTHERWISE
            ),
        )
        notes = inner(
            about,
            chip_not_used=read.choice.chip_not_used,
            unlike=[f"{each.first} and {each.second}" for each in inside if each.match is False],
            fields=[]
            if document.chip_is_of_another
            else [row.field for row in document.printed_against_chip if row.outcome == "differs"],
        )
        return part, tuple(notes)

    def _comparison(
        self, first: str, seen: Examined, second: str, other: Examined, threshold: float
    ) -> Comparison:
        if seen.template is None or other.template is None:
            return Comparison(first, second)
        score = similarity(seen.template, other.template)
        rate = self.calibration.rate(score)
        return Comparison(first, second, score, rate.fmr, rate.upper, score >= threshold)


def verify(
    reference: PhotoSource | Photo | Sequence[PhotoSource | Photo],
    probe: PhotoSource | Photo,
    *,
    policy: Policy | None = None,
    pack: str = DEFAULT_PACK,
    reference_face: Box | None = None,
    probe_face: Box | None = None,
    active: Active | None = None,
    purpose: str | None = None,
    subject: str | None = None,
) -> Verdict:
    """Is the person on the probe the person on the reference? See `Verifier.verify`.

    The pack stays loaded for the next call.
    """
    return _loaded(pack).verify(
        reference,
        probe,
        policy=policy,
        reference_face=reference_face,
        probe_face=probe_face,
        active=active,
        purpose=purpose,
        subject=subject,
    )


def crosscheck(
    first: PhotoSource | Photo | Sequence[PhotoSource | Photo],
    second: PhotoSource | Photo | Sequence[PhotoSource | Photo],
    *,
    first_chip: ChipSource | ChipFiles | None = None,
    second_chip: ChipSource | ChipFiles | None = None,
    trust: Trust | None = None,
    policy: Policy | None = None,
    pack: str = DEFAULT_PACK,
    purpose: str | None = None,
    subject: str | None = None,
) -> Crosscheck:
    """Do two documents belong to one person? See `Verifier.read_document` and `Verifier.crosscheck`.

    The pack stays loaded for the next call.

    Args:
        first: A picture of the first document, or several of it.
        second: Likewise.
        first_chip: The files of its chip: a folder, a zip, or the bytes of a zip.
        second_chip: Likewise.
        trust: Certificates of issuing states by which the chips' signers are judged.
        policy: What applies to this call.
        pack: Name of an installed pack.
        purpose: As in `Verifier.verify`.
        subject: As in `Verifier.verify`.
    """
    verifier = _loaded(pack)
    return verifier.crosscheck(
        verifier.read_document(first, chip=first_chip, trust=trust),
        verifier.read_document(second, chip=second_chip, trust=trust),
        policy=policy,
        purpose=purpose,
        subject=subject,
    )


@functools.cache
def _loaded(pack: str) -> Verifier:
    return Verifier(pack)


def _calibration(
    given: Calibration | str | os.PathLike[str] | None, pack: str, fingerprint: str
) -> Calibration:
    if given is None:
        return shipped(pack, fingerprint)
    if not isinstance(given, Calibration):
        return load(given, pack=pack, fingerprint=fingerprint)
    given.require(pack, fingerprint)
    return given


def _several(reference: PhotoSource | Photo | Sequence[PhotoSource | Photo]) -> Sequence[PhotoSource | Photo]:
    """References as a sequence, one or many; bytes and paths are sequences of their own kind."""
    if isinstance(reference, list | tuple):
        return reference
    return [cast("PhotoSource | Photo", reference)]


def _check_count(references: Sequence[object]) -> None:
    if not 1 <= len(references) <= MAX_REFERENCES:
        raise VisavisError(
            "references.count",
            "too many or too few references",
            found=len(references),
            expected=f"1 to {MAX_REFERENCES} of one person",
        )


def _names(count: int) -> list[str]:
    return ["reference", *(f"reference {number}" for number in range(2, count + 1))]


def _template(seen: Examined) -> Template:
    if seen.template is None:
        raise VisavisError(
            "template.missing", "a photo without a template can't be compared", found=seen.problem
        )
    return seen.template


def _strangers(names: Sequence[str], references: Sequence[Examined], threshold: float) -> Iterator[Reason]:
    """References that can't be of one person: nobody may be compared with several people at once."""
    for (first, seen), (second, other) in combinations(zip(names, references, strict=True), 2):
        if similarity(_template(seen), _template(other)) < threshold:
            message = f"the {first} and the {second} don't match each other: give pictures of one person only"
            yield Reason("references_differ", "comparison", message, decisive=True)


def _another(active: Active | None, probe: Examined, threshold: float) -> Iterator[Reason]:
    """That whoever answered the challenge isn't the person on the probe."""
    if active is None or active.template is None:
        return
    if similarity(active.template, _template(probe)) < threshold:
        message = (
            "the person who answered the challenge doesn't match the one on the probe: "
            "take the probe of the person who answers"
        )
        yield Reason("liveness_of_another", "probe", message, decisive=True)


def _held(seen: Examined, asked: Profile | None, clock: Clock) -> Examined:
    """An examined picture with its face held against what the policy asks of it, unless it is already."""
    evidence = seen.evidence
    if asked is None or evidence.face is None or evidence.quality is not None:
        return seen
    from visavis.quality.measure import measure

    with clock("quality"):
        quality = held(measure(seen.photo, evidence.face, evidence.others), asked)
    return replace(seen, evidence=replace(evidence, quality=quality))


def _check_active(policy: Policy, active: Active | None) -> None:
    if active is not None and policy.liveness == "off":
        raise PolicyError(
            "policy.liveness",
            "a challenge was answered and the policy doesn't ask for liveness",
            found="off",
            expected="assess or require",
        )


def _faceless(document: Document) -> Examined:
    """A document's first picture where no portrait counts; that there is none is said of the document."""
    page = document.pages[0]
    photo = page.photo
    evidence = Evidence(
        page.name, photo.width, photo.height, photo.format, photo.sha256, photo.notes, 0, None, ()
    )
    return Examined(photo, evidence, None, None, None, {})


def _without(seen: Examined, known: Sequence[Box]) -> Examined:
    """An examined picture of a document whose known portraits aren't called other faces."""
    others = tuple(
        face for face in seen.evidence.others if not any(face.box.overlap(box) > SAME_FACE for box in known)
    )
    return replace(seen, evidence=replace(seen.evidence, others=others))


def _missing(read: ExaminedDocument, about: str) -> Iterator[Reason]:
    """That no portrait of a document counts."""
    if read.choice.problem is not None:
        yield without_portrait(about, read.choice.problem, read.choice.why)


def _contradictions(
    part: DocumentPart, read: ExaminedDocument, policy: Policy, about: str
) -> Iterator[Reason]:
    """That what was given as one document is of two."""
    for comparison in part.comparisons:
        if comparison.second in read.further and comparison.match is False:
            yield other_people(about, f"{comparison.first} and {comparison.second}")
    if fields := read.document.chip_is_of_another:
        yield other_chip(about, fields, is_decisive=policy.require_valid_document)


def _validity(read: ExaminedDocument, policy: Policy, about: str) -> Iterator[Reason]:
    """Why a document isn't valid, where the policy asks."""
    if not policy.require_valid_document:
        return
    from visavis.documents.mrz.dates import concerns
    from visavis.documents.reference import failed, zone_of

    document = read.document
    zone = zone_of(document)
    birth, expiry = (
        None if zone is None or name not in zone.fields else zone.fields[name].value or None
        for name in ("date_of_birth", "date_of_expiry")
    )
    yield from invalid(
        about,
        concerns(about, birth, expiry, document.read_at.date()),
        has_expiry=expiry is not None,
        chip_failed=failed(document.authenticity),
    )


def _same_picture(first: ExaminedDocument, second: ExaminedDocument) -> str | None:
    """How it is noticed that two documents carry one picture, or None."""
    from visavis.documents.crosscheck import SAME_PICTURE, same_structure

    files = [{page.photo.sha256 for page in read.document.pages} for read in (first, second)]
    if files[0] & files[1]:
        return "one file was given for both documents"
    chips = [read.portraits["chip"].photo.sha256 for read in (first, second) if "chip" in read.portraits]
    if len(chips) == 2 and chips[0] == chips[1]:
        return "both chips hold the same file as portrait"
    for one in (*first.portraits.values(), *first.further.values()):
        for other in (*second.portraits.values(), *second.further.values()):
            if one.chips is None or other.chips is None or one.template is None or other.template is None:
                continue
            alike = same_structure(one.chips[0], other.chips[0])
            if alike >= SAME_PICTURE:
                return (
                    f"both documents carry the same picture (correlation {alike:.2f} of its fine structure)"
                )
    return None
