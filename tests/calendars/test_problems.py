"""Sync failures: when events are deleted, what is recorded, logged and shown."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.calendars import Calendars
from catflap.clock import FixedClock
from catflap.errors import CatflapError
from catflap.google.calendar import CalendarGone
from catflap.google.calendar_errors import ERROR_RULES, ErrorRule
from catflap.store.calendar_tables import calendars, removed_calendars
from catflap.web.calendar_resources import read_calendars
from tests.support.faulty_transport import FaultyTransport, calendar_list, refusal
from tests.support.sandbox_calendar import EMAIL, SUB, Served, plans
from tests.support.synced import (
    account_sync,
    add_band,
    calendar_rows,
    calendars_answer,
    failure,
    primary_calendar,
    stored_titles,
)

KEEPS = [reaction for reaction in ERROR_RULES if reaction.kind is not CalendarGone]
EMPTIES = [
    (status, reason)
    for row in ERROR_RULES
    for status in sorted(row.statuses)
    for reason in sorted(row.reasons)
]


@pytest.mark.parametrize("reaction", KEEPS, ids=lambda reaction: reaction.code)
@pytest.mark.parametrize("endpoint", ["calendar.events.list", "calendar.calendarList.list"])
async def test_a_refusal_keeps_the_events_and_is_shown_until_it_is_over(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock,
    reaction: ErrorRule, endpoint: str,
) -> None:  # fmt: skip
    before = await primary_calendar(engine)
    for reason in sorted(reaction.reasons):
        google.sandbox.fault(endpoint, status=403, error=reason, times=1)
        clock.advance(timedelta(minutes=1))
        error = await failure(synced_calendars, account)
        assert (type(error), error.code) == (reaction.kind, reaction.code)
        assert await stored_titles(engine) == ["Tea"]
        after = await primary_calendar(engine)
        assert (after.sync_token, after.synced_at) == (before.sync_token, before.synced_at)
        shown = await calendars_answer(engine, account)
        (listed,) = shown["calendars"] if endpoint.endswith("events.list") else shown["accounts"]
        assert listed["problem"]["code"] == reaction.code
        assert listed["problem"]["message"] == reaction.message
        assert (listed["problem"]["retry_at"] is not None) == (reaction.pause is not None)
        await synced_calendars.sync_account(account, SUB)
        shown = await calendars_answer(engine, account)
        assert shown["calendars"][0]["state"] == "current"
        assert [one["problem"] for one in (*shown["calendars"], *shown["accounts"])] == [None, None]
        before = await primary_calendar(engine)


@pytest.mark.parametrize(("status", "reason"), EMPTIES)
async def test_a_calendar_that_google_reports_gone_is_emptied_logged_once_and_synced_when_it_returns(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, status: int, reason: str
) -> None:
    rule = google.sandbox.fault("calendar.events.list", status=status, error=reason)
    planned = await plans(engine)
    with capture_logs() as logs:
        for _ in range(3):
            await synced_calendars.sync_account(account, SUB)
    assert await stored_titles(engine) == []
    assert await plans(engine) > planned
    (emptied,) = [line for line in logs if line["event"] == "calendar_emptied"]
    assert emptied["calendar_id"] == (await primary_calendar(engine)).id
    (shown,) = (await calendars_answer(engine, account))["calendars"]
    assert (shown["state"], shown["problem"]["code"]) == ("gone", emptied["code"])
    assert shown["problem"]["retry_at"] is None
    google.sandbox.lift(rule)
    await synced_calendars.sync_account(account, SUB)
    assert await stored_titles(engine) == ["Tea"]
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
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    transport: FaultyTransport,
    answer: httpx2.Response,
) -> None:
    for part in ("events", "calendarList"):
        transport.instead = lambda request, part=part: answer if part in request.url.path else None
        await failure(synced_calendars, account)
        assert await stored_titles(engine) == ["Tea"]


@pytest.mark.parametrize(
    "body", [{"items": []}, {"kind": "calendar#calendarList"}, {"items": [{"id": EMAIL, "deleted": True}]}]
)
async def test_an_empty_calendar_list_is_an_error(
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    transport: FaultyTransport,
    body: dict[str, Any],
) -> None:
    transport.instead = calendar_list(body=body)
    assert (await failure(synced_calendars, account)).code == "google_unavailable"
    assert await stored_titles(engine) == ["Tea"]


@pytest.mark.parametrize("mark", [{"deleted": True}, None])
async def test_a_calendar_that_left_the_list_is_shown_as_removed_for_a_week(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int,
    clock: FixedClock, transport: FaultyTransport,
    mark: dict[str, Any] | None,
) -> None:  # fmt: skip
    add_band(google, clock)
    await synced_calendars.sync_account(account, SUB)
    assert await stored_titles(engine) == ["Concert", "Tea"]
    (band,) = [one for one in (await calendars_answer(engine, account))["calendars"] if not one["primary"]]
    left = [{"id": EMAIL, "summary": "Mine", "primary": True, "selected": True, "timeZone": "UTC"}]
    if mark:
        async with engine.connect() as connection:
            google_id = await connection.scalar(
                select(calendars.c.google_id).where(calendars.c.id == band["id"])
            )
        left.append({"id": google_id, "summary": "band", "selected": True, **mark})
    transport.instead = calendar_list(*left)
    with capture_logs() as logs:
        await synced_calendars.sync_account(account, SUB)
    assert [line["calendar_id"] for line in logs if line["event"] == "calendar_removed"] == [band["id"]]
    assert await stored_titles(engine) == ["Tea"]
    shown = await calendars_answer(engine, account)
    assert len(shown["calendars"]) == 1
    (removed,) = shown["removed"]
    assert (removed["summary"], removed["code"]) == (band["summary"], "not_listed")
    clock.advance(timedelta(days=8))
    await synced_calendars.sync_account(account, SUB)
    assert (await calendars_answer(engine, account))["removed"] == []


async def test_a_calendar_that_returns_is_no_longer_shown_as_removed(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    add_band(google, clock)
    await synced_calendars.sync_account(account, SUB)
    only = [{"id": EMAIL, "primary": True, "selected": True}]
    transport.instead = calendar_list(*only)
    await synced_calendars.sync_account(account, SUB)
    transport.instead = lambda request: None
    await synced_calendars.sync_account(account, SUB)
    assert (await calendars_answer(engine, account))["removed"] == []
    async with engine.connect() as connection:
        assert (await connection.execute(select(removed_calendars))).all() == []
    assert await stored_titles(engine) == ["Concert", "Tea"]


async def test_a_failure_with_one_calendar_affects_neither_the_others_nor_the_list(
    google: Served,
    synced_calendars: Calendars,
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
            await synced_calendars.sync_account(account, SUB)
        except CatflapError:
            assert status != 404
        assert f"Tea {reason}" in await stored_titles(engine)
        shown = await calendars_answer(engine, account)
        states = {one["primary"]: one["state"] for one in shown["calendars"]}
        assert states == {True: "current", False: "gone" if status == 404 else "failing"}
        assert shown["accounts"][0]["problem"] is None
        assert not (await read_calendars(engine, account)).is_syncing


async def test_an_unexpected_error_with_one_calendar_does_not_stop_the_others(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int,
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
        await synced_calendars.sync_account(account, SUB)
    assert await stored_titles(engine) == ["Concert", "Tea"]
    due = {key: row.sync_due_at for key, row in (await calendar_rows(engine)).items()}
    assert all(clock.now() + timedelta(minutes=3) < one for one in due.values())
    assert (await account_sync(engine)).due_at == min(due.values())
    await synced_calendars.sync_account(account, SUB, only_due=True)
    shown = (await calendars_answer(engine, account))["calendars"]
    assert [one["problem"]["code"] for one in shown if one["primary"]] == ["internal_error"]
