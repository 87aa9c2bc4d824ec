"""What a user's plan was made from (`app.plans`), to know without computing it that it would be the same.

`inputs` is a hash over everything that a plan depends on, apart from the time. Of calendars and preferences
each column counts that is not named here, so a new one is an input until somebody says that it is none;
events count by the version of their calendar, which triggers increment. Changes of occurrences are no input,
because only a plan notices them, and then it tells them. When the time alone changes the plan
is known from the plan itself (`valid_until`). Why so: docs/decisions/0016-plans-that-stay.md.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.calendars.problems import GONE
from catflap.speech import Voices
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_within

# A sound that is not there after so long is asked for again.
RENDER_RETRY_AFTER = timedelta(minutes=10)
_GONE = sorted(GONE)

_STATE = PreparedQuery(
    text("""
    SELECT now.inputs, p.inputs AS planned_inputs, p.planned_at, p.valid_until,
        CASE WHEN p.inputs <> now.inputs THEN p.occurrences END AS seen, (
        SELECT jsonb_object_agg(c.id, c.generation) FROM app.calendars c
        WHERE c.user_id = :user_id AND c.is_selected AND COALESCE(c.problem <> ALL (:gone), true)
    ) AS generations, (
        SELECT array_agg(DISTINCT a.sound_key) FROM app.announcements a
        WHERE a.user_id = :user_id AND a.state = 'planned' AND a.updated_at < :overdue AND a.expires_at > :now
    ) AS overdue_sounds
    FROM (
        SELECT encode(sha256(convert_to(jsonb_build_array(
            CAST(:speech AS text),
            (SELECT jsonb_agg(
                to_jsonb(c) - CAST('{
                    sync_token,synced_at,problem,problem_since,page_token,page_time_min,sync_due_at,is_notified,
                    changed_at,push_refused_until,access_role,background_color,foreground_color,
                    is_selected_at_google,is_selected_by_user
                }' AS text[]) ORDER BY c.id
            ) FROM app.calendars c WHERE c.user_id = :user_id),
            (SELECT to_jsonb(p) - 'updated_at' FROM app.preferences p WHERE p.user_id = :user_id),
            (SELECT jsonb_agg(jsonb_build_array(
                a.sub, a.is_primary, a.created_at, s.time_zone, a.given_name
            ) ORDER BY a.sub)
                FROM app.accounts a
                LEFT JOIN app.calendar_syncs s ON s.user_id = a.user_id AND s.account_sub = a.sub
                WHERE a.user_id = :user_id),
            (SELECT u.browser_zone FROM app.users u WHERE u.id = :user_id),
            (SELECT jsonb_agg(jsonb_build_array(
                d.id, m.says_name, m.says_titles, d.quiet_from, d.quiet_until, d.quiet_zone
            ) ORDER BY d.id)
                FROM app.device_members m JOIN app.devices d ON d.id = m.device_id
                WHERE m.user_id = :user_id),
            (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.id) FROM app.reactions r WHERE r.user_id = :user_id),
            (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.word) FROM app.readings r WHERE r.user_id = :user_id),
            EXISTS (
                SELECT FROM app.calendar_syncs s
                WHERE s.user_id = :user_id AND s.problem = 'reconsent_required'
            ),
            EXISTS (
                SELECT FROM app.calendars c
                WHERE c.user_id = :user_id AND c.is_selected AND c.synced_at IS NOT NULL
            )
        )::text, 'UTF8')), 'hex') AS inputs
    ) now LEFT JOIN app.plans p ON p.user_id = :user_id
    """)
)
_RECORD = PreparedQuery(
    text("""
    INSERT INTO app.plans (user_id, inputs, occurrences, planned_at, valid_until)
    VALUES (:user_id, :inputs, CAST(CAST(:seen AS text) AS jsonb), :now, :valid_until)
    ON CONFLICT (user_id) DO UPDATE SET
        inputs = excluded.inputs, occurrences = excluded.occurrences, planned_at = excluded.planned_at,
        valid_until = excluded.valid_until
    """)
)
_FORGET = PreparedQuery(text("DELETE FROM app.plans WHERE user_id = :user_id"))


@dataclass(frozen=True)
class PlanState:
    """The inputs of a plan as they are, and whether the stored plan was made from them.

    Args:
        inputs: A hash.
        is_current: Whether planning now would change nothing.
        overdue_sounds: Keys of sounds that should have been rendered long ago.
        planned_at: When the stored plan was made; None without one.
        seen: What `record_plan` has stored with it; empty where the inputs are the same still.
        generations: Those of the events of each selected calendar that Google still gives, by its id.
    """

    inputs: str
    is_current: bool
    overdue_sounds: tuple[str, ...]
    planned_at: datetime | None
    seen: Sequence[Sequence[Any]]
    generations: Mapping[int, int]


async def read_plan_state(
    connection: AsyncConnection, user_id: int, now: datetime, voices: Voices
) -> PlanState:
    """Return the state of a user's plan; to be called before anything that the plan depends on is read."""
    overdue = now - RENDER_RETRY_AFTER
    values = {"user_id": user_id, "speech": voices.version, "now": now, "overdue": overdue}
    values["gone"] = _GONE
    (row,) = await fetch_within(connection, _STATE, **values)
    same = row["planned_inputs"] == row["inputs"] and row["planned_at"] <= now <= row["valid_until"]
    generations = _json(row["generations"]) or {}
    return PlanState(
        inputs=row["inputs"],
        is_current=same,
        overdue_sounds=tuple(row["overdue_sounds"] or ()),
        planned_at=row["planned_at"],
        seen=_json(row["seen"]) or (),
        generations={int(calendar_id): generation for calendar_id, generation in generations.items()},
    )


async def record_plan(
    connection: AsyncConnection, user_id: int, inputs: str, seen: str, now: datetime, valid_until: datetime
) -> None:
    """Record a plan.

    Args:
        connection: The transaction of the plan.
        user_id: The user.
        inputs: From which it was made.
        seen: The occurrences that it saw, as JSON.
        now: When it was made.
        valid_until: How long it stays the same if the inputs do.
    """
    values = {"inputs": inputs, "seen": seen, "now": now, "valid_until": valid_until}
    await fetch_within(connection, _RECORD, user_id=user_id, **values)


async def forget_plan(connection: AsyncConnection, user_id: int) -> None:
    """Delete what is recorded of a user's plan."""
    await fetch_within(connection, _FORGET, user_id=user_id)


def _json(value: Any) -> Any:
    """Return a column of JSON, which a prepared statement gives as text."""
    return json.loads(value) if isinstance(value, str) else value
