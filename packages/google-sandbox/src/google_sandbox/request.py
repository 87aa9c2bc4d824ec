"""One HTTP request as handlers see it.

Starlette parses headers and queries; this adds what Google's endpoints share: bodies read up front (so that a
handler is a plain function) and typed parameters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request

from google_sandbox.errors import ApiError, bad_parameter
from google_sandbox.hosts import google_host
from google_sandbox.models import SandboxAccount
from google_sandbox.oauth.grants import AccessToken
from google_sandbox.request_facts import RequestFacts
from google_sandbox.state import SandboxState

TRUE = frozenset({"true", "1", "True", "TRUE"})
FALSE = frozenset({"false", "0", "False", "FALSE"})


class Call:
    """A request with its body and endpoint, and with its account and access token once they are known."""

    def __init__(self, state: SandboxState, request: Request, body: bytes) -> None:
        self.state = state
        self.request = request
        self.method: str = request.scope["method"]
        self.body = body
        self.endpoint = ""
        self.path: Mapping[str, str] = {}
        self.token: AccessToken | None = None
        self.account: SandboxAccount | None = None
        self.credentials: dict[str, str] = {}
        self.query = request.query_params
        self._form: ImmutableMultiDict[str, str] | None = None

    def facts(self) -> RequestFacts:
        """Return what is known about this request now, for fault rules and the request log."""
        path = self.request.scope["path"]
        return RequestFacts(self.method, self.endpoint, path, self.query, self.account, self.credentials)

    def address(self, host: str) -> str:
        """Return the base address of one of Google's hosts, as this call's client can reach it."""
        return f"https://{host}" if google_host(self.header("host")) else self.state.base_url

    @property
    def issuer(self) -> str:
        """The `iss` of ID tokens and redirects: the configured one, else the address that the client uses."""
        return self.state.fixed_issuer or self.address("accounts.google.com")

    @property
    def base_url(self) -> str:
        """The base address this call was sent to."""
        host = google_host(self.header("host"))
        return f"https://{host}" if host else self.state.base_url

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
            ApiError: 400 parseError, if the body is no JSON object.
        """
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise ApiError(400, "parseError", "Parse Error") from None
        if not isinstance(value, dict):
            raise ApiError(400, "parseError", "This API does not support parsing form-encoded input.")
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
