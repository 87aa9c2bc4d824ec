"""The webhook event `calendar.changed`, from the stored change to the receiver."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx2
import pytest
import standardwebhooks
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.changes import ChangeRecorder, Reason
from catflap.clock import FixedClock
from catflap.errors import OperatorMustAct
from catflap.store.calendar_tables import calendar_changes
from catflap.store.notify import NotificationListener
from catflap.store.task_types import WEBHOOKS_TOPIC, AccountKey
from catflap.store.vault_tables import webhook_deliveries
from catflap.vault import Grants, Vault
from catflap.vault.audit import Audit
from catflap.vault.calendar_changed import CalendarChangedEvents
from catflap.vault.maintenance import Maintenance
from catflap.vault.retention import delete_old
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.subscriptions import Subscriptions
from catflap.vault.webhooks import Webhooks
from tests.support.statements import statements_of
from tests.support.webhook_receiver import Receiver, due

EVENT = "calendar.changed"
ACCOUNT = AccountKey(17, "1078")
BAND = "band@group.calendar.google.com"
_INSERT_AGAIN = text(
    "INSERT INTO app.calendar_changes OVERRIDING SYSTEM VALUE VALUES (:id, :user_id, :account_sub, :calendar,"
    " :reason, :event_ids, :is_complete, :created_at)"
)


@pytest.fixture
async def subscriptions(grants: Grants, notifications: NotificationListener) -> AsyncIterator[Subscriptions]:
    with notifications.watch(WEBHOOKS_TOPIC) as changed:
        yield Subscriptions(grants.engine, changed)


@pytest.fixture
def changed_events(engine: AsyncEngine, grants: Grants, clock: FixedClock) -> CalendarChangedEvents:
    return CalendarChangedEvents(engine, grants.engine, clock)


class Changes:
    """Stores changes as a sync does."""

    def __init__(self, engine: AsyncEngine, clock: FixedClock, subscriptions: Subscriptions) -> None:
        self.engine = engine
        self.clock = clock
        self.recorder = ChangeRecorder(subscriptions)

    async def record(self, *ids: str, reason: Reason = "changed", calendar: str = BAND) -> None:
        async with self.engine.begin() as connection:
            await self.recorder.record(connection, ACCOUNT, calendar, reason, ids, self.clock.now())

    async def pending(self) -> list[int]:
        async with self.engine.connect() as connection:
            return list((await connection.execute(select(calendar_changes.c.id))).scalars())


@pytest.fixture
def changes(engine: AsyncEngine, clock: FixedClock, subscriptions: Subscriptions) -> Changes:
    return Changes(engine, clock, subscriptions)


async def _deliver_all(changes: Changes, events: CalendarChangedEvents, webhooks: Webhooks) -> None:
    for change in await changes.pending():
        await events.deliver(change)
    for delivery in await due(webhooks):
        await webhooks.deliver(delivery)


async def test_a_change_is_told_with_ids_alone_and_signed(
    changes: Changes,
    changed_events: CalendarChangedEvents,
    webhooks: Webhooks,
    receiver: Receiver,
    clock: FixedClock,
) -> None:
    _, secret = await webhooks.create(receiver.url, [EVENT])
    await changes.record("tea", "concert_20261124T130000Z")
    await _deliver_all(changes, changed_events, webhooks)
    ((headers, body),) = receiver.got
    assert json.loads(body) == {
        "type": EVENT,
        "timestamp": clock.now().isoformat(),
        "data": {
            "user_id": 17,
            "account": "1078",
            "calendar": BAND,
            "reason": "changed",
            "event_ids": ["tea", "concert_20261124T130000Z"],
            "complete": True,
        },
    }
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=clock.now().tzinfo)
    expected = standardwebhooks.Webhook(secret).sign(headers["webhook-id"], at, body)
    assert headers["webhook-signature"] == expected
    assert await changes.pending() == [] == await due(webhooks)


@pytest.mark.parametrize("reason", ["full_sync", "gone"])
async def test_after_a_full_sync_or_the_loss_of_a_calendar_no_events_are_named(
    changes: Changes,
    changed_events: CalendarChangedEvents,
    webhooks: Webhooks,
    receiver: Receiver,
    reason: Reason,
) -> None:
    await webhooks.create(receiver.url, [EVENT])
    await changes.record("one", reason=reason)
    await _deliver_all(changes, changed_events, webhooks)
    (message,) = receiver.messages()
    data = message["data"]
    assert (data["reason"], data["event_ids"], data["complete"]) == (reason, [], False)


async def test_a_message_has_at_most_500_ids_and_says_when_they_are_more(
    changes: Changes, changed_events: CalendarChangedEvents, webhooks: Webhooks, receiver: Receiver
) -> None:
    await webhooks.create(receiver.url, [EVENT])
    for count in (500, 501):
        await changes.record(*(f"event{n}" for n in range(count)), calendar=f"{count}@example.com")
    await _deliver_all(changes, changed_events, webhooks)
    told = {one["data"]["calendar"]: one["data"] for one in receiver.messages()}
    assert (len(told["500@example.com"]["event_ids"]), told["500@example.com"]["complete"]) == (500, True)
    assert (told["501@example.com"]["event_ids"], told["501@example.com"]["complete"]) == ([], False)


async def test_a_change_nobody_subscribes_to_costs_no_statement(
    changes: Changes, webhooks: Webhooks, receiver: Receiver, engine: AsyncEngine, grants: Grants
) -> None:
    await webhooks.create(receiver.url)
    await changes.record("first")
    with statements_of(grants.engine, engine) as sent:
        await changes.record("second")
    assert [one.sql for one in sent if one.sql != "COMMIT"] == []
    assert await changes.pending() == []


async def test_a_webhook_of_another_process_counts_from_the_next_change_on(
    changes: Changes, webhooks: Webhooks, receiver: Receiver, notifications: NotificationListener
) -> None:
    with notifications.watch(WEBHOOKS_TOPIC) as changed:
        await changes.record("before")
        hook, _ = await webhooks.create(receiver.url, [EVENT])
        await changed.wait()
        await changes.record("after")
        assert len(await changes.pending()) == 1
        changed.clear()
        await webhooks.remove(hook.id)
        await changed.wait()
        await changes.record("later")
        assert len(await changes.pending()) == 1


async def test_a_job_that_ends_between_its_transactions_tells_nothing_twice(
    changes: Changes,
    changed_events: CalendarChangedEvents,
    webhooks: Webhooks,
    receiver: Receiver,
    engine: AsyncEngine,
    clock: FixedClock,
    grants: Grants,
) -> None:
    await webhooks.create(receiver.url, [EVENT])
    await webhooks.create(receiver.url, ["grant.active", EVENT])
    await changes.record("tea")
    async with engine.connect() as connection:
        stored = (await connection.execute(select(calendar_changes))).one()
    await _deliver_all(changes, changed_events, webhooks)
    async with engine.begin() as connection:
        # As it is when the process has ended before the change was deleted.
        await connection.execute(_INSERT_AGAIN, dict(stored._mapping))
    await _deliver_all(changes, changed_events, webhooks)
    assert len(receiver.got) == 2
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 2


async def test_a_change_whose_job_was_lost_is_told_after_a_minute(
    changes: Changes,
    changed_events: CalendarChangedEvents,
    webhooks: Webhooks,
    receiver: Receiver,
    engine: AsyncEngine,
    vault: Vault,
    clock: FixedClock,
) -> None:
    handler = SecurityEventHandler(engine, vault.grants, clock, Audit(engine, clock))
    maintenance = Maintenance(vault, webhooks, handler, changed_events, clock)
    await webhooks.create(receiver.url, [EVENT])
    await changes.record("tea")
    await maintenance.tick()
    assert len(await changes.pending()) == 1
    clock.advance(timedelta(seconds=61))
    await maintenance.tick()
    await maintenance.tick()
    assert await changes.pending() == []
    assert [one["data"]["event_ids"] for one in receiver.messages()] == [["tea"]]


async def test_while_a_receiver_fails_messages_about_one_calendar_become_one(
    changes: Changes,
    changed_events: CalendarChangedEvents,
    webhooks: Webhooks,
    receiver: Receiver,
    grants: Grants,
    clock: FixedClock,
) -> None:
    await webhooks.create(receiver.url, [EVENT])
    receiver.status = 503
    for name in ("tea", "concert", "tea", "walk"):
        await changes.record(name)
        await changes.record("other", calendar="other@example.com")
        await _deliver_all(changes, changed_events, webhooks)
    d = webhook_deliveries.c
    async with grants.engine.connect() as connection:
        open_ones = (await connection.execute(select(d.id).where(d.done_at.is_(None)))).all()
    # The first of each calendar was attempted, and the others wait with it.
    assert (len(receiver.got), len(open_ones)) == (2, 2)
    receiver.status = 200
    clock.advance(timedelta(seconds=5))
    receiver.got.clear()
    await _deliver_all(changes, changed_events, webhooks)
    told = {one["data"]["calendar"]: one["data"]["event_ids"] for one in receiver.messages()}
    assert told == {BAND: ["tea", "concert", "walk"], "other@example.com": ["other"]}
    assert all(one["data"]["complete"] for one in receiver.messages())


async def test_a_receiver_that_fails_costs_one_attempt_at_a_time_and_delays_no_other(
    changes: Changes,
    changed_events: CalendarChangedEvents,
    webhooks: Webhooks,
    receiver: Receiver,
    engine: AsyncEngine,
    vault: Vault,
    clock: FixedClock,
) -> None:
    handler = SecurityEventHandler(engine, vault.grants, clock, Audit(engine, clock))
    maintenance = Maintenance(vault, webhooks, handler, changed_events, clock)
    for path in ("fails", "works"):
        await webhooks.create(f"{receiver.url}/{path}", [EVENT])
    for number in range(3):
        await changes.record("tea", calendar=f"{number}@example.com")
    receiver.status = 503
    await _deliver_all(changes, changed_events, webhooks)
    clock.advance(timedelta(seconds=5))
    receiver.got.clear()
    receiver.failing, receiver.status = "/fails", 200
    await maintenance.tick()
    assert sorted(receiver.paths()) == ["/catflap/fails", *["/catflap/works"] * 3]
    receiver.failing = None
    await maintenance.tick()
    assert sorted(receiver.paths()) == [*["/catflap/fails"] * 3, *["/catflap/works"] * 3]


async def test_merged_messages_tell_the_strongest_reason_and_stay_bounded(
    changes: Changes,
    changed_events: CalendarChangedEvents,
    webhooks: Webhooks,
    receiver: Receiver,
    clock: FixedClock,
) -> None:
    await webhooks.create(receiver.url, [EVENT])
    receiver.status = 503
    await changes.record("tea", reason="full_sync", calendar="full@example.com")
    await changes.record(*(f"a{n}" for n in range(300)))
    await _deliver_all(changes, changed_events, webhooks)
    await changes.record("walk", calendar="full@example.com")
    await changes.record(*(f"b{n}" for n in range(300)))
    receiver.status = 200
    clock.advance(timedelta(seconds=5))
    receiver.got.clear()
    await _deliver_all(changes, changed_events, webhooks)
    told = {one["data"]["calendar"]: one["data"] for one in receiver.messages()}
    assert (told["full@example.com"]["reason"], told[BAND]["reason"]) == ("full_sync", "changed")
    assert all((one["event_ids"], one["complete"]) == ([], False) for one in told.values())


async def test_a_failing_receiver_is_given_up_as_for_other_events(
    changes: Changes,
    changed_events: CalendarChangedEvents,
    webhooks: Webhooks,
    receiver: Receiver,
    clock: FixedClock,
) -> None:
    await webhooks.create(receiver.url, [EVENT])
    receiver.status = 503
    for number in range(12):
        await changes.record(f"event{number}")
        await _deliver_all(changes, changed_events, webhooks)
        clock.advance(timedelta(days=1, seconds=1))
    # Ten attempts, and then the next change begins anew.
    assert len(receiver.got) == 12
    assert json.loads(receiver.got[9][1])["data"]["event_ids"] == [f"event{n}" for n in range(10)]
    assert json.loads(receiver.got[10][1])["data"]["event_ids"] == ["event10"]


async def test_deliveries_about_calendars_are_deleted_after_an_hour(
    changes: Changes,
    changed_events: CalendarChangedEvents,
    webhooks: Webhooks,
    receiver: Receiver,
    grants: Grants,
    clock: FixedClock,
) -> None:
    await webhooks.create(receiver.url, [EVENT])
    await changes.record("tea")
    await _deliver_all(changes, changed_events, webhooks)
    for minutes, left in ((59, 1), (2, 0)):
        clock.advance(timedelta(minutes=minutes))
        await delete_old(grants.engine, clock.now())
        async with grants.engine.connect() as connection:
            assert len((await connection.execute(select(webhook_deliveries.c.id))).all()) == left


async def test_it_is_sent_only_to_those_who_ask_for_it_and_where_calendars_are_read(
    webhooks: Webhooks, receiver: Receiver, grants: Grants, clock: FixedClock
) -> None:
    hook, _ = await webhooks.create(receiver.url)
    assert hook.events == {"grant.active", "grant.reconsent", "grant.revoked", "grant.scopes_changed"}
    async with httpx2.AsyncClient() as http:
        off = Webhooks(grants.engine, grants.cipher, clock, http, calendars=False)
        with pytest.raises(OperatorMustAct) as caught:
            await off.create(receiver.url, [EVENT])
    assert caught.value.code == "calendars_off"
