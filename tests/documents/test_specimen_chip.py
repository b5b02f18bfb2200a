from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import cms
from cryptography import x509
from tests.documents.issuing_state import TD1, TD2, TD3, portrait

from visavis.documents.authenticity import authenticate
from visavis.documents.chip import ChipFiles
from visavis.documents.specimen_chip import SpecimenState, make_chip, make_dg1
from visavis.documents.trust import Trust

STATE = SpecimenState.make()


@pytest.mark.parametrize("mrz", [TD1, TD2, TD3], ids=["TD1", "TD2", "TD3"])
@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_a_specimen_passes_with_the_certificate_of_its_state(mrz: tuple[str, ...], kind: str) -> None:
    files = make_chip(mrz, portrait(kind), STATE)
    assert list(files) == ["COM", "DG1", "DG2", "SOD"]
    chip = ChipFiles.of(files)
    assert chip.mrz_lines == mrz
    assert chip.portrait is not None
    assert chip.portrait.data == portrait(kind)
    assert chip.notes == ()
    result = authenticate(chip, Trust.read(STATE.authority))
    assert result.outcome == "passed"
    assert result.groups == ("DG1", "DG2")
    assert result.country == "UT"
    assert authenticate(chip).outcome == "not done"
    assert authenticate(chip, Trust.read(SpecimenState.make().authority)).outcome == "failed"


def test_others_read_what_was_made() -> None:
    """asn1crypto and cryptography, which had no part in encoding it."""
    files = make_chip(TD3, portrait(), STATE, signed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    signed = cms.ContentInfo.load(files["SOD"][4:], strict=True)["content"]
    assert signed["encap_content_info"]["content_type"].native == "2.23.136.1.1.1"
    (signer,) = signed["signer_infos"]
    attributes = {one["type"].native: one["values"][0].native for one in signer["signed_attrs"]}
    assert attributes["content_type"] == "2.23.136.1.1.1"
    assert attributes["signing_time"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    own = signer["signed_attrs"].untag().dump()
    assert own == signer["signed_attrs"].untag().dump(force=True)  # a set in the order of DER
    authority, certificate = map(x509.load_der_x509_certificate, (STATE.authority, STATE.signer))
    certificate.verify_directly_issued_by(authority)
    authority.verify_directly_issued_by(authority)
    assert "SPECIMEN" in certificate.subject.rfc4514_string()


def test_a_signing_time_that_the_state_was_not_there_yet() -> None:
    long_ago = datetime.now(UTC) - timedelta(days=30)
    chip = ChipFiles.of(make_chip(TD3, portrait(), STATE, signed_at=long_ago))
    assert authenticate(chip, Trust.read(STATE.authority)).chain.outcome == "failed"
    state = SpecimenState.make(long_ago)
    chip = ChipFiles.of(make_chip(TD3, portrait(), state, signed_at=long_ago))
    assert authenticate(chip, Trust.read(state.authority)).outcome == "passed"


def test_lines_that_are_no_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="5 characters"):
        make_dg1(["P<UTO"])
