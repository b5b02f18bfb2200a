from __future__ import annotations

import threading
import time
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from visavis.errors import PhotoError
from visavis.evaluation import workers
from visavis.evaluation.acquire import POLICY, acquire
from visavis.evaluation.store import Workplace
from visavis.evaluation.truth import Truth
from visavis.photo.limits import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from visavis.decision.policy import Policy
    from visavis.evaluation.acquire import Acquired
    from visavis.examiner import Examiner
    from visavis.verifier import Verifier


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "evaluations"


class Fake:
    """Sees a face in every picture but those that say otherwise, and counts how often it was asked."""

    fingerprint = "0123456789abcdef"

    def __init__(self, before: Callable[[bytes], None] = lambda content: None) -> None:
        self.asked: Counter[bytes] = Counter()
        self.before = before
        self._guard = threading.Lock()

    def examine(self, content: bytes, *, policy: Policy) -> Any:
        assert policy == POLICY
        self.before(content)
        with self._guard:
            self.asked[content] += 1
        if content == b"damaged":
            raise PhotoError("photo.damaged", "the JPEG is damaged", found="a hole")
        if content == b"wall":
            return SimpleNamespace(template=None, problem="no_face")
        return SimpleNamespace(template=SimpleNamespace(vector=vector(content)), problem=None)


def vector(content: bytes) -> NDArray[np.float32]:
    drawn = np.random.default_rng([*content]).normal(size=32)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


def truth_of(folder: Path, *contents: bytes) -> Truth:
    folder.mkdir(exist_ok=True)
    names = tuple(f"Ana/{number}.jpg" for number in range(len(contents)))
    paths = tuple(folder / name for name in names)
    for path, content in zip(paths, contents, strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return Truth("all-pairs", paths, names, np.zeros(len(paths), int), ("Ana",), None, (), ())


def run(truth: Truth, fake: Fake, **options: Any) -> Acquired:
    with Workplace(fake.fingerprint, "pictures") as workplace:
        return acquire(truth, cast("Examiner", fake), workplace=workplace, **options)


def test_by_hand(tmp_path: Path) -> None:
    fake = Fake(lambda content: time.sleep(0.05 * (content == b"slow")))  # comes back after the next ones
    truth = truth_of(tmp_path / "pictures", b"slow", b"wall", b"b", b"damaged", b"", b"c", b"wall")
    steps: list[tuple[int, int]] = []
    found = run(truth, fake, progress=lambda done, total: steps.append((done, total)))
    assert found.acquired.tolist() == [True, False, True, False, False, True, False]
    assert found.readable.tolist() == [True, True, True, False, False, True, True]
    assert found.vectors.dtype == np.float32
    assert (found.vectors == np.stack([vector(b"slow"), vector(b"b"), vector(b"c")])).all()
    assert found.failures == ("Ana/1.jpg", "Ana/6.jpg")
    assert [(one.what, one.code, one.message) for one in found.dropped] == [
        ("Ana/3.jpg", "unreadable", "the JPEG is damaged (found a hole)"),
        ("Ana/4.jpg", "unreadable", "the picture has no bytes"),
    ]
    assert found.fingerprint == fake.fingerprint
    assert found.seconds >= 0.05
    assert steps == [(done, 7) for done in range(1, 8)]


def test_files_that_cannot_be_read_are_named_without_this_machines_folders(tmp_path: Path) -> None:
    truth = truth_of(tmp_path / "pictures", b"a", b"b", b"c")
    truth.pictures[0].unlink()
    truth.pictures[1].unlink()
    truth.pictures[1].mkdir()
    with truth.pictures[2].open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    found = run(truth, fake := Fake())
    assert [one.message for one in found.dropped][:2] == [
        "there is no file 'Ana/0.jpg'",
        "'Ana/1.jpg' is a directory, not a picture",
    ]
    assert found.dropped[2].message.startswith("the picture has too many bytes")
    assert found.vectors.shape == (0, 0)
    assert not found.readable.any()
    assert not fake.asked


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    contents = [f"picture {number}".encode() for number in range(60)] + [b"wall"]
    truth = truth_of(tmp_path / "pictures", *contents)

    def kill(done: int, total: int) -> None:
        if done == 25:
            raise KeyboardInterrupt

    first, second, third = Fake(), Fake(), Fake()
    with pytest.raises(KeyboardInterrupt):
        run(truth, first, progress=kill)
    assert 25 <= first.asked.total() < 60
    found = run(truth, second)
    # Not one picture was looked at twice, and none was left out.
    assert first.asked + second.asked == Counter(contents)
    assert (found.vectors == np.stack([vector(content) for content in contents[:60]])).all()
    assert found.failures == ("Ana/60.jpg",)
    again = run(truth, third)
    assert third.asked.total() == 0  # a picture without a face isn't looked at again either
    assert (again.vectors == found.vectors).all()
    assert (again.acquired == found.acquired).all()


def test_what_was_kept_is_gone_after_the_end(tmp_path: Path, place: Path) -> None:
    truth = truth_of(tmp_path / "pictures", b"a", b"b")
    fake = Fake()
    with Workplace(fake.fingerprint, "pictures") as workplace:
        acquire(truth, cast("Examiner", fake), workplace=workplace)
        written = b"".join(path.read_bytes() for path in place.rglob("templates"))
        assert vector(b"a").tobytes()[:8] not in written
        assert b"no_face" not in written
        workplace.finish()
    assert [*place.rglob("*")] in ([], [place / "lock"])
    run(truth, fake)
    assert fake.asked == {b"a": 2, b"b": 2}


def test_an_interruption_does_not_wait_for_what_is_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "available_cores", lambda: 2)

    def kill(done: int, total: int) -> None:
        raise KeyboardInterrupt

    fake = Fake(lambda content: time.sleep(0.02))
    truth = truth_of(tmp_path / "pictures", *(f"{number}".encode() for number in range(50)))
    with pytest.raises(KeyboardInterrupt):
        run(truth, fake, progress=kill)
    # The first one is waited for, and those that both cores had begun by then.
    asked = fake.asked.total()
    assert asked <= 5
    time.sleep(0.1)
    assert fake.asked.total() == asked


def test_only_so_many_pictures_are_handed_out_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "available_cores", lambda: 2)
    gate = threading.Event()

    def hold(content: bytes) -> None:
        if content == b"0":
            gate.wait(5)

    fake = Fake(hold)
    truth = truth_of(tmp_path / "pictures", *(f"{number}".encode() for number in range(100)))
    seen: list[int] = []

    def release() -> None:
        time.sleep(0.3)  # while the first picture is held up, the others can't run away from it
        seen.append(fake.asked.total())
        gate.set()

    watcher = threading.Thread(target=release)
    watcher.start()
    run(truth, fake)
    watcher.join()
    assert seen == [workers.AHEAD * 2 - 1]
    assert fake.asked.total() == 100


def test_a_fault_in_a_thread_is_not_swallowed(tmp_path: Path) -> None:
    def fail(content: bytes) -> None:
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        run(truth_of(tmp_path / "pictures", b"a"), Fake(fail))


def test_hard_pictures_are_not_left_out() -> None:
    """A policy that refuses no face for its quality."""
    assert POLICY.faces == "largest_central"
    assert POLICY.min_inter_eye_px == POLICY.min_confidence == POLICY.min_inside == 0
    assert POLICY.max_disagreement == 10


def test_with_real_pictures(sface: Verifier, portraits: Mapping[str, bytes], tmp_path: Path) -> None:
    names = ("obama.jpg", "obama2.jpg", "biden.jpg")
    truth = truth_of(tmp_path / "pictures", *(portraits[name] for name in names), b"no picture")
    examiner = sface.examiner
    with Workplace(examiner.fingerprint, "pictures") as workplace:
        found = acquire(truth, examiner, workplace=workplace)
        again = acquire(truth, examiner, workplace=workplace)
        workplace.finish()
    assert found.acquired.tolist() == [True, True, True, False]
    assert [one.what for one in found.dropped] == ["Ana/3.jpg"]
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    expected = [examiner.examine(portraits[name], policy=POLICY).template for name in names]
    for row, template in zip(found.vectors, expected, strict=True):
        assert template is not None
        assert row == pytest.approx(template.vector, abs=1e-6)
    assert (again.vectors == found.vectors).all()
    scores = found.vectors @ found.vectors.T
    assert scores[0, 1] > scores[0, 2] + 0.2
