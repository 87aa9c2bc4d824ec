"""Google refuses a push channel: nothing fails, and the operator is told once what to do."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.calendars import Calendars
from catflap.calendars.push_channels import PushChannels
from catflap.clock import FixedClock
from catflap.google.calendar_channels import CalendarChannelApi
from catflap.store.calendar_tables import calendars
from tests.support.push import Watching, watching
from tests.support.sandbox_calendar import Served
from tests.support.synced import primary_calendar

WATCH = "calendar.events.watch"


@pytest.fixture
async def push(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> AsyncIterator[Watching]:
    async with watching(google, engine, clock, account) as opened:
        yield opened


async def test_a_calendar_without_push_is_asked_about_again_a_day_later(
    push: Watching, engine: AsyncEngine
) -> None:
    push.google.sandbox.fault(WATCH, status=400, error="pushNotSupportedForRequestedResource", times=1)
    with capture_logs() as logs:
        await push.maintain()
        await push.maintain()
    assert logs == []
    assert list(push.open_at_google().values()) == ["users/me/calendarList"]
    assert (await primary_calendar(engine)).push_refused_until == push.clock.now() + timedelta(days=1)
    assert (push.asked("events.watch"), len(await push.rows())) == (1, 1)
    push.clock.advance(timedelta(days=1))
    await push.maintain()
    assert len(push.open_at_google()) == 2


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "forbidden"), (404, "notFound"), (400, "aNewReason"), (403, "insufficientPermissions")],
)
async def test_a_calendar_that_google_refuses_is_asked_about_an_hour_later(
    push: Watching, engine: AsyncEngine, status: int, reason: str
) -> None:
    push.google.sandbox.fault(WATCH, status=status, error=reason, times=1)
    with capture_logs() as logs:
        await push.maintain()
    assert [line["event"] for line in logs] == ["push_channels_failed"]
    assert (await primary_calendar(engine)).push_refused_until == push.clock.now() + timedelta(hours=1)
    assert len(push.open_at_google()) == 1


async def test_an_id_that_google_knows_is_replaced_at_the_next_sync(push: Watching) -> None:
    push.google.sandbox.fault(WATCH, status=400, error="channelIdNotUnique", times=1)
    await push.maintain()
    assert len(push.open_at_google()) == 1
    await push.maintain()
    assert len(push.open_at_google()) == 2


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "push.webhookUrlNotHttps"), (401, "push.webhookUrlUnauthorized")]
)
async def test_the_operator_is_told_once_about_a_refused_address(
    push: Watching, status: int, reason: str
) -> None:
    push.google.sandbox.fault("calendar.*.watch", status=status, error=reason)
    with capture_logs() as logs:
        await push.maintain()
        await push.maintain()
    (line,) = logs
    assert (line["event"], line["code"]) == ("operator_must_act", "push_address_refused")
    assert "CATFLAP_CALENDAR_PUSH_URL" in line["message"]
    assert await push.rows() == {}
    asked = push.asked("events.watch") + push.asked("calendarList.watch")
    assert asked == 1, "the address is the same for every calendar"
    push.google.sandbox.lift()
    push.clock.advance(timedelta(minutes=10))
    with capture_logs() as logs:
        await push.maintain()
    assert [line["event"] for line in logs] == ["operator_problem_solved"]
    assert len(push.open_at_google()) == 2


@pytest.mark.parametrize(("status", "reason"), [(503, None), (403, "rateLimitExceeded"), (429, None)])
async def test_another_failure_is_logged_once_an_hour_and_tried_at_the_next_sync(
    push: Watching, status: int, reason: str | None
) -> None:
    push.google.sandbox.fault("calendar.*.watch", status=status, error=reason)
    with capture_logs() as logs:
        for _ in range(3):
            await push.maintain()
            push.clock.advance(timedelta(minutes=30))
    assert [line["event"] for line in logs] == ["push_channels_failed"] * 2
    assert await push.rows() == {}
    push.google.sandbox.lift()
    await push.maintain()
    assert len(push.open_at_google()) == 2


async def test_the_operator_is_told_when_no_notification_arrives(push: Watching) -> None:
    push.google.sandbox.lose_notifications()
    with capture_logs() as logs:
        await push.maintain()
        push.clock.advance(timedelta(minutes=16))
        await push.maintain()
        await push.maintain()
    (line,) = logs
    assert line["code"] == "push_never_arrives" and push.receiver.address in line["message"]
    push.google.sandbox.lose_notifications(0.0)
    push.google.insert("Tea", push.clock.now() + timedelta(hours=1))
    assert await push.arrive() == ["exists"]
    with capture_logs() as logs:
        await push.maintain()
    assert [line["event"] for line in logs] == ["operator_problem_solved"]


async def test_a_clock_that_is_a_week_ahead_opens_one_channel_in_ten_minutes(
    push: Watching, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = FixedClock(push.clock.now() + timedelta(days=8))
    now, back = ahead.now, timedelta()
    monkeypatch.setattr(ahead, "now", lambda: now() - back)
    api = CalendarChannelApi(push.google.http, str(push.google.http.base_url))
    channels = PushChannels(engine, ahead, api, push.receiver.address)
    with capture_logs() as logs:
        for _ in range(5):
            await channels.maintain(push.account, push.call)
            ahead.advance(timedelta(minutes=5))
    assert push.asked("channels.stop") == push.asked("events.watch") + push.asked("calendarList.watch") == 3
    assert push.open_at_google() == {} == await push.rows()
    assert [line.get("code") for line in logs] == ["push_ended_at_once"]
    back = ahead.now() - push.clock.now()
    await channels.maintain(push.account, push.call)
    assert len(push.open_at_google()) == len(await push.rows()) == 2


async def test_a_refusal_noted_by_a_clock_that_was_ahead_does_not_last(
    push: Watching, engine: AsyncEngine
) -> None:
    until = push.clock.now() + timedelta(days=400)
    async with engine.begin() as connection:
        await connection.execute(update(calendars).values(push_refused_until=until))
    await push.maintain()
    assert len(push.open_at_google()) == 2
