"""Run queued jobs one by one, in the test's own task, so that nothing is waited for."""

import contextlib

from catflap.errors import CatflapError
from tests.support.app_client import RunningApp

# PgQueuer has a job that waits for a later time too; a test sets its clock instead.
_TAKE = """
    DELETE FROM queue.pgqueuer WHERE id = (SELECT min(id) FROM queue.pgqueuer WHERE NOT entrypoint = ANY ($1))
    RETURNING entrypoint, convert_from(payload, 'UTF8') AS payload
"""


async def run_jobs(app: RunningApp, *, but: tuple[str, ...] = ("render",)) -> list[str]:
    """Run the queued jobs and those that they enqueue; return their names.

    Args:
        but: Names of jobs that are left in the queue.
    """
    functions = app.catflap.components.jobs.by_name()
    done: list[str] = []
    while rows := await app.rows(_TAKE, list(but)):
        (row,) = rows
        done.append(row["entrypoint"])
        with contextlib.suppress(CatflapError):
            await functions[row["entrypoint"]](row["payload"])
    return done


async def lose_jobs(app: RunningApp, name: str) -> None:
    """Delete queued jobs, as nothing in Catflap does."""
    lost = await app.rows("DELETE FROM queue.pgqueuer WHERE entrypoint = $1 RETURNING id", name)
    assert lost
