"""Passive authentication: every algorithm passes, and every tampering fails at the stage that it concerns."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import re
import zipfile
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import cms
from tests.documents.issuing_state import (
    ALGORITHMS,
    DAY,
    NAMED_CURVES,
    NOW,
    P256,
    SIGNED,
    TD1,
    TD2,
    TD3,
    YEAR,
    Algorithm,
    Signer,
    State,
    certificate,
    chip_of,
    explicit_parameters,
    files_of,
    groups_of,
    key_of,
    name_of,
    portrait,
    security_object,
    sod,
    with_explicit_curve,
)
from tests.documents.vectors import BSI_DG1, BSI_DG14, BSI_SOD
from tests.photo.common import NEEDS_PROC, in_a_process

from visavis.documents.authenticity import NOT_A_CLONE_TEST, Authenticity, authenticate
from visavis.documents.chip import ChipFiles
from visavis.documents.specimen_chip import make_dg1
from visavis.documents.tlv import encoded
from visavis.documents.trust import Trust
from visavis.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UTOPIA = State()
OTHER = State("XX")
SIGNER = UTOPIA.signer()
GROUPS = groups_of()
TRUST = Trust.read(UTOPIA.certificate)
STAGES = ("hashes", "signature", "chain", "state", "revocation")


def check(
    groups: dict[str, bytes] = GROUPS,
    signer: Signer = SIGNER,
    trust: Trust | None = TRUST,
    *,
    now: datetime = NOW,
    **how: Any,
) -> Authenticity:
    return authenticate(chip_of(groups, signer, **how), trust, now=now)


def outcomes(result: Authenticity) -> list[str]:
    return [stage.outcome for stage in result.stages]


PASSED = ["passed", "passed", "passed", "passed", "not done"]


# What others published


def test_the_reference_data_of_the_bsi() -> None:
    """BSI TR-03105-5: genuine hashes and a genuine signature, made by nobody who wrote this."""
    chip = ChipFiles.of({"EF_DG1.bin": BSI_DG1, "EF_DG14.bin": BSI_DG14, "EF_SOD.bin": BSI_SOD})
    assert chip.mrz_lines == (
        "P<D<<MUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<",
        "C11T002JM4D<<9608122F2310314<<<<<<<<<<<<<<<4",
    )
    result = authenticate(chip, now=NOW)
    assert outcomes(result) == ["passed", "passed", "not done", "passed", "not done"]
    assert (result.groups, result.country, result.signed_at) == (("DG1", "DG14"), "DE", None)
    assert result.signature.why.startswith("RSA-PSS of 2048 bits with SHA-256, by C=DE, O=HJP Consulting")
    result = authenticate(chip, TRUST, now=datetime(2014, 6, 1, tzinfo=UTC))
    assert result.chain.why.startswith("none of the supplied certificates is of C=DE")
    result = authenticate(chip, TRUST, now=NOW)
    assert "wasn't valid now, and no signing time is stated (2026-06-01; valid 2013-12-16" in result.chain.why


@pytest.mark.parametrize("seed", range(60))
def test_a_bit_changed_in_the_reference_data_is_noticed(seed: int) -> None:
    """In a data group, in the table of hashes, in the signed attributes, or in the signature."""
    rng = random.Random(seed)
    files = {"DG1": BSI_DG1, "DG14": BSI_DG14, "SOD": BSI_SOD}
    name, start, end = rng.choice(
        (("DG1", 5, len(BSI_DG1)), ("DG14", 4, len(BSI_DG14)), ("SOD", 0x4A, 0x120), ("SOD", -256, 0))
    )
    at = rng.randrange(start, end) % len(files[name])
    changed = bytearray(files[name])
    changed[at] ^= 1 << rng.randrange(7)
    if name == "DG1" and not re.fullmatch(b"[A-Z0-9<]+", changed[5:]):
        with pytest.raises(DocumentError, match="characters that no machine-readable zone has"):
            ChipFiles.of(files | {name: bytes(changed)})
        return
    result = authenticate(ChipFiles.of(files | {name: bytes(changed)}), now=NOW)
    assert result.outcome in ("failed", "not done")
    assert outcomes(result)[:2] != ["passed", "passed"]


# What passes


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_every_algorithm_passes(algorithm: Algorithm) -> None:
    result = check(signer=UTOPIA.signer(algorithm))
    assert outcomes(result) == PASSED
    assert result.outcome == "passed"
    weak = algorithm.digest == "sha1"
    assert any("SHA-1" in note for note in result.hashes.notes) == weak
    assert any("SHA-1" in note for note in result.signature.notes) == weak
    assert algorithm.digest.replace("sha", "SHA-") in result.signature.why
    assert (algorithm.key if algorithm.key != "RSA" else "2048 bits") in result.signature.why


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_no_algorithm_passes_with_another_key(algorithm: Algorithm) -> None:
    """The certificate is the signer's, the signature somebody else's."""
    signer = UTOPIA.signer(algorithm)
    thief = dataclasses.replace(signer, key=key_of(algorithm.key, "a thief"))
    result = check(signer=thief)
    assert outcomes(result) == ["passed", "failed", "passed", "passed", "not done"]
    assert "isn't that of" in result.signature.why


@pytest.mark.parametrize("key", ["RSA", "P-384", "P-521", "brainpoolP256r1", "brainpoolP384r1"])
def test_every_kind_of_csca_passes(key: str) -> None:
    state = State(key=key)
    assert outcomes(check(signer=state.signer(), trust=Trust.read(state.certificate))) == PASSED


def test_a_csca_that_signs_with_pss() -> None:
    state = State(key="RSA", pss=True)
    signer = state.signer(pss=True)
    assert outcomes(check(signer=signer, trust=Trust.read(state.certificate))) == PASSED
    # Another key of the same name, in the same way
    result = check(signer=signer, trust=Trust.read(State(key="RSA", which="2", pss=True).certificate))
    assert outcomes(result) == ["passed", "passed", "failed", "passed", "not done"]


@pytest.mark.parametrize("mrz", [TD1, TD2, TD3], ids=["TD1", "TD2", "TD3"])
@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_every_kind_of_document_passes(mrz: tuple[str, ...], kind: str) -> None:
    assert outcomes(check(groups_of(mrz, kind))) == PASSED


def test_a_signer_named_by_its_key_and_one_whom_the_user_supplied() -> None:
    assert outcomes(check(by_key=True)) == PASSED
    result = check(certificates=())
    assert outcomes(result) == ["passed", "not done", "not done", "not done", "not done"]
    assert result.outcome == "not done"
    both = Trust.read(UTOPIA.certificate, SIGNER.certificate)
    assert outcomes(check(certificates=(), trust=both)) == PASSED
    assert outcomes(check(certificates=(), by_key=True, trust=both)) == PASSED


def test_further_groups() -> None:
    groups = GROUPS | {"DG14": b"\x6e\3\2\1\1", "DG15": b"\x6f\3\2\1\1"}
    result = check(groups)
    assert outcomes(result) == PASSED
    assert result.groups == ("DG1", "DG2", "DG14", "DG15")
    # Some of them weren't read from the chip
    chip = ChipFiles.of({"DG1": groups["DG1"], "SOD": sod(groups, SIGNER)})
    result = authenticate(chip, TRUST, now=NOW)
    assert result.outcome == "passed"
    assert result.groups == ("DG1",)
    assert result.hashes.notes == ("not checked, since they aren't there: DG2, DG14, DG15",)
    assert result.vouches_for("DG1")
    assert not result.vouches_for("DG2")


def test_nothing_is_trusted_by_default() -> None:
    for trust in (None, Trust.read(UTOPIA.revocations())):
        result = check(trust=trust)
        assert outcomes(result) == ["passed", "passed", "not done", "passed", "not done"]
        assert not result.certificates_given
        assert result.outcome == "not done"
        assert not result.vouches_for("DG1")
    # Not even where the chip brings its own.
    result = check(certificates=(SIGNER.certificate, UTOPIA.certificate), trust=None)
    assert result.chain.outcome == "not done"
    result = check(certificates=(SIGNER.certificate, UTOPIA.certificate), trust=Trust.read(OTHER.certificate))
    assert result.chain.outcome == "failed"


def test_what_comes_out_is_plain_data() -> None:
    result = check()
    data = json.loads(json.dumps(result.to_dict()))
    assert data["outcome"] == "passed"
    assert [stage["name"] for stage in data["stages"]] == list(STAGES)
    assert data["signed_at"] == "2024-03-01T12:00:00+00:00"
    assert (data["country"], data["groups"]) == ("UT", ["DG1", "DG2"])
    assert data["limits"] == NOT_A_CLONE_TEST
    assert "does not detect a cloned chip" in NOT_A_CLONE_TEST
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.country = "DE"  # type: ignore[misc]


# What fails at stage 1


def test_a_changed_group_fails() -> None:
    other = make_dg1((TD3[0], TD3[1].replace("L898902C3", "L898902C4")))
    files = files_of(GROUPS, SIGNER) | {"DG1": other}
    result = authenticate(ChipFiles.of(files), TRUST, now=NOW)
    assert outcomes(result) == ["failed", "passed", "passed", "not done", "not done"]
    assert result.hashes.why == "DG1 was changed: its SHA-256 is another"
    assert result.groups == ("DG2",)
    assert result.outcome == "failed"


def test_groups_swapped_between_two_chips_fail() -> None:
    """Both chips are genuine; the portrait of one stands with the data of the other."""
    first, second = GROUPS, groups_of(seed=8)
    files = files_of(first, SIGNER) | {"DG2": second["DG2"]}
    result = authenticate(ChipFiles.of(files), TRUST, now=NOW)
    assert outcomes(result) == ["failed", "passed", "passed", "passed", "not done"]
    assert result.hashes.why == "DG2 was changed: its SHA-256 is another"
    files = files_of(first, SIGNER) | {"SOD": sod(second, SIGNER)}
    assert authenticate(ChipFiles.of(files), TRUST, now=NOW).hashes.outcome == "failed"


def test_a_group_without_a_hash_fails() -> None:
    files = files_of({"DG1": GROUPS["DG1"]}, SIGNER) | {"DG2": GROUPS["DG2"]}
    result = authenticate(ChipFiles.of(files), TRUST, now=NOW)
    assert outcomes(result) == ["failed", "passed", "passed", "passed", "not done"]
    assert result.hashes.why == "the security object has no hash of DG2"


def test_without_groups_or_without_a_security_object_nothing_is_done() -> None:
    result = authenticate(ChipFiles.of({"SOD": sod(GROUPS, SIGNER)}), TRUST, now=NOW)
    assert outcomes(result) == ["not done", "passed", "passed", "not done", "not done"]
    assert result.outcome == "not done"
    result = authenticate(ChipFiles.of(GROUPS), TRUST, now=NOW)
    assert outcomes(result) == ["not done"] * 5
    assert result.hashes.why == "there is no security object (EF.SOD)"


# What fails at stage 2

CHANGED = security_object(groups_of(seed=8))
SIGNATURE_FAILS: dict[str, tuple[dict[str, Any], str]] = {
    "another table of hashes": ({"stated_content": CHANGED}, "its SHA-256 is another"),
    "another digest in the attributes": ({"attribute_digest": bytes(32)}, "its SHA-256 is another"),
    "a shorter digest in the attributes": (
        {"attribute_digest": hashlib.sha256(security_object(GROUPS)).digest()[:16]},
        "its SHA-256 is another",
    ),
    "the digest downgraded": ({"stated_digest": "sha1"}, "its SHA-1 is another"),
    "the hashes downgraded": (
        {"stated_content": security_object(GROUPS, "sha1")},
        "its SHA-256 is another",
    ),
    "no digest": ({"without": "message_digest"}, "lack the digest"),
    "no content type": ({"without": "content_type"}, "lack the content type"),
    "the digest twice": ({"twice": "message_digest"}, "1.2.840.113549.1.9.4 twice"),
    "another content type in the attributes": ({"attribute_kind": "2.23.136.1.1.2"}, "another kind"),
    "another content type": ({"kind": "2.23.136.1.1.2"}, "another kind"),
    "another certificate": ({"certificates": (OTHER.signer().certificate,)}, "another certificate"),
}


@pytest.mark.parametrize(("how", "why"), SIGNATURE_FAILS.values(), ids=SIGNATURE_FAILS)
def test_a_security_object_tampered_with_fails(how: dict[str, Any], why: str) -> None:
    result = check(**how)
    assert result.signature.outcome == "failed"
    assert why in result.signature.why
    assert result.outcome == "failed"


def test_a_table_that_fits_a_changed_group_fails_at_the_signature() -> None:
    """Group and table of hashes changed together."""
    groups = groups_of(seed=8)
    files = groups | {"SOD": sod(GROUPS, SIGNER, stated_content=security_object(groups))}
    result = authenticate(ChipFiles.of(files), TRUST, now=NOW)
    assert outcomes(result) == ["passed", "failed", "passed", "passed", "not done"]


def edited(change: Callable[[Any], object]) -> Authenticity:
    """A genuine security object, taken apart, changed and put together again."""
    info = cms.ContentInfo.load(sod(GROUPS, SIGNER)[4:])
    change(info["content"])
    chip = ChipFiles.of(GROUPS | {"SOD": encoded(0x77, info.dump(force=True))})
    return authenticate(chip, TRUST, now=NOW)


def test_an_untouched_security_object_survives_editing() -> None:
    assert edited(lambda _: None).outcome == "passed"


def remove_attributes(signed: Any) -> None:
    """Sign the content itself, as CMS allows for plain data."""
    signed["signer_infos"][0]["signed_attrs"] = None


def replace_certificate(signed: Any) -> None:
    """A thief's certificate with the number of the genuine one."""
    own = signed["certificates"][0].chosen
    own["tbs_certificate"]["subject_public_key_info"] = cms.Certificate.load(
        OTHER.signer(Algorithm("P-384")).certificate
    )["tbs_certificate"]["subject_public_key_info"].copy()


def other_signing_time(signed: Any) -> None:
    for attribute in signed["signer_infos"][0]["signed_attrs"]:
        if attribute["type"].native == "signing_time":
            attribute["values"] = [cms.Time({"utc_time": SIGNED + DAY})]


def other_signature(signed: Any) -> None:
    signature = signed["signer_infos"][0]["signature"]
    signed["signer_infos"][0]["signature"] = signature.native[:-1] + bytes([signature.native[-1] ^ 1])


def two_signers(signed: Any) -> None:
    signed["signer_infos"].append(signed["signer_infos"][0].copy())


def no_signer(signed: Any) -> None:
    signed["signer_infos"] = []


EDITS = [
    remove_attributes,
    replace_certificate,
    other_signing_time,
    other_signature,
    two_signers,
    no_signer,
]


@pytest.mark.parametrize("change", EDITS)
def test_an_edited_security_object_fails(change: Callable[[Any], object]) -> None:
    result = edited(change)
    assert result.signature.outcome == "failed"
    assert result.outcome == "failed"


def test_another_algorithm_of_signature_fails_or_is_not_known() -> None:
    def algorithm(name: str) -> Callable[[Any], None]:
        def change(signed: Any) -> None:
            signed["signer_infos"][0]["signature_algorithm"] = {"algorithm": name}

        return change

    assert edited(algorithm("sha384_ecdsa")).signature.outcome == "failed"
    assert "key of kind 1.2.840.10045.2.1" in edited(algorithm("sha256_rsa")).signature.why
    result = edited(algorithm("1.2.3.4"))
    assert (result.signature.outcome, result.outcome) == ("not done", "not done")
    assert result.signature.why == "the signature uses something unknown: signature algorithm 1.2.3.4"


@pytest.mark.parametrize("field", ["p", "a", "b", "x", "y", "order", "cofactor"])
def test_parameters_that_are_no_known_curve_are_not_used(field: str) -> None:
    """With another base point anybody can make signatures for any key (CVE-2020-0601)."""
    values: dict[str, Any] = {"cofactor": 2} if field == "cofactor" else {field: 5}
    own = with_explicit_curve(SIGNER.certificate, UTOPIA.key, explicit_parameters("P-256", **values))
    result = check(signer=dataclasses.replace(SIGNER, certificate=own))
    assert outcomes(result) == ["passed", "not done", "passed", "passed", "not done"]
    assert "equal no known curve" in result.signature.why
    assert result.outcome == "not done"


@pytest.mark.parametrize("curve", NAMED_CURVES)
def test_a_base_point_of_one_coordinate_and_a_sign(curve: str) -> None:
    signer = UTOPIA.signer(Algorithm(curve))
    parameters = explicit_parameters(curve, compressed=True)
    own = with_explicit_curve(signer.certificate, UTOPIA.key, parameters)
    assert outcomes(check(signer=dataclasses.replace(signer, certificate=own))) == PASSED


# What fails at stage 3


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"end": SIGNED - DAY}, "wasn't valid when it signed"),
        ({"begin": SIGNED + DAY}, "wasn't valid when it signed"),
        ({"authority": True}, "for issuing certificates"),
        ({"usage": ("key_cert_sign",)}, "isn't meant for signatures"),
        ({"purposes": ("2.23.136.1.1.3",)}, "meant for master lists"),
        ({"purposes": ("1.3.6.1.5.5.7.3.1",)}, "meant for servers"),
        ({"critical": "1.2.3.4.5"}, "unknown critical extension 1.2.3.4.5"),
        ({"country": "DE"}, "the signer is of DE, its issuer of UT"),
        ({"begin": SIGNED - 3 * YEAR}, "wasn't valid when it issued"),
    ],
)
def test_a_signer_that_may_not_sign_fails(how: dict[str, Any], why: str) -> None:
    result = check(signer=UTOPIA.signer(**how))
    state = "failed" if "country" in how else "passed"
    assert outcomes(result) == ["passed", "passed", "failed", state, "not done"]
    assert why in result.chain.why
    assert result.outcome == "failed"


def test_the_csca_of_another_country_fails() -> None:
    result = check(trust=Trust.read(OTHER.certificate))
    assert outcomes(result) == ["passed", "passed", "failed", "passed", "not done"]
    assert (
        result.chain.why == "none of the supplied certificates is of C=UT, CN=CSCA, which issued the signer's"
    )
    # Together with the right one it does no harm.
    assert outcomes(check(trust=Trust.read(OTHER.certificate, UTOPIA.certificate))) == PASSED


def test_a_false_csca_of_the_right_name_fails() -> None:
    false = State(which="false")
    assert false.name == UTOPIA.name
    result = check(signer=false.signer())
    assert outcomes(result) == ["passed", "passed", "failed", "passed", "not done"]
    assert "isn't certified with the supplied key" in result.chain.why


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"usage": ("crl_sign",)}, "isn't meant for issuing certificates"),
        ({"critical": "1.2.3.4.5"}, "unknown critical extension"),
        ({"authority": False, "usage": ()}, "none of the supplied certificates"),
    ],
)
def test_a_csca_that_may_not_issue_fails(how: dict[str, Any], why: str) -> None:
    state = State(**how)
    result = check(signer=state.signer(), trust=Trust.read(state.certificate))
    assert result.chain.outcome == "failed"
    assert why in result.chain.why


def test_a_csca_without_basic_constraints_passes() -> None:
    """Version 3 of Doc 9303-12 wants them; older certificates lack them."""
    state = State(authority=None, usage=("key_cert_sign",))
    assert outcomes(check(signer=state.signer(), trust=Trust.read(state.certificate))) == PASSED


def test_a_csca_that_has_ended_since_passes_and_is_noted() -> None:
    state = State(end=SIGNED + DAY)
    result = check(signer=state.signer(), trust=Trust.read(state.certificate))
    assert outcomes(result) == PASSED
    assert any("has ended since" in note for note in result.chain.notes)


def test_a_signer_can_not_vouch_for_another() -> None:
    """A signer's key certifies a second signer: only a CSCA may."""
    thief = key_of("P-256", "thief")
    made = certificate(thief, name_of("Second"), SIGNER.key, name_of("Signer"))
    for supplied in ((UTOPIA.certificate,), (UTOPIA.certificate, SIGNER.certificate)):
        result = check(signer=Signer(thief, made), trust=Trust.read(*supplied))
        assert result.chain.outcome == "failed"


def test_link_certificates() -> None:
    """The state has a new key since; the user has the old certificate, and the link from it."""
    newer, newest = State(which="newer"), State(which="newest", common="CSCA 3")
    links = UTOPIA.link(newer), newer.link(newest)
    signer = newest.signer()
    result = check(signer=signer, trust=Trust.read(UTOPIA.certificate, *links))
    assert outcomes(result) == PASSED
    assert "over 2 link certificates" in result.chain.why
    assert outcomes(check(signer=signer, trust=Trust.read(newest.certificate, *links))) == PASSED
    # A link alone leads nowhere.
    for supplied in (links, links[:1], links[1:], (UTOPIA.certificate, links[1])):
        result = check(signer=signer, trust=Trust.read(*supplied))
        assert result.chain.outcome == "failed", supplied
    assert "leads to no self-signed certificate" in check(signer=signer, trust=Trust.read(*links)).chain.why
    # Nor does one that a signer made, or another state.
    for false in (
        certificate(newest.key, newest.name, OTHER.key, UTOPIA.name, authority=True),
        UTOPIA.link(newest, authority=False),
        UTOPIA.link(newest, authority=None, usage=("key_cert_sign",)),
        UTOPIA.link(newest, usage=("digital_signature",)),
    ):
        result = check(signer=signer, trust=Trust.read(UTOPIA.certificate, false))
        assert result.chain.outcome == "failed"


def test_the_time_that_counts() -> None:
    signer = UTOPIA.signer(end=SIGNED + YEAR)
    later = SIGNED + 2 * YEAR
    assert outcomes(check(signer=signer, now=later)) == PASSED  # valid when it signed
    result = check(signer=signer, now=later, signing_time=None)
    assert result.signed_at is None
    assert result.chain.outcome == "failed"
    assert "no signing time is stated" in result.chain.why
    result = check(signer=signer, now=SIGNED + DAY, signing_time=None)
    assert outcomes(result) == PASSED
    assert "no signing time: checked for today" in result.chain.why
    result = check(now=SIGNED - 2 * DAY)
    assert result.chain.outcome == "failed"
    assert "signed in the future" in result.chain.why
    assert check(now=SIGNED - DAY / 2).outcome == "passed"  # clocks differ


def test_the_present_is_that_of_the_clock() -> None:
    now = datetime.now(UTC)
    state = State(begin=now - YEAR, end=now + YEAR)
    chip = chip_of(GROUPS, state.signer(begin=now - DAY, end=now + DAY), signing_time=None)
    assert authenticate(chip, Trust.read(state.certificate)).outcome == "passed"


# What fails at stage 4


def of_state(code: str, country: str) -> Authenticity:
    """A genuine chip of a document that says one state, signed by another's signer, or by its own."""
    state = State(country)
    groups = groups_of((TD3[0].replace("UTO", code.ljust(3, "<")), TD3[1]))
    return check(groups, state.signer(), Trust.read(state.certificate))


@pytest.mark.parametrize(
    ("code", "country", "outcome"),
    [
        ("UTO", "UT", "passed"),
        ("D", "DE", "passed"),  # Doc 9303-3, section 5
        ("D", "de", "passed"),  # some states write small letters
        ("EUE", "EU", "passed"),
        ("UNO", "UN", "passed"),
        ("RKS", "KS", "passed"),
        ("GBD", "GB", "passed"),
        ("FRA", "FR", "passed"),
        ("UTO", "FR", "failed"),  # a genuine signer of another state, whom the user trusts as well
        ("FRA", "UT", "failed"),
        ("D", "DK", "failed"),
        ("AUT", "AU", "failed"),
        ("ZQQ", "UT", "not done"),  # no code that anybody knows
        ("ZQQ", "ZQ", "not done"),
    ],
)
def test_a_state_vouches_for_its_own_documents_only(code: str, country: str, outcome: str) -> None:
    result = of_state(code, country)
    assert outcomes(result) == ["passed", "passed", "passed", outcome, "not done"]
    assert result.outcome == outcome
    assert result.vouches_for("DG2") == (outcome == "passed")
    assert code in result.state.why
    assert result.state.why.isprintable()


def test_a_signer_of_another_state_is_named() -> None:
    assert of_state("UTO", "FR").state.why == "DG1 says UTO, and the signer is of FR instead of UT"
    assert of_state("UNO", "FR").state.why == "DG1 says UNO, and the signer is of FR instead of UN or ZZ"


def test_without_a_zone_of_the_chip_nobody_knows_whose_document_it_is() -> None:
    """Otherwise leaving DG1 out would make every state's signer do."""
    result = check({"DG2": GROUPS["DG2"]})
    assert outcomes(result) == ["passed", "passed", "passed", "not done", "not done"]
    assert result.state.why == "there is no DG1, which names the issuing state"
    assert (result.outcome, result.vouches_for("DG2")) == ("not done", False)


def test_a_signer_without_a_country() -> None:
    key = key_of("P-256", "signer of nowhere")
    made = certificate(key, name_of("Signer", None), UTOPIA.key, UTOPIA.name)
    state = check(signer=Signer(key, made)).state
    assert (state.outcome, state.why) == ("not done", "the signer's certificate names no country")


def test_the_state_is_looked_at_without_certificates() -> None:
    """Nobody vouches for the signer then, but what it says of itself may contradict the document."""
    groups = groups_of((TD3[0].replace("UTO", "FRA"), TD3[1]))
    result = check(groups, trust=None)
    assert outcomes(result) == ["passed", "passed", "not done", "failed", "not done"]
    assert result.outcome == "failed"


# What fails at stage 5


def test_revocation() -> None:
    def result(*lists: bytes) -> Authenticity:
        return check(trust=Trust.read(UTOPIA.certificate, *lists))

    good = result(UTOPIA.revocations(1, 2, 3))
    assert outcomes(good) == ["passed"] * 5
    assert good.revocation.notes == ("its newest list is of 2026-05-31",)
    revoked = result(UTOPIA.revocations(1, SIGNER.serial))
    assert outcomes(revoked) == ["passed", "passed", "passed", "passed", "failed"]
    assert "has revoked the certificate" in revoked.revocation.why
    assert revoked.outcome == "failed"
    # Any of several lists counts.
    assert result(UTOPIA.revocations(), UTOPIA.revocations(SIGNER.serial)).outcome == "failed"
    stale = result(UTOPIA.revocations(made=NOW - YEAR, due=NOW - DAY))
    assert outcomes(stale) == ["passed"] * 5
    assert "it is stale: the next one was due on 2026-05-31" in stale.revocation.notes
    assert "it lies in the future" in result(UTOPIA.revocations(made=NOW + 9 * DAY)).revocation.notes
    false = result(UTOPIA.revocations(key=OTHER.key))
    assert outcomes(false) == ["passed", "passed", "passed", "passed", "failed"]
    assert "isn't signed with a key of it" in false.revocation.why
    # A false list beside a good one can't hide what the good one says.
    assert result(UTOPIA.revocations(key=OTHER.key), UTOPIA.revocations(SIGNER.serial)).outcome == "failed"
    assert result(UTOPIA.revocations(key=OTHER.key), UTOPIA.revocations()).revocation.outcome == "passed"
    other = result(OTHER.revocations(SIGNER.serial))
    assert outcomes(other) == PASSED
    assert other.revocation.why == "no revocation list of C=UT, CN=CSCA was supplied"


def test_revocation_of_a_link_and_by_a_newer_key() -> None:
    newer = State(which="newer")
    link = UTOPIA.link(newer)
    serial = Signer(newer.key, link).serial
    trust = Trust.read(UTOPIA.certificate, link, UTOPIA.revocations(serial))
    assert check(signer=newer.signer(), trust=trust).revocation.outcome == "failed"
    trust = Trust.read(UTOPIA.certificate, newer.certificate, newer.revocations(SIGNER.serial))
    assert check(trust=trust).revocation.outcome == "failed"


def test_without_a_chain_no_list_is_consulted() -> None:
    result = check(trust=Trust.read(OTHER.certificate, UTOPIA.revocations(SIGNER.serial)))
    assert (result.chain.outcome, result.revocation.outcome) == ("failed", "not done")


# Hostile security objects

HOSTILE = {
    "empty": encoded(0x77),
    "no signed data": encoded(0x77, encoded(0x30, b"\6\1\x2a")),
    "nested a hundred thousand times": encoded(
        0x77, b"".join(b"\x30\x84" + (6 * left).to_bytes(4) for left in range(100_000, -1, -1))
    ),
    "noise": encoded(0x77, random.Random(1).randbytes(5000)),
    "an endless length within": encoded(0x77, b"\x30\x03\x06\x84\xff"),
    "an indefinite length within": encoded(0x77, b"\x30\x80\0\0"),
    "a thousand certificates": encoded(
        0x77,
        cms.ContentInfo.load(
            sod(GROUPS, SIGNER, certificates=(SIGNER.certificate,) * 1000)[5:],
        ).dump(),
    ),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_security_objects_fail_in_one_clear_line(data: bytes) -> None:
    result = authenticate(ChipFiles.of(GROUPS | {"SOD": data}), TRUST, now=NOW)
    assert outcomes(result) == ["failed", "failed", "not done", "not done", "not done"]
    for stage in result.stages:
        assert stage.why.startswith("the security object is damaged: ")
        assert stage.why.isprintable()
        assert len(stage.why) < 300


@NEEDS_PROC
def test_hostile_chips_stay_under_300_megabytes(tmp_path: Path) -> None:
    """Files as large as they may be, of elements as small as they can be, and zips that unpack to much."""
    files = HOSTILE | {
        "millions of elements": encoded(0x77, encoded(0x30, b"\6\0" * 2_000_000)),
        "a million parts of DG2": encoded(0x75, b"\2\0" * 2_000_000),
        "a table of a million": encoded(0x77, encoded(0x30, encoded(0x30, b"\0\0") * 1_000_000)),
    }
    for number, data in enumerate(files.values()):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "EF_DG1.bin").write_bytes(BSI_DG1)
        (tmp_path / f"{number}" / "unnamed").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"{number}", b"".join(bytes(9000) + random.randbytes(1000) for _ in range(380)))
    _, megabytes = in_a_process(
        f"""
        from visavis.documents.authenticity import authenticate
        from visavis.documents.chip import ChipFiles
        from visavis.errors import DocumentError
        for path in sorted(pathlib.Path({str(tmp_path)!r}).iterdir()):
            try:
                assert authenticate(ChipFiles.read(path)).outcome != "passed"
            except DocumentError:
                pass
        """
    )
    assert megabytes < 300


def test_a_security_object_cut_anywhere_fails() -> None:
    content = sod(GROUPS, SIGNER)[4:]
    for cut in range(len(content)):
        result = authenticate(ChipFiles.of(GROUPS | {"SOD": encoded(0x77, content[:cut])}), TRUST, now=NOW)
        assert result.outcome == "failed", cut


def test_words_of_a_certificate_stay_in_one_line() -> None:
    state = State(common="A\x1b[2Jline\nand another " + "x" * 40)
    result = check(signer=state.signer(), trust=TRUST)
    assert result.chain.why.isprintable()
    assert len(result.chain.why) < 300


# Mutations: the genuine chip passes, anything else fails or is as good as unaltered


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Bytes with one to three injuries."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(out) or 1)
        match rng.randrange(6):
            case 0:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                out[at : at + 1] = bytes([(out[at] if out else 0) ^ 1 << rng.randrange(8)])
            case 2:
                del out[at : at + rng.choice((1, 2, 20))]
            case 3:
                out[at:at] = rng.choice((b"\0", b"\x30\x80", b"\xff\xff\xff\xff", out[at : at + 20]))
            case 4:
                out[at : at + 20] = other[at : at + 20]
            case _:
                out[at : at + 2] = rng.choice(
                    (b"\x84\xff", b"\x30\x80", b"\x02\x00", b"\x06\x00", b"\x82\xff")
                )
    return bytes(out)


@pytest.mark.parametrize("algorithm", [P256, Algorithm("RSA", pss=True), Algorithm("P-384", explicit=True)])
def test_mutated_chips_never_pass_with_a_changed_group(algorithm: Algorithm) -> None:
    """A few of the mutations of `benchmarks/fuzz_chip.py`."""
    signer = UTOPIA.signer(algorithm)
    genuine = files_of(GROUPS, signer)
    others = files_of(groups_of(TD1, "JPEG2000", seed=9), signer)
    seen: Counter[str] = Counter()
    for seed in range(1200):
        rng = random.Random(seed)
        files = dict(genuine)
        name = rng.choice(("DG1", "DG2", "SOD", "SOD", "SOD", "COM"))
        files[name] = mutated(files[name], others[name], rng)
        try:
            chip = ChipFiles.of(files)
        except DocumentError as error:
            seen[error.code if str(error).isprintable() else "a message of several lines"] += 1
            continue
        result = authenticate(chip, TRUST, now=NOW)
        seen[result.outcome] += 1
        if result.outcome == "passed":
            assert all(chip.groups[group] == genuine[group] for group in result.groups), seed
            assert chip.portrait is None or not result.vouches_for("DG2") or chip.portrait.data == portrait()
            assert not result.vouches_for("DG1") or chip.mrz_lines == TD3
    expected = {"chip.damaged", "chip.unsupported", "chip.too_large", "failed", "not done", "passed"}
    assert seen.keys() <= expected
    assert seen["chip.damaged"] > 100
    assert seen["failed"] > 300
    assert seen["passed"] > 10
