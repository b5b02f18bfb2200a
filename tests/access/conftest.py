"""What the tests of this room share: a ledger in either database, a clock that is set, and invented faces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.access.accounts import Accounts
from visavis.access.passwords import Cost
from visavis.faces.recognise import Template
from visavis.ledger.entry import Entry, Event
from visavis.ledger.log import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.access.sessions import SignedIn
    from visavis.access.users import User


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Faces:
    """Templates of nobody, 128 numbers as those of the default pack."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)

    def new(self, fingerprint: str = "0123456789abcdef") -> Template:
        """Of somebody else; of 128 random numbers two are nearly at a right angle."""
        return self._template(self._random.normal(size=128), fingerprint)

    def near(self, face: Template, cosine: float) -> Template:
        """One whose cosine with a face is as given."""
        aside = self._random.normal(size=128)
        aside -= (aside @ face.vector) * face.vector
        aside /= np.linalg.norm(aside)
        return self._template(cosine * face.vector + np.sqrt(1 - cosine**2) * aside, face.fingerprint)

    def _template(self, vector: np.ndarray, fingerprint: str) -> Template:
        return Template((vector / np.linalg.norm(vector)).astype(np.float32), "sface", fingerprint)


@pytest.fixture
def clock() -> Clock:
    return Clock()


MANY = 8


def known(ledger: Ledger, *references: str) -> None:
    """Put people on record, behind some entries that pictures may be kept of."""
    for _ in range(MANY):
        ledger.append(Event(kind="quality", purpose="p", inputs={"picture": bytes(32)}))
    for reference in references:
        ledger.append(Event(kind="access", purpose="p", subject=reference))


@pytest.fixture
def faces() -> Faces:
    return Faces()


@pytest.fixture
def database(database_with_tables: str) -> str:
    """With tables: but for `test_tables`, no test of this room makes them."""
    return database_with_tables


@pytest.fixture
def ledger(database: str, clock: Clock) -> Iterator[Ledger]:
    """A new ledger, in SQLite and in PostgreSQL."""
    with Ledger.open(database, clock=clock) as opened:
        yield opened


CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
"""As little work for a password as there can be."""
PASSWORD = "correct horse battery staple"
ADDRESS = "192.0.2.7"


class Desk:
    """Accounts with what tests ask of them again and again."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.ledger = ledger
        self.clock = clock
        self.accounts = Accounts.of(ledger, clock=clock, cost=CHEAP)
        self.users = self.accounts.users
        self.invitations = self.accounts.invitations
        self.second_factor = self.accounts.second_factor
        self.sessions = self.accounts.sessions

    def user(self, name: str = "anna", *roles: str, password: str = PASSWORD) -> User:
        """A user who has set a password."""
        user = self.users.add(name, roles or ("clerk",))
        return self.invitations.accept(self.invitations.make(user.id), password)

    def sign_in(self, name: str = "anna", password: str = PASSWORD) -> SignedIn:
        return self.sessions.sign_in(name, password, address=ADDRESS)

    def recorded(self, kind: str = "user") -> list[Entry]:
        return [Entry.parse(leaf) for _, leaf in self.ledger.leaves(kind=kind)]

    def actions(self, user: User) -> list[str | None]:
        """What the ledger says was done with a user."""
        return [entry.decision for entry in self.recorded() if entry.details["user"] == user.id]

    def stored(self) -> str:
        """All that the database holds of accounts, as text."""
        names = ("users", "invitations", "recovery_codes", "sessions", "attempts")
        with self.ledger.storage.reading() as connection:
            rows = [
                row
                for name in names
                for row in connection.exec_driver_sql(f"SELECT * FROM access_{name}").all()
            ]
        leaves = [bytes(leaf) for _, leaf in self.ledger.leaves()]
        return repr([[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in rows] + [leaves])


@pytest.fixture
def desk(ledger: Ledger, clock: Clock) -> Desk:
    """Accounts in a new ledger."""
    return Desk(ledger, clock)


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Accounts in a file that tables share: what they try has nothing to do with the database."""
    clock = Clock()
    with Ledger.open(tmp_path_factory.mktemp("desk") / "ledger.db", clock=clock) as opened:
        made = Desk(opened, clock)
        made.user("anna")
        yield made


@pytest.fixture
def other(desk: Desk, database: str, clock: Clock) -> Iterator[Desk]:
    """The same as another process sees them: nothing but the database and the key is shared."""
    with Ledger.open(database, clock=clock) as again:
        yield Desk(again, clock)
