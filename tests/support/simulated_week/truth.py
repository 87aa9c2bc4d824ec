"""What is in people's calendars at Google, at each time of the week: what devices may and must say."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from google_sandbox import Sandbox
from google_sandbox.calendar.calendar_store import SandboxCalendar
from google_sandbox.calendar.event_listing import single_events
from tests.support.simulated_week.choices import MARK

_BEFORE, _AFTER = timedelta(hours=3), timedelta(hours=26)
# So far ahead each snapshot has all instances, also some time later.
KNOWN = timedelta(hours=24)


class Instance(NamedTuple):
    """An instance of an event that is announced by its title."""

    title: str
    starts_at: datetime
    calendar: str


class _Snapshot(NamedTuple):
    at: datetime
    selected: dict[str, frozenset[str]]
    instances: dict[str, frozenset[Instance]]


class Truth:
    """Which calendars each account has selected, and the instances in all calendars, as snapshots."""

    def __init__(self, sandbox: Sandbox, emails: tuple[str, ...]) -> None:
        self._sandbox = sandbox
        self._emails = emails
        self._snapshots: list[_Snapshot] = []

    def record(self) -> None:
        """Take a snapshot; to be called after each edit."""
        now, store = self._sandbox.now(), self._sandbox.state.calendar_store
        selected = {email: frozenset(self._selected(email)) for email in self._emails}
        # Those of other calendars, too: a list may be older than the events.
        instances = {name: frozenset(_instances(one, now)) for name, one in store.calendars.items()}
        self._snapshots.append(_Snapshot(now, selected, instances))

    def is_told(
        self, email: str, title: str, starts_at: datetime, listed_at: datetime, synced_at: dict[str, datetime]
    ) -> bool:
        """Return whether a copy with these times of its last syncs may have such an instance.

        Args:
            email: The account.
            title: The instance's.
            starts_at: The instance's.
            listed_at: When the calendar list was read.
            synced_at: When the calendars were read.
        """
        selected = frozenset[str]().union(*(one.selected[email] for one in self._since(listed_at)))
        return any(
            Instance(title, starts_at, name) in one.instances.get(name, ())
            for name in selected
            for one in self._since(synced_at.get(name, listed_at))
        )

    def all_the_time(self, email: str, since: datetime) -> frozenset[Instance]:
        """Return the instances of selected calendars that were there from `since` on without a pause."""
        first, *others = (
            frozenset[Instance]().union(*(one.instances[name] for name in one.selected[email]))
            for one in self._since(since)
        )
        return first.intersection(*others)

    def _since(self, at: datetime) -> list[_Snapshot]:
        # An edit at the very time of a sync may have been before or after it.
        return self._snapshots[max(bisect_left(self._snapshots, at, key=lambda one: one.at) - 1, 0) :]

    def _selected(self, email: str) -> Iterator[str]:
        account, store = self._sandbox.account(email), self._sandbox.state.calendar_store
        for entry in store.list_of(account).values():
            is_there = not entry.deleted and not store.calendars[entry.calendar_id].deleted
            if is_there and entry.settings.get("selected", True):
                yield entry.calendar_id


def _instances(calendar: SandboxCalendar, now: datetime) -> Iterator[Instance]:
    for event in single_events(calendar, now - _BEFORE, now + _AFTER, now):
        title, start = event.get("summary", ""), event["start"]
        private = event.get("visibility") in ("private", "confidential")
        if title.startswith(MARK) and "dateTime" in start and not private and not _declined(event):
            yield Instance(title, datetime.fromisoformat(start["dateTime"]).astimezone(UTC), calendar.id)


def _declined(event: dict[str, object]) -> bool:
    attendees = event.get("attendees")
    return isinstance(attendees, list) and any(
        one.get("self") and one.get("responseStatus") == "declined" for one in attendees
    )
