"""A Catflap, its Google and a shell in which the commands of the documentation run, from the built wheel."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from catflap.clock import SystemClock
from catflap.store.database import Urls
from tests.support.app_client import CLIENT_ID, CLIENT_SECRET, RunningApp, running_app
from tests.support.wheel import InstalledWheel

# Addresses that stand for "your Catflap" in the docs.
_PLACEHOLDERS = ("http://127.0.0.1:8400", "https://catflap.example.com", "https://mia.example.com")
_SCOPES = "/signin/google?scopes=calendar.events calendar.calendarlist.readonly"


@dataclass
class Stage:
    """A running Catflap with a signed-in user, and a folder to run commands in."""

    app: RunningApp
    user_id: int
    key: str
    folder: Path
    environment: dict[str, str]

    @property
    def discovery(self) -> str:
        return f"{self.app.sandbox.base_url}/.well-known/openid-configuration"

    def real(self, text: str, more: Mapping[str, str] | None = None) -> str:
        """Return a text with what exists here in place of its placeholders."""
        ours = dict.fromkeys(_PLACEHOLDERS, self.app.origin)
        ours |= {"catflap_…": self.key, "/users/17/": f"/users/{self.user_id}/", **(more or {})}
        for placeholder, value in ours.items():
            text = text.replace(placeholder, value)
        return text

    async def shell(self, script: str) -> str:
        """Run a script of bash in the folder; return all that it wrote.

        Raises:
            AssertionError: a command failed.
        """
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", script),
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            written, _ = await asyncio.wait_for(process.communicate(), 60)
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, f"{script}\n\n{written.decode()}"
        return written.decode()


@pytest.fixture
def clock() -> SystemClock:
    """Commands run on the machine's clock, so their Google must too."""
    return SystemClock()


@pytest.fixture
async def stage(
    database_urls: Urls, clock: SystemClock, tmp_path: Path, installed: InstalledWheel
) -> AsyncIterator[Stage]:
    """The stage on a database of its own."""
    folder, data = tmp_path / "folder", tmp_path / "data"
    folder.mkdir()
    async with running_app(database_urls, clock, data) as app:  # type: ignore[arg-type]
        browser = await app.browser()
        await browser.sign_in(_SCOPES)
        user_id = (await browser.me())["user_id"]
        key = (await app.api_key("tokens", "proxy"))["Authorization"].removeprefix("Bearer ")
        environment = installed.environment(
            HOME=str(tmp_path),
            PATH=f"{installed.catflap.parent}:{os.environ['PATH']}",
            CATFLAP_DATA_DIR=str(data),
            CATFLAP_DATABASE_URL=database_urls.app.render_as_string(hide_password=False),
            CATFLAP_VAULT_DATABASE_URL=database_urls.vault.render_as_string(hide_password=False),
            CATFLAP_GOOGLE_DISCOVERY_URL=f"{app.sandbox.base_url}/.well-known/openid-configuration",
            CATFLAP_GOOGLE_API_URL=app.sandbox.base_url,
            GOOGLE_CLIENT_ID=CLIENT_ID,
            GOOGLE_CLIENT_SECRET=CLIENT_SECRET,
        )
        yield Stage(app, user_id, key, folder, environment)
