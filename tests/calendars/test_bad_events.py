"""Events that Google's API could send, and should not: each is kept or skipped with a reason; others arrive.

What is logged has the id of an event and none of its text. Bad rules and series: test_hostile_series.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.announcements.planner import Planner
from catflap.calendars import Calendars, timeline
from catflap.calendars.event_projection import MAX_TITLE
from catflap.calendars.recurrence.occurrence import Occurrence
from catflap.clock import FixedClock
from catflap.store.calendar_tables import calendars
from catflap.store.tables import announcements, devices
from tests.support.faulty_transport import FaultyTransport
from tests.support.sandbox_calendar import EMAIL, SUB, Served
from tests.support.synced import add_band, stored, stored_titles, titles

# In every text of a bad event that a person may have written.
SECRET = "Divorce lawyer"
_AT = datetime(2026, 11, 24, 15, tzinfo=UTC)
_TIMES = {
    "start": {"dateTime": _AT.isoformat(), "timeZone": "UTC"},
    "end": {"dateTime": (_AT + timedelta(hours=1)).isoformat(), "timeZone": "UTC"},
}
_INVALID = "invalid or missing time"


def event(**members: Any) -> dict[str, Any]:
    """Return an event in an hour, with other members; those that are None are left out."""
    made = {"id": "bad", "status": "confirmed", "summary": SECRET, **_TIMES, **members}
    return {name: value for name, value in made.items() if value is not None}


def good(number: int) -> dict[str, Any]:
    return {"id": f"good{number}", "status": "confirmed", "summary": f"Tea {number}", **_TIMES}


def send_page(transport: FaultyTransport, items: Iterable[Any], token: str = "next") -> None:
    """Let Google answer with these events, whatever is asked."""
    # As Google would write it: JSON can express what Python's encoder refuses.
    page = json.dumps({"kind": "calendar#events", "items": list(items), "nextSyncToken": token})

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        is_list = request.url.path.endswith("/events")
        headers = {"Content-Type": "application/json"}
        return httpx2.Response(200, content=page.encode(), headers=headers) if is_list else None

    transport.instead = answer


async def occurrences(engine: AsyncEngine, user_id: int, clock: FixedClock) -> dict[str, Occurrence]:
    found = await timeline(engine, user_id, clock.now(), clock.now() + timedelta(days=2), UTC)
    return {one.event_id: one for one in found}


@pytest.fixture
async def device(engine: AsyncEngine, account: int, clock: FixedClock) -> int:
    values = {"name": "Mia", "model": "robot", "token_hash": b"device", "volume": 60, "schedule_version": 0}
    async with engine.begin() as connection:
        made = devices.insert().values(user_id=account, created_at=clock.now(), **values)
        return int((await connection.execute(made.returning(devices.c.id))).scalar_one())


async def spoken(engine: AsyncEngine, user_id: int, clock: FixedClock) -> str:
    """Plan, and return what is displayed and spoken."""
    await Planner(engine, clock).plan_user(user_id)
    async with engine.connect() as connection:
        query = select(announcements.c.display, announcements.c.spoken, announcements.c.titles)
        return str((await connection.execute(query)).all())


def reasons(log: list[Any]) -> list[tuple[str, object]]:
    """Return reason and id of each event that was skipped, by the sync or by what reads its copy."""
    assert SECRET.lower() not in str(log).lower()
    skipped = [line for line in log if line["event"] in ("event_skipped", "event_not_parsed")]
    found = [(line["reason"], line["event_id"]) for line in skipped]
    found += [(line["member"], line["id"]) for line in log if line["event"] == "google_item_skipped"]
    return list(dict.fromkeys(found))


_KEPT: dict[str, tuple[dict[str, Any], Callable[[Occurrence], object], object]] = {
    "no title": (event(summary=None), lambda one: one.title, ""),
    "a title that is a list": (event(summary=[SECRET]), lambda one: one.title, ""),
    "a title of spaces": (event(summary=" \u2003\n"), lambda one: one.title, ""),
    "a title of 30 KB": (event(summary=SECRET * 2200), lambda one: len(one.title), MAX_TITLE),
    "emoji": (event(summary="👩‍👩‍👧‍👦🏳️‍🌈"), lambda one: one.title, "👩‍👩‍👧‍👦🏳️‍🌈"),
    "right to left": (event(summary="פגישה ‮gpj.exe"), lambda one: one.title, "פגישה ‮gpj.exe"),
    "halves of an emoji": (event(summary="\ud83d cat"), lambda one: one.title, "? cat"),
    "a place that is an object": (event(location={"a": SECRET}), lambda one: one.title, SECRET),
    "end before start": (
        event(start=_TIMES["end"], end=_TIMES["start"]),
        lambda one: one.ends_at - one.starts_at,
        timedelta(0),
    ),
    "no end": (event(end=None), lambda one: one.ends_at - one.starts_at, timedelta(0)),
    "an end that is text": (event(end=SECRET), lambda one: one.starts_at, _AT),
    "an unknown zone": (
        event(start={**_TIMES["start"], "timeZone": f"Mars/{SECRET}"}),
        lambda one: one.starts_at,
        _AT,
    ),
    "a zone with a path": (
        event(start={**_TIMES["start"], "timeZone": "../../etc/passwd"}),
        lambda one: one.starts_at,
        _AT,
    ),
    "a date and a time": (
        event(start={"date": "2026-11-25", **_TIMES["start"]}),
        lambda one: (one.all_day, one.ends_at - one.starts_at),
        (True, timedelta(days=1)),
    ),
    "a recurrence that is text": (event(recurrence=SECRET), lambda one: one.starts_at, _AT),
    "a recurrence of numbers": (event(recurrence=[1, None]), lambda one: one.starts_at, _AT),
    "attendees that are an object": (event(attendees={"self": True}), lambda one: one.declined, False),
    "attendees that are text": (
        event(attendees=[SECRET, {"self": True, "responseStatus": "declined"}]),
        lambda one: one.declined,
        True,
    ),
    "an answer that is a number": (
        event(attendees=[{"self": True, "responseStatus": 5}]),
        lambda one: one.declined,
        False,
    ),
    "an unknown type": (event(eventType=SECRET), lambda one: one.starts_at, _AT),
    "an unknown status": (event(status=SECRET), lambda one: one.starts_at, _AT),
    "members that nobody knows": (event(**{SECRET: {"a": [1] * 100}}), lambda one: one.starts_at, _AT),
    "years that end never": (
        event(end={"dateTime": "9999-12-31T23:59:59Z"}),
        lambda one: one.ends_at.year,
        9999,
    ),
    "days that end never": (
        event(start={"date": "2026-11-24"}, end={"date": "9999-12-31"}),
        lambda one: (one.ends_at.year, one.end_day),
        (9999, date(9999, 12, 31)),
    ),
    "since the fourth month of the first year": (
        event(start={"dateTime": "0001-04-01T00:00:00Z"}),
        lambda one: one.starts_at.year,
        1,
    ),
}


@pytest.mark.parametrize("case", _KEPT)
async def test_it_is_kept_as_far_as_it_can_be_read(
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    device: int,
    clock: FixedClock,
    transport: FaultyTransport,
    case: str,
) -> None:
    resource, read, expected = _KEPT[case]
    send_page(transport, [good(1), resource, good(2)])
    with capture_logs() as log:
        await calendar_sync.sync_account(account, SUB)
        found = await occurrences(engine, account, clock)
        words = await spoken(engine, account, clock)
    assert read(found["bad"]) == expected
    assert found.keys() == {"good1", "bad", "good2"}
    assert reasons(log) == []
    assert "Tea 1" in words and "Tea 2" in words
    # Bidirectional overrides would turn round what stands beside the title.
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068") & set(words)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (f"RRULE:FREQ=DAILY;COUNT={SECRET}", "not a number"),
        (f"RRULE:FREQ=DAILY;BYMONTHDAY=1,{SECRET}", "not a number"),
        (f"RRULE:BYDAY={SECRET}", "unknown weekday"),
        (f"EXDATE:{SECRET}", "invalid date"),
        ("RDATE:20261341T000000Z", "invalid date"),
    ],
)
async def test_of_a_rule_that_cannot_be_read_the_reason_is_logged_and_the_first_instance_left(
    calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock,
    transport: FaultyTransport, rule: str, reason: str,
) -> None:  # fmt: skip
    send_page(transport, [event(recurrence=[rule]), good(1)])
    with capture_logs() as log:
        await calendar_sync.sync_account(account, SUB)
        found = await occurrences(engine, account, clock)
    assert (found["bad"].starts_at, found.keys()) == (_AT, {"bad", "good1"})
    assert reasons(log) == [(reason, "bad")]


_SKIPPED: dict[str, tuple[Any, list[tuple[str, object]]]] = {
    "no start and no end": (event(start=None, end=None), [(_INVALID, "bad")]),
    "a start that is no day": (event(start={"date": f"1 {SECRET}"}), [(_INVALID, "bad")]),
    "a start that is no time": (event(start={"dateTime": SECRET}), [(_INVALID, "bad")]),
    "a time that is a number": (event(start={"dateTime": 5}), [(_INVALID, "bad")]),
    "the first moment": (
        event(start={"dateTime": "0001-01-01T00:00:00+14:00"}),
        [("year out of range", "bad")],
    ),
    "the last moment": (
        event(end={"dateTime": "9999-12-31T23:59:59-12:00"}),
        [("year out of range", "bad")],
    ),
    "since the first month of the first year": (
        event(start={"dateTime": "0001-01-02T00:00:00Z"}),
        [("year out of range", "bad")],
    ),
    "a series whose start is no time": (
        event(start={"dateTime": SECRET}, recurrence=["RRULE:FREQ=DAILY"]),
        [(_INVALID, "bad")],
    ),
    "text in place of an event": (SECRET, [("item", None)]),
    "nothing in place of an event": (None, [("item", None)]),
    "no id": (event(id=None), [("id", None)]),
    "an id that is a number": (event(id=5), [("id", None)]),
    "an id that cannot be stored": (event(id="bad\0"), [("id", None)]),
    "an id of 2 KB": (event(id="b" * 2000), [("id", None)]),
    "an id that is a title": (event(id=SECRET, iCalUID=5), [("iCalUID", None)]),
    "a UID that is a list": (event(iCalUID=[SECRET]), [("iCalUID", "bad")]),
    "a series that is an object": (event(recurringEventId={"id": SECRET}), [("recurringEventId", "bad")]),
}


@pytest.mark.parametrize("case", _SKIPPED)
async def test_it_is_skipped_with_its_id_and_a_reason(
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    device: int,
    clock: FixedClock,
    transport: FaultyTransport,
    case: str,
) -> None:
    resource, expected = _SKIPPED[case]
    send_page(transport, [good(1), resource, good(2)])
    with capture_logs() as log:
        await calendar_sync.sync_account(account, SUB)
        found = await occurrences(engine, account, clock)
        words = await spoken(engine, account, clock)
    assert found.keys() == {"good1", "good2"}
    assert reasons(log) == expected
    assert "Tea 1" in words and "Tea 2" in words


@pytest.mark.parametrize("case", _SKIPPED)
async def test_as_the_only_change_it_does_not_stop_the_sync(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
    case: str,
) -> None:
    google.insert("Tea", clock.now() + timedelta(hours=1))
    await calendar_sync.sync_account(account, SUB)
    resource, expected = _SKIPPED[case]
    send_page(transport, [resource], token="after")
    with capture_logs() as log:
        await calendar_sync.sync_account(account, SUB)
        found = await titles(engine, account, clock)
    assert reasons(log) == expected
    assert found == ["Tea"]
    async with engine.connect() as connection:
        row = (await connection.execute(select(calendars))).one()
    assert (row.sync_token, row.problem) == ("after", None)


async def test_an_event_that_can_no_longer_be_read_is_not_announced_as_it_was(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    event_id = google.insert(SECRET, clock.now() + timedelta(hours=1))["id"]
    await calendar_sync.sync_account(account, SUB)
    send_page(transport, [event(id=event_id, start={"dateTime": SECRET})])
    with capture_logs() as log:
        await calendar_sync.sync_account(account, SUB)
    assert reasons(log) == [(_INVALID, event_id)]
    assert await stored(engine) == []


async def test_of_one_id_twice_the_last_one_counts(
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    gone = {"id": "bad", "status": "cancelled"}
    send_page(transport, [event(summary="First"), gone, good(1), event(summary="Last")])
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Last", "Tea 1"]


async def test_one_id_in_two_calendars_is_two_events(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    start = clock.now() + timedelta(hours=1)
    google.sandbox.import_ical(EMAIL, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "choir")
    times = {name: {"dateTime": start.isoformat()} for name in ("start", "end")}
    mine = google.insert("Mine", start, id="sameid")
    google.sandbox.insert_event(EMAIL, {"id": mine["id"], "summary": "Theirs", **times}, "choir")
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Mine", "Theirs"]
    google.sandbox.delete_event(EMAIL, mine["id"], "choir")
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Mine"]


async def test_with_the_sync_token_of_another_calendar_both_are_read_in_full(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    add_band(google, clock)
    google.insert("Tea", clock.now() + timedelta(hours=1))
    await calendar_sync.sync_account(account, SUB)
    async with engine.begin() as connection:
        tokens = dict((await connection.execute(select(calendars.c.google_id, calendars.c.sync_token))).all())  # type: ignore[arg-type]
        mine, theirs = tokens.keys()
        for name, other in ((mine, theirs), (theirs, mine)):
            where = calendars.c.google_id == name
            await connection.execute(update(calendars).where(where).values(sync_token=tokens[other]))
    google.insert("Walk", clock.now() + timedelta(hours=2))
    with capture_logs() as log:
        await calendar_sync.sync_account(account, SUB)
    assert await stored_titles(engine) == ["Concert", "Tea", "Walk"]
    assert [line["full"] for line in log if line["event"] == "calendar_synced"] == [True, True]


async def test_ten_thousand_exceptions_of_a_series_are_read(
    calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock, transport: FaultyTransport
) -> None:
    master = event(id="series", summary="Daily", recurrence=["RRULE:FREQ=DAILY"])
    exceptions = [
        event(
            id=f"series_{day}",
            summary=None,
            status="cancelled" if day % 2 else "confirmed",
            recurringEventId="series",
            originalStartTime={"dateTime": (_AT + timedelta(days=day)).isoformat()},
        )
        for day in range(10_000)
    ]
    send_page(transport, [*exceptions, good(1), master])
    with capture_logs() as log:
        await calendar_sync.sync_account(account, SUB)
        found = await occurrences(engine, account, clock)
    assert reasons(log) == []
    assert found.keys() >= {"good1", "series_0"}
    assert "series" not in found and "series_1" not in found
    assert len(await stored(engine)) == 10_002


async def test_exceptions_that_refer_to_nothing_or_to_themselves_are_single_events(
    calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock, transport: FaultyTransport
) -> None:
    original = {"originalStartTime": _TIMES["start"]}
    itself = event(id="itself", recurringEventId="itself", recurrence=["RRULE:FREQ=DAILY"], **original)
    orphan = event(id="orphan", recurringEventId="nobody", **original)
    lost = event(id="lost", recurringEventId="nobody")
    unreadable = event(id="unreadable", recurringEventId="nobody", originalStartTime={"date": SECRET})
    send_page(transport, [itself, orphan, lost, unreadable, good(1)])
    with capture_logs() as log:
        await calendar_sync.sync_account(account, SUB)
        found = await occurrences(engine, account, clock)
    assert found.keys() == {"itself", "orphan", "good1"}
    assert reasons(log) == [(_INVALID, "unreadable"), (_INVALID, "lost")]
