"""A batch's summary as one HTML file that needs nothing else; no picture and no row is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.batch import charts
from visavis.decision.policy import Policy
from visavis.documents.templates import templates
from visavis.report import words

if TYPE_CHECKING:
    from visavis.batch.summary import Summary

SHARES = {"match": "match", "no_match": "no match", "inconclusive": "cannot decide"}


def page(summary: Summary) -> str:
    """The summary as HTML, without scripts and without anything from outside; the same for the same."""
    template = templates("visavis.batch").get_template("summary.html")
    return template.render(
        summary=summary,
        decisions=[
            (SHARES[decision], count, count / max(summary.rows, 1))
            for decision, count in summary.decisions.items()
        ],
        rejected=sum(summary.rejected.values()),
        chart=charts.spread(summary, "spread"),
        policy=Policy.from_dict(summary.policy),
        words=words,
    )
