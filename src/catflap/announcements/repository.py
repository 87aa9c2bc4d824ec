"""Repository of announcements (`app.announcements`) and their states.

    planned ─▶ ready ─▶ sent ─▶ held ─▶ missed | cancelled ─▶ failed ─▶ played

A plan sets to `held` what falls into quiet hours or a meeting (`held_for` says why), and a device what it
did not play because it is muted. Acknowledgements only move a state forward along this line, so late or
repeated ones have no effect. Only planning moves it back: an announcement that was cancelled or held by a
plan and is wanted again, or one whose text changed, is planned.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.encoded_sounds import not_encoded
from catflap.announcements.plan_inputs import RENDER_RETRY_AFTER
from catflap.announcements.planned import KINDS, PlannedAnnouncement
from catflap.speech import Voices, installed_voices
from catflap.store.notify import CHANNEL
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.row_mapping import Columns
from catflap.store.single_statements import fetch_within
from catflap.store.tables import announcements as t
from catflap.store.tables import devices
from catflap.store.task_types import RENDER, schedule_topic

_PENDING_STATES = ("planned", "ready", "sent", "held")
_UNPLAYED_STATES = frozenset({"planned", "ready", "missed", "cancelled"})
_REPLANNABLE_STATES = frozenset({"planned", "ready", "cancelled"})
# Announcements are deleted so long after they expired, and sounds after they were last used.
KEPT = timedelta(hours=48)
_PLAN_LOCK = 0x0CA7 << 40
# Much less than what retention keeps unused sounds.
_SOUND_NOTED_EVERY = timedelta(hours=24)
# In the order of their keys, because other plans use them too. One that is being deleted is not found.
_KEEP_SOUNDS = PreparedQuery(
    text("""
    WITH old AS (
        SELECT key FROM app.sounds
        WHERE key = ANY (:keys) AND used_at < :old AND (render_again_at IS NULL OR render_again_at > :now)
        ORDER BY key FOR NO KEY UPDATE
    ), noted AS (
        UPDATE app.sounds s SET used_at = :now FROM old WHERE s.key = old.key RETURNING s.key
    )
    SELECT key FROM noted UNION ALL SELECT key FROM app.sounds
    WHERE key = ANY (:keys) AND used_at >= :old AND (render_again_at IS NULL OR render_again_at > :now)
""")
)
_DEVICES = PreparedQuery(
    text("""
    SELECT id, schedule_version, audio FROM app.devices WHERE id = ANY (:device_ids) ORDER BY id FOR UPDATE
    """)
)
# Those of a user on some devices that have not expired, and those that the plan has.
_ROWS = PreparedQuery(
    text("""
    SELECT * FROM app.announcements
    WHERE device_id = ANY (:device_ids) AND user_id = :user_id
        AND ((expires_at > :now AND kind = ANY (CAST(:kinds AS text[]))) OR key = ANY (:keys))
    FOR UPDATE
    """)
)
_WRITE = PreparedQuery(
    text("""
    INSERT INTO app.announcements (
        id, user_id, device_id, key, kind, state, play_at, expires_at, titles, event_start, dialect, pitch,
        engine_ja, engine_en, display, spoken, wording, sound_key, occurrences, held_for, updated_at
    )
    SELECT
        id, user_id, device_id, key, kind, state, play_at, expires_at, titles, event_start, dialect, pitch,
        engine_ja, engine_en, display, spoken, wording, sound_key, occurrences, held_for, updated_at
    FROM jsonb_populate_recordset(CAST(NULL AS app.announcements), CAST(CAST(:rows AS text) AS jsonb))
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, kind = excluded.kind, play_at = excluded.play_at,
        expires_at = excluded.expires_at, titles = excluded.titles, event_start = excluded.event_start,
        dialect = excluded.dialect, pitch = excluded.pitch, engine_ja = excluded.engine_ja,
        engine_en = excluded.engine_en, display = excluded.display, spoken = excluded.spoken,
        wording = excluded.wording, sound_key = excluded.sound_key, occurrences = excluded.occurrences,
        held_for = excluded.held_for, detail = NULL,
        updated_at = excluded.updated_at
    """)
)
_CANCEL = PreparedQuery(
    text("UPDATE app.announcements SET state = 'cancelled', updated_at = :now WHERE id = ANY (:ids)")
)
_INCREMENT = PreparedQuery(
    text("""
    UPDATE app.devices SET schedule_version = schedule_version + 1 WHERE id = :device_id
    RETURNING pg_notify(:channel, :topic)
    """)
)


async def lock_plan(connection: AsyncConnection, user_id: int) -> None:
    """Lock the user's plan until the transaction ends; call it before reading what the plan depends on."""
    await connection.execute(select(func.pg_advisory_xact_lock(_PLAN_LOCK | user_id)))


async def replan(
    connection: AsyncConnection,
    user_id: int,
    now: datetime,
    planned: Mapping[int, Iterable[PlannedAnnouncement]],
    voices: Voices | None = None,
) -> None:
    """Replace the user's announcements on each of their devices from `now` on by a plan.

    Announcements due before `now` that have not expired are cancelled if they are no longer planned; none are
    added. A device whose schedule changed, or that never had one, gets a new version and is notified.

    Args:
        connection: A transaction that called `lock_plan` before the plan was made.
        user_id: Whose plan it is.
        now: The time for which the plan was made.
        planned: For each device the whole plan in order of time, including the last `MAX_LIFETIME` before
            `now`; devices that are deleted meanwhile are left out.
        voices: The engines that will render the sounds; by default those installed here.
    """
    plans = {device_id: {one.key: one for one in planned[device_id]} for device_id in planned}
    keys = sorted({key for plan in plans.values() for key in plan})
    locked = await fetch_within(connection, _DEVICES, device_ids=[*plans])
    rows_of = await _rows(connection, user_id, [device["id"] for device in locked], now, keys)
    wanted_on = _wanted(plans, rows_of, voices or installed_voices())
    wanted_values = [values for wanted in wanted_on.values() for values in wanted.values()]
    rendered = await _keep_sounds(connection, [values["sound_key"] for values in wanted_values], now)
    for values in wanted_values:
        is_rendered = values["sound_key"] in rendered
        values["state"] = "held" if values["held_for"] else "ready" if is_rendered else "planned"
    to_render: set[str] = set()
    for device in locked:
        rows, wanted = rows_of[device["id"]], wanted_on[device["id"]]
        diff = _diff(rows, wanted, now)
        if diff or device["schedule_version"] == 0:
            await _write(connection, user_id, device["id"], diff, now)
            await increment_version(connection, device["id"])
        to_render |= {values["sound_key"] for values in diff.values_written() if not values["held_for"]}
        to_render |= {
            row["sound_key"] for key, row in rows.items() if key in wanted and _render_overdue(row, now)
        }
    audios = {device["audio"] for device in locked}
    to_encode = await not_encoded(connection, rendered, audios)
    due: dict[str, datetime] = {}
    for values in wanted_values:
        due[values["sound_key"]] = min(values["play_at"], due.get(values["sound_key"], values["play_at"]))
    soonest_first = sorted((to_render - rendered) | to_encode, key=lambda key: (due.get(key, now), key))
    await enqueue(connection, RENDER, *soonest_first)


async def plan_for_device(
    connection: AsyncConnection,
    user_id: int,
    device_id: int,
    planned: Iterable[PlannedAnnouncement],
    now: datetime,
    voices: Voices,
) -> None:
    """Plan announcements of one device that are in no plan; one that it has not played is planned anew.

    Args:
        connection: A transaction that called `lock_plan` and locked the device.
        user_id: The user whose announcements they are.
        device_id: The device; the caller increments its version.
        planned: Of a kind that is none of `KINDS`.
        now: The time.
        voices: The engines that will render the sounds.
    """
    wanted = {one.key: _row_values(one, {}, voices) for one in planned}
    rendered = await _keep_sounds(connection, [values["sound_key"] for values in wanted.values()], now)
    found = await fetch_within(
        connection, _ROWS, user_id=user_id, device_ids=[device_id], now=now, kinds=[], keys=list(wanted)
    )
    rows = {row["key"]: row for row in found}
    diff = _PlanDiff([], {}, [])
    for key, values in wanted.items():
        values["state"] = "ready" if values["sound_key"] in rendered else "planned"
        if key not in rows:
            diff.new.append(values)
        elif rows[key]["state"] in _UNPLAYED_STATES:
            diff.changed[rows[key]["id"]] = values
    await _write(connection, user_id, device_id, diff, now)
    await enqueue(
        connection, RENDER, *sorted({values["sound_key"] for values in diff.values_written()} - rendered)
    )


async def mark_ready(connection: AsyncConnection, sound_key: str, now: datetime) -> None:
    """Set announcements that waited for this sound to `ready`, and notify their devices."""
    await _finish_waiting(connection, sound_key, {"state": "ready", "updated_at": now})


async def mark_failed(connection: AsyncConnection, sound_key: str, now: datetime, reason: str) -> int:
    """Set announcements whose sound can't be rendered to `failed`, notify their devices; return how many."""
    values = {"state": "failed", "detail": reason, "updated_at": now}
    return await _finish_waiting(connection, sound_key, values)


async def _finish_waiting(connection: AsyncConnection, sound_key: str, values: dict[str, Any]) -> int:
    waiting = (t.c.sound_key == sound_key, t.c.state == "planned")
    # Devices are locked before announcements, as in `replan`, to avoid a deadlock.
    which = select(t.c.device_id).where(*waiting)
    lock = select(devices.c.id).where(devices.c.id.in_(which)).order_by(devices.c.id).with_for_update()
    locked = (await connection.scalars(lock)).all()
    finished = update(t).where(*waiting, t.c.device_id.in_(locked)).values(values)
    on_devices = (await connection.scalars(finished.returning(t.c.device_id))).all()
    for device_id in sorted(set(on_devices)):
        await increment_version(connection, device_id)
    return len(on_devices)


@dataclass(frozen=True)
class _PlanDiff:
    """Changes to a device's rows: values to insert, values to update by id, ids to cancel."""

    new: list[dict[str, Any]]
    changed: dict[str, dict[str, Any]]
    cancelled: list[str]

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.cancelled)

    def values_written(self) -> list[dict[str, Any]]:
        return [*self.new, *self.changed.values()]


def _wanted(
    plans: Mapping[int, Mapping[str, PlannedAnnouncement]],
    rows_of: Mapping[int, Mapping[str, Columns]],
    voices: Voices,
) -> dict[int, dict[str, dict[str, Any]]]:
    """Return the columns of each announcement by device and key; equal texts are made once."""
    texts: dict[tuple[str, str], Mapping[str, Any]] = {
        (row["key"], row["wording"]): row for rows in rows_of.values() for row in rows.values()
    }
    wanted: dict[int, dict[str, dict[str, Any]]] = {}
    for device_id in rows_of:
        wanted[device_id] = {}
        for key, one in plans[device_id].items():
            values = _row_values(one, texts, voices)
            texts[key, values["wording"]] = wanted[device_id][key] = values
    return wanted


def _row_values(
    one: PlannedAnnouncement, texts: Mapping[tuple[str, str], Mapping[str, Any]], voices: Voices
) -> dict[str, Any]:
    """Return the columns of an announcement; its text is taken from a row with the same, if there is one."""
    wording = voices.wording_key(one.wording.fingerprint, one.voice)
    same = texts.get((one.key, wording))
    return {
        "key": one.key,
        "kind": one.kind,
        "play_at": one.play_at,
        "expires_at": one.expires_at,
        "titles": list(one.titles),
        "event_start": one.event_start,
        **vars(one.voice),
        "display": one.display if same is None else same["display"],
        "spoken": one.spoken if same is None else same["spoken"],
        "wording": wording,
        "sound_key": voices.content_key(one.spoken, one.voice) if same is None else same["sound_key"],
        "occurrences": list(one.occurrences),
        "held_for": one.held_for,
    }


def _diff(rows: Mapping[str, Columns], wanted: Mapping[str, dict[str, Any]], now: datetime) -> _PlanDiff:
    known = {rows[key]["id"]: (rows[key], values) for key, values in wanted.items() if key in rows}
    return _PlanDiff(
        new=[values for key, values in wanted.items() if key not in rows and values["play_at"] >= now],
        changed={
            identifier: values
            for identifier, (row, values) in known.items()
            if _needs_update(row, values, now)
        },
        cancelled=[
            row["id"] for key, row in rows.items() if key not in wanted and row["state"] in _PENDING_STATES
        ],
    )


def _needs_update(row: Columns, values: Mapping[str, Any], now: datetime) -> bool:
    """Return whether the row must be updated; one that a device has received is not changed."""
    if row["state"] == "failed":
        # It failed before `play_at` because its text can't be rendered; another text may be.
        return bool(row["play_at"] > now and row["sound_key"] != values["sound_key"])
    is_held_by_plan = row["state"] == "held" and row["held_for"] is not None
    return (is_held_by_plan or row["state"] in _REPLANNABLE_STATES) and any(
        row[name] != value for name, value in values.items()
    )


async def _write(
    connection: AsyncConnection,
    user_id: int,
    device_id: int,
    diff: _PlanDiff,
    now: datetime,
) -> None:
    owner = {"user_id": user_id, "device_id": device_id, "updated_at": now}
    rows = [{"id": uuid4().hex, **owner, **values} for values in diff.new]
    rows += [{"id": identifier, **owner, **values} for identifier, values in diff.changed.items()]
    if rows:
        await fetch_within(connection, _WRITE, rows=json.dumps(rows, default=datetime.isoformat))
    if diff.cancelled:
        await fetch_within(connection, _CANCEL, ids=diff.cancelled, now=now)


async def _rows(
    connection: AsyncConnection, user_id: int, device_ids: list[int], now: datetime, keys: list[str]
) -> dict[int, dict[str, Columns]]:
    """Return, by device and key, the announcements that have not expired and those that the plan has."""
    values = {"user_id": user_id, "device_ids": device_ids, "now": now, "kinds": KINDS, "keys": keys}
    found = await fetch_within(connection, _ROWS, **values)
    rows: dict[int, dict[str, Columns]] = {device_id: {} for device_id in device_ids}
    for row in found:
        rows[row["device_id"]][row["key"]] = row
    return rows


async def _keep_sounds(connection: AsyncConnection, keys: list[str], now: datetime) -> set[str]:
    """Return which sounds exist and needn't be rendered again; old ones are noted as used for retention."""
    old = now - _SOUND_NOTED_EVERY
    return {row["key"] for row in await fetch_within(connection, _KEEP_SOUNDS, keys=keys, now=now, old=old)}


async def increment_version(connection: AsyncConnection, device_id: int) -> None:
    """Give the device's schedule a new version, and notify it when the transaction commits."""
    topic = schedule_topic(device_id)
    await fetch_within(connection, _INCREMENT, device_id=device_id, channel=CHANNEL, topic=topic)


def _render_overdue(row: Columns, now: datetime) -> bool:
    """Return whether its sound should have been rendered long ago."""
    return bool(row["state"] == "planned" and row["updated_at"] < now - RENDER_RETRY_AFTER)
