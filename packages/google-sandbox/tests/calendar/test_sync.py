"""Incremental synchronisation: what changed, what was deleted, and when to start again."""

from __future__ import annotations

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.events import EVENTS, WHO, everything, timed


async def test_a_sync_lists_what_was_added_changed_and_deleted(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    kept, lost = (sandbox.insert_event(WHO, timed(hour=hour)) for hour in (9, 10))
    _, token = await everything(calendar)
    assert (await everything(calendar, syncToken=token))[0] == []
    await calendar.patch(f"{EVENTS}/{kept['id']}", json={"summary": "Milk"})
    await calendar.delete(f"{EVENTS}/{lost['id']}")
    new = sandbox.insert_event(WHO, timed(hour=11))
    changed, token = await everything(calendar, syncToken=token)
    assert {item["id"]: item.get("summary") for item in changed} == {
        kept["id"]: "Milk",
        lost["id"]: None,
        new["id"]: "Tea",
    }
    gone = next(item for item in changed if item["id"] == lost["id"])
    assert set(gone) == {"kind", "etag", "id", "status"} and gone["status"] == "cancelled"
    assert (await everything(calendar, syncToken=token))[0] == []


async def test_pages_end_with_the_only_sync_token_and_lose_nothing(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, clock: Clock
) -> None:
    made = set()
    for hour in range(9, 19):
        clock.advance(seconds=1)
        made.add(sandbox.insert_event(WHO, timed(hour=hour))["id"])
    first = (await calendar.get(EVENTS, params={"maxResults": 4})).json()
    assert "nextSyncToken" not in first and len(first["items"]) == 4
    await calendar.delete(f"{EVENTS}/{first['items'][0]['id']}")
    late = sandbox.insert_event(WHO, timed(hour=20))
    rest, token = await everything(calendar, maxResults=4, pageToken=first["nextPageToken"])
    seen = {item["id"] for item in first["items"] + rest}
    assert made <= seen
    changed, _ = await everything(calendar, syncToken=token)
    assert {first["items"][0]["id"], late["id"]} <= {item["id"] for item in changed}


@pytest.mark.parametrize(
    "restriction",
    [
        {"timeMin": "2026-11-24T00:00:00Z"},
        {"timeMax": "2026-11-24T00:00:00Z"},
        {"updatedMin": "2026-11-24T00:00:00Z"},
        {"orderBy": "updated"},
        {"q": "tea"},
        {"iCalUID": "x"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"showDeleted": "false"},
        {"singleEvents": "true"},
    ],
    ids=lambda restriction: next(iter(restriction)),
)
async def test_a_sync_token_goes_with_no_other_restriction(
    calendar: httpx2.AsyncClient, restriction: dict[str, str]
) -> None:
    _, token = await everything(calendar)
    refused = await calendar.get(EVENTS, params={"syncToken": token, **restriction})
    assert refused.status_code == 400
    error = refused.json()["error"]["errors"][0]
    assert error["message"] == "Sync token cannot be used with other request restrictions"


async def test_a_restricted_list_gives_no_sync_token(calendar: httpx2.AsyncClient) -> None:
    for restriction in ({"q": "tea"}, {"orderBy": "updated"}, {"updatedMin": "2026-11-24T00:00:00Z"}):
        assert "nextSyncToken" not in (await calendar.get(EVENTS, params=restriction)).json()


async def test_an_expired_token_is_410_and_a_made_up_one_400(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    _, token = await everything(calendar)
    sandbox.expire("sync", WHO)
    gone = await calendar.get(EVENTS, params={"syncToken": token})
    assert gone.status_code == 410
    assert gone.json()["error"] == {
        "code": 410,
        "message": "Sync token is no longer valid, a full sync is required.",
        "errors": [
            {
                "domain": "calendar",
                "reason": "fullSyncRequired",
                "message": "Sync token is no longer valid, a full sync is required.",
                "locationType": "parameter",
                "location": "syncToken",
            }
        ],
    }
    _, token = await everything(calendar)
    assert (await calendar.get(EVENTS, params={"syncToken": token})).status_code == 200
    for nonsense in ("nonsense", "W10=", token[:-8]):
        refused = await calendar.get(EVENTS, params={"syncToken": nonsense})
        assert refused.status_code == 400
        assert refused.json()["error"]["message"] == "Invalid sync token value."


async def test_a_windowed_sync_keeps_its_window(calendar: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    window = {"timeMin": "2026-11-24T00:00:00Z", "timeMax": "2026-11-25T00:00:00Z"}
    inside = sandbox.insert_event(WHO, timed(day=24))
    items, token = await everything(calendar, **window)
    assert [item["id"] for item in items] == [inside["id"]]
    sandbox.insert_event(WHO, timed(day=27))
    assert (await everything(calendar, syncToken=token))[0] == []
    await calendar.patch(
        f"{EVENTS}/{inside['id']}", json={"start": timed(26)["start"], "end": timed(26)["end"]}
    )
    left, _ = await everything(calendar, syncToken=token)
    assert [item["id"] for item in left] == [inside["id"]], "it left the window, and that is told"


async def test_a_single_events_sync_lists_instances_that_vanished(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    series = sandbox.insert_event(WHO, timed(recurrence=["RRULE:FREQ=DAILY;COUNT=4"]))
    items, token = await everything(calendar, singleEvents="true")
    assert [item["id"] for item in items] == [f"{series['id']}_202611{day}T100000Z" for day in range(24, 28)]
    await calendar.patch(f"{EVENTS}/{series['id']}", json={"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]})
    changed, token = await everything(calendar, singleEvents="true", syncToken=token)
    assert {item["id"][-16:-8]: item["status"] for item in changed} == {
        "20261124": "confirmed",
        "20261125": "confirmed",
        "20261126": "cancelled",
        "20261127": "cancelled",
    }
    await calendar.delete(f"{EVENTS}/{series['id']}")
    changed, _ = await everything(calendar, singleEvents="true", syncToken=token)
    assert {item["status"] for item in changed} == {"cancelled"} and len(changed) == 2


async def test_a_cancelled_instance_says_which_one_of_which_series(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    series = sandbox.insert_event(WHO, timed(recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    _, token = await everything(calendar)
    instance = f"{series['id']}_20261125T100000Z"
    assert (await calendar.delete(f"{EVENTS}/{instance}")).status_code == 204
    (cancelled,), _ = await everything(calendar, syncToken=token)
    assert cancelled["id"] == instance and cancelled["status"] == "cancelled"
    assert cancelled["recurringEventId"] == series["id"]
    assert cancelled["originalStartTime"]["dateTime"] == "2026-11-25T19:00:00+09:00"
    full, _ = await everything(calendar)
    assert [item["status"] for item in full] == ["confirmed", "cancelled"], "also in a full list of series"
    single, _ = await everything(calendar, singleEvents="true")
    assert len(single) == 2


async def test_the_calendar_list_synchronises_too(calendar: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    path = "/calendar/v3/users/me/calendarList"
    first = (await calendar.get(path)).json()
    made = (await calendar.post("/calendar/v3/calendars", json={"summary": "Cats"})).json()
    changed = (await calendar.get(path, params={"syncToken": first["nextSyncToken"]})).json()
    assert [item["id"] for item in changed["items"]] == [made["id"]]
    assert (await calendar.delete(f"{path}/{made['id']}")).status_code == 204
    changed = (await calendar.get(path, params={"syncToken": changed["nextSyncToken"]})).json()
    assert [(item["id"], item["deleted"]) for item in changed["items"]] == [(made["id"], True)]
    assert (await calendar.get(path, params={"syncToken": changed["nextSyncToken"]})).json()["items"] == []
    refused = await calendar.get(path, params={"syncToken": first["nextSyncToken"], "minAccessRole": "owner"})
    assert refused.status_code == 400
    sandbox.expire("sync")
    assert (await calendar.get(path, params={"syncToken": first["nextSyncToken"]})).status_code == 410
