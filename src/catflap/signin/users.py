"""People and their Google accounts. A sign-in `sub` names exactly one user; an email address names nobody."""

from dataclasses import asdict, dataclass

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.google.id_token import Identity
from catflap.store.tables import accounts, users


@dataclass(frozen=True)
class Account:
    """A Google account that a user signs in with."""

    sub: str
    email: str
    email_verified: bool
    name: str | None
    given_name: str | None
    family_name: str | None
    picture: str | None
    locale: str | None
    hosted_domain: str | None
    is_primary: bool


class Users:
    """Know people again."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def welcome(self, identity: Identity) -> int:
        """The user whose account this is, made at first sight; the profile is brought up to date."""
        now = self._clock.now()
        profile = {name: value for name, value in asdict(identity).items() if name != "sub"}
        async with self._engine.begin() as connection:
            # Two first sign-ins of one account at the same moment must not make two people.
            await connection.execute(
                select(func.pg_advisory_xact_lock(func.hashtextextended(identity.sub, 0)))
            )
            query = select(accounts.c.user_id).where(accounts.c.sub == identity.sub)
            user_id = await connection.scalar(query)
            if user_id is None:
                made = insert(users).values(created_at=now).returning(users.c.id)
                user_id = await connection.scalar(made)
            values = {**profile, "user_id": user_id, "is_primary": True, "created_at": now, "updated_at": now}
            statement = upsert(accounts).values(sub=identity.sub, **values)
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["sub"], set_={**profile, "updated_at": now})
            )
        assert user_id is not None
        return int(user_id)

    async def accounts(self, user_id: int) -> list[Account]:
        """The user's accounts, the primary one first."""
        names = [accounts.c[name] for name in Account.__dataclass_fields__]
        query = select(*names).where(accounts.c.user_id == user_id)
        async with self._engine.connect() as connection:
            rows = await connection.execute(
                query.order_by(accounts.c.is_primary.desc(), accounts.c.created_at)
            )
            return [Account(**row._mapping) for row in rows]
