"""An external PostgreSQL: `catflap migrate`, then several processes on it."""

import os
from pathlib import Path

import asyncpg
import httpx2
import pytest
from sqlalchemy.engine import URL

from catflap.store.database import Urls, asyncpg_options
from google_sandbox import Sandbox
from tests.journeys.conftest import run, start

pytestmark = pytest.mark.slow


def shown(url: URL, **changes: str) -> str:
    return url.set(drivername="postgresql", **changes).render_as_string(hide_password=False)


@pytest.fixture
def environment(postgres: Urls, google_sandbox: Sandbox) -> dict[str, str]:
    """Settings for roles and a database that don't exist yet, on a running server."""
    google_sandbox.add_client("own-client", "own-secret", redirect_uris=["http://localhost"])
    tag = str(os.getpid())
    own = {"database": f"own_{tag}", "password": "chosen-by-the-operator"}
    return {
        "CATFLAP_DATABASE_URL": shown(postgres.app, username=f"own_app_{tag}", **own),
        "CATFLAP_VAULT_DATABASE_URL": shown(postgres.vault, username=f"own_vault_{tag}", **own),
        "CATFLAP_OWNER_DATABASE_URL": shown(postgres.owner),
        "CATFLAP_GOOGLE_DISCOVERY_URL": google_sandbox.base_url + "/.well-known/openid-configuration",
        "CATFLAP_GOOGLE_API_URL": google_sandbox.base_url,
        "GOOGLE_CLIENT_ID": "own-client",
        "GOOGLE_CLIENT_SECRET": "own-secret",
    }


def test_migrate_then_serve_and_work(tmp_path: Path, data_dir: Path, environment: dict[str, str]) -> None:
    data = ("--data-dir", str(data_dir))
    before = run("serve", "--port", "0", *data, cwd=tmp_path, **environment)
    assert before.returncode == 3
    assert "catflap migrate" in before.stderr
    assert "chosen-by-the-operator" not in before.stderr

    for _ in range(2):
        migrated = run("migrate", cwd=tmp_path, **environment)
        assert migrated.returncode == 0, migrated.stderr

    with (
        start("serve", "--no-worker", "--port", "0", *data, cwd=tmp_path, **environment) as web,
        start("work", *data, cwd=tmp_path, **environment),
    ):
        assert web.stdout is not None
        url = web.stdout.readline().strip()
        assert httpx2.get(url + "/readyz").json() == {"status": "ready"}


def test_a_wrong_client_secret_is_reported_before_the_database_is_created(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    wrong = {**environment, "GOOGLE_CLIENT_SECRET": "not-it"}
    del wrong["CATFLAP_DATABASE_URL"], wrong["CATFLAP_VAULT_DATABASE_URL"]
    result = run("serve", "--port", "0", "--data-dir", "data", cwd=tmp_path, **wrong)
    assert result.returncode == 3
    assert "client secret" in result.stderr
    assert "not-it" not in result.stderr
    assert not (tmp_path / "data").exists()


def test_an_unreachable_google_is_reported(tmp_path: Path, environment: dict[str, str]) -> None:
    silent = {
        **environment,
        "CATFLAP_GOOGLE_DISCOVERY_URL": "http://127.0.0.1:9/.well-known/openid-configuration",
    }
    result = run("serve", "--port", "0", "--data-dir", "data", cwd=tmp_path, **silent)
    assert result.returncode == 5
    assert "Google does not answer" in result.stderr
    assert not (tmp_path / "data").exists()


async def test_each_command_refuses_a_database_of_a_newer_version_and_leaves_it_alone(
    fresh_database_urls: Urls, environment: dict[str, str], tmp_path: Path
) -> None:
    urls = fresh_database_urls
    newer = {
        **environment,
        "CATFLAP_DATABASE_URL": shown(urls.app),
        "CATFLAP_VAULT_DATABASE_URL": shown(urls.vault),
        "CATFLAP_OWNER_DATABASE_URL": shown(urls.owner),
        "CATFLAP_DATA_DIR": str(tmp_path / "data"),
    }
    made = run("backup", "b.catflap-backup", cwd=tmp_path, **newer)
    assert made.returncode == 0, made.stderr
    connection = await asyncpg.connect(**asyncpg_options(urls.owner))
    await connection.execute("UPDATE app.schema_version SET version_num = '9999'")
    before = await connection.fetch(_EVERYTHING)
    for command in (
        ("serve", "--port", "0"),
        ("work",),
        ("migrate",),
        ("backup", "c.catflap-backup"),
        ("restore", "b.catflap-backup", "--replace", "--yes"),
    ):
        refused = run(*command, cwd=tmp_path, **newer)
        assert refused.returncode == 3, refused.stderr
        assert "of a newer Catflap" in refused.stderr and "9999" in refused.stderr
    assert await connection.fetch(_EVERYTHING) == before
    assert not (tmp_path / "c.catflap-backup").exists()
    await connection.close()


# Tables and indexes of ours, when their structure or rights last changed.
_EVERYTHING = """
SELECT c.oid, c.xmin::text, c.relacl::text FROM pg_class c
WHERE c.relnamespace IN ('app'::regnamespace, 'vault'::regnamespace, 'queue'::regnamespace) ORDER BY c.oid
"""
