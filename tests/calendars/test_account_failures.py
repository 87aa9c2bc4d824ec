"""Sync failures of one account: what is logged, when it is tried again, and whom it affects."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.calendars import Calendars
from catflap.clock import FixedClock
from catflap.errors import OperatorMustAct, TryAgain, UserMustAct
from catflap.store.calendar_tables import calendar_syncs
from catflap.store.tables import accounts
from catflap.store.task_types import AccountKey
from catflap.web.calendar_resources import read_calendars
from tests.support.counted import Counted
from tests.support.faulty_transport import FaultyTransport, refusal
from tests.support.sandbox_calendar import EMAIL, SUB, Served, plans
from tests.support.synced import (
    account_sync,
    add_band,
    calendars_answer,
    failure,
    primary_calendar,
    stored_titles,
)


async def test_a_problem_for_the_operator_is_logged_once_and_when_it_is_solved(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int
) -> None:
    rule = google.sandbox.fault("calendar.*", status=403, error="accessNotConfigured")
    with capture_logs() as logs:
        for _ in range(3):
            assert isinstance(await failure(synced_calendars, account), OperatorMustAct)
        google.sandbox.lift(rule)
        await synced_calendars.sync_account(account, SUB)
    (told,) = [line for line in logs if line["event"] == "operator_must_act"]
    assert told["log_level"] == "error"
    assert "Enable the Google Calendar API" in told["message"]
    assert [line["code"] for line in logs if line["event"] == "operator_problem_solved"] == [
        "google_api_disabled"
    ]


async def test_a_problem_is_logged_when_it_begins_and_ends_only(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    rule = google.sandbox.fault("calendar.events.list", status=403, error="dailyLimitExceeded")
    with capture_logs() as logs:
        since = clock.now()
        for _ in range(3):
            await failure(synced_calendars, account)
            clock.advance(timedelta(hours=1))
        assert (await primary_calendar(engine)).problem_since == since
        google.sandbox.lift(rule)
        await synced_calendars.sync_account(account, SUB)
    told = [line["event"] for line in logs if line["event"] != "calendar_synced"]
    assert told == ["calendar_sync_failed", "calendar_sync_recovered"]
    assert all("Tea" not in str(line) and EMAIL not in str(line) for line in logs)


async def test_a_pause_grows_while_its_reason_stays_and_ends_with_it(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    rule = google.sandbox.fault("calendar.events.list", status=403, error="userRateLimitExceeded")
    pauses = []
    for _ in range(9):
        error = await failure(synced_calendars, account)
        assert isinstance(error, TryAgain)
        assert error.after is not None
        state = await account_sync(engine)
        calendar = await primary_calendar(engine)
        assert state.retry_at == calendar.sync_due_at == clock.now() + error.after
        assert state.due_at == min(state.list_due_at, calendar.sync_due_at)
        pauses.append(error.after / timedelta(minutes=1))
        clock.advance(error.after)
    expected = [1, 2, 4, 8, 16, 32, 64, 120, 120]
    assert all(least <= pause <= least * 1.25 for pause, least in zip(pauses, expected, strict=True)), pauses
    google.sandbox.lift(rule)
    await synced_calendars.sync_account(account, SUB)
    state = await account_sync(engine)
    assert (state.failures, state.retry_at, state.problem) == (0, None, None)


async def test_a_long_retry_after_is_cut_to_a_day(
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    body = {"error": {"errors": [{"reason": "rateLimitExceeded"}]}}
    slow = httpx2.Response(429, json=body, headers={"Retry-After": "999999"})
    transport.instead = lambda request: slow if "events" in request.url.path else None
    await failure(synced_calendars, account)
    assert (await account_sync(engine)).retry_at <= clock.now() + timedelta(hours=30)


async def test_a_rejected_token_is_a_problem_of_the_account_and_keeps_the_events(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int
) -> None:
    rule = google.sandbox.fault("calendar.events.list", status=401)
    assert (await failure(synced_calendars, account)).code == "access_token_refused"
    assert google.refused == 1
    assert await stored_titles(engine) == ["Tea"]
    shown = await calendars_answer(engine, account)
    assert shown["accounts"][0]["problem"]["code"] == "access_token_refused"
    assert shown["calendars"][0]["problem"] is None
    google.sandbox.lift(rule)
    await synced_calendars.sync_account(account, SUB)
    assert (await account_sync(engine)).problem is None


async def test_an_account_whose_first_sync_fails_is_synced_again_periodically(
    google: Served, transport: FaultyTransport, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.sandbox.fault("calendar.*", status=403, error="accessNotConfigured", times=1)
    await failure(google.calendars(engine, clock), account)
    state = await account_sync(engine)
    assert (state.problem, state.listed_at) == ("google_api_disabled", None)
    assert clock.now() < state.due_at < clock.now() + timedelta(minutes=15)
    shown = await calendars_answer(engine, account)
    assert shown["calendars"] == []
    assert not (await read_calendars(engine, account)).is_syncing


async def test_an_account_without_a_grant_is_not_synced_any_more(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    async def none(_user: int, _sub: str, _scope: str) -> str:
        raise UserMustAct("reconsent_required", "Allow it again.")

    google.access = none  # type: ignore[method-assign]
    synced_calendars = google.calendars(engine, clock)
    assert (await failure(synced_calendars, account)).code == "reconsent_required"
    assert (await account_sync(engine)).problem == "reconsent_required"
    assert await stored_titles(engine) == ["Tea"]


async def test_a_plan_is_made_when_a_new_consent_is_needed_and_when_it_was_given(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    """She asks for it, once a day; a failure that lasts, or is another one, plans nothing."""
    given, lost = google.access, UserMustAct("reconsent_required", "Allow it again.")

    async def none(_user: int, _sub: str, _scope: str) -> str:
        raise lost

    google.access = none  # type: ignore[method-assign]
    without = google.calendars(engine, clock)
    before = await plans(engine)
    assert (await failure(without, account)).code == "reconsent_required"
    assert await plans(engine) == before + 1
    await failure(without, account)
    assert await plans(engine) == before + 1
    google.access = given  # type: ignore[method-assign]
    rule = google.sandbox.fault("calendar.calendarList.list", status=503)
    await failure(google.calendars(engine, clock), account)
    assert await plans(engine) == before + 2
    google.sandbox.lift(rule)
    await google.calendars(engine, clock).sync_account(account, SUB)
    assert await plans(engine) == before + 2
    google.access = none  # type: ignore[method-assign]
    await failure(google.calendars(engine, clock), account)
    google.access = given  # type: ignore[method-assign]
    await google.calendars(engine, clock).sync_account(account, SUB)
    assert await plans(engine) == before + 4


async def test_the_first_plan_does_not_wait_for_a_calendar_that_cannot_be_read(
    google: Served, transport: FaultyTransport, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    add_band(google, clock)
    transport.instead = lambda request: (
        refusal(403, "oops")
        if "events" in request.url.path and EMAIL not in str(request.url).replace("%40", "@")
        else None
    )
    await failure(google.calendars(engine, clock), account)
    assert await plans(engine) >= 2  # one for what was read, one for giving up the other


async def test_another_account_is_not_affected(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    now: datetime = clock.now()
    other = {"sub": "2", "user_id": account, "email": "b@example.com", "email_verified": True,
             "is_primary": False, "created_at": now, "updated_at": now}  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(other))
        await connection.execute(
            insert(calendar_syncs).values(
                user_id=account, account_sub="2", due_at=now, list_due_at=now, failures=0
            )
        )
    google.sandbox.fault("calendar.calendarList.list", status=403, error="quotaExceeded", times=1)
    await failure(synced_calendars, account)
    shown = {one["account"]: one["problem"] for one in (await calendars_answer(engine, account))["accounts"]}
    assert shown["2"] is None
    assert shown[SUB] is not None


async def test_jobs_that_fail_side_by_side_leave_one_to_retry(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    """As when notifications arrive while Google does not answer."""
    rule = google.sandbox.fault("calendar.*", status=503)
    clock.advance(timedelta(minutes=20))
    key, waiting = AccountKey(account, SUB), "DELETE FROM queue.pgqueuer WHERE entrypoint = 'sync_due'"
    for failures in (1, 2, 3):
        for _ in range(5):
            await synced_calendars.run_sync(key, only_due=True)
        state = await account_sync(engine)
        assert state.failures == failures
        async with engine.begin() as connection:
            assert (await connection.execute(text(waiting))).rowcount == 1
        clock.advance_to(max(state.retry_at, state.due_at))
    google.sandbox.lift(rule)
    await synced_calendars.run_sync(key, only_due=True)
    state = await account_sync(engine)
    assert (state.failures, state.retry_at, state.problem) == (0, None, None)


async def test_a_sync_before_the_retry_does_not_shorten_the_next_pause(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.sandbox.fault("calendar.events.list", status=403, error="userRateLimitExceeded")
    for failures in range(1, 4):
        await failure(synced_calendars, account)
        # Nothing is due.
        await synced_calendars.sync_account(account, SUB, only_due=True)
        state = await account_sync(engine)
        assert state.failures == failures
        assert state.retry_at is not None
        clock.advance(state.retry_at - clock.now())


async def test_syncs_are_counted_by_how_they_ended(
    google: Served, synced_calendars: Calendars, account: int
) -> None:
    counted = synced_calendars._count = Counted()
    await synced_calendars.sync_account(account, SUB)
    read = counted["calendar_syncs", "succeeded"]
    assert read > 0
    of_list: dict[str, Any] = {"status": 503}
    of_events: dict[str, Any] = {"status": 403, "error": "dailyLimitExceeded"}
    for endpoint, fault, code, times in (
        ("calendar.events.list", of_events, "google_quota_exceeded", read),
        ("calendar.calendarList.list", of_list, "google_unavailable", 1),
    ):
        rule = google.sandbox.fault(endpoint, **fault)
        await failure(synced_calendars, account)
        google.sandbox.lift(rule)
        assert counted["calendar_syncs", code] == times
    assert set(counted) == {
        ("calendar_syncs", code) for code in ("succeeded", "google_quota_exceeded", "google_unavailable")
    }
