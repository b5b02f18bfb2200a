from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest
from tests.evaluation import examples

from visavis.evaluation.csv_table import csv_text

HEADER = (
    "fmr_target,threshold,fmr,fmr_low,fmr_high,fmr_per_person,fmr_per_person_low,fmr_per_person_high,"
    "supported,fnmr,fnmr_low,fnmr_high,fnmr_per_person,fnmr_per_person_low,fnmr_per_person_high,"
    "false_matches,false_non_matches,pack,fingerprint,protocol,data,people,pictures,failures_to_acquire,"
    "genuine,impostors"
)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), strict=True))


def test_header() -> None:
    assert csv_text(examples.rich()).splitlines()[0] == HEADER
    assert csv_text(examples.empty()) == HEADER + "\n"


def test_a_line_has_what_the_json_has() -> None:
    evaluation = examples.rich()
    found = lines(csv_text(evaluation))
    assert len(found) == len(evaluation.operating_points)
    for line, point in zip(found, evaluation.to_dict()["operating_points"], strict=True):
        for name, value in point.items():
            assert json.loads(line[name]) == value, name
        assert (line["pack"], line["fingerprint"]) == ("sface", "0123456789abcdef")
        assert (line["protocol"], line["data"]) == ("all-pairs", "Counter photographs, 2025")
        assert [line[name] for name in ("people", "pictures", "failures_to_acquire")] == [
            "1680",
            "4900",
            "37",
        ]
        assert [line[name] for name in ("genuine", "impostors")] == ["12400", "3050000"]


def test_words_are_those_of_json() -> None:
    line, _ = lines(csv_text(examples.minimal()))
    assert (line["fmr"], line["supported"], line["false_matches"]) == ("0.0", "false", "0")


@pytest.mark.parametrize(
    ("data", "shown"),
    [('a,"b"', 'a,"b"'), ("one\ntwo\r", r"one\ntwo\r"), ("\udcff\u202e", r"\udcff\u202e")],
)
def test_hostile_names_stay_on_their_line(data: str, shown: str) -> None:
    text = csv_text(dataclasses.replace(examples.rich(), data=data))
    text.encode("utf-8")
    assert len(text.splitlines()) == 6
    assert {line["data"] for line in lines(text)} == {shown}
