"""An evaluation's operating points as CSV: one line each, under the names that the JSON has."""

from __future__ import annotations

import csv
import dataclasses
import io
from typing import TYPE_CHECKING, Any

from visavis.evaluation.result import Point
from visavis.report.words import printable

if TYPE_CHECKING:
    from visavis.evaluation.result import Evaluation

RATES = ("fmr_target", *(field.name for field in dataclasses.fields(Point)))
ABOUT = ("pack", "fingerprint", "protocol", "data")
COUNTS = ("people", "pictures", "failures_to_acquire", "genuine", "impostors")


def csv_text(evaluation: Evaluation) -> str:
    """A header and a line for each operating point; numbers as exact as they are, rates from 0 to 1.

    ``true`` and ``false`` are written as in JSON.
    """
    plain = evaluation.to_dict()
    about = [plain[name] for name in ABOUT] + [plain["counts"][name] for name in COUNTS]
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow([*RATES, *ABOUT, *COUNTS])
    for point in plain["operating_points"]:
        lines.writerow([_field(value) for value in [*(point[name] for name in RATES), *about]])
    return out.getvalue()


def _field(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return printable(value) if isinstance(value, str) else value
