"""How false non-matches grow when pictures get worse: each probe is made worse in known steps.

For each person one pair of pictures: the reference stays as it is, the probe goes through the whole corridor
again under every condition.
"""

from __future__ import annotations

import functools
import io
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.errors import PhotoError
from visavis.evaluation.acquire import POLICY
from visavis.evaluation.rates import wilson
from visavis.evaluation.result import Robustness, RobustnessTable
from visavis.evaluation.workers import on_all_cores
from visavis.faces.recognise import similarity
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from visavis.evaluation.truth import Truth
    from visavis.examiner import Examined, Examiner
    from visavis.faces.recognise import Template
    from visavis.geometry import Floats
    from visavis.photo import PhotoSource

    Pixels = NDArray[np.uint8]

AS_THEY_ARE = "as they are"
FILLING = 128  # grey beside a picture that was tilted: a mirrored border could show a second face


@dataclass(frozen=True, slots=True)
class Condition:
    """One way to make a picture worse.

    Attributes:
        name: What to call it.
        kind: ``"size"``, ``"blur"``, ``"compression"``, ``"tilt"`` or ``"grey"``.
        worsen: Takes H x W x 3 pixels and the five landmarks of the face in them, 5 x 2. Gives other pixels,
            the bytes of a picture, or None where the picture is worse than that already.
    """

    name: str
    kind: str
    worsen: Callable[[Pixels, Floats], Pixels | bytes | None]


def robustness(
    truth: Truth,
    examiner: Examiner,
    *,
    fmr_target: float,
    threshold: float,
    people: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> RobustnessTable | None:
    """FNMR of pictures made worse.

    A probe that gives no template is a false non-match and a failure to acquire; where it gives none as it
    is, nothing says where to make it worse, and it counts so under every condition. A reference without a
    template makes a false non-match of its pair under every condition. Pictures are worsened as finely as the
    corridor decodes them.

    Args:
        truth: Whose pictures they are. Where pairs are listed, listed ones are taken.
        examiner: Built with ``threads=1``: the cores are kept busy by several people at once.
        fmr_target: FMR of the operating point.
        threshold: Its threshold; a similarity that reaches it is a match.
        people: How many people at most, drawn by `seed` from those with two pictures that can be read.
        seed: What is drawn.
        progress: Called with the number of people done and of all, from the caller's thread.

    Returns:
        One row for each condition that at least one picture could be brought to; None where nobody has two
        pictures to compare.
    """
    of_people = _pairs(truth, np.random.default_rng(seed))
    total = min(people, len(of_people))
    outcomes = []
    work = functools.partial(_person, truth, examiner=examiner)
    with closing(on_all_cores(work, of_people)) as found:
        for outcome in islice((each for each in found if each is not None), total):
            outcomes.append(outcome)
            if progress is not None:
                progress(len(outcomes), total)
    if not outcomes:
        return None
    names = [(AS_THEY_ARE, "none"), *((condition.name, condition.kind) for condition in CONDITIONS)]
    rows = (
        _row(condition, kind, [each for each in column if each is not None], threshold)
        for (condition, kind), column in zip(names, zip(*outcomes, strict=True), strict=True)
    )
    return RobustnessTable(fmr_target, threshold, tuple(row for row in rows if row.pairs))


# The ways to make a picture worse


def smaller(pixels: Pixels, points: Floats, *, inter_eye: float) -> Pixels | None:
    """The whole picture shrunk until the eyes are `inter_eye` pixels apart; None if they are closer already.

    Factor: `inter_eye` through the distance between the eyes. Each pixel is the mean of the area it covers.
    """
    import cv2

    factor = inter_eye / _inter_eye(points)
    if factor > 1:
        return None
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def blurred(pixels: Pixels, points: Floats, *, share: float) -> Pixels:
    """Blurred by a Gaussian whose standard deviation s is `share` of the distance between the eyes.

    Weight of a pixel at distance d: exp(-d² / 2s²), cut off where it no longer counts.
    """
    import cv2

    return cv2.GaussianBlur(pixels, (0, 0), share * _inter_eye(points))  # type: ignore[return-value]


def compressed(pixels: Pixels, _points: Floats, *, quality: int) -> bytes:
    """As the bytes of a JPEG of a quality on libjpeg's scale of 1 to 100, colours at half the resolution."""
    from PIL import Image

    to = io.BytesIO()
    Image.fromarray(pixels).save(to, "JPEG", quality=quality, subsampling="4:2:0")
    return to.getvalue()


def tilted(pixels: Pixels, points: Floats, *, degrees: float) -> Pixels:
    """Turned clockwise in the picture plane around the middle of the face's landmarks.

    The picture keeps its size; what comes in from outside of it is grey.
    """
    import cv2

    # Pixel centres lie at whole numbers for OpenCV and at halves here; y runs down.
    x, y = points.mean(axis=0) - 0.5
    matrix = cv2.getRotationMatrix2D((float(x), float(y)), -degrees, 1.0)
    height, width = pixels.shape[:2]
    return cv2.warpAffine(  # type: ignore[return-value]
        pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(FILLING,) * 3
    )


def grey(pixels: Pixels, _points: Floats) -> Pixels:
    """Without colour: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) in all three channels."""
    import cv2

    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)  # type: ignore[return-value]


def _inter_eye(points: Floats) -> float:
    """Distance between the eyes in pixels; at least 1, which no face that is found falls short of."""
    return max(1.0, float(np.linalg.norm(points[1] - points[0])))


CONDITIONS = (
    *(
        Condition(f"eyes {px} px apart", "size", functools.partial(smaller, inter_eye=px))
        for px in (30, 20, 15, 10)
    ),
    *(
        Condition(
            f"blurred by {share:.0%} of the eyes' distance", "blur", functools.partial(blurred, share=share)
        )
        for share in (0.05, 0.10)
    ),
    *(
        Condition(f"JPEG quality {quality}", "compression", functools.partial(compressed, quality=quality))
        for quality in (50, 30, 10)
    ),
    *(
        Condition(f"tilted by {degrees}\N{DEGREE SIGN}", "tilt", functools.partial(tilted, degrees=degrees))
        for degrees in (15, 30, 45)
    ),
    Condition("grey", "grey", grey),
)


# The way of one pair


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one pair: its similarity, None where one of the two gave no template."""

    similarity: float | None
    acquired: bool


def _pairs(truth: Truth, random: np.random.Generator) -> list[Iterable[Sequence[int]]]:
    """For each person the pairs that may be taken, the first that can be read; people and pairs in an order
    drawn at random.
    """  # noqa: D205
    people: list[list[Any]]
    if truth.pairs is None:
        order = np.argsort(truth.person, kind="stable")
        pictures = np.split(order, np.cumsum(np.bincount(truth.person))[:-1])
        people = [own.tolist() for own in pictures if len(own) > 1]
        drawn = [random.permutation(people[place]).tolist() for place in random.permutation(len(people))]
        return [combinations(own, 2) for own in drawn]
    of_person = defaultdict(list)
    same = truth.pairs.same
    for two in np.stack([truth.pairs.first[same], truth.pairs.second[same]], axis=1).tolist():
        of_person[truth.person[two[0]]].append(two)
    people = list(of_person.values())
    return [random.permutation(people[place]).tolist() for place in random.permutation(len(people))]


def _person(truth: Truth, pairs: Iterable[Sequence[int]], examiner: Examiner) -> list[_Outcome | None] | None:
    """What came of the first pair that can be read: as it is, then under each condition."""
    seen: dict[int, Examined | None] = {}
    for two in pairs:
        for picture in two:
            if picture not in seen:
                seen[picture] = _examined(truth.pictures[picture], examiner)
        reference, probe = (seen[picture] for picture in two)
        if reference is not None and probe is not None:
            return _pair(reference.template, probe, examiner)
    return None


def _pair(reference: Template | None, probe: Examined, examiner: Examiner) -> list[_Outcome | None]:
    clean = _outcome(reference, probe)
    face, photo = probe.evidence.face, probe.photo
    if face is None:
        return [clean] * (1 + len(CONDITIONS))
    points = face.points * photo.scale
    outcomes: list[_Outcome | None] = [clean]
    for condition in CONDITIONS:
        worse = condition.worsen(photo.pixels, points)
        outcomes.append(None if worse is None else _outcome(reference, _examined(worse, examiner)))
    return outcomes


def _examined(picture: PhotoSource | Pixels, examiner: Examiner) -> Examined | None:
    """A picture after its way down the corridor; None where it can't be used at all."""
    try:
        source = Photo.from_pixels(picture) if isinstance(picture, np.ndarray) else picture
        return examiner.examine(source, policy=POLICY)
    except PhotoError:
        return None


def _outcome(reference: Template | None, probe: Examined | None) -> _Outcome:
    template = None if probe is None else probe.template
    if reference is None or template is None:
        return _Outcome(None, acquired=template is not None)
    return _Outcome(similarity(reference, template), acquired=True)


def _row(condition: str, kind: str, outcomes: Sequence[_Outcome], threshold: float) -> Robustness:
    missed = sum(each.similarity is None or each.similarity < threshold for each in outcomes)
    interval = wilson(missed, len(outcomes))
    return Robustness(
        condition=condition,
        kind=kind,
        fnmr=missed / max(len(outcomes), 1),
        fnmr_low=interval.low,
        fnmr_high=interval.high,
        failures_to_acquire=sum(not each.acquired for each in outcomes),
        pairs=len(outcomes),
    )
