"""Responses that several endpoints give: JSON, 204 without content, and HTML pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, Response


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers, "application/json; charset=UTF-8")


def no_content() -> Response:
    """Return the empty 204 that deletions answer."""
    return Response(b"", 204)


def html_response(html: str, status: int = 200) -> Response:
    """Return a page that may not be framed or cached, as Google's sign-in pages are."""
    headers = {"cache-control": "no-store", "x-frame-options": "DENY", "referrer-policy": "no-referrer"}
    return HTMLResponse(html, status, headers)
