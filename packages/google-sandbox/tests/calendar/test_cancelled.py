"""What is left to see of a cancelled event, and whom the visibility of an instance concerns."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.events import EVENTS, WHO, everything, timed

BARE = {"kind", "etag", "id", "status"}


async def test_a_deleted_event_keeps_its_details_on_its_organizers_calendar(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    event = sandbox.insert_event(WHO, timed(location="Kyoto"))
    await calendar.delete(f"{EVENTS}/{event['id']}")
    gone = (await calendar.get(f"{EVENTS}/{event['id']}")).json()
    assert (gone["status"], gone["summary"], gone["location"]) == ("cancelled", "Tea", "Kyoto")
    (listed,) = (await calendar.get(EVENTS, params={"showDeleted": "true"})).json()["items"]
    assert listed == gone
    restored = await calendar.patch(f"{EVENTS}/{event['id']}", json={"status": "confirmed"})
    assert (restored.json()["status"], restored.json()["location"]) == ("confirmed", "Kyoto")


async def test_a_synchronisation_shows_details_of_deleted_events_only_with_show_deleted(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    event = sandbox.insert_event(WHO, timed())
    _, token = await everything(calendar)
    await calendar.delete(f"{EVENTS}/{event['id']}")
    for bare in ({"syncToken": token}, {"updatedMin": "2026-11-24T00:00:00Z"}):
        (item,) = (await calendar.get(EVENTS, params=bare)).json()["items"]
        assert set(item) == BARE
    (item,) = (await calendar.get(EVENTS, params={"syncToken": token, "showDeleted": "true"})).json()["items"]
    assert item["summary"] == "Tea"


async def test_somebody_elses_event_keeps_details_only_for_the_invited(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    theirs = {"organizer": {"email": "leo@example.com"}}
    for uid, guests, keys in (("a", [], BARE), ("b", [{"email": WHO}], None)):
        body = timed(iCalUID=uid, attendees=guests, **theirs)
        made = (await calendar.post(f"{EVENTS}/import", json=body)).json()
        await calendar.delete(f"{EVENTS}/{made['id']}")
        gone = (await calendar.get(f"{EVENTS}/{made['id']}")).json()
        assert set(gone) == keys if keys else gone["summary"] == "Tea"


async def test_a_moved_event_leaves_only_its_id_behind(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    other = (await calendar.post("/calendar/v3/calendars", json={"summary": "Cats"})).json()["id"]
    event = sandbox.insert_event(WHO, timed())
    moved = await calendar.post(f"{EVENTS}/{event['id']}/move", params={"destination": other})
    assert moved.json()["summary"] == "Tea"
    for asked in (
        {"showDeleted": "true"},
        {"showDeleted": "true", "singleEvents": "true", "orderBy": "startTime"},
    ):
        (left,) = (await calendar.get(EVENTS, params=asked)).json()["items"]
        assert set(left) == BARE


async def test_a_series_moves_with_its_changed_instances(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    other = (await calendar.post("/calendar/v3/calendars", json={"summary": "Cats"})).json()["id"]
    series = sandbox.insert_event(WHO, timed(recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    sandbox.change_event(WHO, f"{series['id']}_20261125T100000Z", {"summary": "Milk"})
    sandbox.delete_event(WHO, f"{series['id']}_20261126T100000Z")
    path = f"{EVENTS}/{series['id']}/move"
    assert (await calendar.post(path)).json()["error"]["errors"][0]["location"] == "destination"
    assert (await calendar.post(path, params={"destination": other})).status_code == 200
    assert [event["summary"] for event in sandbox.events(WHO, other)] == ["Tea", "Milk"]
    assert sandbox.events(WHO) == []
    focus = sandbox.insert_event(WHO, timed(eventType="focusTime"))
    refused = await calendar.post(f"{EVENTS}/{focus['id']}/move", params={"destination": other})
    assert refused.json()["error"]["errors"][0]["reason"] == "eventTypeRestriction"


async def test_an_imported_event_is_of_the_default_type(calendar: httpx2.AsyncClient) -> None:
    properties = {"focusTimeProperties": {"autoDeclineMode": "declineNone"}}
    body = timed(iCalUID="a", eventType="focusTime", **properties)
    made = (await calendar.post(f"{EVENTS}/import", json=body)).json()
    assert made["eventType"] == "default" and "focusTimeProperties" not in made


async def test_a_cancelled_instance_of_a_living_series_shows_what_is_guaranteed(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    series = sandbox.insert_event(WHO, timed(recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    instance = f"{EVENTS}/{series['id']}_20261125T100000Z"
    await calendar.delete(instance)
    assert set((await calendar.get(instance)).json()) == BARE | {"recurringEventId", "originalStartTime"}
    await calendar.delete(f"{EVENTS}/{series['id']}")
    assert (await calendar.get(instance)).json()["summary"] == "Tea"


async def seen(calendar: httpx2.AsyncClient) -> list[str]:
    items = (await calendar.get(EVENTS, params={"singleEvents": "true", "orderBy": "startTime"})).json()[
        "items"
    ]
    return [item.get("visibility", "default") for item in items]


@pytest.mark.parametrize(
    ("series", "instance", "expected"),
    [
        ("default", "private", "private"),
        ("default", "confidential", "confidential"),
        ("public", "default", "default"),
        ("public", "private", "private"),
        ("private", "public", "private"),
        ("private", "default", "private"),
        ("private", "confidential", "private"),
        ("default", "public", "default"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_an_instances_visibility_spreads_to_its_series_when_stricter_and_is_ignored_when_laxer(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, series: str, instance: str, expected: str, method: str
) -> None:
    made = sandbox.insert_event(WHO, timed(recurrence=["RRULE:FREQ=DAILY;COUNT=4"], visibility=series))
    changed = f"{EVENTS}/{made['id']}_20261125T100000Z"
    await calendar.patch(changed, json={"summary": "Milk"})
    cancelled = f"{EVENTS}/{made['id']}_20261127T100000Z"
    await calendar.delete(cancelled)
    _, token = await everything(calendar, singleEvents="true")
    body: dict[str, Any] = {"visibility": instance}
    if method == "PUT":
        body |= timed(day=26)
    answer = await calendar.request(method, f"{EVENTS}/{made['id']}_20261126T100000Z", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json().get("visibility", "default") == expected
    assert await seen(calendar) == [expected] * 3
    parent = (await calendar.get(f"{EVENTS}/{made['id']}")).json()
    assert parent.get("visibility", "default") == expected
    told = (await everything(calendar, singleEvents="true", syncToken=token))[0]
    spread = {item["id"][-16:-8] for item in told if item["status"] != "cancelled"}
    assert spread == ({"20261124", "20261125", "20261126"} if series != expected else {"20261126"})


async def test_a_series_is_made_less_strict_by_its_parent_alone(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    series = sandbox.insert_event(WHO, timed(recurrence=["RRULE:FREQ=DAILY;COUNT=3"], visibility="private"))
    await calendar.patch(f"{EVENTS}/{series['id']}_20261125T100000Z", json={"summary": "Milk"})
    assert await seen(calendar) == ["private"] * 3
    await calendar.patch(f"{EVENTS}/{series['id']}", json={"visibility": "default"})
    assert await seen(calendar) == ["default"] * 3
