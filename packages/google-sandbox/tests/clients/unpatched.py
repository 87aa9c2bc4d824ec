"""Python clients with no address changed: run as a program, with only a proxy in the environment.

Google's own sign in, refresh, verify an ID token, and use Calendar, Drive and People; gcsa and aiogoogle use
them too; what it saw is written as
JSON.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
import tempfile
from datetime import UTC, datetime
from typing import Any

import httplib2
import requests
from aiogoogle import Aiogoogle
from aiogoogle.auth.creds import ClientCreds, UserCreds
from gcsa.event import Event
from gcsa.google_calendar import GoogleCalendar
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from google.oauth2.id_token import verify_oauth2_token
from google_auth_oauthlib.flow import Flow
from googleapiclient.discovery import build
from googleapiclient.http import MediaIoBaseUpload

SCOPES = [
    "openid",
    *(
        "https://www.googleapis.com/auth/" + name
        for name in ("userinfo.email", "userinfo.profile", "calendar", "drive.appdata")
    ),
]
REDIRECT = "http://127.0.0.1:49152/"


def consent(url: str) -> str:
    """Press the buttons a person would, at Google's own address, and return where the browser ends up."""
    with requests.Session() as browser:
        page = browser.get(url)
        data: dict[str, Any] = {"ticket": ticket(page.text), "email": "mia@example.com"}
        page = browser.post("https://accounts.google.com/o/oauth2/v2/auth/account", data=data)
        boxes = re.findall(r'name="scope" value="([^"]+)"', page.text)
        data = {"ticket": ticket(page.text), "scope": boxes, "decision": "allow"}
        page = browser.post(
            "https://accounts.google.com/o/oauth2/v2/auth/consent", data=data, allow_redirects=False
        )
        return page.headers["location"]


def ticket(page: str) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found, page
    return found[1]


def sign_in(client_id: str, client_secret: str) -> Credentials:
    config = {
        "installed": {
            "client_id": client_id,
            "client_secret": client_secret,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    }
    flow = Flow.from_client_config(config, SCOPES, redirect_uri=REDIRECT, autogenerate_code_verifier=True)
    url, _ = flow.authorization_url(prompt="consent")
    with flow.oauth2session:
        flow.fetch_token(authorization_response=consent(url).replace("http://", "https://"))
        return flow.credentials


def main(client_id: str, client_secret: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    credentials = sign_in(client_id, client_secret)
    with requests.Session() as session:
        credentials.refresh(Request(session))
        claims = verify_oauth2_token(
            credentials.id_token, Request(session), client_id, clock_skew_in_seconds=2
        )
        seen["iss"], seen["email"] = claims["iss"], claims["email"]
        discovery = session.get("https://accounts.google.com/.well-known/openid-configuration").json()
        seen["endpoints"] = sorted(
            value for name, value in discovery.items() if name.endswith(("_endpoint", "_uri", "issuer"))
        )
        seen["elsewhere"] = elsewhere(session)
    _, body = httplib2.Http().request(
        "https://oauth2.googleapis.com/tokeninfo", "POST", headers=bearer(credentials)
    )
    seen["tokeninfo"] = json.loads(body)["email"]
    with build("calendar", "v3", credentials=credentials) as calendar:
        day = {"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}
        calendar.events().insert(calendarId="primary", body={"summary": "Tea", **day}).execute()
        batch = calendar.new_batch_http_request(
            callback=lambda _id, answer, error: seen.update(batch=answer and answer["items"][0]["summary"])
        )
        batch.add(calendar.events().list(calendarId="primary"))
        batch.execute()
    with build("calendar", "v3", credentials=credentials, static_discovery=False) as calendar:
        seen["calendars"] = [item["id"] for item in calendar.calendarList().list().execute()["items"]]
    with build("drive", "v3", credentials=credentials) as drive:
        content = bytes(range(256)) * 8192
        media = MediaIoBaseUpload(
            io.BytesIO(content), "application/octet-stream", chunksize=1024 * 1024, resumable=True
        )
        body = {"name": "a", "parents": ["appDataFolder"]}
        made = drive.files().create(body=body, media_body=media, fields="id").execute()
        seen["drive"] = drive.files().get_media(fileId=made["id"]).execute() == content
    with build("people", "v1", credentials=credentials) as people:
        person = people.people().get(resourceName="people/me", personFields="names").execute()
        seen["name"] = person["names"][0]["displayName"]
    seen["gcsa"] = by_gcsa(credentials)
    seen["aiogoogle"] = asyncio.run(by_aiogoogle(credentials))
    return seen


def by_gcsa(credentials: Credentials) -> list[str]:
    calendar = GoogleCalendar("primary", credentials=credentials)
    calendar.add_event(Event("Vet", start=datetime(2026, 12, 3, 9, tzinfo=UTC), timezone="UTC"))
    found = calendar.get_events(
        datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 9, tzinfo=UTC), timezone="UTC"
    )
    return [event.summary for event in found]


async def by_aiogoogle(credentials: Credentials) -> list[Any]:
    client = ClientCreds(credentials.client_id, credentials.client_secret, SCOPES)
    async with Aiogoogle(client_creds=client) as google:
        user = UserCreds(refresh_token=credentials.refresh_token)
        _, user = await google.oauth2.refresh(user, client_creds=client)
        who = await google.openid_connect.get_user_info(user)
        calendar = await google.discover("calendar", "v3")
        listing = calendar.events.list(calendarId="primary", q="Vet")
        events = await google.as_user(listing, user_creds=user)
        drive = await google.discover("drive", "v3")
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            file.write(b"cat" * 1000)
            file.flush()
            body = {"name": "b", "parents": ["appDataFolder"]}
            upload = drive.files.create(upload_file=file.name, json=body, fields="size")
            made = await google.as_user(upload, user_creds=user)
        return [who["email"], events["items"][0]["summary"], made["size"]]


def bearer(credentials: Credentials) -> dict[str, str]:
    return {"authorization": f"Bearer {credentials.token}", "content-length": "0"}


def elsewhere(session: requests.Session) -> str:
    try:
        session.get("https://example.com/", timeout=10)
    except requests.exceptions.ProxyError as error:
        return str(error)
    return "reached"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
