"""The corridor: bytes -> photo -> face -> chip -> template -> similarity -> verdict."""

from __future__ import annotations

import functools
from itertools import combinations
from typing import TYPE_CHECKING, cast

from visavis.decision.calibration import Calibration, load, shipped
from visavis.decision.policy import Policy
from visavis.decision.reasons import explain, modelled
from visavis.decision.verdict import Decision, Provenance, Reason, Verdict
from visavis.errors import VisavisError
from visavis.examiner import Clock, Examined, Examiner
from visavis.faces.recognise import similarity
from visavis.packs.catalogue import DEFAULT_PACK

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from visavis.faces.recognise import Template
    from visavis.geometry import Box
    from visavis.photo import Photo, PhotoSource

MAX_REFERENCES = 8
REFERENCES_FMR = 1e-3  # that several references must meet among themselves, however lax the policy


class Verifier:
    """Answers for many pairs with one pack loaded once; safe for several threads, with the same results."""

    def __init__(
        self,
        pack: str = DEFAULT_PACK,
        *,
        policy: Policy | None = None,
        calibration: Calibration | str | os.PathLike[str] | None = None,
        threads: int | None = None,
    ) -> None:
        """Load a pack.

        Args:
            pack: Name of an installed pack.
            policy: What applies where a call doesn't say otherwise; `Policy()` by default.
            calibration: Where error rates and thresholds come from: a calibration of this pack, or the path
                of a file with one; that which ships with visavis by default.
            threads: How many threads a call may use inside the networks; as many as the process has cores by
                default.

        Raises:
            PackError: The pack isn't installed or is damaged, or the calibration can't be used with it.
        """
        self._examiner = Examiner(pack, threads=threads)
        self.pack = self._examiner.pack
        self.policy = policy or Policy()
        self.calibration = _calibration(calibration, self.pack.name, self._examiner.fingerprint)

    def verify(
        self,
        reference: PhotoSource | Photo | Sequence[PhotoSource | Photo],
        probe: PhotoSource | Photo,
        *,
        policy: Policy | None = None,
        reference_face: Box | None = None,
        probe_face: Box | None = None,
    ) -> Verdict:
        """Is the person on the probe the person on the reference?

        Args:
            reference: A photo (path, bytes, file object or `Photo`), or up to eight of *one* person.
            probe: The photo of the person who claims to be the same.
            policy: What applies to this call.
            reference_face: Where on the (first) reference the face is, in pixels of the upright full-size
                picture.
            probe_face: Where on the probe.

        Raises:
            PhotoError: A photo can't be used. No face, or one too poor to say, is a verdict and no error.
            PolicyError: The policy asks for a false match rate that the calibration can't support.
        """
        policy = policy or self.policy
        self.threshold(policy)  # refused before anybody's face is looked at
        references = _several(reference)
        _check_count(references)
        boxes = [reference_face, *[None] * (len(references) - 1)]
        seen = [
            self.examine(photo, policy=policy, face=box) for photo, box in zip(references, boxes, strict=True)
        ]
        return self.compare(seen, self.examine(probe, policy=policy, face=probe_face), policy=policy)

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
        return self._examiner.examine(source, policy=policy or self.policy, face=face, name=name)

    def compare(
        self, references: Sequence[Examined], probe: Examined, *, policy: Policy | None = None
    ) -> Verdict:
        """The verdict on examined photos.

        Several references must be of one person: where two of them don't match each other, nothing is
        decided. Their similarities to the probe are averaged; the rate and the likelihood ratio given are
        those of a single comparison.

        Raises:
            VisavisError: `references.count`: none, or more than eight.
        """
        _check_count(references)
        policy = policy or self.policy
        clock = Clock()
        with clock("compare"):
            threshold = self.threshold(policy)
            names = _names(len(references))
            reasons = [
                reason
                for about, seen in [*zip(names, references, strict=True), ("probe", probe)]
                for reason in explain(about, seen.evidence, seen.problem, policy)
            ]
            score = None
            if not any(reason.decisive for reason in reasons):
                lax = max(REFERENCES_FMR, self.calibration.finest)
                of_one = max(threshold, self.calibration.threshold(lax))
                reasons += _strangers(names, references, of_one)
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
            fingerprint=self._examiner.fingerprint,
            calibration=Provenance.of(self.calibration),
            reference=references[0].evidence,
            further_references=tuple(seen.evidence for seen in references[1:]),
            probe=probe.evidence,
            reasons=tuple(reasons),
            timings_ms=timings,
        )


def verify(
    reference: PhotoSource | Photo | Sequence[PhotoSource | Photo],
    probe: PhotoSource | Photo,
    *,
    policy: Policy | None = None,
    pack: str = DEFAULT_PACK,
    reference_face: Box | None = None,
    probe_face: Box | None = None,
) -> Verdict:
    """Is the person on the probe the person on the reference? See `Verifier.verify`.

    The pack stays loaded for the next call.
    """
    return _loaded(pack).verify(
        reference, probe, policy=policy, reference_face=reference_face, probe_face=probe_face
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
