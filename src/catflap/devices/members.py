"""Members of shared devices: the owner invites them, and each chooses what is said of theirs.

An invitation is a random code that works once, for a day; only its hash is stored. The owner is a member too,
whom a trigger adds with the device. Each of them is planned on the device (`catflap.announcements`).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.audience import devices_of_user
from catflap.announcements.planner import PLAN_EVERY
from catflap.announcements.repository import lock_plan
from catflap.clock import Clock
from catflap.devices.devices import MAX_DEVICES, Device
from catflap.errors import BadRequest
from catflap.store.batches import next_batch
from catflap.store.device_tables import device_invitations as invitations
from catflap.store.device_tables import device_members as t
from catflap.store.queue import enqueue
from catflap.store.row_mapping import from_row
from catflap.store.tables import accounts, devices, users
from catflap.store.task_types import PLAN
from catflap.store.token_hash import hash_token

INVITATION_LIFETIME = timedelta(days=1)
MAX_MEMBERS = 20
MAX_INVITATIONS = 10
_CANCEL = text("""
    UPDATE app.announcements SET state = 'cancelled', updated_at = :now
    WHERE device_id = :device_id AND user_id = :user_id AND state IN ('planned', 'ready', 'sent', 'held')
""")


@dataclass(frozen=True)
class Invitation:
    """An invitation: its `code`, which is shown once, and until when it works."""

    code: str
    expires_at: datetime


@dataclass(frozen=True)
class Member:
    """A member of a device, and what is said of theirs there.

    Args:
        user_id: The user.
        name: That of their primary account, empty if it has none.
        is_owner: Whether the device is theirs.
        says_name: Whether their name is said before each announcement.
        says_titles: Whether titles are said.
        joined_at: Since when they are a member.
    """

    user_id: int
    name: str
    is_owner: bool
    says_name: bool
    says_titles: bool
    joined_at: datetime


class Members:
    """Repository of members and invitations."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def invite(self, owner_id: int, device_id: int) -> Invitation:
        """Make an invitation to a device.

        Raises:
            BadRequest: `not_found` unless it is the user's own; `too_many` invitations.
        """
        code, now = secrets.token_urlsafe(24), self._clock.now()
        made = Invitation(code, now + INVITATION_LIFETIME)
        async with self._engine.begin() as connection:
            await _lock_own(connection, owner_id, device_id)
            i = invitations.c
            open_ones = select(func.count()).where(i.device_id == device_id, i.expires_at > now)
            if (await connection.scalar(open_ones) or 0) >= MAX_INVITATIONS:
                raise BadRequest("too_many", "This device has ten open invitations; withdraw them first.")
            values = {"device_id": device_id, "expires_at": made.expires_at, "code_hash": hash_token(code)}
            await connection.execute(insert(invitations).values(values))
        return made

    async def withdraw_invitations(self, owner_id: int, device_id: int) -> None:
        """Delete the open invitations to a device.

        Raises:
            BadRequest: `not_found` unless it is the user's own.
        """
        async with self._engine.begin() as connection:
            await _lock_own(connection, owner_id, device_id)
            await connection.execute(delete(invitations).where(invitations.c.device_id == device_id))

    async def accept(self, user_id: int, code: str, *, says_name: bool, says_titles: bool) -> Device:
        """Make a user a member of the device that they are invited to; a member keeps being one.

        Raises:
            BadRequest: `not_found` for an unknown, used or expired code; `invalid_request` for the owner,
                whose choice and invitation stay; `too_many` members or devices.
        """
        now = self._clock.now()
        async with self._engine.begin() as connection:
            i = invitations.c
            ours = i.code_hash == hash_token(code), i.expires_at > now
            # Locks the device, so that two members are not added at once, and before the invitation, as who
            # withdraws it or removes the device does.
            invited_to = select(i.device_id).where(*ours).scalar_subquery()
            device = select(devices).where(devices.c.id == invited_to).with_for_update()
            row = (await connection.execute(device)).one_or_none()
            used = delete(invitations).where(*ours).returning(i.device_id)
            if row is None or await connection.scalar(used) is None:
                raise BadRequest("not_found", "This invitation is used or over; ask for another one.")
            if row.user_id == user_id:
                raise BadRequest("invalid_request", "The device is yours; send the code to somebody else.")
            others = select(func.count()).where(t.c.device_id == row.id, t.c.user_id != user_id)
            if (await connection.scalar(others) or 0) >= MAX_MEMBERS:
                raise BadRequest("too_many", f"This device has {MAX_MEMBERS} members.")
            shared = [one for one in await devices_of_user(connection, user_id) if not one.is_owner]
            if len(shared) >= MAX_DEVICES:
                raise BadRequest("too_many", f"You share {MAX_DEVICES} devices; leave one first.")
            choice = {"says_name": says_name, "says_titles": says_titles}
            new = insert(t).values(device_id=row.id, user_id=user_id, joined_at=now, **choice)
            await connection.execute(
                new.on_conflict_do_update(index_elements=[t.c.device_id, t.c.user_id], set_=choice)
            )
            # Writes the row in any case: a tick that sees no device at the same time would clear it.
            due_at = func.coalesce(users.c.plan_due_at, now + PLAN_EVERY)
            await connection.execute(update(users).where(users.c.id == user_id).values(plan_due_at=due_at))
            await enqueue(connection, PLAN, user_id)
        return from_row(Device, row)

    async def of_device(self, user_id: int, device_id: int) -> list[Member]:
        """Return the members of a device as a user may see them: its owner all, a member only themselves.

        Raises:
            BadRequest: `not_found` for who is none of them.
        """
        name = (
            select(accounts.c.name)
            .where(accounts.c.user_id == t.c.user_id, accounts.c.name.is_not(None))
            .order_by(accounts.c.is_primary.desc(), accounts.c.created_at, accounts.c.sub)
            .limit(1)
            .scalar_subquery()
        )
        is_owner = (devices.c.user_id == t.c.user_id).label("is_owner")
        query = select(t, is_owner, func.coalesce(name, "").label("name"))
        query = query.join(devices, devices.c.id == t.c.device_id).where(t.c.device_id == device_id)
        query = query.where((devices.c.user_id == user_id) | (t.c.user_id == user_id))
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query.order_by(t.c.joined_at, t.c.user_id))).all()
        if not rows:
            raise _no_such_device()
        return [from_row(Member, row) for row in rows]

    async def choose(self, user_id: int, device_id: int, **choice: bool) -> Member:
        """Change `says_name` or `says_titles` of a member, and plan anew.

        Raises:
            BadRequest: `not_found` for who is no member.
        """
        async with self._engine.begin() as connection:
            mine = t.c.device_id == device_id, t.c.user_id == user_id
            changed = update(t).where(*mine).values(**choice).returning(t.c.user_id)
            if (await connection.execute(changed)).first() is None:
                raise _no_such_device()
            await enqueue(connection, PLAN, user_id)
        return next(one for one in await self.of_device(user_id, device_id) if one.user_id == user_id)

    async def remove(self, by_user_id: int, device_id: int, member_id: int) -> None:
        """Remove a member, as the owner of the device or as the member; what was to be said of theirs is not.

        Raises:
            BadRequest: `not_found` for who may not, and without such a member; `invalid_request` for the
                owner, who removes the device.
        """
        async with self._engine.begin() as connection:
            # Before the device is locked, as by a plan.
            await lock_plan(connection, member_id)
            query = select(devices.c.user_id).where(devices.c.id == device_id).with_for_update()
            owner_id = await connection.scalar(query)
            if owner_id is None or by_user_id not in (owner_id, member_id):
                raise _no_such_device()
            if member_id == owner_id:
                raise BadRequest("invalid_request", "The owner of a device is always a member.")
            await _remove(connection, device_id, member_id, self._clock.now())

    async def leave_all(self, user_id: int) -> None:
        """Remove a user from all devices of others."""
        async with self._engine.begin() as connection:
            await lock_plan(connection, user_id)
            for one in await devices_of_user(connection, user_id):
                if not one.is_owner:
                    lock = select(devices.c.id).where(devices.c.id == one.id).with_for_update()
                    if await connection.scalar(lock) is not None:
                        await _remove(connection, one.id, user_id, self._clock.now())


async def delete_expired_invitations(now: datetime, connection: AsyncConnection) -> int:
    """Delete a batch of invitations that nobody has accepted in time; return how many."""
    expires_at = invitations.c.expires_at
    expired = next_batch(invitations, expires_at <= now, oldest=expires_at)
    return (await connection.execute(delete(invitations).where(expired))).rowcount


async def _lock_own(connection: AsyncConnection, owner_id: int, device_id: int) -> None:
    own = select(devices.c.id).where(devices.c.id == device_id, devices.c.user_id == owner_id)
    if await connection.scalar(own.with_for_update()) is None:
        raise _no_such_device()


async def _remove(connection: AsyncConnection, device_id: int, user_id: int, now: datetime) -> None:
    """Cancel what is due of a member, and delete the membership, whereupon a trigger notifies the device."""
    await connection.execute(_CANCEL, {"device_id": device_id, "user_id": user_id, "now": now})
    mine = t.c.device_id == device_id, t.c.user_id == user_id
    if (await connection.execute(delete(t).where(*mine).returning(t.c.user_id))).first() is None:
        raise BadRequest("not_found", "This device has no such member.")
    await enqueue(connection, PLAN, user_id)


def _no_such_device() -> BadRequest:
    return BadRequest("not_found", "You have no such device.")
