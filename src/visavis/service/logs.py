"""The service's log: one JSON object a line, without a face, a name, a subject or a template in it.

What is logged of a request is its route (never its path, which may hold a subject's reference), its status,
how long it took, and the id of the key.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

LOGGER = "visavis.service"
FIELDS = ("request_id", "method", "route", "status", "ms", "key", "code", "told")


class Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line; of an error where it arose, never what it says."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            traceback = record.exc_info[2]
            places = []
            while traceback is not None:
                code = traceback.tb_frame.f_code
                places.append(f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} {code.co_name}")
                traceback = traceback.tb_next
            line["at"] = places[-8:]
        return json.dumps(line, ensure_ascii=True)


def settings() -> dict[str, Any]:
    """What `logging.config.dictConfig` takes, for the service and the server under it.

    The server's own access log is off, for it writes paths.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": Lines}},
        "handlers": {
            "lines": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}
        },
        "root": {"handlers": ["lines"], "level": "WARNING"},  # what libraries have to say
        "loggers": {
            LOGGER: {"handlers": ["lines"], "level": "INFO", "propagate": False},
            "uvicorn.error": {"handlers": ["lines"], "level": "INFO", "propagate": False},
            "uvicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
        },
    }
