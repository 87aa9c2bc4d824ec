"""google-auth credentials with access tokens from Catflap, for Google's own Python clients.

    credentials = google_credentials(17, url="https://catflap.example.com", api_key=KEY)
    service = googleapiclient.discovery.build("calendar", "v3", credentials=credentials)

Needs the extra `google`. Refresh tokens stay in Catflap.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import httpx2

from catflap_client._token_api import TokenRequest, read_token
from catflap_client.errors import CatflapError, TryAgain

try:
    from google.auth import credentials, exceptions
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "catflap_client.google_auth needs google-auth: pip install 'catflap-client[google]'", name=error.name
    ) from None

# Given the access token that Google rejected, or None: a live token and when it expires (aware UTC).
FetchToken = Callable[[str | None], tuple[str, datetime]]


class Credentials(credentials.Credentials):
    """Credentials for googleapiclient, gspread and the google-cloud libraries.

    Args:
        fetch: gives a live token; google-auth's exceptions pass through.
    """

    def __init__(self, fetch: FetchToken) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._fetch = fetch

    def refresh(self, request: object) -> None:
        """Get a live token; google-auth calls this when it has none, or Google rejected the one it has.

        Raises:
            google.auth.exceptions.RefreshError: with Catflap's error code as the first argument.
        """
        rejected = self.token if self.token and not self.expired else None
        self.token, expires_at = self._fetch(rejected)
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
    """Return credentials of one user, with tokens from the Catflap at `url`.

    Args:
        user: the user's id in Catflap.
        url: Catflap's origin, such as `https://catflap.example.com`, and the prefix of `token_router()` if an
            application includes it below one.
        api_key: an API key with the right `tokens`.
        account: the `sub` of one of the user's Google accounts; None for the primary one.
        scopes: scopes the token must cover, as URLs or Catflap's short words.
        http: the client that asks Catflap; without it, each question opens a connection of its own.
    """
    asked = TokenRequest(user, url, api_key, account, tuple(scopes))

    def fetch(rejected: str | None) -> tuple[str, datetime]:
        try:
            response = (http or httpx2).get(
                asked.url, params=asked.parameters(rejected), headers=asked.headers, timeout=30
            )
            return read_token(response)
        except httpx2.HTTPError as error:
            raise exceptions.TransportError(type(error).__name__) from None  # type: ignore[no-untyped-call]
        except CatflapError as error:
            raise exceptions.RefreshError(  # type: ignore[no-untyped-call]
                error.code, error.message, retryable=isinstance(error, TryAgain)
            ) from error

    return Credentials(fetch)
