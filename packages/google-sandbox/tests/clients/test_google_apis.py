"""Google's own Python client, unpatched, at the less trodden methods of Drive and Calendar."""

from __future__ import annotations

import asyncio

import pytest
from googleapiclient.errors import HttpError

from google_sandbox import Sandbox
from sandbox_support.person import CALENDARS, G
from sandbox_support.python_client import APPDATA, service


async def test_the_python_client_finds_copies_and_follows_an_apps_files(google: Sandbox) -> None:
    def work() -> None:
        with service(google, "drive", "v3", APPDATA) as drive:
            top = drive.files().get(fileId="appDataFolder", fields="id,mimeType").execute()
            token = drive.changes().getStartPageToken().execute()["startPageToken"]
            body = {"name": "mood.json", "parents": [top["id"]], "appProperties": {"mood": "it's fine"}}
            made = drive.files().create(body=body, fields="id,parents").execute()
            assert made["parents"] == [top["id"]]
            copy = drive.files().copy(fileId=made["id"], body={"name": "copy.json"}, fields="id").execute()
            q = "appProperties has { key='mood' and value='it\\'s fine' } and not (name = 'copy.json')"
            found = drive.files().list(spaces="appDataFolder", q=q).execute()["files"]
            assert [file["id"] for file in found] == [made["id"]]
            changed = drive.changes().list(pageToken=token, spaces="appDataFolder").execute()
            assert [change["fileId"] for change in changed["changes"]] == [made["id"], copy["id"]]
            assert drive.about().get(fields="user").execute()["user"]["me"] is True
            with pytest.raises(HttpError, match="The 'fields' parameter is required"):
                drive.about().get().execute()
            with pytest.raises(HttpError, match="Invalid Value"):
                drive.files().list(spaces="appDataFolder", q="title = 'x'").execute()

    await asyncio.to_thread(work)
    assert len(google.requests("drive.files.copy")) == 1


async def test_the_python_client_shares_adds_and_reads_settings(google: Sandbox) -> None:
    google.add_account("leo@example.com")
    google.set_settings("mia@example.com", timezone="Europe/Berlin")

    def work() -> None:
        with service(google, "calendar", "v3", CALENDARS) as calendar:
            text = "Vet at the corner tomorrow 3pm-4pm"
            event = calendar.events().quickAdd(calendarId="primary", text=text).execute()
            assert (event["summary"], event["start"]["timeZone"]) == ("Vet at the corner", "Europe/Berlin")
            assert calendar.settings().get(setting="timezone").execute()["value"] == "Europe/Berlin"
            assert calendar.settings().list(maxResults=3).execute()["nextPageToken"]
            rule = {"role": "reader", "scope": {"type": "user", "value": "leo@example.com"}}
            made = calendar.acl().insert(calendarId="primary", body=rule, sendNotifications=False).execute()
            changed = calendar.acl().patch(calendarId="primary", ruleId=made["id"], body={"role": "writer"})
            assert changed.execute()["role"] == "writer"
            assert len(calendar.acl().list(calendarId="primary").execute()["items"]) == 2
            calendar.acl().delete(calendarId="primary", ruleId=made["id"]).execute()
            with pytest.raises(HttpError, match="Not Found"):
                calendar.acl().get(calendarId="primary", ruleId=made["id"]).execute()
            calendar.events().delete(calendarId="primary", eventId=event["id"]).execute()
            gone = calendar.events().get(calendarId="primary", eventId=event["id"]).execute()
            assert (gone["status"], gone["summary"]) == ("cancelled", "Vet at the corner")

    await asyncio.to_thread(work)
    assert [entry["status"] for entry in google.requests("calendar.events.quickAdd")] == [200]


async def test_google_colours_settings_and_rules_open_with_their_own_scopes(google: Sandbox) -> None:
    def work() -> None:
        with service(google, "calendar", "v3", G + "calendar.events.owned") as calendar:
            assert calendar.colors().get().execute()["event"]["11"]["background"] == "#dc2127"
            with pytest.raises(HttpError, match="insufficient authentication scopes"):
                calendar.acl().list(calendarId="primary").execute()

    await asyncio.to_thread(work)
