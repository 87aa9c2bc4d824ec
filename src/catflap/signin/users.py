"""Users and their Google accounts, which are identified by `sub`, never by email address."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import Row, Text, bindparam, cast, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest
from catflap.google.id_token import UNNAMED, Identity
from catflap.store.calendar_tables import calendars
from catflap.store.row_mapping import from_row
from catflap.store.tables import accounts as a
from catflap.store.tables import audit, users


@dataclass(frozen=True)
class Account:
    """A Google account of a user. `signs_in`: may open a session; `is_primary`: one per user."""

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


class AccountExists(Exception):
    """An account that was to be created has been created meanwhile."""


@dataclass(frozen=True)
class StoredAccount:
    """An account as it is stored. `has_unnamed`: its user has an unidentified account beside it."""

    user_id: int
    has_unnamed: bool
    _columns: Mapping[str, Any] = field(repr=False)

    def check_enabled(self) -> None:
        """Check that the account may sign in.

        Raises:
            BadRequest: `not_allowed`: Google said that it must not be used at present.
        """
        if self._columns["disabled_at"] is not None:
            raise BadRequest("not_allowed", "Google has disabled this account; it can't sign in now.")

    def differs(self, identity: Identity, asked: Collection[str]) -> bool:
        """Return whether `identity` or the scopes asked for change what is stored."""
        profile = known_profile(identity, self._columns)
        same = all(self._columns[name] == value for name, value in profile.items())
        return not same or not set(asked) <= set(self._columns["asked_scopes"])

    def completed(self, identity: Identity) -> Identity:
        """Return `identity` with a missing address or name filled in from the stored claims."""
        if identity.email and identity.name:
            return identity
        return Identity(**known_profile(identity, self._columns))


class Users:
    """Repository of users and their linked Google accounts."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        # Reading needs no transaction, and without one it is one round trip instead of three.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock

    async def account(self, sub: str, user_id: int | None = None) -> StoredAccount | None:
        """Return an account of a user; without `user_id`, that with which somebody signs in."""
        async with self._reading.connect() as connection:
            query = _SIGNING_IN if user_id is None else _LINKED
            row = (await connection.execute(query, {"sub": sub, "user": user_id})).first()
        return None if row is None else StoredAccount(row.user_id, row.has_unnamed, row._asdict())

    async def create_with_account(
        self, connection: AsyncConnection, identity: Identity, asked: Collection[str]
    ) -> int:
        """Create a user and their account in one statement, to save a round trip at sign-in.

        Raises:
            AccountExists: somebody signs in with this account; the transaction must be rolled back.
        """
        account = self._new(0, identity, asked)
        values = {f"new_{name}": account[name] for name in _ACCOUNT_COLUMNS}
        user_id = await connection.scalar(_INSERT_USER_AND_ACCOUNT, values)
        if user_id is None:
            raise AccountExists
        return int(user_id)

    async def update_account(
        self, connection: AsyncConnection, user_id: int, identity: Identity, asked: Collection[str]
    ) -> None:
        """Store new claims and scopes of an account; a claim that `identity` lacks keeps its stored value."""
        mine = (a.c.user_id == user_id) & (a.c.sub == identity.sub)
        row = (await connection.execute(select(a).where(mine).with_for_update())).first()
        if row is not None:
            await connection.execute(update(a).where(mine).values(self._profile(row, identity, asked)))

    async def link_account(self, user_id: int, identity: Identity, asked: Collection[str] = ()) -> bool:
        """Link an account to a user in a transaction of its own; return whether it is new to them.

        Raises:
            BadRequest: `not_found`: no such user.
        """
        async with self._engine.begin() as connection:
            return await self.link(connection, user_id, identity, asked)

    async def link(
        self, connection: AsyncConnection, user_id: int, identity: Identity, asked: Collection[str]
    ) -> bool:
        """Link an account to a user; return whether it is new to them.

        A linked account does not sign in; an account that already did keeps doing so.

        Raises:
            BadRequest: `not_found`: no such user.
        """
        user = select(users.c.id).where(users.c.id == user_id).with_for_update()
        if await connection.scalar(user) is None:
            raise BadRequest("not_found", "There is no such user.")
        return await self._write(connection, user_id, identity, asked)

    async def get_or_create(self, external_id: str | None = None) -> tuple[int, bool]:
        """Return a user of an app with its own login, and whether they were created now.

        Args:
            external_id: the app's id of the user; the same id returns the same user.
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
        """Return the user with this external id, or None."""
        async with self._reading.connect() as connection:
            query = select(users.c.id).where(users.c.external_id == external_id)
            found: int | None = await connection.scalar(query)
            return found

    async def external_id_of(self, user_id: int) -> str | None:
        """Return the external id of a user, or our own id as text when they have none.

        None when there is no such user.
        """
        async with self._reading.connect() as connection:
            query = select(users.c.id, users.c.external_id).where(users.c.id == user_id)
            row = (await connection.execute(query)).first()
        return None if row is None else row.external_id or str(row.id)

    async def accounts(self, user_id: int) -> list[Account]:
        """Return the user's accounts, the primary one first."""
        names = [a.c[name] for name in Account.__dataclass_fields__]
        query = select(*names).where(a.c.user_id == user_id)
        async with self._reading.connect() as connection:
            rows = await connection.execute(query.order_by(a.c.is_primary.desc(), a.c.created_at, a.c.sub))
            return [from_row(Account, row) for row in rows]

    async def has_account(self, user_id: int, sub: str) -> bool:
        """Return whether this is one of the user's accounts."""
        query = select(a.c.sub).where(a.c.user_id == user_id, a.c.sub == sub)
        async with self._reading.connect() as connection:
            return await connection.scalar(query) is not None

    async def merge(self, user_id: int, sub: str, into: str) -> None:
        """Merge the account `sub` of a user into the account `into`, and delete the former."""
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
        """Unlink an account and delete its calendars; an account that signs in stays without them."""
        async with self._engine.begin() as connection:
            await connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
            mine = (a.c.user_id == user_id) & (a.c.sub == sub)
            row = (await connection.execute(select(a).where(mine))).first()
            if row is None:
                return
            await connection.execute(delete(a).where(mine))
            if row.signs_in:
                # Deleted and inserted again, so that dependent rows are deleted by cascade.
                await connection.execute(insert(a).values({**row._mapping, "asked_scopes": []}))
            elif row.is_primary:
                oldest = select(a.c.sub).where(a.c.user_id == user_id)
                successor = await connection.scalar(
                    oldest.order_by(a.c.signs_in.desc(), a.c.created_at).limit(1)
                )
                await connection.execute(
                    update(a).where(a.c.user_id == user_id, a.c.sub == successor).values(is_primary=True)
                )

    async def is_introduced(self, user_id: int) -> bool:
        """Return whether the user went through, or skipped, the first minute of the page."""
        query = select(users.c.introduced_at).where(users.c.id == user_id)
        async with self._reading.connect() as connection:
            return await connection.scalar(query) is not None

    async def introduce(self, user_id: int) -> None:
        """Store that the user knows the first minute of the page; the first time counts."""
        mine = (users.c.id == user_id) & users.c.introduced_at.is_(None)
        async with self._engine.begin() as connection:
            await connection.execute(update(users).where(mine).values(introduced_at=self._clock.now()))

    async def erase(self, user_id: int) -> None:
        """Delete a user and all their rows, encrypted tokens and the audit log's entries included."""
        subs = select(a.c.sub).where(a.c.user_id == user_id)
        async with self._engine.begin() as connection:
            about_accounts = audit.c.user_id.is_(None), audit.c.account_sub.in_(subs)
            await connection.execute(delete(audit).where(*about_accounts))
            await connection.execute(delete(audit).where(audit.c.user_id == user_id))
            await connection.execute(delete(users).where(users.c.id == user_id))

    async def _create(self, connection: AsyncConnection, external_id: str | None) -> int:
        values = {"created_at": self._clock.now(), "external_id": external_id}
        made = await connection.scalar(insert(users).values(values).returning(users.c.id))
        assert made is not None
        return int(made)

    async def _write(
        self, connection: AsyncConnection, user_id: int, identity: Identity, asked: Collection[str]
    ) -> bool:
        """Store a linked account; return whether it is new to the user."""
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
    """Merge the claims of `identity` with the stored profile of an account.

    Google omits a claim when its scope was not requested, and guarantees none of the profile's even then
    (OpenID Connect guide), so a missing claim does not delete the stored value.
    """
    present = {name: value for name, value in asdict(identity).items() if value not in (None, "")}
    if not identity.email:
        # `email_verified` applies only to the address in the same token.
        present.pop("email_verified")
    elif identity.hosted_domain is None:
        # An address without `hd` belongs to no Workspace domain (any more).
        present["hosted_domain"] = None
    return {name: present.get(name, known[name]) for name in asdict(identity)}


_UNNAMED = a.alias("unnamed")
_HAS_UNNAMED = exists().where(
    _UNNAMED.c.user_id == a.c.user_id, _UNNAMED.c.sub == UNNAMED + cast(a.c.user_id, Text)
)
_ACCOUNT = select(a, _HAS_UNNAMED.label("has_unnamed")).where(a.c.sub == bindparam("sub"))
_SIGNING_IN = _ACCOUNT.where(a.c.signs_in)
_LINKED = _ACCOUNT.where(a.c.user_id == bindparam("user"))

# Statements of a sign-in, built once: to build one takes longer than to run it.
_ACCOUNT_COLUMNS = (
    *(one.name for one in fields(Identity)),
    "signs_in",
    "is_primary",
    "asked_scopes",
    "created_at",
    "updated_at",
)
_MADE = insert(users).values(created_at=bindparam("new_created_at")).returning(users.c.id).cte("made")
_INSERT_USER_AND_ACCOUNT = (
    insert(a)
    .from_select(
        ["user_id", *_ACCOUNT_COLUMNS],
        select(_MADE.c.id, *(bindparam(f"new_{name}", type_=a.c[name].type) for name in _ACCOUNT_COLUMNS)),
    )
    .on_conflict_do_nothing(index_elements=[a.c.sub], index_where=a.c.signs_in)
    .returning(a.c.user_id)
)
