"""A batch from its table to its summary; reads top to bottom.

table -> claims -> engines -> let through -> ledger -> part of the results

Rows go through in parts, which are cut by the table alone and recorded in order. What of a part is on disk
when everything is killed tells what is left to do: its entries are in the ledger all together or not at all,
and its file is whole or not there. So no row is recorded twice and none is left out.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from visavis.access.fan_out import Limits
from visavis.batch import results, summary
from visavis.batch.admission import GROUP, Admission, NotAdmittedError
from visavis.batch.folder import Folder
from visavis.batch.pairs import Pairs
from visavis.batch.record import Record
from visavis.batch.rows import Claim
from visavis.batch.scan import Meetings
from visavis.batch.work import ROWS, Setup, Task
from visavis.decision.calibration import load, shipped
from visavis.decision.policy import Policy
from visavis.errors import AccessError
from visavis.ledger.log import Ledger
from visavis.packs.catalogue import DEFAULT_PACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from visavis.batch.engine import Engine
    from visavis.batch.pairs import Part, Survey
    from visavis.batch.rows import Row
    from visavis.batch.summary import Summary
    from visavis.batch.work import Answer, Answers, Looked
    from visavis.decision.calibration import Calibration

REMEMBERED = 64 * 2**20
"""Bytes of templates that are kept for pictures which are named again."""


def local(processes: int | None = None) -> Callable[[Setup], Engine]:
    """What starts an engine on this machine.

    Args:
        processes: How many; by default as many as cores and memory allow, and one where a GPU does the work.
    """

    def start(setup: Setup) -> Engine:
        from visavis.batch.local import LocalEngine
        from visavis.batch.machine import processes as allowed

        return LocalEngine(setup, processes or (allowed() if setup.device == "cpu" else 1))

    return start


def cluster(address: str | None = None, processes: int | None = None) -> Callable[[Setup], Engine]:
    """What starts an engine on a cluster of Ray.

    Args:
        address: ``host:port``, or ``auto`` for that which this machine is a node of. Without one a Ray of
            this machine alone is started, and ended with the engine.
        processes: How many; by default as many as cores (or GPUs) and memory of the cluster allow.
    """

    def start(setup: Setup) -> Engine:
        from visavis.batch.on_ray import RayEngine

        return RayEngine(setup, address=address, processes=processes)

    return start


def run(
    table: str,
    out: Path,
    *,
    ledger: str | Path,
    pack: str = DEFAULT_PACK,
    policy: Policy | None = None,
    calibration: str | None = None,
    purpose: str | None = None,
    device: str = "cpu",
    engine: Callable[[Setup], Engine] | None = None,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Answer for each row of a table, or go on where that was interrupted.

    Args:
        table: Path or address of the table.
        out: The folder of the batch.
        ledger: Where each row is recorded: a file, or an address of PostgreSQL.
        pack: Name of an installed pack.
        policy: What applies to all rows.
        calibration: The path of the operator's own.
        purpose: Of rows that say none.
        device: On what networks run, ``"cpu"`` or ``"cuda"``.
        engine: Starts what answers: `local`, which is the default, or `cluster`.
        limits: How many different faces one face may be compared with.
        progress: Called with the number of rows done and of all.

    Raises:
        BatchError: The table or the folder can't be used, or what works on it can't be kept alive.
        AccessError: `access.fan_out`: one face would meet too many others; the ledger says so by then.
        PackError: The pack isn't installed or is damaged, or can't run on that device.
        PolicyError: The calibration can't support the policy.
        LedgerError: The ledger can't be used, or its key.
        StorageError: The ledger can't be read or written.
    """
    policy, limits = policy or Policy(), limits or Limits()
    pairs = Pairs(table, purpose=purpose, reserved=results.COLUMNS)
    rates, fingerprint = _rates(pack, calibration)
    threshold = rates.threshold(policy.fmr, extrapolate=policy.extrapolate)
    seen = _Seen()
    survey = pairs.survey(seen.see)
    if survey.has_documents:
        from visavis.packs.install import require_any

        require_any("mrz")
    folder = Folder(out)
    with Ledger.open(ledger) as opened, folder.locked():
        state = opened.state()
        known = folder.manifest()
        batch = secrets.token_hex(16) if known is None else known["batch"]
        record = Record(opened, batch)
        try:
            seen.meetings.check(limits)
        except AccessError as error:
            record.append_stop(error, purpose or seen.purpose, _hours(limits))
            raise
        manifest = folder.bind(
            {
                "batch": batch,
                "after": state.size - 1,
                "table": {"name": pairs.name, "sha256": survey.digest},
                "rows": survey.rows,
                "purpose": purpose,
                "pack": pack,
                "fingerprint": fingerprint,
                "policy": policy.to_dict(),
                "calibration": rates.digest,
                "device": device,
                "ledger": state.origin,
            }
        )
        work = _Batch(folder, record, Admission(opened, limits), manifest, survey, progress)
        start = engine or local()
        own = None if calibration is None else rates
        work.go_on(pairs, lambda: start(Setup(pack, policy, own, batch, device)))
        found = summary.summarise(list(folder.parts().values()), manifest, threshold)
        summary.write(folder, found)
        return found


def _rates(pack: str, calibration: str | None) -> tuple[Calibration, str]:
    """The calibration that applies, and the pack's fingerprint."""
    from visavis.packs.install import require

    fingerprint = require(pack).fingerprint
    if calibration is None:
        return shipped(pack, fingerprint), fingerprint
    return load(calibration, pack=pack, fingerprint=fingerprint), fingerprint


def _hours(limits: Limits) -> float:
    return limits.window / timedelta(hours=1)


class _Seen:
    """What of all rows has to be known before the first one is worked on."""

    def __init__(self) -> None:
        self.meetings = Meetings()
        self.purpose: str | None = None

    def see(self, row: Row) -> None:
        """Take a row in."""
        self.meetings.see(row)
        if self.purpose is None and isinstance(row, Claim):
            self.purpose = row.purpose


@dataclass(slots=True, eq=False)
class _Pending:
    """A part that is worked on."""

    part: Part
    tasks: int
    answers: list[Answer] = field(default_factory=list)
    asked: int = 0  # of how many answers it was asked whether they may be given


@dataclass(slots=True, eq=False)
class _Batch:
    """The parts of a batch, on their way."""

    folder: Folder
    record: Record
    admission: Admission
    manifest: Mapping[str, Any]
    survey: Survey
    progress: Callable[[int, int], None] | None
    pictures: Pictures = field(default_factory=lambda: Pictures(REMEMBERED))
    pending: deque[_Pending] = field(default_factory=deque)
    done: int = 0

    def go_on(self, pairs: Pairs, start: Callable[[], Engine]) -> None:
        """Do what isn't done."""
        there = self.folder.parts()
        left = [number for number in range(1, self.survey.parts + 1) if number not in there]
        rows, size = self.survey.rows, self.survey.part_rows
        self.done = rows - sum(min(size, rows - size * (number - 1)) for number in left)
        if not left:
            self._tell()
            return
        self.record.find(self._after(there, left[0]))
        engine = start()
        try:
            self._tell()
            for found in engine.answers(self._tasks(pairs, frozenset(there))):
                self.pictures.keep(found.looked)
                self._take(found)
            self._settle()
            self._tell()
        finally:
            engine.close()

    def _after(self, there: Mapping[int, Path], first: int) -> int:
        """The index of an entry after which those of all parts that are left must be."""
        for number in range(first - 1, 0, -1):
            indices = [row["ledger_index"] for row in results.read(there[number], ["ledger_index"])]
            if recorded := [index for index in indices if index is not None]:
                return int(max(recorded))
        return int(self.manifest["after"])

    def _tasks(self, pairs: Pairs, there: frozenset[int]) -> Iterator[Task]:
        """The rows that are left, in what is handed out together, with what is known of their pictures."""
        number = 0
        for part in pairs.parts(self.survey):
            if part.number in there:
                continue
            claims = [row for row in part.rows if isinstance(row, Claim)]
            starts = range(0, len(claims), ROWS)
            self.pending.append(_Pending(part, len(starts)))
            for start in starts:
                some = tuple(claims[start : start + ROWS])
                places = [place for claim in some for place in (claim.reference, claim.probe) if place]
                yield Task(number, some, self.pictures.known(places))
                number += 1

    def _take(self, found: Answers) -> None:
        """Take answers in: they are of the first part that still waits for some."""
        self._settle()
        first = self.pending[0]
        first.tasks -= 1
        first.answers += found.answers
        if len(first.answers) - first.asked >= GROUP:
            self._admit(first)
        self.done += len(found.answers)
        self._settle()
        self._tell()

    def _settle(self) -> None:
        """Record and write the parts that are complete, in order."""
        while self.pending and not self.pending[0].tasks:
            pending = self.pending.popleft()
            self.done += len(pending.part.rows) - len(pending.answers)
            self._admit(pending)
            self._commit(pending.part, pending.answers)

    def _admit(self, pending: _Pending) -> None:
        """Let comparisons of a part through, unless they were before: then they are recorded."""
        answers = pending.answers[pending.asked :]
        pending.asked = len(pending.answers)
        if self.record.is_recorded(answers):
            return
        try:
            self.admission.admit(answers)
        except NotAdmittedError as error:
            purposes = {row.number: row.purpose for row in pending.part.rows if isinstance(row, Claim)}
            self.record.append_stop(error, purposes[error.row], _hours(self.admission.limits))
            raise

    def _commit(self, part: Part, answers: Sequence[Answer]) -> None:
        """Record a part, and only then write what it came to."""
        known = self.record.is_recorded(answers)
        indices = self.record.recorded(answers) if known else self.record.append(answers)
        cells: dict[int, dict[str, Any]] = {
            answer.number: {**answer.cells, "ledger_index": index}
            for answer, index in zip(answers, indices, strict=True)
        }
        for row in part.rows:
            if not isinstance(row, Claim):
                cells[row.number] = {"error": row.code, "message": row.message}
        about = {
            name: self.manifest[name]
            for name in ("batch", "pack", "fingerprint", "calibration", "policy", "device", "ledger")
        }
        with self.folder.part(part.number) as file:
            ordered = [{"row": row.number, **cells[row.number]} for row in part.rows]
            results.write(file, ordered, part.passed, about)

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(self.done, self.survey.rows)


class Pictures:
    """What is known of pictures, those that were named last; never more than so many bytes."""

    def __init__(self, most: int) -> None:
        """Say how many bytes."""
        self._most = most
        self._held = 0
        self._looked: OrderedDict[str, Looked] = OrderedDict()

    def keep(self, looked: Mapping[str, Looked]) -> None:
        """Keep pictures, and let go of those that were named longest ago."""
        for location, each in looked.items():
            self._held += _bytes(location, each)
            if (before := self._looked.pop(location, None)) is not None:
                self._held -= _bytes(location, before)
            self._looked[location] = each
        while self._held > self._most:
            location, oldest = self._looked.popitem(last=False)
            self._held -= _bytes(location, oldest)

    def known(self, locations: Sequence[str]) -> dict[str, Looked]:
        """What is known of some."""
        found = {location: self._looked[location] for location in locations if location in self._looked}
        for location in found:
            self._looked.move_to_end(location)
        return found


def _bytes(location: str, looked: Looked) -> int:
    return len(location) + len(looked.content) + 500  # what the objects take that hold them, about
