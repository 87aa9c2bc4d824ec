"""Routes of other back ends prove themselves with an API key; cookies count for nothing there."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from catflap.errors import BadRequest
from catflap.vault.api_keys import ApiKey, Right
from catflap.web.security import bearer
from catflap.web.services import Services, services

_CANONICAL = re.compile("[1-9][0-9]{0,18}")


def require_key(right: Right) -> Callable[..., Awaitable[ApiKey]]:
    """A dependency: the API key of this request, which must have `right`.

    Where the path names a `{user_id}`, the key must be for that user too.

    Raises:
        BadRequest: `unauthenticated`, `forbidden`.
        TryAgain: `rate_limited`.
    """

    async def required(request: Request, parts: Annotated[Services, Depends(services)]) -> ApiKey:
        secret = bearer(request)
        key = await parts.api_keys.find(secret) if secret else None
        if key is None:
            raise BadRequest("unauthenticated", "Send a live API key: Authorization: Bearer catflap_…")
        parts.api_keys.count(key)
        key.check(right)
        if (user_id := request.path_params.get("user_id")) is not None:
            # Whoever parses the path later would read "+17" as 17, so only one spelling passes.
            if not _CANONICAL.fullmatch(str(user_id)):
                raise BadRequest("invalid_request", "user_id: write the number without sign or zeros.")
            key.check_user(int(user_id))
        return key

    return required


TokensKey = Annotated[ApiKey, Depends(require_key("tokens"))]
ProxyKey = Annotated[ApiKey, Depends(require_key("proxy"))]
UsersKey = Annotated[ApiKey, Depends(require_key("users"))]
AnnounceKey = Annotated[ApiKey, Depends(require_key("announce"))]
