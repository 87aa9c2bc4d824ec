"""Open streams: each gets what is new of its device, and a slow client holds neither others nor memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.cli.device.simulated_rows import SimulatedRows, open_simulated_rows
from catflap.clock import FixedClock
from catflap.devices import schedule_streams
from catflap.devices.schedule import Schedules
from catflap.devices.schedule_streams import ScheduleStreams, Send, Stream, retry_field
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.devices.signed_urls import SignedSoundUrls
from catflap.errors import TryAgain
from catflap.store.database import Urls
from catflap.store.notify import NotificationListener
from catflap.store.token_hash import hash_token
from tests.support.statements import recorded_statements


class Client:
    """What a client gets of a stream; it can stop to read."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[bytes] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.is_last = False

    async def send(self, data: bytes, is_last: bool) -> None:
        await self.reads.wait()
        self.is_last = is_last
        self.events.put_nowait(data)

    async def next(self) -> bytes:
        async with asyncio.timeout(20):
            while (event := await self.events.get()).startswith(b":"):
                pass
            return event

    async def version(self) -> int:
        event = await self.next()
        data = next(line for line in event.splitlines() if line.startswith(b"data: "))
        return int(json.loads(data.removeprefix(b"data: "))["version"])


@pytest.fixture
async def rows(database_urls: Urls) -> AsyncIterator[SimulatedRows]:
    async with open_simulated_rows(database_urls.owner.render_as_string(hide_password=False)) as opened:
        yield opened


@pytest.fixture
async def streams(
    engine: AsyncEngine, clock: FixedClock, database_urls: Urls
) -> AsyncIterator[ScheduleStreams]:
    announcements = ScheduledAnnouncements(SignedSoundUrls(engine, clock, b"key"), "")
    async with NotificationListener(database_urls.app) as notifications:
        made = ScheduleStreams(Schedules(engine, clock, announcements), clock, notifications)
        async with made:
            yield made


_HASHES: dict[int, bytes] = {}


async def add(rows: SimulatedRows, count: int) -> list[tuple[int, str]]:
    """Add devices; return their ids and tokens."""
    made = await rows.add(count)
    _HASHES.update({device_id: hash_token(token) for device_id, token in made})
    return made


def follow(
    streams: ScheduleStreams, device_id: int, version: int, send: Send
) -> AbstractContextManager[None]:
    """Open a stream with the token that a device has."""
    return streams.following(device_id, _HASHES[device_id], version, send)


async def test_each_device_gets_its_own_changes_and_no_others(
    streams: ScheduleStreams, rows: SimulatedRows
) -> None:
    (one, _), (other, _) = await add(rows, 2)
    mine, theirs = Client(), Client()
    with follow(streams, one, 1, mine.send), follow(streams, other, 1, theirs.send):
        await rows.change([one])
        assert await mine.version() == 2
        await rows.change([one, other])
        assert (await mine.version(), await theirs.version()) == (3, 2)


async def test_what_changed_before_the_stream_was_open_is_sent_at_once(
    streams: ScheduleStreams, rows: SimulatedRows
) -> None:
    ((device, _),) = await add(rows, 1)
    await rows.change([device])
    client = Client()
    with follow(streams, device, 1, client.send):
        assert await client.version() == 2


async def test_two_streams_of_one_device_get_the_same(streams: ScheduleStreams, rows: SimulatedRows) -> None:
    ((device, _),) = await add(rows, 1)
    clients = Client(), Client()
    with follow(streams, device, 1, clients[0].send), follow(streams, device, 1, clients[1].send):
        await rows.change([device])
        first, second = [await one.next() for one in clients]
    assert first == second


async def test_one_stream_too_many_of_a_device_ends_its_oldest_and_no_other(
    streams: ScheduleStreams, rows: SimulatedRows
) -> None:
    (one, _), (other, _) = await add(rows, 2)
    clients = [Client() for _ in range(schedule_streams.MAX_OF_DEVICE + 1)]
    theirs = Client()
    with ExitStack() as stack:
        stack.enter_context(follow(streams, other, 1, theirs.send))
        for client in clients:
            stack.enter_context(follow(streams, one, 1, client.send))
        assert (await clients[0].next(), clients[0].is_last) == (b"", True)
        await rows.change([one, other])
        assert {await client.version() for client in (*clients[1:], theirs)} == {2}


async def test_a_device_whose_streams_do_not_end_opens_no_more(
    streams: ScheduleStreams, rows: SimulatedRows
) -> None:
    (one, _), (other, _) = await add(rows, 2)
    with ExitStack() as stack:
        for _ in range(schedule_streams.MAX_STUCK_OF_DEVICE):
            streams.check_room(one)
            stack.enter_context(follow(streams, one, 1, Client().send))
        with pytest.raises(TryAgain) as refused:
            streams.check_room(one)
        assert refused.value.code == "rate_limited"
        streams.check_room(other)
    streams.check_room(one)


async def test_a_change_of_many_devices_takes_a_few_statements(
    streams: ScheduleStreams, rows: SimulatedRows, clock: FixedClock
) -> None:
    ids = [id for id, _ in await add(rows, 100)]
    await rows.announce(ids, [clock.now() + timedelta(hours=1)])
    clients = {id: Client() for id in ids}
    opened = [follow(streams, id, 1, client.send) for id, client in clients.items()]
    for one in opened:
        one.__enter__()
    with recorded_statements() as sent:
        await rows.change(ids)
        assert {await client.version() for client in clients.values()} == {2}
    # Two for each batch of devices, and those of the check when each was opened.
    assert len(sent) <= 16
    for one in opened:
        one.__exit__(None, None, None)


async def test_a_client_that_does_not_read_holds_no_other_and_gets_the_newest_only(
    streams: ScheduleStreams, rows: SimulatedRows
) -> None:
    (slow_id, _), (quick_id, _) = await add(rows, 2)
    slow, quick = Client(), Client()
    slow.reads.clear()
    with follow(streams, slow_id, 1, slow.send), follow(streams, quick_id, 1, quick.send):
        for version in range(2, 12):
            await rows.change([slow_id, quick_id])
            assert await quick.version() == version
        slow.reads.set()
        got = [await slow.version()]
        while got[-1] < 11:
            got.append(await slow.version())
    assert len(got) <= 3, "the one that was being sent, perhaps one after it, and the newest"


async def test_only_the_newest_waits_for_a_slow_client() -> None:
    client = Client()
    client.reads.clear()
    stream = Stream(1, b"", 0, client.send)
    for event in (b"1", b"2", b"3"):
        stream.offer(event)
        await asyncio.sleep(0)
    client.reads.set()
    assert [await client.next(), await client.next()] == [b"1", b"3"]
    assert client.events.empty()


async def test_a_removed_device_gets_the_last_event(streams: ScheduleStreams, rows: SimulatedRows) -> None:
    ((device, _),) = await add(rows, 1)
    client = Client()
    with follow(streams, device, 1, client.send):
        await rows.remove()
        assert (await client.next()).startswith(b"event: end\n")
        assert client.is_last


async def test_all_streams_end_before_the_server_stops_and_nothing_is_sent_after_it(
    streams: ScheduleStreams, rows: SimulatedRows
) -> None:
    ((device, _),) = await add(rows, 1)
    client, still_open = Client(), Client()
    with follow(streams, device, 1, client.send):
        streams.close_all()
        assert await client.next() == b"" and client.is_last
        with follow(streams, device, 1, still_open.send):
            await rows.change([device])
            assert await still_open.version() == 2
        assert client.events.empty()


async def test_an_unforeseen_error_while_reading_delays_streams_and_ends_none(
    streams: ScheduleStreams, rows: SimulatedRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_streams, "RETRY_AFTER", timedelta(0))
    ((device, _),) = await add(rows, 1)
    client, read, failures = Client(), Schedules.read, [ValueError(), ValueError()]

    async def read_or_fail(self: Schedules, known: Any) -> Any:
        if failures:
            raise failures.pop()
        return await read(self, known)

    monkeypatch.setattr(Schedules, "read", read_or_fail)
    with follow(streams, device, 0, client.send):
        assert await client.version() == 1
    assert failures == []


def test_devices_connect_again_at_different_times_within_five_seconds() -> None:
    waits = [int(retry_field(device).split()[1]) for device in range(1, 5_001)]
    assert min(waits) >= 1_000 and max(waits) < 5_000
    seconds = [sum(n <= wait < n + 500 for wait in waits) for n in range(1_000, 5_000, 500)]
    assert max(seconds) < 1.2 * min(seconds)
