"""Installations to examine."""

from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from catflap.checks import Finding
from catflap.checks.installation import Database, Installation
from catflap.clock import SystemClock
from catflap.settings import Settings
from catflap.store.database import Urls, connect
from google_sandbox import Sandbox
from tests.support.app_client import CLIENT_ID, CLIENT_SECRET, secret_url

Make = Callable[..., Installation]


def codes(findings: Iterable[Finding]) -> list[str]:
    return [one.code for one in findings]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes an installation of settings, with an empty data directory."""
    async with httpx2.AsyncClient(timeout=5) as http:

        def of(clock: SystemClock | None = None, **settings: Any) -> Installation:
            values = {"data_dir": tmp_path, **settings}
            return Installation(Settings(**values), clock or SystemClock(), http)

        yield of


@pytest.fixture
async def google() -> AsyncIterator[Sandbox]:
    """A Google with our client, served on a socket."""
    sandbox = Sandbox()
    async with sandbox.serve():
        sandbox.add_client(CLIENT_ID, CLIENT_SECRET)
        yield sandbox


@pytest.fixture
async def database(database_urls: Urls) -> AsyncIterator[Database]:
    """An empty, migrated database, as checks see it."""
    pools = [connect(url, pool_size=1) for url in (database_urls.app, database_urls.vault)]
    yield Database(*pools)
    for pool in pools:
        await pool.dispose()


def of_google(google: Sandbox, secret: str = CLIENT_SECRET) -> dict[str, Any]:
    """The settings of a client of a sandbox."""
    discovery = f"{google.base_url}/.well-known/openid-configuration"
    return {
        "google_client_id": CLIENT_ID,
        "google_client_secret": secret,
        "google_discovery_url": discovery,
    }


def of_database(urls: Urls) -> dict[str, Any]:
    """The settings of a database."""
    return {"database_url": secret_url(urls.app), "vault_database_url": secret_url(urls.vault)}
