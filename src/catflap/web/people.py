"""The API of the signed-in person: my calendars, my preferences, what will be said."""

from datetime import datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from catflap.announcements.plan import HORIZON
from catflap.announcements.preferences import (
    OptionalType,
    Preferences,
    RemindersFrom,
    Tentative,
    load,
    save,
)
from catflap.announcements.zones import ZoneSource, note_browser_zone
from catflap.calendars import timeline
from catflap.devices.schedule import instant
from catflap.speech import dialects
from catflap.store.jobs import enqueue
from catflap.store.tables import announcements, sounds
from catflap.store.task_types import PLAN
from catflap.web.calendars_shown import calendars_shown, is_syncing, problems_shown
from catflap.web.inputs import Text
from catflap.web.routing import new_router
from catflap.web.security import CurrentSession, Parts

router = new_router("/v1")


class PreferencesBody(BaseModel):
    """How and when Mia speaks to somebody."""

    model_config = ConfigDict(extra="forbid")

    # None follows Google Calendar, or the browser; so does what was shown with another source than `user`.
    zone: Annotated[Text, Field(max_length=64)] | None
    zone_source: ZoneSource | None = None
    reminder_minutes: Annotated[list[Annotated[int, Field(ge=0, le=40320)]], Field(max_length=5)]
    briefing_at: time | None
    dialect_ja: Annotated[Text, Field(max_length=40)]
    dialect_en: Annotated[Text, Field(max_length=40)]
    # A client that does not know these keeps what the person chose elsewhere.
    reminders_from: RemindersFrom | None = None
    tentative: Tentative | None = None
    event_types: Annotated[list[OptionalType], Field(max_length=10)] | None = None


class BrowserZone(BaseModel):
    """The time zone that a browser keeps."""

    model_config = ConfigDict(extra="forbid")

    zone: Annotated[Text, Field(max_length=64)]


@router.get("/dialects")
async def all_dialects() -> list[dict[str, str]]:
    """The dialects Mia knows."""
    return [
        {
            "id": one.id,
            "language": one.language,
            "name": one.name,
            "native_name": one.native_name,
            "example": one.example,
        }
        for one in dialects()
    ]


@router.get("/preferences")
async def read_preferences(session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """How and when Mia speaks to you."""
    return _shown(await load(parts.engine, session.user_id))


@router.put("/preferences")
async def write_preferences(body: PreferencesBody, session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """Change it; the schedule follows."""
    async with parts.engine.begin() as connection:
        before = await load(connection, session.user_id)
        follows = body.zone is None or (body.zone == before.zone and body.zone_source not in (None, "user"))
        chosen = Preferences(
            zone=before.zone if body.zone is None else body.zone,
            zone_source="default" if follows else "user",
            reminder_minutes=tuple(dict.fromkeys(body.reminder_minutes)),
            briefing_at=body.briefing_at,
            dialect_ja=body.dialect_ja,
            dialect_en=body.dialect_en,
            reminders_from=body.reminders_from or before.reminders_from,
            tentative=body.tentative or before.tentative,
            event_types=before.event_types
            if body.event_types is None
            else tuple(dict.fromkeys(body.event_types)),
        )
        await save(connection, session.user_id, chosen, parts.clock.now())
        await enqueue(connection, PLAN, session.user_id)
        return _shown(await load(connection, session.user_id))


@router.put("/preferences/browser-zone")
async def note_browser(body: BrowserZone, session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """The time zone of your browser; it counts where neither you nor Google Calendar say one."""
    async with parts.engine.begin() as connection:
        before = await load(connection, session.user_id)
        await note_browser_zone(connection, session.user_id, body.zone)
        now = await load(connection, session.user_id)
        if now.zone != before.zone:
            await enqueue(connection, PLAN, session.user_id)
    return _shown(now)


@router.get("/calendars")
async def all_calendars(session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """Your calendars: when each was last read, and what is wrong where one can't be read."""
    return await calendars_shown(parts.engine, session.user_id)


@router.get("/appointments")
async def appointments(session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """Today's appointments, in the person's own zone."""
    preferences = await load(parts.engine, session.user_id)
    zone = preferences.time_zone
    today = parts.clock.now().astimezone(zone).date()
    start = datetime.combine(today, time(), zone)
    end = datetime.combine(today + timedelta(days=1), time(), zone)
    found = await timeline(parts.engine, session.user_id, start, end, zone)
    shown = await calendars_shown(parts.engine, session.user_id)
    names = {one["id"]: one["summary"] for one in shown["calendars"]}
    return {
        "zone": zone.key,
        "zone_source": preferences.zone_source,
        "day": today.isoformat(),
        "syncing": is_syncing(shown),
        "problems": problems_shown(shown),
        "appointments": [
            {
                "title": one.title,
                "starts_at": instant(one.starts_at),
                "ends_at": instant(one.ends_at),
                "all_day": one.all_day,
                "calendar": names.get(one.calendar_id, ""),
            }
            for one in found
        ],
    }


@router.get("/announcements")
async def all_announcements(session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """What will be said in the coming day, and what was said lately."""
    a, now = announcements, parts.clock.now()
    query = (
        select(a, sounds.c.seconds)
        .outerjoin(sounds, sounds.c.key == a.c.sound_key)
        .where(a.c.user_id == session.user_id, a.c.state != "cancelled")
        .where(a.c.play_at >= now - HORIZON, a.c.play_at < now + HORIZON)
        .order_by(a.c.play_at, a.c.id)
    )
    async with parts.engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    return {
        "announcements": [
            {
                "id": row.id,
                "device": row.device_id,
                "play_at": instant(row.play_at),
                "expires_at": instant(row.expires_at),
                "kind": row.kind,
                "text": row.display,
                "dialect": row.dialect,
                "titles": row.titles,
                "event_start": row.event_start,
                "state": row.state,
                "seconds": row.seconds,
            }
            for row in rows
        ]
    }


def _shown(preferences: Preferences) -> dict[str, Any]:
    at = preferences.briefing_at
    return {
        "zone": preferences.zone,
        "zone_source": preferences.zone_source,
        "reminder_minutes": list(preferences.reminder_minutes),
        "briefing_at": at.strftime("%H:%M") if at else None,
        "dialect_ja": preferences.dialect_ja,
        "dialect_en": preferences.dialect_en,
        "reminders_from": preferences.reminders_from,
        "tentative": preferences.tentative,
        "event_types": list(preferences.event_types),
    }
