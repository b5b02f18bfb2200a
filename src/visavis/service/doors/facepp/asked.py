"""A request that came through the door: its fields, who asks, and what is to be made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from visavis.access.keys import TOKEN
from visavis.service.doors.facepp.errors import identity, since

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from visavis.access.gate import Grant
    from visavis.service.answering import Task
    from visavis.service.doors.facepp.form import Form
    from visavis.service.doors.facepp.pictures import Names
    from visavis.service.service import Service

PREFIX = "vv_"


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request as it was read.

    Attributes:
        form: Its fields.
        body: What they came in.
        names: The fields of its pictures.
        make: Makes a task of it.
        request_id: The service's own id of the request.
        began: When it came, by `time.perf_counter`.
        token: The key that was shown.
        fetched: By field: pictures that were fetched from where a field says that they are.
    """

    form: Form
    body: bytes | bytearray
    names: Sequence[Names]
    make: Callable[[Asked, Service, Grant], Task[Any]]
    request_id: str
    began: float
    token: str
    fetched: dict[str, bytes] = field(default_factory=dict)

    def task(self, service: Service, grant: Grant) -> Task[Any]:
        """As `answering.AtDoor.task`."""
        return self.make(self, service, grant)

    def answer(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """What is told, with what every answer has."""
        return {"request_id": identity(self.request_id), "time_used": since(self.began), **told}


def token_of(form: Form) -> str:
    """The key that is shown as ``api_key``, its id, and ``api_secret``, its secret or all of it.

    Raises:
        Said: One of them is missing.
    """
    name, secret = form.needed("api_key", "api_secret")
    name = name.removeprefix(PREFIX)
    whole = TOKEN.fullmatch(secret)
    return secret if whole and whole[1] == name else f"{PREFIX}{name}_{secret}"
