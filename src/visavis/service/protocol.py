"""HTTP/1.1 as an overloaded service has to speak it; uvicorn's protocol lets everybody in and waits for ever.

**Turned away by the head.** A request that finds no room is answered as soon as its head was read, before the
application hears of it.

**A farewell.** Many clients read nothing until all is sent, and a connection that is closed over bytes that
nobody took is reset, with the answer lost. So where a request was answered before all of it came, and the
connection is to end, what still comes is taken and thrown away first, as much as was announced, for some
seconds.

**Patience that ends.** What the application answers to a slow body (408) comes first; these limits are for
what never reaches it: a head that doesn't end, a body that nobody reads any more, an answer that nobody
takes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Literal

    from visavis.service.porter import Porter

    Phase = tuple[Literal["head", "body", "answer", "farewell"], int]

MARGIN_S = 5.0
"""How much longer a connection lives than the application's own limits, so that it can say why."""
DATABASE_S = 60.0
"""How long writing down an answer may take, on top of `answer_s`."""
FAREWELL_S = 10.0
"""How long somebody who has their answer may go on sending."""
FAREWELL_TIMES = 2
"""How many times the largest body is thrown away at most: who sends a little too much hears so."""


class Patient(H11Protocol):
    """A connection on which no phase of a request takes too long, and who finds no room hears it at once."""

    _phase: Phase | None = None
    _timer: asyncio.TimerHandle | None = None
    _last: object = None
    _number: int = 0
    _to_come: int | None = None
    """Bytes that are thrown away before the connection is closed; None where it isn't to be closed."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """As `H11Protocol`; the application's lifespan has put its porter into the state."""
        super().__init__(*given, **named)
        self._porter: Porter = self.app_state["porter"]
        self._settings = self._porter.service.config
        self.conn = self._asked = _Asked(
            self._is_turned_away,
            FAREWELL_TIMES * self._settings.body_mib * 2**20,
            self.config.h11_max_incomplete_event_size,
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected; one too many is sent away at once."""
        super().connection_made(cast("asyncio.Transport", _Parting(transport, self._parts)))
        if len(self.connections) > self._settings.connections:
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._to_come is None:
            super().data_received(data)
        else:
            self._throw_away(len(data))
        self._watch()

    def on_response_complete(self) -> None:
        """An answer was written."""
        super().on_response_complete()
        if self._to_come is not None:
            self._unset_keepalive_if_required()  # a farewell has its own time
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
            settings = self._settings
            seconds = {
                "head": settings.header_s,
                "body": settings.body_s + MARGIN_S,
                "answer": settings.answer_s + DATABASE_S,
                "farewell": FAREWELL_S,
            }[phase[0]]
            self._timer = self.loop.call_later(seconds, self._end)

    def _which(self) -> Phase | None:
        if self.cycle is not self._last:
            self._last, self._number = self.cycle, self._number + 1
        number = self._number
        if self._to_come is not None:
            return ("farewell", number)
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

    def _is_turned_away(self, request: h11.Request) -> bool:
        """Answer a request that finds no room."""
        refusal = self._porter.refusal(request.method, request.target, request.headers)
        if refusal is None:
            return False
        self._unset_keepalive_if_required()
        head = h11.Response(
            status_code=refusal.status,
            reason=STATUS_PHRASES[refusal.status],
            headers=[*self.server_state.default_headers, *refusal.fields, (b"connection", b"close")],
        )
        answer = (head, h11.Data(data=refusal.body), h11.EndOfMessage())
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in answer))
        self.server_state.total_requests += 1
        # Of somebody who found no room no more is taken than could have been let in.
        self._asked.left = min(self._asked.left, self._settings.body_mib * 2**20)
        self.transport.close()
        return True

    def _parts(self) -> bool:
        """Whether the connection ends now, and not only when the rest of a request was thrown away."""
        if self._to_come is not None or self.conn.their_state is not h11.SEND_BODY:
            return True
        if time.monotonic() - self._asked.since >= self._settings.body_s:  # they had their time
            return True
        self._to_come = self._asked.left
        self._throw_away(len(self.conn.trailing_data[0]))
        return False

    def _throw_away(self, count: int) -> None:
        """Take bytes of somebody who has their answer; with the last one the connection ends."""
        assert self._to_come is not None  # noqa: S101  # set where the connection is to end
        self._to_come -= count
        if self._to_come <= 0:
            self.transport.close()


class _Parting:
    """A transport that is closed when nothing more is to come; all else is the transport's own.

    Uvicorn closes connections in several places, most of which no class of its own gets to see.
    """

    def __init__(self, transport: asyncio.Transport, parts: Callable[[], bool]) -> None:
        self._transport = transport
        self._parts = parts

    def close(self) -> None:
        """Close it, now or when all came."""
        if self._parts():
            self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Asked(h11.Connection):
    """The server's side of HTTP/1.1 on one connection, which keeps back a request that is turned away.

    Attributes:
        left: Bytes of the request's body that are still to come, at most.
        since: When its head was there, by the monotonic clock.
    """

    since: float = 0.0

    def __init__(
        self, is_turned_away: Callable[[h11.Request], bool], most: int, most_of_head: int | None
    ) -> None:
        """Begin.

        Args:
            is_turned_away: Whether a request finds no room; it answers it then.
            most: Bytes that `left` is at most.
            most_of_head: As h11 takes it.
        """
        given = {} if most_of_head is None else {"max_incomplete_event_size": most_of_head}
        super().__init__(h11.SERVER, **given)
        self._is_turned_away = is_turned_away
        self._most = self._announced = self.left = most

    def next_event(self) -> Any:
        """As h11's; as if nothing had come where a request was turned away."""
        try:
            event = super().next_event()
        except ValueError as error:  # a length of more digits than Python reads
            raise h11.RemoteProtocolError("bad Content-Length") from error
        if isinstance(event, h11.Data):
            self.left -= len(event.data)
        elif isinstance(event, h11.Request):
            self.since = time.monotonic()
            self._announced = _announced(event, self._most)
            # Where a client waits to be asked for the body, nothing comes before that.
            self.left = 0 if self.they_are_waiting_for_100_continue else self._announced
            if self._is_turned_away(event):
                return h11.NEED_DATA
        return event

    def send(self, event: Any) -> Any:
        """As h11's."""
        if isinstance(event, h11.InformationalResponse):
            self.left = self._announced
        return super().send(event)


def _announced(request: h11.Request, most: int) -> int:
    """Bytes that follow a request's head, at most; of a length that isn't told, as many as may be."""
    length = dict(request.headers).get(b"content-length")
    return most if length is None else min(most, int(length))
