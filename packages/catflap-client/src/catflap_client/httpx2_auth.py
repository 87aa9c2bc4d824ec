"""`GoogleAuth`: httpx2 authentication with access tokens from Catflap."""

from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from datetime import UTC, datetime

import httpx2

from catflap_client._token_api import TokenRequest, read_token


def _utc_now() -> datetime:
    return datetime.now(UTC)


class GoogleAuth(httpx2.Auth):
    """Send each request with a live access token of one user, and repeat it once if Google answers 401.

        async with httpx2.AsyncClient(auth=GoogleAuth(17, url=URL, api_key=KEY)) as http:
            await http.get("https://www.googleapis.com/calendar/v3/calendars/primary/events")

    Works with blocking and async clients; the token is kept in memory until it expires.

    Args:
        user: the user's id in Catflap.
        url: Catflap's origin, such as `https://catflap.example.com`, and the prefix of `token_router()` if an
            application includes it below one.
        api_key: an API key with the right `tokens`.
        account: the `sub` of one of the user's Google accounts; None for the primary one.
        scopes: scopes the token must cover, as URLs or Catflap's short words.
        now: the clock that tells whether the token has expired.

    A request raises UserMustAct, TryAgain or BadRequest (`catflap_client.errors`) when there is no token.
    """

    requires_request_body = True

    def __init__(
        self,
        user: int,
        *,
        url: str,
        api_key: str,
        account: str | None = None,
        scopes: Iterable[str] = (),
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._now = now
        self._request = TokenRequest(user, url, api_key, account, tuple(scopes))
        self._token: str | None = None
        self._expires_at = datetime.min.replace(tzinfo=UTC)

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Yield the token request when no live token is known, then the request itself."""
        if self._token is None or self._now() >= self._expires_at:
            self._keep((yield self._token_request(None)))
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401:
            self._keep((yield self._token_request(self._token)))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Run `auth_flow`, reading the body of Catflap's answers but not of Google's."""
        flow = self.auth_flow(request)
        sent = next(flow)
        while True:
            response = yield sent
            if sent is not request:
                response.read()
            try:
                sent = flow.send(response)
            except StopIteration:
                return

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Run `auth_flow`, reading the body of Catflap's answers but not of Google's."""
        flow = self.auth_flow(request)
        sent = next(flow)
        while True:
            response = yield sent
            if sent is not request:
                await response.aread()
            try:
                sent = flow.send(response)
            except StopIteration:
                return

    def _token_request(self, rejected: str | None) -> httpx2.Request:
        asked = self._request
        return httpx2.Request("GET", asked.url, params=asked.parameters(rejected), headers=asked.headers)

    def _keep(self, response: httpx2.Response) -> None:
        self._token, self._expires_at = read_token(response)
