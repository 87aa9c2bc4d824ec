"""Events in the primary calendar of one account, by the API."""

from __future__ import annotations

from typing import Any

import httpx2

EVENTS = "/calendar/v3/calendars/primary/events"
WHO = "mia@example.com"


def timed(day: int = 24, hour: int = 10, **more: Any) -> dict[str, Any]:
    """Return an event of half an hour."""
    return {
        "summary": "Tea",
        "start": {"dateTime": f"2026-11-{day}T{hour:02}:00:00Z", "timeZone": "UTC"},
        "end": {"dateTime": f"2026-11-{day}T{hour:02}:30:00Z", "timeZone": "UTC"},
        **more,
    }


async def everything(calendar: httpx2.AsyncClient, **parameters: Any) -> tuple[list[dict[str, Any]], str]:
    """Return the items of all pages of `events.list`, and the sync token at their end."""
    items: list[dict[str, Any]] = []
    while True:
        answer = await calendar.get(EVENTS, params=parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if "nextSyncToken" in page:
            assert "nextPageToken" not in page
            return items, page["nextSyncToken"]
        parameters["pageToken"] = page["nextPageToken"]


async def refused(response: httpx2.Response) -> tuple[int, str, str]:
    """Return status, domain and reason of an error response."""
    error = response.json()["error"]["errors"][0]
    return response.status_code, error["domain"], error["reason"]
