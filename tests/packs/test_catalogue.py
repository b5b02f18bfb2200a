from __future__ import annotations

import dataclasses

import pytest

from visavis.errors import PackError
from visavis.packs import catalogue, convert
from visavis.packs.catalogue import (
    DEFAULT_PACK,
    DEMO_PICTURES,
    EDGEFACE_XS,
    PACKS,
    SFACE,
    TOOLS,
    Engine,
    File,
    IndexMember,
    PackRecogniser,
    Upstream,
    View,
    all_packs,
    find_pack,
)

RECIPES = {"centerface", "yunet", "sface-int8", "edgeface", "text-detector", "text-recogniser", "minifasnet"}


@pytest.fixture(autouse=True)
def _recipe_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "RECIPE_VERSION", 1)


def files() -> dict[str, File]:
    found = {file.name: file for pack in all_packs().values() for file in pack.files.values()}
    return found | {file.name: file for file in DEMO_PICTURES}


def test_the_packs_are_the_promised_ones() -> None:
    assert list(PACKS) == ["sface", "edgeface-xs", "edgeface-xxs", "duo"]
    assert list(TOOLS) == ["mrz", "pad"]
    assert all(name == pack.name for name, pack in all_packs().items())


def test_the_default_pack_comes_from_the_package_index_alone() -> None:
    for file in PACKS[DEFAULT_PACK].files.values():
        assert isinstance(file.sources[0], IndexMember)


@pytest.mark.parametrize("file", files().values(), ids=files().keys())
def test_a_file_is_pinned_licensed_and_reachable(file: File) -> None:
    assert len(file.sha256) == 64
    assert set(file.sha256) <= set("0123456789abcdef")
    assert file.size > 0
    assert file.recipe is None or file.recipe in RECIPES
    assert file.licence
    assert file.origin
    for source in file.sources:
        if isinstance(source, Upstream):
            assert source.url.startswith("https://")
            assert source.url.endswith("/" + file.name)
        else:
            assert source.member.endswith("/" + file.name)
            assert len(source.distribution.sha256) == 64
            assert "==" in source.distribution.requirement


@pytest.mark.parametrize("name", PACKS)
def test_the_card_says_where_the_training_data_and_the_licence_stand(name: str) -> None:
    pack = PACKS[name]
    card = " ".join(pack.training_data + pack.notes)
    assert "WIDER FACE" in card
    # SPDX: what must be kept to all at once is joined by AND.
    assert set(pack.licence.split(" AND ")) == {file.licence for file in pack.files.values()}
    for recogniser in pack.recognisers:
        if recogniser.file is SFACE:
            assert "not stated" in card
        else:
            assert "WebFace260M" in card
            assert "research" in card


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(PackError) as caught:
        find_pack("arcface")
    assert caught.value.code == "pack.unknown"
    assert str(caught.value).endswith("expected one of sface, edgeface-xs, edgeface-xxs, duo, mrz, pad)")


def with_recognisers(pack: Engine, *recognisers: PackRecogniser) -> Engine:
    return dataclasses.replace(pack, recognisers=recognisers)


@pytest.mark.parametrize(
    "change",
    ["other name", "other recogniser", "second recogniser", "other detector", "views", "recipes", "engine"],
)
def test_whatever_changes_templates_changes_the_fingerprint(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = PACKS["sface"]
    before = pack.fingerprint
    assert before == pack.fingerprint
    assert len(before) == 16
    (recogniser,) = pack.recognisers
    other = dataclasses.replace(recogniser.file, sha256="0" * 64)
    if change == "recipes":
        monkeypatch.setattr(convert, "RECIPE_VERSION", 2)
    elif change == "engine":
        monkeypatch.setattr(catalogue, "ENGINE_VERSION", catalogue.ENGINE_VERSION + 1)
    changed = {
        "other name": dataclasses.replace(pack, name="sface2"),
        "other recogniser": with_recognisers(pack, dataclasses.replace(recogniser, file=other)),
        "second recogniser": with_recognisers(pack, recogniser, recogniser),
        "other detector": dataclasses.replace(pack, detector=other),
        "views": with_recognisers(pack, dataclasses.replace(recogniser, views=(View(mirrored=True),))),
    }.get(change, pack)
    assert changed.fingerprint != before


def test_what_is_only_said_of_a_pack_leaves_the_fingerprint_alone() -> None:
    pack = PACKS["sface"]
    assert dataclasses.replace(pack, summary="another", licence="MIT").fingerprint == pack.fingerprint


def test_all_packs_have_fingerprints_of_their_own() -> None:
    assert len({pack.fingerprint for pack in all_packs().values()}) == len(all_packs())


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("sface", "0e786c95e261bf85"),
        ("edgeface-xs", "8e884f51ab3fa9cb"),
        ("edgeface-xxs", "e36ee2237adf8bc9"),
        ("duo", "3c74438892de215d"),
    ],
)
def test_engines_keep_the_fingerprints_they_had(name: str, fingerprint: str) -> None:
    """Noted before there were tools, the first two before packs could have two recognisers.

    Calibrations carry them, and so do templates that users keep.
    """
    assert PACKS[name].fingerprint == fingerprint


def test_which_recogniser_reads_which_view_is_in_the_fingerprint() -> None:
    one, two, three = View(), View(1.1), View(0.9)
    first, second = PackRecogniser(SFACE, 128, (one,)), PackRecogniser(EDGEFACE_XS, 512, (two, three))
    pack = with_recognisers(PACKS["duo"], first, second)
    moved = with_recognisers(
        pack, dataclasses.replace(first, views=(one, two)), dataclasses.replace(second, views=(three,))
    )
    assert pack.views == moved.views == (one, two, three)
    assert pack.fingerprint != moved.fingerprint
    swapped = with_recognisers(pack, dataclasses.replace(second, file=SFACE), first)
    assert len({pack.fingerprint, moved.fingerprint, swapped.fingerprint}) == 3


def test_duo_is_sface_and_edgeface_xs() -> None:
    duo = PACKS["duo"]
    assert duo.recognisers == (*PACKS["sface"].recognisers, *PACKS["edgeface-xs"].recognisers)
    assert list(duo.files) == ["detector", "landmarks", "recogniser", "second_recogniser"]
    assert (duo.files["recogniser"], duo.files["second_recogniser"]) == (SFACE, EDGEFACE_XS)
    assert duo.template_size == 128 + 512
    assert duo.views == (View(0.94), View(1.06, mirrored=True), View())


def test_a_third_recogniser_has_no_part_to_play() -> None:
    pack = with_recognisers(PACKS["duo"], *PACKS["duo"].recognisers, *PACKS["edgeface-xxs"].recognisers)
    with pytest.raises(ValueError, match="longer"):
        _ = pack.files


def test_the_mrz_packs_card_says_what_is_not_known() -> None:
    pack = TOOLS["mrz"]
    assert list(pack.files) == ["text_detector", "text_recogniser"]
    assert pack.licence == "Apache-2.0"
    assert "don't fully state" in " ".join(pack.training_data)
    assert all(isinstance(source, IndexMember) for file in pack.files.values() for source in file.sources)


def test_the_pad_packs_card_says_what_is_not_known() -> None:
    pack = TOOLS["pad"]
    assert {role: file.name for role, file in pack.files.items()} == {
        "pad_close": "2.7_80x80_MiniFASNetV2.pth",
        "pad_wide": "4_0_0_80x80_MiniFASNetV1SE.pth",
    }
    assert pack.licence == "Apache-2.0"
    assert "have not stated" in " ".join(pack.training_data)
    assert all(isinstance(source, Upstream) for file in pack.files.values() for source in file.sources)


def test_the_pad_pack_keeps_its_fingerprint() -> None:
    """Thresholds that were measured with its networks carry it."""
    assert TOOLS["pad"].fingerprint == "8e855e3d52952e4e"


@pytest.mark.parametrize("name", TOOLS)
def test_another_network_changes_a_tools_fingerprint(name: str) -> None:
    pack = TOOLS[name]
    (role, file), other = pack.networks
    changed = dataclasses.replace(pack, networks=((role, dataclasses.replace(file, sha256="0" * 64)), other))
    assert changed.fingerprint != pack.fingerprint
