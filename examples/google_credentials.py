"""Use any Google API while the user is away: Google's own Python client, its tokens from Catflap.

pip install google-api-python-client 'catflap-client[google]'
python examples/google_credentials.py http://127.0.0.1:8400 17 catflap_…

The key needs the right `tokens`: catflap apikeys create example --right tokens
The user must have allowed `calendar.events` and `drive.appdata`.
"""

import io
import sys
from datetime import UTC, datetime, timedelta

from googleapiclient.discovery import build
from googleapiclient.http import MediaIoBaseUpload

from catflap_client.google_auth import google_credentials

SCOPES = ["calendar.events", "drive.appdata"]
DISCOVERY = "/discovery/v1/apis/{api}/{apiVersion}/rest"


def main(catflap_url: str, user: int, api_key: str, google: str | None = None) -> tuple[str, str]:
    """Insert a calendar event and read a file of the app's own folder; `google` is a sandbox's address."""
    credentials = google_credentials(user, url=catflap_url, api_key=api_key, scopes=SCOPES)
    place = {"discoveryServiceUrl": google + DISCOVERY, "static_discovery": False} if google else {}

    with build("calendar", "v3", credentials=credentials, cache_discovery=False, **place) as calendar:
        start = datetime.now(UTC) + timedelta(hours=1)
        event = {
            "summary": "Feed the cat",
            "start": {"dateTime": start.isoformat()},
            "end": {"dateTime": (start + timedelta(minutes=15)).isoformat()},
        }
        made = calendar.events().insert(calendarId="primary", body=event).execute()
        print("inserted:", made["htmlLink"])

    with build("drive", "v3", credentials=credentials, cache_discovery=False, **place) as drive:
        found = drive.files().list(spaces="appDataFolder", fields="files(id)").execute()["files"]
        if not found:
            media = MediaIoBaseUpload(io.BytesIO(b"purr"), mimetype="text/plain", resumable=False)
            about = {"name": "mood.txt", "parents": ["appDataFolder"]}
            found = [drive.files().create(body=about, media_body=media, fields="id").execute()]
        mood = drive.files().get_media(fileId=found[0]["id"]).execute().decode()
        print("read:", mood)
    return made["id"], mood


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
