"""API keys over HTTP, for whoever automates operations: a key with the right `keys` makes and revokes others.

It can't make keys that make keys; those come from the command line only.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from catflap.devices.schedule import instant
from catflap.errors import BadRequest
from catflap.vault.api_keys import PER_MINUTE, ApiKey
from catflap.web.inputs import LARGEST_INTEGER, Id, Moment, PathId, Text
from catflap.web.keys import require_key
from catflap.web.routing import new_router
from catflap.web.security import Parts

router = new_router("/v1")

KeysKey = Annotated[ApiKey, Depends(require_key("keys"))]


class KeyBody(BaseModel):
    """A key to be made; limits left out are none."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    rights: Annotated[list[Text], Field(min_length=1, max_length=10)]
    users: Annotated[list[Id], Field(max_length=1000)] | None = None
    scopes: Annotated[list[Text], Field(max_length=100)] | None = None
    per_minute: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] = PER_MINUTE
    expires_at: Moment | None = None


@router.get("/keys")
async def all_keys(key: KeysKey, parts: Parts) -> dict[str, Any]:
    """Every key, without its secret."""
    return {"keys": [_shown(one) for one in await parts.api_keys.list()]}


@router.post("/keys", status_code=201)
async def make_key(body: KeyBody, key: KeysKey, parts: Parts) -> dict[str, Any]:
    """A new key; `secret` is shown now and never again."""
    if "keys" in body.rights:
        raise BadRequest("forbidden", "Keys that make keys come from the command line only.")
    made, secret = await parts.api_keys.create(
        body.name,
        body.rights,
        user_ids=body.users,
        scopes=body.scopes,
        per_minute=body.per_minute,
        expires_at=body.expires_at,
    )
    parts.audit.note("key.create", key_id=key.id, detail=f"key {made.id}")
    return {**_shown(made), "secret": secret}


@router.delete("/keys/{key_id}")
async def revoke_key(key_id: PathId, key: KeysKey, parts: Parts) -> dict[str, Any]:
    """End a key at once, in every process."""
    ended = await parts.api_keys.revoke(key_id)
    parts.audit.note("key.revoke", key_id=key.id, detail=f"key {key_id}")
    return _shown(ended)


def _shown(key: ApiKey) -> dict[str, Any]:
    def at(moment: datetime | None) -> str | None:
        return None if moment is None else instant(moment)

    return {
        "id": key.id,
        "name": key.name,
        "rights": sorted(key.rights),
        "users": None if key.user_ids is None else sorted(key.user_ids),
        "scopes": None if key.scopes is None else sorted(key.scopes),
        "per_minute": key.per_minute,
        "created_at": at(key.created_at),
        "expires_at": at(key.expires_at),
        "last_used_at": at(key.last_used_at),
        "revoked_at": at(key.revoked_at),
    }
