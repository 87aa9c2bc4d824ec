"""Store which occurrences a plan saw, and what has changed since the last one (`app.occurrence_changes`)."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.facts import Facts, OccurrenceChange
from catflap.announcements.noticing import (
    Noticed,
    SeenOccurrence,
    detect_changes,
    merge_changes,
)
from catflap.announcements.plan_inputs import PlanState
from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence, find_single_occurrences
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_within

# After a longer pause of all plans nobody knows what the user has heard of elsewhere.
_LONGEST_PAUSE = timedelta(hours=24)
_WRITE = PreparedQuery(
    text("""
    WITH removed AS (
        DELETE FROM app.occurrence_changes c
        USING jsonb_to_recordset(CAST(CAST(:removed AS text) AS jsonb))
            AS r (calendar_id bigint, instance text, noticed_at timestamptz)
        WHERE c.user_id = :user_id AND c.calendar_id = r.calendar_id AND c.instance = r.instance
            AND c.noticed_at = r.noticed_at
    ), present AS (
        SELECT id FROM app.calendars WHERE user_id = :user_id AND is_selected FOR KEY SHARE
    )
    INSERT INTO app.occurrence_changes
        (user_id, calendar_id, change, instance, title, is_private, starts_at, moved_to, noticed_at)
    SELECT CAST(:user_id AS bigint), calendar_id, change, instance, title, is_private, starts_at, moved_to,
        noticed_at
    FROM jsonb_populate_recordset(
        CAST(NULL AS app.occurrence_changes), CAST(CAST(:added AS text) AS jsonb)
    ) JOIN present ON present.id = calendar_id
    """)
)
# What a device has played, or plays now.
_TOLD = PreparedQuery(
    text("""
    SELECT kind, CAST(event_start AS timestamptz) AS about_at FROM app.announcements
    WHERE user_id = :user_id AND kind IN ('moved', 'cancelled')
        AND (state = 'played' OR (state IN ('ready', 'sent') AND play_at <= :now))
    """)
)


async def notice_changes(
    connection: AsyncConnection,
    user_id: int,
    state: PlanState,
    found: Sequence[Occurrence],
    preferences: Preferences,
    facts: Facts,
    now: datetime,
) -> Facts:
    """Return the facts with what has changed since the last plan, and store that.

    Args:
        connection: The transaction of the plan.
        user_id: The user.
        state: What the last plan saw, and the calendars.
        found: The occurrences of the time around now, at least until the end of the user's next day.
        preferences: The user's.
        facts: Those that are stored.
        now: The time of the plan.
    """
    before = _read_seen(state.seen)
    seen_at = state.planned_at
    if not before or seen_at is None or not timedelta(0) <= now - seen_at <= _LONGEST_PAUSE:
        return facts
    noticed = detect_changes(before, seen_at, found, state.generations, preferences, now)
    if any(change.moved_to is None for _, change in noticed):
        # It may have been moved beyond the time that is planned.
        far = await _find_elsewhere(connection, user_id, noticed, preferences)
        noticed = detect_changes(before, seen_at, [*found, *far], state.generations, preferences, now)
    if not noticed:
        return facts
    told = await _told(connection, user_id, facts.changes, noticed, now)
    removed, added = merge_changes(facts.changes, noticed, told)
    await fetch_within(connection, _WRITE, user_id=user_id, removed=_dump(removed), added=_dump(added))
    return replace(facts, changes=(*(one for one in facts.changes if one not in removed), *added))


def dump_seen(seen: Sequence[SeenOccurrence]) -> str:
    """Return the column `plans.occurrences`, as JSON."""
    return json.dumps(
        [
            [one.calendar_id, one.generation, one.instance, one.starts_at.isoformat(), one.title, one.private]
            for one in seen
        ]
    )


def _read_seen(rows: Sequence[Sequence[Any]]) -> list[SeenOccurrence]:
    return [
        SeenOccurrence(calendar_id, generation, instance, datetime.fromisoformat(at), title, private)
        for calendar_id, generation, instance, at, title, private in rows
    ]


async def _find_elsewhere(
    connection: AsyncConnection, user_id: int, noticed: Sequence[Noticed], preferences: Preferences
) -> list[Occurrence]:
    gone = (before for before, change in noticed if change.moved_to is None)
    ids = sorted({one.instance.partition(" ")[0] for one in gone})
    return await find_single_occurrences(connection, user_id, ids, preferences.time_zone)


async def _told(
    connection: AsyncConnection,
    user_id: int,
    known: Sequence[OccurrenceChange],
    noticed: Sequence[Noticed],
    now: datetime,
) -> list[OccurrenceChange]:
    """Return which of the known changes a device has told; asks only if one of them has changed again."""
    if not {(one.calendar_id, one.instance) for one in known} & {before.identity for before, _ in noticed}:
        return []
    rows = await fetch_within(connection, _TOLD, user_id=user_id, now=now)
    heard = {(row["kind"], row["about_at"]) for row in rows}
    return [one for one in known if (one.change, one.moved_to or one.starts_at) in heard]


def _dump(changes: Sequence[OccurrenceChange]) -> str:
    return json.dumps([asdict(one) for one in changes], default=datetime.isoformat)
