"""The keyset, grants, webhooks and background jobs of a Catflap that somebody has signed in to."""

import contextlib
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from sqlalchemy import text

from catflap.checks.background_checks import check_background
from catflap.checks.installation import Database, Installation
from catflap.checks.port_checks import check_port
from catflap.checks.vault_checks import check_grants, check_keyset, check_webhooks
from catflap.clock import FixedClock
from catflap.errors import CatflapError
from catflap.store.database import Urls, connect
from catflap.store.queue import enqueue
from catflap.store.task_types import ERASE, AccountKey
from catflap.vault.keyset import load_keyset
from catflap.vault.webhooks import Address
from tests.checks.conftest import Make, codes
from tests.support.app_client import ALICE, RunningApp, running_app
from tests.support.jobs import run_jobs

pytestmark = pytest.mark.slow


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path, calendars=True) as opened:
        yield opened


@pytest.fixture
def here(app: RunningApp, make: Make) -> Installation:
    """The installation of `app`, with its clock."""
    return replace(make(), settings=app.catflap.services.settings, clock=app.clock)


@pytest.fixture
def database(app: RunningApp) -> Database:
    """The database of `app`."""
    infrastructure = app.catflap.components.infrastructure
    return Database(infrastructure.engine, infrastructure.vault_engine)


async def signed_in(app: RunningApp, email: str = ALICE) -> None:
    browser = await app.browser(email)
    await browser.sign_in()


async def test_nothing_is_wrong_with_a_new_grant(
    app: RunningApp, here: Installation, database: Database
) -> None:
    await signed_in(app)
    await run_jobs(app)
    for check in (check_keyset, check_grants, check_webhooks, check_background):
        assert await check(here, database) == []
    assert await check_port(here) == [], "it is ours"


async def test_a_keyset_of_another_database(
    app: RunningApp, here: Installation, database: Database, tmp_path: Path
) -> None:
    def in_data_dir(folder: Path) -> Installation:
        (folder / "secrets").mkdir(parents=True, exist_ok=True)
        return replace(here, settings=here.settings.model_copy(update={"data_dir": folder}))

    async def found_of(there: Installation) -> str:
        with pytest.raises(CatflapError) as caught:
            await check_keyset(there, database)
        return caught.value.code

    empty = in_data_dir(tmp_path / "empty")
    assert await check_keyset(empty, database) == [], "before anything is stored, one is made"
    await signed_in(app)
    assert await found_of(empty) == "keyset_missing"
    other = in_data_dir(tmp_path / "other")
    load_keyset(tmp_path / "other" / "secrets" / "vault-keyset.json")
    assert codes(await check_keyset(other, database)) == ["keyset_lacks_key"]
    (tmp_path / "other" / "secrets" / "vault-keyset.json").write_text("{}")
    assert await found_of(other) == "keyset_unreadable"


async def test_a_project_in_testing(app: RunningApp, here: Installation, database: Database) -> None:
    for project in app.sandbox.state.projects.values():
        project.testing = True
    await signed_in(app)
    assert codes(await check_grants(here, database)) == ["google_testing_mode"]
    # A week later Google has ended it, without having said so before.
    await app.rows("UPDATE vault.google_tokens SET refresh_expires_at = NULL")
    app.clock.advance(timedelta(days=7, minutes=1))
    with contextlib.suppress(CatflapError):
        await app.catflap.components.vault.vault.access_token(1)
    findings = await check_grants(here, database)
    assert codes(findings) == ["google_testing_mode", "grants_need_consent"]


async def test_what_was_not_used_for_five_months(
    app: RunningApp, here: Installation, database: Database
) -> None:
    await signed_in(app)
    app.clock.advance(timedelta(days=151))
    assert codes(await check_grants(here, database)) == ["google_client_idle", "grants_idle"]


async def test_a_webhook_that_does_not_answer(
    app: RunningApp, here: Installation, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = True

    async def resolve(host: str, port: int) -> list[Address]:
        if not known:
            raise OSError
        return [ip_address("203.0.113.7")]

    webhooks = app.catflap.components.vault.webhooks
    monkeypatch.setattr(webhooks, "_resolve", resolve)
    monkeypatch.setattr(webhooks, "_allowed", lambda _: True)
    await webhooks.create("https://hooks.example.com/a-secret-path", ["grant.active"])
    known = False
    await signed_in(app)
    await run_jobs(app)
    (finding,) = await check_webhooks(here, database)
    assert finding.code == "webhook_failing"
    assert "hooks.example.com" in finding.wrong
    assert "a-secret-path" not in finding.wrong


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("accessNotConfigured", {"google_api_disabled"}),
        ("BILLING_DISABLED", {"google_project_refused"}),
        ("domainPolicy", {"calendars_failing"}),
    ],
)
async def test_an_api_that_is_disabled(
    app: RunningApp, here: Installation, database: Database, reason: str, expected: Collection[str]
) -> None:
    app.sandbox.fault(endpoint="calendar.*", status=403, error=reason)
    await signed_in(app)
    await run_jobs(app)
    assert set(codes(await check_background(here, database))) == expected
    app.sandbox.lift()
    await app.rows("UPDATE app.calendar_syncs SET due_at = now() - interval '10 years'")
    sub = (await app.rows("SELECT sub FROM app.accounts"))[0][0]
    await app.catflap.components.jobs.by_name()["sync"](f"1 {sub}")
    assert await check_background(here, database) == [], "it is over when calendars are read again"


async def test_jobs_that_wait_with_and_without_a_process(database_urls: Urls, make: Make) -> None:
    pools = [connect(url, pool_size=1) for url in (database_urls.app, database_urls.vault)]
    doctors = Database(*pools)
    (finding,) = await check_background(make(), doctors)
    assert (finding.code, "0 jobs" in finding.wrong) == ("nothing_running", True)
    other = connect(database_urls.app)
    async with other.begin() as connection:
        await enqueue(connection, ERASE, AccountKey(1, "sub"))
        await connection.execute(text("UPDATE queue.pgqueuer SET execute_after = now() - interval '2 min'"))
    # Its connection is still open, as that of a process without a worker is.
    (finding,) = await check_background(make(), doctors)
    assert finding.code == "jobs_wait"
    assert finding.wrong.startswith("1 jobs wait")
    await other.dispose()
    for pool in pools:
        await pool.dispose()
