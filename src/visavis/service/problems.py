"""What is answered where nothing can be: problem documents (RFC 9457) with the library's stable codes."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

from visavis.errors import AccessError, VisavisError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:visavis:problem:"
"""What the ``type`` of a problem begins with; its code follows."""

MAX_FOUND = 200
"""Characters of what was found that are told: whoever sent it knows it."""

# By the code, or by what it begins with; the first that fits counts.
STATUS: tuple[tuple[str, int], ...] = (
    ("photo.too_large", 413),
    ("chip.too_large", 413),
    ("frames.too_large", 413),
    ("photo.format", 415),
    ("photo.", 422),
    ("record.", 422),
    ("document.", 422),
    ("chip.", 422),
    ("challenge.home", 503),
    ("challenge.key", 503),
    ("challenge.", 422),
    ("frames.", 422),
    ("policy.", 422),
    ("references.", 422),
    ("access.unknown", 401),
    ("access.expired", 401),
    ("access.revoked", 401),
    ("access.scope", 403),
    ("access.policy", 403),
    ("access.rate", 429),
    ("access.quota", 429),
    ("access.fan_out", 429),
    ("access.session", 401),
    ("access.csrf", 403),
    ("access.role", 403),
    ("access.sign_in", 403),
    ("access.second_factor", 403),
    ("access.openid_user", 403),
    ("access.openid_provider", 503),
    ("access.openid_settings", 503),
    ("access.openid", 403),
    ("access.locked", 429),
    ("access.busy", 429),
    ("access.invitation", 404),
    ("access.no_user", 404),
    ("access.no_key", 404),
    ("access.blocked", 409),
    ("access.user_exists", 409),
    ("access.last_administrator", 409),
    ("access.user_fields", 422),
    ("access.key_fields", 422),
    ("access.password", 422),
    ("access.", 503),
    ("pack.", 503),
    ("calibration.", 503),
    ("certificates.", 503),
    ("storage.", 503),
    ("ledger.entry", 422),
    ("ledger.", 503),
    ("serve.", 503),
)


class Problem(Exception):  # noqa: N818  # what RFC 9457 calls it
    """A request that isn't answered.

    Attributes:
        status: HTTP status.
        code: Stable name, as in the library.
        detail: One sentence for a person.
        found: What was there, where that helps.
        expected: What would have been right, where that helps.
        headers: What goes with it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        found: object = None,
        expected: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.found = found
        self.expected = expected
        self.headers = dict(headers or {})

    @classmethod
    def of(cls, error: VisavisError) -> Problem:
        """The problem that an error of the library is."""
        status = next((status for code, status in STATUS if error.code.startswith(code)), 500)
        if status == 503:  # what lies on the operator's disks is told to the operator, in the log
            return cls(
                503, error.code, "the service can't answer at the moment", headers={"Retry-After": "5"}
            )
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        if isinstance(error, AccessError) and error.retry_after_s is not None:
            headers["Retry-After"] = str(error.retry_after_s)
        return cls(
            status, error.code, error.message, found=error.found, expected=error.expected, headers=headers
        )

    def document(self, request_id: str | None) -> dict[str, Any]:
        """As plain data."""
        plain: dict[str, Any] = {
            "type": TYPE + self.code,
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        for name in ("found", "expected"):
            value = getattr(self, name)
            if value is not None:
                plain[name] = str(value)[:MAX_FOUND]
        return plain

    def response(self, request_id: str | None) -> Response:
        """As an answer."""
        from starlette.responses import JSONResponse

        document = self.document(request_id)
        return JSONResponse(document, self.status, headers=self.headers, media_type=MEDIA_TYPE)
