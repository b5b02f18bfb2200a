"""A desk for a real browser: a service on this machine, somebody of each role, papers, a camera's view."""

from __future__ import annotations

import html
import io
import re
import threading
import time
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

from PIL import Image

from visavis.access.accounts import Accounts
from visavis.access.keys import Keys
from visavis.access.passwords import Cost
from visavis.access.pictures import Pictures
from visavis.access.users import ROLES
from visavis.service.pages.frame import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import httpx2

    from visavis.access.openid import Settings
    from visavis.access.users import User
    from visavis.ledger.log import Ledger
    from visavis.service.service import Service
    from visavis.verifier import Verifier

PURPOSE = "opening accounts"
PASSWORD = "horse battery staple"
CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
"""A password that costs little, for tests."""
OFTEN = 100_000

WIDTH, HEIGHT = 1280, 720
NEAR_PX = 520
"""How wide the portrait is once the person has come close enough."""
STEPS, STILL = 12, 228
"""Frames in which the person comes closer, and in which they stay: at 30 a second eight seconds in all."""
SEED = 3


@dataclass(frozen=True, slots=True)
class Papers:
    """Files that somebody at a desk has at hand.

    Attributes:
        passport: A photographed passport of a fictional holder.
        front: The front of a card of the same holder, with another portrait of the same person.
        back: Its back, with the zone.
        chip: A zip with the files of the passport's chip.
        portrait: The photograph on the passport, by itself.
        person: Another one of the same person.
        stranger: One of somebody else.
        nobody: A picture without a face.
        camera: What a camera sees, for Chromium: the same person, who comes closer.
    """

    passport: Path
    front: Path
    back: Path
    chip: Path
    portrait: Path
    person: Path
    stranger: Path
    nobody: Path
    camera: Path

    @classmethod
    def make(cls, folder: Path, verifier: Verifier, portraits: Mapping[str, bytes]) -> Papers:
        """Draw and photograph them.

        Args:
            folder: Where the files go.
            verifier: Finds the faces on the portraits.
            portraits: The demo's photographs.
        """
        from visavis.documents import camera, specimen
        from visavis.documents.specimen_chip import SpecimenState, make_chip

        holder = specimen.fictional(SEED)
        faces = {}
        for name in ("obama.jpg", "obama2.jpg"):
            seen = verifier.examine(portraits[name])
            assert seen.evidence.face is not None
            faces[name] = specimen.portrait_of(seen.photo, seen.evidence.face)
        passport = specimen.draw("passport", holder, faces["obama.jpg"], ghost=True, seed=SEED)
        card = specimen.draw("card", holder, faces["obama2.jpg"], seed=SEED)
        assert card.back is not None
        spared = [passport.portrait, *passport.line_boxes]
        files = {
            "passport.jpg": camera.photograph(passport.page, severity=1, seed=4, spared=spared).jpeg,
            "front.jpg": camera.photograph(card.page, severity=1, seed=7).jpeg,
            "back.jpg": camera.photograph(card.back, severity=1, seed=7).jpeg,
            "portrait.jpg": portraits["obama.jpg"],
            "person.jpg": portraits["obama2.jpg"],
            "stranger.jpg": portraits["biden.jpg"],
            "nobody.jpg": _jpeg(Image.linear_gradient("L").resize((320, 240)).convert("RGB")),
            "camera.mjpeg": seen_by_camera(portraits["obama2.jpg"]),
        }
        for name, content in files.items():
            (folder / name).write_bytes(content)
        chip = make_chip(passport.lines, _jpeg(Image.fromarray(faces["obama.jpg"])), SpecimenState.make())
        with zipfile.ZipFile(folder / "chip.zip", "w") as archive:
            for name, content in chip.items():
                archive.writestr(f"EF.{name}", content)
        return cls(
            **{name.partition(".")[0]: folder / name for name in files},
            chip=folder / "chip.zip",
        )


def seen_by_camera(portrait: bytes, *, near: float = 1) -> bytes:
    """A film of a person who comes closer and stays, as Motion JPEG, 1280 x 720.

    Args:
        portrait: The person.
        near: How near they come; 1 is near enough.
    """
    with Image.open(io.BytesIO(portrait)) as opened:
        face = opened.convert("RGB")
    frames = []
    for number in range(STEPS + 1):
        width = round(NEAR_PX * near * (0.5 + 0.5 * number / STEPS))
        height = round(face.height * width / face.width)
        frame = Image.new("RGB", (WIDTH, HEIGHT), (150, 155, 160))
        frame.paste(
            face.resize((width, height)), (WIDTH // 2 - width // 2, HEIGHT // 2 - round(0.36 * height))
        )
        frames.append(_jpeg(frame, quality=85))
    return b"".join((*frames, *[frames[-1]] * STILL))


def _jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    to = io.BytesIO()
    picture.save(to, "JPEG", quality=quality)
    return to.getvalue()


def staff(ledger: Ledger, *, openid: Settings | None = None) -> Accounts:
    """Accounts of a ledger in which there is one user of each role, by its name, and a second clerk."""
    accounts = Accounts.of(ledger, cost=CHEAP, openid=openid)
    for name in (*ROLES, "colleague"):
        employ(accounts, name, ["clerk"] if name == "colleague" else [name])
    return accounts


def employ(accounts: Accounts, name: str, roles: Sequence[str]) -> User:
    """A user with a password and a purpose."""
    user = accounts.users.add(name, roles)
    accounts.invitations.accept(accounts.invitations.make(user.id), PASSWORD)
    accounts.users.give_purpose(
        user.id, purpose=PURPOSE, legal_basis="consent", rate_per_min=OFTEN, quota_per_day=OFTEN
    )
    return user


@dataclass
class Somewhere:
    """A desk that runs somewhere on this machine.

    Attributes:
        url: Where it is.
        ledger: Its ledger.
        accounts: Its users.
    """

    url: str
    ledger: Ledger
    accounts: Accounts

    def token(self, name: str) -> str:
        """The cookie of a user who has just signed in."""
        return self.accounts.sessions.sign_in(name, PASSWORD, address=None).token


class Stand(Somewhere):
    """A service with a desk behind a socket, in a thread."""

    def __init__(self, service: Service, accounts: Callable[[str], Accounts]) -> None:
        """Put it there.

        Args:
            service: The service.
            accounts: Makes its users; told where the desk is.
        """
        import uvicorn

        from visavis.service import server
        from visavis.service.app import create_app
        from visavis.service.pages import desk

        self._socket = server.bound("127.0.0.1", 0)
        url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        super().__init__(url, service.ledger, accounts(url))
        self.service = service
        with mock.patch.object(desk, "accounts", return_value=self.accounts):
            app = create_app(service)
        options = server._options(service.config) | {"log_config": None}
        self._server = uvicorn.Server(uvicorn.Config(app, **options))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)

    def stop(self) -> None:
        """Answer no more."""
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
        assert not self._thread.is_alive()


class Hands:
    """Somebody who is signed in and sends forms without a browser, to bring a desk into a state.

    Attributes:
        token: Their cookie.
        http: A client that has it.
    """

    def __init__(self, url: str, token: str) -> None:
        """Take a cookie.

        Args:
            url: Of the desk.
            token: As `Stand.token` gives it.
        """
        import httpx2

        self.token = token
        self.http: httpx2.Client = httpx2.Client(
            base_url=url, headers={"Cookie": f"{SESSION}={token}"}, timeout=60, trust_env=False
        )

    def get(self, path: str) -> str:
        """A page."""
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, page: str, files: Any = None, **given: str) -> str:
        """Send a form that stands in a page, and say where it leads."""
        hidden = re.findall(r'type="hidden" name="(csrf|step|purpose|id)" value="([^"]+)"', self.get(page))
        data = {name: html.unescape(value) for name, value in hidden} | given
        files = files and [(name, (path.name, path.read_bytes())) for name, path in files]
        answer = self.http.post(path, data=data, files=files)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def begin(self, way: str = "pictures", subject: str = "case 4711") -> str:
        """The address of a new check."""
        claim = self.post("/desk/check", "/desk/check", way=way, subject=subject)
        return claim.removesuffix("/claim")

    def claim(self, check: str, *pages: Path) -> str:
        """Give what the claim rests on."""
        return self.post(f"{check}/claim", f"{check}/claim", [("page", page) for page in pages])

    def face(self, check: str, probe: Path) -> str:
        """Give the face."""
        return self.post(f"{check}/face", f"{check}/face", [("probe", probe)])

    def checked(self, reference: Path, probe: Path, **given: str) -> str:
        """The address of a check that has its verdict."""
        check = self.begin(**given)
        self.claim(check, reference)
        self.face(check, probe)
        return check

    def ask(self, check: str, why: str = "Is this one person?") -> None:
        """Ask a second person."""
        self.post(f"{check}/review", f"{check}/verdict", why=why)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page in a state that is worth a look.

    Attributes:
        name: What it is called here.
        path: Where it is.
        token: The cookie of whoever sees it; empty for a stranger.
    """

    name: str
    path: str
    token: str = ""


def with_pictures(ledger: Ledger, papers: Papers) -> str:
    """The address of the newest verdict that has none yet, with pictures kept as a desk keeps them."""
    pictures = Pictures(ledger)
    index = max(index for index, _ in ledger.leaves(kind="verdict") if pictures.note(index) is None)
    shown = {"reference": papers.portrait.read_bytes(), "probe": papers.person.read_bytes()}
    pictures.keep(index, shown, purpose=PURPOSE, subject="case 4711", keep_for=timedelta(days=30))
    return f"/desk/ledger/entry/{index}"


def every_page(stand: Somewhere, papers: Papers) -> list[Shown]:
    """All that people see of a desk at which something happened; strangers first, then by role."""
    clerk, colleague, reviewer, auditor, administrator = (
        Hands(stand.url, stand.token(name))
        for name in ("clerk", "colleague", "reviewer", "auditor", "administrator")
    )
    users = stand.accounts.users
    guest = users.add("guest", ["clerk"])
    invitation = stand.accounts.invitations.make(guest.id)
    empty, read = clerk.begin("document"), clerk.begin("document")
    clerk.claim(read, papers.passport)
    portrait = clerk.begin("pictures")
    clerk.claim(portrait, papers.portrait)
    match = clerk.begin("document")
    clerk.claim(match, papers.passport)
    clerk.face(match, papers.person)
    other = clerk.checked(papers.portrait, papers.stranger, subject="case 12")
    waits = clerk.checked(papers.portrait, papers.nobody, subject="case 13")
    clerk.ask(waits)
    open_ = clerk.checked(papers.portrait, papers.nobody, subject="case 15")
    reviewed = colleague.checked(papers.portrait, papers.nobody, subject="case 14")
    colleague.ask(reviewed)
    case = reviewed.replace("/check/", "/review/")
    reviewer.post(case, case, decision="no_match", note="The ears are not alike.")
    two = [("first_front", papers.passport), ("second_front", papers.front), ("second_back", papers.back)]
    pair = clerk.post("/desk/crosscheck", "/desk/crosscheck", two)
    same = [("first_front", papers.passport), ("second_front", papers.passport)]
    doubtful = clerk.post("/desk/crosscheck", "/desk/crosscheck", same, subject="case 16")
    asked = clerk.post("/desk/crosscheck", "/desk/crosscheck", same, subject="case 17")
    clerk.post(f"{asked}/review", asked, why="Are these two of one person?")
    key, _ = Keys(stand.ledger).create(
        purpose="hiring", legal_basis="consent", scopes=["verifications"], rate_per_min=60, quota_per_day=1000
    )
    looked_at = with_pictures(stand.ledger, papers)
    auditor.post(f"{looked_at}/pictures", looked_at)
    for hands in (clerk, colleague, reviewer, auditor, administrator):
        hands.http.close()
    return [
        Shown("sign-in", "/desk/sign-in"),
        Shown("invitation", f"/desk/invitation/{invitation}"),
        Shown("void-link", "/desk/invitation/nonsense"),
        Shown("start", "/desk/", clerk.token),
        Shown("account", "/desk/account", clerk.token),
        Shown("second-factor", "/desk/account/second-factor", clerk.token),
        Shown("check-start", "/desk/check", clerk.token),
        Shown("check-document", f"{empty}/claim", clerk.token),
        Shown("check-read", f"{read}/claim", clerk.token),
        Shown("check-reference", f"{portrait}/claim", clerk.token),
        Shown("check-face", f"{read}/face", clerk.token),
        Shown("check-match", f"{match}/verdict", clerk.token),
        Shown("check-no-match", f"{other}/verdict", clerk.token),
        Shown("check-open", f"{open_}/verdict", clerk.token),
        Shown("check-waits", f"{waits}/verdict", clerk.token),
        Shown("receipt", f"{match}/receipt", clerk.token),
        Shown("crosscheck-start", "/desk/crosscheck", clerk.token),
        Shown("crosscheck", pair, clerk.token),
        Shown("crosscheck-receipt", f"{pair}/receipt", clerk.token),
        Shown("crosscheck-open", doubtful, clerk.token),
        Shown("crosscheck-waits", asked, clerk.token),
        Shown("asked", "/desk/asked", colleague.token),
        Shown("asked-decided", reviewed.replace("/check/", "/asked/"), colleague.token),
        Shown("receipt-reviewed", f"{reviewed}/receipt", colleague.token),
        Shown("review-queue", "/desk/review", reviewer.token),
        Shown("review-case", waits.replace("/check/", "/review/"), reviewer.token),
        Shown("review-pair", asked.replace("/crosscheck/", "/review/"), reviewer.token),
        Shown("ledger", "/desk/ledger", auditor.token),
        Shown("ledger-entry", f"/desk/ledger/entry/{stand.ledger.state().size - 1}", auditor.token),
        Shown("ledger-entry-with-pictures", looked_at, auditor.token),
        Shown("ledger-pictures", f"{looked_at}/pictures", auditor.token),
        Shown("ledger-uses", "/desk/ledger/uses", auditor.token),
        Shown("ledger-alarms", "/desk/ledger/alarms", auditor.token),
        Shown("ledger-rates", "/desk/ledger/rates", auditor.token),
        Shown("ledger-verification", "/desk/ledger/verification", auditor.token),
        Shown("subject", "/desk/subject", auditor.token),
        Shown("admin", "/desk/admin", administrator.token),
        Shown("admin-users", "/desk/admin/users", administrator.token),
        Shown("admin-user", f"/desk/admin/users/{guest.id}", administrator.token),
        Shown("admin-keys", "/desk/admin/keys", administrator.token),
        Shown("admin-key", f"/desk/admin/keys/{key.id}", administrator.token),
        Shown("admin-policy", "/desk/admin/policy", administrator.token),
        Shown("admin-retention", "/desk/admin/retention", administrator.token),
        Shown("admin-settings", "/desk/admin/settings", administrator.token),
        Shown("admin-erasure", "/desk/admin/erasure", administrator.token),
        Shown("no-page", "/desk/nowhere", clerk.token),
        Shown("no-right", "/desk/admin", clerk.token),
    ]
