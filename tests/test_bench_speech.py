"""The frame of the measures `speech.*`, without their figures."""

from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import speech
from bench.vault_stage import Stage
from catflap.speech import Engine, installed_engines, say_start
from catflap.store.tables import announcements


@pytest.mark.parametrize("engine", installed_engines(), ids=lambda engine: engine.id)
def test_an_engine_speaks_alone_as_in_its_own_program(engine: Engine) -> None:
    dialect = "kansai" if "ja" in engine.languages else "plain"
    alone = speech.EngineAlone(engine)
    try:
        said = [say_start(dialect, [title], speech.AT) for title in ("Lunch", "会議" * 20)]
        assert all(alone.milliseconds(one) > 0 for one in said)
    finally:
        alone.close()


async def test_every_text_of_the_measure_finds_its_sound(engine: AsyncEngine) -> None:
    rows = await speech.found(cast(Stage, SimpleNamespace(app_engine=engine)), count=7)
    assert all(value > 0 for value in rows.values())
    async with engine.connect() as connection:
        counted = select(announcements.c.state, func.count()).group_by(announcements.c.state)
        assert [tuple(row) for row in await connection.execute(counted)] == [("ready", 7)]
