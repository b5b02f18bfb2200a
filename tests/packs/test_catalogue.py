from __future__ import annotations

import dataclasses

import pytest

from visavis.errors import PackError
from visavis.packs import catalogue, convert
from visavis.packs.catalogue import (
    DEFAULT_PACK,
    DEMO_PICTURES,
    PACKS,
    File,
    IndexMember,
    Upstream,
    View,
    find_pack,
)

RECIPES = {"centerface", "yunet", "sface-int8", "edgeface"}


@pytest.fixture(autouse=True)
def _recipe_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "RECIPE_VERSION", 1)


def files() -> dict[str, File]:
    found = {file.name: file for pack in PACKS.values() for file in pack.files.values()}
    return found | {file.name: file for file in DEMO_PICTURES}


def test_the_packs_are_the_promised_ones() -> None:
    assert list(PACKS) == ["sface", "edgeface-xs", "edgeface-xxs"]
    assert all(name == pack.name for name, pack in PACKS.items())


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
    assert pack.recogniser.licence in pack.licence
    assert ("WebFace260M" in card and "research" in card) or "not stated" in card


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(PackError) as caught:
        find_pack("arcface")
    assert caught.value.code == "pack.unknown"
    assert str(caught.value).endswith("expected one of sface, edgeface-xs, edgeface-xxs)")


@pytest.mark.parametrize(
    "change", ["other name", "other recogniser", "other detector", "views", "recipes", "engine"]
)
def test_whatever_changes_templates_changes_the_fingerprint(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = PACKS["sface"]
    before = pack.fingerprint
    assert before == pack.fingerprint
    assert len(before) == 16
    other = dataclasses.replace(pack.recogniser, sha256="0" * 64)
    if change == "recipes":
        monkeypatch.setattr(convert, "RECIPE_VERSION", 2)
    elif change == "engine":
        monkeypatch.setattr(catalogue, "ENGINE_VERSION", catalogue.ENGINE_VERSION + 1)
    changed = {
        "other name": dataclasses.replace(pack, name="sface2"),
        "other recogniser": dataclasses.replace(pack, recogniser=other),
        "other detector": dataclasses.replace(pack, detector=other),
        "views": dataclasses.replace(pack, views=(View(mirrored=True),)),
    }.get(change, pack)
    assert changed.fingerprint != before


def test_what_is_only_said_of_a_pack_leaves_the_fingerprint_alone() -> None:
    pack = PACKS["sface"]
    assert dataclasses.replace(pack, summary="another", licence="MIT").fingerprint == pack.fingerprint


def test_all_packs_have_fingerprints_of_their_own() -> None:
    assert len({pack.fingerprint for pack in PACKS.values()}) == len(PACKS)
