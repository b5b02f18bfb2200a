"""Which portrait of a document counts: the chip's where it is authentic, otherwise the printed one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from visavis.documents.authenticity import Authenticity
    from visavis.documents.document import Document
    from visavis.documents.mrz.mrz import Mrz


@dataclass(frozen=True, slots=True)
class Choice:
    """The portrait that counts.

    Attributes:
        portrait: Which one, None where there is none.
        why: Why that one, or why none.
        chip_not_used: Why the chip's portrait doesn't count where there is a chip, or None.
        problem: ``"no_portrait"``, ``"two_portraits"`` or ``"several_documents"`` where none counts.
    """

    portrait: Literal["chip", "printed"] | None
    why: str
    chip_not_used: str | None = None
    problem: str | None = None


def choose(document: Document) -> Choice:
    """The portrait of a document that a face is compared with.

    None counts, not even the chip's, where the pictures are of several documents: nobody can say which of
    them is meant.
    """
    doubt = _doubt(document)
    mixed = next((problem for problem in document.problems if problem.code == "several_documents"), None)
    if mixed is not None:
        return Choice(None, mixed.message, doubt, mixed.code)
    if document.chip is not None and doubt is None:
        signed = "by a signer whom the supplied certificates vouch for"
        if document.authenticity is None or not document.authenticity.certificates_given:
            signed = "by a signer whom nobody here vouches for: no certificates were supplied"
        return Choice("chip", f"the chip's portrait is as it was signed, {signed}")
    if document.portrait is not None:
        why = "no chip was given" if document.chip is None else "the chip's doesn't count"
        return Choice("printed", why, doubt)
    problem = next(problem for problem in document.problems if problem.decisive)
    return Choice(None, problem.message, doubt, problem.code)


def doubt_of(authenticity: Authenticity | None, group: str) -> str | None:
    """Why a data group (``"DG2"``) of a chip doesn't count, or None where it does.

    Hashes and signature must have passed, where certificates were supplied chain and state, too; none may
    have failed.
    """
    if authenticity is None:
        return "it wasn't authenticated"
    needed = {"hashes", "signature"}
    if authenticity.certificates_given:
        needed |= {"chain", "state"}
    for stage in authenticity.stages:
        if stage.outcome == "failed" or (stage.name in needed and stage.outcome != "passed"):
            return (
                f"stage {stage.name} {'failed' if stage.outcome == 'failed' else 'was not done'}, {stage.why}"
            )
    if group not in authenticity.groups:
        return f"{group} wasn't among what was checked"
    return None


def zone_of(document: Document) -> Mrz | None:
    """The zone to compare by: the chip's where it counts, otherwise the printed one."""
    if document.chip_mrz is not None and doubt_of(document.authenticity, "DG1") is None:
        return document.chip_mrz
    return document.mrz


def failed(authenticity: Authenticity | None) -> str | None:
    """Which stage failed and why, or None."""
    stages = () if authenticity is None else authenticity.stages
    return next((f"stage {stage.name}, {stage.why}" for stage in stages if stage.outcome == "failed"), None)


def _doubt(document: Document) -> str | None:
    if document.chip is None:
        return None
    if document.chip_portrait is None:
        return "there is none (no DG2)"
    return doubt_of(document.authenticity, "DG2")
