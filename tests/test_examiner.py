from __future__ import annotations

import io
import os
import shutil
import time
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.pictures import encoded, exif_of, scene

from visavis.decision.policy import Policy
from visavis.errors import PackError, PhotoError
from visavis.examiner import Clock, Examiner
from visavis.geometry import Box
from visavis.packs.install import install, require
from visavis.packs.store import Store
from visavis.photo import Photo, PhotoSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.verifier import Verifier


def test_one_photo_goes_all_the_way(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    seen = sface.examine(portraits["obama.jpg"])
    assert seen.problem is None
    assert seen.template is not None
    assert seen.template.vector.shape == (sface.pack.template_size,)
    assert np.linalg.norm(seen.template.vector) == pytest.approx(1, abs=1e-6)
    assert seen.template.pack == "sface"
    assert seen.template.fingerprint == sface.pack.fingerprint
    assert seen.chips is not None
    assert seen.chips.shape == (len(sface.pack.views), 112, 112, 3)
    assert set(seen.timings_ms) == {"photo", "detect", "landmarks", "align", "recognise"}
    assert all(ms >= 0 for ms in seen.timings_ms.values())
    evidence = seen.evidence
    assert (evidence.width, evidence.height, evidence.format) == (910, 1137, "JPEG")
    assert evidence.sha256 == "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6"
    assert (evidence.name, evidence.turned, evidence.others) == (None, 0, ())


def test_a_look_goes_as_far_and_makes_no_template(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    looked = sface.examiner.look(portraits["obama.jpg"], policy=Policy(), name="a.jpg")
    whole = sface.examine(portraits["obama.jpg"], policy=Policy(), name="a.jpg")
    assert looked.evidence == whole.evidence
    assert looked.problem is None
    assert looked.chips is not None
    assert whole.chips is not None
    assert np.array_equal(looked.chips, whole.chips)
    assert looked.template is None
    assert set(looked.timings_ms) == {"photo", "detect", "landmarks", "align"}
    poor = sface.examiner.look(portraits["obama.jpg"], policy=Policy(min_inter_eye_px=1000))
    assert poor.problem == "face_too_small"


def test_a_face_that_was_found_is_placed_as_a_look_places_it(
    sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    photo = Photo.open(portraits["obama.jpg"])
    look = sface.examiner.look(photo, policy=Policy())
    face = sface.examiner.find(photo).faces[0]
    assert face.placed_confidence is None
    assert (
        sface.examiner.place(photo.finer(1.0), face)
        == sface.examiner.look(photo.finer(1.0), policy=Policy()).evidence.face
    )
    assert look.evidence.face is not None


def test_the_similarity_of_duo_is_the_mean_of_its_recognisers_own(
    portraits: Mapping[str, bytes],
    sface: Verifier,
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not (shared / "packs").is_dir():
        pytest.skip("needs the files of edgeface-xs (the folder packs beside the test data)")
    here = Store()
    (tmp_path / "packs").mkdir()
    shutil.copy(here.root / "packs/sface.json", tmp_path / "packs")  # duo shares all its files but one
    (tmp_path / "blobs").mkdir()
    for entry in require("sface").entries.values():
        for sha256 in (entry.source, entry.model):
            shutil.copy(here.blob(sha256), tmp_path / "blobs")
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path))
    monkeypatch.setenv("VISAVIS_PACK_MIRROR", str(shared / "packs"))
    vectors = {}
    for pack in ("duo", "sface", "edgeface-xs"):
        install(pack, offline=True)
        examiner = Examiner(pack, threads=1)
        seen = [examiner.examine(data, policy=Policy()) for data in portraits.values()]
        vectors[pack] = [each.template.vector for each in seen if each.template is not None]
        assert all(each.chips is not None and len(each.chips) == len(examiner.pack.views) for each in seen)
    assert [vector.size for vector in vectors["duo"]] == [640] * 3
    for first, second in combinations(range(3), 2):
        both, *each = (
            float(vectors[pack][first] @ vectors[pack][second]) for pack in ("duo", "sface", "edgeface-xs")
        )
        assert both == pytest.approx(sum(each) / 2, abs=1e-6)
        assert abs(each[0] - each[1]) > 0.01, "otherwise a mean proves little"


def test_a_photo_without_a_face_goes_no_further(sface: Verifier) -> None:
    seen = sface.examine(encoded("PNG", scene(400, 300)))
    assert (seen.problem, seen.template, seen.chips, seen.evidence.face) == ("no_face", None, None, None)
    assert set(seen.timings_ms) == {"photo", "detect"}


def test_a_poor_face_has_a_chip_and_no_template(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    seen = sface.examine(portraits["obama.jpg"], policy=Policy(min_inter_eye_px=1000))
    assert seen.problem == "face_too_small"
    assert seen.template is None
    assert seen.chips is not None
    assert "recognise" not in seen.timings_ms


def test_every_source_gives_the_same_template_and_a_name_without_folders(
    sface: Verifier, portraits: Mapping[str, bytes], tmp_path: Path
) -> None:
    data = portraits["biden.jpg"]
    path = tmp_path / "secret client" / "a face.jpg"
    path.parent.mkdir()
    path.write_bytes(data)
    (expected,) = (sface.examine(data).template,)
    assert expected is not None
    with path.open("rb") as file, os.fdopen(os.open(path, os.O_RDONLY), "rb") as nameless:
        sources: dict[PhotoSource | Photo, str | None] = {
            path: "a face.jpg",
            str(path): "a face.jpg",
            file: "a face.jpg",
            nameless: None,  # its name is a number
            io.BytesIO(data): None,
            Photo.open(data): None,
            data: None,
        }
        for source, name in sources.items():
            seen = sface.examine(source)
            assert seen.template is not None
            assert (seen.template.vector == expected.vector).all()
            assert seen.evidence.name == name
    assert sface.examine(path, name="the probe").evidence.name == "the probe"


def test_what_was_done_on_the_way_is_told(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    from PIL import Image

    lying = Image.open(io.BytesIO(portraits["obama.jpg"])).rotate(90, expand=True)
    seen = sface.examine(encoded("PNG", lying, exif=exif_of(6)))
    assert seen.evidence.notes == ("turned by EXIF orientation 6",)
    assert (seen.evidence.width, seen.evidence.height, seen.evidence.turned) == (910, 1137, 0)


def test_a_box_says_which_face(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    data = portraits["obama.jpg"]
    assert sface.examine(data, face=Box(372, 83, 240, 328)).problem is None
    assert sface.examine(data, face=Box(0, 900, 100, 100)).problem == "no_face_in_box"


def test_a_small_face_on_a_large_photo_is_decoded_again_as_finely_as_it_needs(
    sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    from PIL import Image

    portrait = Image.open(io.BytesIO(portraits["obama.jpg"])).resize((480, 600), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (4000, 3000), (120, 130, 140))
    canvas.paste(portrait, (3000, 1500))
    data = encoded("JPEG", canvas, quality=95)
    assert Photo.open(data).scale == 0.25  # the eyes are 16 pixels apart there, and 63 at full size
    seen, alone = sface.examine(data), sface.examine(encoded("JPEG", portrait, quality=95))
    assert seen.evidence.face is not None
    assert seen.photo.scale >= 40 / seen.evidence.face.inter_eye_px
    assert seen.template is not None
    assert alone.template is not None
    assert float(seen.template.vector @ alone.template.vector) > 0.97


def test_a_photo_that_is_none(sface: Verifier) -> None:
    with pytest.raises(PhotoError):
        sface.examine(b"nothing of the kind")


@pytest.mark.parametrize(("pack", "code"), [("arcface", "pack.unknown"), ("sface", "pack.not_installed")])
def test_a_pack_that_is_not_there(
    pack: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path))
    with pytest.raises(PackError) as caught:
        Examiner(pack)
    assert caught.value.code == code


def test_the_clock_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.25, 1.0, 3.0, 5.0, 5.5])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    clock = Clock()
    for stage in ("photo", "detect", "photo"):
        with clock(stage):
            pass
    assert clock.timings_ms == {"photo": 750.0, "detect": 2000.0}
