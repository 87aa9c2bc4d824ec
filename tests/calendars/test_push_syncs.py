"""Push and polling together: what is read when, and what happens when a notification is lost."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.calendars import Calendars
from catflap.calendars.sync_intervals import SyncIntervals
from catflap.clock import FixedClock
from catflap.errors import BadRequest, CatflapError
from tests.support.push import Watching, watching
from tests.support.sandbox_calendar import SUB, Served
from tests.support.synced import account_sync, primary_calendar, titles

POLLED, SELDOM = SyncIntervals().polled, SyncIntervals().seldom
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def push(
    google: Served, engine: AsyncEngine, account: int, clock: FixedClock
) -> AsyncIterator[Watching]:
    async with watching(google, engine, clock, account) as opened:
        yield opened


@pytest.fixture
def calendars(push: Watching) -> Calendars:
    """Calendars that open push channels."""
    return push.google.calendars(push.engine, push.clock, push.channels)


async def sync(push: Watching, calendars: Calendars, after: timedelta = MINUTE) -> None:
    """What the periodic task does."""
    push.clock.advance(after)
    await calendars.sync_account(*push.account, only_due=True)


async def next_poll(push: Watching) -> timedelta:
    due: datetime = (await primary_calendar(push.engine)).sync_due_at
    return due - push.clock.now()


async def established(push: Watching, calendars: Calendars) -> None:
    """Read everything, open channels, let their first messages arrive, and read once more."""
    await calendars.sync_account(push.account.user_id, SUB)
    assert await push.arrive(2) == ["sync", "sync"]
    push.clock.advance(MINUTE)
    await calendars.sync_account(push.account.user_id, SUB)


async def test_a_sync_opens_channels_and_reads_once_more_before_it_relies_on_them(
    push: Watching, calendars: Calendars
) -> None:
    """A change between the first sync and the opening of the channel has no notification."""
    await calendars.sync_account(push.account.user_id, SUB)
    assert await push.arrive(2) == ["sync", "sync"]
    assert await next_poll(push) < POLLED
    push.google.insert("Tea", push.clock.now() + timedelta(hours=1))
    push.google.sandbox.lose_notifications()
    await sync(push, calendars, POLLED)
    assert await titles(push.engine, push.account.user_id, push.clock) == ["Tea"]
    assert await next_poll(push) < POLLED, "it was not told"


async def test_with_push_a_calendar_and_the_list_are_read_seldom(
    push: Watching, calendars: Calendars
) -> None:
    await established(push, calendars)
    assert SELDOM / 2 < await next_poll(push) < SELDOM
    assert (await account_sync(push.engine)).list_due_at - push.clock.now() > SELDOM / 2


async def test_without_a_first_message_a_calendar_is_read_often(push: Watching, calendars: Calendars) -> None:
    push.google.sandbox.lose_notifications()
    for _ in range(3):
        await calendars.sync_account(push.account.user_id, SUB)
        push.clock.advance(MINUTE)
    assert await next_poll(push) < POLLED


async def test_a_channel_that_ends_before_the_next_poll_is_not_relied_on(
    push: Watching, calendars: Calendars
) -> None:
    await established(push, calendars)
    push.clock.advance(timedelta(days=7) - SELDOM)
    push.google.sandbox.fault("calendar.*.watch", status=503)
    await calendars.sync_account(push.account.user_id, SUB)
    assert await next_poll(push) < POLLED


async def test_a_notified_change_is_read_at_once(push: Watching, calendars: Calendars) -> None:
    await established(push, calendars)
    push.google.insert("Tea", push.clock.now() + timedelta(hours=1))
    assert await push.arrive() == ["exists"]
    assert (await primary_calendar(push.engine)).is_notified
    await sync(push, calendars)
    assert await titles(push.engine, push.account.user_id, push.clock) == ["Tea"]
    assert not (await primary_calendar(push.engine)).is_notified
    assert SELDOM / 2 < await next_poll(push) < SELDOM


async def test_a_lost_notification_is_found_by_a_poll_and_followed_by_more_of_them(
    push: Watching, calendars: Calendars
) -> None:
    await established(push, calendars)
    push.google.sandbox.lose_notifications()
    push.google.insert("Tea", push.clock.now() + timedelta(hours=3))
    with capture_logs() as logs:
        await sync(push, calendars, SELDOM)
    assert "push_notification_missed" in [line["event"] for line in logs]
    assert await titles(push.engine, push.account.user_id, push.clock) == ["Tea"]
    assert await next_poll(push) < POLLED
    await sync(push, calendars, POLLED)
    assert await next_poll(push) < POLLED, "until the next notification"
    push.google.sandbox.lose_notifications(0.0)
    push.google.insert("Coffee", push.clock.now() + timedelta(hours=2))
    assert await push.arrive() == ["exists"]
    await sync(push, calendars)
    assert await titles(push.engine, push.account.user_id, push.clock) == ["Tea", "Coffee"]
    assert await next_poll(push) > SELDOM / 2


async def test_a_change_of_the_list_is_told_too(push: Watching, calendars: Calendars) -> None:
    await established(push, calendars)
    await push.google.write("POST", "/calendars", summary="Cats")
    assert await push.arrive() == ["exists"]
    assert (await account_sync(push.engine)).is_list_notified
    await sync(push, calendars)
    assert len(push.open_at_google()) == 3, "the new calendar is selected, and gets a channel"


async def test_channels_are_renewed_while_notifications_go_on(push: Watching, calendars: Calendars) -> None:
    await established(push, calendars)
    first = set(push.open_at_google())
    for hour in range(6 * 24):
        push.google.insert(f"Tea {hour}", push.clock.now() + timedelta(days=1))
        await push.arrive(len(push.open_at_google()) - 1)
        await sync(push, calendars, timedelta(hours=1))
        if len(push.open_at_google()) > 2:
            break
    assert hour > 5 * 24 and first < push.open_at_google().keys()


async def test_a_push_channel_that_cannot_be_opened_fails_no_sync(
    push: Watching, calendars: Calendars
) -> None:
    push.google.sandbox.fault("calendar.*.watch", status=500)
    push.google.insert("Tea", push.clock.now() + timedelta(hours=1))
    await calendars.sync_account(push.account.user_id, SUB)
    assert await titles(push.engine, push.account.user_id, push.clock) == ["Tea"]
    assert await next_poll(push) < POLLED


async def test_channels_without_a_grant_are_erased_with_the_calendars(
    push: Watching, calendars: Calendars, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_grant(*_: object) -> None:
        raise BadRequest("not_found", "There is no such grant.")

    await established(push, calendars)
    monkeypatch.setattr(calendars, "_access", no_grant)
    with pytest.raises(CatflapError, match="not_found"):
        await calendars.sync_account(push.account.user_id, SUB)
    # What the job does is tested where there are grants, in test_erasure.py.
    async with push.engine.connect() as connection:
        query = text("SELECT convert_from(payload, 'UTF8') FROM queue.pgqueuer WHERE entrypoint = 'erase'")
        assert (await connection.execute(query)).scalars().all() == [push.account.text]
