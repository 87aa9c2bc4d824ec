"""Where Google's OAuth endpoints are: asked once of its OpenID Connect discovery document, then kept.

Everything else takes its addresses from here, so another server can be put in Google's place.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx2

from catflap.errors import OperatorMustAct, TryAgain
from catflap.settings import is_loopback


@dataclass(frozen=True)
class Endpoints:
    """The members of the discovery document that Catflap uses (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    # RFC 9207 section 3: an answer without `iss` is then an attack.
    answers_with_issuer: bool = False


_NAMES = ("issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint", "jwks_uri")


class Discovery:
    """Fetches the document at first need; concurrent callers share one request."""

    def __init__(self, http: httpx2.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url
        self._lock = asyncio.Lock()
        self._endpoints: Endpoints | None = None

    async def endpoints(self) -> Endpoints:
        """The endpoints.

        Raises:
            TryAgain: `google_unavailable`.
            OperatorMustAct: `discovery_invalid`.
        """
        async with self._lock:
            if self._endpoints is None:
                self._endpoints = _check(await self._fetch())
            return self._endpoints

    async def jwks_uri(self) -> str:
        """Where the signing keys are; raises as `endpoints` does."""
        return (await self.endpoints()).jwks_uri

    async def _fetch(self) -> Any:
        try:
            response = await self._http.get(self._url)
            if response.status_code == 200:
                return response.json()
            detail = f"HTTP {response.status_code}"
        except (httpx2.HTTPError, ValueError) as error:
            detail = type(error).__name__
        raise TryAgain(
            "google_unavailable",
            "Google does not answer. Check the network (and CATFLAP_GOOGLE_DISCOVERY_URL, when it is set).",
            detail=detail,
        )


def _check(document: Any) -> Endpoints:
    try:
        endpoints = Endpoints(
            **{name: str(document[name]) for name in _NAMES},
            answers_with_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )
    except (KeyError, TypeError, AttributeError):
        raise OperatorMustAct(
            "discovery_invalid", "CATFLAP_GOOGLE_DISCOVERY_URL is not an OpenID Connect discovery document."
        ) from None
    for url in (getattr(endpoints, name) for name in _NAMES[1:]):
        if not url.startswith("https://") and not (url.startswith("http://") and is_loopback(url)):
            raise OperatorMustAct(
                "discovery_invalid",
                "The discovery document names an endpoint without https outside this machine.",
            )
    return endpoints
