"""Google's OAuth endpoints, from its OpenID Connect discovery document, fetched once.

All other modules take their URLs from here, so another server can replace Google.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx2

from catflap.errors import OperatorMustAct, TryAgain
from catflap.google import members
from catflap.google.fetch import FetchError, fetch
from catflap.google.members import Malformed
from catflap.setting_urls import is_loopback


@dataclass(frozen=True)
class Endpoints:
    """The members of the discovery document that Catflap uses (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    # RFC 9207 section 3: a response without `iss` must then be rejected.
    answers_with_issuer: bool = False


_MAX_ADDRESS = 2048
_NAMES = ("issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint", "jwks_uri")


class Discovery:
    """Fetches the discovery document on first use; concurrent callers share one request."""

    def __init__(self, http: httpx2.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url
        self._lock = asyncio.Lock()
        self._endpoints: Endpoints | None = None

    async def endpoints(self) -> Endpoints:
        """Return the endpoints.

        Raises:
            TryAgain: `google_unavailable`.
            OperatorMustAct: `discovery_invalid`.
        """
        async with self._lock:
            if self._endpoints is None:
                self._endpoints = _check(await self._fetch())
            return self._endpoints

    async def jwks_uri(self) -> str:
        """Return the URL of the signing keys; raises as `endpoints`."""
        return (await self.endpoints()).jwks_uri

    async def _fetch(self) -> dict[str, Any]:
        try:
            answer = await fetch(self._http, "GET", self._url)
        except FetchError as error:
            raise _unavailable(error.reason) from None
        document = answer.json_object()
        if answer.status != 200 or document is None:
            raise _unavailable(f"discovery: HTTP {answer.status}, {'JSON' if document else 'no JSON object'}")
        return document


def _check(document: dict[str, Any]) -> Endpoints:
    try:
        endpoints = Endpoints(
            **{name: _address(document, name) for name in _NAMES},
            answers_with_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )
    except Malformed as error:
        raise _unavailable(f"discovery: malformed {error.name}") from None
    for url in (getattr(endpoints, name) for name in _NAMES[1:]):
        if not url.startswith("https://") and not (url.startswith("http://") and is_loopback(url)):
            raise OperatorMustAct(
                "discovery_invalid",
                "The discovery document names an endpoint without https outside this machine.",
            )
    return endpoints


def _address(document: dict[str, Any], name: str) -> str:
    found = members.required(members.token(document, name, _MAX_ADDRESS), name)
    try:
        # Parsed here, so that no later request fails because of it.
        if name != "issuer" and not httpx2.URL(found).host:
            raise Malformed(name)
    except httpx2.InvalidURL:
        raise Malformed(name) from None
    return found


def _unavailable(detail: str) -> TryAgain:
    return TryAgain(
        "google_unavailable",
        "Google does not answer. Check the network (and CATFLAP_GOOGLE_DISCOVERY_URL, when it is set).",
        detail=detail,
    )
