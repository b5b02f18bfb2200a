"""How a service is set up: a TOML file, over it the environment, and what is wrong with it in words.

Every setting has one name. In the file it stands as it is, in the environment as ``VISAVIS_SERVICE_`` and the
name in capitals. Nothing set gives a service on the loopback interface with a SQLite file in `VISAVIS_HOME`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from visavis.access.users import ROLES
from visavis.decision.policy import Policy
from visavis.errors import PolicyError, ServiceError
from visavis.ledger.recording import LEDGER
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.packs.runtime import available_cores
from visavis.packs.store import home

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "VISAVIS_SERVICE_"
FILE = f"{PREFIX}CONFIG"
"""Names the file where ``--config`` doesn't."""
MAX_FILE_BYTES = 2**20

DOORS = ("facepp", "mosip")
"""Doors that can be opened."""
OWN_PORT = 8420
PORTS = {"mosip": 9099}
"""Where programs that come to a door expect it, if it is the only one."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")

NUMBERS: Mapping[str, tuple[float, float]] = {
    "port": (0, 65535),
    "workers": (1, 64),
    "engines": (1, 256),
    "queue": (0, 1024),
    "wait_s": (0.1, 600),
    "picture_mib": (1, 64),
    "body_mib": (1, 512),
    "memory_mib": (16, 65536),
    "connections": (4, 65536),
    "header_s": (1, 120),
    "body_s": (1, 600),
    "answer_s": (1, 600),
    "stop_s": (1, 600),
    "verdict_hours": (0, 24 * 366),
    "answer_hours": (1, 24 * 7),
    "facepp_token_hours": (0, 72),
    "desk_hours": (0.25, 24 * 7),
    "desk_idle_minutes": (1, 24 * 60),
    "desk_picture_days": (0, 3660),
}
"""The least and the largest value of each setting that is a number."""
TEXTS: Mapping[str, int] = {"desk_operator": 100, "desk_contact": 200}
"""Characters of each setting that people read, at most: they stand on a receipt."""
OPENID = ("openid_issuer", "openid_client", "openid_secret", "openid_claim", "openid_roles")
WHOLE = (
    "port",
    "workers",
    "engines",
    "queue",
    "connections",
    "picture_mib",
    "body_mib",
    "memory_mib",
    "desk_picture_days",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of a service.

    Attributes:
        database: Path of a SQLite file, or an address of PostgreSQL: keys, ledger and stored answers. Empty
            for what `VISAVIS_LEDGER` names, or ``service.sqlite`` in `VISAVIS_HOME`.
        ledger_key: File of the ledger's key; None for the place that `ledger.reader.key_path` knows.
        pack: Name of the pack.
        calibration: File of an operator's own calibration; None for the one that ships.
        trust: File or folder of certificates of issuing states, for chips; None without.
        policy: What applies where a request says nothing, and what no request may be laxer than.
        host: Address to listen on.
        port: Port to listen on; 0 for a free one, which the log tells; None for 8420, or where programs
            that come to the only door expect it.
        doors: Names of doors that are open, beside the native API.
        mosip_key_file: File of the key under which calls run that come through the door of that name and
            show none; without it they are refused.
        facepp_cors: Whether pages of any origin may ask through the door of that name.
        facepp_image_hosts: Hosts from which pictures are fetched whose address comes through it, such as
            ``pictures.example`` or ``https://pictures.example:8443``; none by default.
        facepp_refuse_attributes: Whether it refuses requests for attributes that visavis doesn't give, in
            place of leaving them out.
        facepp_token_hours: How long faces are kept under the tokens that it gives; 0 keeps none.
        tls_cert: File of the certificate chain, PEM; None where a proxy does TLS.
        tls_key: File of its key.
        workers: Processes. Several need no PostgreSQL, but one machine.
        engines: Verifications that one process works on at the same time; None for its share of the cores.
        queue: Requests that are let in beside those that engines work on; None for as many as engines:
            whoever waits in a longer queue waits long, and doesn't know.
        wait_s: Seconds that a request may be expected to wait for an engine; otherwise it is refused.
        picture_mib: Most MiB of one picture.
        body_mib: Most MiB of one request.
        memory_mib: Most MiB of all requests that a process holds at the same time.
        connections: Most connections of a process.
        header_s: Seconds that a client has for the head of a request.
        body_s: Seconds that it has for the rest.
        answer_s: Seconds that a request may wait and be worked on.
        stop_s: Seconds that requests have to end when the service stops.
        verdict_hours: How long a verdict can be fetched by its id; 0 keeps none.
        answer_hours: How long an answer is kept for the same Idempotency-Key.
        desk: Whether there is a desk, the pages that clerks use.
        desk_origin: Where it is reached, such as ``https://desk.example``; None for this machine alone.
        desk_hours: How long somebody is signed in at most.
        desk_idle_minutes: How long somebody stays signed in who does nothing.
        desk_picture_days: How many days the pictures of the desk's checks are kept, encrypted; 0 keeps none.
        desk_operator: Who runs the desk and is responsible for it, as receipts name them; None: they don't.
        desk_contact: Where to ask and to complain, as receipts say it: an address, a mail, a number.
        openid_issuer: The OpenID provider where users sign in, as it calls itself; None without.
        openid_client: What it calls this service.
        openid_secret: File of the secret that it gave this service; None where it gave none.
        openid_claim: Claim whose values say which roles somebody has; None where roles are given here.
        openid_roles: Role by value of that claim.
    """

    database: str = ""
    ledger_key: str | None = None
    pack: str = DEFAULT_PACK
    calibration: str | None = None
    trust: str | None = None
    policy: Policy = dataclasses.field(default_factory=Policy)
    host: str = "127.0.0.1"
    port: int | None = None
    doors: tuple[str, ...] = ()
    mosip_key_file: str | None = None
    facepp_cors: bool = True
    facepp_image_hosts: tuple[str, ...] = ()
    facepp_refuse_attributes: bool = False
    facepp_token_hours: float = 72
    tls_cert: str | None = None
    tls_key: str | None = None
    workers: int = 1
    engines: int | None = None
    queue: int | None = None
    wait_s: float = 2
    picture_mib: int = 16
    body_mib: int = 64
    memory_mib: int = 512
    connections: int = 256
    header_s: float = 10
    body_s: float = 30
    answer_s: float = 30
    stop_s: float = 30
    verdict_hours: float = 24
    answer_hours: float = 24
    desk: bool = False
    desk_origin: str | None = None
    desk_hours: float = 12
    desk_idle_minutes: float = 30
    desk_picture_days: int = 0
    desk_operator: str | None = None
    desk_contact: str | None = None
    openid_issuer: str | None = None
    openid_client: str | None = None
    openid_secret: str | None = None
    openid_claim: str | None = None
    openid_roles: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def where(self) -> str:
        """The database: as set, the ledger that everything else writes to, or a file in `VISAVIS_HOME`."""
        return self.database or os.environ.get(LEDGER) or str(home() / "service.sqlite")

    @property
    def listening_port(self) -> int:
        """The port to listen on."""
        if self.port is not None:
            return self.port
        return PORTS.get(self.doors[0], OWN_PORT) if len(self.doors) == 1 else OWN_PORT

    @property
    def origin(self) -> str:
        """Where the desk is reached: as set, or on this machine."""
        if self.desk_origin is not None:
            return self.desk_origin
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.tls_cert is None else 'https'}://{host}:{self.listening_port}"

    @property
    def engine_count(self) -> int:
        """Engines of one process: its share of the cores that are really ours."""
        return self.engines or max(1, available_cores() // self.workers)

    @property
    def queue_length(self) -> int:
        """Places in front of the engines of one process."""
        return self.engine_count if self.queue is None else self.queue


def load(path: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The settings of a file and the environment, which goes before it.

    Args:
        path: A TOML file; by default that which the environment names, if any.
        environ: The environment; the process's own by default.

    Raises:
        ServiceError: `serve.config`: the first thing that is wrong.
    """
    config, wrong = read(path, environ)
    if wrong or config is None:
        raise ServiceError("serve.config", wrong[0])
    return config


def read(
    path: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Config | None, list[str]]:
    """As `load`, with all that is wrong in words in place of an error, and the settings where nothing is."""
    environ = os.environ if environ is None else environ
    path = path or environ.get(FILE) or None
    given, wrong = ({}, []) if path is None else _file(Path(path))
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name == FILE:
            continue
        setting = name.removeprefix(PREFIX).lower()
        given[setting] = value
    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            values[name] = _value(name, value)
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        return None, wrong
    config = Config(**values)
    wrong = list(_together(config))
    return (None if wrong else config), wrong


def _file(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            return {}, [f"the file {str(path)!r} is larger than any configuration"]
        return tomllib.loads(data.decode("utf-8")), []
    except OSError as error:
        return {}, [f"the file {str(path)!r} can't be read ({error.strerror})"]
    except ValueError as error:
        return {}, [f"the file {str(path)!r} is no TOML: {error}"]


def _value(name: str, value: object) -> object:
    """A setting's value from what a file or the environment says."""
    names = [field.name for field in dataclasses.fields(Config)]
    if name not in names:
        raise ValueError(f"there is no setting {name!r}; there are {', '.join(names)}")
    if name == "policy":
        return _policy(value)
    if name == "doors":
        return _doors(value)
    if name in NUMBERS:
        return _number(name, value)
    if name == "facepp_image_hosts":
        return _hosts(value)
    if name in ("desk", "facepp_cors", "facepp_refuse_attributes"):
        return _yes_or_no(name, value)
    if name == "openid_roles":
        return _roles(value)
    if name == "desk_origin" and isinstance(value, str) and value:
        return _origin(value)
    if name in TEXTS and isinstance(value, str):
        return _text(name, value)
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{name} is a text, not {value!r}")
    if not value and name in ("host", "pack"):
        raise ValueError(f"{name} can't be empty")
    return value or (None if name != "database" else "")


def _doors(value: object) -> tuple[str, ...]:
    """A list of the file, or names with commas between them."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list):
        raise ValueError(f"doors is a list of names, not {value!r}")
    found = tuple(dict.fromkeys(str(name).strip() for name in names if str(name).strip()))
    for name in found:
        if name not in DOORS:
            raise ValueError(f"there is no door {name!r}; there are {', '.join(DOORS)}")
    return found


def _hosts(value: object) -> tuple[str, ...]:
    """A list of the file, or names with commas between them."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list):
        raise ValueError(f"facepp_image_hosts is a list of hosts, not {value!r}")
    found = tuple(dict.fromkeys(str(name).strip() for name in names if str(name).strip()))
    for name in found:
        try:
            parts = urlsplit(name if "://" in name else f"https://{name}")
            fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            fits = False
        if not fits or parts.path or parts.query or parts.fragment or "@" in name or not name.isascii():
            raise ValueError(f"facepp_image_hosts has hosts like https://pictures.example, not {name!r}")
    return found


def _number(name: str, value: object) -> float | int:
    low, high = NUMBERS[name]
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        number = float(value)
    except ValueError:
        raise ValueError(f"{name} is a number from {low:g} to {high:g}, not {value!r}") from None
    if not low <= number <= high:
        raise ValueError(f"{name} lies from {low:g} to {high:g}, not at {value}")
    if name in WHOLE:
        if number != int(number):
            raise ValueError(f"{name} is a whole number, not {value}")
        return int(number)
    return number


def _yes_or_no(name: str, value: object) -> bool:
    found = {"true": True, "false": False}.get(str(value).lower())
    if found is None:
        raise ValueError(f"{name} is true or false, not {value!r}")
    return found


def _text(name: str, value: str) -> str | None:
    """A line for people."""
    text = value.strip()
    if len(text) > TEXTS[name] or not text.isprintable():
        raise ValueError(f"{name} is one line of at most {TEXTS[name]} characters, not {value[:80]!r}")
    return text or None


def _origin(value: str) -> str:
    """Scheme, host and port, as a browser writes them."""
    try:
        parts = urlsplit(value.removesuffix("/"))
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"desk_origin is no address: {value!r}") from None
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    more = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if not safe or not host or more or not parts.netloc.isascii() or not parts.netloc.isprintable():
        raise ValueError(f"desk_origin is like https://desk.example, without a path, not {value!r}")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _roles(value: object) -> dict[str, str]:
    """A table of the file, or JSON in the environment."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("openid_roles in the environment is JSON") from None
    if not isinstance(value, dict):
        raise ValueError("openid_roles is a table of roles by values of the claim")
    for role in value.values():
        if role not in ROLES:
            raise ValueError(f"openid_roles: there is no role {role!r}; there are {', '.join(ROLES)}")
    return value


def _policy(value: object) -> Policy:
    """A table of the file, or JSON in the environment."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("policy in the environment is JSON") from None
    if not isinstance(value, dict):
        raise ValueError("policy is a table of rules")
    try:
        return Policy.from_dict(value)
    except PolicyError as error:
        raise ValueError(f"policy: {error}") from None


def _together(config: Config) -> list[str]:
    """What is wrong with settings that are each right."""
    wrong = []
    if (config.tls_cert is None) != (config.tls_key is None):
        wrong.append("tls_cert and tls_key go together: give both or none")
    if config.picture_mib > config.body_mib:
        wrong.append("picture_mib is more than body_mib, which a picture has to fit into")
    if config.body_mib > config.memory_mib:
        wrong.append("body_mib is more than memory_mib, which a request has to fit into")
    return [*wrong, *_desk(config)]


def _desk(config: Config) -> list[str]:
    """What is wrong with where the desk is, and who signs in there."""
    wrong = []
    if config.desk and config.desk_origin is None and config.host not in LOOPBACK:
        wrong.append(f"desk_origin is needed: nobody reaches the desk as {config.host}")
    if config.desk and config.workers > 1:
        wrong.append("desk needs workers = 1: checks that are under way live in one process")
    if config.desk_picture_days and not config.desk:
        wrong.append("desk_picture_days is for the desk, which is off: desk = true")
    given = [name for name in OPENID if getattr(config, name)]
    if given and not (config.openid_issuer and config.openid_client):
        wrong.append(f"{given[0]} needs openid_issuer and openid_client")
    if given and not config.desk:
        wrong.append(f"{given[0]} is for the desk, which is off: desk = true")
    if bool(config.openid_claim) != bool(config.openid_roles):
        wrong.append("openid_claim and openid_roles go together: give both or none")
    return wrong
