"""`/metrics` says what the operator's screen says, in Prometheus' text format, and nothing about a person."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from catflap.clock import FixedClock
from catflap.store.database import Urls
from catflap.vault.api_keys import RIGHTS
from tests.support.app_client import ALICE, BOB, RunningApp, running_app
from tests.support.operator_session import NUMBERS, busy, signed_in
from tests.support.promtool import find_promtool

pytestmark = pytest.mark.slow  # starts an application for each test

DOCS = Path(__file__).parents[2] / "docs" / "watching.md"
_JOB_STATES = ("waiting", "later", "running")


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path, operators=(ALICE,), calendars=True) as opened:
        yield opened


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The values of Prometheus' text, by name and labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for one in family.samples:
            found.setdefault(one.name, {})[tuple(one.labels.values())] = one.value
    return found


async def test_metrics_are_for_keys_with_that_right_and_for_operators(app: RunningApp) -> None:
    operator, other = await signed_in(app), await signed_in(app, BOB)
    assert (await operator.get("/metrics")).status_code == 200
    assert (await other.get("/metrics")).json()["code"] == "operators_only"
    assert (await app.client.get("/metrics")).json()["code"] == "unauthenticated"
    answer = await app.client.get("/metrics", headers=await app.api_key("metrics"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lesser = await app.client.get("/metrics", headers=await app.api_key("tokens", "keys"))
    assert (lesser.status_code, lesser.json()["code"]) == (403, "forbidden")
    only_numbers = await app.api_key("metrics")
    user_id = (await operator.me())["user_id"]
    token = await app.client.get(f"/v1/users/{user_id}/google/token", headers=only_numbers)
    assert token.status_code == 403


async def test_the_screen_and_prometheus_say_the_same(app: RunningApp) -> None:
    operator = await signed_in(app)
    await busy(app)
    key = await app.api_key("metrics")
    shown: dict[str, Any] = (await operator.get(NUMBERS)).json()
    found = samples((await app.client.get("/metrics", headers=key)).text)
    assert shown["totals"]["token_refreshes"] == {"succeeded": 11, "unavailable": 1}
    for name, totals in shown["totals"].items():
        of_prometheus = found.get(f"catflap_{name}_total", {})
        assert {outcome: n for (outcome,), n in of_prometheus.items()} == totals
    assert {state: n for (state,), n in found["catflap_grants"].items()} == shown["grants"]
    assert shown["grants"]["active"] == 1
    jobs = {(one["kind"], state): one[state] for one in shown["jobs"] for state in _JOB_STATES}
    assert found["catflap_jobs"] == jobs
    assert jobs
    sync = shown["sync"]
    assert found["catflap_calendars"][()] == sync["calendars"]
    assert found["catflap_calendar_accounts_due"][()] == sync["due"]
    assert found["catflap_google_requests_per_minute_limit"][()] == sync["requests"]["limit"]
    lateness = found["catflap_announcement_lateness_seconds_bucket"]
    assert lateness["0.05",] == 3
    assert lateness["1.0",] == 5
    assert lateness["+Inf",] == 6 == sum(one["announcements"] for one in shown["lateness"]["ranges"])
    assert found["catflap_announcement_lateness_seconds_sum"][()] == shown["lateness"]["seconds"] == 41.25


async def test_nothing_is_about_a_person(app: RunningApp) -> None:
    app.sandbox.insert_event(
        ALICE,
        {
            "summary": "Secret plans",
            "start": {"dateTime": (app.clock.now() + timedelta(hours=1)).isoformat()},
            "end": {"dateTime": (app.clock.now() + timedelta(hours=2)).isoformat()},
        },
    )
    operator = await signed_in(app)
    sub = (await operator.me())["accounts"][0]["sub"]
    await app.catflap.components.jobs.by_name()["sync"](f"1 {sub}")
    key = await app.api_key("metrics")
    await app.catflap.components.infrastructure.counters.write()
    texts = ((await operator.get(NUMBERS)).text, (await app.client.get("/metrics", headers=key)).text)
    assert '"calendar_syncs":{"succeeded":1}' in texts[0]
    secret = key["Authorization"].partition(" ")[2]
    for text in texts:
        assert not [word for word in (ALICE, "alice", sub, "Secret", secret) if word in text]


async def test_what_it_takes_is_said_where_the_extra_is_missing(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "catflap.web.exposition", None)
    monkeypatch.setattr("catflap.extras._EXTRA_OF_PACKAGE", {"catflap.web.exposition": "metrics"})
    answer = await app.client.get("/metrics", headers=await app.api_key("metrics"))
    assert (answer.status_code, answer.json()["code"]) == (500, "extra_missing")
    assert "pip install 'catflap[metrics]'" in answer.json()["detail"]


async def test_prometheus_own_checker_finds_nothing(app: RunningApp) -> None:
    await signed_in(app)
    await busy(app)
    content = (await app.client.get("/metrics", headers=await app.api_key("metrics"))).content
    command = [find_promtool(), "check", "metrics"]
    done = await asyncio.to_thread(subprocess.run, command, input=content, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_command_of_the_docs_names_a_right() -> None:
    named = re.findall(r"apikeys create prometheus --right (\w+)", DOCS.read_text())
    assert named == ["metrics"]
    assert set(named) <= set(RIGHTS)
