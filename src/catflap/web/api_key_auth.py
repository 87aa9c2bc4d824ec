"""Authentication of other back ends by API key; cookies are ignored."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Security

from catflap.errors import BadRequest
from catflap.vault.api_keys import ApiKey, Right
from catflap.web.input_types import PathId
from catflap.web.schemas.security import API_KEY
from catflap.web.services import Services, services


def require_key(right: Right) -> Callable[..., Awaitable[ApiKey]]:
    """Return a dependency: the API key of this request, which must have `right`.

    Raises:
        BadRequest: `unauthenticated`, `forbidden`.
        TryAgain: `rate_limited`.
    """

    async def required(
        services: Annotated[Services, Depends(services)],
        secret: Annotated[str | None, Security(API_KEY)],
    ) -> ApiKey:
        key = await services.api_keys.find(secret) if secret else None
        if key is None:
            raise BadRequest("unauthenticated", "Send a live API key: Authorization: Bearer catflap_…")
        services.api_keys.count(key)
        key.check(right)
        return key

    return required


def require_key_for_user(right: Right) -> Callable[..., Awaitable[ApiKey]]:
    """Return the same dependency for paths with `{user_id}`: the key must be for that user too.

    Raises:
        BadRequest: `unauthenticated`, `forbidden`.
        TryAgain: `rate_limited`.
    """

    async def required(user_id: PathId, key: Annotated[ApiKey, Depends(require_key(right))]) -> ApiKey:
        key.check_user(user_id)
        return key

    return required


TokensKey = Annotated[ApiKey, Depends(require_key_for_user("tokens"))]
ProxyKey = Annotated[ApiKey, Depends(require_key_for_user("proxy"))]
EventsKey = Annotated[ApiKey, Depends(require_key_for_user("events"))]
UserKey = Annotated[ApiKey, Depends(require_key_for_user("users"))]
AnnounceKey = Annotated[ApiKey, Depends(require_key_for_user("announce"))]
UsersKey = Annotated[ApiKey, Depends(require_key("users"))]
KeysKey = Annotated[ApiKey, Depends(require_key("keys"))]
