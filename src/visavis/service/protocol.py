"""HTTP/1.1 with patience that ends: uvicorn's protocol waits for a slow sender or reader for ever.

What the application answers to a slow body (408) comes first; these limits are for what never reaches it: a
head that doesn't end, a body that nobody reads any more, an answer that nobody takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from visavis.service.config import Config

if TYPE_CHECKING:
    import asyncio
    from typing import Literal

    Phase = tuple[Literal["head", "body", "answer"], int]

MARGIN_S = 5.0
"""How much longer a connection lives than the application's own limits, so that it can say why."""
DATABASE_S = 60.0
"""How long writing down an answer may take, on top of `answer_s`."""


class Patient(H11Protocol):
    """A connection that is closed where a phase of a request takes too long.

    Attributes:
        settings: Of the service; set once, before the first connection.
    """

    settings: ClassVar[Config] = Config()

    _phase: Phase | None = None
    _timer: asyncio.TimerHandle | None = None
    _last: object = None
    _number: int = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected; one too many is sent away at once."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.connections:
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """An answer was written."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended."""
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Set the clock where another phase, or another request, began."""
        phase = None if self.transport.is_closing() else self._which()
        if phase == self._phase:
            return
        self._stop()
        self._phase = phase
        if phase is not None:
            settings = self.settings
            seconds = {
                "head": settings.header_s,
                "body": settings.body_s + MARGIN_S,
                "answer": settings.answer_s + DATABASE_S,
            }[phase[0]]
            self._timer = self.loop.call_later(seconds, self._end)

    def _which(self) -> Phase | None:
        if self.cycle is not self._last:
            self._last, self._number = self.cycle, self._number + 1
        number = self._number
        theirs = self.conn.their_state
        if theirs is h11.IDLE:
            # Between two requests uvicorn's own limit counts, until the first byte of the next one.
            began = not self._has_asked or bool(self.conn.trailing_data[0])
            return ("head", number) if began else None
        if theirs is h11.SEND_BODY:
            return ("body", number)
        if self._has_asked and not self.cycle.response_complete:
            return ("answer", number)
        return None

    @property
    def _has_asked(self) -> bool:
        """Whether a request's head was read on this connection."""
        return self.scope is not None

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()
