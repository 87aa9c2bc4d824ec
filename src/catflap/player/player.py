"""Follow a schedule, and play it: on time, also while the server is away.

The device keeps time by the clock of its machine, or by the server's where that is wrong by over a second.
What disappears from the schedule before it has begun is not played. Acknowledgements are stored and
sent when the server is there, before the heartbeat after which it counts the rest as missed.
"""

import asyncio
import contextlib
import random
import time
from datetime import datetime, timedelta
from typing import Any

from catflap.clock import Clock
from catflap.errors import BadRequest, CatflapError
from catflap.log import log
from catflap.player.api import DeviceApi
from catflap.player.outputs import Output
from catflap.player.pcm import read_wav
from catflap.player.storage import Storage

HEARTBEAT_SECONDS = 20.0
# A sound is handed to the output this early, so that it begins on time.
LEAD = timedelta(seconds=0.5)
# The kinds that are true for as long as they are in the schedule; the others tell of minutes.
LASTING = frozenset({"briefing", "evening", "all_day", "moved", "cancelled", "reconsent", "say", "paired"})
TOO_LATE = timedelta(seconds=90)
_CLOCK_WRONG = timedelta(seconds=1)
_LONGEST_PAUSE = 30.0
_AGAIN_SECONDS = 5.0


class Player:
    """One device that plays.

    Args:
        api: Its requests.
        storage: What it keeps.
        output: Where it plays.
        clock: The clock of this machine.
    """

    def __init__(self, api: DeviceApi, storage: Storage, output: Output, clock: Clock) -> None:
        self._api = api
        self._storage = storage
        self._output = output
        self._clock = clock
        self._offset = timedelta(0)
        self._document = storage.schedule() or {"announcements": []}
        self._watchers: set[asyncio.Event] = set()

    async def run(self) -> None:
        """Play until cancelled.

        Raises:
            BadRequest: `unpaired`.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._follow, self._fetch_sounds, self._play, self._report):
                    group.create_task(work())
        except* CatflapError as errors:
            raise _first(errors) from None

    def _now(self) -> datetime:
        return self._clock.now() + self._offset

    async def _follow(self) -> None:
        attempt = 0
        while True:
            try:
                async for document in self._api.documents():
                    attempt = 0
                    self._take(document)
            except BadRequest:
                raise
            except CatflapError as error:
                log.warning("server_unavailable", code=error.code, hint=error.message)
            attempt += 1
            pause = min(_LONGEST_PAUSE, 2.0 ** min(attempt - 1, 10)) * random.uniform(0.5, 1)  # noqa: S311
            await asyncio.sleep(pause)

    def _take(self, document: dict[str, Any]) -> None:
        offset = datetime.fromisoformat(document["now"]) - self._clock.now()
        if abs(offset) > _CLOCK_WRONG and abs(offset - self._offset) > _CLOCK_WRONG:
            log.warning("clock_wrong", seconds=round(-offset.total_seconds()), hint="The server's is used.")
        self._offset = offset if abs(offset) > _CLOCK_WRONG else timedelta(0)
        self._document = document
        self._storage.keep_schedule(document)
        self._wake()

    async def _fetch_sounds(self) -> None:
        """Hold the sounds of the schedule, the next ones first."""
        with self._watching() as changed:
            while True:
                changed.clear()
                whole = await self._hold(self._document)
                await _wait(changed, None if whole else _AGAIN_SECONDS)

    async def _hold(self, document: dict[str, Any]) -> bool:
        audios = [one["audio"] for one in self._coming(document) if one["audio"]]
        self._storage.keep_sounds([audio["sha256"] for audio in audios])
        room, whole = self._storage.room_for_sounds(), True
        for audio in audios:
            if document is not self._document:
                return False
            if self._storage.sound(audio["sha256"]) is None and audio["bytes"] <= room:
                fetched = await self._fetch(audio)
                room -= audio["bytes"] if fetched else 0
                whole = whole and fetched
        return whole

    async def _fetch(self, audio: dict[str, Any]) -> bool:
        try:
            content = await self._api.sound(audio["url"])
        except CatflapError as error:
            log.warning("sound_missing", code=error.code)
            return False
        if self._storage.keep_sound(audio["sha256"], content):
            self._wake()
            return True
        log.warning("sound_broken", hint="It is not what the schedule says, or there is no room for it.")
        return False

    async def _play(self) -> None:
        with self._watching() as changed:
            while True:
                changed.clear()
                coming = self._coming(self._document)
                due = _time(coming[0], "play_at") if coming else None
                if due is not None and due - LEAD <= self._now():
                    await self._say(coming[0], changed)
                else:
                    await self._until(due - LEAD if due else None, changed)

    async def _say(self, one: dict[str, Any], changed: asyncio.Event) -> None:
        now, play_at, last = self._now(), _time(one, "play_at"), _last_moment(one)
        content = self._storage.sound(one["audio"]["sha256"]) if one["audio"] else None
        muted_until = self._document.get("muted_until")
        if muted_until and play_at < datetime.fromisoformat(muted_until):
            if now < play_at:
                await self._until(play_at, changed)
            else:
                self._end(one, "held", "muted")
        elif now >= last:
            self._end(one, *(("missed", "") if content else ("failed", "no_sound")))
        elif content is None:
            await self._until(last, changed)
        else:
            await self._sound(one, content)

    async def _sound(self, one: dict[str, Any], content: bytes) -> None:
        wait = (_time(one, "play_at") - self._now()).total_seconds()
        start_at = time.monotonic() + max(0.0, wait)
        try:
            sound = read_wav(content).at_volume(int(self._document.get("volume", 100)))
        except BadRequest as error:
            self._end(one, "failed", error.code)
            return
        self._storage.begin(one["id"])
        played = await self._output.play(sound, start_at)
        self._end(one, "played" if played else "failed", "" if played else "no_speaker")

    def _end(self, one: dict[str, Any], state: str, detail: str) -> None:
        if not self._storage.is_done(one["id"]):
            self._storage.begin(one["id"])
        self._storage.add_ack(one["id"], state, self._now(), detail)
        log.info(
            "announcement_ended", kind=one["kind"], due=one["play_at"], state=state, detail=detail or None
        )
        self._wake()

    async def _report(self) -> None:
        with self._watching() as changed:
            while True:
                changed.clear()
                try:
                    await self._send_acks()
                    await self._api.send_heartbeat()
                except BadRequest:
                    raise
                except CatflapError:
                    # `_follow` says why.
                    await asyncio.sleep(_AGAIN_SECONDS)
                else:
                    await self._rest(changed)

    async def _rest(self, changed: asyncio.Event) -> None:
        """Wait until there is something to acknowledge, or for the next heartbeat."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                while self._storage.next_ack() is None:
                    await changed.wait()
                    changed.clear()

    async def _send_acks(self) -> None:
        while ack := self._storage.next_ack():
            try:
                await self._api.acknowledge(ack)
            except BadRequest as error:
                if error.code == "unpaired":
                    raise
                log.warning("acknowledgement_refused", code=error.code)
            self._storage.remove_ack(ack)

    def _coming(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        waiting = [one for one in document["announcements"] if not self._storage.is_done(one["id"])]
        return sorted(waiting, key=lambda one: str(one["play_at"]))

    async def _until(self, at: datetime | None, changed: asyncio.Event) -> None:
        """Wait until a time, or something changes."""
        left = None if at is None else max(0.0, (at - self._now()).total_seconds())
        # In short intervals, because the clock may be set and the machine may be suspended.
        await _wait(changed, left if left is None else min(left, 30.0))

    @contextlib.contextmanager
    def _watching(self) -> Any:
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)

    def _wake(self) -> None:
        for event in self._watchers:
            event.set()


async def _wait(changed: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, at most so long; `asyncio.wait_for` may lose a cancellation before Python 3.12."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await changed.wait()


def _time(one: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(one[name])


def _last_moment(one: dict[str, Any]) -> datetime:
    """Return when it is too late to say it."""
    end = _time(one, "expires_at")
    return end if one["kind"] in LASTING else min(end, _time(one, "play_at") + TOO_LATE)


def _first(errors: BaseExceptionGroup[CatflapError]) -> CatflapError:
    found = errors.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
