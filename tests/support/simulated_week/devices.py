"""Devices that follow their schedules and play what is due, and checks of what they said."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.support.app_client import RunningApp
from tests.support.simulated_week.choices import MARK


@dataclass(frozen=True)
class Said:
    """An announcement that a device has played.

    Args:
        play_at: When it was due.
        kind: As of a planned announcement.
        titles: Those of the events that it is about.
        event_start: In UTC; that of a briefing or of whole days is a date.
    """

    play_at: datetime
    kind: str
    titles: tuple[str, ...]
    event_start: str

    def events(self) -> list[tuple[str, datetime]]:
        """Return title and start of each event of known title."""
        if self.kind in ("briefing", "paired"):
            return []
        start = datetime.fromisoformat(self.event_start).astimezone(UTC)
        return [(title, start) for title in self.titles if title.startswith(MARK)]


@dataclass
class VirtualDevice:
    """A device: holds its schedule document, which it is sent when it changes.

    Attributes:
        said: What it has played, in order.
        faults: What must not happen.
    """

    app: RunningApp
    email: str
    user_id: int
    id: int
    headers: dict[str, str]
    version: int = -1
    schedule: list[dict[str, Any]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _played: set[str] = field(default_factory=set)

    async def fetch(self) -> None:
        """Take the schedule as it is now."""
        document = await self.app.catflap.services.schedules.document(self.id)
        assert document is not None
        self.version, self.schedule = document["version"], document["announcements"]

    def next_play_at(self) -> datetime | None:
        """Return when it plays next."""
        times = [_time(one["play_at"]) for one in self.schedule if one["id"] not in self._played]
        return min(times, default=None)

    async def play(self, now: datetime) -> list[Said]:
        """Play what is due at `now` and has not expired, and report it."""
        new = []
        for one in self.schedule:
            if one["id"] in self._played or not _time(one["play_at"]) <= now < _time(one["expires_at"]):
                continue
            self._played.add(one["id"])
            said = await self._details(one["id"])
            self._check_first_time(said)
            self.said.append(said)
            new.append(said)
            body = {"announcement": one["id"], "state": "played", "at": now.isoformat()}
            answer = await self.app.client.post("/v1/device/acks", headers=self.headers, json=body)
            assert answer.status_code == 204, answer.text
        return new

    def heard(self) -> set[tuple[str, datetime]]:
        """Return title and start of all events that it has reminded of."""
        return {event for one in self.said if one.kind == "before" for event in one.events()}

    async def _details(self, announcement: str) -> Said:
        query = "SELECT play_at, kind, titles, event_start FROM app.announcements WHERE id = $1"
        (row,) = await self.app.rows(query, announcement)
        return Said(row["play_at"], row["kind"], tuple(row["titles"]), row["event_start"])

    def _check_first_time(self, said: Said) -> None:
        for earlier in self.said:
            if said.kind == "briefing":
                twice = (said.play_at, said.titles) == (earlier.play_at, earlier.titles)
            else:  # a change back to an earlier time is told again
                twice = said.kind != "moved" and bool({*said.events()} & {*earlier.events()})
            if twice and said.kind == earlier.kind:
                self.faults.append(f"{said} was said twice, earlier as {earlier}")


async def add_device(app: RunningApp, email: str, user_id: int, bearer: dict[str, str]) -> VirtualDevice:
    """Pair a device with a user."""
    token = secrets.token_urlsafe(32)
    body = {"token_sha256": hashlib.sha256(token.encode()).hexdigest(), "model": "virtual"}
    pairing = (await app.client.post("/v1/pairings", json=body)).json()
    answer = await app.client.post("/v1/devices", headers=bearer, json={"code": pairing["code"]})
    assert answer.status_code == 201, answer.text
    return VirtualDevice(app, email, user_id, answer.json()["id"], {"Authorization": f"Bearer {token}"})


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
