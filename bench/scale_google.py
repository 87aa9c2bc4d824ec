"""Accounts of the sandbox that have a calendar with events, for `bench.scale`."""

from dataclasses import dataclass
from datetime import timedelta

from bench.vault_stage import CLIENT_ID, Stage
from catflap.clock import SystemClock

EVENTS = 50
_SCOPES = ["openid", "email", "https://www.googleapis.com/auth/calendar"]


@dataclass(frozen=True)
class Person:
    """An account and a token for its calendar."""

    sub: str
    email: str
    access_token: str


async def create_people(stage: Stage, count: int) -> list[Person]:
    """Create accounts, each with EVENTS events in the coming days."""
    body = {"count": count, "domain": "scale.example.com", "client_id": CLIENT_ID, "scopes": _SCOPES}
    made = (await stage.http.post(f"{stage.google.url}/sandbox/accounts", json=body)).json()["accounts"]
    people = [Person(one["sub"], one["email"], one["access_token"]) for one in made]
    for person in people:
        for number in range(EVENTS):
            await _insert_event(stage, person, number)
    return people


async def _insert_event(stage: Stage, person: Person, number: int) -> None:
    start = SystemClock().now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=2 * number)
    times = {
        "start": {"dateTime": start.isoformat(), "timeZone": "UTC"},
        "end": {"dateTime": (start + timedelta(minutes=30)).isoformat(), "timeZone": "UTC"},
    }
    response = await stage.http.post(
        f"{stage.google.url}/calendar/v3/calendars/primary/events",
        json={"summary": f"Meeting {number}", **times},
        headers={"Authorization": f"Bearer {person.access_token}"},
    )
    response.raise_for_status()
