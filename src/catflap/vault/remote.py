"""Ask Catflap's token API for a live token, and use it with httpx2.

    async with httpx2.AsyncClient(auth=GoogleAuth(17, url=..., api_key=...)) as http:
        await http.get("https://www.googleapis.com/calendar/v3/calendars/primary/events")

Nothing here ever sees a refresh token.
"""

import hashlib
from collections.abc import AsyncGenerator, Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2

from catflap.clock import Clock, SystemClock
from catflap.errors import BadRequest, TryAgain, UserMustAct


@dataclass(frozen=True)
class TokenAddress:
    """Whose token to ask for, and where."""

    user: int
    base: str
    api_key: str = field(repr=False)
    account: str | None
    scopes: tuple[str, ...]

    @property
    def url(self) -> str:
        """The token endpoint."""
        return f"{self.base.rstrip('/')}/v1/users/{self.user}/google/token"

    @property
    def headers(self) -> dict[str, str]:
        """Who asks."""
        return {"Authorization": f"Bearer {self.api_key}"}

    def parameters(self, refused: str | None) -> dict[str, str]:
        """What is asked for; `refused` is a token that Google did not accept."""
        chosen = {"scopes": " ".join(self.scopes), "account": self.account or ""}
        if refused is not None:
            chosen["rejected"] = hashlib.sha256(refused.encode()).hexdigest()
        return {name: value for name, value in chosen.items() if value}


def read_token(response: httpx2.Response) -> tuple[str, datetime]:
    """The token in an answer of the token API, and when it ends.

    Raises:
        UserMustAct: `reconsent_required`, `scope_missing`.
        TryAgain: Google or Catflap can't answer now.
        BadRequest: anything else the API says.
    """
    try:
        answer = response.json()
        if response.status_code == 200:
            return answer["access_token"], datetime.fromisoformat(answer["expires_at"])
        code, message = str(answer["code"]), str(answer["detail"])
    except (ValueError, KeyError, TypeError):
        raise TryAgain("catflap_unavailable", f"Catflap answered with HTTP {response.status_code}.") from None
    if code in ("reconsent_required", "scope_missing"):
        raise UserMustAct(code, message)
    if response.status_code in (429, 503):
        raise TryAgain(code, message)
    raise BadRequest(code, message)


class GoogleAuth(httpx2.Auth):
    """Authentication for httpx2, blocking or async: the live token, and one retry if Google refuses it.

    httpx2.AsyncClient(auth=GoogleAuth(17, url=…, api_key=…))
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
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._address = TokenAddress(user, url, api_key, account, tuple(scopes))
        self._token: str | None = None
        self._expires_at = datetime.min.replace(tzinfo=UTC)

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Ask Catflap when there is no live token, then Google."""
        if self._token is None or self._clock.now() >= self._expires_at:
            self._keep((yield self._ask(None)))
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401:
            self._keep((yield self._ask(self._token)))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """As `auth_flow`, having read the small answers of Catflap."""
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
        """As `auth_flow`, having read the small answers of Catflap."""
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

    def _ask(self, refused: str | None) -> httpx2.Request:
        address = self._address
        return httpx2.Request("GET", address.url, params=address.parameters(refused), headers=address.headers)

    def _keep(self, response: httpx2.Response) -> None:
        self._token, self._expires_at = read_token(response)
