"""A task that is cancelled during a query ends, even when the driver raises another error."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import Background
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.lease import Lease, Leases
from tests.vault.conftest import GrantConsent

_LONG = 20


def _begun(engine: AsyncEngine, word: str) -> asyncio.Event:
    """Set when a statement with this word is about to be executed."""
    begun = asyncio.Event()

    def heard(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if word in statement:
            asyncio.get_running_loop().call_soon(begun.set)

    event.listen(engine.sync_engine, "before_cursor_execute", heard)
    return begun


async def test_a_query_that_is_cancelled_is_cancelled_and_not_a_database_that_is_away(
    engine: AsyncEngine,
) -> None:
    async def sleep() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))

    begun, task = _begun(engine, "pg_sleep"), asyncio.create_task(sleep())
    await begun.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_a_lease_ends_while_its_renewal_waits_for_the_row(
    grant_consent: GrantConsent, vault_engine: AsyncEngine, engine: AsyncEngine
) -> None:
    grant = await grant_consent()
    leases = Leases(vault_engine, timedelta(seconds=0.3))
    lease = await leases.acquire(grant.main)
    assert isinstance(lease, Lease)
    async with vault_engine.begin() as blocking, asyncio.timeout(_LONG):
        await blocking.execute(select(t.c.id).where(t.c.id == grant.id).with_for_update())
        renewing = _begun(vault_engine, "UPDATE")
        async with leases.renewing(lease.id, [lease.token_id]):
            await renewing.wait()


class _Sleeper(Background):
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self) -> None:
        while True:
            await self.attempt(self._step)

    async def _step(self) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))


@pytest.mark.parametrize("raised", [None, OSError("replaced the cancellation")])
async def test_background_work_ends_in_the_middle_of_a_query(
    engine: AsyncEngine, raised: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper, asleep = _Sleeper(engine), _begun(engine, "pg_sleep")
    if raised is not None:
        monkeypatch.setattr(sleeper, "_step", _replaced(sleeper._step, raised))
    async with asyncio.timeout(_LONG):
        async with sleeper:
            await asleep.wait()


def _replaced(step: Callable[[], Any], error: Exception) -> Callable[[], Any]:
    """As a driver does that fails to roll back a cancelled transaction."""

    async def run() -> None:
        try:
            await step()
        except asyncio.CancelledError:
            raise error from None

    return run
