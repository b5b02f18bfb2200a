from __future__ import annotations

import dataclasses
import io
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.pictures import encoded, scene

import visavis
from visavis import verifier as module
from visavis.decision.calibration import Calibration, Data, Mark
from visavis.decision.policy import Policy
from visavis.decision.tail import Tail, Transfer
from visavis.decision.verdict import Provenance, Verdict
from visavis.errors import PackError, PhotoError, PolicyError, VisavisError
from visavis.geometry import Box
from visavis.packs.catalogue import ENGINE_VERSION
from visavis.packs.install import install, require
from visavis.packs.store import Store
from visavis.photo import Photo
from visavis.verifier import MAX_REFERENCES, Verifier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.examiner import Examined

LARGEST = Policy(faces="largest_central")


@pytest.fixture(scope="module")
def seen(sface: Verifier, portraits: Mapping[str, bytes]) -> dict[str, Examined]:
    return {name.removesuffix(".jpg"): sface.examine(data) for name, data in portraits.items()}


@pytest.fixture(scope="module")
def images(portraits: Mapping[str, bytes]) -> dict[str, Image.Image]:
    return {
        name.removesuffix(".jpg"): Image.open(io.BytesIO(data)).convert("RGB")
        for name, data in portraits.items()
    }


@pytest.fixture(scope="module")
def heads(images: Mapping[str, Image.Image]) -> dict[str, Image.Image]:
    """Head and shoulders, 600 pixels high."""
    cuts = {"obama": (200, 0, 800, 700), "obama2": (0, 150, 626, 880), "biden": (250, 0, 900, 758)}
    cut = {name: images[name].crop(box) for name, box in cuts.items()}
    return {name: image.resize((round(image.width * 600 / image.height), 600)) for name, image in cut.items()}


def png(image: Image.Image) -> bytes:
    return encoded("PNG", image, compress_level=1)


def side_by_side(first: Image.Image, second: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", (first.width + second.width, max(first.height, second.height)), (90, 90, 90))
    canvas.paste(first, (0, 0))
    canvas.paste(second, (first.width, 0))
    return canvas


def codes(verdict: Verdict) -> list[tuple[str, str, bool]]:
    return [(reason.code, reason.about, reason.decisive) for reason in verdict.reasons]


# The three outcomes


def test_one_person(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    verdict = sface.compare([seen["obama"]], seen["obama2"])
    assert verdict.decision == "match"
    assert verdict.similarity is not None
    assert verdict.similarity >= verdict.threshold == sface.calibration.threshold(1e-4)
    assert verdict.fmr is None or verdict.fmr <= 1e-4
    assert verdict.fmr_upper is not None
    assert verdict.fmr_upper < 1e-3
    assert verdict.reasons == ()
    assert verdict.calibration == Provenance.of(sface.calibration)
    assert verdict.calibration.origin == "shipped"


def test_two_people(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    for reference in ("obama", "obama2"):
        verdict = sface.compare([seen[reference]], seen["biden"])
        assert verdict.decision == "no_match"
        assert verdict.similarity is not None
        assert verdict.similarity < verdict.threshold
        assert verdict.fmr is not None
        assert verdict.fmr > 1e-4


# Measured when the calibrations were. Whoever moves these moves every template: raise ENGINE_VERSION, so that
# older templates are refused, and measure the calibrations anew.
@pytest.mark.parametrize(
    ("first", "second", "similarity"),
    [("obama", "obama2", 0.766), ("obama", "biden", 0.121), ("obama2", "biden", 0.293)],
)
def test_templates_are_those_of_this_version_of_the_engine(
    first: str, second: str, similarity: float, sface: Verifier, seen: Mapping[str, Examined]
) -> None:
    assert ENGINE_VERSION == 1
    assert sface.compare([seen[first]], seen[second]).similarity == pytest.approx(similarity, abs=0.005)


@pytest.mark.parametrize(("first", "second"), [("obama", "obama2"), ("obama", "biden"), ("obama2", "biden")])
def test_the_order_makes_no_difference(
    first: str, second: str, sface: Verifier, seen: Mapping[str, Examined]
) -> None:
    one, other = (
        sface.compare([seen[first]], seen[second]),
        sface.compare([seen[second]], seen[first]),
    )
    assert one.similarity == other.similarity
    assert one.decision == other.decision


def test_the_same_bytes_twice(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    verdict = sface.verify(portraits["biden.jpg"], portraits["biden.jpg"])
    assert verdict.decision == "match"
    assert verdict.similarity == pytest.approx(1, abs=1e-6)
    assert verdict.reference == verdict.probe


def test_no_face_is_a_verdict(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    blank = encoded("PNG", scene(400, 300))
    face = portraits["obama.jpg"]
    for pair, about in (((blank, face), "reference"), ((face, blank), "probe")):
        verdict = sface.verify(*pair)
        assert codes(verdict) == [("no_face", about, True)]
        assert (verdict.decision, verdict.similarity, verdict.fmr, verdict.fmr_upper) == (
            "inconclusive",
            None,
            None,
            None,
        )
    verdict = sface.verify(blank, blank)
    assert codes(verdict) == [("no_face", "reference", True), ("no_face", "probe", True)]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"min_inter_eye_px": 122.0}, "face_too_small"),  # obama has 120, obama2 125
        ({"min_confidence": 0.94}, "face_doubtful"),  # obama has 0.946, obama2 0.934
        ({"max_disagreement": 0.1}, "landmarks_doubtful"),  # obama has 0.12, obama2 0.07
    ],
)
def test_each_floor_of_a_policy_makes_a_verdict_inconclusive(
    rules: dict[str, float], code: str, sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    poor, good = ("obama2", "obama") if code == "face_doubtful" else ("obama", "obama2")
    policy = Policy.from_dict(rules)
    verdict = sface.verify(portraits[f"{good}.jpg"], portraits[f"{poor}.jpg"], policy=policy)
    assert codes(verdict) == [(code, "probe", True)]
    assert (verdict.decision, verdict.similarity, verdict.fmr_upper) == ("inconclusive", None, None)
    assert verdict.policy == policy
    assert sface.verify(portraits[f"{good}.jpg"], portraits[f"{good}.jpg"], policy=policy).decision == "match"


@pytest.mark.parametrize("name", ["obama", "obama2", "biden"])
def test_a_face_that_the_border_cuts_decides_nothing(
    name: str, sface: Verifier, portraits: Mapping[str, bytes], images: Mapping[str, Image.Image]
) -> None:
    """Eyes to mouth alone, found all the same: half the chip is black, and the person unlike themself."""
    found = sface.examine(portraits[f"{name}.jpg"]).evidence.face
    assert found is not None
    (x, y), reach = found.points.mean(axis=0), 0.95 * found.inter_eye_px
    cut = images[name].crop((round(x - reach), round(y - reach), round(x + reach), round(y + reach)))
    verdict = sface.verify(portraits[f"{name}.jpg"], Photo.from_pixels(np.asarray(cut)))
    assert codes(verdict) == [("face_cut", "probe", True)]
    assert (verdict.decision, verdict.similarity, verdict.probe.turned) == ("inconclusive", None, 0)


@pytest.mark.parametrize("fmr", [1e-12, 1e-7])
def test_a_rate_that_the_data_cannot_support_is_refused_before_any_photo(fmr: float, sface: Verifier) -> None:
    with pytest.raises(PolicyError) as caught:
        sface.verify(b"not even a photo", b"nor this", policy=Policy(fmr=fmr))
    assert caught.value.code == "policy.fmr_unsupported"


def test_a_stricter_policy_asks_for_more(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    pair = [seen["obama"]], seen["obama2"]
    loose, strict = (sface.compare(*pair, policy=Policy(fmr=fmr)) for fmr in (1e-2, 1e-5))
    assert loose.threshold < strict.threshold
    assert (loose.similarity, loose.fmr, loose.fmr_upper) == (strict.similarity, strict.fmr, strict.fmr_upper)


# Turned, small and crowded photos


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("name", ["obama", "obama2", "biden"])
def test_a_photo_on_its_side_is_the_same_photo(
    name: str, degrees: int, sface: Verifier, images: Mapping[str, Image.Image], seen: Mapping[str, Examined]
) -> None:
    lying = sface.examine(png(images[name].rotate(-degrees, expand=True)))
    verdict = sface.compare([seen["obama2" if name == "obama" else "obama"]], lying)
    upright = sface.compare([seen["obama2" if name == "obama" else "obama"]], seen[name])
    assert lying.evidence.turned == 360 - degrees
    assert codes(verdict) == [("turned", "probe", False)]
    assert verdict.similarity == pytest.approx(upright.similarity, abs=0.03)
    assert verdict.decision == upright.decision
    same = sface.compare([seen[name]], lying)
    assert same.similarity is not None
    assert same.similarity > 0.95


@pytest.mark.parametrize(("height", "least", "reasons"), [(300, 0.95, []), (150, 0.85, ["face_small"])])
def test_a_small_face_is_still_the_same(
    height: int,
    least: float,
    reasons: list[str],
    sface: Verifier,
    images: Mapping[str, Image.Image],
    seen: Mapping[str, Examined],
) -> None:
    small = images["obama"].resize((round(910 * height / 1137), height), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (1600, 1200), (120, 130, 140))
    canvas.paste(small, (1600 - small.width, 1200 - height))
    verdict = sface.compare([seen["obama"]], sface.examine(png(canvas)))
    assert [reason.code for reason in verdict.reasons] == reasons
    assert verdict.similarity is not None
    assert verdict.similarity > least


def test_two_faces_decide_nothing_unless_one_is_meant(
    sface: Verifier, heads: Mapping[str, Image.Image], seen: Mapping[str, Examined]
) -> None:
    larger = heads["obama2"].resize((round(heads["obama2"].width * 1.2), 720))
    crowd = png(side_by_side(heads["biden"], larger))
    verdict = sface.compare([seen["obama"]], sface.examine(crowd))
    assert verdict.decision == "inconclusive"
    assert codes(verdict) == [("several_faces", "probe", True)]
    assert verdict.similarity is None
    assert verdict.probe.face is None
    assert len(verdict.probe.others) == 2
    # The rule takes the larger one ...
    verdict = sface.compare([seen["obama"]], sface.examine(crowd, policy=LARGEST))
    assert verdict.decision == "match"
    assert codes(verdict) == [("other_faces", "probe", False)]
    # ... and a box the one in it, whatever the rule.
    left, right = Box(0, 0, heads["biden"].width, 720), Box(heads["biden"].width, 0, larger.width, 720)
    for policy in (Policy(), LARGEST):
        for box, other, decision in ((left, "biden", "match"), (right, "biden", "no_match")):
            boxed = sface.examine(crowd, policy=policy, face=box)
            assert sface.compare([seen[other]], boxed).decision == decision
    nowhere = sface.examine(crowd, face=Box(5, 5, 10, 10))
    assert codes(sface.compare([seen["obama"]], nowhere)) == [("no_face_in_box", "probe", True)]


def test_boxes_reach_the_photos_they_are_for(sface: Verifier, heads: Mapping[str, Image.Image]) -> None:
    crowd = side_by_side(heads["biden"], heads["obama2"])
    left = Box(0, 0, heads["biden"].width, 600)
    right = Box(heads["biden"].width, 0, heads["obama2"].width, 600)
    data = png(crowd)
    verdict = sface.verify(data, data, reference_face=left, probe_face=right)
    assert verdict.decision == "no_match"
    assert verdict.reference.face is not None
    assert verdict.probe.face is not None
    assert verdict.reference.face.box.centre[0] < right.x < verdict.probe.face.box.centre[0]
    assert sface.verify(data, data, reference_face=right, probe_face=right).decision == "match"


@pytest.mark.parametrize("faded", [0.0, 0.5])
@pytest.mark.parametrize("share", [0.35, 0.5])
def test_the_ghost_portrait_of_a_card_is_not_taken(
    share: float,
    faded: float,
    sface: Verifier,
    heads: Mapping[str, Image.Image],
    seen: Mapping[str, Examined],
) -> None:
    """A card prints the portrait a second time, smaller and fainter."""
    portrait, paper = heads["obama"], (225, 225, 215)
    ghost = portrait.resize((round(portrait.width * share), round(600 * share)))
    ghost = Image.blend(ghost, Image.new("RGB", ghost.size, paper), faded)
    card = Image.new("RGB", (1000, 640), paper)
    card.paste(portrait, (30, 20))
    card.paste(ghost, (680, 40))
    on_card = sface.examine(png(card))
    verdict = sface.compare([on_card], seen["obama2"])
    assert verdict.decision == "match"
    assert codes(verdict) == [("other_faces", "reference", False)]
    assert on_card.evidence.face is not None
    assert on_card.evidence.face.box.centre[0] < 500
    (other,) = on_card.evidence.others
    assert other.box.centre[0] > 680


def test_a_ghost_beside_another_persons_portrait_is_never_what_matches(
    sface: Verifier, heads: Mapping[str, Image.Image], seen: Mapping[str, Examined]
) -> None:
    """Never the best of all pairs: the small face would match, the main one does not."""
    card = Image.new("RGB", (1000, 640), (225, 225, 215))
    card.paste(heads["biden"], (30, 20))
    card.paste(heads["obama"].resize((206, 240)), (680, 40))
    verdict = sface.compare([sface.examine(png(card))], seen["obama"])
    assert verdict.decision == "no_match"


# Several references


def test_two_references_of_one_person_are_averaged(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    both = sface.compare([seen["obama"], seen["obama2"]], seen["biden"])
    single = [sface.compare([seen[name]], seen["biden"]).similarity or 0 for name in ("obama", "obama2")]
    assert both.similarity == pytest.approx(sum(single) / 2)
    assert both.decision == "no_match"
    assert [both.reference, *both.further_references] == [seen["obama"].evidence, seen["obama2"].evidence]
    assert sface.compare([seen["obama"], seen["obama2"]], seen["obama2"]).decision == "match"


def test_two_references_of_two_people_decide_nothing(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    for references in (["obama", "biden"], ["biden", "obama"], ["obama", "obama2", "biden"]):
        verdict = sface.compare([seen[name] for name in references], seen["obama"])
        assert verdict.decision == "inconclusive"
        assert verdict.similarity is None
        assert {code for code, *_ in codes(verdict)} == {"references_differ"}
    assert "reference 3" in verdict.reasons[-1].message


def test_a_reference_without_a_face_decides_nothing(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    blank = encoded("PNG", scene(400, 300))
    verdict = sface.verify([portraits["obama.jpg"], blank], portraits["obama2.jpg"])
    assert codes(verdict) == [("no_face", "reference 2", True)]


@pytest.mark.parametrize("count", [0, MAX_REFERENCES + 1, 100])
def test_references_are_few(count: int, sface: Verifier, seen: Mapping[str, Examined]) -> None:
    """Here lies the border to a search in a gallery."""
    with pytest.raises(VisavisError) as caught:
        sface.verify([b"not even a photo"] * count, b"nor this")
    assert caught.value.code == "references.count"
    with pytest.raises(VisavisError) as caught:
        sface.compare([seen["obama"]] * count, seen["obama"])
    assert caught.value.code == "references.count"


def test_eight_references(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    verdict = sface.compare([seen["obama"]] * MAX_REFERENCES, seen["obama2"])
    assert verdict.similarity == pytest.approx(sface.compare([seen["obama"]], seen["obama2"]).similarity)


# Threads


def test_threads_change_no_bit(
    sface: Verifier, portraits: Mapping[str, bytes], seen: Mapping[str, Examined]
) -> None:
    names = ["obama", "obama2", "biden"]
    pairs = [(first, second) for first in names for second in names] * 2
    expected = [sface.compare([seen[first]], seen[second]).similarity for first, second in pairs]

    def similarity(pair: tuple[str, str]) -> float | None:
        return sface.verify(portraits[f"{pair[0]}.jpg"], portraits[f"{pair[1]}.jpg"]).similarity

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(similarity, pairs)) == expected


def test_threads_inside_the_networks_change_next_to_nothing(
    portraits: Mapping[str, bytes], seen: Mapping[str, Examined]
) -> None:
    several = Verifier("sface", threads=4).examine(portraits["obama.jpg"]).template
    single = seen["obama"].template
    assert several is not None
    assert single is not None
    assert several.vector == pytest.approx(single.vector, abs=1e-4)


# An operator's own calibration


@pytest.fixture(scope="module")
def own(sface: Verifier) -> Calibration:
    """Made of round numbers; the demo's similarities are 0.766, 0.121 and 0.293."""
    return Calibration(
        pack="sface",
        fingerprint=sface.calibration.fingerprint,
        data=Data("desk", "made up", 300, 900, 400_000, 900, 0),
        method="made up",
        marks=(Mark(0.1, 0.1, 0.2), Mark(0.3, 1e-2, 2e-2), Mark(0.4, 5e-3, 1e-2)),
        rule="worst_group",
        groups=("morning", "evening"),
        likelihood=((0.0, -2.0), (0.2, -1.0), (0.4, 2.0), (0.6, 3.0)),
        tail=Tail(0.3, 1e-2, 0.05, (Transfer(5e-3, 1.1, 0.5, 2.0, 10),)),
    )


@pytest.fixture(scope="module")
def by_own(own: Calibration, tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    path = tmp_path_factory.mktemp("own") / "desk.json"
    path.write_text(json.dumps(own.to_dict()), encoding="utf-8")
    return Verifier("sface", calibration=path, policy=Policy(fmr=1e-2), threads=1)


def test_a_verdict_rests_on_the_calibration_that_was_given(
    by_own: Verifier, own: Calibration, seen: Mapping[str, Examined]
) -> None:
    verdict = by_own.compare([seen["obama"]], seen["obama2"])
    assert verdict.decision == "match"
    assert verdict.threshold == 0.3
    assert (verdict.fmr, verdict.fmr_upper) == (None, 1e-2)
    assert (verdict.llr, verdict.llr_is_bound) == (3.0, True)
    # By the model 0.01 * exp(-(0.766 - 0.3) / 0.05) = 9e-7, which is beyond its reach of 5e-3 / 100.
    assert verdict.fmr_modelled == pytest.approx(5e-5)
    assert not verdict.threshold_modelled
    assert verdict.calibration == Provenance.of(own)
    assert (verdict.calibration.origin, verdict.calibration.digest) == ("operator", own.digest)
    verdict = by_own.compare([seen["obama2"]], seen["biden"])
    assert verdict.decision == "no_match"
    assert verdict.similarity is not None
    assert verdict.llr == pytest.approx(-1.0 + 15 * (verdict.similarity - 0.2))
    assert not verdict.llr_is_bound


def test_where_nothing_was_compared_there_is_no_likelihood_ratio(
    by_own: Verifier, portraits: Mapping[str, bytes]
) -> None:
    verdict = by_own.verify(encoded("PNG", scene(400, 300)), portraits["obama.jpg"])
    assert verdict.decision == "inconclusive"
    assert (verdict.llr, verdict.llr_is_bound, verdict.fmr_modelled) == (None, False, None)


def test_a_calibration_too_coarse_for_the_rule_about_references(
    by_own: Verifier, seen: Mapping[str, Examined]
) -> None:
    """They are then held against the finest threshold that there is."""
    assert by_own.calibration.finest > module.REFERENCES_FMR
    assert by_own.compare([seen["obama"], seen["obama2"]], seen["obama"]).decision == "match"
    verdict = by_own.compare([seen["obama2"], seen["biden"]], seen["obama"])
    assert [code for code, *_ in codes(verdict)] == ["references_differ"]


def test_a_threshold_by_the_model_only_where_the_policy_accepts_one(
    by_own: Verifier, seen: Mapping[str, Examined]
) -> None:
    pair = [seen["obama"]], seen["obama2"]
    with pytest.raises(PolicyError) as caught:
        by_own.compare(*pair, policy=Policy(fmr=1e-4))
    assert caught.value.code == "policy.fmr_unsupported"
    verdict = by_own.compare(*pair, policy=Policy(fmr=1e-4, extrapolate=True))
    assert verdict.threshold == pytest.approx(0.3 + 0.05 * np.log(100))  # 0.530
    assert (verdict.decision, verdict.threshold_modelled) == ("match", True)
    assert codes(verdict) == [("threshold_modelled", "comparison", False)]
    assert "1.1 times that (0.5 to 2 in 10 splits)" in verdict.reasons[0].message
    assert Verdict.from_dict(verdict.to_dict()).to_dict() == verdict.to_dict()
    with pytest.raises(PolicyError, match=r"5\.0e-05 or more with its model"):
        by_own.verify(b"not even a photo", b"nor this", policy=Policy(fmr=1e-6, extrapolate=True))


@pytest.mark.parametrize("change", [{"pack": "other"}, {"fingerprint": "0" * 16}])
def test_a_calibration_of_another_pack_is_refused(
    change: dict[str, str], own: Calibration, tmp_path: Path
) -> None:
    other = dataclasses.replace(own, **change)  # type: ignore[arg-type]
    (tmp_path / "other.json").write_text(json.dumps(other.to_dict()), encoding="utf-8")
    for given in (other, tmp_path / "other.json", str(tmp_path / "other.json")):
        with pytest.raises(PackError) as caught:
            Verifier("sface", calibration=given, threads=1)
        assert caught.value.code == "calibration.other_pack"


def test_a_calibration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackError) as caught:
        Verifier("sface", calibration=tmp_path / "nothing.json", threads=1)
    assert caught.value.code == "calibration.no_file"


# Packs


def test_templates_of_another_pack_are_refused(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    template = seen["obama"].template
    assert template is not None
    foreign = dataclasses.replace(
        seen["obama"], template=dataclasses.replace(template, pack="other", fingerprint="0" * 16)
    )
    for references, probe in (
        ([foreign], seen["obama2"]),
        ([seen["obama2"]], foreign),
        ([seen["obama"], foreign], seen["obama2"]),
    ):
        with pytest.raises(PackError) as caught:
            sface.compare(references, probe)
        assert caught.value.code == "pack.other_template"


def test_another_pack_that_is_really_installed(
    sface: Verifier,
    portraits: Mapping[str, bytes],
    seen: Mapping[str, Examined],
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not (shared / "packs").is_dir():
        pytest.skip("needs the files of edgeface-xs (the folder packs beside the test data)")
    here = Store()
    (tmp_path / "packs").mkdir()
    shutil.copy(here.root / "packs/sface.json", tmp_path / "packs")  # all packs share its detectors
    (tmp_path / "blobs").mkdir()
    for entry in require("sface").entries.values():
        for sha256 in (entry.source, entry.model):
            shutil.copy(here.blob(sha256), tmp_path / "blobs")
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path))
    monkeypatch.setenv("VISAVIS_PACK_MIRROR", str(shared / "packs"))
    install("edgeface-xs", offline=True)
    edgeface = Verifier("edgeface-xs", threads=1)
    theirs = {name: edgeface.examine(data) for name, data in portraits.items()}
    assert edgeface.compare([theirs["obama.jpg"]], theirs["obama2.jpg"]).decision == "match"
    assert edgeface.compare([theirs["obama.jpg"]], theirs["biden.jpg"]).decision == "no_match"
    for verifier in (sface, edgeface):
        for references, probe in (
            ([seen["obama"]], theirs["obama2.jpg"]),
            ([theirs["obama.jpg"]], seen["obama2"]),
        ):
            with pytest.raises(PackError) as caught:
                verifier.compare(references, probe)
            assert caught.value.code == "pack.other_template"


# As data, and as a function


def test_a_verdict_goes_through_json(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    for references, probe in (
        (["obama"], "obama2"),
        (["obama"], "biden"),
        (["obama", "obama2"], "biden"),
        (["obama", "biden"], "biden"),
    ):
        verdict = sface.compare([seen[name] for name in references], seen[probe])
        data = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
        assert {"decision", "similarity", "fmr", "fmr_upper", "threshold", "policy", "pack"} <= data.keys()
        assert {"reference", "probe", "reasons", "timings"} <= data.keys()
        assert Verdict.from_dict(data).to_dict() == data


def test_a_verdict_holds_no_pixel_and_no_template(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    verdict = sface.compare([seen["obama"]], seen["obama2"])
    assert len(json.dumps(verdict.to_dict())) < 4000


def test_timings_are_of_both_photos(sface: Verifier, seen: Mapping[str, Examined]) -> None:
    timings = sface.compare([seen["obama"]], seen["biden"]).timings_ms
    stages = {"photo", "detect", "landmarks", "align", "recognise", "compare", "total"}
    assert set(timings) == stages
    for stage in stages - {"compare", "total"}:
        both = seen["obama"].timings_ms[stage] + seen["biden"].timings_ms[stage]
        assert timings[stage] == pytest.approx(both)
    assert timings["total"] == pytest.approx(sum(ms for stage, ms in timings.items() if stage != "total"))


def test_the_function_keeps_its_pack_loaded(
    sface: Verifier, portraits: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    module._loaded.cache_clear()
    loads = []

    def load(pack: str) -> Verifier:
        loads.append(pack)
        return sface

    monkeypatch.setattr(module, "Verifier", load)
    for _ in range(3):
        assert visavis.verify(portraits["obama.jpg"], portraits["obama2.jpg"]).decision == "match"
    module._loaded.cache_clear()
    assert loads == ["sface"]


def test_a_bad_photo_is_an_error_and_no_verdict(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    with pytest.raises(PhotoError) as caught:
        sface.verify(portraits["obama.jpg"][:5000], portraits["obama2.jpg"])
    assert caught.value.code == "photo.truncated"


def test_an_array_is_a_photo_too(sface: Verifier, images: Mapping[str, Image.Image]) -> None:
    photo = visavis.Photo.from_pixels(np.asarray(images["obama"]))
    verdict = sface.verify(photo, png(images["obama2"]))
    assert verdict.decision == "match"
    assert verdict.reference.format == "array"
