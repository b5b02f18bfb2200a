"""A verdict as a few lines for a person at a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from visavis.report import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from visavis.decision.policy import Policy
    from visavis.decision.verdict import Decision, Evidence, LedgerPlace, Verdict
    from visavis.documents.crosscheck import Crosscheck

WIDTH = 100
INDENT = 12

COLOURS: Mapping[Decision, str] = {"match": "green", "no_match": "red", "inconclusive": "yellow"}


def text(verdict: Verdict, *, colour: bool = False) -> str:
    """The verdict in about a dozen lines, the decision first; lines are at most 100 characters long.

    Args:
        verdict: The verdict.
        colour: Whether to style it with ANSI codes. Nothing is told by colour alone.
    """
    return _told(verdict.decision, words.meaning(verdict), _rows(verdict), colour=colour)


def crosscheck_text(crosscheck: Crosscheck, *, colour: bool = False) -> str:
    """A crosscheck likewise: the decision, why, every field, each document, and the rule.

    Args:
        crosscheck: The crosscheck.
        colour: Whether to style it with ANSI codes.
    """
    rows = _crosscheck_rows(crosscheck)
    return _told(crosscheck.decision, words.crosschecked(crosscheck.decision), rows, colour=colour)


def headed(
    title: str, tone: str, rows: Iterable[tuple[str, str]], *, meaning: str = "", indent: int, colour: bool
) -> Iterator[str]:
    """An answer in lines of at most 100 characters: a title, what it means, and labelled rows.

    Args:
        title: What it came to.
        tone: The title's colour, as click calls it.
        rows: Label and value.
        meaning: A sentence.
        indent: Where values begin.
        colour: Whether to style it with ANSI codes.
    """
    if colour:
        import click

        title = click.style(title, fg=tone, bold=True)
    yield title
    yield from textwrap.wrap(meaning, WIDTH)
    yield from labelled(rows, indent, colour=colour)


def labelled(rows: Iterable[tuple[str, str]], indent: int, *, colour: bool) -> Iterator[str]:
    """Rows of label and value, values wrapped under each other; arguments as of `headed`."""
    for label, value in rows:
        styled = label.ljust(indent)
        if colour:
            import click

            styled = click.style(styled, dim=True)
        first, *rest = textwrap.wrap(value, WIDTH - indent, break_on_hyphens=False) or [""]
        yield styled + first
        yield from (" " * indent + line for line in rest)


def _told(decision: Decision, meaning: str, rows: Iterable[tuple[str, str]], *, colour: bool) -> str:
    title, tone = words.DECISIONS[decision], COLOURS[decision]
    return "\n".join(headed(title, tone, rows, meaning=meaning, indent=INDENT, colour=colour))


def _crosscheck_rows(crosscheck: Crosscheck) -> Iterator[tuple[str, str]]:
    faces = crosscheck.faces
    for reason in words.ordered(crosscheck.reasons):
        yield "reason" if reason.decisive else "note", words.told(reason)
    if faces.similarity is not None:
        measured, threshold = words.compared(faces.similarity, faces.threshold)
        decided = words.DECISIONS[faces.decision].lower()
        yield "faces", f"{decided}, similarity {measured}, threshold {threshold}"
        yield "FMR", _rate(faces)
    for row in crosscheck.fields:
        both = f"{words.said(row.first)} / {words.said(row.second)}"
        yield words.OUTCOMES[row.outcome], f"{words.field(row.field)}: {both} ({row.why})"
    for label, part, evidence in (
        ("first", crosscheck.first, faces.reference),
        ("second", crosscheck.second, faces.probe),
    ):
        yield label, _photo(evidence)
        yield from _quality(evidence)
        yield from words.document(part)
    for sentence in crosscheck.rule:
        yield "rule", sentence
    yield "policy", _policy(faces.policy)
    yield "pack", f"{faces.pack} (fingerprint {faces.fingerprint})"
    yield "calibration", words.calibration(faces.calibration)
    told = dict.fromkeys(
        words.not_checked(part, faces.liveness) for part in (crosscheck.first, crosscheck.second)
    )
    yield "not checked", "; ".join(told)
    yield from _recorded(crosscheck.ledger)


def _rows(verdict: Verdict) -> Iterator[tuple[str, str]]:
    for reason in words.ordered(verdict.reasons):
        yield "reason" if reason.decisive else "note", words.told(reason)
    if verdict.similarity is not None:
        reaches = "reaches" if verdict.similarity >= verdict.threshold else "does not reach"
        measured, threshold = words.compared(verdict.similarity, verdict.threshold)
        modelled = " (modelled)" if verdict.threshold_modelled else ""
        similarity = f"{measured}, {reaches} the threshold of {threshold}{modelled}"
        count = len(verdict.further_references) + 1
        yield "similarity", similarity if count == 1 else f"{similarity} (average over {count} references)"
        yield "FMR", _rate(verdict)
        if verdict.llr is not None:
            yield "llr", words.likelihood(verdict.llr, is_bound=verdict.llr_is_bound)
    if verdict.policy.liveness != "off":
        yield "liveness", words.liveness(verdict.liveness)
    yield "policy", _policy(verdict.policy)
    yield "reference", _photo(verdict.reference)
    yield from _quality(verdict.reference)
    for number, evidence in enumerate(verdict.further_references, start=2):
        yield f"reference {number}", _photo(evidence)
        yield from _quality(evidence)
    yield "probe", _photo(verdict.probe)
    yield from _quality(verdict.probe)
    if verdict.document is not None:
        yield from words.document(verdict.document)
    yield "pack", f"{verdict.pack} (fingerprint {verdict.fingerprint})"
    yield "calibration", words.calibration(verdict.calibration)
    yield "measured on", str(verdict.calibration.data)
    yield "not checked", words.not_checked(verdict.document, verdict.liveness)
    yield from _recorded(verdict.ledger)
    total = verdict.timings_ms.get("total", sum(verdict.timings_ms.values()))
    yield "time", f"{total:.0f} ms"


def _recorded(place: LedgerPlace | None) -> Iterator[tuple[str, str]]:
    if place is not None:
        yield "ledger", f"entry {place.index} of {place.origin}"


def _rate(verdict: Verdict) -> str:
    """In words and, where the data gives one, as a number."""
    told = words.rate(verdict.fmr, verdict.fmr_upper)
    if verdict.fmr_modelled is not None and verdict.policy.extrapolate:
        told += f" ({words.one_in(verdict.fmr_modelled)} by the model)"
    return told if verdict.fmr is None or verdict.fmr >= 1 else f"{verdict.fmr:.1e}: {told}"


def _policy(policy: Policy) -> str:
    return "; ".join((f"FMR {words.accepts(policy)}", *words.demands(policy)))


def _quality(evidence: Evidence) -> Iterator[tuple[str, str]]:
    if told := words.quality(evidence):
        yield "quality", told


def _photo(evidence: Evidence) -> str:
    size = f"{words.name_of(evidence.name)}: {evidence.width} x {evidence.height} {evidence.format}"
    return size if evidence.face is None else f"{size}, eyes {evidence.face.inter_eye_px:.0f} pixels apart"
