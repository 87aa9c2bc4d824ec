"""Sync failures: when events are deleted, what is recorded, logged and shown."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.calendars import Calendars
from catflap.clock import FixedClock
from catflap.errors import CatflapError, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.calendar import CalendarGone
from catflap.google.calendar_errors import ERROR_RULES, ErrorRule
from catflap.store.tables import accounts, calendar_syncs, calendars, events, removed_calendars
from catflap.web.calendar_resources import read_calendars
from tests.support.faulty_transport import FaultyTransport, refusal
from tests.support.sandbox_calendar import EMAIL, SUB, Served, plans
from tests.support.synced import add_band, calendars_answer

KEEPS = [reaction for reaction in ERROR_RULES if reaction.kind is not CalendarGone]
EMPTIES = [
    (status, reason)
    for row in ERROR_RULES
    for status in sorted(row.statuses)
    for reason in sorted(row.reasons)
]


@pytest.fixture
async def calendar_sync(
    google: Served, transport: FaultyTransport, engine: AsyncEngine, account: int, clock: FixedClock
) -> Calendars:
    """Calendars that have been synced once."""
    google.insert("Tea", clock.now() + timedelta(hours=1))
    made = google.calendars(engine, clock)
    await made.sync_account(account, SUB)
    return made


async def titles(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        rows = await connection.execute(select(events.c.resource).order_by(events.c.google_id))
        return sorted(row.resource["summary"] for row in rows)


async def mine(engine: AsyncEngine) -> Row[Any]:
    async with engine.connect() as connection:
        query = select(calendars).where(calendars.c.google_id == EMAIL)
        return (await connection.execute(query)).one()


async def sync_state(engine: AsyncEngine) -> Row[Any]:
    async with engine.connect() as connection:
        return (await connection.execute(select(calendar_syncs))).one()


async def failure(calendar_sync: Calendars, user_id: int) -> CatflapError:
    with pytest.raises(CatflapError) as caught:
        await calendar_sync.sync_account(user_id, SUB)
    return caught.value


@pytest.mark.parametrize("reaction", KEEPS, ids=lambda reaction: reaction.code)
@pytest.mark.parametrize("endpoint", ["calendar.events.list", "calendar.calendarList.list"])
async def test_a_refusal_keeps_the_events_and_is_shown_until_it_is_over(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock,
    reaction: ErrorRule, endpoint: str,
) -> None:  # fmt: skip
    before = await mine(engine)
    for reason in sorted(reaction.reasons):
        google.sandbox.fault(endpoint, status=403, error=reason, times=1)
        clock.advance(timedelta(minutes=1))
        error = await failure(calendar_sync, account)
        assert (type(error), error.code) == (reaction.kind, reaction.code)
        assert await titles(engine) == ["Tea"]
        after = await mine(engine)
        assert (after.sync_token, after.synced_at) == (before.sync_token, before.synced_at)
        shown = await calendars_answer(engine, account)
        (listed,) = shown["calendars"] if endpoint.endswith("events.list") else shown["accounts"]
        assert listed["problem"]["code"] == reaction.code
        assert listed["problem"]["message"] == reaction.message
        assert (listed["problem"]["retry_at"] is not None) == (reaction.pause is not None)
        await calendar_sync.sync_account(account, SUB)
        shown = await calendars_answer(engine, account)
        assert shown["calendars"][0]["state"] == "current"
        assert [one["problem"] for one in (*shown["calendars"], *shown["accounts"])] == [None, None]
        before = await mine(engine)


@pytest.mark.parametrize(("status", "reason"), EMPTIES)
async def test_a_calendar_that_google_reports_gone_is_emptied_logged_once_and_synced_when_it_returns(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, status: int, reason: str
) -> None:
    rule = google.sandbox.fault("calendar.events.list", status=status, error=reason)
    planned = await plans(engine)
    with capture_logs() as logs:
        for _ in range(3):
            await calendar_sync.sync_account(account, SUB)
    assert await titles(engine) == []
    assert await plans(engine) > planned
    (emptied,) = [line for line in logs if line["event"] == "calendar_emptied"]
    assert emptied["calendar_id"] == (await mine(engine)).id
    (shown,) = (await calendars_answer(engine, account))["calendars"]
    assert (shown["state"], shown["problem"]["code"]) == ("gone", emptied["code"])
    assert shown["problem"]["retry_at"] is None
    google.sandbox.lift(rule)
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine) == ["Tea"]
    assert (await calendars_answer(engine, account))["calendars"][0]["state"] == "current"


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(404, text="<html>Not Found"),
        httpx2.Response(403, text="<html>Our systems have detected unusual traffic"),
        httpx2.Response(403),
        httpx2.Response(410),
        httpx2.Response(404, json={"error": "notFound"}),
        httpx2.Response(403, json={"error": {"code": 403, "status": "PERMISSION_DENIED"}}),
        httpx2.Response(200, json={}),
        httpx2.Response(200, json={"kind": "calendar#events"}),
        httpx2.Response(200, json={"items": []}),
        httpx2.Response(200, json={"items": None}),
        httpx2.Response(200, text="<html>Welcome to the hotel"),
        httpx2.Response(204),
        refusal(403, "somethingNew"),
        refusal(404, "somethingNew"),
        refusal(500, "notFound"),
        refusal(429, "forbidden"),
    ],
    ids=lambda answer: f"{answer.status_code}",
)
async def test_other_errors_do_not_empty_a_calendar(
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    transport: FaultyTransport,
    answer: httpx2.Response,
) -> None:
    for part in ("events", "calendarList"):
        transport.instead = lambda request, part=part: answer if part in request.url.path else None
        await failure(calendar_sync, account)
        assert await titles(engine) == ["Tea"]


@pytest.mark.parametrize(
    "body", [{"items": []}, {"kind": "calendar#calendarList"}, {"items": [{"id": EMAIL, "deleted": True}]}]
)
async def test_an_empty_calendar_list_is_an_error(
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    transport: FaultyTransport,
    body: dict[str, Any],
) -> None:
    transport.instead = lambda request: (
        httpx2.Response(200, json=body) if "List" in request.url.path else None
    )
    assert (await failure(calendar_sync, account)).code == "google_unavailable"
    assert await titles(engine) == ["Tea"]


@pytest.mark.parametrize("mark", [{"deleted": True}, None])
async def test_a_calendar_that_left_the_list_is_shown_as_removed_for_a_week(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int,
    clock: FixedClock, transport: FaultyTransport,
    mark: dict[str, Any] | None,
) -> None:  # fmt: skip
    add_band(google, clock)
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine) == ["Concert", "Tea"]
    (band,) = [one for one in (await calendars_answer(engine, account))["calendars"] if not one["primary"]]
    left = [{"id": EMAIL, "summary": "Mine", "primary": True, "selected": True, "timeZone": "UTC"}]
    if mark:
        async with engine.connect() as connection:
            google_id = await connection.scalar(
                select(calendars.c.google_id).where(calendars.c.id == band["id"])
            )
        left.append({"id": google_id, "summary": "band", "selected": True, **mark})
    transport.instead = lambda request: (
        httpx2.Response(200, json={"items": left}) if "List" in request.url.path else None
    )
    with capture_logs() as logs:
        await calendar_sync.sync_account(account, SUB)
    assert [line["calendar_id"] for line in logs if line["event"] == "calendar_removed"] == [band["id"]]
    assert await titles(engine) == ["Tea"]
    shown = await calendars_answer(engine, account)
    assert len(shown["calendars"]) == 1
    (removed,) = shown["removed"]
    assert (removed["summary"], removed["code"]) == (band["summary"], "not_listed")
    clock.advance(timedelta(days=8))
    await calendar_sync.sync_account(account, SUB)
    assert (await calendars_answer(engine, account))["removed"] == []


async def test_a_calendar_that_returns_is_no_longer_shown_as_removed(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    add_band(google, clock)
    await calendar_sync.sync_account(account, SUB)
    only = [{"id": EMAIL, "primary": True, "selected": True}]
    transport.instead = lambda request: (
        httpx2.Response(200, json={"items": only}) if "List" in request.url.path else None
    )
    await calendar_sync.sync_account(account, SUB)
    transport.instead = lambda request: None
    await calendar_sync.sync_account(account, SUB)
    assert (await calendars_answer(engine, account))["removed"] == []
    async with engine.connect() as connection:
        assert (await connection.execute(select(removed_calendars))).all() == []
    assert await titles(engine) == ["Concert", "Tea"]


async def test_a_failure_with_one_calendar_affects_neither_the_others_nor_the_list(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    add_band(google, clock)
    for status, reason in (
        (403, "dailyLimitExceeded"),
        (403, "insufficientPermissions"),
        (403, "oops"),
        (403, "accessNotConfigured"),
        (404, "notFound"),
        (500, "backendError"),
    ):
        google.insert(f"Tea {reason}", clock.now() + timedelta(hours=1))
        own = EMAIL.replace("@", "%40")
        transport.instead = lambda request, own=own, answer=(status, reason): (
            refusal(*answer) if "events" in str(request.url) and own not in str(request.url) else None
        )
        try:
            await calendar_sync.sync_account(account, SUB)
        except CatflapError:
            assert status != 404
        assert f"Tea {reason}" in await titles(engine)
        shown = await calendars_answer(engine, account)
        states = {one["primary"]: one["state"] for one in shown["calendars"]}
        assert states == {True: "current", False: "gone" if status == 404 else "failing"}
        assert shown["accounts"][0]["problem"] is None
        assert not (await read_calendars(engine, account)).is_syncing


async def test_an_unexpected_error_with_one_calendar_does_not_stop_the_others(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int,
    clock: FixedClock, transport: FaultyTransport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    add_band(google, clock)
    read = google.api.list_events

    async def break_on_mine(token: str, calendar_id: str, **how: Any) -> Any:
        if calendar_id == EMAIL:
            raise ZeroDivisionError
        return await read(token, calendar_id, **how)

    monkeypatch.setattr(google.api, "list_events", break_on_mine)
    with pytest.raises(ZeroDivisionError):
        await calendar_sync.sync_account(account, SUB)
    assert await titles(engine) == ["Concert", "Tea"]
    shown = (await calendars_answer(engine, account))["calendars"]
    assert [one["problem"]["code"] for one in shown if one["primary"]] == ["internal_error"]


async def test_a_problem_for_the_operator_is_logged_once_and_when_it_is_solved(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int
) -> None:
    rule = google.sandbox.fault("calendar.*", status=403, error="accessNotConfigured")
    with capture_logs() as logs:
        for _ in range(3):
            assert isinstance(await failure(calendar_sync, account), OperatorMustAct)
        google.sandbox.lift(rule)
        await calendar_sync.sync_account(account, SUB)
    (told,) = [line for line in logs if line["event"] == "operator_must_act"]
    assert told["log_level"] == "error"
    assert "Enable the Google Calendar API" in told["message"]
    assert [line["code"] for line in logs if line["event"] == "operator_problem_solved"] == [
        "google_api_disabled"
    ]


async def test_a_problem_is_logged_when_it_begins_and_ends_only(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    rule = google.sandbox.fault("calendar.events.list", status=403, error="dailyLimitExceeded")
    with capture_logs() as logs:
        since = clock.now()
        for _ in range(3):
            await failure(calendar_sync, account)
            clock.advance(timedelta(hours=1))
        assert (await mine(engine)).problem_since == since
        google.sandbox.lift(rule)
        await calendar_sync.sync_account(account, SUB)
    told = [line["event"] for line in logs if line["event"] != "calendar_synced"]
    assert told == ["calendar_sync_failed", "calendar_sync_recovered"]
    assert all("Tea" not in str(line) and EMAIL not in str(line) for line in logs)


async def test_a_pause_grows_while_its_reason_stays_and_ends_with_it(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    rule = google.sandbox.fault("calendar.events.list", status=403, error="userRateLimitExceeded")
    pauses = []
    for _ in range(9):
        error = await failure(calendar_sync, account)
        assert isinstance(error, TryAgain)
        assert error.after is not None
        state = await sync_state(engine)
        assert state.retry_at == state.waits_from == clock.now() + error.after
        pauses.append(error.after / timedelta(minutes=1))
    expected = [1, 2, 4, 8, 16, 32, 64, 120, 120]
    assert all(least <= pause <= least * 1.25 for pause, least in zip(pauses, expected, strict=True)), pauses
    google.sandbox.lift(rule)
    await calendar_sync.sync_account(account, SUB)
    state = await sync_state(engine)
    assert (state.failures, state.retry_at, state.problem) == (0, None, None)


async def test_a_long_retry_after_is_cut_to_a_day(
    calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock, transport: FaultyTransport
) -> None:
    body = {"error": {"errors": [{"reason": "rateLimitExceeded"}]}}
    slow = httpx2.Response(429, json=body, headers={"Retry-After": "999999"})
    transport.instead = lambda request: slow if "events" in request.url.path else None
    await failure(calendar_sync, account)
    assert (await sync_state(engine)).retry_at <= clock.now() + timedelta(hours=30)


async def test_a_rejected_token_is_a_problem_of_the_account_and_keeps_the_events(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int
) -> None:
    rule = google.sandbox.fault("calendar.events.list", status=401)
    assert (await failure(calendar_sync, account)).code == "access_token_refused"
    assert google.refused == 1
    assert await titles(engine) == ["Tea"]
    shown = await calendars_answer(engine, account)
    assert shown["accounts"][0]["problem"]["code"] == "access_token_refused"
    assert shown["calendars"][0]["problem"] is None
    google.sandbox.lift(rule)
    await calendar_sync.sync_account(account, SUB)
    assert (await sync_state(engine)).problem is None


async def test_an_account_whose_first_sync_fails_is_synced_again_periodically(
    google: Served, transport: FaultyTransport, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.sandbox.fault("calendar.*", status=403, error="accessNotConfigured", times=1)
    await failure(google.calendars(engine, clock), account)
    state = await sync_state(engine)
    assert (state.problem, state.waits_from, state.listed_at) == ("google_api_disabled", clock.now(), None)
    shown = await calendars_answer(engine, account)
    assert shown["calendars"] == []
    assert not (await read_calendars(engine, account)).is_syncing


async def test_an_account_without_a_grant_is_not_synced_any_more(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    async def none(_user: int, _sub: str, _scope: str) -> str:
        raise UserMustAct("reconsent_required", "Allow it again.")

    google.access = none  # type: ignore[method-assign]
    calendar_sync = google.calendars(engine, clock)
    assert (await failure(calendar_sync, account)).code == "reconsent_required"
    assert (await sync_state(engine)).problem == "reconsent_required"
    assert await titles(engine) == ["Tea"]


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
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    now: datetime = clock.now()
    other = {"sub": "2", "user_id": account, "email": "b@example.com", "email_verified": True,
             "is_primary": False, "created_at": now, "updated_at": now}  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(other))
        await connection.execute(
            insert(calendar_syncs).values(user_id=account, account_sub="2", waits_from=now, failures=0)
        )
    google.sandbox.fault("calendar.calendarList.list", status=403, error="quotaExceeded", times=1)
    await failure(calendar_sync, account)
    shown = {one["account"]: one["problem"] for one in (await calendars_answer(engine, account))["accounts"]}
    assert shown["2"] is None
    assert shown[SUB] is not None
