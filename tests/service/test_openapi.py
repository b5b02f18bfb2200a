"""The OpenAPI document: valid, complete, and without one face against many or a guess about a person."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.service.conftest import Door, make_key
from tests.test_house import NEVER, words_of

from visavis.service.app import create_app
from visavis.service.documentation import document_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from visavis.service.service import Service

DOCUMENT = document_of()
METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")

SAID = ("description", "summary", "title", "operationId", "const")
PLURAL = re.compile(r"candidate|galler|probes|people|persons|others$|watch|list$|batch", re.IGNORECASE)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        schema = DOCUMENT["components"]["schemas"][name]
    return schema


def properties(
    schema: dict[str, Any], seen: frozenset[str] = frozenset()
) -> Iterator[tuple[str, dict[str, Any]]]:
    """All names that a shape has at any depth, with the shape of each."""
    reference = schema.get("$ref", "")
    if reference in seen:
        return
    seen |= {reference} - {""}
    schema = resolved(schema)
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from properties(inner, seen)
    for key in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(key, ()):
            yield from properties(inner, seen)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from properties(schema[key], seen)


def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, _, operation in operations():
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            yield path, kind, content["schema"]


def test_it_is_the_document_that_is_served(door: Door) -> None:
    served = door.http.get("/openapi.json")
    assert served.status_code == 200
    assert served.json() == DOCUMENT
    assert served.json()["openapi"].startswith("3.1")


def test_every_reference_leads_somewhere() -> None:
    found = re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(DOCUMENT))
    assert set(found) <= set(DOCUMENT["components"]["schemas"])
    assert {"VerificationRequest", "VerificationAnswer", "ProblemDocument"} <= set(found)


def test_all_of_it_is_described() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids)) == 13
    for path, method, operation in operations():
        assert operation["summary"], path
        if operation.get("security"):
            assert {"401", "403", "429", "503"} <= set(operation["responses"]), (path, method)
        for status, answer in operation["responses"].items():
            assert answer.get("content"), (path, method, status)
            if int(status) >= 400 and path != "/v1/health/ready":
                assert list(answer["content"]) == ["application/problem+json"]


def test_only_what_concerns_nobody_is_open() -> None:
    open_to_all = {path for path, _, operation in operations() if not operation.get("security")}
    assert open_to_all == {"/v1/health/live", "/v1/health/ready", "/v1/about", "/.well-known/jwks.json"}


# One to one


def test_no_call_takes_one_face_and_many_candidates() -> None:
    """A probe is one picture; what may be several are pictures of one person, one document, or frames."""
    several: dict[str, set[str]] = {}
    for path, _, schema in bodies():
        for name, inner in resolved(schema).get("properties", {}).items():
            options = [inner, *inner.get("anyOf", ())]
            if any(resolved(option).get("type") == "array" for option in options):
                several.setdefault(path, set()).add(name)
    assert several == {
        "/v1/verifications": {"reference", "page"},
        "/v1/crosschecks": {"first_page", "second_page"},
        "/v1/documents": {"page"},
        "/v1/challenges/{id}/answers": {"frame", "times"},
    }
    probes = [
        resolved(schema)["properties"]["probe"] for path, _, schema in bodies() if path == "/v1/verifications"
    ]
    assert len(probes) == 2
    for probe in probes:
        assert probe["type"] == "string"
    names = {name for _, _, schema in bodies() for name, _ in properties(schema)}
    assert {name for name in names if PLURAL.search(name)} == set()


def test_several_references_are_of_one_person_or_nothing_is_decided(door: Door, small: Any) -> None:
    files = [("reference", small["obama"]), ("reference", small["biden"]), ("probe", small["biden"])]
    verdict = door.post("/v1/verifications", files=files).json()["verdict"]
    assert (verdict["decision"], verdict["similarity"]) == ("inconclusive", None)


def test_nothing_speaks_of_search_or_of_traits() -> None:
    """Names of all properties, parameters, operations and shapes, and all that is said about them."""
    found = []

    def walk(node: Any, where: str) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if NEVER.search(words_of(str(key))):
                    found.append(f"{where}/{key}")
                told = isinstance(value, str) and key in SAID
                if told and NEVER.search(value):
                    found.append(f"{where}/{key}: {value}")
                walk(value, f"{where}/{key}")
        elif isinstance(node, list):
            for value in node:
                if isinstance(value, str) and NEVER.search(words_of(value)):
                    found.append(f"{where}: {value}")
                walk(value, where)

    walk(DOCUMENT, "")
    assert found == []


# Anything at all, within the document and beside it

schemathesis.openapi.format("binary", hypothesis.strategies.binary(max_size=300))
schemathesis.openapi.format(
    "base64", hypothesis.strategies.sampled_from(["", "AAAA", "/9j/4AAQSkZJRg==", "x"])
)


@pytest.fixture(scope="module")
def checked(session_service: Service) -> tuple[FastAPI, str]:
    return create_app(session_service), make_key(session_service)


ANSWERED: Counter[tuple[str, int]] = Counter()

DEEP = bool(os.environ.get("VISAVIS_TEST_DEEP"))
"""Every boundary of every field takes some 1,500 requests and a minute."""

schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.phases.coverage.enabled = DEEP
OPERATIONS = {each.ok().label: each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)}
SETTINGS = hypothesis.settings(
    max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def has_a_documented_answer(case: Any, checked: tuple[FastAPI, str]) -> None:
    app, token = checked
    response = case.call(app=app, headers={"Authorization": f"Bearer {token}"})
    ANSWERED[case.operation.path, response.status_code] += 1
    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
        ],
    )


if DEEP:

    @schema.parametrize()
    @SETTINGS
    def test_whatever_is_sent_has_a_documented_answer(case: Any, checked: tuple[FastAPI, str]) -> None:
        has_a_documented_answer(case, checked)

else:
    # The tests above all have one name, and of those only one is run where several processes share them.

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_whatever_is_sent_has_a_documented_answer(operation: str, checked: tuple[FastAPI, str]) -> None:
        @SETTINGS
        @hypothesis.given(case=OPERATIONS[operation].as_strategy())
        def whatever(case: Any) -> None:
            has_a_documented_answer(case, checked)

        whatever()


def test_that_reached_more_than_refusals() -> None:
    """Runs after the one above, whose cases it counts."""
    if not ANSWERED:
        pytest.skip("the cases of the test before were left out")
    statuses = {status for _, status in ANSWERED}
    assert {200, 201, 415, 422} <= statuses
    assert max(statuses) < 500
    assert {path for path, _ in ANSWERED} == set(DOCUMENT["paths"])
