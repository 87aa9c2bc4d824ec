"""Play announcements at their time on devices that keep no time themselves, by the sender of their channel.

What is due is held in memory and follows the notifications of schedules, so that no query looks for it. Just
before its time each announcement is claimed in the database: only one that is still to be said gets the state
`sent`, and only then it is sent. So it is sent at most once, and a cancelled, muted or held one never.
"""

import asyncio
import contextlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import raise_if_cancelled
from catflap.clock import Clock
from catflap.devices.channels.due_store import LATE, DueDevice, DueStore
from catflap.devices.devices import Channel
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.errors import CatflapError, TryAgain
from catflap.log import log, place
from catflap.store.notify import NotificationListener, TopicChanges
from catflap.store.task_types import SCHEDULE_TOPIC, device_of

CLAIM_AHEAD = timedelta(seconds=1.5)
# Claims of a second in which many are due begin earlier, by this for each so many.
_MANY, _MORE_AHEAD = 500, timedelta(seconds=0.5)
_MOST_AHEAD = timedelta(seconds=10)
_RETRY_AFTER = timedelta(seconds=1)
_BATCH = 1000
_AT_ONCE = 100


class Sender(Protocol):
    """Sends announcements to the devices of one channel.

    Attributes:
        channel: The devices that it serves.
    """

    channel: Channel

    async def send(self, device: DueDevice, announcement: Mapping[str, Any]) -> None:
        """Have a device play an announcement now; many calls run at the same time.

        Args:
            device: The device.
            announcement: As the schedule document has it; `audio` is never None.

        Raises:
            TryAgain: It can't be sent at present; it is tried again each second for a minute.
            CatflapError: It can't be sent; the announcement fails.
        """
        ...


@dataclass(frozen=True, order=True)
class _Due:
    """An announcement to send at `at`, which is its time or a later attempt."""

    at: datetime
    play_at: datetime
    id: str
    device_id: int

    @property
    def is_retry(self) -> bool:
        """Whether it was not claimed, or could not be sent, before."""
        return self.at > self.play_at


class DuePlays:
    """Service that sends announcements at their time; one process runs it (see `channels.leader`).

    Args:
        engine: The database.
        clock: The current time.
        notifications: Tell of changes of schedules.
        announcements: Builds what is sent.
        senders: One for each channel.
        on_sent: Called with the device and the announcement after each that was sent.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        notifications: NotificationListener,
        announcements: ScheduledAnnouncements,
        senders: Sequence[Sender],
        on_sent: Callable[[DueDevice, Mapping[str, Any]], Awaitable[None]] | None = None,
    ) -> None:
        self._clock = clock
        self._notifications = notifications
        self._senders: dict[str, Sender] = {one.channel: one for one in senders}
        self._store = DueStore(engine, announcements, [*self._senders])
        self._on_sent = on_sent
        self._heap: list[_Due] = []
        # How many of the heap are due in each second.
        self._in_second: Counter[datetime] = Counter()
        # The time of each announcement that waits, by device; what is not here is passed over in the heap.
        self._waiting: dict[int, dict[str, datetime]] = defaultdict(dict)
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake: Callable[[], None] = lambda: None
        # Counts what was read; by device, when its schedule changed while something was claimed and not sent.
        self._reads = 0
        self._changed: dict[int, int] = {}

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            with self._notifications.watch_prefix(SCHEDULE_TOPIC) as changes:
                self._wake = changes.event.set
                while True:
                    pause = await self._attempt(changes)
                    if pause:
                        await asyncio.sleep(pause)
                    else:
                        await self._wait(changes)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attempt(self, changes: TopicChanges) -> float:
        """Read what changed and begin what is due; return how many seconds to pause after a failure."""
        try:
            if changes.event.is_set():
                await self._read(changes.take())
        except CatflapError as error:
            raise_if_cancelled(error)
            log.warning("due_plays_failed", code=error.code, detail=error.detail)
            changes.add_all()
            return _RETRY_AFTER.total_seconds()
        self._begin_due(changes)
        return 0

    async def _read(self, topics: set[str] | None) -> None:
        if topics is not None and not topics:
            return
        now = self._clock.now()
        device_ids = None if topics is None else sorted(map(device_of, topics))
        rows = await self._store.upcoming(now, device_ids)
        self._reads += 1
        if device_ids is None:
            self._heap.clear()
            self._in_second.clear()
            self._waiting.clear()
        for device_id in device_ids or ():
            self._changed[device_id] = self._reads
            self._waiting.pop(device_id, None)
        for row in rows:
            self._waiting[row.device_id][row.id] = row.play_at
            self._push(_Due(row.play_at, row.play_at, row.id, row.device_id))
        if len(self._heap) > 1000 + 2 * sum(map(len, self._waiting.values())):
            self._heap = [one for one in self._heap if self._is_waiting(one)]
            heapq.heapify(self._heap)
            self._in_second = Counter(map(_second, self._heap))

    def _push(self, due: _Due) -> None:
        heapq.heappush(self._heap, due)
        self._in_second[_second(due)] += 1

    def _pop(self) -> _Due:
        due = heapq.heappop(self._heap)
        second = _second(due)
        self._in_second[second] -= 1
        if not self._in_second[second]:
            del self._in_second[second]
        return due

    def _claim_at(self) -> tuple[datetime, datetime]:
        """Return when to claim next, and what is due until when."""
        first = self._heap[0].at
        found = first - CLAIM_AHEAD, first
        for second, count in self._in_second.items():
            if count >= _MANY:
                ahead = min(CLAIM_AHEAD + count // _MANY * _MORE_AHEAD, _MOST_AHEAD)
                found = min(found, (second - ahead, second + timedelta(seconds=1)))
        return found

    def _is_waiting(self, due: _Due) -> bool:
        return self._waiting.get(due.device_id, {}).get(due.id) == due.play_at

    def _begin_due(self, changes: TopicChanges) -> None:
        """Take what is due soon, and send each group that has one time in a task of its own."""
        now = self._clock.now()
        soon = now + CLAIM_AHEAD
        if self._heap and (next_claim := self._claim_at())[0] <= now:
            soon = max(soon, next_claim[1])
        groups: dict[tuple[datetime, bool], dict[str, _Due]] = defaultdict(dict)
        while self._heap and self._heap[0].at <= soon:
            due = self._pop()
            if self._is_waiting(due):
                groups[due.at, due.is_retry][due.id] = due
        for (at, is_retry), group in groups.items():
            for due in group.values():
                self._waiting[due.device_id].pop(due.id, None)
            task = asyncio.create_task(self._play(at, group, is_retry=is_retry))
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._ended(done, changes))

    def _ended(self, task: asyncio.Task[None], changes: TopicChanges) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, CatflapError):
            log.warning("due_plays_failed", code=error.code, detail=error.detail)
        elif error is not None:
            at = place(error.__traceback__)
            log.error("due_plays_failed_unexpectedly", error=type(error).__name__, at=at)
        if error is not None:
            # What was not claimed is read again.
            asyncio.get_running_loop().call_later(_RETRY_AFTER.total_seconds(), changes.add_all)
        if not self._tasks:
            self._changed.clear()

    async def _play(self, at: datetime, group: Mapping[str, _Due], *, is_retry: bool) -> None:
        """Claim a group, wait for its time, and send it; a retry is not even claimed before its time."""
        if is_retry:
            # What has its sound meanwhile is read again, and need not wait for this.
            await self._clock.sleep_until(at)
        begun = self._reads
        claimed: list[tuple[DueDevice, dict[str, Any]]] = []
        ids = sorted(group)
        failure: CatflapError | None = None
        for first in range(0, len(ids), _BATCH):
            try:
                claimed += await self._store.claim(ids[first : first + _BATCH], self._clock.now())
            except CatflapError as error:
                # What was claimed is sent all the same.
                failure = error
                break
        got = {announcement["id"] for _, announcement in claimed}
        if failure is None:
            unclaimed = await self._store.unsent([one for one in ids if one not in got])
            self._try_later((group[one] for one in unclaimed), self._clock.now())
        await self._clock.sleep_until(at)
        claimed = await self._without_cancelled(claimed, begun)
        by_channel: dict[str, list[tuple[DueDevice, dict[str, Any]]]] = defaultdict(list)
        for one in claimed:
            by_channel[one[0].channel].append(one)
        # A channel that is slow to answer delays no further attempt of another.
        await asyncio.gather(*(self._send_all(ones, group) for ones in by_channel.values()))
        if failure is not None:
            raise failure

    async def _send_all(
        self, claimed: list[tuple[DueDevice, dict[str, Any]]], group: Mapping[str, _Due]
    ) -> None:
        """Send to the devices of one channel."""
        unsent = await self._send_each(claimed)
        if unsent:
            now = self._clock.now()
            await self._store.release(unsent, now)
            self._try_later((group[one] for one in unsent), now)

    def _try_later(self, dues: Iterable[_Due], now: datetime) -> None:
        """Try again what has no sound yet, what a plan changes right now, or what could not be sent."""
        for due in dues:
            if now < due.play_at + LATE:
                self._waiting[due.device_id].setdefault(due.id, due.play_at)
                self._push(_Due(max(now, due.play_at) + _RETRY_AFTER, due.play_at, due.id, due.device_id))
        # It may come before the rest.
        self._wake()

    async def _without_cancelled(
        self, claimed: list[tuple[DueDevice, dict[str, Any]]], since: int
    ) -> list[tuple[DueDevice, dict[str, Any]]]:
        """Leave out what was cancelled or muted after it was claimed."""
        ids = [
            announcement["id"]
            for device, announcement in claimed
            if self._changed.get(device.id, since) > since
        ]
        if not ids:
            return claimed
        try:
            gone = set(ids) - await self._store.still_sent(ids, self._clock.now())
        except TryAgain:
            # It was to be said a moment ago.
            return claimed
        return [one for one in claimed if one[1]["id"] not in gone]

    async def _send_each(self, claimed: Sequence[tuple[DueDevice, dict[str, Any]]]) -> list[str]:
        """Send all, some at the same time; return the ids of those to try again."""
        unsent: list[str] = []
        left = iter(claimed)

        async def work() -> None:
            for one in left:
                if await self._send(*one) is not None:
                    unsent.append(one[1]["id"])

        # Not a task for each: thousands would all begin before the first is answered.
        await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(claimed)))))
        return unsent

    async def _send(self, device: DueDevice, announcement: dict[str, Any]) -> dict[str, Any] | None:
        """Send one; return it if that is to be tried again."""
        try:
            await self._senders[device.channel].send(device, announcement)
        except TryAgain as error:
            log.warning("play_not_sent", device=device.id, code=error.code, detail=error.detail)
            return announcement
        except CatflapError as error:
            log.warning("play_failed", device=device.id, code=error.code, detail=error.detail)
            await self._store.fail(announcement["id"], error.code, self._clock.now())
            return None
        except Exception as error:
            at = place(error.__traceback__)
            log.error("play_failed_unexpectedly", device=device.id, error=type(error).__name__, at=at)
            return None
        if self._on_sent is not None:
            await self._on_sent(device, announcement)
        return None

    async def _wait(self, changes: TopicChanges) -> None:
        """Wait for a change, or until the next announcement is to be claimed."""
        if not self._heap:
            await changes.event.wait()
            return
        waits = [
            asyncio.create_task(changes.event.wait()),
            asyncio.create_task(self._clock.sleep_until(self._claim_at()[0])),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            for wait in waits:
                with contextlib.suppress(asyncio.CancelledError):
                    await wait


def _second(due: _Due) -> datetime:
    return due.at.replace(microsecond=0)
