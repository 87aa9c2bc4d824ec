"""Google's own Python clients, unpatched, by their documented options only."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any

import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport import requests as google_requests
from google.oauth2 import id_token as google_id_token
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import Flow
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest, MediaIoBaseDownload, MediaIoBaseUpload

from google_sandbox import Sandbox
from sandbox_support.person import CALENDARS, CALLBACK, CLIENT, SECRET, G
from sandbox_support.python_client import APPDATA, credentials, service


class Rerouted(google_requests.Request):
    """Sends what is meant for Google's built-in addresses to the sandbox."""

    def __init__(self, base: str, session: requests.Session) -> None:
        super().__init__(session)
        self._base = base

    def __call__(self, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(url.replace("https://www.googleapis.com", self._base), *args, **kwargs)


def press_allow(url: str, base: str) -> str:
    """Go through the pages with the requests library and return where the browser ended up."""
    with requests.Session() as browser:
        page = browser.get(url)
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
        page = browser.post(
            f"{base}/o/oauth2/v2/auth/account", data={"ticket": ticket, "email": "mia@example.com"}
        )
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
        boxes = re.findall(r'name="scope" value="([^"]+)"', page.text)
        page = browser.post(
            f"{base}/o/oauth2/v2/auth/consent",
            data={"ticket": ticket, "scope": boxes, "decision": "allow"},
            allow_redirects=False,
        )
        return page.headers["location"]


async def test_google_auth_oauthlib_signs_in(google: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    base = google.base_url

    def whole_way() -> Credentials:
        config = {
            "web": {
                "client_id": CLIENT,
                "client_secret": SECRET,
                "auth_uri": f"{base}/o/oauth2/v2/auth",
                "token_uri": f"{base}/token",
                "redirect_uris": [CALLBACK],
            }
        }
        scopes = ["openid", G + "userinfo.email", CALENDARS]
        flow = Flow.from_client_config(config, scopes, redirect_uri=CALLBACK, autogenerate_code_verifier=True)
        url, _ = flow.authorization_url(
            access_type="offline", include_granted_scopes="true", prompt="consent"
        )
        with flow.oauth2session:
            flow.fetch_token(authorization_response=press_allow(url, base))
            return flow.credentials

    got = await asyncio.to_thread(whole_way)
    assert got.refresh_token and got.valid
    assert set(got.granted_scopes) == {"openid", G + "userinfo.email", CALENDARS}


async def test_google_auth_refreshes_and_raises_for_a_revoked_grant(google: Sandbox) -> None:
    given = credentials(google, CALENDARS)
    before = given.token
    with requests.Session() as session:
        transport = google_requests.Request(session)
        await asyncio.to_thread(given.refresh, transport)
        assert given.token != before
        google.revoke_access("mia@example.com")
        with pytest.raises(RefreshError, match="invalid_grant"):
            await asyncio.to_thread(given.refresh, transport)


async def test_verify_oauth2_token_accepts_only_tokens_of_the_sandbox(google: Sandbox) -> None:
    def tokens() -> dict[str, Any]:
        code = google.mint_code("mia@example.com", CLIENT, ["openid", "email", "profile"])
        data = {"grant_type": "authorization_code", "code": code, "redirect_uri": ""}
        return requests.post(f"{google.base_url}/token", data=data, auth=(CLIENT, SECRET), timeout=10).json()

    def verify(token: str, audience: str) -> dict[str, Any]:
        with requests.Session() as session:
            rerouted = Rerouted(google.base_url, session)
            return google_id_token.verify_oauth2_token(token, rerouted, audience, clock_skew_in_seconds=2)

    token = (await asyncio.to_thread(tokens))["id_token"]
    claims = await asyncio.to_thread(verify, token, CLIENT)
    assert (claims["email"], claims["iss"]) == ("mia@example.com", "https://accounts.google.com")
    with pytest.raises(ValueError, match="audience"):
        await asyncio.to_thread(verify, token, "somebody else")
    google.rotate_keys(withdraw=True)
    with pytest.raises(ValueError, match="Certificate for key id"):
        await asyncio.to_thread(verify, token, CLIENT)


async def test_google_api_python_client_works_with_calendar(google: Sandbox) -> None:
    def work() -> None:
        calendar = service(google, "calendar", "v3", CALENDARS)
        body = {
            "summary": "Tea",
            "start": {"dateTime": "2026-11-24T10:00:00+09:00", "timeZone": "Asia/Tokyo"},
            "end": {"dateTime": "2026-11-24T10:30:00+09:00", "timeZone": "Asia/Tokyo"},
            "recurrence": ["RRULE:FREQ=DAILY;COUNT=5"],
        }
        made = calendar.events().insert(calendarId="primary", body=body).execute()
        calendar.events().patch(calendarId="primary", eventId=made["id"], body={"summary": "Milk"}).execute()
        listing = calendar.events().list(calendarId="primary", singleEvents=True, maxResults=2)
        titles = []
        while listing is not None:
            page = listing.execute()
            titles += [item["summary"] for item in page["items"]]
            listing = calendar.events().list_next(listing, page)
        assert titles == ["Milk"] * 5
        instances = calendar.events().instances(calendarId="primary", eventId=made["id"]).execute()["items"]
        calendar.events().delete(calendarId="primary", eventId=instances[1]["id"]).execute()
        busy = {
            "timeMin": "2026-11-24T00:00:00Z",
            "timeMax": "2026-12-24T00:00:00Z",
            "items": [{"id": "primary"}],
        }
        answer = calendar.freebusy().query(body=busy).execute()
        assert len(answer["calendars"]["primary"]["busy"]) == 4
        assert calendar.calendarList().list().execute()["items"][0]["primary"] is True
        assert calendar.calendars().get(calendarId="primary").execute()["timeZone"] == "Asia/Tokyo"
        assert calendar.settings().get(setting="timezone").execute()["value"] == "Asia/Tokyo"
        calendar.events().delete(calendarId="primary", eventId=made["id"]).execute()
        with pytest.raises(HttpError) as gone:
            calendar.events().delete(calendarId="primary", eventId=made["id"]).execute()
        assert (gone.value.status_code, gone.value.reason) == (410, "Resource has been deleted")
        calendar.close()

    await asyncio.to_thread(work)


async def test_the_api_endpoint_option_is_enough_to_reach_the_sandbox(google: Sandbox) -> None:
    def work() -> dict[str, Any]:
        given = credentials(google, CALENDARS)
        options = {"api_endpoint": f"{google.base_url}/calendar/v3/"}
        with build("calendar", "v3", credentials=given, client_options=options) as calendar:
            batch = BatchHttpRequest(batch_uri=f"{google.base_url}/batch/calendar/v3")
            batch.add(calendar.calendarList().list(), callback=lambda *_: None)
            batch.execute()
            return calendar.events().list(calendarId="primary").execute()

    assert (await asyncio.to_thread(work))["kind"] == "calendar#events"


async def test_a_batch_answers_every_part_by_itself(google: Sandbox) -> None:
    answers: dict[str, Any] = {}

    def work() -> None:
        def hear(request_id: str, response: Any, error: Any) -> None:
            answers[request_id] = error.status_code if error else response

        calendar = service(google, "calendar", "v3", CALENDARS)
        batch = calendar.new_batch_http_request(callback=hear)
        day = {"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}
        for number in range(30):
            batch.add(
                calendar.events().insert(calendarId="primary", body={"summary": f"nº {number}", **day}),
                request_id=f"made {number}",
            )
        batch.add(calendar.events().get(calendarId="primary", eventId="missing"), request_id="missing")
        batch.execute()
        calendar.close()

    await asyncio.to_thread(work)
    assert answers.pop("missing") == 404
    assert {answer["summary"] for answer in answers.values()} == {f"nº {number}" for number in range(30)}
    assert len(google.requests("calendar.events.insert")) == 30


@pytest.mark.parametrize("resumable", [False, True], ids=["multipart", "resumable"])
async def test_drive_keeps_an_apps_data_through_its_media_uploads(google: Sandbox, resumable: bool) -> None:
    content = bytes(range(256)) * 4096

    def media(data: bytes) -> MediaIoBaseUpload:
        return MediaIoBaseUpload(
            io.BytesIO(data), "application/octet-stream", chunksize=256 * 1024, resumable=resumable
        )

    def work() -> None:
        drive = service(google, "drive", "v3", APPDATA)
        body = {"name": "settings.bin", "parents": ["appDataFolder"]}
        made = (
            drive.files().create(body=body, media_body=media(content), fields="id,size,md5Checksum").execute()
        )
        assert made["size"] == str(len(content))
        sink = io.BytesIO()
        download = MediaIoBaseDownload(sink, drive.files().get_media(fileId=made["id"]), chunksize=300_000)
        done = False
        while not done:
            _, done = download.next_chunk()
        assert sink.getvalue() == content
        drive.files().update(
            fileId=made["id"], body={"name": "new.bin"}, media_body=media(b"short")
        ).execute()
        assert drive.files().get_media(fileId=made["id"]).execute() == b"short"
        found = (
            drive.files()
            .list(spaces="appDataFolder", q="name = 'new.bin'", fields="files(id,name)")
            .execute()
        )
        assert found == {"files": [{"id": made["id"], "name": "new.bin"}]}
        drive.files().delete(fileId=made["id"]).execute()
        assert drive.files().list(spaces="appDataFolder").execute()["files"] == []
        drive.close()

    await asyncio.to_thread(work)


@pytest.mark.slow
async def test_a_client_retries_what_google_says_to_retry(google: Sandbox) -> None:
    google.fault("calendar.events.list", status=503, times=1)
    google.fault("calendar.events.list", status=403, error="rateLimitExceeded", times=1)

    def work() -> dict[str, Any]:
        with service(google, "calendar", "v3", CALENDARS) as calendar:
            return calendar.events().list(calendarId="primary").execute(num_retries=3)

    assert (await asyncio.to_thread(work))["items"] == []
    assert [entry["status"] for entry in google.requests("calendar.events.list")] == [503, 403, 200]


async def test_a_missing_scope_reaches_the_client_as_403(google: Sandbox) -> None:
    def work() -> None:
        with service(google, "calendar", "v3", G + "calendar.events.readonly") as calendar:
            calendar.calendarList().list().execute()

    with pytest.raises(HttpError) as refused:
        await asyncio.to_thread(work)
    assert refused.value.status_code == 403
    assert refused.value.reason == "Request had insufficient authentication scopes."


async def test_oauth2_v2_userinfo_works_through_the_generic_client(google: Sandbox) -> None:
    def work() -> dict[str, Any]:
        with service(google, "oauth2", "v2", "openid", "email") as oauth2:
            return oauth2.userinfo().get().execute()

    assert (await asyncio.to_thread(work))["email"] == "mia@example.com"
