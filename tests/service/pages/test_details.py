"""Details of entries in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis.access.keys import SCOPES
from visavis.access.users import ROLES
from visavis.service.pages import details
from visavis.service.pages.languages import Languages

if TYPE_CHECKING:
    from visavis.ledger.entry import Scalar

LANGUAGES = Languages().all


@pytest.mark.parametrize(
    ("name", "found", "english", "german"),
    [
        ("portrait", "printed", "Portrait on the document", "Lichtbild auf dem Dokument"),
        ("portrait", "none", "none", "keine"),
        ("portrait", None, "none", "keine"),
        ("faces", "no_match", "not the same person", "nicht dieselbe Person"),
        ("roles", "clerk,auditor", "Clerk and Auditor", "Sachbearbeitung und Revision"),
        ("roles", "", "nothing", "nichts"),
        ("scopes", "documents", "Documents", "Dokumente"),
        ("asked", "sign-in", "Sign in", "Anmelden"),
        ("how", "openid", "OpenID provider", "OpenID-Anbieter"),
        ("chip: hashes", "passed", "passed", "bestanden"),
        ("max_fmr", None, "not set", "nicht festgelegt"),
        ("leaked", True, "yes", "ja"),
        ("threshold", 0.41893, "0.4189", "0,4189"),
        ("max_fmr", 0.00001, "1e-05", "1e-05"),
        ("frames", 1200, "1,200", "1.200"),
        ("legal_basis", "consent, as given", "consent, as given", "consent, as given"),
        ("what", "of a later version", "of a later version", "of a later version"),
    ],
)
def test_values(name: str, found: Scalar, english: str, german: str) -> None:
    assert details.value(LANGUAGES["en"], name, found) == english
    assert details.value(LANGUAGES["de"], name, found) == german


def test_names() -> None:
    english = LANGUAGES["en"]
    assert details.label(english, "fields_same") == "Fields that agree"
    assert details.label(english, "chip: signature") == "Chip: The signature fits"
    assert details.label(english, "chip: of_later") == "chip: of later"
    assert details.label(english, "something_new") == "something new"


def test_roles_and_scopes_all_have_names() -> None:
    assert set(details.ROLES) == set(ROLES)
    assert set(details.SCOPES) == set(SCOPES)
