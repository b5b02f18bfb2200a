"""What of a check's pictures is shown, and that what is left of them afterwards can only be compared."""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.documents.specimens import Specimens, make

from visavis.decision.policy import Policy
from visavis.packs.install import install
from visavis.service.kept import without_picture
from visavis.service.pages import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from visavis.verifier import ExaminedDocument, Verifier

STRICT = Policy(reference_quality="document_portrait", quality="selfie")


@pytest.fixture(scope="module")
def specimens(
    tmp_path_factory: pytest.TempPathFactory, sface: Verifier, portraits: Mapping[str, bytes]
) -> Specimens:
    return make(tmp_path_factory.mktemp("specimens"), sface, portraits["obama.jpg"])


@pytest.fixture(scope="module")
def document(sface: Verifier, specimens: Specimens) -> ExaminedDocument:
    """A card with both sides and a chip that isn't its own."""
    install("mrz")
    pages = [specimens.front.read_bytes(), specimens.back.read_bytes()]
    return sface.examine_document(sface.read_document(pages, chip=specimens.other_chip.read_bytes()))


def arrays(value: Any, seen: set[int]) -> Iterator[np.ndarray]:
    """All arrays that something holds, at any depth."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, bytes):
        yield np.frombuffer(value, np.uint8)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from arrays(getattr(value, field.name), seen)
    elif isinstance(value, dict):
        for each in value.values():
            yield from arrays(each, seen)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from arrays(each, seen)


def plain(verdict: Any) -> Any:
    return {**verdict.to_dict(), "timings": None}


@pytest.mark.parametrize("policy", [Policy(), STRICT])
def test_a_lean_document_gives_the_same_verdict(
    sface: Verifier, document: ExaminedDocument, portraits: Mapping[str, bytes], policy: Policy
) -> None:
    lean = shown.lean(document, policy.demanded()[0])
    probe = sface.examine(portraits["obama2.jpg"], policy=policy)
    whole = sface.verify_document(document, probe, policy=policy)
    assert plain(sface.verify_document(lean, probe, policy=policy)) == plain(whole)
    assert lean.document.to_dict().keys() == document.document.to_dict().keys()


def test_a_lean_document_holds_no_picture(document: ExaminedDocument) -> None:
    """Only what recognisers read is left, 112 x 112 for each view, and templates."""
    allowed = document.reference.chips
    assert allowed is not None
    largest = max((array.size for array in arrays(shown.lean(document, None), set())), default=0)
    assert largest <= allowed.size
    assert max(array.size for array in arrays(document, set())) > 10 * allowed.size  # and it was there
    chip = shown.lean(document, None).document.chip
    assert chip is not None
    assert not any(chip.groups.values())
    assert chip.portrait is None
    assert chip.groups.keys() >= {"DG1", "DG2", "SOD"}


def test_without_a_picture_a_photo_gives_the_same_verdict(
    sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    reference = sface.examine(portraits["obama.jpg"], policy=STRICT)
    probe = sface.examine(portraits["obama2.jpg"], policy=STRICT)
    lean = without_picture(reference, STRICT.demanded()[0])
    assert lean.photo.pixels.shape == (1, 1, 3)
    assert (lean.photo.width, lean.photo.sha256) == (reference.photo.width, reference.photo.sha256)
    whole = plain(sface.compare([reference], probe, policy=STRICT))
    assert plain(sface.compare([lean], probe, policy=STRICT)) == whole


def test_faces_lie_side_by_side(
    sface: Verifier, document: ExaminedDocument, portraits: Mapping[str, bytes]
) -> None:
    pictures = shown.of_document(document) | shown.of_photo(sface.examine(portraits["obama2.jpg"]), "probe")
    assert set(pictures) == {"page-1", "page-2", "portrait", "chip", "face-reference", "probe", "face-probe"}
    sizes = {name: Image.open(io.BytesIO(data)).size for name, data in pictures.items()}
    assert sizes["portrait"] == sizes["chip"] == sizes["probe"]
    assert sizes["face-probe"] == sizes["face-reference"] == (112, 112)
    assert max(sizes["page-1"]) == shown.PAGE
    assert all(len(data) < 150_000 for data in pictures.values())


def test_a_photo_without_a_face_is_shown_as_a_whole(sface: Verifier, faceless: bytes) -> None:
    assert set(shown.of_photo(sface.examine(faceless), "probe")) == {"probe"}
