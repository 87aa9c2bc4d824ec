"""A year later: an old database in an old PostgreSQL, and a new version that starts on it."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from google_sandbox import Sandbox
from tests.support import old_installation
from tests.support.served import Home, home
from tests.support.wheel import InstalledWheel

pytestmark = pytest.mark.slow

SQL = Path(old_installation.__file__).with_name("schema_0016.sql")
# Of the rows in that file.
SESSION, DEVICE = "a session of 0016", "a device of 0016"
LATER = 8 * 24 * 3600


@pytest.fixture
def old(installed: InstalledWheel, google_sandbox: Sandbox) -> Iterator[Home]:
    """An installation of PostgreSQL 16 and tables of version 0016."""
    # Not under pytest's folder: run as root, the next pytest to start shuts that to PostgreSQL's user.
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as folder:
        made = home(installed, google_sandbox, Path(folder) / "data", CATFLAP_CALENDARS="true")
        subprocess.run(
            [installed.python, old_installation.__file__, made.data_dir, SQL],
            cwd=folder,
            env={**made.environment, "PGSERVER_POSTGRES_VERSION": "16"},
            check=True,
            timeout=120,
        )
        assert _version(made) == "16"
        yield made


def test_a_new_version_starts_on_an_old_database_however_often_it_was_killed(old: Home) -> None:
    assert "catflap serve" in old.refusal("status", code=3)
    for step in ("1 of 3", "2 of 3"):
        _killed_at(step, old)
        assert _version(old) == "16"
    with old.serve("--no-worker") as origin:
        _is_all_there(origin)
    assert _version(old) == "18"
    log = old.data_dir.with_name("data.log").read_text()
    assert "embedded_postgres_upgrade_begins" in log and "3 of 3" in log
    assert _kept(old) == {"postgres", "postgres.16", "secrets"}

    # As if it had been killed between the two renames, a week and a day ago.
    (old.data_dir / "postgres").rename(old.data_dir / "postgres.upgraded")
    long_ago = time.time() - LATER
    os.utime(old.data_dir / "postgres.16", (long_ago, long_ago))
    keys = old.run("apikeys", "list")
    assert "shop" in keys.stdout, keys.stderr
    assert _kept(old) == {"postgres", "secrets"}


def _kept(old: Home) -> set[str]:
    """What is in the data directory, but for files of locks."""
    return {one.name for one in old.data_dir.iterdir() if not one.name.startswith("postgres.lock")}


def _killed_at(step: str, old: Home) -> None:
    """Start, and kill that process alone when it has begun a step: what it has started goes on."""
    process = subprocess.Popen(
        [old.installed.catflap, "apikeys", "list"],
        cwd=old.data_dir.parent,
        env=old.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if step in line:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait(60) == -signal.SIGKILL, "".join(lines)
    process.stderr.close()


def _is_all_there(origin: str) -> None:
    bearer = {"Authorization": f"Bearer {SESSION}"}
    with httpx2.Client(base_url=origin, timeout=30) as http:
        me = http.get("/v1/me", headers=bearer).json()
        assert [account["email"] for account in me["accounts"]] == ["alice@example.com"]
        chosen = http.get("/v1/preferences", headers=bearer).json()
        assert (chosen["zone"], chosen["reminder_minutes"]) == ("Asia/Tokyo", [30])
        assert "kyoto" in str(chosen)
        devices = http.get("/v1/devices", headers=bearer).json()["devices"]
        assert [device["name"] for device in devices] == ["Mia in the kitchen"]
        with http.stream(
            "GET", "/v1/device/schedule", headers={"Authorization": f"Bearer {DEVICE}"}
        ) as schedule:
            assert schedule.status_code == 200


def _version(old: Home) -> str:
    return (old.data_dir / "postgres" / "PG_VERSION").read_text().strip()
