"""Push channels: opened, renewed with an overlap, stopped, and repaired after a crash."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.calendars import Calendars
from catflap.calendars.push_channels import PushChannels
from catflap.clock import FixedClock
from catflap.google.calendar_channels import CalendarChannelApi
from tests.support.push import Watching, watching
from tests.support.sandbox_calendar import SUB, Served
from tests.support.synced import add_band

MINE, LIST, BAND = "calendars/mia@example.com/events", "users/me/calendarList", "band"
WEEK = timedelta(days=7)


@pytest.fixture
async def push(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> AsyncIterator[Watching]:
    async with watching(google, engine, clock, account) as opened:
        yield opened


async def execute(engine: AsyncEngine, statement: str, **values: Any) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement), values)


async def select_calendar(engine: AsyncEngine, google_id: str, is_selected: bool) -> None:
    changed = "UPDATE app.calendars SET is_selected = :is_selected WHERE google_id = :google_id"
    await execute(engine, changed, google_id=google_id, is_selected=is_selected)


async def add_second_calendar(push: Watching, synced_calendars: Calendars) -> None:
    add_band(push.google, push.clock)
    await execute(push.engine, "UPDATE app.calendar_syncs SET list_due_at = '2000-01-01'")
    await synced_calendars.sync_account(push.account.user_id, SUB)
    await select_calendar(push.engine, BAND, True)


async def test_each_selected_calendar_and_the_list_get_a_channel_once(push: Watching) -> None:
    await push.maintain()
    assert sorted(push.open_at_google().values()) == [MINE, LIST]
    assert push.scopes.count("calendar.calendarlist.readonly") == 1
    rows = await push.rows()
    assert rows.keys() == push.open_at_google().keys() and all(UUID(one).version == 4 for one in rows)
    assert sorted(row.is_list for row in rows.values()) == [False, True]
    for channel in push.google.sandbox.channels():
        row = rows[channel["id"]]
        assert (row.resource_id, row.expires_at) == (channel["resourceId"], push.clock.now() + WEEK)
        assert row.token_hash == hashlib.sha256(channel["token"].encode()).digest()
    await push.maintain()
    assert (push.asked("events.watch"), push.asked("calendarList.watch")) == (1, 1)


async def test_a_new_channel_is_opened_before_the_old_one_expires_and_stops_it_when_it_works(
    push: Watching,
) -> None:
    await push.maintain()
    assert await push.arrive(2) == ["sync", "sync"]
    first = set(push.open_at_google())
    push.clock.advance(WEEK * 3 / 4 - timedelta(minutes=1))
    await push.maintain()
    assert set(push.open_at_google()) == first
    push.clock.advance(timedelta(minutes=1))
    await push.maintain()
    both = set(push.open_at_google())
    assert len(both) == 4 and first < both
    await push.maintain()
    assert set(push.open_at_google()) == both, "nothing has arrived from the new ones"
    assert await push.arrive(2) == ["sync", "sync"]
    await push.maintain()
    assert set(push.open_at_google()) == both - first == (await push.rows()).keys()


async def test_a_change_during_the_overlap_is_one_job(push: Watching) -> None:
    await push.maintain()
    await push.arrive(2)
    push.clock.advance(WEEK * 3 / 4)
    await push.maintain()
    await push.arrive(2)
    push.google.insert("Tea", push.clock.now() + timedelta(hours=1))
    assert await push.arrive(2) == ["exists", "exists"]
    async with push.engine.connect() as connection:
        jobs = "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint LIKE 'sync%'"
        assert (await connection.execute(text(jobs))).scalar_one() == 1


async def test_an_old_channel_that_nothing_replaces_ends_by_itself(push: Watching) -> None:
    await push.maintain()
    push.clock.advance(WEEK)
    await push.maintain()
    assert len(await push.rows()) == 2
    assert (await push.rows()).keys() == push.open_at_google().keys()
    assert push.asked("channels.stop") == 0


async def test_a_calendar_that_is_no_longer_selected_has_none(
    push: Watching, synced_calendars: Calendars
) -> None:
    await add_second_calendar(push, synced_calendars)
    await push.maintain()
    assert len(push.open_at_google()) == 3
    await select_calendar(push.engine, BAND, False)
    await push.maintain()
    assert sorted(push.open_at_google().values()) == [MINE, LIST]
    assert (await push.rows()).keys() == push.open_at_google().keys()
    await select_calendar(push.engine, BAND, True)
    await push.maintain()
    assert len(push.open_at_google()) == 3


async def test_a_calendar_that_was_removed_has_none(push: Watching, synced_calendars: Calendars) -> None:
    await add_second_calendar(push, synced_calendars)
    await push.maintain()
    await execute(push.engine, "DELETE FROM app.calendars WHERE google_id = :id", id=BAND)
    assert len(await push.rows()) == 3
    await push.maintain()
    assert sorted(push.open_at_google().values()) == [MINE, LIST]
    assert len(await push.rows()) == 2


async def test_a_channel_that_google_has_ended_already_is_as_good_as_stopped(
    push: Watching, synced_calendars: Calendars
) -> None:
    await add_second_calendar(push, synced_calendars)
    await push.maintain()
    push.google.sandbox.expire("channels")
    for channel in push.google.sandbox.state.channels._by_id.copy():
        del push.google.sandbox.state.channels._by_id[channel]
    await select_calendar(push.engine, BAND, False)
    await push.maintain()
    assert push.google.sandbox.requests(endpoint="calendar.channels.stop")[0]["status"] == 404
    assert len(await push.rows()) == 2


async def test_channels_of_another_address_are_replaced(push: Watching, clock: FixedClock) -> None:
    await push.maintain()
    await push.arrive(2)
    old = set(push.open_at_google())
    api = CalendarChannelApi(push.google.http, str(push.google.http.base_url))
    push.channels = PushChannels(push.engine, clock, api, push.receiver.address + "?moved")
    await push.maintain()
    assert len(push.open_at_google()) == 4
    push.receiver.arrived = asyncio.Queue()
    for channel in set(push.open_at_google()) - old:
        await execute(
            push.engine, "UPDATE app.push_channels SET notified_at = now() WHERE id = :id", id=channel
        )
    await push.maintain()
    assert len(push.open_at_google()) == 2 and not old & push.open_at_google().keys()


async def test_a_crash_before_the_reply_is_repaired_and_the_lost_channel_refused(push: Watching) -> None:
    async def crash() -> None:
        raise asyncio.CancelledError

    push.after = crash
    with pytest.raises(asyncio.CancelledError):
        await push.maintain()
    push.after = None
    ((lost, row),) = (await push.rows()).items()
    assert row.resource_id is None and lost in push.open_at_google()
    assert await push.arrive() == ["sync"], "the first message may come before the reply"
    push.clock.advance(timedelta(minutes=4))
    await push.maintain()
    assert lost in await push.rows() and len(await push.rows()) == 2, "the reply may still come"
    await push.arrive()
    push.clock.advance(timedelta(minutes=2))
    await push.maintain()
    await push.arrive()
    rows = await push.rows()
    assert lost not in rows and len(rows) == 2 and all(row.resource_id for row in rows.values())
    assert sorted(push.open_at_google()[one] for one in rows) == [MINE, LIST]
    token = next(one["token"] for one in push.google.sandbox.channels() if one["id"] == lost)
    assert not await push.notifications.notify(lost, token, "exists")


async def test_a_channel_of_an_account_that_is_gone_is_stopped(push: Watching) -> None:
    async def unlink() -> None:
        push.after = None
        await execute(push.engine, "DELETE FROM app.accounts")

    push.after = unlink
    await push.maintain()
    assert push.open_at_google() == {} and await push.rows() == {}


async def test_all_channels_of_an_account_are_stopped_at_its_end(push: Watching) -> None:
    await push.maintain()
    push.google.sandbox.fault("calendar.channels.stop", status=503, times=1)
    await push.channels.stop_all(push.account, push.call)
    assert len(push.open_at_google()) == 1, "one was not stopped, which nobody waits for"
    assert await push.rows() == {}
    assert await push.arrive(2) == [], "it is refused"


async def test_stopping_all_takes_seconds_at_most(push: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catflap.calendars.push_channels._STOP_SECONDS", 0.05)
    await push.maintain()
    push.google.sandbox.fault("calendar.channels.stop", latency=60.0)
    with capture_logs() as logs:
        await push.channels.stop_all(push.account, push.call)
    assert [line["event"] for line in logs] == ["push_channels_not_stopped"]
    push.google.sandbox.lift()


async def test_a_channel_lives_as_long_as_google_says(push: Watching) -> None:
    """Google may end it sooner than asked for; then it is renewed sooner too."""
    opened: list[Any] = []

    async def shorten(request: Any, scope: str) -> Any:
        found = await push.call(request, scope)
        opened.append(found)
        return type(found)(found.resource_id, push.clock.now() + timedelta(hours=1))

    await push.channels.maintain(push.account, shorten)
    assert {row.expires_at for row in (await push.rows()).values()} == {push.clock.now() + timedelta(hours=1)}
    push.clock.advance(timedelta(minutes=44))
    await push.channels.maintain(push.account, shorten)
    assert len(opened) == 2
    push.clock.advance(timedelta(minutes=1))
    await push.channels.maintain(push.account, shorten)
    assert len(opened) == 4
