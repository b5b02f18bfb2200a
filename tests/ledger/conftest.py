"""What tests of the ledger share."""

from __future__ import annotations

import pytest

from visavis.ledger.log import prepare


@pytest.fixture
def where(database: str) -> str:
    """A database that a ledger may be opened in."""
    prepare(database)
    return database
