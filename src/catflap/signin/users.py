"""People and their Google accounts. A sign-in `sub` names exactly one user; an email address names nobody."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest
from catflap.google.id_token import Identity
from catflap.store.row_mapping import from_row
from catflap.store.tables import accounts as a
from catflap.store.tables import calendars, users


@dataclass(frozen=True)
class Account:
    """A Google account of a user. `signs_in`: opens a session; `is_primary`: exactly one of each user's."""

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
    signs_in: bool
    asked_scopes: list[str]


class Users:
    """Know people again."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        # Reading needs no transaction, and without one it is one round trip instead of three.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock

    async def find(self, sub: str) -> int | None:
        """The user who signs in with this account, or None."""
        async with self._reading.connect() as connection:
            row = (await connection.execute(_signing_in(sub))).first()
        return None if row is None else int(row.user_id)

    async def get_or_create_by_google(
        self, identity: Identity, asked: Collection[str] = ()
    ) -> tuple[int, bool]:
        """The user whose account this is, made at first sight, and whether it was.

        What `identity` does not tell stays as it was known: see `known_profile`.

        Raises:
            BadRequest: `not_allowed`: Google said that this account must not be used at present.
        """
        async with self._reading.connect() as connection:
            row = (await connection.execute(_signing_in(identity.sub))).first()
        if row is None or _differs(row, identity, asked):
            async with self._engine.begin() as connection:
                # Two first sign-ins of one account at the same moment must not make two people.
                await connection.execute(
                    select(func.pg_advisory_xact_lock(func.hashtextextended(identity.sub, 0)))
                )
                row = (await connection.execute(_signing_in(identity.sub))).first()
                if row is None:
                    return await self._create_with_account(connection, identity, asked), True
                _check_enabled(row)
                mine = (a.c.user_id == row.user_id) & (a.c.sub == identity.sub)
                await connection.execute(update(a).where(mine).values(self._profile(row, identity, asked)))
        _check_enabled(row)
        return int(row.user_id), False

    async def link_account(self, user_id: int, identity: Identity, asked: Collection[str] = ()) -> bool:
        """Note an account that this user allowed access to, and tell whether it is new to them.

        It signs nobody in; an account that did so already keeps doing so.

        Raises:
            BadRequest: `not_found`: no such user.
        """
        async with self._engine.begin() as connection:
            user = select(users.c.id).where(users.c.id == user_id).with_for_update()
            if await connection.scalar(user) is None:
                raise BadRequest("not_found", "There is no such user.")
            return await self._write(connection, user_id, identity, asked)

    async def get_or_create(self, external_id: str | None = None) -> tuple[int, bool]:
        """A user of an app with its own login, and whether it was made now.

        Args:
            external_id: what the app calls them; the same one names the same user again.
        """
        async with self._engine.begin() as connection:
            if external_id is not None:
                await connection.execute(
                    select(func.pg_advisory_xact_lock(func.hashtextextended(external_id, 1)))
                )
                known = await connection.scalar(select(users.c.id).where(users.c.external_id == external_id))
                if known is not None:
                    return int(known), False
            return await self._create(connection, external_id), True

    async def by_external_id(self, external_id: str) -> int | None:
        """The user whom the app calls `external_id`, or None."""
        async with self._reading.connect() as connection:
            query = select(users.c.id).where(users.c.external_id == external_id)
            found: int | None = await connection.scalar(query)
            return found

    async def external_id_of(self, user_id: int) -> str | None:
        """What the app calls this user; our own number when it never said.

        None when there is no such user.
        """
        async with self._reading.connect() as connection:
            query = select(users.c.id, users.c.external_id).where(users.c.id == user_id)
            row = (await connection.execute(query)).first()
        return None if row is None else row.external_id or str(row.id)

    async def accounts(self, user_id: int) -> list[Account]:
        """The user's accounts, the primary one first."""
        names = [a.c[name] for name in Account.__dataclass_fields__]
        query = select(*names).where(a.c.user_id == user_id)
        async with self._reading.connect() as connection:
            rows = await connection.execute(query.order_by(a.c.is_primary.desc(), a.c.created_at, a.c.sub))
            return [from_row(Account, row) for row in rows]

    async def with_stored_profile(self, user_id: int, identity: Identity) -> Identity:
        """`identity` with what is known of this account of the user where it does not tell."""
        if identity.email and identity.name:
            return identity
        query = select(a).where(a.c.user_id == user_id, a.c.sub == identity.sub)
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).first()
        return identity if row is None else Identity(**known_profile(identity, row._asdict()))

    async def has_account(self, user_id: int, sub: str) -> bool:
        """Whether this is one of the user's accounts."""
        query = select(a.c.sub).where(a.c.user_id == user_id, a.c.sub == sub)
        async with self._reading.connect() as connection:
            return await connection.scalar(query) is not None

    async def merge(self, user_id: int, sub: str, into: str) -> None:
        """Give one account of a user all that hangs on another, and forget the other."""
        async with self._engine.begin() as connection:
            await connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
            query = select(a).where(a.c.user_id == user_id, a.c.sub.in_((sub, into)))
            found = {row.sub: row for row in await connection.execute(query)}
            if set(found) != {sub, into}:
                return
            mine, theirs = calendars.alias(), calendars.c.account_sub == sub
            known = select(mine.c.google_id).where(mine.c.user_id == user_id, mine.c.account_sub == into)
            moved = update(calendars).where(calendars.c.user_id == user_id, theirs)
            await connection.execute(
                moved.where(calendars.c.google_id.not_in(known)).values(account_sub=into)
            )
            await connection.execute(delete(a).where(a.c.user_id == user_id, a.c.sub == sub))
            scopes = sorted({*found[sub].asked_scopes, *found[into].asked_scopes})
            is_primary = found[sub].is_primary or found[into].is_primary
            changes = {"asked_scopes": scopes, "is_primary": is_primary, "updated_at": self._clock.now()}
            await connection.execute(update(a).where(a.c.user_id == user_id, a.c.sub == into).values(changes))

    async def make_primary(self, user_id: int, sub: str) -> None:
        """Make one of the user's accounts the primary one.

        Raises:
            BadRequest: `not_found`.
        """
        async with self._engine.begin() as connection:
            await connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
            known = select(a.c.sub).where(a.c.user_id == user_id, a.c.sub == sub)
            if await connection.scalar(known) is None:
                raise BadRequest("not_found", "You have no such account.")
            await connection.execute(
                update(a).where(a.c.user_id == user_id).values(is_primary=a.c.sub == sub)
            )

    async def unlink_account(self, user_id: int, sub: str) -> None:
        """Forget a linked account with its calendars; one that signs in stays, without its calendars."""
        async with self._engine.begin() as connection:
            await connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
            mine = (a.c.user_id == user_id) & (a.c.sub == sub)
            row = (await connection.execute(select(a).where(mine))).first()
            if row is None:
                return
            await connection.execute(delete(a).where(mine))
            if row.signs_in:
                # Deleted and put back, because what hangs on an account goes with it.
                await connection.execute(insert(a).values({**row._mapping, "asked_scopes": []}))
            elif row.is_primary:
                oldest = select(a.c.sub).where(a.c.user_id == user_id)
                heir = await connection.scalar(oldest.order_by(a.c.signs_in.desc(), a.c.created_at).limit(1))
                await connection.execute(
                    update(a).where(a.c.user_id == user_id, a.c.sub == heir).values(is_primary=True)
                )

    async def erase(self, user_id: int) -> None:
        """Forget a user and everything that hangs on them, sealed tokens included."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(users).where(users.c.id == user_id))

    async def _create(self, connection: AsyncConnection, external_id: str | None) -> int:
        values = {"created_at": self._clock.now(), "external_id": external_id}
        made = await connection.scalar(insert(users).values(values).returning(users.c.id))
        assert made is not None
        return int(made)

    async def _create_with_account(
        self, connection: AsyncConnection, identity: Identity, asked: Collection[str]
    ) -> int:
        """A user and the account they came with, in one statement: everybody's first sign-in waits for it."""
        user = {"created_at": self._clock.now(), "external_id": None}
        made = insert(users).values(user).returning(users.c.id).cte("made")
        account = {name: value for name, value in self._new(0, identity, asked).items() if name != "user_id"}
        values = (literal(value, a.c[name].type) for name, value in account.items())
        new = insert(a).from_select(["user_id", *account], select(made.c.id, *values))
        user_id = await connection.scalar(new.returning(a.c.user_id))
        assert user_id is not None
        return int(user_id)

    async def _write(
        self, connection: AsyncConnection, user_id: int, identity: Identity, asked: Collection[str]
    ) -> bool:
        """Note a linked account; whether it is new to the user."""
        mine = (a.c.user_id == user_id) & (a.c.sub == identity.sub)
        row = (await connection.execute(select(a).where(mine))).first()
        if row is not None:
            await connection.execute(update(a).where(mine).values(self._profile(row, identity, asked)))
            return False
        others = await connection.scalar(select(func.count()).where(a.c.user_id == user_id))
        new = {**self._new(user_id, identity, asked), "signs_in": False, "is_primary": not others}
        await connection.execute(insert(a).values(new))
        return True

    def _new(self, user_id: int, identity: Identity, asked: Collection[str]) -> dict[str, Any]:
        now = self._clock.now()
        who = {**asdict(identity), "user_id": user_id, "signs_in": True, "is_primary": True}
        return {**who, "asked_scopes": sorted(asked), "created_at": now, "updated_at": now}

    def _profile(self, row: Row[Any], identity: Identity, asked: Collection[str]) -> dict[str, Any]:
        scopes = sorted({*row.asked_scopes, *asked})
        profile = known_profile(identity, row._asdict())
        return {**profile, "asked_scopes": scopes, "updated_at": self._clock.now()}


def known_profile(identity: Identity, known: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of an account once `identity` was seen too.

    Google leaves a claim out when its scope was not asked for, and guarantees none of the profile's even then
    (OpenID Connect guide), so a missing claim says nothing about the value that is stored.
    """
    told = {name: value for name, value in asdict(identity).items() if value not in (None, "")}
    if not identity.email:
        # Whether an address is verified is said of the address that comes with it.
        told.pop("email_verified")
    elif identity.hosted_domain is None:
        # An address without a domain beside it belongs to no Workspace (any more).
        told["hosted_domain"] = None
    return {name: told.get(name, known[name]) for name in asdict(identity)}


def _differs(row: Row[Any], identity: Identity, asked: Collection[str]) -> bool:
    same = all(getattr(row, name) == value for name, value in known_profile(identity, row._asdict()).items())
    return not same or not set(asked) <= set(row.asked_scopes)


def _check_enabled(row: Row[Any]) -> None:
    if row.disabled_at is not None:
        raise BadRequest("not_allowed", "Google has disabled this account; it can't sign in now.")


def _signing_in(sub: str) -> Any:
    return select(a).where(a.c.sub == sub, a.c.signs_in)
