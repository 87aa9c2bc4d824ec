"""One request as handlers see it, and the answers they may give.

Starlette parses headers and queries and carries the responses; this adds what Google's endpoints share:
bodies read up front (so that a handler is a plain function), repeated parameters, typed parameters, and
refusals in the JSON shape Google's APIs use. Source of the envelope: Calendar API error guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from catflap.sandbox.hosts import google_host

if TYPE_CHECKING:
    from catflap.sandbox.oauth.grants import AccessToken
    from catflap.sandbox.people import SandboxAccount
    from catflap.sandbox.world import World

TRUE = frozenset({"true", "1", "True", "TRUE"})
FALSE = frozenset({"false", "0", "False", "FALSE"})


class Refusal(Exception):
    """Raised by handlers to answer with Google's API error envelope."""

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
        """Return the refusal as a response."""
        return as_json({"error": self.body}, self.code, self.headers)


class OAuthRefusal(Exception):
    """Raised by the OAuth endpoints to answer `{"error", "error_description"}` (RFC 6749, 5.2)."""

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
        """Return the refusal as a response that nobody may cache."""
        return as_json(self.body, self.code, self.headers)


class Call:
    """A request with its body, the endpoint it found, and who asks once that is known."""

    def __init__(self, world: World, request: Request, body: bytes) -> None:
        self.world = world
        self.request = request
        self.method: str = request.scope["method"]
        self.body = body
        self.endpoint = ""
        self.path: Mapping[str, str] = {}
        self.token: AccessToken | None = None
        self.account: SandboxAccount | None = None
        self.note: dict[str, str] = {}
        self.query = request.query_params
        self._form: ImmutableMultiDict[str, str] | None = None

    def address(self, host: str) -> str:
        """Return the base address of one of Google's hosts, as this call's client can reach it."""
        return f"https://{host}" if google_host(self.header("host")) else self.world.base_url

    @property
    def issuer(self) -> str:
        """The `iss` of ID tokens and redirects: as set, else the address this call's client knows us by."""
        return self.world.fixed_issuer or self.address("accounts.google.com")

    @property
    def base_url(self) -> str:
        """The base address this call was sent to."""
        host = google_host(self.header("host"))
        return f"https://{host}" if host else self.world.base_url

    @property
    def form(self) -> ImmutableMultiDict[str, str]:
        """The urlencoded body; an unreadable one has no fields."""
        if self._form is None:
            try:
                pairs = parse_qsl(
                    self.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=2000
                )
            except ValueError:
                pairs = []
            self._form = ImmutableMultiDict(pairs)
        return self._form

    def header(self, name: str) -> str | None:
        """Return a header, None if it was not sent."""
        return self.request.headers.get(name)

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body; an empty body is an empty object.

        Raises:
            Refusal: 400 parseError, if the body is no JSON object.
        """
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise Refusal(400, "parseError", "Parse Error") from None
        if not isinstance(value, dict):
            raise Refusal(400, "parseError", "This API does not support parsing form-encoded input.")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean parameter."""
        value = self.query.get(name)
        if value is None or value == "":
            return default
        if value in TRUE:
            return True
        if value in FALSE:
            return False
        raise bad_parameter(name, f"Invalid boolean value: '{value[:40]}'.")

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """Return an integer parameter; above `high` it is cut down, below `low` it is refused."""
        value = self.query.get(name)
        if value is None or value == "":
            return default
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
            raise bad_parameter(name, f"Invalid integer value: '{value[:40]}'.")
        if int(value) < low:
            raise bad_parameter(
                name, f"Invalid value '{value[:40]}'. Values must be within the range: [{low}, {high}]"
            )
        return min(int(value), high)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def bad_parameter(name: str, message: str) -> Refusal:
    """Return a 400 invalidParameter that points at a query parameter."""
    return Refusal(400, "invalidParameter", message, location=("parameter", name))


def as_json(value: Any, code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, code, headers, "application/json; charset=UTF-8")


def no_content() -> Response:
    """Return the empty 204 that deletions answer."""
    return Response(b"", 204)


def as_page(html: str, code: int = 200) -> Response:
    """Return a page that may not be framed or cached, as Google's sign-in pages are."""
    headers = {"cache-control": "no-store", "x-frame-options": "DENY", "referrer-policy": "no-referrer"}
    return HTMLResponse(html, code, headers)
