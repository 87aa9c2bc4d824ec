"""`make bench`: benchmarks of the vault and of other libraries, on one PostgreSQL and one sandbox.

Prints a table and writes bench/results/vault.json with machine and versions. `--full` takes a real outage of
five minutes; `--only` runs some of the measures.
"""

import argparse
import importlib.metadata
import json
import logging
import os
import platform
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import structlog
import uvloop

from bench import vault, vault_http
from bench.peers import run_peers
from bench.vault_stage import Stage, open_stage

RESULTS = Path(__file__).parent / "results"
Measure = Callable[[Stage], Awaitable[dict[str, Any]]]


def measures(full: bool) -> dict[str, tuple[str, Measure]]:
    """Return each benchmark by its short name."""
    outage, many = (300.0, 10_000) if full else (45.0, 10_000)
    return {
        "flight": ("Upstream refreshes for one expired token", vault.single_flight),
        "peers": ("The same question to the peers", run_peers),
        "warm": ("Warm token over HTTP, 32 connections", lambda stage: vault_http.warm(stage, seconds=5.0)),
        "dead": ("Dead grant", vault.dead_grant),
        "down": ("Google down", lambda stage: vault.google_down(stage, seconds=outage)),
        "killed": ("kill -9 at every step", lambda stage: vault.killed(stage, rounds=200)),
        "minute": (
            "Grants that end in the same minute",
            lambda stage: vault.minute_of_expiry(stage, grants=many),
        ),
    }


async def main(full: bool, only: list[str]) -> None:
    """Run the benchmarks in order."""
    chosen = {name: one for name, one in measures(full).items() if not only or name in only}
    found: dict[str, dict[str, Any]] = {}
    async with open_stage() as stage:
        for name, (title, measure) in chosen.items():
            began = time.monotonic()
            rows = await measure(stage)
            found[name] = {"title": title, "rows": rows, "took_s": round(time.monotonic() - began, 1)}
            print(f"\n{title}  ({found[name]['took_s']} s)")
            for what, value in rows.items():
                print(f"  {what:<76}{value}")
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "vault.json"
    kept = json.loads(file.read_text())["measures"] if only and file.exists() else {}
    file.write_text(json.dumps({**about(), "measures": kept | found}, indent=2, ensure_ascii=False) + "\n")
    print(f"\n{file.relative_to(Path.cwd())}")


def about() -> dict[str, Any]:
    """Return the machine and the versions for which the results are valid."""
    names = (
        "sqlalchemy",
        "asyncpg",
        "fastapi",
        "uvicorn",
        "uvloop",
        "tink",
        "google-auth",
        "authlib",
        "httpx2",
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
            "load_before": os.getloadavg()[0],
        },
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in names},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="a real outage of five minutes")
    parser.add_argument("--only", nargs="*", default=[], help="of: " + ", ".join(measures(False)))
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    uvloop.run(main(given.full, given.only))
