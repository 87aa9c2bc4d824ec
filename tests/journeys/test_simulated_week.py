"""A week in which calendars are edited while Google and the worker fail at random: our copy stays true.

CATFLAP_WEEK_SEEDS=20 simulates more weeks, CATFLAP_WEEK_SEED=7 only this one, CATFLAP_WEEK_DAYS=2 shorter
ones; `-s` shows what happened. In weeks of an odd number Google sends notifications.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import asyncpg
import pytest
from structlog.testing import capture_logs

from catflap.store.database import Urls, asyncpg_options
from tests.support.app_client import running_app_of
from tests.support.simulated_week.comparison import (
    announcements,
    copy_ids,
    stored_calendars,
    stored_events,
    without_past,
)
from tests.support.simulated_week.week import (
    SETTINGS,
    SimulatedWeek,
    sign_everybody_in,
    simulated_week,
    titles_in,
)
from tests.support.simulated_week.work import Work

pytestmark = pytest.mark.slow

_ONE = os.environ.get("CATFLAP_WEEK_SEED")
SEEDS = [int(_ONE)] if _ONE else list(range(int(os.environ.get("CATFLAP_WEEK_SEEDS", "2"))))
_FAULT_RATES = (0.0, 0.02, 0.1, 0.4)
_CRASH_RATES = (0.0, 0.02, 0.2)


@pytest.fixture(params=SEEDS)
def seed(request: pytest.FixtureRequest) -> Iterator[int]:
    yield request.param


async def test_after_a_week_of_edits_and_faults_everything_is_as_if_read_anew(
    seed: int, database_urls: Urls, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    with capture_logs() as log:
        async with simulated_week(database_urls, tmp_path / "week", seed, has_push=seed % 2 == 1) as week:
            await week.begin()
            await _live_through(week, Random(f"{seed} hours"))
            await week.settle()
            sys.stdout.write(f"\nseed {seed}: {week.describe()}\n")
            assert not week.work.unexpected, week.work.unexpected
            assert week.faults == []
            await _compare(week, fresh_database_urls, tmp_path / "anew")
    assert not titles_in(str(log))


async def _live_through(week: SimulatedWeek, chance: Random) -> None:
    for _ in range(int(os.environ.get("CATFLAP_WEEK_DAYS", "7"))):
        await week.busy_hours(1, chance.choice(_FAULT_RATES), chance.choice(_CRASH_RATES))
        await week.quiet_hours(chance.randint(10, 11))
        await week.busy_hours(1, chance.choice(_FAULT_RATES), chance.choice(_CRASH_RATES))
        await week.quiet_hours(chance.randint(10, 11))


async def _compare(week: SimulatedWeek, urls: Urls, data_dir: Path) -> None:
    sandbox, clock = week.app.sandbox, week.clock
    async with running_app_of(sandbox, urls, clock, data_dir, **SETTINGS) as anew:
        await sign_everybody_in(anew)
        await copy_ids(week.app, anew)
        for row in await week.app.rows("SELECT * FROM app.preferences"):
            names, numbers = ", ".join(row.keys()), ", ".join(f"${n + 1}" for n in range(len(row)))
            await anew.rows(f"INSERT INTO app.preferences ({names}) VALUES ({numbers})", *row)
        database = await asyncpg.connect(**asyncpg_options(urls.owner))
        await Work(anew, database, Random(0)).run_jobs()
        await database.close()
        assert await stored_calendars(week.app) == await stored_calendars(anew)
        assert without_past(week.app, await stored_events(week.app)) == await stored_events(anew)
        assert await announcements(week.app) == await announcements(anew)
