"""Errors that a consent of the user ends, answered with the consent to open."""

from fastapi.responses import Response

from catflap.errors import CatflapError
from catflap.google.id_token import is_unnamed
from catflap.google.scopes import missing_scopes
from catflap.vault import Grant
from catflap.vault.api_keys import ApiKey
from catflap.web.problems import problem_of
from catflap.web.schemas.problems import ConsentOffer
from catflap.web.services import Services


async def consent_wanted(
    services: Services,
    error: CatflapError,
    key: ApiKey,
    user_id: int,
    account: str | None,
    scopes: frozenset[str],
) -> Response:
    """Build the problem with the consent that ends it; its members are sent to `create` as they are."""
    grant = await services.grants.find(user_id, account)
    wanted = scopes | (grant.scopes if grant is not None else frozenset())
    if key.scopes is not None:
        wanted = frozenset(one for one in wanted if not missing_scopes({one}, key.scopes))
    offer = ConsentOffer(
        create=f"{services.settings.origin}{services.paths.token}/v1/users/{user_id}/consents",
        scopes=sorted(wanted),
        **whose(grant, account),
    )
    return problem_of(
        error,
        consent=offer,
        reason=grant.reason if grant is not None else None,
        since=grant.ended_at if grant is not None else None,
    )


def whose(grant: Grant | None, account: str | None) -> dict[str, str]:
    """Choose `purpose` and `account` of a consent, so that it widens the grant that lacked something."""
    if grant is None:
        return {"purpose": "link", **({"account": account} if account else {})}
    if is_unnamed(grant.account_sub):
        return {"purpose": "link"}
    # An account whose grant was revoked is not the user's any more until it is linked again.
    purpose = "link" if grant.state == "revoked" else "add_scopes"
    return {"purpose": purpose, "account": grant.account_sub}
