"""With 10,000 users: each statement of each route, job and tick uses an index, and none is sent too often."""

import asyncpg
import pytest

from catflap.store.database import Urls, asyncpg_options
from tests.scale.conftest import Recorded
from tests.scale.expected import MOST, TIMED
from tests.scale.installation import USERS
from tests.scale.jobs import JOBS
from tests.scale.routes import ROUTES
from tests.support.plans import explain, scanned_tables, sequentially_read_rows
from tests.support.statements import Statement, commits, queries

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("large"),
]

# Tables whose length does not depend on the number of users: what the operator configures, and a row for each
# signing key, seldom task, migration, name of a counter, or window of the request budget in the last hours.
SHORT = {
    *("api_keys", "counter_totals", "request_budgets", "schema_version", "seldom_tasks", "signing_keys"),
    "webhooks",
}
# A LIMIT may end a scan after some rows.
FEW = 100
# One function serves all methods.
PROXY = "/v1/users/{user_id}/google/{host}/{path}"
SAME_AS_GET = {f"{method} {PROXY}" for method in ("DELETE", "HEAD", "PATCH", "POST", "PUT")}


async def test_each_route_and_each_job_is_called(recorded: Recorded) -> None:
    called = {name.partition(" (")[0] for name in (*ROUTES, *JOBS)}
    assert recorded.routes - called == SAME_AS_GET
    assert recorded.jobs - called == set()


async def test_no_statement_reads_a_whole_table(recorded: Recorded) -> None:
    scanned = {sql: set(scanned_tables(plan)) - SHORT for sql, plan in recorded.plans.items()}
    assert [f"{tables}: {sql}" for sql, tables in scanned.items() if tables] == []


async def test_nothing_that_was_executed_has_read_a_whole_table(recorded: Recorded) -> None:
    """Cascades, triggers and the queue's own statements included."""
    scanned = {name: rows for name, rows in recorded.rows_scanned.items() if name not in SHORT}
    assert {name: rows for name, rows in scanned.items() if rows > FEW} == {}


async def test_no_call_sends_more_statements_than_expected(recorded: Recorded) -> None:
    counts = {name: (queries(sent), commits(sent)) for name, sent in recorded.statements.items()}
    more = {
        name: found
        for name, found in counts.items()
        if name not in TIMED and (found[0] > MOST[name][0] or found[1] > MOST[name][1])
    }
    texts = [
        f"{name}: {' '.join(one.sql.split())[:100]}" for name in more for one in recorded.statements[name]
    ]
    assert more == {}, "\n".join(texts)
    assert set(counts) == set(MOST) | TIMED


async def test_a_statement_without_an_index_would_be_found(large_database: Urls, recorded: Recorded) -> None:
    slow = Statement("SELECT FROM app.announcements WHERE detail = $1", ("x",))
    (plan,) = (await explain(large_database, [slow])).values()
    assert set(scanned_tables(plan)) == {"announcements"}
    connection = await asyncpg.connect(**asyncpg_options(large_database.owner))
    await connection.fetch(slow.sql, *slow.parameters)
    await connection.close()
    assert (await sequentially_read_rows(large_database))["announcements"] > USERS
