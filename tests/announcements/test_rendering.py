"""Each sound is rendered once, and announcements fail when it can't be."""

import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.rendering import Renderer
from catflap.clock import FixedClock
from catflap.devices.devices import Devices
from catflap.errors import CatflapError, OperatorMustAct, TryAgain
from catflap.speech import Sound, Speech, VoiceChoice
from catflap.store.tables import announcements, sounds
from tests.support.counted import Counted


@dataclass
class Voice:
    """Speech that returns at once, or raises an error."""

    fault: CatflapError | None = None
    said: list[str] = field(default_factory=list)

    async def synthesise(self, spoken: str, voice: VoiceChoice) -> Sound:
        self.said.append(spoken)
        if self.fault is not None:
            raise self.fault
        return Sound(b"RIFF", "0" * 64, 1.0)


@pytest.fixture
async def waiting_announcements(engine: AsyncEngine, clock: FixedClock, user_id: int) -> None:
    """Two announcements that wait for the same sound."""
    device, _ = await Devices(engine, clock).add_browser(user_id, "Browser")
    rows = [
        {
            "id": name,
            "user_id": user_id,
            "device_id": device.id,
            "key": name,
            "kind": "before",
            "state": "planned",
            "play_at": clock.now(),
            "expires_at": clock.now() + timedelta(minutes=10),
            "titles": [],
            "event_start": "",
            "dialect": "plain",
            "display": "",
            "spoken": "Tea.",
            "sound_key": "k",
            "updated_at": clock.now(),
        }
        for name in ("a", "b")
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(announcements), rows)


def renderer(engine: AsyncEngine, clock: FixedClock, voice: Voice) -> Renderer:
    return Renderer(engine, clock, cast(Speech, voice))


async def states(engine: AsyncEngine) -> set[tuple[str, str | None]]:
    async with engine.connect() as connection:
        rows = await connection.execute(select(announcements.c.state, announcements.c.detail))
        return {(row.state, row.detail) for row in rows}


@pytest.mark.usefixtures("waiting_announcements")
async def test_announcements_with_one_text_share_one_sound(engine: AsyncEngine, clock: FixedClock) -> None:
    voice = Voice()
    for _ in range(2):
        await renderer(engine, clock, voice).render("k")
    assert voice.said == ["Tea."]
    assert await states(engine) == {("ready", None)}
    async with engine.connect() as connection:
        assert (await connection.scalars(select(sounds.c.key))).all() == ["k"]


@pytest.mark.usefixtures("waiting_announcements")
async def test_announcements_fail_when_their_sound_cannot_be_rendered(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    with pytest.raises(OperatorMustAct):
        await renderer(engine, clock, Voice(OperatorMustAct("no_voice", "install one"))).render("k")
    assert await states(engine) == {("failed", "no_voice")}


@pytest.mark.usefixtures("waiting_announcements")
async def test_announcements_stay_planned_while_rendering_is_retried(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    with pytest.raises(TryAgain):
        await renderer(engine, clock, Voice(TryAgain("speech_timeout", "later"))).render("k")
    assert await states(engine) == {("planned", None)}


@pytest.mark.usefixtures("waiting_announcements")
async def test_a_sound_that_exists_is_not_rendered_for_other_announcements(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    voice = Voice()
    row = {"key": "k", "wav": b"RIFF", "sha256": "", "bytes": 4, "seconds": 1.0, "used_at": clock.now()}
    async with engine.begin() as connection:
        await connection.execute(insert(sounds), [row])
    await renderer(engine, clock, voice).render("k")
    assert voice.said == []
    assert await states(engine) == {("ready", None)}


async def test_nothing_is_rendered_that_no_announcement_waits_for(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    voice = Voice()
    await renderer(engine, clock, voice).render("k")
    assert voice.said == []


@pytest.mark.usefixtures("waiting_announcements")
async def test_what_is_rendered_is_counted_by_how_it_ended(engine: AsyncEngine, clock: FixedClock) -> None:
    counted = Counted()
    for voice in (Voice(TryAgain("speech_timeout", "later")), Voice(), Voice()):
        with contextlib.suppress(TryAgain):
            await Renderer(engine, clock, cast(Speech, voice), counted).render("k")
    assert counted == {("renders", "speech_timeout"): 1, ("renders", "succeeded"): 1}


@pytest.mark.usefixtures("waiting_announcements")
async def test_each_announcement_that_can_not_be_said_counts_as_failed(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    counted = Counted()
    voice = Voice(OperatorMustAct("no_voice", "install one"))
    with pytest.raises(OperatorMustAct):
        await Renderer(engine, clock, cast(Speech, voice), counted).render("k")
    assert counted == {("renders", "no_voice"): 1, ("announcements", "failed"): 2}
