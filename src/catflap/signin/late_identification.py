"""Identify an account later that a code without the scope `openid` left unidentified.

The unidentified and the identified account are taken for the same unless something contradicts it: the id of
a primary calendar is its owner's address, and a user with several accounts may have meant any of them. An
unidentified account whose grant has ended is dropped in either case, so that it does not hide a working one.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.google.id_token import Identity, is_unnamed, unnamed
from catflap.signin.users import Users
from catflap.store.calendar_tables import calendars
from catflap.vault import Grants
from catflap.vault.grant_merge import merge


class LateIdentification:
    """Merges a user's unidentified account into an identified one."""

    def __init__(self, engine: AsyncEngine, clock: Clock, users: Users, grants: Grants) -> None:
        self._engine = engine
        self._clock = clock
        self._users = users
        self._grants = grants

    async def merge_unnamed_account(self, user_id: int, identity: Identity) -> None:
        """Merge the unidentified account into this one, which has a grant of its own now; idempotent."""
        nameless = unnamed(user_id).sub
        if is_unnamed(identity.sub) or not await self._users.has_account(user_id, nameless):
            return
        grant = await self._grants.exact(user_id, nameless)
        is_over = grant is None or grant.state != "active"
        if is_over or await self._is_same(user_id, nameless, identity):
            await merge(self._grants, self._clock, user_id, nameless, identity.sub)
            await self._users.merge(user_id, nameless, identity.sub)

    async def _is_same(self, user_id: int, nameless: str, identity: Identity) -> bool:
        c = calendars.c
        primary = select(c.google_id).where(c.user_id == user_id, c.account_sub == nameless, c.is_primary)
        async with self._engine.connect() as connection:
            address = await connection.scalar(primary.limit(1))
        if address is not None and identity.email:
            return str(address).casefold() == identity.email.casefold()
        others = [one for one in await self._users.accounts(user_id) if not is_unnamed(one.sub)]
        return len(others) == 1
