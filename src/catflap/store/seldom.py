"""Tasks that run once per interval in one of all processes, such as the deletion of old rows."""

from datetime import datetime, timedelta

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine


class SeldomTask:
    """The interval of one task, shared by all processes that use the database.

    Args:
        engine: A pool that may write `table`.
        table: `seldom_tasks` of one schema.
        name: The name of the task in the table.
        every: The interval.
    """

    def __init__(self, engine: AsyncEngine, table: Table, name: str, every: timedelta) -> None:
        self._engine = engine
        self._table = table
        self._name = name
        self._every = every
        self._ask_at: datetime | None = None

    async def is_due(self, now: datetime) -> bool:
        """Return whether this process is to run the task now.

        True once per interval over all processes. Asks the database once per interval, so most calls cost
        nothing. A process that ends while it runs the task leaves the rest to the next interval.
        """
        if self._ask_at is not None and now < self._ask_at:
            return False
        t = self._table
        row = insert(t).values(name=self._name, due_at=now + self._every)
        claimed = row.on_conflict_do_update(
            index_elements=[t.c.name],
            set_={"due_at": row.excluded.due_at},
            # Further ahead than two intervals: noted by a clock that was wrong, and not just a little.
            where=(t.c.due_at <= now) | (t.c.due_at > now + 2 * self._every),
        )
        async with self._engine.begin() as connection:
            mine = await connection.scalar(claimed.returning(t.c.name)) is not None
        self._ask_at = now + self._every
        return mine
