"""A fake of the HTTP API that the page uses, with a schedule that a test sets.

Its answers are the response models of the real API, so they have the same shape; `tests/journeys` runs the
page with the real one.
"""

import asyncio
import hashlib
import io
import json
import math
import socket
import struct
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from catflap.announcements.preferences import Preferences
from catflap.announcements.reading_store import checked_entry
from catflap.cli.http_server import serving
from catflap.clock import rfc3339
from catflap.devices.mute import ALWAYS
from catflap.errors import BadRequest
from catflap.settings import Settings
from catflap.store.unavailable import DatabaseUnavailable
from catflap.web.paths import Paths
from catflap.web.problems import problem_of
from catflap.web.routes.pages import Viewer, router, viewer
from catflap.web.schemas.accounts import SessionLifetime
from catflap.web.schemas.base import json_response
from catflap.web.schemas.calendars import AnnouncementList, AnnouncementResource, DialectResource, Today
from catflap.web.schemas.devices import AckBody, DeviceBody, DeviceChange, DeviceResource, ScheduleDocument
from catflap.web.schemas.mute import MuteBody, MuteResource
from catflap.web.schemas.preferences import BrowserZone, PreferencesBody, PreferencesResource
from catflap.web.schemas.reactions import SnoozeBody, SnoozeResource
from catflap.web.schemas.readings import ReadingChanges, ReadingDictionary
from catflap.web.schemas.saying import SayBody
from catflap.web.static_files import page_router

ALICE = Viewer(7, "Calico Cat", "alice@example.com", "csrf-of-alice", (), "active")
# What an announcement has beside its schedule.
_UNTOLD = {"device": 1, "titles": [], "event_start": "", "held_for": None, "seconds": 1.0}
# What an appointment has where nobody said more.
_BARE = {"color": None, "place": None, "conference_link": None, "attendees": 0, "organizer": None}
DIALECTS = [
    {
        "id": "pirate",
        "language": "en",
        "name": "Pirate",
        "native_name": "Pirate",
        "example": "Ahoy! “Lunch” at 12:30 pm. Just 10 minutes, trim the sails!",
    },
    {
        "id": "butler",
        "language": "en",
        "name": "Butler",
        "native_name": "Butler",
        "example": "Pardon the purr. “Lunch” at 12:30 pm, in 10 minutes.",
    },
    {
        "id": "kansai",
        "language": "ja",
        "name": "Kansai",
        "native_name": "関西弁",
        "example": "ほな、「会議」の時間やで。はよ行かなあかんで!",
    },
]


def purr(seconds: float) -> bytes:
    """A WAV that rises and falls like syllables, so that a mouth has something to follow."""
    rate, frames = 8000, bytearray()
    for index in range(int(seconds * rate)):
        at = index / rate
        level = 0.35 * abs(math.sin(math.pi * 3 * at)) * math.sin(2 * math.pi * 330 * at)
        frames += struct.pack("<h", int(level * 32767))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(frames))
    return file.getvalue()


@dataclass
class FakeApi:
    """What the page meets; a test changes it and calls `tell`."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    viewer: Viewer | None = ALICE
    syncing: bool = False
    appointments: list[dict[str, Any]] = field(default_factory=list)
    announcements: list[dict[str, Any]] = field(default_factory=list)
    # Why those that are not scheduled are held, by their ids.
    held: dict[str, str] = field(default_factory=dict)
    volume: int = 60
    muted_until: str | None = None
    preferences: dict[str, Any] = field(
        default_factory=lambda: PreferencesResource.of(
            Preferences(reminder_minutes=(10,), dialect_en="pirate")
        ).model_dump()
    )
    readings: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, int | None]] = field(default_factory=list)
    google_zone: str | None = None
    problems: list[dict[str, str]] = field(default_factory=list)
    devices: dict[str, int] = field(default_factory=dict)
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
                if one["id"] not in self.held
            ],
        }
        ScheduleDocument.model_validate(document)
        return document

    async def stream(self) -> AsyncIterator[str]:
        version, call, ends = 0, self.calls, self.ends
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


def build(catflap: FakeApi) -> FastAPI:
    app = FastAPI()
    app.state.catflap = SimpleNamespace(paths=Paths(), settings=Settings())
    app.include_router(router)
    app.include_router(page_router)
    app.dependency_overrides[viewer] = lambda: catflap.viewer

    def refused(request: Request) -> Response | None:
        """Return the error for a call that is not authenticated, as the real API does."""
        path = request.url.path
        if not path.startswith("/v1/") or path.startswith(("/v1/device/", "/v1/sounds/", "/v1/dialects")):
            return None
        if catflap.ailing:
            return problem_of(DatabaseUnavailable("the fake API is ailing"))
        if catflap.viewer is None:
            return problem_of(BadRequest("unauthenticated", "Sign in first."))
        sent = request.headers.get("x-csrf-token")
        if sent != catflap.viewer.csrf_token and (sent is not None or request.method != "GET"):
            return problem_of(BadRequest("csrf", "Reload the page."))
        return None

    @app.middleware("http")
    async def dress(request: Request, handle: Callable[[Request], Awaitable[Response]]) -> Response:
        catflap.asked.append(f"{request.method} {request.url.path}")
        return refused(request) or await handle(request)

    @app.get("/v1/session")
    async def session() -> SessionLifetime:
        assert catflap.viewer is not None
        ends = catflap.now() + timedelta(days=90)
        return SessionLifetime(user_id=catflap.viewer.user_id, kind="cookie", expires_at=ends)

    @app.get("/v1/appointments")
    async def appointments() -> Today:
        return Today.model_validate(
            {
                "zone": catflap.preferences["zone"],
                "zone_source": catflap.preferences["zone_source"],
                "day": catflap.now().date().isoformat(),
                "appointments": [{**_BARE, **one} for one in catflap.appointments],
                "problems": catflap.problems,
                "syncing": catflap.syncing,
            }
        )

    @app.get("/v1/announcements")
    async def announcements() -> AnnouncementList:
        said = {ack["announcement"]: ack["state"] for ack in catflap.acks}
        listed = [
            {**one, **_UNTOLD, "state": said.get(one["id"], "ready")}
            | ({"state": "held", "held_for": catflap.held[one["id"]]} if one["id"] in catflap.held else {})
            for one in catflap.announcements
        ]
        return AnnouncementList.model_validate({"announcements": listed})

    @app.post("/v1/announcements/{id}/acknowledge")
    async def acknowledge(id: str) -> Response:
        catflap.reactions.append(("acknowledge", id, None))
        await catflap.noticed()
        return Response(status_code=204)

    @app.post("/v1/announcements/{id}/snooze")
    async def snooze(id: str, body: SnoozeBody) -> SnoozeResource:
        catflap.reactions.append(("snooze", id, body.minutes))
        await catflap.noticed()
        return SnoozeResource(play_at=catflap.now() + timedelta(minutes=body.minutes))

    @app.post("/v1/announcements/{id}/repeat")
    async def repeat(id: str) -> AnnouncementResource:
        catflap.reactions.append(("repeat", id, None))
        said = next(one for one in catflap.announcements if one["id"] == id)
        again = catflap.say(f"{id} again", catflap.now(), said["text"])
        again["kind"] = "repeat"
        await catflap.tell()
        return AnnouncementResource.model_validate({**again, **_UNTOLD, "state": "planned"})

    @app.put("/v1/mute")
    async def mute(body: MuteBody) -> MuteResource:
        catflap.mutes.append(body.lasts)
        until = ALWAYS if body.lasts == "always" else catflap.now() + timedelta(hours=1)
        catflap.muted_until = rfc3339(until)
        await catflap.tell()
        return MuteResource.of(until)

    @app.delete("/v1/mute")
    async def unmute() -> Response:
        catflap.mutes.append(None)
        catflap.muted_until = None
        await catflap.tell()
        return Response(status_code=204)

    @app.get("/v1/dialects")
    async def dialects() -> list[DialectResource]:
        return [DialectResource.model_validate(one) for one in DIALECTS]

    @app.get("/v1/preferences")
    async def preferences() -> PreferencesResource:
        return PreferencesResource.model_validate(catflap.preferences)

    @app.put("/v1/preferences")
    async def set_preferences(body: PreferencesBody) -> PreferencesResource:
        before = PreferencesBody.model_validate(catflap.preferences).applied_to(Preferences())
        catflap.preferences = PreferencesResource.of(body.applied_to(before)).model_dump()
        if body.zone is None:
            catflap.preferences["zone"] = catflap.google_zone or "UTC"
            catflap.preferences["zone_source"] = "google" if catflap.google_zone else "default"
        await catflap.noticed()
        return await preferences()

    @app.put("/v1/preferences/browser-zone")
    async def set_browser_zone(body: BrowserZone) -> PreferencesResource:
        if catflap.preferences["zone_source"] in ("default", "browser"):
            catflap.preferences |= {"zone": body.zone, "zone_source": "browser"}
        await catflap.noticed()
        return await preferences()

    @app.get("/v1/readings")
    async def readings() -> ReadingDictionary:
        return ReadingDictionary.of(dict(sorted(catflap.readings.items())))

    @app.patch("/v1/readings")
    async def change_readings(body: ReadingChanges) -> Response:
        for one in body.readings:
            if one.reading is None:
                catflap.readings.pop(one.word, None)
                continue
            try:
                word, reading = checked_entry(one.word, one.reading)
            except BadRequest as error:
                return problem_of(error)
            catflap.readings[word] = reading
        await catflap.noticed()
        return json_response(await readings())

    @app.post("/v1/say", status_code=201)
    async def say(body: SayBody) -> AnnouncementList:
        catflap.said.append((body.text, body.device))
        await catflap.noticed()
        return AnnouncementList(announcements=[])

    def device(id: int, token: str | None = None) -> DeviceResource:
        return DeviceResource.model_validate(
            {
                "id": id,
                "name": "Browser",
                "model": "browser",
                "volume": catflap.volume,
                "muted_until": catflap.muted_until,
                "audio": {"format": "wav", "rate": 16000},
                "last_seen_at": None,
                "online": True,
                "token": token,
            }
        )

    @app.post("/v1/devices", status_code=201)
    async def devices(body: DeviceBody) -> DeviceResource:
        id = len(catflap.devices) + 1
        catflap.devices[f"token-{id}"] = id
        return device(id, f"token-{id}")

    @app.patch("/v1/devices/{id}")
    async def adjust(id: int, body: DeviceChange) -> DeviceResource:
        if body.volume is not None:
            catflap.volume = body.volume
        if "muted_until" in body.model_fields_set:
            catflap.muted_until = rfc3339(body.muted_until) if body.muted_until else None
        await catflap.tell()
        return device(id)

    @app.delete("/v1/devices/{id}")
    async def unpair(id: int) -> Response:
        catflap.devices = {token: one for token, one in catflap.devices.items() if one != id}
        return Response(status_code=204)

    def is_device(request: Request) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return token in catflap.devices and "cookie" not in request.headers

    @app.get("/v1/device/schedule")
    async def schedule(request: Request) -> Response:
        if not is_device(request):
            return problem_of(BadRequest("unauthenticated", "This device is not paired."))
        catflap.streams += 1
        await catflap.noticed()
        return StreamingResponse(catflap.stream(), media_type="text/event-stream")

    @app.post("/v1/device/acks")
    async def acks(request: Request) -> Response:
        if not is_device(request):
            return problem_of(BadRequest("unauthenticated", "This device is not paired."))
        AckBody.model_validate(sent := await request.json())
        catflap.acks.append(sent)
        await catflap.noticed()
        return Response(status_code=204)

    @app.post("/v1/device/heartbeat")
    async def heartbeat(request: Request) -> Response:
        if not is_device(request):
            return problem_of(BadRequest("unauthenticated", "This device is not paired."))
        catflap.heartbeats += 1
        await catflap.noticed()
        return Response(status_code=204)

    @app.get("/sounds/{name}.wav")
    async def sound(name: str, request: Request) -> Response:
        if "cookie" in request.headers or "authorization" in request.headers:
            return problem_of(BadRequest("forbidden", "Fetch it without credentials."))
        cacheable = {"Cache-Control": "private, max-age=3600, immutable"}
        return Response(catflap.sounds[name], media_type="audio/wav", headers=cacheable)

    @app.post("/signout")
    async def signout(request: Request) -> Response:
        form = await request.form()
        if catflap.viewer is None or form.get("csrf_token") != catflap.viewer.csrf_token:
            return problem_of(BadRequest("csrf", "Reload the page."))
        await catflap.end_session()
        return RedirectResponse("/", 303)

    return app


@asynccontextmanager
async def open_fake_api(catflap: FakeApi) -> AsyncIterator[FakeApi]:
    """Serve the fake API on a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        catflap.url = f"http://localhost:{listener.getsockname()[1]}"
        # With its limit on how long open streams may keep it, as the real server has.
        async with serving(build(catflap), listener):
            yield catflap
            await catflap.close()
