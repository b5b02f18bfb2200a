"""The words that text and page share: rates as "1 in N", what a decision means, which face counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from visavis.decision.reasons import asked_of, spoken
from visavis.decision.verdict import NOT_ASKED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from visavis.decision.calibration import Origin
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import (
        Comparison,
        Decision,
        DocumentPart,
        Evidence,
        Liveness,
        Outcome,
        Provenance,
        Reason,
        Verdict,
    )

DECISIONS: Mapping[Decision, str] = {
    "match": "MATCH",
    "no_match": "NO MATCH",
    "inconclusive": "CANNOT DECIDE",
}

FACES: Mapping[str, str] = {
    "only": "the only one; a second face of comparable size ends the comparison",
    "largest_central": "the one that is large and near the middle",
}

OUTCOMES: Mapping[str, str] = {"same": "same", "differs": "differs", "not_comparable": "open"}

LIVE: Mapping[Outcome, str] = {
    "live": "taken for a live person",
    "attack": "taken for a presentation attack",
    "not assessed": "not assessed",
}

ORIGINS: Mapping[Origin, str] = {"shipped": "shipped with visavis", "operator": "the operator's own"}


def one_in(rate: float) -> str:
    """A rate as ``"1 in 10,000"``, with two significant digits; from 1 in 20 upwards as ``"31 in 100"``.

    Always rounded towards the higher rate, so that the words never promise more than the number does.

    Args:
        rate: Above 0 and at most 1.
    """
    share, number = shares(rate)
    return f"{share} in {number:,}"


def shares(rate: float) -> tuple[int, int]:
    """The two numbers of `one_in`."""
    if not 0 < rate <= 1:
        raise ValueError(f"a rate above 0 and at most 1 was expected, found {rate}")
    number = 1 / rate
    if number * (1 + 1e-9) < 20:
        return math.ceil(rate * 100 - 1e-7), 100
    return 1, int(_cut(number))


def rate(fmr: float | None, upper: float | None) -> str:
    """The false match rate at a similarity with its bound, or the bound where the data gives no more."""
    if upper is None:
        return "unknown"
    if fmr is None:
        return f"below {one_in(upper)}"
    if fmr >= 1:
        return "not rare (the similarity lies below the range that was measured)"
    return one_in(fmr) if upper == 1 else f"{one_in(fmr)} (upper bound {one_in(upper)})"


def likelihood(llr: float, *, is_bound: bool) -> str:
    """A log10 likelihood ratio and what it says, with two digits that never promise more than it does.

    Args:
        llr: How many times likelier the similarity is where the pictures show one person than where they show
            two, as a power of 10.
        is_bound: Whether the true one lies further from 0.
    """
    number = f"{round(llr, 1) + 0.0:.1f}"  # never a negative zero
    ratio = times(llr)
    if ratio < 1.1:
        return f"{number}: about as likely if one person as if two"
    least = "at least " if is_bound else ""
    sides = "one person than if two" if llr > 0 else "two people than if one"
    return f"{number}: {least}{ratio:,} times likelier if {sides}"


def times(llr: float) -> float:
    """How many times likelier one of two is by a log10 likelihood ratio, cut to two digits; at least 1."""
    return _cut(10 ** abs(llr))


def calibration(provenance: Provenance) -> str:
    """Whose calibration it is, and which."""
    told = f"{ORIGINS[provenance.origin]}: {provenance.data.name}, digest {provenance.digest[:12]}"
    worst = _worst(provenance)
    return f"{told}; rates {worst}" if worst else told


def meaning(verdict: Verdict) -> str:
    """What a decision says, in a plain sentence or two, and not more than it says."""
    several = len(verdict.further_references) + 1
    if verdict.decision == "match":
        same = (
            "The two photographs show the same person"
            if several == 1
            else f"The probe shows the same person as the {several} references"
        )
        if verdict.threshold_modelled:
            return (
                f"{same}, by a rule whose false match rate is {one_in(verdict.policy.fmr)} by a model: it is "
                "finer than could be measured."
            )
        worst = _worst(verdict.calibration)
        return (
            f"{same}, by a rule under which at most {one_in(verdict.policy.fmr)} comparisons of different "
            f"people {f'{worst} ' if worst else ''}came out as a match when it was measured."
        )
    photographs = "two photographs" if several == 1 else f"probe and the {several} references"
    if verdict.decision == "no_match":
        return (
            f"The {photographs} are less alike than the rule asks for, so they are not taken to show the "
            "same person. This does not prove that they show different people."
        )
    compared = "they were not compared" if several == 1 else "the probe was compared with none of them"
    return f"Nothing is said about whether the {photographs} show the same person: {compared}."


def document(part: DocumentPart) -> Iterator[tuple[str, str]]:
    """What was read on a document and what it came to, label and value."""
    yield "portrait", f"{part.portrait}: {part.why}" if part.portrait else f"none: {part.why}"
    yield "zone", "none could be read" if part.mrz is None else zone(part.mrz)
    if part.chip is not None:
        if part.chip["mrz"] is not None:
            yield "chip zone", zone(part.chip["mrz"])
        for stage in part.chip["authenticity"]["stages"]:
            yield "chip", f"{stage['name']} {stage['outcome']}: {stage['why']}"
    for row in part.fields:
        if row["outcome"] == "differs":
            first, second = said(row["first"]), said(row["second"])
            yield "differs", f"{field(row['field'])}: {first} is printed, the chip says {second}"
    for problem in part.problems:
        yield "noted", told(problem)
    for comparison in part.comparisons:
        yield "compared", comparison_of(comparison)


def zone(mrz: Mapping[str, Any]) -> str:
    """A machine-readable zone in a line."""
    checks = "all check digits right" if mrz["valid"] else "not all check digits right"
    names = ("surname", "given_names", "document_number", "date_of_birth", "date_of_expiry")
    values = (printable(mrz["fields"][name]["value"]) for name in names if name in mrz["fields"])
    return f"{mrz['format']}, {checks}: {', '.join(filter(None, values))}"


def comparison_of(comparison: Comparison) -> str:
    """Two pictures and how alike they are."""
    both = f"{comparison.first} and {comparison.second}"
    if comparison.similarity is None:
        return f"{both}: not compared, one of them is too poor to say"
    reaches = "match" if comparison.match else "no match"
    fmr = rate(comparison.fmr, comparison.fmr_upper)
    return f"{both}: {reaches}, similarity {comparison.similarity:.3f}, FMR {fmr}"


def crosschecked(decision: Decision) -> str:
    """What the decision of a crosscheck says, and not more."""
    if decision == "match":
        return "By portraits and fields the two documents are taken to belong to one person."
    if decision == "no_match":
        return (
            "By the rule the two documents are not taken to belong to one person. This does not prove that "
            "they belong to different people."
        )
    return "Nothing is said about whether the two documents belong to one person: a person should look."


def not_checked(part: DocumentPart | None, liveness: Liveness = NOT_ASKED) -> str:
    """What a verdict says nothing about; with a document, exactly which part of it wasn't looked at."""
    told = ["whether a live person was there"] if liveness.outcome == "not assessed" else []
    told.append("whether a document is genuine" if part is None else "whether the printed page is genuine")
    if part is not None and part.chip is not None:
        told.append("whether the chip is a clone")
    return ", ".join(told)


def liveness(found: Liveness) -> str:
    """Whether a live person was there, by which score; what speaks against it is said by a reason."""
    told = LIVE[found.outcome]
    if found.score is not None and found.threshold is not None:
        told += f", score {found.score:.2f}, threshold {found.threshold:.2f}"
    return f"{told} ({found.why})" if found.outcome == "live" else told


def not_live(found: Liveness) -> tuple[str, str]:
    """What isn't known of whether a live person was there."""
    if found.outcome == "live":
        return (
            "Whether it was an attack that isn't known.",
            (
                "Nothing was found of the prints and screens that are looked for; masks, other attacks, and "
                "pictures fed in past the camera may pass."
            ),
        )
    if found.outcome == "attack":
        return (
            "Whether it was an attack for certain.",
            "In bad light or before a poor camera a live person may get such a score too.",
        )
    why = "liveness was not tested" if found == NOT_ASKED else f"liveness was not assessed: {found.why}"
    return (
        "Whether a live person was there.",
        f"A printed photograph, a screen or a mask held before the camera may pass ({why}).",
    )


def quality(evidence: Evidence) -> str:
    """Whether a picture reaches what the policy asks of it; empty where it asks nothing."""
    held = evidence.quality
    if held is None:
        return ""
    outcome = {True: "meets", False: "falls short of", None: "can't be told to meet"}[held.meets]
    told = f"{outcome} {asked_of(held.profile)}"
    return told if held.score is None else f"{told}, score {held.score:.1f} of 100"


def demands(policy: Policy) -> list[str]:
    """What a policy asks beside the false match rate and the face, in words."""
    told = []
    if policy.quality is not None:
        told.append(f"the probe meets the profile {spoken(policy.quality)}")
    if policy.floors:
        floors = ", ".join(f"{spoken(name)} {score:g}" for name, score in policy.floors.items())
        told.append(f"its scores are at least: {floors}" if told else f"the probe's scores: {floors}")
    if policy.reference_quality is not None:
        told.append(f"the reference meets the profile {spoken(policy.reference_quality)}")
    if policy.liveness == "require":
        told.append("a live person is there")
    return told


def genuine(part: DocumentPart | None) -> tuple[str, str]:
    """What isn't known of whether a document is genuine, and what was looked at."""
    if part is None:
        return (
            "Whether a document is genuine.",
            "Neither the document nor whether anybody altered or blended the pictures was examined.",
        )
    told = (
        "It was read, and its parts were held against each other. Paper, print and safety features weren't "
        "examined, and check digits that are right show that it was read right, not that it is genuine."
    )
    if part.chip is not None:
        told += f" {chip_checked(part.chip['authenticity'])}"
    return "Whether the document is genuine.", told


def chip_checked(authenticity: Mapping[str, Any]) -> str:
    """What the authentication of a chip shows and doesn't."""
    outcome = {stage["name"]: stage["outcome"] for stage in authenticity["stages"]}
    if authenticity["outcome"] == "failed":
        return "The chip's authentication failed: nothing that it holds was relied on."
    if authenticity["outcome"] == "passed":
        return (
            "The chip's data are as a signer wrote them whom the supplied certificates vouch for; "
            "whether the chip is a clone wasn't examined."
        )
    signed = outcome["hashes"] == outcome["signature"] == "passed"
    if signed and authenticity["certificates_given"]:
        return (
            "The chip's data are as somebody signed them; that the signer may do so for the issuing state "
            "could not be shown, and whether the chip is a clone wasn't examined."
        )
    if signed:
        return (
            "The chip's data are as somebody signed them; who that was isn't known without certificates, "
            "and whether the chip is a clone wasn't examined."
        )
    return "The chip's data weren't authenticated."


def field(name: str) -> str:
    """A field's name for a person."""
    return name.replace("_", " ")


def said(value: str | None) -> str:
    """What a field says."""
    return printable(value) if value else "nothing"


def compared(similarity: float | None, threshold: float) -> tuple[str, str]:
    """Similarity and threshold with three decimals, or five where three would make them look the same."""
    if similarity is None:
        return "", f"{threshold:.3f}"
    alike = similarity != threshold and f"{similarity:.3f}" == f"{threshold:.3f}"
    decimals = 5 if alike else 3
    return f"{similarity:.{decimals}f}", f"{threshold:.{decimals}f}"


def ordered(reasons: tuple[Reason, ...]) -> list[Reason]:
    """The reasons, those that decide first."""
    return sorted(reasons, key=lambda reason: not reason.decisive)


def told(reason: Reason) -> str:
    """A reason as a sentence."""
    sentence = reason.message[:1].upper() + reason.message[1:]
    return f"{sentence}."


def accepts(policy: Policy) -> str:
    """The false match rate that a policy accepts, in words and as a number."""
    return f"at most {one_in(policy.fmr)} ({policy.fmr:.1e})"


def printable(text: str) -> str:
    r"""A text as given, with what can't be seen as escapes such as ``\x1b``.

    These are line breaks, terminal codes, marks that turn the direction of writing, and halves of surrogate
    pairs, which file names that aren't UTF-8 are given.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def name_of(name: str | None) -> str:
    """What a photo is called."""
    return "(no name)" if name is None else printable(name)


def _worst(provenance: Provenance) -> str:
    """``"of the worst of 3 groups"``, or nothing where the rates are those of everybody."""
    return f"of the worst of {len(provenance.groups)} groups" if provenance.rule == "worst_group" else ""


def _cut(number: float) -> float:
    """A number from 1 on with two digits, the rest cut off: 1.3, 9800; from 10 on whole."""
    number *= 1 + 1e-9  # 1 / 1e-5 is a hair below 100,000
    exponent = math.floor(math.log10(number)) - 1
    if exponent < 0:
        return math.floor(number * 10) / 10
    unit: int = 10**exponent
    return math.floor(number / unit) * unit
