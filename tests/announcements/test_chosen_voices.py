"""A change of pitch or engine reaches the sounds of what is planned, and no other."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planned import voice_for
from catflap.announcements.planner import Planner
from catflap.announcements.preference_store import load_preferences, save_preferences
from catflap.announcements.rendering import Renderer
from catflap.clock import FixedClock
from catflap.speech import Speech, VoiceChoice, Voices, choose_engines, installed_voices
from catflap.store.tables import announcements, sounds
from tests.support.sandbox_calendar import SUB, Served
from tests.support.voices import quick_engines


class Day:
    """A user with an English and a Japanese appointment, and what is planned of them."""

    def __init__(self, engine: AsyncEngine, clock: FixedClock, user_id: int) -> None:
        self.engine, self.clock, self.user_id = engine, clock, user_id

    async def choose(self, **voice: Any) -> None:
        async with self.engine.begin() as connection:
            before = await load_preferences(connection, self.user_id)
            chosen = replace(before, **voice)
            await save_preferences(connection, self.user_id, chosen, self.clock.now())

    async def plan(self, voices: Voices | None = None) -> dict[str, Any]:
        """Plan, and return the rows of the reminders by their dialects."""
        await Planner(self.engine, self.clock, voices).plan_user(self.user_id)
        query = select(announcements).where(announcements.c.kind == "before")
        async with self.engine.connect() as connection:
            return {row.dialect: row for row in await connection.execute(query)}

    async def have_rendered(self, keys: set[str]) -> None:
        rest = {"wav": b"RIFF", "sha256": "", "bytes": 4, "seconds": 1.0, "used_at": self.clock.now()}
        async with self.engine.begin() as connection:
            await connection.execute(insert(sounds), [{"key": key, **rest} for key in keys])

    async def to_render(self) -> set[str]:
        """Return the keys of sounds that were to be rendered since the last time."""
        taken = text("DELETE FROM queue.pgqueuer WHERE entrypoint = 'render' RETURNING payload")
        async with self.engine.begin() as connection:
            return {bytes(row.payload).decode() for row in await connection.execute(taken)}


@pytest.fixture
async def day(engine: AsyncEngine, clock: FixedClock, google: Served, account: int, device_id: int) -> Day:
    google.insert("Standup", clock.now() + timedelta(hours=3))
    google.insert("会議", clock.now() + timedelta(hours=4))
    await google.calendars(engine, clock).sync_account(account, SUB)
    return Day(engine, clock, account)


async def test_another_pitch_gives_all_that_is_planned_other_sounds(day: Day) -> None:
    before = await day.plan()
    await day.to_render()
    await day.choose(pitch=3)
    after = await day.plan()
    assert {row.pitch for row in after.values()} == {3}
    assert {one: row.spoken for one, row in after.items()} == {one: row.spoken for one, row in before.items()}
    keys = {row.sound_key for row in after.values()}
    assert not keys & {row.sound_key for row in before.values()}
    assert await day.to_render() >= keys
    assert await day.plan() == after
    assert await day.to_render() == set()


async def test_another_engine_of_a_language_leaves_the_sounds_of_the_other(day: Day) -> None:
    before = await day.plan()
    await day.have_rendered(await day.to_render())
    await day.choose(engine_en="espeak")
    after = await day.plan()
    assert after["kitten"].sound_key != before["kitten"].sound_key
    assert after["kansai"].sound_key == before["kansai"].sound_key
    assert before["kansai"].sound_key not in await day.to_render()


async def test_an_engine_that_is_gone_is_replaced_by_the_best(day: Day) -> None:
    best = await day.plan()
    await day.choose(engine_en="espeak", engine_ja="festival")
    chosen = await day.plan()
    without = choose_engines(quick_engines(), [one.id for one in quick_engines() if one.id != "espeak"])
    after = await day.plan(Voices(without))
    assert after["kitten"].sound_key not in (chosen["kitten"].sound_key, best["kitten"].sound_key)
    assert after["kansai"].sound_key == best["kansai"].sound_key


async def test_a_plan_has_the_keys_of_the_engines_of_the_installation(day: Day) -> None:
    espeak = Voices(choose_engines(quick_engines(), ["espeak"]))
    row = (await day.plan(espeak))["kitten"]
    assert row.sound_key == espeak.content_key(row.spoken, await _voice(day))
    assert row.sound_key != installed_voices().content_key(row.spoken, await _voice(day))


async def test_a_sound_is_rendered_in_the_voice_of_its_announcement(day: Day) -> None:
    await day.choose(engine_en="espeak")
    speech = Speech(engines=quick_engines())
    sizes = []
    try:
        for pitch in (0, 6):
            await day.choose(pitch=pitch)
            row = (await day.plan())["kitten"]
            await Renderer(day.engine, day.clock, speech).render(row.sound_key)
            async with day.engine.connect() as connection:
                wav = await connection.scalar(select(sounds.c.wav).where(sounds.c.key == row.sound_key))
            direct = await speech.synthesise(row.spoken, await _voice(day))
            assert wav == direct.wav
            sizes.append(direct.sha256)
    finally:
        await speech.aclose()
    assert len(set(sizes)) == 2


async def _voice(day: Day) -> VoiceChoice:
    return voice_for(await load_preferences(day.engine, day.user_id), "en")
