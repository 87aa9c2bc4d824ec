"""Rate limits that all processes share: counts in windows (`app.limit_counts`).

For what is rare and must not be guessed; limits of floods are in the memory of each process
(`catflap.web.signin_limits`). A window begins with the first use that is counted and ends by itself, so at
worst twice the limit passes within the length of a window.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.errors import TryAgain
from catflap.log import log
from catflap.store.batches import next_batch
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_alone, fetch_within
from catflap.store.tables import limit_counts as t

# In the order in which they are named, so that two transactions do not wait for each other.
_COUNT = PreparedQuery(
    text("""
    INSERT INTO app.limit_counts AS c (name, key_hash, count, ends_at)
    SELECT name, key_hash, 1, ends_at FROM unnest(
        CAST(:names AS text[]), CAST(:keys AS bytea[]), CAST(:ends AS timestamptz[])
    ) AS used (name, key_hash, ends_at)
    ON CONFLICT (name, key_hash) DO UPDATE SET
        count = CASE WHEN c.ends_at <= :now THEN 1 ELSE c.count + 1 END,
        ends_at = CASE WHEN c.ends_at <= :now THEN excluded.ends_at ELSE c.ends_at END
    RETURNING name, count, ends_at
    """)
)
_GIVE_BACK = PreparedQuery(
    text("""
    UPDATE app.limit_counts c SET count = c.count - 1
    FROM unnest(CAST(:names AS text[]), CAST(:keys AS bytea[])) AS used (name, key_hash)
    WHERE c.name = used.name AND c.key_hash = used.key_hash AND c.count > 0
    """)
)


@dataclass(frozen=True)
class Use:
    """One use that a limit counts.

    Args:
        name: Of the limit.
        key: Whose: a user, an address; empty if the limit is that of all together.
        most: How many uses a window has.
        window: How long it is.
    """

    name: str
    key: str
    most: int
    window: timedelta


class SharedLimits:
    """Counts uses for all processes.

    Args:
        engine: The database.
        key: Of the keyed hash by which users and addresses are stored.
    """

    def __init__(self, engine: AsyncEngine, key: bytes) -> None:
        self._engine = engine
        self._key = key

    async def count(self, uses: Sequence[Use], now: datetime, message: str) -> None:
        """Count one use in several limits at once; where one of them is reached, in none.

        Args:
            uses: In the same order in each call with the same names.
            now: The time.
            message: What the caller is told to do if a limit is reached.

        Raises:
            TryAgain: `rate_limited`, with the time to wait.
        """
        most = {one.name: one.most for one in uses}
        async with self._engine.begin() as connection:
            values = {**self._columns(uses), "ends": [now + one.window for one in uses], "now": now}
            rows = await fetch_within(connection, _COUNT, **values)
            reached = [row for row in rows if row["count"] > most[row["name"]]]
            if reached:
                log.warning("rate_limited", what=[row["name"] for row in reached])
                wait = max(row["ends_at"] for row in reached) - now
                raise TryAgain("rate_limited", message, after=wait)

    async def give_back(self, uses: Sequence[Use]) -> None:
        """Take back one use of each limit, in the order in which it was counted."""
        await fetch_alone(self._engine, _GIVE_BACK, **self._columns(uses))

    def _columns(self, uses: Sequence[Use]) -> dict[str, list[object]]:
        hashes: list[object] = [hmac.digest(self._key, one.key.encode(), sha256) for one in uses]
        return {"names": [one.name for one in uses], "keys": hashes}


async def delete_ended_windows(now: datetime, connection: AsyncConnection) -> int:
    """Delete a batch of counts whose windows have ended; return how many."""
    ended = next_batch(t, t.c.ends_at <= now, oldest=t.c.ends_at)
    return (await connection.execute(delete(t).where(ended))).rowcount
