"""A picture on its way to a comparison: found once, chosen by size, kept as little as needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from visavis.decision.policy import Policy
from visavis.geometry import Box
from visavis.photo import Photo
from visavis.service.doors.facepp.seeing import by_size, image_id, is_enough, kept_of, largest, look
from visavis.service.kept import Kept
from visavis.service.pool import GoneError, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.service.service import Service


def test_what_was_found_needs_no_second_look(sface: Any, small: Mapping[str, bytes]) -> None:
    photo = Photo.open(small["obama"])
    found = sface.examiner.find(photo)
    again = sface.examiner.look(photo, policy=Policy(), found=found)
    assert again.evidence == sface.examiner.look(photo, policy=Policy()).evidence


def test_the_largest_counts_and_a_box_goes_before_it(service: Service, beside: bytes) -> None:
    photo = Photo.open(beside)
    found = service.engine.find(Wanted(), photo)
    assert len(found.faces) == 2
    boxes = [face.box for face in by_size(found.faces)]
    assert boxes[0].area > boxes[1].area
    assert largest(found) == boxes[0]
    for box, expected in ((None, boxes[0]), (boxes[1], boxes[1]), (Box(0, 0, 2, 2), None)):
        seen = look(service.engine, Wanted(), photo, policy=Policy(), box=box, keeps=True)
        face = seen.examined.evidence.face
        assert (None if face is None else face.box) == expected
        assert (seen.token is None) == (seen.kept is None) == (expected is None)
        assert len(seen.faces) == (0 if expected is None else 2)


def test_nothing_is_looked_at_for_nobody(service: Service, beside: bytes) -> None:
    gone = Wanted()
    gone.give_up()
    with pytest.raises(GoneError):
        look(service.engine, gone, Photo.open(beside), policy=Policy(), box=None, keeps=True)


def test_what_is_kept(service: Service, small: Mapping[str, bytes]) -> None:
    seen = service.engine.verifier.examine(small["obama"])
    asks = Policy(floors={"inter_eye_distance": 10.0})
    for with_quality in (False, True):
        kept = kept_of(seen, with_quality=with_quality)
        assert kept is not None
        again = Kept.unpacked(kept.packed())
        assert again.evidence.sha256 == "0" * 64, "nothing leads back to the picture"
        assert (again.evidence.name, again.evidence.others, again.evidence.notes) == (None, (), ())
        assert is_enough(again, Policy())
        assert is_enough(again, asks) == with_quality
    poor = service.engine.verifier.examine(small["obama"], policy=Policy(min_inter_eye_px=1000))
    assert kept_of(poor, with_quality=False) is None
    assert kept_of(poor, with_quality=True) is None


def test_an_image_id_means_nothing() -> None:
    assert len({image_id() for _ in range(100)}) == 100
    assert all(len(each) == 24 for each in (image_id(), image_id()))
