"""The server under the application: the socket, TLS, one process or several, and how all of it stops."""

from __future__ import annotations

import logging
import logging.config
import os
import signal
import socket
import sys
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from visavis.access.accounts import invitation_link
from visavis.errors import ServiceError, VisavisError
from visavis.service.config import PREFIX, Config, load
from visavis.service.logs import LOGGER, settings
from visavis.service.metrics import SHARED

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from visavis.access.accounts import Accounts

BACKLOG = 256
MAX_HEAD = 2**15
"""Bytes of a request's head; a key and an id take a few hundred."""
SWITCH_S = 0.001
STARTUP_FAILURE = 3
"""The status by which uvicorn knows that starting a process again wouldn't help."""


def serve(config: Config, tell: Callable[[str], None]) -> None:
    """Answer until a signal ends it.

    Several processes read the same settings, from the file and the environment that `config.load` reads.

    Args:
        config: How the service is set up.
        tell: Takes what whoever starts it has to see, and what doesn't belong into a log.

    Raises:
        VisavisError: It can't start.
    """
    import uvicorn

    logging.config.dictConfig(settings())
    listening = bound(config.host, config.listening_port)
    config = replace(config, port=listening.getsockname()[1])  # port 0 means any that is free
    try:
        if config.workers == 1:
            options = _options(config)
            app = _application(config)
            server = uvicorn.Server(uvicorn.Config(app, **options))
            _say_where(config, listening)
            if config.desk:
                _invite_first(app.state.desk.accounts, config.origin, tell)
            for number in (signal.SIGTERM, signal.SIGINT):
                # uvicorn gives a signal on once it has stopped; to be stopped is no failure.
                signal.signal(number, lambda *_: None)
            server.run(sockets=[listening])
            return
        from uvicorn.supervisors import Multiprocess

        with tempfile.TemporaryDirectory(prefix="visavis-metrics-") as shared:
            os.environ[SHARED] = shared
            os.environ[f"{PREFIX}PORT"] = str(config.port)
            options = _options(config) | {"workers": config.workers, "factory": True}
            several = uvicorn.Config("visavis.service.server:application", **options)
            _say_where(config, listening)
            Multiprocess(several, sockets=[listening]).run()
    finally:
        listening.close()


def bound(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address.

    Raises:
        ServiceError: `serve.address`: it can't be.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _no_address(host, port, error) from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise _no_address(host, port, error) from None
    listening.set_inheritable(True)
    return listening


def application() -> FastAPI:
    """The application of one of several processes, which ends where it can't start."""
    logging.config.dictConfig(settings())
    try:
        return _application(load())
    except VisavisError as error:
        logging.getLogger(LOGGER).error("no start", extra={"code": error.code, "told": str(error)})
        sys.exit(STARTUP_FAILURE)


def _application(config: Config) -> FastAPI:
    from visavis.service.app import create_app
    from visavis.service.service import Service

    # Engines hold Python's lock between their networks; whoever is refused shouldn't wait for its turns.
    sys.setswitchinterval(SWITCH_S)
    return create_app(Service.start(config), ends_it=True)


def _options(config: Config) -> dict[str, Any]:
    return {
        "host": config.host,
        "port": config.listening_port,
        "http": "visavis.service.protocol:Patient",
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "on",
        "log_config": settings(),
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "backlog": BACKLOG,
        "timeout_graceful_shutdown": round(config.stop_s),
        "h11_max_incomplete_event_size": MAX_HEAD,
        "ssl_certfile": config.tls_cert,
        "ssl_keyfile": config.tls_key,
    }


def _say_where(config: Config, listening: socket.socket) -> None:
    """In the log, with the address that it got."""
    host, port = listening.getsockname()[:2]
    scheme = "http" if config.tls_cert is None else "https"
    shown = f"[{host}]" if ":" in host else host
    logging.getLogger(LOGGER).info("listening", extra={"told": f"{scheme}://{shown}:{port}"})


def _invite_first(accounts: Accounts, origin: str, tell: Callable[[str], None]) -> None:
    """Say by which link the first administrator comes in, as long as nobody ever did.

    The log says that there is one and not which: logs are kept, and read by many.
    """
    first = accounts.invitations.first()
    if first is None:
        return
    user, token = first
    link = invitation_link(origin, token)
    tell(
        "Nobody can sign in at the desk yet. "
        f"Set the password of {user.name!r}, once, within 24 hours:\n{link}"
    )
    told = f"standard output has the link for {user.name}; visavis users invite makes another"
    logging.getLogger(LOGGER).info("first invitation", extra={"told": told})


def _no_address(host: str, port: int, error: OSError) -> ServiceError:
    return ServiceError(
        "serve.address", f"the service can't listen on {host}, port {port}", found=error.strerror
    )
