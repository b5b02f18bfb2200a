"""The door open, with a client for it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from starlette.testclient import TestClient
from tests.service.conftest import Door, make_key, with_config
from tests.service.doors.mosip import wire

from visavis.service.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from visavis.service.service import Service


@dataclass(frozen=True)
class Mosip(Door):
    """A client of the door, with a key for everything."""

    def ask(self, path: str, inner: object, *, status: int | None = None) -> Any:
        """What stands in the envelope, which has no errors."""
        answer = self.post(f"{wire.PATH}/{path}", json=wire.enveloped(inner))
        assert answer.status_code == 200
        plain = answer.json()
        assert plain["errors"] == [], plain
        if status is not None:
            assert plain["response"]["statusCode"] == status, plain["response"]["statusMessage"]
        return plain["response"]


@pytest.fixture
def mosip(service: Service) -> Iterator[Mosip]:
    own = with_config(service, doors=("mosip",))
    with TestClient(create_app(own), raise_server_exceptions=True) as http:
        yield Mosip(http, own, make_key(own))


@pytest.fixture(scope="session")
def jp2(small: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The demo's photographs as JPEG 2000."""
    return {name: wire.jpeg_2000(data) for name, data in small.items()}


@pytest.fixture(scope="session")
def pair(small: Mapping[str, bytes]) -> bytes:
    """Two people side by side."""
    pictures = [Image.open(io.BytesIO(small[name])) for name in ("obama", "biden")]
    both = Image.new("RGB", (sum(each.width for each in pictures), max(each.height for each in pictures)))
    both.paste(pictures[0], (0, 0))
    both.paste(pictures[1], (pictures[0].width, 0))
    to = io.BytesIO()
    both.save(to, "JPEG", quality=92)
    return to.getvalue()
