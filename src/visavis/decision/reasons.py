"""The reasons a verdict can give, in words for a person, with what to do where something can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.decision.verdict import Evidence, Reason
from visavis.faces.choose import rivals
from visavis.quality.advice import GUIDES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from visavis.decision.calibration import Calibration
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import Liveness
    from visavis.quality.assessed import Assessed

COARSE_INTER_EYE_PX = 20.0  # error rates begin to rise below this distance between the eyes


def poverty(evidence: Evidence, policy: Policy) -> str | None:
    """Code of why the face is too poor to say by the policy's floors, or None."""
    face = evidence.face
    if face is None:
        return None
    if face.inter_eye_px < policy.min_inter_eye_px:
        return "face_too_small"
    if face.confidence < policy.min_confidence:
        return "face_doubtful"
    if (face.disagreement or 0.0) > policy.max_disagreement:
        return "landmarks_doubtful"
    if face.inside < policy.min_inside:
        return "face_cut"
    return None


def explain(about: str, evidence: Evidence, problem: str | None, policy: Policy) -> Iterator[Reason]:
    """All reasons that one photo gives.

    Args:
        about: ``"reference"``, ``"reference 2"`` or ``"probe"``.
        evidence: What was found on it.
        problem: Code of what keeps it from being compared, or None.
        policy: The policy that applies.
    """
    if problem is not None:
        yield Reason(problem, about, _problem(about, evidence, problem, policy), decisive=True)
    face = evidence.face
    if face is None:
        return
    if problem is None and face.inter_eye_px < COARSE_INTER_EYE_PX:
        message = (
            f"on the {about} the eyes are only {face.inter_eye_px:.0f} pixels apart, "
            "and such pictures of one person match less often: a larger one gives a surer answer"
        )
        yield Reason("face_small", about, message, decisive=False)
    if evidence.turned:
        message = f"the {about} was turned by {evidence.turned} degrees clockwise to bring the face upright"
        yield Reason("turned", about, message, decisive=False)
    if evidence.others:
        count = len(evidence.others)
        left_out = "another face was" if count == 1 else f"{count} other faces were"
        message = f"{left_out} left out on the {about}: check that the one marked is the one that is meant"
        yield Reason("other_faces", about, message, decisive=False)


def below(about: str, quality: Assessed | None) -> Iterator[Reason]:
    """That a face doesn't reach what the policy asks of its picture, or that this can't be told.

    Args:
        about: As in `explain`.
        quality: The face held against it; None where the policy asks nothing, or there is no face.
    """
    if quality is None:
        return
    against = asked_of(quality.profile)
    if quality.shortfalls:
        told = "; ".join(
            f"{label(short.component.name)} {short.component.score:.1f} of the {short.floor:.1f} "
            f"that are asked ({short.advice})"
            for short in quality.shortfalls
        )
        yield Reason("quality_low", about, f"the {about} falls short of {against}: {told}", decisive=True)
    if quality.unknown:
        told = "; ".join(f"{label(each.name)} ({each.problem})" for each in quality.unknown)
        message = (
            f"what {against} asks of the {about} could not be assessed in {told}: "
            "use a picture that shows the whole face from the front"
        )
        yield Reason("quality_not_assessed", about, message, decisive=True)


def label(name: str) -> str:
    """What a component is called in plain words."""
    return GUIDES[name].label


def asked_of(profile: str | None) -> str:
    """What a picture is held against, in words: a profile, or without one own floors."""
    return "the policy's floors" if profile is None else f"the profile {spoken(profile)}"


def spoken(name: str) -> str:
    """A name without underscores."""
    return name.replace("_", " ")


def not_live(liveness: Liveness, policy: Policy) -> Iterator[Reason]:
    """That no live person was there, or that this can't be told, where the policy asks.

    Args:
        liveness: What was found.
        policy: Whether that decides, or is only to be kept in mind.
    """
    required = policy.liveness == "require"
    if policy.liveness == "off" or liveness.outcome == "live":
        return
    if liveness.outcome == "attack":
        message = (
            "the probe may show a print, a screen or a mask and no live person "
            f"({liveness.why}): use one of the person before the camera, taken in even light"
        )
        yield Reason("presentation_attack", "probe", message, decisive=required)
    else:
        message = f"whether a live person was there could not be assessed: {liveness.why}"
        yield Reason("liveness_not_assessed", "probe", message, decisive=required)


def without_portrait(about: str, problem: str, why: str) -> Reason:
    """That no portrait of a document counts.

    Args:
        about: What the document is called.
        problem: ``"no_portrait"``, ``"two_portraits"`` or ``"several_documents"``.
        why: What was found, in one sentence.
    """
    if problem == "two_portraits":
        return Reason("two_portraits", about, why, decisive=True)
    if problem == "several_documents":
        return Reason("several_documents", about, why, decisive=True)
    return Reason("no_portrait", about, why, decisive=True)


def other_people(about: str, unlike: str) -> Reason:
    """That two pictures of one document carry portraits of two people.

    Args:
        about: What the document is called.
        unlike: Which two portraits don't match.
    """
    message = (
        f"the pictures of the {about} seem to be of several documents: {unlike} don't match each other; "
        "give pictures of one document"
    )
    return Reason("several_documents", about, message, decisive=True)


def other_chip(about: str, fields: Sequence[str], *, is_decisive: bool) -> Reason:
    """That a chip is of another document than the page that was given with it.

    Args:
        about: What the document is called.
        fields: Names of the fields that say so.
        is_decisive: Whether the policy insists on a valid document: this is none.
    """
    message = (
        f"the chip of the {about} is that of another document than its printed page, by {_listed(fields)}: "
        "read the chip of the document that is shown"
    )
    return Reason("chip_of_another_document", about, message, decisive=is_decisive)


def inner(
    about: str, *, chip_not_used: str | None, unlike: Sequence[str], fields: Sequence[str]
) -> Iterator[Reason]:
    """What to keep in mind about a document that doesn't agree with itself.

    Args:
        about: What the document is called.
        chip_not_used: Why the chip's portrait doesn't count where there is one, or None.
        unlike: Which of its portraits don't match the one that counts.
        fields: Names of the fields that chip and print say otherwise.
    """
    if chip_not_used is not None:
        message = f"the portrait on the chip of the {about} doesn't count: {chip_not_used}"
        yield Reason("chip_not_used", about, message, decisive=False)
    if unlike:
        message = f"the portraits of the {about} don't match each other: {', '.join(unlike)}"
        yield Reason("portraits_differ", about, message, decisive=False)
    if fields:
        message = f"chip and print of the {about} differ: {_listed(fields)}"
        yield Reason("fields_differ", about, message, decisive=False)


def invalid(
    about: str, concerns: Iterable[Reason], *, has_expiry: bool, chip_failed: str | None
) -> Iterator[Reason]:
    """Why a document isn't valid, where the policy insists on that.

    Args:
        about: What the document is called.
        concerns: What `documents.mrz.dates.concerns` says of its dates.
        has_expiry: Whether a date of expiry could be read.
        chip_failed: Which stage of the chip's authentication failed and why, or None.
    """
    for concern in concerns:
        if concern.code == "expired":
            yield Reason("document_expired", about, concern.message, decisive=True)
        else:
            yield Reason("birth_in_future", about, concern.message, decisive=True)
    if not has_expiry:
        message = f"no date of expiry could be read on the {about}: photograph it again, or give its chip"
        yield Reason("expiry_unknown", about, message, decisive=True)
    if chip_failed is not None:
        message = f"the chip of the {about} failed its authentication: {chip_failed}"
        yield Reason("chip_failed", about, message, decisive=True)


def modelled(calibration: Calibration, policy: Policy) -> Iterator[Reason]:
    """What to keep in mind where a model gives the threshold and no count of false matches does."""
    if calibration.tail is None or calibration.supports(policy.fmr):
        return
    message = (
        f"the threshold comes from a model, for FMR {policy.fmr:.1e} is finer than the data supports "
        f"({calibration.finest:.1e}); {calibration.tail.finest_transfer}"
    )
    yield Reason("threshold_modelled", "comparison", message, decisive=False)


def _listed(fields: Sequence[str]) -> str:
    """Names of fields for a person."""
    return ", ".join(spoken(name) for name in fields)


def _problem(about: str, evidence: Evidence, problem: str, policy: Policy) -> str:
    """What keeps a photo from being compared, and what to do about it."""
    if problem == "no_face":
        return (
            f"no face was found on the {about}: "
            "use a picture that shows one whole face from the front, in even light"
        )
    if problem == "no_face_in_box":
        return (
            f"no face of the {about} lies in the given box: "
            "give it in pixels of the whole upright picture, from its upper left corner"
        )
    if problem == "several_faces":
        return (
            f"the {about} shows {len(rivals(evidence.others))} faces of comparable size: "
            "crop the picture, or give the box of the one that is meant"
        )
    if evidence.face is None:
        raise ValueError(f"the problem {problem!r} is one of a face, and there is none")
    if problem == "face_too_small":
        return (
            f"on the {about} the eyes are {evidence.face.inter_eye_px:.0f} pixels apart and the policy asks "
            f"for {policy.min_inter_eye_px:g}: come closer, or use a larger picture"
        )
    if problem == "face_doubtful":
        return (
            f"the detector is not sure that what it found on the {about} is a face "
            f"({evidence.face.confidence:.2f}, the policy asks for {policy.min_confidence:g}): "
            "use a sharper picture of the uncovered face, from the front"
        )
    if problem == "landmarks_doubtful":
        return (
            f"eyes, nose and mouth on the {about} can't be told for certain: "
            "use a picture from the front with nobody close beside the face"
        )
    if problem == "face_cut":
        return (
            f"the border of the {about} cuts the face, {evidence.face.inside:.0%} of it is there "
            f"and the policy asks for {policy.min_inside:.0%}: use a picture that shows the whole head"
        )
    raise ValueError(f"{problem!r} is no problem of a photo")
