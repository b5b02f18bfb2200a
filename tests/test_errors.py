from __future__ import annotations

import pickle

import pytest

from visavis.errors import PackError, PhotoError, PolicyError, VisavisError


@pytest.mark.parametrize(
    ("found", "expected", "text"),
    [
        (None, None, "it is wrong"),
        (3, None, "it is wrong (found 3)"),
        (None, "four", "it is wrong (expected four)"),
        (0, "four", "it is wrong (found 0, expected four)"),
    ],
)
def test_an_error_says_what_was_found_and_expected(found: object, expected: object, text: str) -> None:
    error = VisavisError("a.code", "it is wrong", found=found, expected=expected)
    assert str(error) == text
    assert (error.code, error.message, error.found, error.expected) == (
        "a.code",
        "it is wrong",
        found,
        expected,
    )


@pytest.mark.parametrize("kind", [PhotoError, PackError, PolicyError])
def test_one_base_catches_all(kind: type[VisavisError]) -> None:
    with pytest.raises(VisavisError, match="wrong"):
        raise kind("a.code", "wrong")


def test_an_error_passes_between_processes() -> None:
    error = PhotoError("photo.empty", "nothing", found=0, expected=1)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is PhotoError
    assert (again.code, str(again)) == (error.code, str(error))
