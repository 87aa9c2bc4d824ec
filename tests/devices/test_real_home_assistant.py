"""With a real Home Assistant: it discovers our entities, its commands work, and it speaks on its speakers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from catflap.clock import FixedClock
from catflap.devices.channels.home_assistant_api import HomeAssistantApi, home_assistant_client
from catflap.errors import OperatorMustAct
from catflap.settings import Settings
from catflap.store.database import Urls
from tests.support.app_client import ALICE, Browser, RunningApp, running_app
from tests.support.home_assistant import HomeAssistant, needs_home_assistant, running_home_assistant
from tests.support.mosquitto import needs_mosquitto, running_mosquitto

pytestmark = [needs_home_assistant, needs_mosquitto, pytest.mark.slow]
PLAYER = "media_player.kitchen"


@dataclass
class Home:
    """A Home Assistant, a Catflap that uses it and its broker, and Alice, who is signed in."""

    assistant: HomeAssistant
    app: RunningApp
    alice: Browser

    async def call(self, domain: str, service: str, **data: Any) -> None:
        await self.assistant.api.call(domain, service, data)

    async def played(self, times: int) -> list[dict[str, Any]]:
        """Return what the player has played, when it has played so often."""
        found = await self.assistant.until(PLAYER, lambda one: len(one.attributes["played"]) >= times)
        return list(found.attributes["played"])


@pytest.fixture
async def home(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Home]:
    folders = [tmp_path / name for name in ("broker", "assistant", "catflap")]
    for folder in folders:
        folder.mkdir()
    async with (
        asyncio.timeout(240),
        running_mosquitto(folders[0]) as broker,
        running_home_assistant(folders[1], broker.port) as assistant,
    ):
        chosen = {"mqtt_url": SecretStr(broker.url), "home_assistant_discovery": ("device", "components")}
        chosen |= {"allowed_emails": (ALICE,), **assistant.settings}
        async with running_app(database_urls, clock, folders[2], **chosen) as app:
            alice = await app.browser()
            await alice.sign_in()
            yield Home(assistant, app, alice)


@contextlib.asynccontextmanager
async def _going(clock: FixedClock) -> AsyncIterator[None]:
    """Let the clock go on, because what has no sound yet is tried again each second."""

    async def advance() -> None:
        while True:
            clock.advance(timedelta(milliseconds=100))
            await asyncio.sleep(0.1)

    task = asyncio.create_task(advance())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_discovers_our_entities_and_they_speak_repeat_and_mute_on_its_speaker(home: Home) -> None:
    (speaker,) = (await home.alice.get("/v1/speakers")).json()["speakers"]
    assert (speaker["entity"], speaker["name"], speaker["resumes"]) == (PLAYER, "Kitchen", True)
    body = {"entity": PLAYER, "name": "Mia", "volume": 40}
    assert (await home.alice.send("POST", "/v1/speakers", json=body)).status_code == 201
    async with home.app.catflap.work(), _going(home.app.clock):
        until = home.assistant.until
        appointment = await until("sensor.mia_next_appointment", lambda one: one.state != "unavailable")
        assert appointment.attributes["device_class"] == "timestamp"
        assert (await until("number.mia_volume", lambda one: one.state != "unknown")).state == "40"
        await until("binary_sensor.mia_connected", lambda one: one.state == "on")

        await until("text.mia_say", lambda one: one.state != "unavailable")
        await home.call("text", "set_value", entity_id="text.mia_say", value="Dinner is ready!")
        (said,) = await home.played(1)
        rows = await home.app.rows(
            "SELECT s.sha256, s.bytes FROM app.announcements a JOIN app.sounds s ON s.key = a.sound_key"
            " WHERE a.display LIKE '%Dinner is ready!%'"
        )
        assert said == {
            "media_type": "music",
            "announce": True,
            "content_type": "audio/wav",
            "sha256": rows[0]["sha256"],
            "bytes": rows[0]["bytes"],
        }
        spoken = await until("event.mia_announcement", lambda one: one.attributes["event_type"] == "played")
        assert spoken.state != "unknown"

        await home.call("button", "press", entity_id="button.mia_repeat")
        assert [one["sha256"] for one in await home.played(2)] == [rows[0]["sha256"]] * 2

        await home.call("switch", "turn_on", entity_id="switch.mia_do_not_disturb")
        await until("switch.mia_do_not_disturb", lambda one: one.state == "on")
        (device,) = (await home.alice.get("/v1/devices")).json()["devices"]
        assert device["muted_until"] is not None
    spoken_now = "SELECT state FROM app.announcements WHERE kind IN ('say', 'repeat')"
    assert [row["state"] for row in await home.app.rows(spoken_now)] == ["played", "played"]
    assert (await home.assistant.api.state(PLAYER)).attributes["volumes"][0] == 0.4
    assert home.assistant.token not in await home.app.dump()


async def test_it_answers_as_the_one_that_other_tests_use(home: Home) -> None:
    api = home.assistant.api
    assert await api.state("media_player.gone") is None
    assert await api.rooms([PLAYER, "media_player.gone"]) == ["", ""]
    # The media player can't fetch this.
    data = {"entity_id": PLAYER, "media_content_type": "music", "announce": True}
    for content in ({}, {"media_content_id": f"{home.app.origin}/v1/sounds/none.wav"}):
        with pytest.raises(OperatorMustAct) as caught:
            await api.call("media_player", "play_media", {**data, **content})
        assert caught.value.code == "home_assistant_refused"
    # Older than the service.
    with pytest.raises(OperatorMustAct) as caught:
        await api.call("assist_satellite", "announce", {"entity_id": "assist_satellite.hall"})
    assert caught.value.code == "home_assistant_refused"
    async with home_assistant_client(Settings.read()) as http:
        stranger = HomeAssistantApi(http, home.assistant.url, SecretStr("another"))
        with pytest.raises(OperatorMustAct) as caught:
            await stranger.states()
    assert caught.value.code == "home_assistant_token_refused"
