"""The answer and all that it rests on, without a pixel of either photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from visavis.decision.calibration import Calibration, Data, Origin, Rule
from visavis.decision.policy import Policy
from visavis.faces.face import Face
from visavis.quality.assessed import Assessed

if TYPE_CHECKING:
    from collections.abc import Mapping

Decision = Literal["match", "no_match", "inconclusive"]
Outcome = Literal["live", "attack", "not assessed"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nothing could be decided, or what to keep in mind about what was.

    Attributes:
        code: Stable name, such as ``"no_face"``.
        about: ``"reference"`` or ``"probe"`` (``"reference 2"`` for a further one), ``"document"``
            (``"first document"`` where there are two), or ``"comparison"``.
        message: One sentence for a person, with what to do where something can be done.
        decisive: Whether the verdict is inconclusive because of it.
    """

    code: str
    about: str
    message: str
    decisive: bool

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"code": self.code, "about": self.about, "message": self.message, "decisive": self.decisive}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found on one photo.

    Attributes:
        name: What the caller calls the photo (a file name), or None.
        width: Width of the upright full-size picture in pixels.
        height: Its height.
        format: How it was encoded, ``"JPEG"`` for instance.
        sha256: Digest of the encoded bytes.
        notes: What was done to it on the way, such as turning it by its EXIF orientation.
        turned: By how many degrees clockwise the picture had to be turned for the face to be upright: 0, 90,
            180 or 270.
        face: The face that was compared, or None.
        others: The other faces on the photo.
        quality: The face held against what the policy asks of this picture; None where it asks nothing, or
            there is no face.
    """

    name: str | None
    width: int
    height: int
    format: str
    sha256: str
    notes: tuple[str, ...]
    turned: int
    face: Face | None
    others: tuple[Face, ...]
    quality: Assessed | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "format": self.format,
            "sha256": self.sha256,
            "notes": list(self.notes),
            "turned": self.turned,
            "face": None if self.face is None else self.face.to_dict(),
            "others": [face.to_dict() for face in self.others],
            "quality": None if self.quality is None else self.quality.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Evidence:
        """The inverse of `to_dict`."""
        quality = data.get("quality")
        return cls(
            **{
                **data,
                "notes": tuple(data["notes"]),
                "face": None if data["face"] is None else Face.from_dict(data["face"]),
                "others": tuple(Face.from_dict(face) for face in data["others"]),
                "quality": None if quality is None else Assessed.from_dict(quality),
            }
        )


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether a live person was before the camera when the probe was taken.

    It stands beside the decision: a presentation attack may well be a match. Where the policy requires a live
    person, whatever isn't ``"live"`` is a decisive reason.

    Attributes:
        outcome: ``"live"``, ``"attack"`` where a score is below its threshold, or ``"not assessed"``.
        score: That of the part that the outcome rests on, 0 to 1; None where nothing was assessed. It is no
            probability.
        threshold: From which score on that part counts as live; None where nothing was assessed.
        why: What the outcome rests on, in one sentence, with what to do where something can be done.
        passive: What two networks made of the probe, as `liveness.passive.Passive.to_dict` gives it with its
            ``outcome`` and ``threshold``; None where they didn't see it.
        active: What the frames that answer a challenge came to, as `liveness.active.Active.to_dict` gives it;
            None without any.
    """

    outcome: Outcome
    score: float | None
    threshold: float | None
    why: str
    passive: Mapping[str, Any] | None = None
    active: Mapping[str, Any] | None = None

    @classmethod
    def not_assessed(cls, why: str, *, active: Mapping[str, Any] | None = None) -> Liveness:
        """Where nothing can be said, and why."""
        return cls("not assessed", None, None, why, active=active)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, the score rounded to what it can carry."""
        return {
            "outcome": self.outcome,
            "score": None if self.score is None else round(self.score, 4),
            "threshold": self.threshold,
            "why": self.why,
            "passive": None if self.passive is None else dict(self.passive),
            "active": None if self.active is None else dict(self.active),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Liveness:
        """The inverse of `to_dict`."""
        return cls(**data)


NOT_ASKED = Liveness.not_assessed("the policy doesn't ask for it")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which calibration a verdict's error rates come from.

    Attributes:
        origin: ``"shipped"`` with visavis, or the ``"operator"``'s own.
        digest: SHA-256 of the calibration's content, in hex.
        rule: ``"overall"``, or ``"worst_group"``: rates are those of the worst of the `groups`.
        groups: Labels of the groups that were told apart.
        data: The pictures that it was measured on.
    """

    origin: Origin
    digest: str
    rule: Rule
    groups: tuple[str, ...]
    data: Data

    @classmethod
    def of(cls, calibration: Calibration) -> Provenance:
        """That of a calibration."""
        return cls(
            calibration.origin, calibration.digest, calibration.rule, calibration.groups, calibration.data
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain data, that about the pictures beside the rest."""
        return {
            "origin": self.origin,
            "digest": self.digest,
            "rule": self.rule,
            "groups": list(self.groups),
            **{name: getattr(self.data, name) for name in Data.__slots__},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Provenance:
        """The inverse of `to_dict`."""
        return cls(
            origin=data["origin"],
            digest=data["digest"],
            rule=data["rule"],
            groups=tuple(data["groups"]),
            data=Data(**{name: data[name] for name in Data.__slots__}),
        )


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """Where an answer was recorded.

    Attributes:
        origin: Of the ledger, as its checkpoints name it.
        index: Of the entry, from 0.
    """

    origin: str
    index: int

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"origin": self.origin, "index": self.index}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> LedgerPlace | None:
        """The inverse of `to_dict`; None of None."""
        return None if data is None else cls(**data)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two pictures that were compared beside those that the decision rests on.

    Attributes:
        first: What the first one is, ``"probe"`` or ``"printed portrait"`` for instance.
        second: What the second one is.
        similarity: As in `Verdict`; None where one of them is too poor to say.
        fmr: False match rate at this similarity, as in `Verdict`.
        fmr_upper: Its bound, as in `Verdict`.
        match: Whether the similarity reaches the threshold; None without one.
    """

    first: str
    second: str
    similarity: float | None = None
    fmr: float | None = None
    fmr_upper: float | None = None
    match: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "first": self.first,
            "second": self.second,
            "similarity": None if self.similarity is None else round(self.similarity, 5),
            "fmr": _significant(self.fmr),
            "fmr_upper": _significant(self.fmr_upper),
            "match": self.match,
        }


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """What was read on a document, which of its portraits counts, and whether it agrees with itself.

    Attributes:
        portrait: ``"chip"`` or ``"printed"``: the one that counts; None where there is none.
        why: Why that one, or why none, in one sentence.
        mrz: The zone that is printed on it, as `documents.mrz.mrz.Mrz.to_dict` gives it; None where none was
            read.
        chip: What its chip says, None without one: ``mrz`` as above, ``authenticity`` as
            `documents.authenticity.Authenticity.to_dict` gives it, ``notes``.
        comparisons: The document's pictures against one another, and against the probe where there is one.
        fields: What is printed against what the chip says, as `documents.mrz.compare.Row.to_dict` gives it.
        problems: What else is to be kept in mind about it.
    """

    portrait: Literal["chip", "printed"] | None
    why: str
    mrz: Mapping[str, Any] | None = None
    chip: Mapping[str, Any] | None = None
    comparisons: tuple[Comparison, ...] = ()
    fields: tuple[Mapping[str, Any], ...] = ()
    problems: tuple[Reason, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "portrait": self.portrait,
            "why": self.why,
            "mrz": None if self.mrz is None else dict(self.mrz),
            "chip": None if self.chip is None else dict(self.chip),
            "comparisons": [comparison.to_dict() for comparison in self.comparisons],
            "fields": [dict(row) for row in self.fields],
            "problems": [problem.to_dict() for problem in self.problems],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DocumentPart:
        """The inverse of `to_dict`."""
        comparisons = tuple(Comparison(**comparison) for comparison in data["comparisons"])
        problems = tuple(Reason(**problem) for problem in data["problems"])
        fields = tuple(data["fields"])
        return cls(**{**data, "comparisons": comparisons, "fields": fields, "problems": problems})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether two photos show one person, by which measure, and how often that measure errs.

    Attributes:
        decision: ``"match"``, ``"no_match"``, or ``"inconclusive"`` (one of the `reasons` says why).
        similarity: Cosine of the two templates, -1 to 1; higher is more alike. None where nothing fit to
            compare was found, or the policy asks for more than there is: a number that nothing may be decided
            on is not given.
        fmr: False match rate at this similarity: the share of comparisons of different people that come out
            at least as alike. None where there is no similarity, and where the data can only bound it.
        fmr_upper: One-sided 95 % bound of the false match rate at this similarity.
        fmr_modelled: What the calibration's tail model says where the data can only bound the rate; None
            where there is an estimate, no model, or no similarity.
        llr: Log10 likelihood ratio: 10 to its power is how many times likelier this similarity is where the
            two pictures show one person than where they show two, by the pictures of the calibration. It is
            not how likely it is that they show one person. None where the calibration has no such ratios or
            there is no similarity.
        llr_is_bound: Whether the similarity lies beyond those that `llr` was measured on: the true ratio is
            then taken to lie further from 0 than `llr` does.
        threshold: Similarity from which on the policy calls it a match.
        threshold_modelled: Whether the threshold comes from the tail model, because the policy's rate is
            finer than the data supports.
        policy: The policy that was applied.
        pack: Name of the pack.
        fingerprint: The pack's fingerprint: which weights, aligned how.
        calibration: Which calibration the error rates come from, and the pictures it was measured on.
        reference: What was found on the reference, the first one where several were given.
        further_references: What was found on the others.
        probe: What was found on the probe.
        liveness: Whether a live person was there when the probe was taken.
        document: What was read on the document that the reference is from, or None where it is no document's.
        reasons: Why it is inconclusive, or what to keep in mind.
        timings_ms: Wall time by stage, in milliseconds.
        ledger: Where it was recorded; None where no ledger is named, and of the faces of a `Crosscheck`.
    """

    decision: Decision
    similarity: float | None
    fmr: float | None
    fmr_upper: float | None
    fmr_modelled: float | None = None
    llr: float | None = None
    llr_is_bound: bool = False
    threshold: float
    threshold_modelled: bool = False
    policy: Policy
    pack: str
    fingerprint: str
    calibration: Provenance
    reference: Evidence
    further_references: tuple[Evidence, ...] = ()
    probe: Evidence
    liveness: Liveness = NOT_ASKED
    document: DocumentPart | None = None
    reasons: tuple[Reason, ...]
    timings_ms: Mapping[str, float]
    ledger: LedgerPlace | None = None

    def __repr__(self) -> str:
        if self.similarity is None:
            return f"<Verdict {self.decision}: {', '.join(reason.code for reason in self.reasons)}>"
        return f"<Verdict {self.decision}: similarity {self.similarity:.3f}, {self.fmr_text}>"

    @property
    def fmr_text(self) -> str:
        """The false match rate at this similarity in words: a number, or the bound that the data gives."""
        if self.fmr is not None:
            return f"FMR {self.fmr:.1e}"
        return "FMR unknown" if self.fmr_upper is None else f"FMR below {self.fmr_upper:.1e}"

    def to_dict(self) -> dict[str, Any]:
        """As plain data, ready for JSON."""
        return {
            "decision": self.decision,
            "similarity": None if self.similarity is None else round(self.similarity, 5),
            "fmr": _significant(self.fmr),
            "fmr_upper": _significant(self.fmr_upper),
            "fmr_modelled": _significant(self.fmr_modelled),
            "llr": None if self.llr is None else round(self.llr, 2),
            "llr_is_bound": self.llr_is_bound,
            "threshold": round(self.threshold, 5),
            "threshold_modelled": self.threshold_modelled,
            "policy": self.policy.to_dict(),
            "pack": self.pack,
            "fingerprint": self.fingerprint,
            "calibration": self.calibration.to_dict(),
            "reference": self.reference.to_dict(),
            "further_references": [evidence.to_dict() for evidence in self.further_references],
            "probe": self.probe.to_dict(),
            "liveness": self.liveness.to_dict(),
            "document": None if self.document is None else self.document.to_dict(),
            "reasons": [reason.to_dict() for reason in self.reasons],
            "timings": {stage: round(ms, 2) for stage, ms in self.timings_ms.items()},
            "ledger": None if self.ledger is None else self.ledger.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """The inverse of `to_dict`, up to its rounding."""
        plain = {
            name: data[name]
            for name in (
                *("decision", "similarity", "fmr", "fmr_upper", "fmr_modelled", "llr", "llr_is_bound"),
                *("threshold", "threshold_modelled", "pack", "fingerprint"),
            )
        }
        return cls(
            **plain,
            policy=Policy.from_dict(data["policy"]),
            calibration=Provenance.from_dict(data["calibration"]),
            reference=Evidence.from_dict(data["reference"]),
            further_references=tuple(Evidence.from_dict(evidence) for evidence in data["further_references"]),
            probe=Evidence.from_dict(data["probe"]),
            liveness=Liveness.from_dict(data["liveness"]) if "liveness" in data else NOT_ASKED,
            document=None if data["document"] is None else DocumentPart.from_dict(data["document"]),
            reasons=tuple(Reason(**reason) for reason in data["reasons"]),
            timings_ms=dict(data["timings"]),
            ledger=LedgerPlace.from_dict(data.get("ledger")),
        )


def _significant(value: float | None) -> float | None:
    """Three significant digits: no rate here is known better."""
    return None if value is None else float(f"{value:.3g}")
