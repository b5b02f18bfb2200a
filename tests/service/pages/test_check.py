"""A check at the desk: every step, every order of steps, and that nothing of it is kept or seen by others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.documents.specimens import Specimens, make

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from tests.service.pages.conftest import Browser

    from visavis.service.service import Service
    from visavis.verifier import Verifier


@pytest.fixture(scope="module")
def specimens(
    tmp_path_factory: pytest.TempPathFactory, sface: Verifier, portraits: Mapping[str, bytes]
) -> Specimens:
    return make(tmp_path_factory.mktemp("specimens"), sface, portraits["obama.jpg"])


def step_of(page: str) -> str:
    found = re.search(r'name="step" value="(\d+)"', page)
    assert found is not None, page
    return found[1]


def begin(desk: Browser, **given: str) -> str:
    """The address of a new check."""
    start = desk.get("/desk/check").text
    purpose = re.search(r'name="purpose" (?:type="radio" )?value="([^"]+)"', start)
    assert purpose is not None, start
    answer = desk.post("/desk/check", {"purpose": purpose[1], "way": "document", **given}, page="/desk/check")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).removesuffix("/claim")


def send(desk: Browser, check: str, step: str, files: Any, **given: Any) -> Any:
    page = desk.get(f"{check}/{step}")
    data = {"step": step_of(page.text), **given.pop("data", {})}
    return desk.post(f"{check}/{step}", data, page=f"{check}/{step}", files=files, **given)


def test_document_face_verdict(desk: Browser, specimens: Specimens, small: Mapping[str, bytes]) -> None:
    desk.sign_in("clerk")
    check = begin(desk, subject="case 4711")
    answer = send(desk, check, "claim", {"page": specimens.passport.read_bytes()})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{check}/claim")
    page = desk.get(f"{check}/claim").text
    print(page)
    answer = send(desk, check, "face", {"probe": small["obama2"]})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{check}/verdict"), answer.text
    print(desk.get(f"{check}/verdict").text)
