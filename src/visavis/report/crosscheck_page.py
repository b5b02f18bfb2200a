"""A crosscheck as one HTML file that needs nothing else, like that of a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import visavis
from visavis.documents.templates import templates
from visavis.report import scores, words
from visavis.report.page import document_pages, not_measured, picture, stamp

if TYPE_CHECKING:
    from datetime import datetime

    from visavis.documents.crosscheck import Crosscheck
    from visavis.verifier import ExaminedDocument


def crosscheck_page(
    crosscheck: Crosscheck,
    first: ExaminedDocument,
    second: ExaminedDocument,
    *,
    made_at: datetime | None = None,
) -> str:
    """The crosscheck with its pictures as HTML, without scripts and without anything from outside.

    Args:
        crosscheck: What `Verifier.crosscheck` said.
        first: What it was said of.
        second: Likewise.
        made_at: When it was made, with a time zone; now by default.

    Raises:
        ValueError: The documents aren't the crosscheck's, or `made_at` has no time zone.
    """
    faces = crosscheck.faces
    both = (("First document", first, crosscheck.first), ("Second document", second, crosscheck.second))
    seen = [read.reference for _, read, _ in both]
    if [each.evidence.sha256 for each in seen] != [faces.reference.sha256, faces.probe.sha256]:
        raise ValueError("the documents of the crosscheck were expected, found others")
    similarity, threshold = words.compared(faces.similarity, faces.threshold)
    template = templates("visavis.report").get_template("crosscheck.html")
    return template.render(
        crosscheck=crosscheck,
        faces=faces,
        words=words,
        pictures=[picture(about, read.reference) for about, read, _ in both],
        documents=[(about, part, document_pages(read)) for about, read, part in both],
        reasons=words.ordered(crosscheck.reasons),
        similarity=similarity,
        threshold=threshold,
        qualities=scores.of_verdict(faces, [about for about, _, _ in both], seen, of_documents=True),
        not_measured=not_measured(crosscheck.first, crosscheck.second, liveness=faces.liveness),
        made_at=stamp(made_at),
        version=visavis.__version__,
    )
