"""The components that commands on the vault use, without the whole application."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock, SystemClock
from catflap.log import configure
from catflap.settings import Settings
from catflap.store.connect import open_database
from catflap.store.data_dir import prepare_data_dir
from catflap.store.database import connect
from catflap.tls import tls_context
from catflap.vault import TokenCipher
from catflap.vault.database_keyset import open_cipher
from catflap.vault.keyset import Keyset, keyset_source


@dataclass(frozen=True)
class CliContext:
    """Settings, both connection pools, the token cipher and an HTTP client."""

    settings: Settings
    clock: Clock
    app_engine: AsyncEngine
    vault_engine: AsyncEngine
    cipher: TokenCipher
    http: httpx2.AsyncClient


@asynccontextmanager
async def cli_context(*, keyset_must_fit: bool = True) -> AsyncIterator[CliContext]:
    """Open the database and the keyset of this installation.

    Args:
        keyset_must_fit: Whether the keyset must decrypt every stored value; False for commands that repair
            the keyset.

    Raises:
        OperatorMustAct: settings, data directory, keyset or database are invalid or missing.
        TryAgain: the database does not respond.
    """
    settings = Settings.read()
    configure(settings.log_format, settings.log_level)
    prepare_data_dir(settings.data_dir)
    async with AsyncExitStack() as stack:
        urls = await open_database(settings, stack)
        pools = connect(urls.app), connect(urls.vault)
        for pool in pools:
            stack.push_async_callback(pool.dispose)
        http = await stack.enter_async_context(
            httpx2.AsyncClient(verify=tls_context(), timeout=settings.google_timeout)
        )
        source = keyset_source(settings)
        cipher = await open_cipher(source, pools[1]) if keyset_must_fit else TokenCipher(Keyset(source))
        yield CliContext(settings, SystemClock(), *pools, cipher, http)


def progress(*, in_bytes: bool = False) -> Progress:
    """Return a progress bar on standard error; standard output is for results."""
    done = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), done, TimeRemainingColumn())
    console = Console(stderr=True)
    # Elsewhere than on a terminal it would be one line of nothing in a log.
    return Progress(*columns, console=console, disable=in_bytes and not console.is_terminal)
