"""Plans of statements, and the rows that PostgreSQL has read by sequential scans."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import asyncpg

from catflap.store.database import Urls, asyncpg_options
from tests.support.statements import Statement

Plan = dict[str, Any]


async def explain(urls: Urls, statements: Iterable[Statement]) -> dict[str, Plan]:
    """Return the plan of each query by its text, with the parameters of its first execution."""
    connection = await asyncpg.connect(**asyncpg_options(urls.owner))
    plans: dict[str, Plan] = {}
    try:
        for one in statements:
            if one.is_query and one.sql not in plans:
                found = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {one.sql}", *one.parameters)
                plans[one.sql] = json.loads(found)[0]["Plan"]
    finally:
        await connection.close()
    return plans


def scanned_tables(plan: Plan) -> Iterator[str]:
    """Yield the tables that a plan reads as a whole, those of PostgreSQL itself left out."""
    if plan["Node Type"] == "Seq Scan" and not plan["Relation Name"].startswith("pg_"):
        yield plan["Relation Name"]
    for part in plan.get("Plans", []):
        yield from scanned_tables(part)


async def reset_counts(urls: Urls) -> None:
    """Begin to count the rows that are read from now on."""
    connection = await asyncpg.connect(**asyncpg_options(urls.owner))
    await connection.execute("SELECT pg_stat_reset()")
    await connection.close()


async def sequentially_read_rows(urls: Urls) -> dict[str, int]:
    """Return the rows read by sequential scans since `reset_counts`, by table; of ended connections."""
    connection = await asyncpg.connect(**asyncpg_options(urls.owner))
    rows = await connection.fetch(
        "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE seq_tup_read > 0"
    )
    await connection.close()
    return {row["relname"]: row["seq_tup_read"] for row in rows}
