"""What the fake API knows, which a test changes."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from catflap.announcements.preferences import Preferences
from catflap.errors import CatflapError
from catflap.speech import Engine
from catflap.speech.phrasebooks import phrasebook
from catflap.web.routes.pages import Viewer
from catflap.web.schemas.devices import ScheduleDocument
from catflap.web.schemas.preferences import PreferencesResource
from catflap.web.schemas.voices import SampleBody
from tests.support.purr import purr

ALICE = Viewer(7, "Calico Cat", "alice@example.com", "csrf-of-alice", (), "active")
# What an announcement has beside its schedule.
UNTOLD = {
    "device": 1,
    "device_name": "Browser",
    "titles": [],
    "event_start": "",
    "held_for": None,
    "outcome_at": None,
    "detail": None,
    "seconds": 1.0,
}
# What an appointment has where nobody said more.
BARE = {"color": None, "place": None, "conference_link": None, "attendees": 0, "organizer": None}
OPENJTALK = Engine("openjtalk", "openjtalk", (), frozenset({"ja"}))
ESPEAK = Engine("espeak", "espeak", (), frozenset({"en", "de"}))
DIALECTS = [phrasebook(one).dialect for one in ("pirate", "butler", "kansai")]


@dataclass
class FakeApi:
    """What the page meets; a test changes it and calls `tell`."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    viewer: Viewer | None = ALICE
    syncing: bool = False
    # Whether there is an account, and how many calendars are selected.
    connected: bool = True
    calendars: int = 1
    appointments: list[dict[str, Any]] = field(default_factory=list)
    announcements: list[dict[str, Any]] = field(default_factory=list)
    # Why those that are not scheduled are held, by their ids.
    held: dict[str, str] = field(default_factory=dict)
    # What became of those that are over, and on which device, by their ids.
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    volume: int = 60
    muted_until: str | None = None
    preferences: dict[str, Any] = field(
        default_factory=lambda: PreferencesResource.of(
            Preferences(reminder_minutes=(10,), dialect_en="pirate")
        ).model_dump()
    )
    engines: list[Engine] = field(default_factory=lambda: [OPENJTALK, ESPEAK])
    # Examples of voices that were asked for, and the error that is answered instead.
    samples: list[SampleBody] = field(default_factory=list)
    no_sample: CatflapError | None = None
    introductions: int = 0
    readings: dict[str, str] = field(default_factory=dict)
    # As `CalendarResource`, and what was sent to be previewed.
    own_calendars: list[dict[str, Any]] = field(default_factory=list)
    previewed: list[dict[str, Any]] = field(default_factory=list)
    said: list[tuple[str, int | None]] = field(default_factory=list)
    google_zone: str | None = None
    problems: list[dict[str, str]] = field(default_factory=list)
    devices: dict[str, int] = field(default_factory=dict)
    # Codes that devices show, with what a preview of each tells; and those that were claimed.
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    paired: list[dict[str, Any]] = field(default_factory=list)
    # As of `fake_account.account` and `session`; and grants whose accounts have left the list.
    accounts: list[dict[str, Any]] = field(default_factory=list)
    left_grants: list[dict[str, Any]] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    google_away: bool = False
    erased: bool = False
    # Of devices: what became of announcements, oldest first, and who shares it.
    plays: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    members: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    # The speakers of Home Assistant; None where there is none.
    speakers: list[dict[str, Any]] | None = None
    acks: list[dict[str, Any]] = field(default_factory=list)
    reactions: list[tuple[str, str, Any]] = field(default_factory=list)
    mutes: list[str | None] = field(default_factory=list)
    heartbeats: int = 0
    streams: int = 0
    asked: list[str] = field(default_factory=list)
    sounds: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    version: int = 1
    calls: int = 0
    ends: int = 0
    ailing: bool = False
    # Whether the operator sees a busy day, and not an empty Catflap.
    is_busy: bool = False
    closing: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def say(
        self,
        name: str,
        at: datetime,
        text: str,
        *,
        seconds: float = 1.0,
        dialect: str = "pirate",
        lasts: timedelta = timedelta(minutes=10),
    ) -> dict[str, Any]:
        """Plan one announcement; call `tell` when all are planned."""
        wav = purr(seconds)
        self.sounds[name] = wav
        planned = {
            "id": name,
            "play_at": _text(at),
            "expires_at": _text(at + lasts),
            "kind": "before",
            "text": text,
            "dialect": dialect,
            "audio": {
                "url": f"/sounds/{name}.wav?signature=made-up",
                "type": "audio/wav",
                "sha256": hashlib.sha256(wav).hexdigest(),
                "bytes": len(wav),
                "seconds": seconds,
            },
        }
        self.announcements.append(planned)
        return planned

    def knows(self, token: str) -> bool:
        """Whether a device has this token, which may be known by its hash only."""
        return {token, hashlib.sha256(token.encode()).hexdigest()} & self.devices.keys() != set()

    def rotate(self, token: str, token_sha256: str) -> None:
        """Replace the token of a device."""
        known = token if token in self.devices else hashlib.sha256(token.encode()).hexdigest()
        self.devices[token_sha256] = self.devices.pop(known)

    async def tell(self) -> None:
        """Send the schedule as it is now to every open stream."""
        async with self._changed:
            self.version += 1
            self._changed.notify_all()

    async def until(self, met: Callable[["FakeApi"], bool]) -> None:
        """Wait for something the page does here."""
        async with self._changed, asyncio.timeout(30):
            await self._changed.wait_for(lambda: met(self))

    async def noticed(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def document(self) -> dict[str, Any]:
        document = {
            "version": self.version,
            "now": _text(self.now()),
            "volume": self.volume,
            "muted_until": self.muted_until,
            "announcements": [
                {key: value for key, value in one.items() if key != "dialect"}
                for one in self.announcements
                if one["id"] not in self.held and one["id"] not in self.outcomes
            ],
        }
        ScheduleDocument.model_validate(document)
        return document

    def stream(self) -> AsyncIterator[str]:
        """A stream that ends with what ends those that are open now."""
        return self._stream(self.calls, self.ends)

    async def _stream(self, call: int, ends: int) -> AsyncIterator[str]:
        version = 0
        while not self.closing and call == self.calls and ends == self.ends:
            if version != self.version:
                version = self.version
                yield f": mew\n\nevent: schedule\nid: {version}\ndata: {json.dumps(self.document())}\n\n"
            async with self._changed:
                while (version, call, ends) == (self.version, self.calls, self.ends) and not self.closing:
                    await self._changed.wait()
        if ends != self.ends:
            yield "event: end\ndata: {}\n\n"

    async def end_session(self, viewer: Viewer | None = None) -> None:
        """End the session and with it this browser as a device; somebody else may be signed in now."""
        self.viewer = viewer
        self.devices.clear()
        self.ends += 1
        await self.noticed()

    async def hang_up(self) -> None:
        """End every stream that is open now."""
        self.calls += 1
        await self.noticed()

    async def close(self) -> None:
        self.closing = True
        await self.noticed()


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
