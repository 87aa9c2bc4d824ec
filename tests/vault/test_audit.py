"""The audit log is written in batches: each entry once."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.vault.audit import Audit


async def test_writes_at_the_same_moment_write_each_entry_once(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """At the end the last write comes beside the one that is under way."""
    audit = Audit(engine, clock)
    for number in range(5):
        audit.note("token", detail=str(number))
    await asyncio.gather(*(audit.write() for _ in range(4)))
    assert sorted(str(entry.detail) for entry in await audit.read()) == list("01234")
