"""Speakers of Home Assistant are online while it reaches them, and what is wrong is told once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.clock import FixedClock
from catflap.devices.channels.home_assistant_api import HomeAssistantApi, home_assistant_client
from catflap.devices.channels.home_assistant_presence import SpeakerPresence
from catflap.devices.devices import Devices
from catflap.settings import Settings
from catflap.store.tables import devices
from tests.support.fake_home_assistant import PLAIN, PLAYER, TOKEN, FakeHomeAssistant, fake_home_assistant


class Stage:
    """Speakers of a user, and their presence."""

    def __init__(self, engine: AsyncEngine, clock: FixedClock, api: HomeAssistantApi, user_id: int) -> None:
        self.engine, self.clock, self.user_id = engine, clock, user_id
        self.presence = SpeakerPresence(engine, clock, api)

    async def add(self, entity: str) -> None:
        made, _ = await Devices(self.engine, self.clock).add_browser(self.user_id, entity)
        values = {"channel": "home_assistant", "entity": entity}
        async with self.engine.begin() as connection:
            await connection.execute(update(devices).where(devices.c.id == made.id).values(values))

    async def seen_now(self) -> set[str]:
        query = select(devices.c.entity).where(devices.c.last_seen_at == self.clock.now())
        async with self.engine.connect() as connection:
            return set(await connection.scalars(query))


@pytest.fixture
async def home() -> AsyncIterator[FakeHomeAssistant]:
    async with fake_home_assistant() as opened:
        yield opened


@pytest.fixture
async def stage(
    home: FakeHomeAssistant, engine: AsyncEngine, clock: FixedClock, user_id: int
) -> AsyncIterator[Stage]:
    async with home_assistant_client(Settings.read()) as http:
        yield Stage(engine, clock, HomeAssistantApi(http, home.url, SecretStr(TOKEN)), user_id)


async def test_speakers_that_home_assistant_reaches_are_online(stage: Stage, home: FakeHomeAssistant) -> None:
    await stage.add(PLAYER)
    await stage.add(PLAIN)
    await stage.presence.step()
    assert await stage.seen_now() == {PLAYER, PLAIN}
    home.set(PLAIN, "unavailable")
    stage.clock.advance(timedelta(seconds=15))
    await stage.presence.step()
    assert await stage.seen_now() == {PLAYER}


async def test_without_a_speaker_home_assistant_is_not_asked(stage: Stage, home: FakeHomeAssistant) -> None:
    await stage.presence.step()
    assert home.paths == []


async def test_a_wrong_token_is_told_once_and_seldom_sent(stage: Stage, home: FakeHomeAssistant) -> None:
    """Each attempt counts there as one to log in."""
    await stage.add(PLAYER)
    home.token = "another"
    with capture_logs() as logs:
        pauses = [await stage.presence.step() for _ in range(3)]
        home.token = TOKEN
        pauses.append(await stage.presence.step())
    assert [(one["event"], one.get("code")) for one in logs] == [
        ("home_assistant_failed", "home_assistant_token_refused"),
        ("home_assistant_works_again", None),
    ]
    assert "CATFLAP_HOME_ASSISTANT_TOKEN" in logs[0]["hint"] and TOKEN not in str(logs)
    assert pauses == [600.0, 600.0, 600.0, 15.0]
    assert await stage.seen_now() == {PLAYER}


async def test_home_assistant_away_is_asked_again_soon(stage: Stage, home: FakeHomeAssistant) -> None:
    await stage.add(PLAYER)
    await home.close()
    with capture_logs() as logs:
        assert await stage.presence.step() == 15.0
    assert [one["code"] for one in logs] == ["home_assistant_unavailable"]
