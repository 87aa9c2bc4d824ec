"""`catflap status` tells the operator how far behind calendars are, and changes nothing."""

import asyncio
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.budget_windows import start_of, window_of
from catflap.clock import SystemClock
from catflap.settings import Settings
from catflap.store.calendar_tables import calendar_syncs, calendars, push_channels, request_budgets
from catflap.store.connect import open_database
from catflap.store.database import Urls, asyncpg_options
from catflap.store.queue import enqueue
from catflap.store.task_types import SYNC_DUE, AccountKey
from tests.support.fake_home_assistant import TOKEN, fake_home_assistant
from tests.support.processes import run_command
from tests.support.sandbox_calendar import SUB, add_account

pytestmark = pytest.mark.slow
_BARE = {name: value for name, value in os.environ.items() if not name.startswith(("CATFLAP_", "GOOGLE_"))}


def on(urls: Urls, data_dir: Path) -> dict[str, str]:
    """The environment of a command on a database of the operator's own."""
    return {
        **_BARE,
        "CATFLAP_DATA_DIR": str(data_dir),
        "CATFLAP_DATABASE_URL": urls.app.render_as_string(hide_password=False),
        "CATFLAP_VAULT_DATABASE_URL": urls.vault.render_as_string(hide_password=False),
        "CATFLAP_PUBLIC_URL": "https://catflap.example.com",
    }


@pytest.fixture
async def behind(engine: AsyncEngine, user_id: int) -> None:
    """An account that is late, with four calendars and a job, and requests of this minute."""
    now = SystemClock().now()
    await add_account(engine, user_id, now)
    mine = {"user_id": user_id, "account_sub": SUB}
    calendar = {
        **mine,
        "summary": "Secret plans",
        "time_zone": "UTC",
        "is_primary": False,
        "sync_due_at": now,
    }
    async with engine.begin() as connection:
        due = {"due_at": now - timedelta(seconds=90), "list_due_at": now, "failures": 0}
        await connection.execute(insert(calendar_syncs).values(**mine, **due))
        rows = [{**calendar, "google_id": f"c{n}@example.com", "is_selected": n < 4} for n in range(5)]
        ids = (await connection.scalars(insert(calendars).returning(calendars.c.id), rows)).all()
        read = update(calendars).where(calendars.c.id.in_(ids[:3]))
        await connection.execute(read.values(synced_at=now))
        failing = update(calendars).where(calendars.c.id == ids[3])
        refused = {
            "problem": "google_refused",
            "problem_since": now,
            "push_refused_until": now + timedelta(1),
        }
        await connection.execute(failing.values(**refused))
        channel = {**mine, "is_list": False, "address": "", "token_hash": b"", "created_at": now}
        ends = (timedelta(days=6), timedelta(hours=2))
        opened = [
            {**channel, "id": str(n), "calendar_id": ids[n], "resource_id": "r", "expires_at": now + ends[n]}
            for n in range(2)
        ]
        await connection.execute(insert(push_channels), opened)
        await enqueue(connection, SYNC_DUE, AccountKey(user_id, SUB))
        # Of a process whose clock is ahead, so that they count for as long as this test takes.
        window = start_of(window_of(now) + 15)
        used = {"window_at": window, "used": 5, "polled": 4, "refused": 2}
        await connection.execute(insert(request_budgets).values(used))


async def status(environment: dict[str, str], *options: str) -> tuple[int, str, str]:
    where = Path(environment["CATFLAP_DATA_DIR"])
    done = await asyncio.to_thread(run_command, "status", *options, cwd=where, environment=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.usefixtures("behind")
async def test_it_says_what_is_late_and_what_is_left(database_urls: Urls, tmp_path: Path) -> None:
    code, out, _ = await status(on(database_urls, tmp_path))
    assert code == 0
    first, *lines = out.splitlines()
    assert first.startswith("Catflap is running")
    assert lines[0] == "Calendars  1 account, 3 of 4 selected calendars read"
    late = re.fullmatch(r"Due now    1 account, the oldest for (\d+) s", lines[1])
    assert late
    assert int(late[1]) >= 90
    assert lines[2] == (
        "Push       2 calendars with a channel (1 end within a day), 1 without, 1 for which Google has none"
    )
    assert lines[3] == (
        "Google     5 of 10,000 requests in the last minute (4 to poll), 9,995 left; "
        "2 were refused in the last 10 minutes"
    )
    assert lines[4].startswith("Jobs       sync_due: 1 waiting, the oldest for ")
    assert lines[5].startswith("Problems   google_refused: 1 calendar, the latest since ")
    assert len(lines) == 6


@pytest.mark.usefixtures("behind")
async def test_programs_get_json_without_titles_and_addresses(database_urls: Urls, tmp_path: Path) -> None:
    code, out, _ = await status(on(database_urls, tmp_path), "--json")
    assert code == 0
    found = json.loads(out)
    assert found["requests"]["left"] == 9995
    assert found["push"] == {"live": 2, "expiring": 1, "refused": 1, "missing": 1}
    assert found["problems"][0]["code"] == "google_refused"
    assert found["due"] == 1
    assert "Secret" not in out
    assert "example.com" not in out


@pytest.mark.usefixtures("behind")
@pytest.mark.parametrize("token", [TOKEN, "a-revoked-token"])
async def test_it_says_whether_home_assistant_takes_the_token(
    database_urls: Urls, tmp_path: Path, token: str
) -> None:
    async with fake_home_assistant() as home:
        environment = {
            **on(database_urls, tmp_path),
            "CATFLAP_HOME_ASSISTANT_URL": home.url,
            "CATFLAP_HOME_ASSISTANT_TOKEN": token,
            "CATFLAP_ALLOWED_EMAILS": "alice@example.com",
        }
        done = await asyncio.to_thread(run_command, "status", cwd=tmp_path, environment=environment)
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("Speakers")]
    assert ("Home Assistant answers" in line) == (token == TOKEN)
    assert ("CATFLAP_HOME_ASSISTANT_TOKEN" in line) == (token != TOKEN)
    assert token not in done.stdout + done.stderr


async def test_it_changes_nothing(engine: AsyncEngine, database_urls: Urls, tmp_path: Path) -> None:
    before = await _stored(engine)
    code, _, _ = await status(on(database_urls, tmp_path))
    assert code == 0
    assert await _stored(engine) == before
    assert _files(tmp_path) == []


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def _stored(engine: AsyncEngine) -> list[str]:
    tables = (
        "app.calendar_syncs",
        "app.calendars",
        "app.push_channels",
        "app.request_budgets",
        "queue.pgqueuer",
    )
    async with engine.connect() as connection:
        return [
            row for name in tables for row in await connection.scalars(text(f"SELECT t::text FROM {name} t"))
        ]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory outside pytest's folder: as root, the next session shuts that to PostgreSQL's user."""
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


async def test_it_says_that_there_is_no_database(data_dir: Path) -> None:
    code, _, err = await status({**_BARE, "CATFLAP_DATA_DIR": str(data_dir)})
    assert code == 3
    assert "There is no database" in err
    assert _files(data_dir) == []


async def test_it_works_with_the_embedded_database_and_says_that_nothing_is_running(data_dir: Path) -> None:
    environment = {**_BARE, "CATFLAP_DATA_DIR": str(data_dir)}
    async with AsyncExitStack() as stack:
        settings = Settings(data_dir=data_dir)
        await open_database(settings, stack)
        code, out, _ = await status(environment)
        assert code == 0, "beside the process that has started it"
    code, out, _ = await status(environment)
    assert code == 0
    assert out.startswith("Nothing is running")
    assert "Push       off" in out


async def test_it_says_who_brings_an_embedded_database_of_another_version_up_to_date(data_dir: Path) -> None:
    async with AsyncExitStack() as stack:
        urls = await open_database(Settings(data_dir=data_dir), stack)
        connection = await asyncpg.connect(**asyncpg_options(urls.owner))
        await connection.execute("ALTER TABLE app.calendars DROP COLUMN sync_due_at")
        await connection.close()
        code, _, err = await status({**_BARE, "CATFLAP_DATA_DIR": str(data_dir)})
    assert code == 3
    assert "`catflap serve`" in err
    assert "catflap migrate" not in err
