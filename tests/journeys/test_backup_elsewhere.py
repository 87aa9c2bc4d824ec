"""Backup, restore and uninstall on a PostgreSQL of the operator's own, and on a disk that is full."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import URL

from catflap.store.database import Urls, asyncpg_options
from tests.journeys.conftest import ENVIRONMENT, run

pytestmark = pytest.mark.slow

TAG = str(os.getpid())
NAME = "b.catflap-backup"
NEW = {"database": f"elsewhere_{TAG}", "password": "chosen-by-the-operator"}


def shown(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def settings(urls: Urls, data_dir: Path, *, as_owner: bool = False) -> dict[str, str]:
    roles = {"CATFLAP_DATABASE_URL": shown(urls.app), "CATFLAP_VAULT_DATABASE_URL": shown(urls.vault)}
    owner = {"CATFLAP_OWNER_DATABASE_URL": shown(urls.owner)} if as_owner else {}
    return {**roles, **owner, "CATFLAP_DATA_DIR": str(data_dir)}


async def test_a_backup_goes_to_another_server_and_from_there_to_nowhere(
    database_urls: Urls, tmp_path: Path
) -> None:
    await _execute(database_urls.owner, "INSERT INTO app.users (external_id, created_at) VALUES ('u', now())")
    here = settings(database_urls, tmp_path / "here")
    _refused_by_a_full_disk(tmp_path, here)
    missing = run("backup", "not-mounted", cwd=tmp_path, **here)
    assert missing.returncode == 2 and "no directory" in missing.stderr
    made = run("backup", NAME, cwd=tmp_path, **here)
    assert made.returncode == 0, made.stderr
    assert _names(tmp_path) == [NAME]
    again = run("backup", NAME, cwd=tmp_path, **here)
    assert again.returncode == 2 and "overwrites nothing" in again.stderr

    new = Urls(
        owner=database_urls.owner.set(database="postgres"),
        app=database_urls.app.set(username=f"elsewhere_app_{TAG}", **NEW),
        vault=database_urls.vault.set(username=f"elsewhere_vault_{TAG}", **NEW),
    )
    there = settings(new, tmp_path / "there", as_owner=True)
    for options, code in (((), 0), ((), 2), (("--replace",), 2), (("--replace", "--yes"), 0)):
        restored = run("restore", NAME, *options, cwd=tmp_path, **there)
        assert restored.returncode == code, restored.stderr
        assert "chosen-by-the-operator" not in restored.stdout + restored.stderr
    assert await _execute(new.app, "SELECT external_id FROM app.users") == [("u",)]
    status = run("status", cwd=tmp_path, **settings(new, tmp_path / "there"))
    assert "Nothing is running" in status.stdout, status.stderr

    told = run("uninstall", "--keep-grants", "--yes", cwd=tmp_path, **settings(new, tmp_path / "there"))
    assert told.returncode == 0, told.stderr
    assert f'DROP ROLE "elsewhere_app_{TAG}"' in told.stdout
    assert "https://myaccount.google.com/connections" in told.stdout
    assert await _execute(new.app, "SELECT external_id FROM app.users") == [("u",)]
    assert not (tmp_path / "there").exists()

    gone = run("uninstall", "--keep-grants", "--yes", cwd=tmp_path, **there)
    assert gone.returncode == 0, gone.stderr
    roles = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'elsewhere%'"
    assert await _execute(new.owner, roles) == []
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname IN ('app', 'vault', 'queue')"
    assert await _execute(new.owner.set(database=NEW["database"]), schemas) == []
    await _execute(new.owner, f'DROP DATABASE "{NEW["database"]}"')


def _refused_by_a_full_disk(folder: Path, environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "catflap.cli", "backup", NAME],
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        # The operating system refuses what goes beyond, as a full disk does.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 3 and "no room" in ended.stderr, ended.stderr
    assert _names(folder) == []


def _names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def _execute(url: URL, statement: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(**asyncpg_options(url))
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()
