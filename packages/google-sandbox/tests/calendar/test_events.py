"""Events: reading, writing, filters, times, and the refusals clients must cope with."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.events import EVENTS, WHO, refused, timed


async def listed(calendar: httpx2.AsyncClient, **parameters: Any) -> list[str]:
    answer = await calendar.get(EVENTS, params=parameters)
    assert answer.status_code == 200, answer.text
    return [item["summary"] for item in answer.json()["items"]]


async def test_an_event_comes_back_as_it_was_written(calendar: httpx2.AsyncClient) -> None:
    body = timed(
        attendees=[{"email": "leo@example.com"}, {"email": WHO, "responseStatus": "accepted"}],
        reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]},
        extendedProperties={"private": {"a": "b"}},
        visibility="private",
        transparency="opaque",
    )
    made = (await calendar.post(EVENTS, json=body)).json()
    assert made["attendees"][1] == {"email": WHO, "responseStatus": "accepted", "self": True}
    assert made["reminders"] == body["reminders"] and made["visibility"] == "private"
    assert "transparency" not in made, "defaults are omitted"
    assert made["start"] == {"dateTime": "2026-11-24T19:00:00+09:00", "timeZone": "UTC"}
    assert made["status"] == "confirmed" and made["iCalUID"].endswith("@google.com")
    assert made["organizer"] == {"email": WHO, "self": True}
    assert (await calendar.get(f"{EVENTS}/{made['id']}")).json() == made


async def test_an_event_may_have_the_name_of_a_method_as_its_id(calendar: httpx2.AsyncClient) -> None:
    path = f"{EVENTS}/import"
    assert (await calendar.post(EVENTS, json=timed(id="import"))).status_code == 200
    assert (await calendar.get(path)).json()["id"] == "import"
    assert (await calendar.patch(path, json={"summary": "Tea"})).status_code == 200
    assert (await calendar.delete(path)).status_code == 204
    assert (await calendar.get(f"{EVENTS}/quickAdd")).status_code == 404


async def test_times_are_shown_in_the_zone_asked_for(calendar: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.insert_event(WHO, timed())
    page = (await calendar.get(EVENTS, params={"timeZone": "America/New_York"})).json()
    assert page["timeZone"] == "America/New_York"
    assert page["items"][0]["start"]["dateTime"] == "2026-11-24T05:00:00-05:00"
    bad = await calendar.get(EVENTS, params={"timeZone": "Mars/Olympus"})
    assert bad.status_code == 400


async def test_bounds_are_exclusive_low_against_the_end_high_against_the_start(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.insert_event(WHO, timed(hour=10))
    for low, high, found in (
        ("10:29:59", "11:00:00", ["Tea"]),
        ("10:30:00", "11:00:00", []),
        ("09:00:00", "10:00:00", []),
        ("09:00:00", "10:00:01", ["Tea"]),
    ):
        window = {"timeMin": f"2026-11-24T{low}Z", "timeMax": f"2026-11-24T{high}Z"}
        assert await listed(calendar, **window) == found
        assert await listed(calendar, singleEvents="true", **window) == found


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"timeMin": "2026-11-24T00:00:00Z", "timeMax": "2026-11-24T00:00:00Z"},
            (400, "calendar", "timeRangeEmpty"),
        ),
        ({"timeMin": "2026-11-24T00:00:00"}, (400, "global", "badRequest")),
        ({"timeMin": "today"}, (400, "global", "badRequest")),
        ({"orderBy": "startTime"}, (400, "global", "badRequest")),
        ({"orderBy": "name"}, (400, "global", "invalidParameter")),
        ({"maxResults": "0"}, (400, "global", "invalidParameter")),
        ({"maxResults": "many"}, (400, "global", "invalidParameter")),
        ({"singleEvents": "perhaps"}, (400, "global", "invalidParameter")),
        ({"pageToken": "nonsense"}, (400, "global", "invalid")),
        ({"fields": "items("}, (400, "global", "invalidParameter")),
    ],
)
async def test_parameters_that_make_no_sense_are_refused(
    calendar: httpx2.AsyncClient, parameters: dict[str, str], expected: tuple[int, str, str]
) -> None:
    assert await refused(await calendar.get(EVENTS, params=parameters)) == expected


async def test_filters_find_what_they_name(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.insert_event(
        WHO, timed(summary="one", location="Kyoto", extendedProperties={"private": {"k": "v"}})
    )
    sandbox.insert_event(WHO, timed(summary="two", attendees=[{"email": "leo@example.com"}], hour=9))
    clock.advance(minutes=40)
    focus = {"eventType": "focusTime", "focusTimeProperties": {"autoDeclineMode": "declineNone"}}
    sandbox.insert_event(WHO, timed(summary="three", iCalUID="uid-3", hour=8, **focus))
    assert await listed(calendar, q="kyoto") == ["one"]
    assert await listed(calendar, q="LEO@example") == ["two"]
    assert await listed(calendar, privateExtendedProperty="k=v") == ["one"]
    assert await listed(calendar, sharedExtendedProperty="k=v") == []
    assert await listed(calendar, iCalUID="uid-3") == ["three"]
    assert await listed(calendar, eventTypes="focusTime") == ["three"]
    assert await listed(calendar, updatedMin="2026-11-24T09:30:00Z") == ["three"]
    assert await listed(calendar, orderBy="startTime", singleEvents="true") == ["three", "two", "one"]
    assert (await listed(calendar, orderBy="updated"))[-1] == "three"


async def test_deleted_events_are_listed_only_when_asked_for(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    event = sandbox.insert_event(WHO, timed())
    assert (await calendar.delete(f"{EVENTS}/{event['id']}")).status_code == 204
    assert (await calendar.get(EVENTS)).json()["items"] == []
    for asked in ({"showDeleted": "true"}, {"updatedMin": "2026-11-24T00:00:00Z"}):
        (item,) = (await calendar.get(EVENTS, params=asked)).json()["items"]
        assert (item["id"], item["status"]) == (event["id"], "cancelled")
    again = await calendar.delete(f"{EVENTS}/{event['id']}")
    assert await refused(again) == (410, "global", "deleted")


async def test_fields_select_a_part(calendar: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    event = sandbox.insert_event(WHO, timed())
    answer = await calendar.get(EVENTS, params={"fields": "kind,items(id,start/dateTime)"})
    start = {"dateTime": "2026-11-24T19:00:00+09:00"}
    assert answer.json() == {"kind": "calendar#events", "items": [{"id": event["id"], "start": start}]}
    assert (await calendar.get(EVENTS, params={"fields": "items/id"})).json() == {
        "items": [{"id": event["id"]}]
    }
    everything = (await calendar.get(EVENTS, params={"fields": "*"})).json()
    assert everything == (await calendar.get(EVENTS)).json()


async def test_etags_answer_304_and_guard_writes_with_412(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    event = sandbox.insert_event(WHO, timed())
    path = f"{EVENTS}/{event['id']}"
    etag = (await calendar.get(path)).headers["etag"]
    assert (await calendar.get(path, headers={"if-none-match": etag})).status_code == 304
    changed = await calendar.patch(path, json={"summary": "Milk"}, headers={"if-match": etag})
    assert changed.status_code == 200 and changed.json()["etag"] != etag
    assert (await calendar.get(path, headers={"if-none-match": etag})).status_code == 200
    for method in ("PATCH", "PUT", "DELETE"):
        stale = await calendar.request(method, path, json=timed(), headers={"if-match": etag})
        assert stale.status_code == 412
        assert stale.json()["error"]["errors"][0] == {
            "domain": "global",
            "reason": "conditionNotMet",
            "message": "Precondition Failed",
            "locationType": "header",
            "location": "If-Match",
        }
    listing = (await calendar.get(EVENTS)).headers["etag"]
    assert (await calendar.get(EVENTS, headers={"if-none-match": listing})).status_code == 304


async def test_a_chosen_id_is_kept_checked_and_unique(calendar: httpx2.AsyncClient) -> None:
    assert (await calendar.post(EVENTS, json=timed(id="abcdef01"))).json()["id"] == "abcdef01"
    assert await refused(await calendar.post(EVENTS, json=timed(id="abcdef01"))) == (
        409,
        "global",
        "duplicate",
    )
    for bad in ("abc", "ABCDEF", "wxyz01", "a" * 1025):
        assert (await calendar.post(EVENTS, json=timed(id=bad))).status_code == 400


async def test_patch_replaces_lists_and_keeps_the_rest_update_replaces_all(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    guests = [{"email": "leo@example.com"}, {"email": "tama@example.com"}]
    event = sandbox.insert_event(WHO, timed(attendees=guests, location="Kyoto"))
    path = f"{EVENTS}/{event['id']}"
    patched = (await calendar.patch(path, json={"attendees": guests[:1], "location": None})).json()
    assert len(patched["attendees"]) == 1 and "location" not in patched and patched["summary"] == "Tea"
    moved = (await calendar.patch(path, json={"end": {"dateTime": "2026-11-24T12:00:00Z"}})).json()
    assert moved["end"] == {"dateTime": "2026-11-24T21:00:00+09:00", "timeZone": "UTC"}
    assert moved["sequence"] == patched["sequence"] + 1
    updated = (await calendar.put(path, json=timed(summary="Milk"))).json()
    assert "attendees" not in updated and updated["iCalUID"] == event["iCalUID"]
    assert updated["created"] == event["created"]


@pytest.mark.parametrize(
    "change",
    [
        {"start": None},
        {"end": {"date": "2026-11-24"}},
        {"end": {"dateTime": "2026-11-23T10:00:00Z"}},
        {"start": {"dateTime": "2026-11-24 ten o'clock"}},
        {"start": {"dateTime": "2026-11-24T10:00:00"}},
        {"start": {"dateTime": "2026-11-24T10:00:00Z", "timeZone": "Nowhere/Land"}},
        {"recurrence": ["RRULE:FREQ=SOMETIMES"]},
        {"recurrence": ["EXDATE:20261124T100000Z"]},
        {"recurrence": ["RRULE:FREQ=SECONDLY"]},
        {"recurrence": "RRULE:FREQ=DAILY"},
        {"status": "maybe"},
        {"summary": 7},
        {"extendedProperties": {"private": {"a": float("inf")}}},
        {"attendees": [{"name": "nobody"}]},
        {"reminders": {"useDefault": True, "overrides": [{"method": "popup", "minutes": 1}]}},
        {"reminders": {"overrides": [{"method": "pigeon", "minutes": 1}]}},
        {"reminders": {"overrides": [{"method": "popup", "minutes": 40321}]}},
    ],
    ids=str,
)
async def test_an_event_that_makes_no_sense_is_refused(
    calendar: httpx2.AsyncClient, change: dict[str, Any]
) -> None:
    body = json.dumps({**timed(), **change})
    headers = {"content-type": "application/json"}
    assert (await calendar.post(EVENTS, content=body, headers=headers)).status_code == 400
    assert (await calendar.get(EVENTS)).json()["items"] == []


async def test_a_recurring_event_needs_a_named_zone(calendar: httpx2.AsyncClient) -> None:
    body = timed(recurrence=["RRULE:FREQ=DAILY"])
    del body["start"]["timeZone"]
    answer = await calendar.post(EVENTS, json=body)
    assert await refused(answer) == (400, "global", "required")


async def test_an_event_type_cannot_be_changed(calendar: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    event = sandbox.insert_event(WHO, timed())
    answer = await calendar.patch(f"{EVENTS}/{event['id']}", json={"eventType": "focusTime"})
    assert (await refused(answer))[0:2] == (400, "calendar")


async def test_a_moved_instance_keeps_its_identity(calendar: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    series = sandbox.insert_event(WHO, timed(recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    instance = f"{series['id']}_20261125T100000Z"
    change = {name: timed(26, 15)[name] for name in ("start", "end")}
    moved = (await calendar.patch(f"{EVENTS}/{instance}", json=change)).json()
    assert (moved["id"], moved["recurringEventId"]) == (instance, series["id"])
    assert moved["originalStartTime"]["dateTime"] == "2026-11-25T19:00:00+09:00"
    answer = await calendar.get(EVENTS, params={"singleEvents": "true", "orderBy": "startTime"})
    starts = [item["start"]["dateTime"] for item in answer.json()["items"]]
    assert starts == [f"2026-11-{t}:00:00+09:00" for t in ("24T19", "26T19", "27T00")]
    window = {"timeMin": "2026-11-26T14:00:00Z", "timeMax": "2026-11-26T16:00:00Z", "singleEvents": "true"}
    assert await listed(calendar, **window) == ["Tea"]
    instances = (await calendar.get(f"{EVENTS}/{series['id']}/instances")).json()["items"]
    assert len(instances) == 3
    missing = await calendar.get(f"{EVENTS}/{series['id']}_20261130T100000Z")
    assert missing.status_code == 404


async def test_a_series_keeps_its_wall_clock_time_across_a_clock_change(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    when = {"timeZone": "Europe/Berlin"}
    start = {**when, "dateTime": "2026-10-24T09:00:00"}
    end = {**when, "dateTime": "2026-10-24T10:00:00"}
    sandbox.insert_event(
        WHO, {"summary": "x", "start": start, "end": end, "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}
    )
    answer = await calendar.get(EVENTS, params={"singleEvents": "true", "timeZone": "Europe/Berlin"})
    starts = [item["start"]["dateTime"] for item in answer.json()["items"]]
    assert starts == ["2026-10-24T09:00:00+02:00", "2026-10-25T09:00:00+01:00"]


async def test_import_knows_an_event_by_its_uid(calendar: httpx2.AsyncClient) -> None:
    first = (await calendar.post(f"{EVENTS}/import", json=timed(iCalUID="uid-1"))).json()
    second = (await calendar.post(f"{EVENTS}/import", json=timed(iCalUID="uid-1", summary="Milk"))).json()
    assert (first["id"], second["summary"]) == (second["id"], "Milk")
    assert await listed(calendar) == ["Milk"]
    assert (await calendar.post(f"{EVENTS}/import", json=timed())).status_code == 400


async def test_a_move_takes_an_event_to_another_calendar(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    other = (await calendar.post("/calendar/v3/calendars", json={"summary": "Cats"})).json()["id"]
    event = sandbox.insert_event(WHO, timed())
    moved = await calendar.post(f"{EVENTS}/{event['id']}/move", params={"destination": other})
    assert moved.json()["organizer"]["email"] == other
    assert await listed(calendar) == []
    assert [e["id"] for e in sandbox.events(WHO, other)] == [event["id"]]
