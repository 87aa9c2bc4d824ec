"""Google's own Python client, pointed at a sandbox by its documented options only."""

from __future__ import annotations

from typing import Any

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from google_sandbox import Sandbox
from sandbox_support.person import CLIENT, SECRET, G

APPDATA = G + "drive.appdata"


def credentials(google: Sandbox, *scopes: str) -> Credentials:
    """Return google-auth's credentials for the sandbox's account."""
    tokens = google.grant("mia@example.com", CLIENT, scopes)
    return Credentials(
        token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        token_uri=f"{google.base_url}/token",
        client_id=CLIENT,
        client_secret=SECRET,
        scopes=list(scopes),
    )


def service(google: Sandbox, api: str, version: str, *scopes: str) -> Any:
    """Return googleapiclient's service for an API, by the sandbox's discovery document."""
    return build(
        api,
        version,
        credentials=credentials(google, *scopes),
        discoveryServiceUrl=google.base_url + "/discovery/v1/apis/{api}/{apiVersion}/rest",
        static_discovery=False,
        cache_discovery=False,
    )
