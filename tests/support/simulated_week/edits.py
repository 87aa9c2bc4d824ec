"""What people do in Google Calendar in a week, at random: through the sandbox, behind Catflap's back."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from google_sandbox import Sandbox
from google_sandbox.calendar import mutations
from google_sandbox.errors import ApiError
from tests.support.simulated_week.choices import ZONES, RandomChoices

_RULES = (
    *("FREQ=DAILY", "FREQ=DAILY;COUNT=9", "FREQ=DAILY;INTERVAL=2", "FREQ=WEEKLY"),
    *("FREQ=WEEKLY;BYDAY=MO,WE,FR,SU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU,TU", "FREQ=MONTHLY;BYDAY=-1SU"),
    *("FREQ=MONTHLY;BYMONTHDAY=-1,25,28", "FREQ=YEARLY", "FREQ=DAILY;BYMONTH=3,10;BYDAY=MO,TU,WE,TH,FR"),
)
_MAX_CALENDARS = 3


class RandomEdits(RandomChoices):
    """Changes calendars of a sandbox as several people would.

    Args:
        sandbox: The sandbox; its clock is that of the simulation.
        chance: Decides what is done.
        emails: The accounts.
    """

    def __init__(self, sandbox: Sandbox, chance: Random, emails: tuple[str, ...]) -> None:
        super().__init__(sandbox, chance)
        self._emails = emails
        self.counts: Counter[str] = Counter()
        self._weighted: dict[Callable[[str], None], int] = {
            self.insert_soon: 10,
            self.insert: 6,
            self.insert_all_day: 3,
            self.insert_series: 3,
            self.rename_event: 5,
            self.move_event: 8,
            self.swap_times_and_days: 2,
            self.respond: 3,
            self.set_visibility: 1,
            self.delete_event: 8,
            self.cancel_instance: 5,
            self.restore_instance: 2,
            self.move_instance: 5,
            self.rename_instance: 3,
            self.change_rule: 3,
            self.end_series: 2,
            self.add_exdate: 2,
            self.move_to_other_calendar: 2,
            self.add_calendar: 2,
            self.delete_calendar: 1,
            self.share: 3,
            self.unshare: 2,
            self.unselect: 2,
            self.select: 6,
            self.unselect_primary: 1,
            self.remove_from_list_or_add: 2,
            self.rename_calendar: 1,
            self.change_calendar_zone: 1,
            self.change_zone_setting: 1,
            self.expire_sync_tokens: 2,
            self.expire_access_token: 1,
        }

    def one(self) -> None:
        """Do one thing; where it is not possible, nothing."""
        (what,) = self._chance.choices([*self._weighted], [*self._weighted.values()])
        try:
            what(self._chance.choice(self._emails))
        except (ApiError, LookupError, ValueError):
            self.counts["nothing"] += 1
        else:
            self.counts[what.__name__] += 1

    def insert_soon(self, email: str) -> None:
        self._insert(email, self._now() + timedelta(minutes=self._chance.randint(2, 100)))

    def insert(self, email: str) -> None:
        self._insert(email, self._now() + timedelta(minutes=5 * self._chance.randint(-20, 1800)))

    def insert_all_day(self, email: str) -> None:
        self._insert(email, self._now() + timedelta(days=self._chance.randint(-1, 6)), all_day=True)

    def insert_series(self, email: str) -> None:
        start = self._now() - timedelta(days=self._chance.randint(-3, 20))
        # Among them the hours that a clock change skips or repeats.
        start = start.replace(hour=self._chance.choice((0, 1, 2, 6, 9, 13, 17, 20, 23)), minute=30)
        rule = f"RRULE:{self._chance.choice(_RULES)}"
        self._insert(email, start, all_day=self._chance.random() < 0.2, recurrence=[rule])

    def rename_event(self, email: str) -> None:
        calendar, event = self._event(email)
        self._change(calendar, event, {"summary": self._title(), "location": "elsewhere"})

    def move_event(self, email: str) -> None:
        calendar, event = self._event(email)
        self._change(calendar, event, self._shifted(event))

    def swap_times_and_days(self, email: str) -> None:
        calendar, event = self._event(email)
        if event.get("recurrence"):
            raise LookupError
        start = self._now() + timedelta(hours=self._chance.randint(1, 40))
        times = self._times(start, all_day="dateTime" in event["start"])
        empty = {"date": None, "dateTime": None, "timeZone": None}
        self._change(calendar, event, {name: {**empty, **value} for name, value in times.items()})

    def respond(self, email: str) -> None:
        calendar, event = self._event(email)
        answer = self._chance.choice(("declined", "declined", "accepted", "tentative"))
        guests = [
            {"email": email, "responseStatus": answer},
            {"email": "guest@example.org", "responseStatus": "accepted"},
        ]
        self._change(calendar, event, {"attendees": guests})

    def set_visibility(self, email: str) -> None:
        calendar, event = self._event(email)
        self._change(calendar, event, {"visibility": self._chance.choice(("private", "default", "public"))})

    def delete_event(self, email: str) -> None:
        calendar, event = self._event(email)
        mutations.cancel(calendar, event["id"], self._now())

    def cancel_instance(self, email: str) -> None:
        calendar, instance = self._instance(email)
        mutations.cancel(calendar, instance["id"], self._now())

    def restore_instance(self, email: str) -> None:
        calendar = self._calendar(email)
        found = [
            record.resource
            for record in calendar.records.values()
            if record.resource["status"] == "cancelled"
            and calendar.live(record.resource.get("recurringEventId", ""))
        ]
        self._change(calendar, self._chance.choice(found), {"status": "confirmed"})

    def move_instance(self, email: str) -> None:
        calendar, instance = self._instance(email)
        self._change(calendar, instance, self._shifted(instance))

    def rename_instance(self, email: str) -> None:
        calendar, instance = self._instance(email)
        self._change(calendar, instance, {"summary": self._title()})

    def change_rule(self, email: str) -> None:
        calendar, event = self._series(email)
        self._change(calendar, event, {"recurrence": [f"RRULE:{self._chance.choice(_RULES)}"]})

    def end_series(self, email: str) -> None:
        calendar, event = self._series(email)
        until = self._now() + timedelta(hours=self._chance.randint(-2, 60))
        text = f"{until:%Y%m%d}" if "date" in event["start"] else f"{until:%Y%m%dT%H%M%SZ}"
        self._change(calendar, event, {"recurrence": [f"RRULE:FREQ=DAILY;UNTIL={text}"]})

    def add_exdate(self, email: str) -> None:
        calendar, event = self._series(email)
        zone = event["start"].get("timeZone")
        if zone is None:
            raise LookupError
        first = datetime.fromisoformat(event["start"]["dateTime"]).astimezone(ZoneInfo(zone))
        day = self._now().astimezone(ZoneInfo(zone)).date() + timedelta(days=self._chance.randint(0, 3))
        line = f"EXDATE;TZID={zone}:{day:%Y%m%d}T{first:%H%M%S}"
        self._change(calendar, event, {"recurrence": [*event["recurrence"], line]})

    def move_to_other_calendar(self, email: str) -> None:
        calendar, event = self._event(email)
        (target,) = self._chance.sample([one for one in self._owned(email) if one is not calendar], 1)
        mutations.move(calendar, target, event, self._now())

    def add_calendar(self, email: str) -> None:
        if len(self._owned(email)) >= _MAX_CALENDARS:
            raise LookupError
        name = f"{self._next()}@group.calendar.google.com"
        calendar = self._store.create(self._account(email), name, "Choir", self._chance.choice(ZONES))
        for _ in range(self._chance.randint(0, 5)):
            start = self._now() + timedelta(minutes=self._chance.randint(20, 3000))
            self._insert(email, start, calendar=calendar)

    def delete_calendar(self, email: str) -> None:
        self._store.delete(self._secondary(email))

    def share(self, email: str) -> None:
        (reader,) = self._chance.sample([one for one in self._emails if one != email], 1)
        self._sandbox.share_calendar(email, reader, self._calendar(email).id)

    def unshare(self, email: str) -> None:
        calendar = self._calendar(email)
        (reader,) = self._chance.sample([one for one in self._emails if one != email], 1)
        if calendar.role_of(self._account(reader)) == "none":
            raise LookupError
        self._store.share(calendar, "user", reader, "none", self._sandbox.accounts())

    def unselect(self, email: str) -> None:
        self._select(self._chance.choice(self._entries(email, selected=True)[1:]), email, selected=False)

    def select(self, email: str) -> None:
        self._select(self._chance.choice(self._entries(email, selected=False)), email, selected=True)

    def unselect_primary(self, email: str) -> None:
        self._select(self._store.list_of(self._account(email))[email], email, selected=False)

    def remove_from_list_or_add(self, email: str) -> None:
        account = self._account(email)
        entries = [
            one
            for one in self._store.list_of(account).values()
            if one.calendar_id != email
            and not self._store.calendars[one.calendar_id].deleted
            and self._store.calendars[one.calendar_id].role_of(account) != "none"
        ]
        entry = self._chance.choice(entries)
        entry.deleted = not entry.deleted
        self._store.touch(account.sub, entry)

    def rename_calendar(self, email: str) -> None:
        calendar = self._secondary(email)
        calendar.summary = f"Choir {self._next()}"
        self._store.touch_lists(calendar)

    def change_calendar_zone(self, email: str) -> None:
        self._store.move_to_zone(self._secondary(email), self._chance.choice(ZONES))

    def change_zone_setting(self, email: str) -> None:
        self._sandbox.set_settings(email, timezone=self._chance.choice(ZONES))

    def expire_sync_tokens(self, email: str) -> None:
        self._sandbox.expire("sync", email)

    def expire_access_token(self, email: str) -> None:
        self._sandbox.expire("access", email)
