"""Calls of each job and each periodic task."""

import asyncio
import json
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from catflap.devices.channels.discovery_states import read_online, read_states
from catflap.devices.channels.due_store import DueStore
from catflap.devices.online import keep_online, set_offline
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.google.risc import RiscEvent, SecurityEvents
from catflap.speech import VoiceChoice
from catflap.store.queue import enqueue
from catflap.store.task_types import (
    CALENDAR_CHANGED,
    ERASE,
    PLAN,
    RENDER,
    REVOKE,
    SAMPLE,
    SECURITY_EVENT,
    SYNC,
    SYNC_DUE,
    WEBHOOK,
    AccountKey,
    TaskType,
)
from catflap.vault.client_change import ClientChange
from catflap.vault.maintenance import Maintenance
from catflap.work.periodic import PeriodicTasks
from catflap.work.retention import Retention
from catflap.work.worker import Worker
from tests.scale.installation import Call, Large
from tests.support.app_client import ALICE
from tests.support.many_users import account_sub, sound_key

# Announcements of this loaded user wait for a sound.
_WAITING = 500
_MOST_SYNCS = 7000


def _run(one: Large, name: str, key: str) -> Awaitable[Any]:
    return one.app.catflap.components.jobs.by_name()[name](key)


def _alice(one: Large) -> AccountKey:
    return AccountKey(one.alice_id, one.app.sandbox.account(ALICE).sub)


async def _sync(one: Large) -> Awaitable[Any]:
    return _run(one, SYNC.name, _alice(one).text)


async def _sync_changed(one: Large) -> Awaitable[Any]:
    start = one.app.clock.now() + timedelta(hours=3)
    times = {"start": start, "end": start + timedelta(minutes=30)}
    moments = {name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in times.items()}
    one.app.sandbox.insert_event(ALICE, {"summary": "Tea", **moments})
    return await _sync(one)


async def _sync_due(one: Large) -> Awaitable[Any]:
    due = "UPDATE app.calendars SET sync_due_at = $2 WHERE user_id = $1"
    await one.prepare(due, one.alice_id, one.app.clock.now() - timedelta(minutes=1))
    return _run(one, SYNC_DUE.name, _alice(one).text)


async def _plan(one: Large) -> Awaitable[Any]:
    services = one.app.catflap.services
    if not await services.devices.of_user(one.alice_id):
        await services.devices.add_browser(one.alice_id, "Browser")
    return _run(one, PLAN.name, str(one.alice_id))


async def _plan_of_loaded(one: Large) -> Awaitable[Any]:
    return _run(one, PLAN.name, "260")


async def _render(one: Large) -> Awaitable[Any]:
    """Finish a sound that is rendered already."""
    key = sound_key(_WAITING, 1)
    values = "VALUES ($1, 'RIFF', '', 4, 1.0, $2)"
    await one.prepare(f"INSERT INTO app.sounds {values}", key, one.app.clock.now())
    return _run(one, RENDER.name, key)


async def _sample(one: Large) -> Awaitable[Any]:
    """Find an example that was made already."""
    sample = one.app.catflap.services.samples.sample(VoiceChoice("butler"))
    values = "VALUES ($1, 'RIFF', '', 4, 1.0, $2)"
    await one.prepare(f"INSERT INTO app.sounds {values}", sample.sound_key, one.app.clock.now())
    return _run(one, SAMPLE.name, sample.text)


async def _webhook(one: Large) -> Awaitable[Any]:
    query = "UPDATE vault.webhook_deliveries SET due_at = $1 WHERE done_at IS NULL RETURNING id"
    rows = await one.prepare(query, one.app.clock.now())
    return _run(one, WEBHOOK.name, rows[0]["id"])


async def _calendar_changed(one: Large) -> Awaitable[Any]:
    """Two webhooks subscribe; the one failed to take an earlier message about the same calendar."""
    subscribed = "UPDATE vault.webhooks SET events = '{calendar.changed}' WHERE id < 3"
    failing = (
        "INSERT INTO vault.webhook_deliveries"
        " (id, webhook_id, event, subject, payload, attempts, outcome, created_at, due_at)"
        " VALUES ('msg_failing', 1, 'calendar.changed', '1 sub calendar', $1, 1, 'HTTP 500', $2, $2)"
    )
    change = (
        "INSERT INTO app.calendar_changes"
        " (user_id, account_sub, calendar, reason, event_ids, is_complete, created_at)"
        " VALUES (1, 'sub', 'calendar', 'changed', '{event}', true, $1) RETURNING id"
    )
    old = {"data": {"reason": "changed", "event_ids": ["old"], "complete": True}}
    await one.prepare(subscribed)
    await one.prepare(failing, json.dumps(old), one.app.clock.now())
    rows = await one.prepare(change, one.app.clock.now())
    return _run(one, CALENDAR_CHANGED.name, str(rows[0]["id"]))


async def _revoke(one: Large) -> Awaitable[Any]:
    revoked = "UPDATE vault.google_tokens SET state = 'revoked', ended_at = $1 WHERE user_id = 2 RETURNING id"
    rows = await one.prepare(revoked, one.app.clock.now())
    return _run(one, REVOKE.name, str(rows[0]["id"]))


async def _erase(one: Large) -> Awaitable[Any]:
    """Erase the calendars of a loaded user whose grant was revoked."""
    await one.prepare("UPDATE vault.google_tokens SET state = 'revoked' WHERE user_id = 60")
    return _run(one, ERASE.name, AccountKey(60, account_sub(60)).text)


async def _security_event(one: Large) -> Awaitable[Any]:
    """Events about a loaded user, whose tokens and sessions end, and who may not sign in."""
    sub = account_sub(40)
    kinds = RiscEvent("tokens-revoked", sub), RiscEvent("account-disabled", sub, "hijacking")
    await one.app.catflap.services.security_event_handler.accept(SecurityEvents("new", kinds))
    return _run(one, SECURITY_EVENT.name, "new")


async def _token_revoked(one: Large) -> Awaitable[Any]:
    event = RiscEvent("token-revoked", algorithm="prefix", token="1//0made-up-token")
    await one.app.catflap.services.security_event_handler.accept(SecurityEvents("token", (event,)))
    return _run(one, SECURITY_EVENT.name, "token")


async def _queue(one: Large) -> Awaitable[Any]:
    """One job of another kind, from the start of the worker to its end."""
    done = asyncio.Event()

    class Jobs:
        def by_name(self) -> dict[str, Any]:
            async def run(_key: str) -> None:
                done.set()

            return {"test": run}

    async def work() -> None:
        async with Worker(one.app.urls.app, Jobs()):  # type: ignore[arg-type]
            async with one.app.catflap.services.engine.begin() as connection:
                await enqueue(connection, TaskType("test", str, str), "key")
            await done.wait()

    return work()


async def _due_plays(one: Large) -> Awaitable[Any]:
    """Read what is due on a device whose schedule changed, claim it, and record that the device is online."""
    engine, now = one.app.catflap.services.engine, one.app.clock.now()
    await one.prepare("UPDATE app.devices SET channel = 'mqtt_play' WHERE user_id = 50")
    await one.prepare("UPDATE app.announcements SET state = 'ready', play_at = $1 WHERE user_id = 50", now)
    store = DueStore(engine, ScheduledAnnouncements(one.app.catflap.services.sounds, ""), ["mqtt_play"])

    async def run() -> None:
        ids = [row.id for row in await store.upcoming(now, [50])]
        assert ids
        await store.claim(ids, now)
        await store.still_sent(ids, now)
        await store.release(ids, now)
        await keep_online(engine, {50, 60, 70}, now)
        await set_offline(engine, 50, now)
        await read_states(engine, now, [50])
        await read_online(engine, now, [50, 60])

    return run()


async def _all_channels(one: Large) -> Awaitable[Any]:
    """What a publisher reads when it starts, of few devices among many of the HTTP API."""
    engine, now = one.app.catflap.services.engine, one.app.clock.now()
    await one.prepare("ANALYZE app.devices")
    store = DueStore(engine, ScheduledAnnouncements(one.app.catflap.services.sounds, ""), ["mqtt_play"])
    return store.upcoming(now)


async def _periodic_tick(one: Large) -> Awaitable[Any]:
    """A tick with nothing due, which is not the first of its process."""
    tasks = PeriodicTasks(one.app.catflap.services.engine, one.app.clock, _MOST_SYNCS)
    await tasks.tick()
    return tasks.tick()


async def _periodic_tick_due(one: Large) -> Awaitable[Any]:
    """A tick with some syncs, plans and announcements that are due."""
    await _make_old(one)
    return PeriodicTasks(one.app.catflap.services.engine, one.app.clock, _MOST_SYNCS).tick()


async def _retention_tick_due(one: Large) -> Awaitable[Any]:
    """A tick with some rows that are old."""
    await _make_old(one)
    return Retention(one.app.catflap.services.engine, one.app.clock).tick()


async def _make_old(one: Large) -> None:
    for statement in _MAKE_OLD:
        await one.prepare(statement, one.app.clock.now() - timedelta(days=3))


_MAKE_OLD = (
    "DELETE FROM app.seldom_tasks WHERE due_at > $1",
    "UPDATE app.calendar_syncs SET due_at = $1 WHERE user_id BETWEEN 1000 AND 1200",
    "UPDATE app.users SET plan_due_at = $1 WHERE id BETWEEN 1000 AND 1200",
    "UPDATE app.announcements SET expires_at = $1::timestamptz + interval '1 day'"
    " WHERE user_id BETWEEN 1000 AND 1020",
    "UPDATE app.announcements SET expires_at = $1 WHERE user_id BETWEEN 1030 AND 1050",
    "UPDATE app.sounds SET used_at = $1 WHERE key IN"
    " (SELECT sound_key FROM app.announcements WHERE user_id BETWEEN 1020 AND 1060)",
    "UPDATE app.sessions SET expires_at = $1 WHERE user_id BETWEEN 1030 AND 1050",
)


def _maintenance(one: Large) -> Maintenance:
    services = one.app.catflap.services
    changes = one.app.catflap.components.vault.calendar_changed
    return Maintenance(
        services.vault, services.webhooks, services.security_event_handler, changes, services.clock
    )


async def _maintenance_tick(one: Large) -> Awaitable[Any]:
    later = "UPDATE vault.webhook_deliveries SET due_at = $1 WHERE done_at IS NULL"
    await one.prepare(later, one.app.clock.now() + timedelta(days=1))
    maintenance = _maintenance(one)
    await maintenance.tick()
    return maintenance.tick()


async def _maintenance_tick_due(one: Large) -> Awaitable[Any]:
    old = one.app.clock.now() - timedelta(days=40)
    await one.prepare("DELETE FROM vault.seldom_tasks WHERE due_at > $1", old)
    await one.prepare(
        "UPDATE vault.google_tokens SET ended_at = $1 WHERE ended_at IS NOT NULL AND id < 999", old
    )
    await one.prepare(
        "UPDATE vault.webhook_deliveries SET done_at = $1 WHERE payload->>'data' LIKE '99%'", old
    )
    handled = "UPDATE app.risc_events SET done_at = $1 WHERE jti LIKE 'jti-99%'"
    await one.prepare(handled, one.app.clock.now() - timedelta(days=61))
    return _maintenance(one).tick()


async def _write_audit(one: Large) -> Awaitable[Any]:
    one.app.catflap.services.audit.note("test", user_id=1)
    return one.app.catflap.services.audit.write()


async def _write_uses(one: Large) -> Awaitable[Any]:
    grants = one.app.catflap.services.grants
    grants.note_use((await grants.of_user(1))[0].default)
    return grants.write_uses()


async def _write_counters(one: Large) -> Awaitable[Any]:
    counters = one.app.catflap.components.infrastructure.counters
    counters.count("token_refreshes", "outcome 1")
    return counters.write()


async def _write_key_uses(one: Large) -> Awaitable[Any]:
    return one.app.catflap.services.api_keys.write_uses()


async def _start(one: Large) -> Awaitable[Any]:
    return ClientChange(one.app.catflap.services.grants).apply()


JOBS: dict[str, Call] = {
    "sync (first)": _sync,
    "sync (nothing changed)": _sync,
    "sync (one event changed)": _sync_changed,
    "sync_due": _sync_due,
    "plan (first)": _plan,
    "plan (nothing changed)": _plan,
    "plan (of a loaded user)": _plan_of_loaded,
    "render": _render,
    "sample": _sample,
    "webhook": _webhook,
    "calendar_changed": _calendar_changed,
    "revoke": _revoke,
    "erase": _erase,
    "risc": _security_event,
    "risc (one token)": _token_revoked,
    "queue": _queue,
    "plays that are due": _due_plays,
    "plays of all devices": _all_channels,
    "tick of calendars (nothing due)": _periodic_tick,
    "tick of calendars (much due)": _periodic_tick_due,
    "tick of retention (much due)": _retention_tick_due,
    "tick of the vault (nothing due)": _maintenance_tick,
    "tick of the vault (much due)": _maintenance_tick_due,
    "write audit entries": _write_audit,
    "write uses of grants": _write_uses,
    "write uses of keys": _write_key_uses,
    "write counters": _write_counters,
    "compare the OAuth client": _start,
}
