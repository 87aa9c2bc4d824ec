"""The request `GET /v1/users/{id}/google/token` of Catflap's token API, and how its answers are read."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

import httpx2

from catflap_client.errors import BadRequest, TryAgain, UserMustAct


@dataclass(frozen=True)
class TokenRequest:
    """A request for one user's access token.

    Args:
        user: the user's id in Catflap.
        base: URL below which Catflap's `/v1/users/…` is, such as `https://catflap.example.com`.
        api_key: an API key with the right `tokens`.
        account: the `sub` of one of the user's Google accounts; None for the primary one.
        scopes: scopes the token must cover, as URLs or Catflap's short words.
    """

    user: int
    base: str
    api_key: str = field(repr=False)
    account: str | None
    scopes: tuple[str, ...]

    @property
    def url(self) -> str:
        """The URL of the token endpoint for this user."""
        return f"{self.base.rstrip('/')}/v1/users/{self.user}/google/token"

    @property
    def headers(self) -> dict[str, str]:
        """The `Authorization` header with the API key."""
        return {"Authorization": f"Bearer {self.api_key}"}

    def parameters(self, rejected: str | None) -> dict[str, str]:
        """Return the query parameters; `rejected` is an access token that Google did not accept."""
        chosen = {"scopes": " ".join(self.scopes), "account": self.account or ""}
        if rejected is not None:
            chosen["rejected"] = hashlib.sha256(rejected.encode()).hexdigest()
        return {name: value for name, value in chosen.items() if value}


def read_token(response: httpx2.Response) -> tuple[str, datetime]:
    """Return the access token of a response and when it expires (aware UTC).

    Raises:
        UserMustAct: `reconsent_required`, `scope_missing`.
        TryAgain: Google or Catflap is unavailable, or limits the rate.
        BadRequest: any other error of the API.
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
