"""A scripted device: pairs, reads its schedule, fetches each sound and acknowledges it.

It sends the HTTP requests of a real device, on a clock that it advances itself.
"""

import hashlib
import io
import json
import secrets
import wave
from datetime import datetime
from typing import Any

import httpx2

from catflap.cli.demo.client import DemoClient
from catflap.clock import FixedClock, rfc3339
from catflap.errors import OperatorMustAct


class VirtualDevice:
    """A device that uses the HTTP API."""

    def __init__(self, http: httpx2.AsyncClient, origin: str, clock: FixedClock) -> None:
        self._http = http
        self._origin = origin
        self._clock = clock
        self._secret = secrets.token_urlsafe(32)

    async def pair(self, owner: DemoClient) -> None:
        """Create a pairing request and have the owner enter its code."""
        body = {
            "token_sha256": hashlib.sha256(self._secret.encode()).hexdigest(),
            "model": "catflap virtual device",
        }
        response = await self._http.post(self._origin + "/v1/pairings", json=body)
        response.raise_for_status()
        await owner.send("POST", "/v1/devices", {"code": response.json()["code"], "name": "Virtual Mia"})

    async def schedule(self) -> dict[str, Any]:
        """Return the first document of the stream that is planned and has every sound."""
        headers = {**self._headers(), "Accept": "text/event-stream"}
        url = self._origin + "/v1/device/schedule"
        async with self._http.stream("GET", url, headers=headers, timeout=60) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    document: dict[str, Any] = json.loads(line.removeprefix("data: "))
                    if document["version"] > 0 and all(one["audio"] for one in document["announcements"]):
                        return document
        raise OperatorMustAct("schedule_ended", "The schedule ended before it was complete.")

    async def play(self, announcement: dict[str, Any]) -> tuple[bytes, float]:
        """Fetch the sound, advance the clock to `play_at`, acknowledge; return the WAV and its seconds."""
        audio = announcement["audio"]
        response = await self._http.get(audio["url"])
        response.raise_for_status()
        wav = response.content
        if hashlib.sha256(wav).hexdigest() != audio["sha256"] or len(wav) != audio["bytes"]:
            raise OperatorMustAct("sound_broken", "A sound is not the one that the schedule promised.")
        with wave.open(io.BytesIO(wav)) as sound:
            seconds = sound.getnframes() / sound.getframerate()
        self._clock.advance_to(datetime.fromisoformat(announcement["play_at"]))
        body = {"announcement": announcement["id"], "state": "played", "at": rfc3339(self._clock.now())}
        ack = await self._http.post(self._origin + "/v1/device/acks", json=body, headers=self._headers())
        ack.raise_for_status()
        return wav, round(seconds, 3)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._secret}"}
