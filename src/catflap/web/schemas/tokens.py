"""Google access tokens for other back ends."""

from typing import Self

from pydantic import Field

from catflap.vault import AccessToken
from catflap.web.schemas.base import Answer, Instant, Scopes


class AccessTokenResource(Answer):
    """A live access token for Google's APIs."""

    access_token: str = Field(examples=["ya29.a0AfH6SM…"])
    expires_at: Instant
    scopes: Scopes

    @classmethod
    def of(cls, live: AccessToken) -> Self:
        """Build it from a token of the vault."""
        return cls(access_token=live.token, expires_at=live.expires_at, scopes=sorted(live.scopes))
