"""Admin methods about calendars, events and push channels."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any, Literal, get_args

from google_sandbox.admin.base import AdminMethods, api_errors_as_value_errors
from google_sandbox.admin.operations import admin_route
from google_sandbox.calendar import importing, mutations, watch_routes
from google_sandbox.calendar.calendar_store import Entry
from google_sandbox.calendar.event_listing import single_events
from google_sandbox.calendar.ical.report import ImportReport

Role = Literal["freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner"]
Event = dict[str, Any]


class CalendarMethods(AdminMethods):
    """Calendars, events and push channels."""

    @admin_route("POST", "calendars/{email}/{calendar_id}/import", body="data")
    def import_ical(self, email: str, data: str | bytes, calendar_id: str = "primary") -> ImportReport:
        """Put the events of an iCalendar file into a calendar, which is created if there is none.

        Returns how many were `imported`, and as (uid, reason) what was `skipped` because it cannot be read
        and what was `assumed`. Bytes are better than text: writers fold lines in the middle of characters.

        Raises:
            ValueError: if this is not an iCalendar file, or larger than 64 MiB.
            LookupError: if there is no such account, or the calendar is another account's.
        """
        account, store = self.account(email), self.state.calendar_store
        calendars = importing.read_ical(data)
        found = store.find(account, calendar_id)
        if found is None and (store.is_taken(calendar_id) or self.state.account(calendar_id)):
            raise LookupError(f"{email} has no calendar {calendar_id}; it is another account's")
        calendar = found[0] if found else store.create(account, calendar_id, calendar_id, "UTC")
        before = calendar.summary
        report = importing.import_calendars(calendar, account, calendars, self.state.now())
        if calendar.summary != before:
            store.touch_lists(calendar)
        return report

    @admin_route("GET", "calendars/{email}/{calendar_id}/events", result="events")
    def events(
        self,
        email: str,
        calendar_id: str = "primary",
        time_min: datetime | None = None,
        time_max: datetime | None = None,
    ) -> list[Event]:
        """Return the events of a calendar that overlap a time range, by start, with series expanded.

        Raises:
            LookupError: if there is no such account or calendar.
        """
        return single_events(self._calendar(email, calendar_id), time_min, time_max, self.state.now())

    @admin_route("POST", "calendars/{email}/{calendar_id}/events", body="event")
    def insert_event(self, email: str, event: Event, calendar_id: str = "primary") -> Event:
        """Put an event (a Calendar v3 resource) into a calendar and return it as stored.

        Raises:
            ValueError: if Calendar would refuse the event.
            LookupError: if there is no such account or calendar.
        """
        calendar = self._calendar(email, calendar_id)
        with api_errors_as_value_errors():
            return mutations.insert(calendar, self.account(email), event, self.state.now())

    @admin_route("PATCH", "calendars/{email}/{calendar_id}/events/{event_id}", body="change")
    def change_event(self, email: str, event_id: str, change: Event, calendar_id: str = "primary") -> Event:
        """Patch an event as its owner would, and return it as stored.

        Raises:
            ValueError: if Calendar would refuse the change, also because there is no such event.
            LookupError: if there is no such account or calendar.
        """
        calendar = self._calendar(email, calendar_id)
        with api_errors_as_value_errors():
            account, now = self.account(email), self.state.now()
            return mutations.change(calendar, account, event_id, change, now, whole=False)

    @admin_route("DELETE", "calendars/{email}/{calendar_id}/events/{event_id}")
    def delete_event(self, email: str, event_id: str, calendar_id: str = "primary") -> None:
        """Delete an event, a series or one instance, as its owner would.

        Raises:
            ValueError: if there is no such event.
            LookupError: if there is no such account or calendar.
        """
        calendar = self._calendar(email, calendar_id)
        with api_errors_as_value_errors():
            mutations.cancel(calendar, event_id, self.state.now())

    @admin_route("POST", "calendars/{owner}/{calendar_id}/share")
    def share_calendar(
        self, owner: str, reader: str, calendar_id: str = "primary", role: Role = "reader"
    ) -> None:
        """Share a calendar with another account and put it on that account's list.

        Args:
            owner: the address of its owner.
            reader: the address of the other account.
            calendar_id: which of the owner's calendars.
            role: what the other account may do.

        Raises:
            LookupError: if there is no such account or calendar.
            ValueError: if there is no such role.
        """
        if role not in get_args(Role):
            raise ValueError(f"role must be one of {', '.join(get_args(Role))}")
        other, calendar = self.account(reader), self._calendar(owner, calendar_id)
        self.state.calendar_store.share(calendar, "user", other.email, role, self.state.accounts.values())
        entry = Entry(calendar.id, role)
        self.state.calendar_store.list_of(other)[calendar.id] = entry
        self.state.calendar_store.touch(other.sub, entry)

    @admin_route("POST", "calendars/{email}/{calendar_id}/time-zone")
    def set_time_zone(self, email: str, time_zone: str, calendar_id: str = "primary") -> None:
        """Set the time zone of a calendar, an IANA name.

        Raises:
            LookupError: if there is no such account or calendar.
            ValueError: if there is no such time zone.
        """
        self.state.calendar_store.move_to_zone(self._calendar(email, calendar_id), time_zone)

    @admin_route("GET", "channels", result="channels")
    def channels(self) -> list[dict[str, Any]]:
        """Return the open push channels, and as `answers` the status of each try to deliver to them."""
        return [
            {
                **watch_routes.channel_resource(channel),
                "answers": [message.answers for message in channel.sent],
            }
            for channel in self.state.channels.all()
        ]

    @admin_route("POST", "channels/losses")
    def lose_notifications(self, share: float = 1.0) -> None:
        """Lose this share of push messages from now on, as deliveries are not guaranteed; 0 loses none.

        Args:
            share: between 0 and 1; 1 loses every message, `sync` included.

        Raises:
            ValueError: if the share is not between 0 and 1.
        """
        if not 0 <= share <= 1:
            raise ValueError("share must be between 0 and 1")
        # A generator of its own, so that codes and tokens do not depend on the number of messages.
        draw = random.Random(self.state.seed).random  # noqa: S311 - losses must repeat under a seed
        self.state.channels.lose(lambda: draw() < share)
