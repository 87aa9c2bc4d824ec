"""Your app against a Google on your laptop: `pip install catflap[sandbox]`, then `pytest`."""

import requests

pytest_plugins = ["catflap.testing"]
SCOPES = ["https://www.googleapis.com/auth/calendar.events"]


def test_my_app_notices_that_mia_took_her_calendar_back(google_sandbox):
    google_sandbox.add_client("my-client", "my-secret", redirect_uris=["http://localhost:3000/callback"])
    google_sandbox.add_account("mia@example.com", "Mia")
    code = google_sandbox.mint_code("mia@example.com", "my-client", SCOPES)  # or let a browser see the pages
    token_uri, me = (
        google_sandbox.base_url + "/token",
        {"client_id": "my-client", "client_secret": "my-secret"},
    )
    exchange = {**me, "grant_type": "authorization_code", "code": code, "redirect_uri": ""}
    tokens = requests.post(token_uri, exchange, timeout=10).json()
    google_sandbox.revoke_access("mia@example.com")  # what she does at her account page
    refresh = {**me, "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert requests.post(token_uri, refresh, timeout=10).json()["error"] == "invalid_grant"
