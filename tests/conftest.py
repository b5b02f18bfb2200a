"""What the suite shares: where test data lies, the installed pack, the demo's photographs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.databases import (  # noqa: F401  # fixtures
    database,
    database_with_tables,
    file_with_tables,
    postgresql,
)

from visavis.packs.install import fetch_demo_pictures, install
from visavis.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Mapping


def _shared() -> Path:
    """The folder `shared` beside the repository, or the parent of VISAVIS_TEST_DATA."""
    data = os.environ.get("VISAVIS_TEST_DATA")
    return Path(data).parent if data else Path(__file__).parents[2] / "shared"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes don't name a test: an archive's begin with the time, and workers have to see the same names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with `data` and `packs` that development machines have beside the repository."""
    folder = _shared()
    if not (folder / "data").is_dir():
        pytest.skip("needs the test data folder (VISAVIS_TEST_DATA, or ../shared/data)")
    return folder


@pytest.fixture(scope="session")
def sface() -> Verifier:
    """The default pack, installed where the user has it; the first run fetches it."""
    install("sface")
    return Verifier("sface", threads=1)


@pytest.fixture(scope="session")
def portraits() -> Mapping[str, bytes]:
    """The demo's public-domain photographs: ``obama.jpg``, ``obama2.jpg`` and ``biden.jpg``."""
    return fetch_demo_pictures()
