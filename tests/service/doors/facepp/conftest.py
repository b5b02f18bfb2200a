"""The door open, with a client that speaks as Face++'s clients do."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from starlette.testclient import TestClient
from tests.service.conftest import Door, make_key, with_config

from visavis.access.gate import Gate
from visavis.service.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from visavis.access.fan_out import Limits
    from visavis.service.service import Service

COMPARE, DETECT, VERIFY = "/facepp/v3/compare", "/facepp/v3/detect", "/faceid/v2/verify"


@dataclass(frozen=True)
class Facepp(Door):
    """A client of the door, with a key for everything."""

    @property
    def pair(self) -> dict[str, str]:
        """The key as Face++'s clients have it."""
        _, name, secret = self.token.split("_", 2)
        return {"api_key": name, "api_secret": secret}

    def ask(self, path: str, given: Mapping[str, Any] | None = None, /, **files: bytes) -> Any:
        """An answer to fields and files."""
        return self.http.post(path, data={**self.pair, **(given or {})}, files=files or None)

    def compared(self, given: Mapping[str, Any] | None = None, /, **files: bytes) -> Any:
        """What a comparison is answered with, where it is."""
        answer = self.ask(COMPARE, given, **files)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def detected(self, given: Mapping[str, Any] | None = None, /, **files: bytes) -> Any:
        """The same of a detection."""
        answer = self.ask(DETECT, given, **files)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(
        self, path: str, given: Mapping[str, Any] | None = None, /, **files: bytes
    ) -> tuple[int, str]:
        """How something is refused."""
        answer = self.ask(path, given, **files)
        plain = answer.json()
        assert set(plain) == {"request_id", "time_used", "error_message"}, plain
        return answer.status_code, plain["error_message"]


def opened(service: Service, **changes: Any) -> AbstractContextManager[TestClient]:
    """An application with the door open."""
    return TestClient(create_app(with_config(service, doors=("facepp",), **changes)))


@pytest.fixture
def facepp(service: Service) -> Iterator[Facepp]:
    with opened(service) as http:
        yield Facepp(http, service, make_key(service))


@pytest.fixture
def limited(service: Service) -> Iterator[Callable[[Limits], Facepp]]:
    """A client of a service with other limits on comparisons of one face."""
    clients: list[Any] = []

    def make(limits: Limits) -> Facepp:
        own = replace(service, gate=Gate(service.ledger, limits=limits))
        clients.append(opened(own))
        return Facepp(clients[-1].__enter__(), own, make_key(own))

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture(scope="session")
def beside(small: Mapping[str, bytes]) -> bytes:
    """Two people: a large face on the right, a smaller one on the left."""
    smaller, larger = (Image.open(io.BytesIO(small[name])) for name in ("biden", "obama2"))
    smaller.thumbnail((200, 200))
    both = Image.new("RGB", (200 + larger.width, larger.height), (90, 100, 110))
    both.paste(smaller, (0, 0))
    both.paste(larger, (200, 0))
    return jpeg(both)


def jpeg(picture: Image.Image) -> bytes:
    to = io.BytesIO()
    picture.save(to, "JPEG", quality=92)
    return to.getvalue()
