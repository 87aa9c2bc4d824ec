"""Connect to the configured database: the embedded PostgreSQL, or an external one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from catflap.background import Background
from catflap.errors import OperatorMustAct
from catflap.extras import load_optional
from catflap.log import log
from catflap.settings import Settings
from catflap.store.database import Urls, parse_url
from catflap.store.migrate import create_database, migrate, require_migrated

if TYPE_CHECKING:
    from catflap.store.embedded import EmbeddedServer

_OR_YOUR_OWN = (
    "Or set CATFLAP_DATABASE_URL and CATFLAP_VAULT_DATABASE_URL to use a PostgreSQL of your own "
    "(`catflap migrate` prepares it)."
)


async def open_database(settings: Settings, stack: AsyncExitStack) -> Urls:
    """Start or check the configured database, migrated; it runs until `stack` is closed.

    Raises:
        OperatorMustAct: `extra_missing`, `postgres_failed`, `database_url_missing`, …
        TryAgain: `database_unreachable`.
    """
    if settings.database_url is None:
        embedded = load_optional("catflap.store.embedded", otherwise=_OR_YOUR_OWN)
        server: EmbeddedServer = embedded.EmbeddedServer(settings.data_dir)
        urls = await asyncio.to_thread(server.start)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        await create_database(urls)
        await migrate(urls)
        await stack.enter_async_context(restart_when_stopped(server))
        return urls
    urls = external_urls(settings)
    await require_migrated(urls)
    return urls


async def open_existing_database(settings: Settings, stack: AsyncExitStack) -> Urls:
    """Connect to the configured database without creating, migrating or restarting it, to read from it.

    The embedded server is started if it does not run, and then stopped when `stack` is closed.

    Raises:
        OperatorMustAct: `database_missing`, `database_not_migrated`, and as `open_database`.
        TryAgain: `database_unreachable`.
    """
    if settings.database_url is None:
        embedded = load_optional("catflap.store.embedded", otherwise=_OR_YOUR_OWN)
        server: EmbeddedServer = embedded.EmbeddedServer(settings.data_dir)
        if not await asyncio.to_thread(server.exists):
            raise OperatorMustAct(
                "database_missing",
                f"There is no database in {settings.data_dir} yet; `catflap serve` creates it. "
                "CATFLAP_DATA_DIR or CATFLAP_DATABASE_URL name another one.",
            )
        urls = await asyncio.to_thread(server.start, may_upgrade=False)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        try:
            await require_migrated(urls)
        except OperatorMustAct as error:
            if error.code == "database_newer":
                raise
            raise OperatorMustAct(
                "database_not_migrated",
                f"The database in {settings.data_dir} is of another version, or is being created; "
                "`catflap serve` of this version brings it up to date when it starts.",
            ) from None
        return urls
    urls = external_urls(settings)
    await require_migrated(urls)
    return urls


@asynccontextmanager
async def restart_when_stopped(
    server: "EmbeddedServer", *, every_seconds: float = 1.0
) -> AsyncIterator[None]:
    """Restart the embedded server when it has stopped, while the context is open."""
    async with _Restarter(server, every_seconds):
        yield


class _Restarter(Background):
    def __init__(self, server: "EmbeddedServer", every_seconds: float) -> None:
        self._server = server
        self._every_seconds = every_seconds

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._every_seconds)
            await self.attempt(self._revive)

    async def _revive(self) -> None:
        # Shielded: a thread can't be stopped, and `stop` must come after it.
        if await asyncio.shield(asyncio.to_thread(self._server.revive)):
            log.warning("embedded_postgres_restarted")


def external_urls(settings: Settings, *, as_owner: bool = False) -> Urls:
    """Return the URLs of an external PostgreSQL, one for each role.

    Raises:
        OperatorMustAct: `database_url_missing` or `database_url_invalid`.
    """
    app, vault, owner = settings.database_url, settings.vault_database_url, settings.owner_database_url
    if app is None or vault is None or (as_owner and owner is None):
        raise OperatorMustAct(
            "database_url_missing",
            "Set CATFLAP_DATABASE_URL (the role of the app) and CATFLAP_VAULT_DATABASE_URL (the role of the "
            "vault); `catflap migrate` creates both, and needs CATFLAP_OWNER_DATABASE_URL too.",
        )
    urls = [parse_url(one.get_secret_value()) for one in (owner or app, app, vault)]
    return Urls(*urls)
