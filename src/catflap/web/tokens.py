"""Access tokens for other back ends: the one live token of a user, by API key."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import JSONResponse, Response

from catflap.devices.schedule import instant
from catflap.errors import BadRequest, CatflapError, UserMustAct, http_status
from catflap.google.id_token import is_unnamed
from catflap.google.scopes import asked, missing
from catflap.vault import AccessToken, Grant
from catflap.vault.api_keys import ApiKey
from catflap.web.inputs import PathId, Text
from catflap.web.keys import TokensKey
from catflap.web.problems import problem
from catflap.web.routing import new_router
from catflap.web.security import Parts
from catflap.web.services import Services

router = new_router("/v1")

# OpenID Connect Core 1.0, section 2: at most 255 ASCII characters.
AccountSub = Annotated[Text | None, Query(pattern="^[!-~]{1,255}$")]
MIN_TTL = 300
MOST_TTL = 3000


@router.get("/users/{user_id}/google/token")
async def token(
    user_id: PathId,
    key: TokensKey,
    parts: Parts,
    scopes: Annotated[Text, Query(max_length=4096)] = "",
    account: AccountSub = None,
    min_ttl: Annotated[int, Query(ge=0, le=MOST_TTL)] = MIN_TTL,
    rejected: Annotated[Text | None, Query(pattern="^[0-9a-f]{64}$")] = None,
) -> Response:
    """A live access token.

    `scopes` are checked before it is handed out; `min_ttl` is seconds; `rejected` is the SHA-256 (hex) of a
    token that Google refused, which is then not handed out again.
    """
    wanted = asked(scopes)
    try:
        key.check_scopes(wanted)
        live = await _token_within(parts, key, user_id, account, wanted, min_ttl, rejected)
    except CatflapError as error:
        parts.audit.note("token", error.code, key_id=key.id, user_id=user_id, account_sub=account)
        if isinstance(error, UserMustAct) or error.code == "not_found":
            return await consent_wanted(parts, error, key, user_id, account, wanted)
        raise
    parts.audit.note("token", key_id=key.id, user_id=user_id, account_sub=account)
    return JSONResponse(_shown(live), headers={"Cache-Control": "no-store"})


async def _token_within(
    parts: Services,
    key: ApiKey,
    user_id: int,
    account: str | None,
    wanted: frozenset[str],
    min_ttl: int,
    rejected: str | None,
) -> AccessToken:
    """A Google token carries all that its consent allowed, so a key that is narrower must use the proxy.

    Raises:
        BadRequest: `key_narrower_than_grant`, and as `Vault.access_token`.
    """
    try:
        live = await parts.vault.access_token(
            user_id,
            account,
            scopes=wanted,
            within=key.scopes,
            min_ttl=timedelta(seconds=min_ttl),
            refused_sha256=rejected,
        )
        # Once more with the token in hand: a refresh may have changed what it opens.
        key.check_scopes(live.scopes)
    except BadRequest as error:
        if error.code not in ("key_narrower_than_grant", "forbidden"):
            raise
        raise BadRequest(
            "key_narrower_than_grant",
            "A token would open more than this API key may use; call Google through "
            f"{parts.paths.token}/v1/users/{user_id}/google/{{host}}/{{path}} instead.",
        ) from None
    return live


async def consent_wanted(
    parts: Services,
    error: CatflapError,
    key: ApiKey,
    user_id: int,
    account: str | None,
    scopes: frozenset[str],
) -> Response:
    """The problem, and the consent that ends it: its members are sent to `create` as they are."""
    grant = await parts.grants.find(user_id, account)
    wanted = scopes | (grant.scopes if grant is not None else frozenset())
    if key.scopes is not None:
        wanted = frozenset(one for one in wanted if not missing({one}, key.scopes))
    return problem(
        http_status(error),
        error.code,
        error.message,
        consent={
            "create": f"{parts.settings.origin}{parts.paths.token}/v1/users/{user_id}/consents",
            "scopes": sorted(wanted),
            **_whose(grant, account),
        },
        reason=grant.reason if grant is not None else None,
        since=instant(grant.ended_at) if grant is not None and grant.ended_at else None,
    )


def _whose(grant: Grant | None, account: str | None) -> dict[str, str]:
    """The account to ask, so that the consent widens the grant that lacked something, and no other."""
    if grant is None:
        return {"purpose": "link", **({"account": account} if account else {})}
    if is_unnamed(grant.account_sub):
        return {"purpose": "link"}
    # An account whose grant was revoked is not the user's any more until it is linked again.
    purpose = "link" if grant.state == "revoked" else "add_scopes"
    return {"purpose": purpose, "account": grant.account_sub}


def _shown(live: AccessToken) -> dict[str, Any]:
    return {
        "access_token": live.token,
        "expires_at": instant(live.expires_at),
        "scopes": sorted(live.scopes),
    }
