"""Announcements that no plan makes: texts that somebody sends, that a device was paired, and repeats.

A plan leaves them alone, because their kinds are none of `KINDS`. Their sounds are rendered by the same task,
also if they exist, because a device may need another encoding of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.audience import devices_of_user, members_of_device
from catflap.announcements.briefings import usual_language
from catflap.announcements.names import load_name
from catflap.announcements.planned import voice_for
from catflap.announcements.preference_store import load_preferences
from catflap.announcements.reading_store import load_readings
from catflap.announcements.repository import increment_version
from catflap.errors import BadRequest
from catflap.speech import Utterance, VoiceChoice, Voices, address, readings_in, say_paired
from catflap.store.queue import enqueue
from catflap.store.tables import announcements as t
from catflap.store.tables import devices
from catflap.store.task_types import RENDER

SAY: Final = "say"
REPEAT: Final = "repeat"
PAIRED: Final = "paired"
# What comes from no event.
SENT = (SAY, PAIRED)
LIFETIME = timedelta(minutes=5)
_PENDING = ("planned", "ready", "sent")
_VOICE = tuple(one.name for one in fields(VoiceChoice))
_COPIED = ("titles", "event_start", *_VOICE, "display", "spoken", "sound_key", "occurrences")


async def announce_text(
    connection: AsyncConnection,
    user_id: int,
    utterance: Utterance,
    voice: VoiceChoice,
    voices: Voices,
    now: datetime,
    device_id: int | None = None,
) -> list[str]:
    """Announce a text in a voice at once on the user's devices, or on one of them; return the ids.

    The quiet hours of a device hold what a member says who is not the owner.

    Raises:
        BadRequest: `not_found` without such a device.
    """
    mine = [one.id for one in await devices_of_user(connection, user_id) if device_id in (None, one.id)]
    # In the order of ids, as plans lock them.
    lock = select(devices.c.id).where(devices.c.id.in_(mine)).order_by(devices.c.id)
    locked = (await connection.scalars(lock.with_for_update(key_share=True))).all()
    # Again, because the user may have left one meanwhile.
    found = [one for one in await devices_of_user(connection, user_id) if one.id in locked]
    quiet = {one.id for one in found if not one.is_owner and one.audience.is_quiet(now)}
    if not found:
        missing = "There is no device to say it; add one first." if device_id is None else "No such device."
        raise BadRequest("not_found", missing)
    ids = [one.id for one in found]
    values = _columns(utterance, voice, voices)
    return await _add(connection, user_id, ids, SAY, values, now, now, quiet=quiet)


async def announce_paired(
    connection: AsyncConnection, user_id: int, device_id: int, voices: Voices, now: datetime
) -> None:
    """Have a device say to its new owner that it is theirs, by name where that is known.

    Args:
        connection: The transaction that added the device.
        user_id: The owner.
        device_id: The device.
        voices: The engines that will render the sound.
        now: The time.
    """
    preferences = await load_preferences(connection, user_id)
    name = await load_name(connection, user_id)
    readings = readings_in(name, await load_readings(connection, user_id))
    voice = voice_for(preferences, usual_language([], preferences))
    # Not of the time as a plan does it: a user who pairs three devices hears three sentences.
    utterance = address(say_paired(voice.dialect, device_id), name, readings)
    await _add(connection, user_id, [device_id], PAIRED, _columns(utterance, voice, voices), now, now)


async def repeat_now(connection: AsyncConnection, announcement: Row[Any], now: datetime) -> str:
    """Announce something once more on its device; return the id, that of a repeat which still waits.

    The quiet hours of the device hold it.
    """
    await _lock(connection, announcement.device_id)
    for row in await _pending_repeats(connection, announcement, announcement.device_id):
        if row.play_at <= now < row.expires_at:
            return str(row.id)
    return await _repeat(connection, announcement, now, now)


async def is_held(connection: AsyncConnection, announcement_id: str) -> bool:
    """Return whether an announcement is held."""
    return await connection.scalar(select(t.c.state).where(t.c.id == announcement_id)) == "held"


async def repeat_later(
    connection: AsyncConnection, announcement: Row[Any], play_at: datetime, now: datetime
) -> None:
    """Announce something once more on its device at a later time, instead of at any other later time.

    A repeat that is to come, or was to come and was cancelled, is moved, so that rows do not add up.
    """
    device_id = announcement.device_id
    await _lock(connection, device_id)
    states = (*_PENDING, "held", "cancelled")
    repeats = await _pending_repeats(connection, announcement, device_id, states)
    to_come = [row for row in repeats if row.play_at > now]
    if not to_come:
        await _repeat(connection, announcement, play_at, now)
        return
    kept, *rest = sorted(to_come, key=lambda row: row.state == "cancelled")
    await _cancel(connection, [row.id for row in rest if row.state != "cancelled"], now)
    quiet = await _is_quiet(connection, announcement.user_id, device_id, play_at)
    state = "held" if quiet else "planned" if kept.state in ("cancelled", "held") else kept.state
    times = {"play_at": play_at, "expires_at": play_at + LIFETIME, "updated_at": now}
    values = {"state": state, "held_for": "quiet" if quiet else None, **times}
    await connection.execute(update(t).where(t.c.id == kept.id).values(values))
    await increment_version(connection, device_id)
    if kept.state in ("cancelled", "held"):
        await enqueue(connection, RENDER, kept.sound_key)


async def cancel_repeats(connection: AsyncConnection, announcement: Row[Any], now: datetime) -> None:
    """Cancel the repeats of an announcement that are to come, on all devices of its user."""
    device_ids = {row.device_id for row in await _pending_repeats(connection, announcement)}
    for device_id in sorted(device_ids):
        await _lock(connection, device_id)
        pending = await _pending_repeats(connection, announcement, device_id)
        await _cancel(connection, [row.id for row in pending], now)
        await increment_version(connection, device_id)


async def hold_in_quiet_hours(connection: AsyncConnection, device_id: int, now: datetime) -> None:
    """Hold what is to be said at once or repeated on a device in its quiet hours, which were changed.

    What its owner says stays.
    """
    members = {one.user_id: one for one in await members_of_device(connection, device_id)}
    pending = t.c.device_id == device_id, t.c.state.in_(_PENDING), t.c.kind.in_((*SENT, REPEAT))
    rows = (await connection.execute(select(t).where(*pending).order_by(t.c.id).with_for_update())).all()
    held = [
        row.id
        for row in rows
        if (one := members.get(row.user_id)) is not None
        and one.audience.is_quiet(row.play_at)
        and not (one.is_owner and row.kind == SAY)
    ]
    if held:
        changed = update(t).where(t.c.id.in_(held))
        await connection.execute(changed.values(state="held", held_for="quiet", updated_at=now))


def _columns(utterance: Utterance, voice: VoiceChoice, voices: Voices) -> dict[str, Any]:
    return {
        "titles": [],
        "event_start": "",
        **vars(voice),
        "display": utterance.display,
        "spoken": utterance.spoken,
        "sound_key": voices.content_key(utterance.spoken, voice),
    }


async def _repeat(
    connection: AsyncConnection, announcement: Row[Any], play_at: datetime, now: datetime
) -> str:
    values = {name: announcement._mapping[name] for name in _COPIED}
    user_id, device_id = announcement.user_id, announcement.device_id
    quiet = [device_id] if await _is_quiet(connection, user_id, device_id, play_at) else []
    made = await _add(connection, user_id, [device_id], REPEAT, values, play_at, now, quiet=quiet)
    return made[0]


async def _is_quiet(connection: AsyncConnection, user_id: int, device_id: int, at: datetime) -> bool:
    """Return whether a device, which is locked, is quiet at a time.

    Raises:
        BadRequest: `not_found` if the user is no member of it any more.
    """
    for one in await devices_of_user(connection, user_id):
        if one.id == device_id:
            return one.audience.is_quiet(at)
    raise BadRequest("not_found", "You do not share the device of this announcement any more.")


async def _lock(connection: AsyncConnection, device_id: int) -> None:
    """Lock a device before its announcements, as plans do, to avoid a deadlock."""
    mine = select(devices.c.id).where(devices.c.id == device_id)
    await connection.execute(mine.with_for_update(key_share=True))


async def _pending_repeats(
    connection: AsyncConnection,
    announcement: Row[Any],
    device_id: int | None = None,
    states: Sequence[str] = _PENDING,
) -> Sequence[Row[Any]]:
    same = [t.c.user_id == announcement.user_id, t.c.sound_key == announcement.sound_key]
    if device_id is not None:
        same.append(t.c.device_id == device_id)
    query = select(t).where(*same, t.c.kind == REPEAT, t.c.state.in_(states)).order_by(t.c.play_at)
    return (await connection.execute(query)).all()


async def _cancel(connection: AsyncConnection, ids: Sequence[str], now: datetime) -> None:
    if ids:
        cancelled = update(t).where(t.c.id.in_(ids)).values(state="cancelled", updated_at=now)
        await connection.execute(cancelled)


async def _add(
    connection: AsyncConnection,
    user_id: int,
    device_ids: Sequence[int],
    kind: str,
    values: Mapping[str, Any],
    play_at: datetime,
    now: datetime,
    *,
    quiet: Collection[int] = (),
) -> list[str]:
    """Add an announcement to each of these devices, which are locked; those in `quiet` hold it."""
    rows = [
        {
            **values,
            "id": (identifier := uuid4().hex),
            "user_id": user_id,
            "device_id": device_id,
            "key": f"{kind} {identifier}",
            "kind": kind,
            "state": "held" if device_id in quiet else "planned",
            "held_for": "quiet" if device_id in quiet else None,
            "play_at": play_at,
            "expires_at": play_at + LIFETIME,
            "updated_at": now,
        }
        for device_id in device_ids
    ]
    await connection.execute(insert(t).values(rows))
    for device_id in device_ids:
        await increment_version(connection, device_id)
    await enqueue(connection, RENDER, values["sound_key"], is_urgent=play_at <= now)
    return [row["id"] for row in rows]
