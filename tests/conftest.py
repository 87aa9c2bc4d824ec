"""Fixtures that most tests use: a database pool as the app's role, a user, a running app."""

import gc
import os
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.store.database import Urls, connect
from catflap.store.tables import users
from tests.support.app_client import RunningApp, running_app
from tests.support.scheduling import GroupScheduling
from tests.support.voices import quick_voices
from tests.support.wheel import InstalledWheel, install_wheels

# The same examples in each run, so that red is about the change; HYPOTHESIS_PROFILE=explore looks further.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# For each application and command of a test; tests of Kokoro name it.
os.environ["CATFLAP_VOICES"] = quick_voices()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is imported for tests out of garbage collections, as `catflap serve` does."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling | None:
    """Keep each group of tests in one worker."""
    return GroupScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> InstalledWheel:
    """The wheels of this checkout in a virtual environment; one for all workers of a run."""
    folder = tmp_path_factory.getbasetemp()
    return install_wheels((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "installed")


@pytest.fixture
async def engine(database_urls: Urls) -> AsyncIterator[AsyncEngine]:
    """A pool as the app's role, on a fresh database."""
    pool = connect(database_urls.app)
    yield pool
    await pool.dispose()


@pytest.fixture
async def user_id(engine: AsyncEngine, clock: FixedClock) -> int:
    """A user without accounts; its id."""
    async with engine.begin() as connection:
        made = insert(users).values(created_at=clock.now()).returning(users.c.id)
        return int((await connection.execute(made)).scalar_one())


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    """A running Catflap on a real socket, with a sandbox Google."""
    async with running_app(database_urls, clock, tmp_path) as opened:
        yield opened
