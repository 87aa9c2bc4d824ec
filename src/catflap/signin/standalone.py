"""Exchange a one-time code for tokens and profile, without database, vault or sessions.

Nothing is stored. Use one `CodeExchange` for the lifetime of your program, so that Google's keys are fetched
once an hour and not at every sign-in.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import httpx2
from pydantic import SecretStr

from catflap.clock import Clock, SystemClock
from catflap.errors import BadRequest
from catflap.google.discovery import Discovery
from catflap.google.id_token import Identity, IdTokens
from catflap.google.jwks import JwksCache
from catflap.google.oauth import OAuth
from catflap.google_client_settings import GoogleClient
from catflap.settings import GOOGLE_DISCOVERY_URL
from catflap.tls import tls_context


@dataclass(frozen=True)
class Exchanged:
    """Tokens and who they are for. `refresh_token` is None when Google sent none: keep the one you have."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    profile: Identity


class CodeExchange:
    """Exchanges codes of one OAuth client; an async context manager."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        discovery_url: str = GOOGLE_DISCOVERY_URL,
        clock: Clock | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._clock = clock or SystemClock()
        self._http = httpx2.AsyncClient(verify=tls_context(), timeout=timeout, follow_redirects=False)
        self._client_id = client_id
        discovery = Discovery(self._http, discovery_url)
        client = GoogleClient(client_id=client_id, client_secret=SecretStr(client_secret), redirect_uri="")
        self._oauth = OAuth(self._http, discovery, client)
        keys = JwksCache(self._http, discovery.jwks_uri, self._clock)
        self._id_tokens = IdTokens(keys, discovery, self._clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def __call__(
        self, code: str, *, redirect_uri: str = "", code_verifier: str | None = None, nonce: str | None = None
    ) -> Exchanged:
        """Exchange `code` for tokens and a verified profile.

        Args:
            redirect_uri: empty for codes of native apps, `postmessage` for popups, else as it was sent.

        Raises:
            InvalidGrant: the code is used, expired or another client's.
            Tampered: `id_token_invalid`.
            BadRequest: `id_token_missing`: ask for the scope `openid` too.
            OperatorMustAct: `google_client_rejected`.
            TryAgain: `google_unavailable`.
        """
        tokens = await self._oauth.exchange(code, redirect_uri=redirect_uri, code_verifier=code_verifier)
        if tokens.id_token is None:
            raise BadRequest("id_token_missing", "Ask Google for the scope openid too.")
        profile = await self._id_tokens.verify(tokens.id_token, audiences=(self._client_id,), nonce=nonce)
        return Exchanged(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            expires_at=self._clock.now() + timedelta(seconds=tokens.expires_in),
            scopes=tokens.scopes,
            profile=profile,
        )


async def exchange_code(
    code: str,
    *,
    client_id: str,
    client_secret: str,
    redirect_uri: str = "",
    code_verifier: str | None = None,
    nonce: str | None = None,
    discovery_url: str = GOOGLE_DISCOVERY_URL,
) -> Exchanged:
    """Exchange one code; servers use a `CodeExchange`."""
    async with CodeExchange(client_id, client_secret, discovery_url=discovery_url) as exchange:
        return await exchange(code, redirect_uri=redirect_uri, code_verifier=code_verifier, nonce=nonce)
