"""The errors of visavis: few, named, each with what was found and what was expected.

A picture without a face or of too poor quality is not an error: it is a verdict (``inconclusive``).
"""

from __future__ import annotations


class VisavisError(Exception):
    """Base of every error that visavis raises on purpose.

    Attributes:
        code: Stable, machine-readable name (``"photo.truncated"``), the same in every door of the house.
        message: One sentence for a person.
        found: What was there, where that helps.
        expected: What would have been right, where that helps.
    """

    def __init__(self, code: str, message: str, *, found: object = None, expected: object = None) -> None:
        super().__init__(code, message)  # what unpickling calls it with
        self.code = code
        self.message = message
        self.found = found
        self.expected = expected

    def __str__(self) -> str:
        details = []
        if self.found is not None:
            details.append(f"found {self.found}")
        if self.expected is not None:
            details.append(f"expected {self.expected}")
        return f"{self.message} ({', '.join(details)})" if details else self.message


class PhotoError(VisavisError):
    """The bytes can't be used as a photo."""


class PackError(VisavisError):
    """A pack is unknown, not installed, damaged, or not the one that made a template."""


class PolicyError(VisavisError):
    """A policy asks for something that can't be had or makes no sense."""


class DocumentError(VisavisError):
    """A document's PDF, chip files or zone can't be used, or the certificates that were to check it."""


class RecordError(VisavisError):
    """A face record or what it is wrapped in can't be read, or something doesn't fit into one."""


class ChallengeError(VisavisError):
    """A challenge, or the frames that are to answer it, can't be read."""


class StorageError(VisavisError):
    """The database can't be reached, read or written, or isn't of this version of visavis."""


class LedgerError(VisavisError):
    """The ledger, its key or a proof can't be used, or what was to be recorded doesn't fit."""


class ServiceError(VisavisError):
    """A service's configuration can't be used, or a request to it can't be answered."""


class BatchError(VisavisError):
    """A table of pairs can't be used, or its batch can't begin or go on."""


class AccessError(VisavisError):
    """A key or a user may not do what was asked for.

    Attributes:
        retry_after_s: After how many seconds one may ask again, where waiting helps.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        found: object = None,
        expected: object = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(code, message, found=found, expected=expected)
        self.retry_after_s = retry_after_s
