"""Choose calendars and events of a sandbox at random, and change them: the parts of `RandomEdits`."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from google_sandbox import Sandbox
from google_sandbox.calendar import mutations
from google_sandbox.calendar.calendar_store import Entry, SandboxCalendar
from google_sandbox.models import SandboxAccount

# In the title of each event, and nowhere else.
MARK = "Errand"
ZONES = (
    *("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"),
    *("Asia/Kathmandu", "America/St_Johns", "Pacific/Auckland"),
)
_MAX_EVENTS = 25


class RandomChoices:
    """Calendars and events of a sandbox, chosen at random.

    Args:
        sandbox: The sandbox; its clock is that of the simulation.
        chance: Decides which.
    """

    def __init__(self, sandbox: Sandbox, chance: Random) -> None:
        self._sandbox = sandbox
        self._store = sandbox.state.calendar_store
        self._chance = chance
        self._numbers = 0

    def _entries(self, email: str, *, selected: bool) -> list[Entry]:
        entries = self._store.list_of(self._account(email)).values()
        return [one for one in entries if not one.deleted and one.settings.get("selected", True) is selected]

    def _select(self, entry: Entry, email: str, *, selected: bool) -> None:
        entry.settings["selected"] = selected
        self._store.touch(self._account(email).sub, entry)

    def _now(self) -> datetime:
        return self._sandbox.now()

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _title(self) -> str:
        number = self._next()
        return f"{MARK} {number} 会議" if number % 5 == 0 else f"{MARK} {number}"

    def _account(self, email: str) -> SandboxAccount:
        return self._sandbox.account(email)

    def _owned(self, email: str) -> list[SandboxCalendar]:
        account = self._account(email)
        self._store.list_of(account)
        calendars = self._store.calendars.values()
        return [one for one in calendars if one.owner == account.sub and not one.deleted]

    def _calendar(self, email: str) -> SandboxCalendar:
        return self._chance.choice(self._owned(email))

    def _secondary(self, email: str) -> SandboxCalendar:
        return self._chance.choice([one for one in self._owned(email) if one.id != email])

    def _live(self, calendar: SandboxCalendar) -> list[dict[str, Any]]:
        found = [record.resource for record in calendar.records.values()]
        return [one for one in found if one["status"] != "cancelled" and "recurringEventId" not in one]

    def _event(self, email: str) -> tuple[SandboxCalendar, dict[str, Any]]:
        """Choose a single event or a series; what is near in time is more likely."""
        calendar = self._calendar(email)
        near = self._sandbox.events(
            calendar.owner, calendar.id, self._now(), self._now() + timedelta(hours=3)
        )
        singles = [one for one in near if "recurringEventId" not in one]
        return calendar, self._chance.choice(
            singles if singles and self._chance.random() < 0.5 else self._live(calendar)
        )

    def _series(self, email: str) -> tuple[SandboxCalendar, dict[str, Any]]:
        calendar = self._calendar(email)
        return calendar, self._chance.choice([one for one in self._live(calendar) if one.get("recurrence")])

    def _instance(self, email: str) -> tuple[SandboxCalendar, dict[str, Any]]:
        calendar = self._calendar(email)
        days = timedelta(days=self._chance.choice((0.2, 1, 4)))
        found = self._sandbox.events(calendar.owner, calendar.id, self._now(), self._now() + days)
        return calendar, self._chance.choice([one for one in found if "recurringEventId" in one])

    def _insert(
        self,
        email: str,
        start: datetime,
        *,
        all_day: bool = False,
        calendar: SandboxCalendar | None = None,
        **more: Any,
    ) -> None:
        calendar = calendar or self._calendar(email)
        if len(self._live(calendar)) >= _MAX_EVENTS and "recurrence" not in more:
            mutations.cancel(calendar, self._chance.choice(self._live(calendar))["id"], self._now())
        event = {"summary": self._title(), **self._times(start, all_day=all_day), **more}
        if not all_day and self._chance.random() < 0.05:
            del event["summary"]
        mutations.insert(calendar, self._account(email), event, self._now())

    def _times(self, start: datetime, *, all_day: bool) -> dict[str, Any]:
        if all_day:
            day = start.date()
            end = day + timedelta(days=self._chance.choice((1, 1, 1, 2, 3)))
            return {"start": {"date": day.isoformat()}, "end": {"date": end.isoformat()}}
        zone = self._chance.choice(ZONES)
        end_at = start + timedelta(minutes=self._chance.choice((0, 15, 30, 60, 90, 60 * 26)))
        return {
            "start": {"dateTime": start.isoformat(), "timeZone": zone},
            "end": {"dateTime": end_at.isoformat(), "timeZone": zone},
        }

    def _shifted(self, event: dict[str, Any]) -> dict[str, Any]:
        if "date" in event["start"]:
            by = timedelta(days=self._chance.choice((-2, -1, 1, 2)))
            return {
                name: {"date": (datetime.fromisoformat(event[name]["date"]) + by).date().isoformat()}
                for name in ("start", "end")
            }
        by = timedelta(minutes=self._chance.choice((-1500, -120, -25, -5, 5, 20, 90, 600, 1440)))
        return {
            name: {
                **event[name],
                "dateTime": (datetime.fromisoformat(event[name]["dateTime"]) + by).isoformat(),
            }
            for name in ("start", "end")
        }

    def _change(self, calendar: SandboxCalendar, event: dict[str, Any], change: dict[str, Any]) -> None:
        owner = self._sandbox.account(calendar.owner)
        mutations.change(calendar, owner, event["id"], change, self._now(), whole=False)
