"""gcal_sync, the library Home Assistant reads Google calendars with, unpatched."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from gcal_sync.api import GoogleCalendarService, LocalListEventsRequest
from gcal_sync.auth import AbstractAuth
from gcal_sync.sync import CalendarEventSyncManager, CalendarListSyncManager

from google_sandbox import Sandbox
from sandbox_support.events import WHO, timed
from sandbox_support.person import CALENDARS, CLIENT


class Auth(AbstractAuth):
    def __init__(self, session: aiohttp.ClientSession, base: str, token: str) -> None:
        super().__init__(session, f"{base}/calendar/v3")
        self._token = token

    async def async_get_access_token(self) -> str:
        return self._token


@pytest.fixture
async def service(base: str, sandbox: Sandbox) -> AsyncIterator[GoogleCalendarService]:
    token = sandbox.grant(WHO, CLIENT, [CALENDARS])["access_token"]
    async with aiohttp.ClientSession() as session:
        yield GoogleCalendarService(Auth(session, base, token))


async def titles(manager: CalendarEventSyncManager) -> list[str]:
    request = LocalListEventsRequest(calendar_id=WHO, start_time="2026-11-01T00:00:00Z")
    return sorted(event.summary for event in (await manager.store_service.async_list_events(request)).events)


async def test_the_sync_manager_follows_changes_deletions_and_a_410(
    service: GoogleCalendarService, sandbox: Sandbox
) -> None:
    one = sandbox.insert_event(WHO, timed(summary="one"))
    sandbox.insert_event(WHO, timed(summary="daily", recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    manager = CalendarEventSyncManager(service, WHO)
    await manager.run()
    assert await titles(manager) == ["daily", "daily", "daily", "one"]
    sandbox.delete_event(WHO, one["id"])
    sandbox.insert_event(WHO, timed(summary="two"))
    await manager.run()
    assert await titles(manager) == ["daily", "daily", "daily", "two"]
    sandbox.expire("sync")
    sandbox.insert_event(WHO, timed(summary="three"))
    await manager.run()
    assert await titles(manager) == ["daily", "daily", "daily", "three", "two"]
    statuses = [entry["status"] for entry in sandbox.requests("calendar.events.list")]
    assert statuses == [200, 200, 410, 200]


async def test_the_list_manager_reads_the_calendar_list(service: GoogleCalendarService) -> None:
    manager = CalendarListSyncManager(service)
    await manager.run()
    calendars = (await manager.store_service.async_list_calendars()).calendars
    assert [(calendar.id, calendar.primary) for calendar in calendars] == [(WHO, True)]
