"""Where there is no room, a request is turned away by its head: before routing, its key, and its body.

Its answer is made as every other one is, and it stands in the log and in the counts like every other one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from visavis.service import manners
from visavis.service.problems import Problem

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

    from starlette.responses import Response

    from visavis.service.service import Service

    Fields = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is answered to a request that is turned away.

    Attributes:
        status: HTTP status.
        fields: Of the answer's head.
        body: In the form that is spoken there, a problem document for instance.
    """

    status: int
    fields: Fields
    body: bytes


@dataclass(frozen=True, slots=True)
class Way:
    """A route that leads to an engine.

    Attributes:
        pattern: Of its paths.
        route: What stands for them in log and counts.
        refused: Makes an answer of a problem and the request's id, in the form that is spoken there.
    """

    pattern: re.Pattern[str]
    route: str
    refused: Callable[[Problem, str | None], Response]


@dataclass(frozen=True, slots=True)
class Porter:
    """Knows the routes that engines answer, and whether there is room before them.

    Attributes:
        service: Whose door it is.
        ways: The routes that it watches.
    """

    service: Service
    ways: Sequence[Way]

    def refusal(self, method: bytes, target: bytes, fields: Fields) -> Refusal | None:
        """What to answer to a request at once; None where it is to be let in.

        Args:
            method: Of the request.
            target: Its path with what follows, as it was sent.
            fields: Of its head, names in lower case.
        """
        if method != b"POST":
            return None
        path = unquote(target.partition(b"?")[0].decode("ascii"))
        way = next((way for way in self.ways if way.pattern.fullmatch(path)), None)
        if way is None:
            return None
        start = time.perf_counter()
        try:
            self.service.pool.admit()
        except Problem as problem:
            request_id = manners.request_id(fields)
            answer = way.refused(problem, request_id)
            manners.note(
                self.service.metrics,
                method="POST",
                route=way.route,
                status=answer.status_code,
                seconds=time.perf_counter() - start,
                request_id=request_id,
                more={"code": problem.code},
            )
            answered = [*answer.raw_headers, *manners.fields(request_id)]
            return Refusal(answer.status_code, answered, bytes(answer.body))
        return None
