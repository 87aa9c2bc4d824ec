"""Delete announcements that tell of events which are no longer stored, also those that were played."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.at_once import REPEAT, SENT
from catflap.announcements.audience import devices_of_user
from catflap.announcements.facts import load_facts
from catflap.announcements.planned import KINDS, LATE, MAX_LIFETIME, PlannedAnnouncement
from catflap.announcements.planning import HORIZON, occurrence_window, plan
from catflap.announcements.preference_store import load_preferences
from catflap.announcements.repository import KEPT, increment_version
from catflap.calendars import list_occurrences
from catflap.store.planning_tables import plans
from catflap.store.tables import announcements as t
from catflap.store.tables import devices

# The titles, and the text to show and to speak.
_Text = tuple[tuple[str, ...], str, str]
# A sound may be the same for another user. Unused ones that look old are deleted by retention, which a plan
# that begins to use one again prevents (`catflap.announcements.repository`).
_AGE_UNUSED_SOUNDS = text("""
    WITH unused AS (
        SELECT key FROM app.sounds s WHERE key = ANY (:keys)
            AND NOT EXISTS (SELECT FROM app.announcements a WHERE a.sound_key = s.key)
        ORDER BY key FOR NO KEY UPDATE
    )
    UPDATE app.sounds s SET used_at = LEAST(s.used_at, :old) FROM unused WHERE s.key = unused.key
""")

_FORGET_SEEN = text("""
    UPDATE app.plans p SET occurrences = (
        SELECT COALESCE(jsonb_agg(seen), '[]') FROM jsonb_array_elements(p.occurrences) seen
        WHERE EXISTS (SELECT FROM app.calendars c WHERE c.id = CAST(seen ->> 0 AS bigint))
    )
    WHERE p.user_id = :user_id
""")


async def erase_unplanned(connection: AsyncConnection, user_id: int, now: datetime) -> None:
    """Delete the user's announcements that planning from the stored events would not make.

    Those that it would make with the same text stay, whatever their state. Devices are notified; what is to
    be said instead is left to the next plan.

    Args:
        connection: A transaction that called `lock_plan`.
        user_id: The user.
        now: The current time.
    """
    await connection.execute(_FORGET_SEEN, {"user_id": user_id})
    query = select(t).where(t.c.user_id == user_id, t.c.kind.in_((*KINDS, REPEAT, LATE, *SENT)))
    if (await connection.execute(query.limit(1))).first() is None:
        return
    plans_of = await _plans(connection, user_id, now)
    wanted = {(device_id, one.key): one for device_id, plan in plans_of.items() for one in plan}
    # Devices are locked before announcements, as by a plan, to avoid a deadlock.
    mine = select(t.c.device_id).where(t.c.user_id == user_id)
    lock = select(devices.c.id).where(devices.c.id.in_(mine)).order_by(devices.c.id)
    await connection.execute(lock.with_for_update())
    rows = (await connection.execute(query.with_for_update())).all()
    sent = [row for row in rows if row.kind in SENT]
    texts = {_text(one) for one in wanted.values()} | {_text(row) for row in sent}
    planned = (row for row in rows if row.kind not in SENT)
    gone = [row for row in planned if not _is_wanted(row, wanted.get((row.device_id, row.key)), texts)]
    if not gone:
        return
    await connection.execute(delete(t).where(t.c.id.in_([row.id for row in gone])))
    await _age_sounds(connection, sorted({row.sound_key for row in gone}), now)
    # It was made from what is erased now.
    await connection.execute(delete(plans).where(plans.c.user_id == user_id))
    for device_id in sorted({row.device_id for row in gone}):
        await increment_version(connection, device_id)


async def _plans(
    connection: AsyncConnection, user_id: int, now: datetime
) -> Mapping[int, Sequence[PlannedAnnouncement]]:
    """Return for each device the plan of the whole time from which announcements are stored."""
    preferences = await load_preferences(connection, user_id)
    since = now - KEPT - MAX_LIFETIME
    horizon = now + HORIZON - since
    window = occurrence_window(preferences, since, horizon)
    found = await list_occurrences(connection, user_id, *window, preferences.time_zone)
    facts = await load_facts(connection, user_id)
    devices_now = await devices_of_user(connection, user_id)
    made = {
        audience: plan(found, preferences, since, horizon, facts, audience)
        for audience in {one.audience for one in devices_now}
    }
    return {one.id: made[one.audience] for one in devices_now}


def _is_wanted(row: Row[Any], planned: PlannedAnnouncement | None, texts: set[_Text]) -> bool:
    """Return whether the plan has it with this text, or for a repeat, whether any with its text is left."""
    if row.kind == REPEAT:
        return _text(row) in texts
    return planned is not None and _text(row) == _text(planned)


def _text(one: Row[Any] | PlannedAnnouncement) -> _Text:
    return tuple(one.titles), one.display, one.spoken


async def _age_sounds(connection: AsyncConnection, keys: Sequence[str], now: datetime) -> None:
    old = now - KEPT - timedelta(seconds=1)
    await connection.execute(_AGE_UNUSED_SOUNDS, {"keys": keys, "old": old})
