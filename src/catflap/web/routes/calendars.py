"""Calendars, appointments, announcements and preferences of the signed-in user."""

from datetime import datetime, time, timedelta

from catflap.announcements.preference_store import (
    load_preferences,
    save_calendar_preferences,
    save_preferences,
)
from catflap.announcements.preferences import check_engines
from catflap.announcements.zones import store_browser_zone
from catflap.calendars import choose_calendar, timeline
from catflap.store.queue import enqueue
from catflap.store.task_types import PLAN
from catflap.web.announcement_resources import read_announcements_around
from catflap.web.authentication import CurrentSession, ServicesDep
from catflap.web.calendar_resources import read_calendar, read_calendars
from catflap.web.input_types import PathId
from catflap.web.problem_route import new_router
from catflap.web.schemas.calendars import (
    AnnouncementList,
    Appointment,
    CalendarBody,
    CalendarList,
    CalendarResource,
    Today,
)
from catflap.web.schemas.preferences import BrowserZone, PreferencesBody, PreferencesResource
from catflap.web.schemas.problems import SESSION, problems
from catflap.web.services import Services

router = new_router("/v1")
_REFUSED = ("invalid_request", "preferences_invalid", "reminders_invalid", "unknown_dialect", "zone_unknown")


@router.get(
    "/preferences",
    tags=["preferences"],
    operation_id="getPreferences",
    summary="How and when announcements are made",
    response_description="The preferences.",
    responses=problems(*SESSION),
)
async def read_preferences(session: CurrentSession, services: ServicesDep) -> PreferencesResource:
    """Return what the user chose, and the defaults for the rest."""
    return PreferencesResource.of(await load_preferences(services.engine, session.user_id))


@router.put(
    "/preferences",
    tags=["preferences"],
    operation_id="putPreferences",
    summary="Change how and when announcements are made",
    response_description="The preferences as they are now.",
    responses=problems(*SESSION, *_REFUSED),
)
async def write_preferences(
    body: PreferencesBody, session: CurrentSession, services: ServicesDep
) -> PreferencesResource:
    """Store the preferences and plan the announcements of the user's devices again."""
    async with services.engine.begin() as connection:
        before = await load_preferences(connection, session.user_id)
        chosen = body.applied_to(before)
        check_engines(chosen, before, services.voices)
        await save_preferences(connection, session.user_id, chosen, services.clock.now())
        await enqueue(connection, PLAN, session.user_id)
        return PreferencesResource.of(await load_preferences(connection, session.user_id))


@router.put(
    "/preferences/browser-zone",
    tags=["preferences"],
    operation_id="putBrowserZone",
    summary="Tell the time zone of the user's browser",
    response_description="The preferences as they are now.",
    responses=problems(*SESSION, "invalid_request", "zone_unknown"),
)
async def note_browser(
    body: BrowserZone, session: CurrentSession, services: ServicesDep
) -> PreferencesResource:
    """Store the browser's time zone, used where neither the user nor Google Calendar names one."""
    async with services.engine.begin() as connection:
        before = await load_preferences(connection, session.user_id)
        await store_browser_zone(connection, session.user_id, body.zone)
        now = await load_preferences(connection, session.user_id)
        if now.zone != before.zone:
            await enqueue(connection, PLAN, session.user_id)
    return PreferencesResource.of(now)


@router.get(
    "/calendars",
    tags=["calendars"],
    operation_id="listCalendars",
    summary="The user's calendars",
    response_description="CalendarList, the state of each account's calendar list, and removed calendars.",
    responses=problems(*SESSION),
)
async def all_calendars(session: CurrentSession, services: ServicesDep) -> CalendarList:
    """List the calendars: when each was last read, and what is wrong where one can't be read."""
    return await read_calendars(services.engine, session.user_id)


@router.patch(
    "/calendars/{calendar_id}",
    tags=["calendars"],
    operation_id="changeCalendar",
    summary="Choose whether and how a calendar is announced",
    response_description="The calendar as it is now.",
    responses=problems(*SESSION, "invalid_request", "not_found", "reminders_invalid"),
)
async def change_calendar(
    calendar_id: PathId, body: CalendarBody, session: CurrentSession, services: ServicesDep
) -> CalendarResource:
    """Store the choices that are sent; a calendar that is selected is read at once, another is emptied."""
    changes = body.choices()
    async with services.engine.begin() as connection:
        if "selected" in body.model_fields_set:
            now = services.clock.now()
            await choose_calendar(connection, session.user_id, calendar_id, body.selected, now)
        if changes:
            await save_calendar_preferences(connection, session.user_id, calendar_id, changes)
    return await read_calendar(services.engine, session.user_id, calendar_id)


@router.get(
    "/appointments",
    tags=["calendars"],
    operation_id="listAppointments",
    summary="Today's appointments",
    response_description="The day in the user's time zone.",
    responses=problems(*SESSION),
)
async def appointments(session: CurrentSession, services: ServicesDep) -> Today:
    """List the instances of events that touch today, in the user's time zone."""
    preferences = await load_preferences(services.engine, session.user_id)
    zone = preferences.time_zone
    today = services.clock.now().astimezone(zone).date()
    start = datetime.combine(today, time(), zone)
    end = datetime.combine(today + timedelta(days=1), time(), zone)
    found = await timeline(services.engine, session.user_id, start, end, zone)
    calendars = await read_calendars(services.engine, session.user_id)
    by_id = {one.id: one for one in calendars.calendars}
    # A grant whose calendars were not read yet is in the vault only.
    connected = bool(calendars.accounts) or await _has_grant(services, session.user_id)
    return Today(
        zone=zone.key,
        zone_source=preferences.zone_source,
        day=today.isoformat(),
        starts_at=start,
        ends_at=end,
        connected=connected,
        syncing=connected and calendars.is_syncing,
        calendars=sum(one.selected for one in calendars.calendars),
        problems=calendars.page_problems(),
        appointments=[Appointment.of(one, by_id.get(one.calendar_id)) for one in found],
    )


async def _has_grant(services: Services, user_id: int) -> bool:
    return any(grant.state != "revoked" for grant in await services.grants.of_user(user_id))


@router.get(
    "/announcements",
    tags=["calendars"],
    operation_id="listAnnouncements",
    summary="What will be said in the coming day, and what was said lately",
    response_description="The announcements of the last 25 hours and the next 24.",
    responses=problems(*SESSION),
)
async def all_announcements(session: CurrentSession, services: ServicesDep) -> AnnouncementList:
    """List the announcements of all the user's devices, in the order in which they are said.

    At most the 1000 nearest to now. `outcome_at` and `detail` tell what became of those that are over.
    """
    async with services.engine.connect() as connection:
        return await read_announcements_around(connection, session.user_id, services.clock.now())
