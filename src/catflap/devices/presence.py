"""Note when devices are online, and make up for what one missed while it was not."""

from collections import Counter
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.audience import members_of_device
from catflap.announcements.missed import OVERDUE_AFTER, make_up_for_missed
from catflap.announcements.repository import increment_version, lock_plan
from catflap.clock import Clock
from catflap.devices.devices import OFFLINE_AFTER, Device
from catflap.speech import Voices
from catflap.store.coalesced_calls import CoalescedCalls
from catflap.store.counters import Count, count_nothing
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_alone, fetch_within

_SEEN = PreparedQuery(text("UPDATE app.devices SET last_seen_at = :now WHERE id = :device_id"))
_RETURNED = PreparedQuery(
    text("""
    UPDATE app.devices SET last_seen_at = :now WHERE id = :device_id AND last_seen_at = :since RETURNING id
    """)
)
# Those of several devices that are back and missed nothing. One whose row is locked is left out, so that it
# holds no others.
_ALL_RETURNED = PreparedQuery(
    text("""
    WITH back AS (
        SELECT d.id
        FROM unnest(CAST(:ids AS bigint[]), CAST(:since AS timestamptz[])) AS known (id, since)
        JOIN app.devices d ON d.id = known.id AND d.last_seen_at = known.since
        WHERE NOT EXISTS (
            SELECT FROM app.announcements
            WHERE device_id = d.id AND play_at >= known.since AND play_at < :due
                AND state IN ('planned', 'ready', 'sent', 'missed')
        )
        ORDER BY d.id FOR NO KEY UPDATE OF d SKIP LOCKED
    )
    UPDATE app.devices SET last_seen_at = :now FROM back WHERE devices.id = back.id RETURNING devices.id
    """)
)
_ALL_SEEN = PreparedQuery(
    text("""
    WITH free AS (
        SELECT id FROM app.devices WHERE id = ANY (CAST(:ids AS bigint[]))
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE app.devices SET last_seen_at = :now FROM free WHERE devices.id = free.id RETURNING devices.id
    """)
)
_MISSED = PreparedQuery(
    text("""
    SELECT id FROM app.announcements
    WHERE device_id = :device_id AND play_at >= :since AND play_at < :due
        AND state IN ('planned', 'ready', 'sent', 'missed')
    LIMIT 1
    """)
)


class Presence:
    """Service that devices tell that they are online.

    Args:
        engine: The database.
        clock: The current time.
        voices: The engines that will render the sounds.
        count: Counts what devices missed.
    """

    def __init__(
        self, engine: AsyncEngine, clock: Clock, voices: Voices, count: Count = count_nothing
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._voices = voices
        self._count = count
        self._returned = CoalescedCalls(self._record_all_returned)
        self._seen = CoalescedCalls(self._record_all_seen)

    async def record_seen(self, device: Device) -> None:
        """Record that a device is online, and make up for what it missed if it was not."""
        now = self._clock.now()
        if not await self._record_return(device, now) and not await self._seen.get(device.id):
            await fetch_alone(self._engine, _SEEN, device_id=device.id, now=now)

    async def record_request(self, device: Device) -> None:
        """As `record_seen`, before a device gets its schedule; of one that is online nothing is written."""
        await self._record_return(device, self._clock.now())

    async def _record_return(self, device: Device, now: datetime) -> bool:
        """Return whether the device is back and that was recorded, here or by another request meanwhile."""
        since = device.last_seen_at
        if since is None or now - since <= OFFLINE_AFTER:
            return False
        if await self._returned.get((device.id, since)):
            return True
        here = {"device_id": device.id, "since": since}
        if not await fetch_alone(self._engine, _MISSED, **here, due=now - OVERDUE_AFTER):
            await fetch_alone(self._engine, _RETURNED, **here, now=now)
            return True
        missed: Counter[str] = Counter()
        async with self._engine.begin() as connection:
            for member in await members_of_device(connection, device.id):
                await lock_plan(connection, member.user_id)
            if await fetch_within(connection, _RETURNED, **here, now=now):
                # Again, because one may have left meanwhile.
                for member in await members_of_device(connection, device.id):
                    missed += await make_up_for_missed(connection, member, since, now, self._voices)
                await increment_version(connection, device.id)
        for outcome, times in missed.items():
            self._count("announcements", outcome, times)
        return True

    async def _record_all_returned(
        self, known: list[tuple[int, datetime]]
    ) -> dict[tuple[int, datetime], bool]:
        ids, since = [list(one) for one in zip(*known, strict=True)]
        now = self._clock.now()
        returned = await fetch_alone(
            self._engine, _ALL_RETURNED, ids=ids, since=since, now=now, due=now - OVERDUE_AFTER
        )
        done = {row["id"] for row in returned}
        return {one: True for one in known if one[0] in done}

    async def _record_all_seen(self, ids: list[int]) -> dict[int, bool]:
        seen = await fetch_alone(self._engine, _ALL_SEEN, ids=ids, now=self._clock.now())
        return {row["id"]: True for row in seen}
