"""Errors that handlers raise to answer as Google does.

Sources: Calendar API error guide for the JSON envelope of the APIs; RFC 6749 section 5.2 for OAuth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from google_sandbox.responses import json_response


class ApiError(Exception):
    """Google's API error envelope.

    Args:
        code: the HTTP status.
        reason: the machine-readable reason, such as `notFound`.
        message: the sentence for people.
        location: type and name of the header or parameter that is to blame.
        outer: the message of the whole error, if it differs from that of its only item.
        extra: further members of the `error` object.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        domain: str = "global",
        location: tuple[str, str] | None = None,
        outer: str | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        error: dict[str, Any] = {"message": message, "domain": domain, "reason": reason}
        if location:
            error["locationType"], error["location"] = location
        self.body = {"code": code, "message": outer or message, "errors": [error], **(extra or {})}
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the error as a response."""
        return json_response({"error": self.body}, self.code, self.headers)


class OAuthError(Exception):
    """An error response of the OAuth endpoints: `{"error", "error_description"}` (RFC 6749, 5.2)."""

    def __init__(
        self,
        code: int,
        error: str,
        description: str,
        subtype: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code} {error}")
        self.code = code
        self.body = {"error": error, "error_description": description}
        if subtype:
            self.body["error_subtype"] = subtype
        self.headers = {"cache-control": "no-cache, no-store, max-age=0, must-revalidate", **(headers or {})}

    def response(self) -> Response:
        """Return the error as a response that may not be cached."""
        return json_response(self.body, self.code, self.headers)


def bad_parameter(name: str, message: str) -> ApiError:
    """Return a 400 `invalidParameter` that points at a query parameter."""
    return ApiError(400, "invalidParameter", message, location=("parameter", name))
