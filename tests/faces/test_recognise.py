from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from visavis.errors import PackError
from visavis.faces.recognise import BATCH, Recogniser, Template, similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from visavis.packs.runtime import Network
    from visavis.verifier import Verifier


class Colours:
    """A network whose vector for a chip is its first pixel, and that notes how much it was given at once."""

    def __init__(self, size: int = 3) -> None:
        self.size = size
        self.batches: list[int] = []

    def __call__(self, chips: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        assert chips.shape[1:] == (112, 112, 3)
        self.batches.append(len(chips))
        return {"template": chips[:, 0, 0, : self.size].astype(np.float32) - 128}


def recogniser(*networks: tuple[Colours, int], fingerprint: str = "f" * 16) -> Recogniser:
    """With how many of a face's chips each network reads."""
    return Recogniser(cast("list[tuple[Network, int]]", networks), pack="toy", fingerprint=fingerprint)


def chips_of(*vectors: Sequence[float]) -> NDArray[np.uint8]:
    """Chips of one face, a vector for each view."""
    colours = np.array(vectors)[:, None, None] + 128
    return np.broadcast_to(colours, (len(vectors), 112, 112, 3)).astype(np.uint8)


def template(*vectors: Sequence[float], fingerprint: str = "f" * 16) -> Template:
    (made,) = recogniser((Colours(), len(vectors)), fingerprint=fingerprint)([chips_of(*vectors)])
    return made


def test_a_template_has_length_1() -> None:
    made = template((3, 4, 0))
    assert made.vector == pytest.approx([0.6, 0.8, 0])
    assert made.vector.dtype == np.float32
    assert (made.pack, made.fingerprint) == ("toy", "f" * 16)


def test_views_weigh_the_same_whatever_their_length() -> None:
    assert template((100, 0, 0), (0, 1, 0)).vector == pytest.approx([0.5**0.5, 0.5**0.5, 0])


def test_many_faces_in_order_and_in_batches() -> None:
    network = Colours()
    recognise = recogniser((network, 2))
    faces = [chips_of((number, 1, 0), (0, number, 2)) for number in range(40)]
    made = recognise(faces)
    assert max(network.batches) == 2 * BATCH
    assert sum(network.batches) == 80
    for one, face in zip(made, faces, strict=True):
        (alone,) = recognise([face])
        assert (one.vector == alone.vector).all()
    assert recognise([]) == []


# Several networks


def test_a_template_of_two_networks_has_length_1_and_both_weigh_the_same() -> None:
    recognise = recogniser((Colours(), 1), (Colours(2), 1))
    (made,) = recognise([chips_of((3, 4, 0), (0, 100, 0))])
    half = 0.5**0.5
    assert made.vector == pytest.approx([0.6 * half, 0.8 * half, 0, 0, half])
    assert made.vector.dtype == np.float32


def test_the_similarity_of_two_networks_is_the_mean_of_their_cosines() -> None:
    recognise = recogniser((Colours(), 1), (Colours(2), 1))
    reference, probe = recognise([chips_of((3, 4, 0), (1, 0, 0)), chips_of((4, 3, 0), (6, 8, 0))])
    assert similarity(reference, probe) == pytest.approx((0.96 + 0.6) / 2)


def test_each_network_reads_its_own_views() -> None:
    random = np.random.default_rng(0)
    faces = [chips_of(*random.integers(-100, 100, (3, 3))) for _ in range(20)]
    first, second = Colours(), Colours()
    made = recogniser((first, 2), (second, 1))(faces)
    alone = [
        recogniser((Colours(), 2))([chips[:2] for chips in faces]),
        recogniser((Colours(), 1))([chips[2:] for chips in faces]),
    ]
    for one, *parts in zip(made, *alone, strict=True):
        together = np.concatenate([part.vector for part in parts])
        assert one.vector == pytest.approx(together / 2**0.5, abs=1e-7)
    assert (first.batches, second.batches) == ([2 * BATCH, 8], [BATCH, 4])


@pytest.mark.parametrize("views", [1, 2, 4])
def test_chips_that_are_too_few_or_too_many(views: int) -> None:
    with pytest.raises(ValueError, match=f"3 chips of each face were expected, found {views}"):
        recogniser((Colours(), 2), (Colours(), 1))([chips_of(*[(1, 0, 0)] * views)])


# A template


def test_nobody_can_change_a_template() -> None:
    with pytest.raises(ValueError, match="read-only"):
        template((1, 0, 0)).vector[0] = 2


def test_a_repr_without_the_numbers() -> None:
    assert repr(template((1, 0, 0))) == "<Template of toy ffffffffffffffff, 3 numbers>"


# Two templates


@pytest.mark.parametrize(
    ("first", "second", "cosine"),
    [
        ((1, 0, 0), (2, 0, 0), 1),
        ((1, 0, 0), (0, 1, 0), 0),
        ((1, 0, 0), (-3, 0, 0), -1),
        ((3, 4, 0), (4, 3, 0), 0.96),
    ],
)
def test_similarity_is_the_cosine(first: Sequence[float], second: Sequence[float], cosine: float) -> None:
    assert similarity(template(first), template(second)) == pytest.approx(cosine)
    assert similarity(template(second), template(first)) == similarity(template(first), template(second))


def test_similarity_stays_within_its_range() -> None:
    vectors = np.random.default_rng(0).integers(1, 40, (100, 3))
    values = [similarity(template(vector), template(3 * vector)) for vector in vectors]
    assert max(values) <= 1
    assert min(values) > 0.999999


def test_templates_of_two_packs_never_meet() -> None:
    ours, theirs = template((1, 0, 0)), template((1, 0, 0), fingerprint="0" * 16)
    for first, second in ((ours, theirs), (theirs, ours)):
        with pytest.raises(PackError) as caught:
            similarity(first, second)
        assert caught.value.code == "pack.other_template"
        assert caught.value.found == f"toy {second.fingerprint}"
        assert caught.value.expected == f"toy {first.fingerprint}"


# The real networks


def test_company_changes_no_template(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    """A face alone and in a batch with others: a network whose scales depend on its input would differ."""
    recognise = sface.examiner._recognise
    chips = [seen.chips for data in portraits.values() if (seen := sface.examine(data)).chips is not None]
    assert len(chips) == len(portraits)
    dark = np.zeros_like(chips[0])
    for face, together in zip(chips, recognise([*chips, dark]), strict=False):
        (alone,) = recognise([face])
        assert together.vector == pytest.approx(alone.vector, abs=1e-5)
