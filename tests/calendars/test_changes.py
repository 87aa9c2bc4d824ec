"""What a sync tells webhooks that subscribe to `calendar.changed`."""

import ipaddress
import json
from datetime import timedelta
from typing import Any

import pytest

from catflap.store.task_types import WEBHOOKS_TOPIC
from catflap.vault.webhooks import Address
from tests.support.app_client import ALICE, RunningApp
from tests.support.jobs import run_jobs

pytestmark = pytest.mark.slow  # starts an application for each test


@pytest.fixture
async def subscribed(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> RunningApp:
    """An application with a webhook that takes the event, and a user with a calendar."""

    async def public(_host: str, _port: int) -> list[Address]:
        return [ipaddress.ip_address("93.184.215.14")]

    webhooks = app.catflap.services.webhooks
    monkeypatch.setattr(webhooks, "_resolve", public)
    with app.catflap.components.infrastructure.notifications.watch(WEBHOOKS_TOPIC) as changed:
        await webhooks.create("https://shop.example.com/catflap", ["calendar.changed"])
        await changed.wait()
    await (await app.browser()).sign_in()
    return app


def _insert(app: RunningApp, title: str) -> str:
    start = app.clock.now() + timedelta(hours=3)
    times = {"start": start, "end": start + timedelta(minutes=30)}
    moments: dict[str, Any] = {
        name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in times.items()
    }
    return str(app.sandbox.insert_event(ALICE, {"summary": title, "location": "Pier 7", **moments})["id"])


async def _sync(app: RunningApp) -> list[dict[str, Any]]:
    """Read the calendars of all accounts; the data of the messages that this made."""
    due = "UPDATE app.calendars SET is_notified = true"
    await app.rows(due)
    await app.rows("UPDATE app.calendar_syncs SET is_list_notified = true")
    for user_id, sub in await app.rows("SELECT user_id, sub FROM app.accounts"):
        await app.rows(_ENQUEUE, f"{user_id} {sub}".encode())
    await run_jobs(app, but=("render", "webhook"))
    rows = await app.rows("DELETE FROM vault.webhook_deliveries RETURNING payload")
    return [json.loads(row["payload"])["data"] for row in rows]


_ENQUEUE = (
    "INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload, execute_after)"
    " VALUES (0, 'queued', 'sync_due', $1, now())"
)


async def test_each_sync_that_writes_tells_once_which_events(subscribed: RunningApp) -> None:
    app = subscribed
    first = _insert(app, "Zanzibar tea")
    (told,) = await _sync(app)
    assert (told["calendar"], told["reason"], told["event_ids"]) == (ALICE, "full_sync", [])
    assert told["account"] == app.sandbox.account(ALICE).sub
    assert await _sync(app) == []
    second = _insert(app, "Bayreuth concert")
    app.sandbox.delete_event(ALICE, first)
    (told,) = await _sync(app)
    assert (told["reason"], sorted(told["event_ids"]), told["complete"]) == (
        "changed",
        sorted([first, second]),
        True,
    )
    assert "Zanzibar" not in str(told) and "Pier" not in str(told)


async def test_a_calendar_that_google_no_longer_shows_is_told_once(subscribed: RunningApp) -> None:
    app = subscribed
    await _sync(app)
    rule = app.sandbox.fault("calendar.events.list", status=404, error="notFound")
    (told,) = await _sync(app)
    assert (told["reason"], told["complete"]) == ("gone", False)
    assert await _sync(app) == []
    app.sandbox.lift(rule)
    (told,) = await _sync(app)
    assert told["reason"] == "full_sync"


async def test_a_calendar_that_leaves_the_list_is_told(subscribed: RunningApp) -> None:
    app = subscribed
    insert = (
        "INSERT INTO app.calendars (user_id, account_sub, google_id, summary, time_zone, is_primary,"
        " is_selected, sync_due_at) SELECT user_id, sub, 'band', 'Band', 'UTC', false, true, $1"
        " FROM app.accounts"
    )
    await _sync(app)
    await app.rows(insert, app.clock.now())
    await app.rows("UPDATE app.calendar_syncs SET list_sync_token = NULL")
    (told,) = await _sync(app)
    assert (told["calendar"], told["reason"]) == ("band", "gone")
