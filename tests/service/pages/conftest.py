"""What the tests of the desk share: a desk on a new database, users of each role, and a browser of a kind."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from tests.service.conftest import PURPOSE, with_config

from visavis.access.accounts import Accounts
from visavis.access.passwords import Cost
from visavis.access.pictures import Pictures
from visavis.access.subjects import Subjects
from visavis.access.verdicts import Verdicts
from visavis.ledger.log import Ledger
from visavis.service.app import create_app
from visavis.service.intake import Memory
from visavis.service.pages import desk as desk_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from visavis.access.users import Role, User
    from visavis.service.service import Service

PASSWORD = "horse battery staple"
CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
"""A password that costs little, for tests."""


@dataclass
class Browser:
    """A client of a desk, which fills in forms as a browser would."""

    http: TestClient
    service: Service
    accounts: Accounts
    users: dict[str, User] = field(default_factory=dict)

    def get(self, path: str, **given: Any) -> Any:
        return self.http.get(path, **given)

    def token(self, path: str = "/desk/sign-in") -> str:
        """What stands in the forms of a page against forged ones."""
        return csrf_of(self.http.get(path, follow_redirects=True).text)

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, page: str | None = None, **given: Any
    ) -> Any:
        """Send a form; its token is taken from a page."""
        token = self.token(page or "/desk/sign-in")
        return self.http.post(path, data={"csrf": token, **(data or {})}, **given)

    def user(self, *roles: Role, name: str = "", purpose: str | None = PURPOSE) -> User:
        """A user with a password and a purpose."""
        name = name or "-".join(roles)
        if name not in self.users:
            user = self.accounts.users.add(name, roles)
            self.accounts.invitations.accept(self.accounts.invitations.make(user.id), PASSWORD)
            if purpose is not None:
                self.accounts.users.give_purpose(user.id, purpose=purpose, legal_basis="consent")
            self.users[name] = self.accounts.users.get(user.id)
        return self.users[name]

    def sign_in(self, *roles: Role, name: str = "") -> User:
        """Sign in as a user who has these roles."""
        user = self.user(*roles, name=name)
        answer = self.post("/desk/sign-in", {"name": user.name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return user

    def another(self) -> Browser:
        """Another browser at the same desk."""
        return replace(self, http=client(self.http.app))


def csrf_of(page: str) -> str:
    """The token in a page's first form."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def client(app: Any) -> TestClient:
    return TestClient(app, base_url="https://desk.example", follow_redirects=False)


@pytest.fixture
def desk(session_service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A desk whose ledger is new; its engine is that of all tests."""
    ledger = Ledger.open(str(tmp_path / "desk.sqlite"))
    accounts = Accounts.of(ledger, cost=CHEAP)
    monkeypatch.setattr(desk_module, "accounts", lambda _ledger, _config: accounts)
    service = replace(
        with_config(session_service, desk=True),
        ledger=ledger,
        subjects=Subjects(ledger),
        verdicts=Verdicts(ledger),
        pictures=Pictures(ledger),
        memory=Memory(session_service.memory.most),  # checks that a test leaves open count in it
    )
    app = create_app(service)
    with client(app) as http:
        yield Browser(http, service, accounts)
    ledger.close()
