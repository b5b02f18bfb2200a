"""Whether the faces of a batch may be compared: the rule of `access.fan_out`, in the ledger's database.

All batches that are recorded in one ledger count as one key, beside the keys of a service: whoever cuts a
search into many tables is stopped as if it were one. It is asked in the order of the rows, before anything
that was worked out is recorded, written or told. Two rows with the same pictures are asked for once: what was
allowed once may be asked again.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from visavis.access.fan_out import FanOut, secret_of
from visavis.access.windows import DatabaseWindow
from visavis.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from visavis.access.fan_out import Limits
    from visavis.access.windows import Turn, Window
    from visavis.batch.work import Answer
    from visavis.ledger.log import Ledger

KEY = "batch"
"""Under which all batches are counted; no key of a service is called so."""
GROUP = 32
"""Comparisons that share a turn: others wait for its end."""
REMEMBERED = 1_000_000
"""Comparisons that needn't be asked for again."""


class NotAdmittedError(AccessError):
    """A row may not be compared; how many before it may is known."""

    def __init__(self, error: AccessError, row: int) -> None:
        super().__init__(
            error.code,
            f"row {row}: {error.message}",
            found=error.found,
            expected=error.expected,
            retry_after_s=error.retry_after_s,
        )
        self.row = row


class Admission:
    """Lets comparisons through, or stops the batch."""

    def __init__(self, ledger: Ledger, limits: Limits | None = None) -> None:
        """Take a ledger that is open to be appended to.

        Args:
            ledger: In whose database it is counted.
            limits: How many different faces one face may be compared with.
        """
        assert ledger.key is not None  # noqa: S101  # one that is open to append has one
        secret = secret_of(ledger.key.secret)  # as the gate of a service: both count the same marks
        self._window = _Shared(DatabaseWindow(ledger.storage))
        self._fan_out = FanOut(self._window, limits, secret=secret)
        self._allowed: set[bytes] = set()
        self.limits = self._fan_out.limits

    def admit(self, answers: Sequence[Answer]) -> None:
        """Let the comparisons of some rows through, in their order.

        Raises:
            NotAdmittedError: `access.fan_out`: one of them would be one too many.
            StorageError: The window can't be read or written: nothing may be compared.
        """
        asked = []
        for answer in answers:
            if answer.probe is not None and answer.pair not in self._allowed:
                self._allowed.add(answer.pair)
                asked.append(answer)
        for start in range(0, len(asked), GROUP):
            with self._window.shared():
                refused = self._refused(asked[start : start + GROUP])
            if refused is not None:
                raise refused
        if len(self._allowed) > REMEMBERED:
            self._allowed.clear()

    def _refused(self, answers: Sequence[Answer]) -> NotAdmittedError | None:
        """The first that may not be compared; those before it are counted, whatever becomes of it."""
        for answer in answers:
            assert answer.probe is not None  # noqa: S101  # only such are asked for
            try:
                self._fan_out.admit(key=KEY, reference=answer.references, probe=answer.probe)
            except AccessError as error:
                return NotAdmittedError(error, answer.number)
        return None


class _Shared:
    """A window whose turns may share one transaction."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._turn: Turn | None = None

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Have all turns within the block be one."""
        with self._window.turn() as turn:
            self._turn = turn
            try:
                yield
            finally:
                self._turn = None

    def turn(self) -> AbstractContextManager[Turn]:
        """As `Window.turn`."""
        return self._window.turn() if self._turn is None else contextlib.nullcontext(self._turn)

    def scrub(self) -> None:
        """As `Window.scrub`."""
        self._window.scrub()
