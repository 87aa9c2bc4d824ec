"""Run something in exactly one of the processes that share a database."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.background import Background, raise_if_cancelled
from catflap.errors import CatflapError
from catflap.log import log, place
from catflap.store.database import asyncpg_options
from catflap.store.unavailable import LOSSES

# Of session-level advisory locks; those of plans have other high bits.
CHANNELS_LOCK = 0x0CA8 << 40
_ATTEMPT_SECONDS = 1.0
_CHECK_SECONDS = 2.0
_ANSWER_SECONDS = 5.0
# PostgreSQL frees the lock of a machine that lost its power or network after 20 seconds.
_KEEPALIVES = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


_IS_LED = text("""
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = CAST(:lock AS bigint) >> 32
    AND objid::bigint = CAST(:lock AS bigint) & 4294967295
)
""")


async def is_led(connection: AsyncConnection, lock: int = CHANNELS_LOCK) -> bool:
    """Return whether some process leads."""
    return bool(await connection.scalar(_IS_LED, {"lock": lock}))


class Leader(Background):
    """Runs a function in the process that holds an advisory lock, on a connection of its own.

    PostgreSQL frees the lock when that connection ends, however the process ended, and another process gets
    it a second later. The function is cancelled when the connection is lost, and started again after a
    failure.

    Args:
        url: The database.
        lead: What to run; it ends only by cancellation.
        lock: The key of the lock.
    """

    def __init__(self, url: URL, lead: Callable[[], Awaitable[None]], lock: int = CHANNELS_LOCK) -> None:
        self._options: dict[str, Any] = asyncpg_options(url)
        self._lead = lead
        self._lock = lock

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self._campaign()
            except LOSSES as error:
                raise_if_cancelled(error)
                log.warning("leader_database_lost", error=type(error).__name__)
            await asyncio.sleep(_ATTEMPT_SECONDS)

    async def _campaign(self) -> None:
        """Get the lock, and lead until the connection is lost."""
        connection = await asyncpg.connect(
            **self._options, server_settings=_KEEPALIVES, timeout=_ANSWER_SECONDS
        )
        leading: asyncio.Task[None] | None = None
        try:
            attempt = "SELECT pg_try_advisory_lock($1)"
            while not await connection.fetchval(attempt, self._lock, timeout=_ANSWER_SECONDS):  # noqa: ASYNC110
                await asyncio.sleep(_ATTEMPT_SECONDS)
            leading = asyncio.create_task(self._keep_leading())
            while True:
                await asyncio.sleep(_CHECK_SECONDS)
                await connection.execute("SELECT 1", timeout=_ANSWER_SECONDS)
        finally:
            if leading is not None:
                leading.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await leading
            connection.terminate()

    async def _keep_leading(self) -> None:
        while True:
            try:
                await self._lead()
            except Exception as error:
                raise_if_cancelled(error)
                if isinstance(error, CatflapError):
                    log.warning("leader_failed", code=error.code, detail=error.detail)
                else:
                    at = place(error.__traceback__)
                    log.error("leader_failed_unexpectedly", error=type(error).__name__, at=at)
            await asyncio.sleep(_ATTEMPT_SECONDS)
