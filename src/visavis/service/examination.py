"""What is wrong with a service's settings, found before it answers anybody."""

from __future__ import annotations

import importlib.util
import os
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from visavis.errors import AccessError, LedgerError, StorageError, VisavisError
from visavis.service import accounts
from visavis.service.config import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.service.config import Config


def wrong(config: Config) -> list[str]:
    """What keeps the service from answering, in sentences."""
    return [*_tls(config), *_key_file(config), *_engine(config), *_database(config), *_openid(config)]


def to_note(config: Config) -> list[str]:
    """What doesn't keep it from answering, and is to be kept in mind."""
    own = (*_openness(config), *_callers_without_key(config), *_missing(config), *_facepp(config))
    return [*own, *_pictures(config), *_unreached(config)]


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


def _key_file(config: Config) -> Iterator[str]:
    if config.mosip_key_file is None:
        return
    from visavis.service.doors.mosip.credentials import read_key_file

    try:
        read_key_file(config.mosip_key_file)
    except VisavisError as error:
        yield f"mosip_key_file: {error}"


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


def _openid(config: Config) -> Iterator[str]:
    try:
        accounts.openid_settings(config)
    except AccessError as error:
        yield str(error)
        return
    if config.openid_issuer is not None and importlib.util.find_spec("jwt") is None:
        yield "openid_issuer needs PyJWT, which isn't installed: pip install 'visavis[openid]'"
    if config.openid_secret is not None and os.name == "posix":
        mode = Path(config.openid_secret).stat().st_mode
        if mode & (stat.S_IROTH | stat.S_IWOTH):
            yield f"openid_secret: others may read {config.openid_secret!r}; its mode should be 0600"


def _unreached(config: Config) -> Iterator[str]:
    from visavis.access.openid import Provider

    if any(_openid(config)):
        return
    settings = accounts.openid_settings(config)
    if settings is not None:
        try:
            Provider(settings, secret=bytes(32)).check()
        except AccessError as error:
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


def _callers_without_key(config: Config) -> Iterator[str]:
    if "mosip" not in config.doors:
        if config.mosip_key_file is not None:
            yield "mosip_key_file is set, and the door mosip isn't open"
    elif config.mosip_key_file is None:
        yield (
            "at the door mosip every call has to show a key (Authorization: Bearer vv_...), which MOSIP's "
            "own client can't: mosip_key_file names one for calls that show none"
        )
    else:
        yield (
            f"at the door mosip calls that show no key run under the one in {config.mosip_key_file!r}: "
            "whoever reaches the port may ask under its purpose"
        )
        file = Path(config.mosip_key_file)
        if os.name == "posix" and file.exists() and file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            yield f"others may read the key in {config.mosip_key_file!r}: its mode should be 0600"


def _facepp(config: Config) -> Iterator[str]:
    """Thresholds that the door can't tell, or has from a model."""
    from visavis.decision.calibration import load, shipped
    from visavis.packs.install import require
    from visavis.service.doors.facepp.confidence import FACEPP, Curve

    if "facepp" not in config.doors:
        return
    try:
        pack, fingerprint = config.pack, require(config.pack).fingerprint
        found = config.calibration
        calibration = (
            shipped(pack, fingerprint) if found is None else load(found, pack=pack, fingerprint=fingerprint)
        )
    except VisavisError:
        return  # `wrong` says why
    curve = Curve.through(calibration)
    for names, what in (
        ([name for name, _ in FACEPP if name not in curve.thresholds], "aren't told: no data supports them"),
        (curve.modelled, "come from the calibration's model, and from no count"),
    ):
        if names:
            yield f"at the door facepp the thresholds for {', '.join(names)} {what}"


def _pictures(config: Config) -> Iterator[str]:
    if config.desk_picture_days:
        yield (
            f"desk_picture_days is {config.desk_picture_days}: the desk keeps the pictures of each check, "
            "encrypted under the ledger's key; copies of the database have them longer than that"
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
