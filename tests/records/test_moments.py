from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.records.samples import TIMES

from visavis.records import moments

EXACT = datetime(2023, 12, 31, 23, 59, 58, 371_670, UTC)
TO_THE = {
    "text without a zone": 371_000,
    "text with a zone": 371_000,
    "milliseconds": 371_000,
    "array of 6": 0,
}


@pytest.mark.parametrize("form", TIMES)
def test_every_form_of_a_time_is_read(form: str) -> None:
    assert moments.read_json(TIMES[form]) == EXACT.replace(microsecond=TO_THE.get(form, 371_670))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-08-11T10:32", datetime(2021, 8, 11, 10, 32, tzinfo=UTC)),
        ("2021-08-11T10:32:48Z", datetime(2021, 8, 11, 10, 32, 48, tzinfo=UTC)),
        ("2021-08-11T10:32:48.1Z[UTC]", datetime(2021, 8, 11, 10, 32, 48, 100_000, tzinfo=UTC)),
        ("2021-08-11T00:32:48-0530", datetime(2021, 8, 11, 6, 2, 48, tzinfo=UTC)),
        ([2021, 8, 11, 10, 32], datetime(2021, 8, 11, 10, 32, tzinfo=UTC)),  # Java leaves zeros out
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
    ],
)
def test_shorter_forms_are_read(text: Any, moment: datetime) -> None:
    assert moments.read_json(text) == moment


@pytest.mark.parametrize("form", TIMES)
def test_a_time_is_written_in_the_form_of_another(form: str) -> None:
    moment = datetime(2024, 2, 29, 1, 2, 3, 456_000, UTC)
    written = moments.write_json(moment, TIMES[form])
    assert type(written) is type(TIMES[form])
    assert moments.read_json(written) == moment


def test_what_is_written_is_utc() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    assert moments.write_text(datetime(2024, 1, 1, 5, 29, 58, 371_000, india)) == "2023-12-31T23:59:58.371Z"
    assert moments.write_text(datetime(2023, 12, 31, 23, 59)) == "2023-12-31T23:59:00.000Z"
    assert moments.write_json(datetime(2024, 1, 1, 5, 29, 58, 371_000, india), 0) == 1704067198371


@pytest.mark.parametrize(
    "given",
    [
        *("", "now", "2021", "2021-08-11", "2021-08-11 10:32", "20210811T1032", "2021-13-01T00:00Z"),
        *("2021-02-30T00:00Z", "2021-08-11T24:00Z", "2021-08-11T10:32:60Z", "0000-01-01T00:00Z"),
        *("2021-08-11T10:32+99:99", "2021-08-11T10:32:48.1234567890Z", "\u0662021-08-11T10:32Z"),
        *("0001-01-01T00:00+05:30", "9999-12-31T23:59-05:30", "2021-08-11T10:32Z\n2021-08-11T10:32Z"),
        *(10**30, -(10**18), 1.5, True, b"", object()),
        *([], [2021], [2021, 8, 11, 10], [2021, 8, 11, 10, 32, 48, 0, 0], [2021, 8, 11, 10, 32, 48, 10**9]),
        *([2021, 8, 11, 10, True], [2021, 8, 11, 10, "32"], [2021, 8, 11, 10, None], [10**30, 8, 11, 10, 32]),
        *([2021, 8, 11, 10, 32.0], [-1, 8, 11, 10, 32], [2021, 8, 11, 10, 32, 48, -1]),
        *(
            {},
            {"date": {}, "time": {}},
            {"date": [], "time": {}},
            {"date": {"year": 2021, "month": 1, "day": 1}},
        ),
        {"date": {"year": 10**30, "month": 1, "day": 1}, "time": {"hour": 1, "minute": 1}},
        {"date": {"year": 2021, "month": 1, "day": 1}, "time": {"hour": 1, "minute": "1"}},
    ],
)
def test_what_is_no_time_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        moments.read_json(given)
