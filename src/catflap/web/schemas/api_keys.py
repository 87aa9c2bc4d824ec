"""API keys."""

from typing import Annotated, Any, Self

from pydantic import Field

from catflap.vault.api_keys import PER_MINUTE, ApiKey
from catflap.web.input_types import LARGEST_INTEGER, Id, Text
from catflap.web.schemas.base import Answer, Instant, RequestTime, StrictBody


class ApiKeyBody(StrictBody):
    """An API key to create; limits left out do not apply."""

    name: Annotated[Text, Field(min_length=1, max_length=100, examples=["shop"])]
    rights: Annotated[list[Text], Field(min_length=1, max_length=10, examples=[["tokens"]])]
    users: Annotated[list[Id], Field(max_length=1000, description="The only users it is for.")] | None = None
    scopes: Annotated[list[Text], Field(max_length=100, description="The only scopes it may use.")] | None = (
        None
    )
    per_minute: Annotated[
        int, Field(ge=1, le=LARGEST_INTEGER, description="Requests a minute, in each process.")
    ] = PER_MINUTE
    expires_at: RequestTime | None = None


class ApiKeyResource(Answer):
    """An API key without its secret; limits that are null do not apply."""

    id: int
    name: str
    rights: list[str]
    users: list[int] | None
    scopes: list[str] | None
    per_minute: int
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    revoked_at: Instant | None

    @classmethod
    def members_of(cls, key: ApiKey) -> dict[str, Any]:
        """Return the members for `key`, for this model and those that extend it."""
        return {
            "id": key.id,
            "name": key.name,
            "rights": sorted(key.rights),
            "users": None if key.user_ids is None else sorted(key.user_ids),
            "scopes": None if key.scopes is None else sorted(key.scopes),
            "per_minute": key.per_minute,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "last_used_at": key.last_used_at,
            "revoked_at": key.revoked_at,
        }

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyResource":
        """Build it from a stored key."""
        return ApiKeyResource(**cls.members_of(key))


class NewApiKey(ApiKeyResource):
    """A new API key with its secret."""

    secret: str = Field(description="Shown now and never again.", examples=["catflap_…"])

    @classmethod
    def with_secret(cls, key: ApiKey, secret: str) -> Self:
        """Build it with the secret, which is returned this once."""
        return cls(**cls.members_of(key), secret=secret)


class ApiKeyList(Answer):
    """All API keys."""

    keys: list[ApiKeyResource]
