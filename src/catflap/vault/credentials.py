"""Let Google's own Python libraries get their tokens from Catflap.

    credentials = google_credentials(17, url="https://catflap.example.com", api_key=KEY)
    service = googleapiclient.discovery.build("calendar", "v3", credentials=credentials)

Tokens come from the token API, so nothing here ever sees a refresh token. `google-auth` must be installed;
whoever does not use it does not need it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any

import httpx2
from google.auth import credentials, exceptions

from catflap.errors import CatflapError, may_retry
from catflap.vault.access import Vault
from catflap.vault.refreshing import AccessToken
from catflap.vault.remote import TokenAddress, read_token

Fetch = Callable[[str | None], tuple[str, datetime]]


class Credentials(credentials.Credentials):
    """What googleapiclient, gspread and the google-cloud libraries take as `credentials`."""

    def __init__(self, fetch: Fetch) -> None:
        """`fetch` gives a live token and its end; it is told the token that Google refused, if one was."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._fetch = fetch

    def refresh(self, request: object) -> None:
        """Get the live token; google-auth calls this when it has none, or Google refused the one it has.

        Raises:
            google.auth.exceptions.RefreshError: with Catflap's error code as the first argument.
        """
        refused = self.token if self.token and not self.expired else None
        try:
            self.token, expires_at = self._fetch(refused)
        except CatflapError as error:
            raise exceptions.RefreshError(  # type: ignore[no-untyped-call]
                error.code, error.message, retryable=may_retry(error)
            ) from error
        # google-auth wants naive UTC.
        self.expiry = expires_at.astimezone(UTC).replace(tzinfo=None)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("credentials hold a live token; make new ones instead of copying them")


def google_credentials(
    user: int,
    *,
    url: str,
    api_key: str,
    account: str | None = None,
    scopes: Iterable[str] = (),
    http: httpx2.Client | None = None,
) -> Credentials:
    """Credentials of `user`, from the Catflap at `url`, with an API key that has the right `tokens`."""
    address = TokenAddress(user, url, api_key, account, tuple(scopes))

    def fetch(refused: str | None) -> tuple[str, datetime]:
        try:
            # Once an hour is too seldom to keep a connection for.
            response = (http or httpx2).get(
                address.url, params=address.parameters(refused), headers=address.headers, timeout=30
            )
        except httpx2.HTTPError as error:
            raise exceptions.TransportError(type(error).__name__) from None  # type: ignore[no-untyped-call]
        return read_token(response)

    return Credentials(fetch)


def vault_credentials(vault: Vault, user: int, account: str | None = None) -> Credentials:
    """The same inside Catflap's own process, for blocking code in a worker thread.

    Call it where the event loop runs, and use the credentials in `asyncio.to_thread`.
    """
    loop = asyncio.get_running_loop()

    def fetch(refused: str | None) -> tuple[str, datetime]:
        work: Coroutine[Any, Any, AccessToken] = vault.access_token(user, account, refused=refused)
        live = asyncio.run_coroutine_threadsafe(work, loop).result()
        return live.token, live.expires_at

    return Credentials(fetch)
