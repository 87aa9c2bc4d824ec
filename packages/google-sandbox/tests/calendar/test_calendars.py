"""Calendars, the calendar list and free/busy times."""

from __future__ import annotations

import httpx2

from google_sandbox import Sandbox
from sandbox_support.events import WHO, everything, timed

LIST = "/calendar/v3/users/me/calendarList"


async def test_calendars_are_made_changed_cleared_and_deleted(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    root = "/calendar/v3/calendars"
    made = (await calendar.post(root, json={"summary": "Cats", "timeZone": "Europe/Berlin"})).json()
    assert made["id"].endswith("@group.calendar.google.com")
    path = f"{root}/{made['id']}"
    assert (await calendar.patch(path, json={"description": "all of them"})).json()["summary"] == "Cats"
    assert "description" not in (await calendar.put(path, json={"summary": "Dogs"})).json()
    entry = await calendar.patch(f"{LIST}/{made['id']}", json={"summaryOverride": "Mine", "hidden": True})
    assert (entry.json()["summaryOverride"], entry.json()["hidden"]) == ("Mine", True)
    assert len((await calendar.get(LIST)).json()["items"]) == 1
    assert len((await calendar.get(LIST, params={"showHidden": "true"})).json()["items"]) == 2
    assert (await calendar.delete(path)).status_code == 204
    assert (await calendar.get(path)).status_code == 404
    assert (await calendar.delete(f"{root}/primary")).status_code == 403
    sandbox.insert_event(WHO, timed())
    assert (await calendar.post(f"{root}/primary/clear")).status_code == 204
    assert (await everything(calendar))[0] == []


async def test_freebusy_joins_what_overlaps_and_skips_what_is_free(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    end = {"end": {"dateTime": "2026-11-24T11:00:00Z", "timeZone": "UTC"}}
    sandbox.insert_event(WHO, timed(hour=10))
    sandbox.insert_event(WHO, timed(hour=10, **end))
    sandbox.insert_event(WHO, timed(hour=14, transparency="transparent"))
    sandbox.insert_event(WHO, timed(hour=16))
    query = {"timeMin": "2026-11-24T00:00:00Z", "timeMax": "2026-11-25T00:00:00Z"}
    items = [{"id": "primary"}, {"id": "unknown"}]
    answer = (await calendar.post("/calendar/v3/freeBusy", json={**query, "items": items})).json()[
        "calendars"
    ]
    assert answer["primary"]["busy"] == [
        {"start": "2026-11-24T10:00:00Z", "end": "2026-11-24T11:00:00Z"},
        {"start": "2026-11-24T16:00:00Z", "end": "2026-11-24T16:30:00Z"},
    ]
    assert answer["unknown"]["errors"] == [{"domain": "global", "reason": "notFound"}]
    declined = [{"email": WHO, "responseStatus": "declined"}]
    sandbox.insert_event(WHO, timed(hour=20, attendees=declined))
    zoned = {**query, "items": items, "timeZone": "America/New_York"}
    busy = (await calendar.post("/calendar/v3/freeBusy", json=zoned)).json()["calendars"]["primary"]["busy"]
    assert busy == [
        {"start": "2026-11-24T05:00:00-05:00", "end": "2026-11-24T06:00:00-05:00"},
        {"start": "2026-11-24T11:00:00-05:00", "end": "2026-11-24T11:30:00-05:00"},
    ]
    assert (
        await calendar.post("/calendar/v3/freeBusy", json={**zoned, "timeZone": "Moon"})
    ).status_code == 400


async def test_a_calendars_colour_is_a_number_of_the_palette_or_the_nearest_one(
    calendar: httpx2.AsyncClient,
) -> None:
    palette = (await calendar.get("/calendar/v3/colors")).json()
    assert (len(palette["calendar"]), len(palette["event"])) == (24, 11)
    path = f"{LIST}/primary"
    entry = (await calendar.patch(path, json={"colorId": "3"})).json()
    assert (entry["colorId"], entry["backgroundColor"]) == ("3", palette["calendar"]["3"]["background"])
    rgb = {"backgroundColor": "#f83a23", "foregroundColor": "#ffffff"}
    ignored = (await calendar.patch(path, json=rgb)).json()
    assert ignored["backgroundColor"] == entry["backgroundColor"]
    entry = (await calendar.patch(path, json=rgb, params={"colorRgbFormat": "true"})).json()
    assert (entry["colorId"], entry["backgroundColor"], entry["foregroundColor"]) == (
        "3",
        "#f83a23",
        "#ffffff",
    )
    for bad in ({"colorId": "99"}, {"backgroundColor": "red"}):
        assert (await calendar.patch(path, json=bad)).status_code == 400
