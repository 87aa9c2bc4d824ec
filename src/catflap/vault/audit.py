"""Audit log: who got which token when, never the token itself.

Entries are buffered and written about once a second, so no request waits for them; a killed process loses the
last second. While the database is unavailable, entries stay in the buffer; those beyond its capacity are
dropped, oldest first, and counted in the log event `audit_entries_lost`.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import Background
from catflap.clock import Clock
from catflap.log import log
from catflap.store.row_mapping import from_row
from catflap.store.tables import audit as t

_EVERY_SECONDS = 0.8


@dataclass(frozen=True)
class Entry:
    """One audit entry. `outcome` is `ok` or an error's code; `detail` holds no secret."""

    at: datetime
    action: str
    outcome: str
    key_id: int | None = None
    user_id: int | None = None
    account_sub: str | None = None
    detail: str | None = None


# One statement with an array for each column, so that a batch takes one round trip.
_WRITE = text(
    "INSERT INTO app.audit (at, action, outcome, key_id, user_id, account_sub, detail) "
    "SELECT * FROM unnest(CAST(:at AS timestamptz[]), CAST(:action AS text[]), CAST(:outcome AS text[]), "
    "CAST(:key_id AS bigint[]), CAST(:user_id AS bigint[]), CAST(:account_sub AS text[]), "
    "CAST(:detail AS text[]))"
)


class Audit(Background):
    """Buffered audit log, written in the background while the context is open."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        *,
        capacity: int = 100_000,
    ) -> None:
        """Create an audit log.

        Args:
            capacity: entries buffered while the database is unavailable; the oldest are dropped first.
        """
        self._engine = engine
        self._clock = clock
        self._buffer: deque[Entry] = deque(maxlen=capacity)
        self._lost = 0
        self._writing = asyncio.Lock()

    async def __aexit__(self, *raised: object) -> None:
        await super().__aexit__(*raised)
        await self.attempt_last(self.write)

    def note(
        self,
        action: str,
        outcome: str = "ok",
        *,
        key_id: int | None = None,
        user_id: int | None = None,
        account_sub: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Buffer an entry; it is written within a second."""
        self._append(Entry(self._clock.now(), action, outcome, key_id, user_id, account_sub, detail))

    async def write(self) -> None:
        """Write the buffered entries; one write at a time, so that none is written twice."""
        async with self._writing:
            batch = list(self._buffer)
            self._buffer.clear()
            try:
                if batch:
                    async with self._engine.begin() as connection:
                        await connection.execute(_WRITE, _columns(batch))
            except BaseException:
                self._put_back(batch)
                raise
            if self._lost:
                log.error("audit_entries_lost", entries=self._lost)
                self._lost = 0

    def _append(self, entry: Entry) -> None:
        self._lost += len(self._buffer) == self._buffer.maxlen
        self._buffer.append(entry)

    def _put_back(self, batch: list[Entry]) -> None:
        newer = list(self._buffer)
        self._buffer.clear()
        for entry in (*batch, *newer):
            self._append(entry)

    async def read(
        self, *, user_id: int | None = None, since: datetime | None = None, limit: int = 1000
    ) -> list[Entry]:
        """Return written entries, newest first."""
        query = select(t).order_by(t.c.at.desc(), t.c.id.desc()).limit(limit)
        if user_id is not None:
            query = query.where(t.c.user_id == user_id)
        if since is not None:
            query = query.where(t.c.at >= since)
        async with self._engine.connect() as connection:
            return [from_row(Entry, row) for row in await connection.execute(query)]

    async def run(self) -> None:
        """Write the buffer about once a second until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await asyncio.shield(self.attempt(self.write))


def _columns(batch: list[Entry]) -> dict[str, list[object]]:
    return {name: [getattr(entry, name) for entry in batch] for name in Entry.__dataclass_fields__}
