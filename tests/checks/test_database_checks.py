"""The database: away, refused, old, or not there; each a real PostgreSQL."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from catflap.checks import Finding, clock_checks, database_checks, examine
from catflap.checks.installation import Database
from catflap.cli.sockets import bind, port_of
from catflap.clock import SystemClock
from catflap.extras import missing_extra
from catflap.settings import Settings
from catflap.store import connect, embedded, migrate
from catflap.store.database import Urls, asyncpg_options
from tests.checks.conftest import Make, codes, of_database
from tests.support.mosquitto import free_port

pytestmark = pytest.mark.slow
_NO_GOOGLE = {"google_discovery_url": "http://127.0.0.1:1/none", "port": 0}


async def database_findings(**settings: Any) -> list[Finding]:
    found = await examine(Settings(**{**_NO_GOOGLE, **settings}))
    return [one for one in found.findings if one.group == "Database" or one.code == "extra_missing"]


async def test_a_database_that_takes_connections_and_never_answers(
    database_urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is frozen, or a firewall that drops what comes."""
    monkeypatch.setattr(migrate, "_ANSWER_SECONDS", 0.2)
    with bind("127.0.0.1", 0) as silent:
        url = SecretStr(f"postgresql://catflap_app:secret@127.0.0.1:{port_of(silent)}/catflap")
        settings = {"data_dir": tmp_path, **of_database(database_urls), "database_url": url}
        (finding,) = await database_findings(**settings)
    assert finding.code == "database_unreachable"


async def test_a_database_that_is_away_or_refuses_us(database_urls: Urls, tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path, **of_database(database_urls)}
    assert await database_findings(**settings) == []
    away = SecretStr(f"postgresql://catflap_app:secret@127.0.0.1:{free_port()}/catflap")
    (finding,) = await database_findings(**{**settings, "database_url": away})
    assert finding.code == "database_unreachable"
    assert "secret" not in finding.wrong + finding.remedy
    wrong = of_database(Urls(*(url.set(password="not-it") for url in vars(database_urls).values())))
    assert codes(await database_findings(**{**settings, **wrong})) == ["database_refused"]
    del settings["vault_database_url"]
    assert codes(await database_findings(**settings)) == ["database_url_missing"]
    for url in ("mysql://x", "nothing"):
        invalid = {**settings, "database_url": SecretStr(url), "vault_database_url": SecretStr(url)}
        assert codes(await database_findings(**invalid)) == ["database_url_invalid"]


async def test_a_database_without_a_free_connection(fresh_database_urls: Urls, tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path, **of_database(fresh_database_urls)}
    connection = await asyncpg.connect(**asyncpg_options(fresh_database_urls.owner))
    name = fresh_database_urls.app.database
    await connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
    await connection.close()
    assert codes(await database_findings(**settings)) == ["database_full"]


async def test_a_database_of_an_older_version(fresh_database_urls: Urls, tmp_path: Path) -> None:
    connection = await asyncpg.connect(**asyncpg_options(fresh_database_urls.owner))
    await connection.execute("ALTER TABLE app.calendars DROP COLUMN sync_due_at")
    await connection.close()
    settings = {"data_dir": tmp_path, **of_database(fresh_database_urls)}
    assert codes(await database_findings(**settings)) == ["database_not_migrated"]


async def test_a_database_of_a_newer_version(fresh_database_urls: Urls, tmp_path: Path) -> None:
    connection = await asyncpg.connect(**asyncpg_options(fresh_database_urls.owner))
    await connection.execute("UPDATE app.schema_version SET version_num = '9999'")
    await connection.close()
    settings = {"data_dir": tmp_path, **of_database(fresh_database_urls)}
    assert codes(await database_findings(**settings)) == ["database_newer"]


async def test_a_server_that_is_too_old(
    make: Make, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await database_checks.check_server(make(), database) == []
    monkeypatch.setattr(database_checks, "OLDEST_POSTGRES", 99)
    (finding,) = await database_checks.check_server(make(), database)
    assert finding.code == "postgres_too_old"
    assert finding.remedy == "Use 99 or newer."


@pytest.mark.parametrize(("shift", "direction"), [(-60, "ahead of"), (60, "behind"), (0, None)])
async def test_a_database_with_another_clock(
    make: Make, database: Database, shift: int, direction: str | None
) -> None:
    clock = SystemClock(datetime.now(UTC) + timedelta(seconds=shift))
    findings = await clock_checks.check_database_clock(make(clock), database)
    assert codes(findings) == (["database_clock_wrong"] if direction else [])
    assert all(str(direction) in one.wrong for one in findings)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory outside pytest's folder: as root, the next session shuts that to PostgreSQL's user."""
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


async def test_an_embedded_database_that_is_not_there_or_does_not_start(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(**{**_NO_GOOGLE, "data_dir": data_dir})
    assert codes(await database_findings(data_dir=data_dir)) == ["database_missing"]
    assert not (data_dir / "postgres").exists(), "it makes none"
    async with AsyncExitStack() as stack:
        await connect.open_database(settings, stack)
        assert await database_findings(data_dir=data_dir) == [], "beside the process that has started it"
    assert await database_findings(data_dir=data_dir) == []
    assert not (data_dir / "postgres" / "postmaster.pid").exists(), "it is stopped again"
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "_is_root", lambda: True)
        patch.setattr(embedded, "_our_users", set)
        (finding,) = await database_findings(data_dir=data_dir)
        assert finding.code == "data_dir_of_another_user"
    with (data_dir / "postgres.lock.1").open("w") as elsewhere:
        fcntl.flock(elsewhere, fcntl.LOCK_SH)
        (finding,) = await database_findings(data_dir=data_dir)
        assert finding.code == "data_dir_of_another_container"
    version = data_dir / "postgres" / "PG_VERSION"
    present = version.read_text()
    for found, code in (("9\n", "postgres_version_unsupported"), ("16\n", "postgres_upgrade_needed")):
        version.write_text(found)
        assert codes(await database_findings(data_dir=data_dir)) == [code]
    version.write_text(present)
    (data_dir / "postgres" / "postgresql.conf").write_text("nonsense")
    assert codes(await database_findings(data_dir=data_dir)) == ["postgres_failed"]

    def without(*_: object, **__: object) -> None:
        raise missing_extra(ModuleNotFoundError(name="psutil"))

    monkeypatch.setattr(connect, "load_optional", without)
    assert codes(await database_findings(data_dir=data_dir)) == ["extra_missing"]
