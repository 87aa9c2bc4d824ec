"""The week: time goes on from one moment of interest to the next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

from catflap.clock import FixedClock
from catflap.settings import PUSH_PATH
from catflap.store.database import Urls, asyncpg_options
from google_sandbox import Sandbox
from google_sandbox.calendar.channels import Channel
from tests.support.app_client import CALENDAR, RunningApp, running_app_of
from tests.support.simulated_week.choices import MARK, ZONES
from tests.support.simulated_week.devices import VirtualDevice, add_device
from tests.support.simulated_week.edits import RandomEdits
from tests.support.simulated_week.google_faults import FaultyGoogle
from tests.support.simulated_week.truth import KNOWN, Truth
from tests.support.simulated_week.work import Work

EMAILS = ("ada@example.com", "bea@example.com", "cid@example.com")
POLLED, SELDOM = timedelta(minutes=5), timedelta(hours=1)
_TICK = timedelta(seconds=15)
# Ticks are every 15 seconds; most of them would find nothing to do.
_PAUSE = timedelta(minutes=1)
_LEAD = timedelta(minutes=10)
# Weeks with a change of the clocks of Berlin, of New York, and of Berlin again.
_STARTS = (
    datetime(2026, 10, 22, 5, tzinfo=UTC),
    datetime(2027, 3, 10, 5, tzinfo=UTC),
    datetime(2027, 3, 25, 5, tzinfo=UTC),
)
# Many requests happen at one moment of simulated time.
SETTINGS: dict[str, Any] = {"calendars": True, "calendar_user_requests_per_minute": 100_000}
_SCOPES = ("openid", "email", "profile", *CALENDAR, "calendar.settings.readonly")
_LISTS = "SELECT user_id, listed_at, retry_at FROM app.calendar_syncs"
_CALENDARS = "SELECT user_id, google_id, synced_at FROM app.calendars WHERE is_selected"


@dataclass(frozen=True)
class _Copy:
    """When our copy of an account was read; `waiting` are calendars that never were."""

    listed_at: datetime
    retry_at: datetime | None
    synced_at: dict[str, datetime]
    waiting: int

    @property
    def since(self) -> datetime:
        """The oldest of these times."""
        return min([self.listed_at, *self.synced_at.values()])


class SimulatedWeek:
    """Users with calendars and devices, whose Google and whose worker fail now and then.

    Args:
        app: Without a worker.
        google: What stands in front of its Google.
        database: A connection as its owner.
        seed: The same seed makes the same edits.
        has_push: Whether Google sends notifications.

    Attributes:
        faults: What must not happen.
    """

    def __init__(
        self,
        app: RunningApp,
        google: FaultyGoogle,
        database: asyncpg.Connection,
        seed: str,
        *,
        has_push: bool,
    ) -> None:
        self.app = app
        self.has_push = has_push
        self._database = database
        self.google = google
        self.clock = app.clock
        self.truth = Truth(app.sandbox, EMAILS)
        self.edits = RandomEdits(app.sandbox, Random(f"{seed} edits"), EMAILS)
        self.work = Work(app, database, Random(f"{seed} work"))
        self.devices: list[VirtualDevice] = []
        self._bearers: dict[str, dict[str, str]] = {}
        self._chance = Random(f"{seed} week")
        self._faults: list[str] = []
        self._users: dict[str, int] = {}
        self._copies: dict[str, _Copy] = {}
        self._channels: dict[str, Channel] = {}
        self._checked_until = self.clock.now()

    @property
    def faults(self) -> list[str]:
        """What must not have happened."""
        return [*self._faults, *(fault for one in self.devices for fault in one.faults)]

    async def begin(self) -> None:
        """Fill the calendars and pair the devices."""
        for _ in range(90):
            self.edits.one()
        self._users, self._bearers, self.devices = await sign_everybody_in(self.app)
        self.truth.record()
        await self.work.run_jobs()
        await self._notify()

    async def busy_hours(self, hours: int, fault_rate: float, crash_rate: float) -> None:
        """Let people edit calendars while requests and workers fail."""
        self.google.rate, self.work.crash_rate = fault_rate, crash_rate
        self.app.sandbox.lose_notifications(fault_rate)
        end = self.clock.now() + timedelta(hours=hours)
        while self.clock.now() < end:
            await self.advance_to(min(end, self.clock.now() + self._until_next_edit()))
            for _ in range(self._chance.choice((1, 1, 2, 6))):
                self.edits.one()
            self.truth.record()
            if self.has_push:
                await self._repeat_a_notification()
                await self._notify()
            if self._chance.random() < 0.03:
                await self._choose_zone()
        self.google.rate = self.work.crash_rate = 0.0
        self.app.sandbox.lose_notifications(0.0)

    async def quiet_hours(self, hours: int) -> None:
        """Let time go on while nobody changes anything, with few ticks."""
        for _ in range(hours):
            await self.advance_to(self.clock.now() + timedelta(hours=1), at_least=timedelta(hours=1))
            self.truth.record()

    async def settle(self) -> None:
        """Let everything be read again without faults, and made up for what failed."""
        await self.advance_to(self.clock.now() + 2 * (SELDOM if self.has_push else 3 * POLLED))
        for user_id in self._users.values():
            await self.app.catflap.components.jobs.planner.plan_user(user_id)
        await self._after_work()

    async def advance_to(self, end: datetime, *, at_least: timedelta = _PAUSE) -> None:
        """Let time go on until `end`.

        Args:
            end: When.
            at_least: The pause between two ticks.
        """
        tick_at = self.clock.now()
        while self.clock.now() < end:
            tick_at = await self._next_tick(tick_at + at_least, end)
            while True:
                plays = [at for one in self.devices if (at := one.next_play_at()) is not None]
                self.clock.advance_to(min([tick_at, *plays]))
                await self._play()
                if self.clock.now() >= tick_at:
                    break
            await self.work.tick()
            await self._after_work()

    def describe(self) -> str:
        """Return what has happened, for people."""
        said = sum(len(one.said) for one in self.devices)
        return (
            f"{said} announcements; edits {dict(self.edits.counts)}; jobs {dict(self.work.counts)};"
            f" faults {dict(self.google.counts)}"
        )

    async def _next_tick(self, earliest: datetime, end: datetime) -> datetime:
        moments = [await self.work.next_due_at(), self.work.next_retry_at(), end]
        wanted = max(earliest, min(at for at in moments if at is not None))
        return min(end, wanted + (_START_OF_TICKS - wanted) % _TICK)

    async def _play(self) -> None:
        now = self.clock.now()
        for device in self.devices:
            copy = self._copies[device.email]
            for said in await device.play(now):
                for event in said.events():
                    if event[1] > now + KNOWN:
                        continue  # a change of a later day
                    told = self.truth.is_told(device.email, *event, copy.listed_at, copy.synced_at)
                    if not told and not self.work.is_planning:
                        self._faults.append(f"{now} {device.email}: {event} was said in vain; {copy}")
            self._check_nothing_missed(device, copy, now)
        self._checked_until = now

    def _check_nothing_missed(self, device: VirtualDevice, copy: _Copy, now: datetime) -> None:
        if copy.waiting or self.work.is_planning:
            return
        heard, earliest = device.heard(), max(self._checked_until, copy.since)
        for one in self.truth.all_the_time(device.email, copy.since):
            if earliest < one.starts_at - _LEAD <= now and (one.title, one.starts_at) not in heard:
                self._faults.append(f"{now} {device.email}: {one} was not said; {copy}")

    async def _after_work(self) -> None:
        versions = dict(await self._database.fetch("SELECT id, schedule_version FROM app.devices"))
        for device in self.devices:
            if versions[device.id] != device.version:
                await device.fetch()
        lists = {row[0]: row[1:] for row in await self._database.fetch(_LISTS)}
        calendars = await self._database.fetch(_CALENDARS)
        for email, user_id in self._users.items():
            synced = {name: at for user, name, at in calendars if user == user_id and at is not None}
            waiting = sum(user == user_id and at is None for user, _, at in calendars)
            self._copies[email] = copy = _Copy(*lists[user_id], synced, waiting)
            self._check_age(email, copy)

    def _check_age(self, email: str, copy: _Copy) -> None:
        """Check that a copy is at most as old as the polling interval where nothing has failed since."""
        now, failed = self.clock.now(), [self.google.last.get(email), self.google.last.get(None)]
        last_failure = max((at for at in failed if at is not None), default=_START_OF_TICKS)
        often, seldom = (SELDOM, SELDOM) if self.has_push else (POLLED, 3 * POLLED)
        for at, longest in ((copy.listed_at, seldom), *((at, often) for at in copy.synced_at.values())):
            if now - at > longest + 2 * _PAUSE and last_failure < at and not self.work.is_retrying:
                self._faults.append(f"{now} {email}: a copy is of {at}; {copy}")

    async def _notify(self) -> None:
        """Let what Google has sent arrive, and run the jobs."""
        delivery = self.app.sandbox.state.delivery
        while delivery._queues or delivery._busy:  # noqa: ASYNC110 (it has no event for that)
            await asyncio.sleep(0)
        await self.work.run_jobs()
        await self._after_work()

    async def _repeat_a_notification(self) -> None:
        """Send a notification again, perhaps of a channel that has ended: Google may be late."""
        self._channels.update({one.id: one for one in self.app.sandbox.state.channels.all()})
        if self._channels and self._chance.random() < 0.3:
            channel = self._chance.choice([*self._channels.values()])
            answer = await self.app.client.post(PUSH_PATH, headers=channel.headers("exists"))
            assert answer.status_code in (204, 404), answer.text

    def _until_next_edit(self) -> timedelta:
        return timedelta(minutes=self._chance.choice((1, 2, 4, 9)), seconds=self._chance.randint(0, 59))

    async def _choose_zone(self) -> None:
        bearer = self._bearers[self._chance.choice(EMAILS)]
        preferences = (await self.app.client.get("/v1/preferences", headers=bearer)).json()
        wanted = {**preferences, "zone": self._chance.choice(ZONES)}
        answer = await self.app.client.put("/v1/preferences", headers=bearer, json=wanted)
        assert answer.status_code == 200, answer.text


_START_OF_TICKS = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def simulated_week(
    urls: Urls, data_dir: Path, seed: int, *, has_push: bool
) -> AsyncIterator[SimulatedWeek]:
    """Start a Google and a Catflap in a week in which clocks change."""
    clock = FixedClock(_STARTS[seed % len(_STARTS)])
    sandbox = Sandbox(clock=clock.now, seed=seed)
    google = FaultyGoogle(sandbox, Random(f"{seed} google"))
    for email in EMAILS:
        sandbox.add_account(email, locale="ja" if email == EMAILS[2] else "en")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(sandbox.serve())
        app = await stack.enter_async_context(
            running_app_of(sandbox, urls, clock, data_dir, push=has_push, google_timeout=1.0, **SETTINGS)
        )
        database = await asyncpg.connect(**asyncpg_options(urls.owner))
        stack.push_async_callback(database.close)
        yield SimulatedWeek(app, google, database, str(seed), has_push=has_push)


async def sign_everybody_in(
    app: RunningApp,
) -> tuple[dict[str, int], dict[str, dict[str, str]], list[VirtualDevice]]:
    """Sign all users in, in the same order each time, and pair a device with each.

    Returns:
        Their ids, their headers and the devices.
    """
    users, bearers, devices = {}, {}, []
    for email in EMAILS:
        body: dict[str, Any] = {
            "client": "native",
            "code": app.native_code(email, _SCOPES, force_refresh_token=True),
        }
        answer = (await app.client.post("/signin/google/code", json=body)).json()
        users[email], bearers[email] = answer["user_id"], {"Authorization": f"Bearer {answer['token']}"}
        devices.append(await add_device(app, email, users[email], bearers[email]))
    return users, bearers, devices


def titles_in(text: str) -> bool:
    """Return whether a text has the title of an event."""
    return MARK in text
