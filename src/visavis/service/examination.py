"""What is wrong with a service's settings, found before it answers anybody."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from visavis.errors import LedgerError, StorageError, VisavisError
from visavis.service.config import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.service.config import Config


def wrong(config: Config) -> list[str]:
    """What keeps the service from answering, in sentences."""
    return [*_tls(config), *_engine(config), *_database(config)]


def to_note(config: Config) -> list[str]:
    """What doesn't keep it from answering, and is to be kept in mind."""
    return [*_openness(config), *_missing(config)]


def _tls(config: Config) -> Iterator[str]:
    if config.tls_cert is None or config.tls_key is None:
        return
    for name, file in (("tls_cert", config.tls_cert), ("tls_key", config.tls_key)):
        try:
            with open(file, "rb"):  # noqa: PTH123
                pass
        except OSError as error:
            yield f"{name}: {file!r} can't be read ({error.strerror})"
            return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(config.tls_cert, config.tls_key)
    except (ssl.SSLError, OSError, ValueError) as error:
        yield f"tls_cert and tls_key are no certificate with its key ({error})"
    if os.name == "posix" and Path(config.tls_key).stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        yield f"tls_key: others may read {config.tls_key!r}; its mode should be 0600"


def _engine(config: Config) -> Iterator[str]:
    from visavis.service.engine import Engine

    try:
        Engine(config)
    except VisavisError as error:
        yield str(error)


def _database(config: Config) -> Iterator[str]:
    from visavis.ledger.reader import key_path
    from visavis.storage import schema
    from visavis.storage.engine import file_of, open_storage

    try:
        key = key_path(config.where, config.ledger_key)
        is_file = "://" not in config.where or config.where.startswith("sqlite:///")
        file = file_of(config.where) if is_file else None
        if file is not None and not file.exists():
            yield from _makeable("the database", file)
            return
        storage = open_storage(config.where)
        try:
            if storage.kind == "postgresql":
                schema.check(storage)
            else:
                with storage.writing():
                    pass
        finally:
            storage.close()
        if not key.exists():
            yield from _makeable("the ledger's key", key)
            return
        from visavis.ledger.keys import read_key

        read_key(key)
    except (StorageError, LedgerError) as error:
        yield str(error)


def _makeable(what: str, file: Path) -> Iterator[str]:
    """Whether a file that isn't there can be made."""
    folder = file.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        yield f"{what} {str(file)!r} isn't there, and can't be made: {str(folder)!r} can't be written"


def _openness(config: Config) -> Iterator[str]:
    if config.tls_cert is None and config.host not in LOOPBACK:
        yield (
            f"{config.host} can be reached from other machines and there is no TLS: faces and keys would "
            "cross the network in the clear, unless a proxy before it does TLS"
        )


def _missing(config: Config) -> Iterator[str]:
    from visavis.packs.install import installed

    for pack, what in (("pad", "looks for presentation attacks"), ("mrz", "reads documents")):
        try:
            there = installed(pack) is not None
        except VisavisError as error:
            yield str(error)
            continue
        if not there:
            yield f"the pack {pack!r}, which {what}, isn't installed: visavis packs install {pack}"
    if config.verdict_hours == 0:
        yield "verdict_hours is 0: GET /v1/verifications finds nothing, unless an Idempotency-Key was given"
