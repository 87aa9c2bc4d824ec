"""Google's own Python client, unpatched, at the less trodden methods of Drive and Calendar."""

from __future__ import annotations

import asyncio

import pytest
from googleapiclient.errors import HttpError

from catflap.sandbox import Sandbox
from tests.sandbox.clients.test_google_python import APPDATA, google, service

__all__ = ["google"]


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
