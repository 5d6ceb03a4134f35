"""One shape for every error of the API: ``{"code": …, "message": …}``."""

from __future__ import annotations

from typing import Any

from litestar import Response

from rapport.errors import Overloaded, RapportError


def error_answer(error: RapportError) -> Response[dict[str, Any]]:
    """The answer that tells a program what happened and what to do."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": error.message if error.shown or "reference" in error.details else "",
    }
    if error.details:
        body["details"] = {key: str(value) for key, value in error.details.items()}
    headers = {}
    if isinstance(error, Overloaded):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.http_status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        body, status_code=error.http_status, headers=headers, media_type="application/json"
    )
