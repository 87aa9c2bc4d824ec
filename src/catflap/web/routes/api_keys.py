"""Manage API keys over HTTP, with a key that has the right `keys`.

Such a key can't make others with that right; those come from the command line only.
"""

from catflap.errors import BadRequest
from catflap.web.api_key_auth import KeysKey
from catflap.web.authentication import ServicesDep
from catflap.web.input_types import PathId
from catflap.web.problem_route import new_router
from catflap.web.schemas.api_keys import ApiKeyBody, ApiKeyList, ApiKeyResource, NewApiKey
from catflap.web.schemas.problems import API_KEY, problems

router = new_router("/v1", tag="keys")


@router.get(
    "/keys",
    operation_id="listApiKeys",
    summary="List all API keys",
    response_description="Every key there ever was, oldest first.",
    responses=problems(*API_KEY),
)
async def all_keys(key: KeysKey, services: ServicesDep) -> ApiKeyList:
    """List all keys, revoked and expired ones too; secrets are never shown again."""
    return ApiKeyList(keys=[ApiKeyResource.of(one) for one in await services.api_keys.list()])


@router.post(
    "/keys",
    status_code=201,
    operation_id="createApiKey",
    summary="Make an API key",
    response_description="The key with its secret.",
    responses=problems(*API_KEY, "right_unknown"),
)
async def make_key(body: ApiKeyBody, key: KeysKey, services: ServicesDep) -> NewApiKey:
    """Make a key; `secret` is shown once. Keys with the right `keys` come from the command line only."""
    if "keys" in body.rights:
        raise BadRequest("forbidden", "Keys that make keys come from the command line only.")
    made, secret = await services.api_keys.create(
        body.name,
        body.rights,
        user_ids=body.users,
        scopes=body.scopes,
        per_minute=body.per_minute,
        expires_at=body.expires_at,
    )
    services.audit.note("key.create", key_id=key.id, detail=f"key {made.id}")
    return NewApiKey.with_secret(made, secret)


@router.delete(
    "/keys/{key_id}",
    operation_id="revokeApiKey",
    summary="Revoke an API key",
    response_description="The revoked key.",
    responses=problems(*API_KEY, "not_found"),
)
async def revoke_key(key_id: PathId, key: KeysKey, services: ServicesDep) -> ApiKeyResource:
    """End a key at once, in every process; revoking it twice is no error."""
    ended = await services.api_keys.revoke(key_id)
    services.audit.note("key.revoke", key_id=key.id, detail=f"key {key_id}")
    return ApiKeyResource.of(ended)
