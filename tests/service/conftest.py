"""What the tests of the service share: one with the default pack on a new database, keys, and a client."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from visavis.access.keys import SCOPES, Keys
from visavis.errors import PackError
from visavis.packs.install import install
from visavis.service.app import create_app
from visavis.service.config import Config
from visavis.service.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from visavis.verifier import Verifier

PURPOSE = "opening accounts"


@dataclass(frozen=True)
class Door:
    """A client of a service, with a key for everything."""

    http: TestClient
    service: Service
    token: str

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **more}

    def post(self, path: str, **given: Any) -> Any:
        headers = self.headers(**given.pop("headers", {}))
        return self.http.post(path, headers=headers, **given)

    def get(self, path: str, **given: Any) -> Any:
        headers = self.headers(**given.pop("headers", {}))
        return self.http.get(path, headers=headers, **given)

    def verify(self, reference: bytes, probe: bytes, **given: Any) -> Any:
        return self.post("/v1/verifications", files={"reference": reference, "probe": probe}, **given)

    def entries(self) -> list[Any]:
        """All that the ledger holds."""
        from visavis.ledger.entry import Entry

        ledger = self.service.ledger
        return [Entry.parse(ledger.leaf(index)) for index in range(ledger.state().size)]


def make_key(service: Service, **changes: Any) -> str:
    """A key for everything, unless said otherwise."""
    asked: dict[str, Any] = {
        "purpose": PURPOSE,
        "legal_basis": "consent",
        "scopes": SCOPES,
        "rate_per_min": 100_000,
        "quota_per_day": 1_000_000,
    }
    _, token = Keys(service.ledger).create(**{**asked, **changes})
    return token


def with_config(service: Service, **changes: Any) -> Service:
    """The same service, otherwise set up; its engine, its pool and its database are shared."""
    return replace(service, config=replace(service.config, **changes))


@pytest.fixture(scope="session")
def session_service(sface: Verifier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The pack is loaded once for all tests of this room."""
    install("mrz")
    with contextlib.suppress(PackError):  # its files can't be had everywhere
        install("pad")
    folder = tmp_path_factory.mktemp("service")
    service = Service.start(Config(database=str(folder / "service.sqlite"), engines=2))
    yield service
    service.ledger.close()


@pytest.fixture
def service(session_service: Service) -> Service:
    """One that no test before has stopped."""
    return session_service


@pytest.fixture
def door(service: Service) -> Iterator[Door]:
    """A client of the application, without a socket."""
    with TestClient(create_app(service), raise_server_exceptions=True) as http:
        yield Door(http, service, make_key(service))


@pytest.fixture(scope="session")
def faceless() -> bytes:
    """A picture without a face: a soft slope of grey."""
    slope = np.linspace(60, 190, 320, dtype=np.uint8)
    to = io.BytesIO()
    Image.fromarray(np.tile(slope, (240, 1))).convert("RGB").save(to, "JPEG", quality=90)
    return to.getvalue()


@pytest.fixture(scope="session")
def small(portraits: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The demo's photographs at a size that is looked at quickly."""
    found = {}
    for name, data in portraits.items():
        with Image.open(io.BytesIO(data)) as picture:
            picture.thumbnail((480, 480))
            to = io.BytesIO()
            picture.convert("RGB").save(to, "JPEG", quality=92)
        found[name.removesuffix(".jpg")] = to.getvalue()
    return found
