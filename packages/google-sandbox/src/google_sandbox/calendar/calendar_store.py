"""In-memory calendars with their events and the history that incremental synchronisation needs.

Event resources are never changed in place: a change replaces the dictionary, so that what a sync token saw
stays readable. It knows nothing about requests, scopes or time windows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from google_sandbox.calendar.sharing import Rule, rank
from google_sandbox.models import SandboxAccount
from google_sandbox.timestamps import format_timestamp, zone

Resource = dict[str, Any]


@dataclass(slots=True, eq=False)
class Record:
    """The versions of an event: the current one, its change number, and all earlier ones."""

    resource: Resource
    changed: int
    former: list[tuple[int, Resource]] = field(default_factory=list)

    def at(self, change: int) -> Resource | None:
        """Return the resource as it was after this change, None if it did not exist."""
        if self.changed <= change:
            return self.resource
        earlier = [resource for made, resource in self.former if made <= change]
        return earlier[-1] if earlier else None


@dataclass(slots=True, eq=False)
class SandboxCalendar:
    """One calendar with its events; `changes` counts every change since it was made."""

    id: str
    owner: str
    summary: str
    time_zone: str
    made_at: datetime
    description: str | None = None
    location: str | None = None
    changes: int = 0
    generation: int = 0
    etag: int = 0
    updated_at: datetime | None = None
    deleted: bool = False
    acl_changes: int = 0
    rules: dict[str, Rule] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    exceptions: dict[str, dict[str, str]] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)
    watchers: list[Callable[[], None]] = field(default_factory=list)

    @property
    def zone(self) -> tzinfo:
        """The calendar's own zone."""
        return zone(self.time_zone)

    def next_etag(self, now: datetime) -> str:
        """Return a new entity tag."""
        self.etag = max(self.etag + 2, int(now.timestamp() * 1000) * 2)
        return f'"{self.etag}"'

    def put(self, resource: Resource, now: datetime) -> Resource:
        """Store a new version of an event with time stamps and ETag, and return it."""
        previous = self.records.get(resource["id"])
        created = previous.resource.get("created") if previous else resource.get("created")
        self.changes += 1
        self.updated_at = now
        resource = {
            "kind": "calendar#event",
            "etag": self.next_etag(now),
            **{k: v for k, v in resource.items() if k not in ("kind", "etag", "created", "updated")},
            "created": created or format_timestamp(now),
            "updated": format_timestamp(now),
        }
        if previous:
            former = [*previous.former, (previous.changed, previous.resource)]
            self.records[resource["id"]] = Record(resource, self.changes, former)
        else:
            self.records[resource["id"]] = Record(resource, self.changes)
        if master := resource.get("recurringEventId"):
            key = resource["id"].removeprefix(f"{master}_")
            self.exceptions.setdefault(master, {})[key] = resource["id"]
        self.cache.clear()
        for watcher in self.watchers:
            watcher()
        return resource

    def expire_tokens(self) -> None:
        """Expire every sync token issued so far."""
        self.generation += 1
        self.cache.clear()

    def live(self, event_id: str) -> Resource | None:
        """Return an event, None if there is none or it is cancelled."""
        record = self.records.get(event_id)
        return record.resource if record and record.resource["status"] != "cancelled" else None

    def role_of(self, account: SandboxAccount) -> str:
        """Return the access role of an account, `none` if this calendar is not shared with it."""
        if account.sub == self.owner:
            return "owner"
        roles = [rule.role for rule in self.rules.values() if rule.concerns(account)]
        return max(roles, key=rank, default="none")

    def exceptions_of(self, master_id: str) -> dict[str, Resource]:
        """Return the changed and cancelled instances of a series by the suffix of their id."""
        return {key: self.records[id_].resource for key, id_ in self.exceptions.get(master_id, {}).items()}


@dataclass(slots=True, eq=False)
class Entry:
    """A calendar in one user's list, with that user's own settings."""

    calendar_id: str
    access_role: str = "owner"
    settings: Resource = field(default_factory=dict)
    etag: int = 1
    changed: int = 0
    deleted: bool = False


class CalendarStore:
    """Every calendar and every user's calendar list; a primary calendar is created at first use."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.calendars: dict[str, SandboxCalendar] = {}
        self.lists: dict[str, dict[str, Entry]] = {}
        self.list_changes = 0
        self.list_generation = 0
        self.on_change: Callable[[SandboxCalendar], None] | None = None
        self.on_list_change: Callable[[str], None] | None = None

    def expire_tokens(self, subs: Collection[str] | None = None) -> None:
        """Expire the sync tokens of these users' calendars (or of all), and of every calendar list."""
        for calendar in self.calendars.values():
            if subs is None or calendar.owner in subs:
                calendar.expire_tokens()
        self.list_generation += 1

    def list_of(self, account: SandboxAccount) -> dict[str, Entry]:
        """Return a user's calendar list, the primary calendar first."""
        entries = self.lists.get(account.sub)
        if entries is None:
            entries = self.lists[account.sub] = {}
            japanese = account.locale.startswith("ja")
            self.create(
                account, account.email, account.email, "Asia/Tokyo" if japanese else "UTC", quiet=True
            )
            entries[account.email].settings = {
                "defaultReminders": [{"method": "popup", "minutes": 30}],
                "selected": True,
                "colorId": "14",
            }
        return entries

    def create(
        self, account: SandboxAccount, calendar_id: str, summary: str, time_zone: str, quiet: bool = False
    ) -> SandboxCalendar:
        """Create a calendar and put it on its owner's list."""
        entries = self.lists[account.sub] if quiet else self.list_of(account)
        calendar = SandboxCalendar(calendar_id, account.sub, summary, time_zone, self._now())
        calendar.next_etag(self._now())
        self.adopt(calendar)
        entries[calendar_id] = Entry(calendar_id)
        self.touch(account.sub, entries[calendar_id], quiet)
        return calendar

    def is_taken(self, calendar_id: str) -> bool:
        """Return whether there is a calendar with this id, of any owner."""
        names = {calendar_id, calendar_id.lower()}
        return any(name in self.calendars and not self.calendars[name].deleted for name in names)

    def adopt(self, calendar: SandboxCalendar) -> None:
        """Store a calendar and subscribe to its changes."""
        calendar.watchers.append(lambda: self.on_change(calendar) if self.on_change else None)
        self.calendars[calendar.id] = calendar

    def move_to_zone(self, calendar: SandboxCalendar, time_zone: str) -> None:
        """Set the time zone of a calendar, which its whole-day and floating times follow."""
        zone(time_zone)
        is_new = time_zone != calendar.time_zone
        calendar.time_zone = time_zone
        calendar.next_etag(self._now())
        calendar.cache.clear()
        if is_new:
            self.touch_lists(calendar)

    def touch(self, sub: str, entry: Entry, quiet: bool = False) -> None:
        """Record that a list entry changed."""
        self.list_changes += 1
        entry.changed = self.list_changes
        entry.etag = max(entry.etag + 2, int(self._now().timestamp() * 1000) * 2)
        if self.on_list_change and not quiet:
            self.on_list_change(sub)

    def touch_lists(self, calendar: SandboxCalendar) -> None:
        """Record that what every list shows of a calendar changed, such as its name."""
        for sub, entries in self.lists.items():
            entry = entries.get(calendar.id)
            if entry is not None and not entry.deleted:
                self.touch(sub, entry)

    def share(
        self, calendar: SandboxCalendar, scope: str, value: str, role: str, accounts: Iterable[SandboxAccount]
    ) -> Rule:
        """Set the access rule of a scope; accounts without access lose the calendar from their list."""
        calendar.acl_changes += 1
        rule = Rule(scope, value, role, calendar.etag + calendar.acl_changes, calendar.acl_changes)
        calendar.rules[rule.id] = rule
        for account in accounts:
            entry = self.lists.get(account.sub, {}).get(calendar.id)
            if entry is None:
                continue
            now = calendar.role_of(account)
            if entry.deleted or now == entry.access_role:
                continue
            if now == "none":
                entry.deleted = True
            else:
                entry.access_role = now
            self.touch(account.sub, entry)
        return rule

    def delete(self, calendar: SandboxCalendar) -> None:
        """Delete a calendar from every list."""
        calendar.deleted = True
        for sub, entries in self.lists.items():
            entry = entries.get(calendar.id)
            if entry is not None and not entry.deleted:
                entry.deleted = True
                self.touch(sub, entry)

    def restore_lists(
        self, lists: dict[str, dict[str, Entry]], accounts: Mapping[str, SandboxAccount]
    ) -> None:
        """Restore calendar lists read from a state file, and the rules that older files lack."""
        self.lists.update(lists)
        for sub, entries in lists.items():
            for entry in entries.values():
                calendar = self.calendars[entry.calendar_id]
                if calendar.owner != sub and not calendar.rules and not entry.deleted:
                    rule = Rule("user", accounts[sub].email, entry.access_role)
                    calendar.rules[rule.id] = rule

    def find(self, account: SandboxAccount, calendar_id: str) -> tuple[SandboxCalendar, Entry] | None:
        """Return a calendar this user has access to, and its entry on their list; `primary` is their own.

        A calendar that is not on the list has an entry that is marked as deleted.
        """
        entries = self.list_of(account)
        wanted = account.email if calendar_id == "primary" else calendar_id
        calendar = self.calendars.get(wanted) or self.calendars.get(wanted.lower())
        if calendar is None or calendar.deleted:
            return None
        role = calendar.role_of(account)
        if role == "none":
            return None
        return calendar, entries.get(calendar.id) or Entry(calendar.id, role, deleted=True)
