"""Announcements with sounds for one paired device of a running app."""

import hashlib
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from catflap.announcements.repository import increment_version
from tests.support.app_client import Browser, RunningApp
from tests.support.spoken import add_announcement
from tests.support.tone import tone_wav


class DeviceOwner:
    """A user with a device that the firmware is, and what is planned for it."""

    def __init__(self, app: RunningApp, browser: Browser) -> None:
        self.app = app
        self.browser = browser
        self.user_id = 0
        self.device_id = 0
        self.token = "a-token-that-a-test-made-up"

    @classmethod
    async def sign_in(cls, app: RunningApp) -> "DeviceOwner":
        """A signed-in user without a device."""
        browser = await app.browser()
        await browser.sign_in()
        owner = cls(app, browser)
        (row,) = await app.rows("SELECT id FROM app.users")
        owner.user_id = row["id"]
        return owner

    async def claim(self, code: str) -> None:
        """Enter the code that a device says."""
        made = await self.browser.send("POST", "/v1/devices", json={"code": code})
        assert made.status_code == 201, made.text
        self.device_id = made.json()["id"]
        # What it says of that is of no concern to tests of the firmware.
        await self.app.rows("DELETE FROM app.announcements WHERE kind = 'paired'")
        await self.set(volume=100)

    async def pair(self, **more: Any) -> dict[str, Any]:
        """Pair a device without saying its code; return what it has in state.json."""
        digest = hashlib.sha256(self.token.encode()).hexdigest()
        body = {"token_sha256": digest, "model": "Mia", **more}
        pairing = await self.app.client.post("/v1/pairings", json=body)
        assert pairing.status_code == 201, pairing.text
        await self.claim(pairing.json()["code"])
        # In seconds after the tests' time, so that it is not rotated.
        return {"token": self.token, "device": self.device_id, "token_at": 4_000_000_000_000}

    async def set(self, **changes: Any) -> None:
        """Change the device on the page."""
        changed = await self.browser.send("PATCH", f"/v1/devices/{self.device_id}", json=changes)
        assert changed.status_code == 200, changed.text

    async def plan(self, name: str, play_at: datetime, wav: bytes | None = None, **more: Any) -> bytes:
        """Plan an announcement with a sound, and notify the device; return the sound."""
        # Each has a sound of its own.
        wav = wav or tone_wav(0.2 + crc32(name.encode()) % 1000 / 4000)
        key, engine = f"sound of {name}", self.app.catflap.services.engine
        digest = more.pop("sha256", hashlib.sha256(wav).hexdigest())
        await self.app.rows(
            "INSERT INTO app.sounds (key, wav, sha256, bytes, seconds, used_at)"
            " VALUES ($1, $2, $3, $4, 1.0, $5) ON CONFLICT DO NOTHING",
            *(key, wav, digest, len(wav), self.app.clock.now()),
        )
        await add_announcement(
            engine,
            self.user_id,
            self.device_id,
            play_at,
            **{"id": name, "state": "ready", "sound_key": key, **more},
        )
        await self.tell()
        return wav

    async def cancel(self, name: str) -> None:
        """Cancel an announcement, and notify the device."""
        await self.app.rows("UPDATE app.announcements SET state = 'cancelled' WHERE id = $1", name)
        await self.tell()

    async def tell(self) -> None:
        """Give the schedule a new version."""
        async with self.app.catflap.services.engine.begin() as connection:
            await increment_version(connection, self.device_id)

    async def states(self) -> dict[str, str]:
        """Return the state of each announcement."""
        rows = await self.app.rows("SELECT id, state FROM app.announcements")
        return {row["id"]: row["state"] for row in rows}

    def in_(self, **delta: float) -> datetime:
        """Return a time after the app's."""
        return self.app.clock.now() + timedelta(**delta)
