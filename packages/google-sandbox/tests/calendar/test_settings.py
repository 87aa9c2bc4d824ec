"""A person's Calendar settings, and how a test sets them."""

from __future__ import annotations

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.events import EVENTS, WHO
from sandbox_support.person import G, Person
from sandbox_support.receiver import receiving

SETTINGS = "/calendar/v3/users/me/settings"
PRIMARY = "/calendar/v3/calendars/primary"
CONTROL = f"/sandbox/accounts/{WHO}/settings"


@pytest.fixture
async def calendar(mia: Person) -> httpx2.AsyncClient:
    mia.http.headers.update(await mia.bearer(f"{G}calendar.settings.readonly {G}calendar"))
    return mia.http


async def test_a_persons_time_zone_can_be_set_and_is_shown_by_settings_and_calendar(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    assert (await calendar.get(f"{SETTINGS}/timezone")).json()["value"] == "Asia/Tokyo"
    assert (await calendar.get(EVENTS)).json()["timeZone"] == "Asia/Tokyo"
    values = sandbox.set_settings(WHO, timezone="Europe/Berlin", weekStart="1")
    assert (values["timezone"], values["weekStart"]) == ("Europe/Berlin", "1")
    assert (await calendar.get(f"{SETTINGS}/timezone")).json() == {
        "kind": "calendar#setting",
        "etag": (await calendar.get(f"{SETTINGS}/timezone")).headers["etag"],
        "id": "timezone",
        "value": "Europe/Berlin",
    }
    assert (await calendar.get(PRIMARY)).json()["timeZone"] == "Europe/Berlin"
    assert (await calendar.get(EVENTS)).json()["timeZone"] == "Europe/Berlin"
    answer = await calendar.post(CONTROL, json={"timezone": "Asia/Kathmandu"})
    assert answer.json()["timezone"] == (await calendar.get(CONTROL)).json()["timezone"] == "Asia/Kathmandu"
    await calendar.patch(PRIMARY, json={"timeZone": "UTC"})
    assert (await calendar.get(f"{SETTINGS}/timezone")).json()["value"] == "Asia/Kathmandu"


@pytest.mark.parametrize(
    "values",
    [{"timezone": "Mars/Olympus"}, {"weekStart": "9"}, {"mood": "sleepy"}, {"locale": "\x00"}],
    ids=str,
)
async def test_a_setting_that_makes_no_sense_is_refused_and_changes_nothing(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, values: dict[str, str]
) -> None:
    before = (await calendar.get(CONTROL)).json()
    with pytest.raises(ValueError):
        sandbox.set_settings(WHO, format24HourTime="false", **values)
    assert (await calendar.post(CONTROL, json=values)).status_code == 400
    assert (await calendar.get(CONTROL)).json() == before
    with pytest.raises(ValueError):
        sandbox.set_time_zone(WHO, "Mars/Olympus")


async def test_settings_synchronise_and_are_watched(calendar: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    first = (await calendar.get(SETTINGS, params={"maxResults": 5})).json()
    assert len(first["items"]) == 5 and "nextSyncToken" not in first
    rest = (await calendar.get(SETTINGS, params={"pageToken": first["nextPageToken"]})).json()
    names = [item["id"] for item in first["items"] + rest["items"]]
    assert {"locale", "timezone", "weekStart", "defaultEventLength"} <= set(names)
    assert len(names) == len(set(names))
    token = {"syncToken": rest["nextSyncToken"]}
    assert (await calendar.get(SETTINGS, params=token)).json()["items"] == []
    async with receiving() as app:
        body = {"id": "settings-1", "type": "web_hook", "address": app.address}
        assert (await calendar.post(f"{SETTINGS}/watch", json=body)).status_code == 200
        assert (await app.next())[0]["x-goog-resource-state"] == "sync"
        await calendar.patch(PRIMARY, json={"timeZone": "UTC"})
        assert (await app.next())[0]["x-goog-resource-state"] == "exists"
        sandbox.set_settings(WHO, weekStart="6")
        assert (await app.next())[0]["x-goog-resource-state"] == "exists"
    changed = (await calendar.get(SETTINGS, params=token)).json()
    assert [(item["id"], item["value"]) for item in changed["items"]] == [
        ("timezone", "UTC"),
        ("weekStart", "6"),
    ]
    assert (await calendar.get(SETTINGS, params={"syncToken": "W10="})).status_code == 400
    sandbox.expire("sync")
    assert (await calendar.get(SETTINGS, params=token)).status_code == 410


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("calendar.settings.readonly", 200),
        ("calendar.settings", 200),
        ("calendar.readonly", 200),
        ("calendar", 200),
        ("calendar.events", 403),
        ("calendar.calendarlist.readonly", 403),
    ],
)
async def test_settings_are_opened_by_their_scopes_alone(mia: Person, scope: str, status: int) -> None:
    header = await mia.bearer(G + scope)
    assert (await mia.http.get(f"{SETTINGS}/timezone", headers=header)).status_code == status
    assert (await mia.http.get(SETTINGS, headers=header)).status_code == status
