"""The loaded database and the recorded calls, once for all tests here."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from catflap.clock import FixedClock
from catflap.store.database import Urls
from catflap.testing import NOON, SharedDatabase
from catflap.vault import TokenCipher, load_keyset
from catflap.work.status import Push, Requests, Status
from tests.scale.installation import USER, USERS, Large
from tests.scale.jobs import JOBS
from tests.scale.routes import NEW, ROUTES, WRITER
from tests.support.app_client import ALICE, BOB, CLIENT_ID, DESKTOP, RunningApp, running_app
from tests.support.backend import RETURN_TO
from tests.support.fake_home_assistant import fake_home_assistant
from tests.support.many_users import Installation, load
from tests.support.openapi import operations
from tests.support.plans import Plan, explain, reset_counts, sequentially_read_rows
from tests.support.statements import Statement


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the application keeps its keyset."""
    return tmp_path_factory.mktemp("large")


@pytest.fixture(scope="module")
def large_database(shared_database: SharedDatabase, data_dir: Path) -> Iterator[Urls]:
    """A database with USERS users."""
    folder = data_dir / "secrets"
    folder.mkdir(mode=0o700)
    cipher = TokenCipher(load_keyset(folder / "vault-keyset.json"))
    with shared_database.copy() as urls:
        asyncio.run(load(urls, USERS, Installation(NOON, CLIENT_ID, cipher)))
        asyncio.run(reset_counts(urls))
        yield urls


async def _no_status(*_: object) -> Status:
    return Status(0, 0, 0, 0, 0, None, None, Push(0, 0, 0, 0), Requests(0, 0, 0, 0, 0), [], [])


# What is done once a second, or remembered for seconds, is done by each call or by calls of its own.
_SAME_EACH_TIME = {
    "vault.audit._EVERY_SECONDS": 3600.0,
    "vault.usage._EVERY_SECONDS": 3600.0,
    "vault.api_keys._CACHE_SECONDS": 0.0,
    "store.counters._EVERY_SECONDS": 3600.0,
    "work.numbers._REMEMBERED": timedelta(0),
    # It reads whole tables, as its docstring says.
    "work.numbers.read_status": _no_status,
    "signin.authorization_requests.AuthorizationRequests._is_sweep_due": lambda _self: True,
}


@dataclass(frozen=True)
class Recorded:
    """What all calls together did.

    Attributes:
        statements: of each call, in order.
        plans: of each statement, by its text.
        rows_scanned: rows that sequential scans have read, by table; those of cascades too.
        routes: `METHOD /path` of each route in the OpenAPI document.
        jobs: the names of the task types.
    """

    statements: dict[str, list[Statement]]
    plans: dict[str, Plan]
    rows_scanned: dict[str, int]
    routes: frozenset[str]
    jobs: frozenset[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded(large_database: Urls, data_dir: Path) -> Recorded:
    """Make each call once."""
    clock = FixedClock(NOON)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _SAME_EACH_TIME.items():
            patch.setattr(f"catflap.{name}", value)
        options = {"return_urls": (RETURN_TO,), "signins_per_minute": 10_000, "calendars": True}
        options["mqtt_url"] = "mqtt://broker"
        options["operators"] = (f"user{USER}@example.com",)
        options["allowed_emails"] = (ALICE, BOB, WRITER, NEW)
        async with (
            fake_home_assistant() as home,
            running_app(large_database, clock, data_dir, **options, **home.settings, **DESKTOP) as app,
        ):
            for number in range(50):
                _insert_event(app, f"Meeting {number}", timedelta(hours=number))
            alice = await app.browser()
            await alice.sign_in()
            large = Large(app, alice, (await alice.me())["user_id"])
            calls = {**ROUTES, **JOBS}
            statements = {name: await large.record(name, call) for name, call in calls.items()}
            # From its sixth execution on, a statement may get a plan that fits any parameters.
            for name in [name for name in calls if name.startswith(("GET", "tick", "plan"))]:
                for _ in range(6):
                    await large.record(name, calls[name])
            document, jobs = app.catflap.web.openapi(), frozenset(app.catflap.components.jobs.by_name())
    # The counts of a connection are complete when it has ended.
    rows_scanned = await sequentially_read_rows(large_database)
    plans = await explain(large_database, [one for sent in statements.values() for one in sent])
    routes = frozenset(f"{method.upper()} {path}" for method, path, _ in operations(document))
    return Recorded(statements, plans, rows_scanned, routes, jobs)


def _insert_event(app: RunningApp, title: str, after: timedelta) -> None:
    start = app.clock.now() + after
    times = {"start": start, "end": start + timedelta(minutes=30)}
    moments = {name: {"dateTime": at.isoformat()} for name, at in times.items()}
    app.sandbox.insert_event(ALICE, {"summary": title, **moments})
