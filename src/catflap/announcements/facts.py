"""What a plan depends on besides events and preferences: reactions, changes, readings, an ended consent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_within

# Reactions and changes are deleted after that.
FACTS_KEPT = timedelta(hours=48)


@dataclass(frozen=True)
class Snooze:
    """An occurrence that is announced again later.

    Args:
        occurrence: Its reference (`catflap.announcements.planned.occurrence_reference`).
        play_at: When.
    """

    occurrence: str
    play_at: datetime


@dataclass(frozen=True)
class OccurrenceChange:
    """A change of an occurrence, of which the user knew the time before.

    Args:
        change: `moved` to another time or `cancelled`.
        calendar_id: The row of its calendar.
        instance: As of `Occurrence`.
        title: Its title before.
        is_private: Whether it was private.
        starts_at: Its start before.
        moved_to: Its start now; None if it was cancelled.
        noticed_at: When a plan noticed it.
    """

    change: Literal["moved", "cancelled"]
    calendar_id: int
    instance: str
    title: str = field(repr=False)
    is_private: bool
    starts_at: datetime
    moved_to: datetime | None
    noticed_at: datetime


@dataclass(frozen=True)
class Facts:
    """Inputs of a plan besides occurrences and preferences.

    Args:
        acknowledged: References of occurrences whose announcements somebody acknowledged.
        snoozes: Those that are to be announced again.
        changes: Those to tell, in the order in which they were noticed.
        needs_consent: Whether a calendar can't be read until the user consents again.
        has_calendars: Whether any selected calendar was read; without one, a day is not empty but unknown.
        readings: How words of titles are spoken, the user's dictionary.
    """

    acknowledged: frozenset[str] = frozenset()
    snoozes: tuple[Snooze, ...] = ()
    changes: tuple[OccurrenceChange, ...] = ()
    needs_consent: bool = False
    has_calendars: bool = True
    readings: Mapping[str, str] = field(default_factory=dict, repr=False)


NO_FACTS = Facts()
_FACTS = PreparedQuery(
    text("""
    SELECT (
        SELECT jsonb_agg(jsonb_build_array(r.action, r.occurrence, r.play_at) ORDER BY r.id)
        FROM app.reactions r WHERE r.user_id = :user_id
    ) AS reactions, (
        SELECT jsonb_agg(to_jsonb(c) - CAST('{id,user_id}' AS text[]) ORDER BY c.id)
        FROM app.occurrence_changes c WHERE c.user_id = :user_id
    ) AS changes, (
        SELECT jsonb_object_agg(r.word, r.reading) FROM app.readings r WHERE r.user_id = :user_id
    ) AS readings, EXISTS (
        SELECT FROM app.calendar_syncs s WHERE s.user_id = :user_id AND s.problem = 'reconsent_required'
    ) AS needs_consent, EXISTS (
        SELECT FROM app.calendars c
        WHERE c.user_id = :user_id AND c.is_selected AND c.synced_at IS NOT NULL
    ) AS has_calendars
    """)
)
_CHANGE_TIMES = ("starts_at", "moved_to", "noticed_at")


async def load_facts(connection: AsyncConnection, user_id: int) -> Facts:
    """Return the facts about a user."""
    (row,) = await fetch_within(connection, _FACTS, user_id=user_id)
    reactions = _json(row["reactions"]) or []
    return Facts(
        acknowledged=frozenset(about for action, about, _ in reactions if action == "acknowledged"),
        snoozes=tuple(
            Snooze(about, datetime.fromisoformat(at))
            for action, about, at in reactions
            if action == "snoozed"
        ),
        changes=tuple(_change(one) for one in _json(row["changes"]) or []),
        needs_consent=row["needs_consent"],
        has_calendars=row["has_calendars"],
        readings=_json(row["readings"]) or {},
    )


def _change(row: Mapping[str, Any]) -> OccurrenceChange:
    times = {name: row[name] and datetime.fromisoformat(row[name]) for name in _CHANGE_TIMES}
    return OccurrenceChange(**{**row, **times})


def _json(value: Any) -> Any:
    """Return a column of JSON, which a prepared statement gives as text."""
    return json.loads(value) if isinstance(value, str) else value
