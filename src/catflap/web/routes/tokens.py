"""The token API: Google access tokens of users for other back ends, by API key."""

from datetime import timedelta
from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from catflap.errors import BadRequest, CatflapError, UserMustAct
from catflap.google.scopes import expand_requested
from catflap.vault import AccessToken
from catflap.vault.api_keys import ApiKey
from catflap.vault.lifetimes import MIN_TTL
from catflap.web.api_key_auth import TokensKey
from catflap.web.authentication import ServicesDep
from catflap.web.consent_offer import consent_wanted
from catflap.web.input_types import AccountSub, PathId, Text
from catflap.web.problem_route import new_router
from catflap.web.schemas.base import NO_STORE, json_response
from catflap.web.schemas.problems import API_KEY, VAULT, problems
from catflap.web.schemas.tokens import AccessTokenResource
from catflap.web.services import Services

router = new_router("/v1", tag="tokens")
MAX_MIN_TTL = 3000
_SCOPES = "What the token is for, separated by spaces or commas; checked before it is returned."
_REJECTED = "SHA-256 (hex) of a token that Google refused; another one is returned."


@router.get(
    "/users/{user_id}/google/token",
    operation_id="getAccessToken",
    summary="Get a live Google access token",
    response_model=AccessTokenResource,
    response_description="A token that lives at least `min_ttl` seconds; less only while Google is away.",
    responses={200: NO_STORE, **problems(*API_KEY, *VAULT, "key_narrower_than_grant")},
)
async def token(
    user_id: PathId,
    key: TokensKey,
    services: ServicesDep,
    scopes: Annotated[Text, Query(max_length=4096, description=_SCOPES, examples=["calendar"])] = "",
    account: AccountSub = None,
    min_ttl: Annotated[
        int, Query(ge=0, le=MAX_MIN_TTL, description="Seconds that the token must live at least.")
    ] = int(MIN_TTL.total_seconds()),
    rejected: Annotated[Text | None, Query(pattern="^[0-9a-f]{64}$", description=_REJECTED)] = None,
) -> Response:
    """Return the user's access token, refreshed when it ends within `min_ttl`, once for all callers.

    A user who has to consent first is answered with 403 `scope_missing`, 404 `not_found` or 409
    `reconsent_required`, and `consent` has what to send to `createConsent`.
    """
    wanted = expand_requested(scopes)
    try:
        key.check_scopes(wanted)
        live = await _token_within(services, key, user_id, account, wanted, min_ttl, rejected)
    except CatflapError as error:
        services.audit.note("token", error.code, key_id=key.id, user_id=user_id, account_sub=account)
        if isinstance(error, UserMustAct) or error.code == "not_found":
            return await consent_wanted(services, error, key, user_id, account, wanted)
        raise
    services.audit.note("token", key_id=key.id, user_id=user_id, account_sub=account)
    # Built here: FastAPI would validate the model once more, on the route that is called most.
    return json_response(AccessTokenResource.of(live), headers={"Cache-Control": "no-store"})


async def _token_within(
    services: Services,
    key: ApiKey,
    user_id: int,
    account: str | None,
    wanted: frozenset[str],
    min_ttl: int,
    rejected: str | None,
) -> AccessToken:
    """Return a live token if the API key may have all of its scopes.

    A Google token carries everything that its consent allowed, so a narrower key must use the proxy.

    Raises:
        BadRequest: `key_narrower_than_grant`, and as `Vault.access_token`.
    """
    try:
        live = await services.vault.access_token(
            user_id,
            account,
            scopes=wanted,
            within=key.scopes,
            min_ttl=timedelta(seconds=min_ttl),
            rejected_sha256=rejected,
        )
        # Once more with the token in hand: a refresh may have changed what it opens.
        key.check_scopes(live.scopes)
    except BadRequest as error:
        if error.code not in ("key_narrower_than_grant", "forbidden"):
            raise
        raise BadRequest(
            "key_narrower_than_grant",
            "A token would open more than this API key may use; call Google through "
            f"{services.paths.token}/v1/users/{user_id}/google/{{host}}/{{path}} instead.",
        ) from None
    return live
