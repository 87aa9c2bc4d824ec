"""Local copies of users' Google calendars, queries for occurrences, and writes to Google."""

from catflap.calendars.datetimes import is_zone
from catflap.calendars.event_fields import Event, EventFields, Reminder
from catflap.calendars.event_writing import EventWriter
from catflap.calendars.queries import find_single_occurrences, initial_sync_done, list_occurrences, timeline
from catflap.calendars.recurrence.occurrence import Occurrence
from catflap.calendars.request_budget import BudgetUsed, RequestBudget
from catflap.calendars.selection import choose_calendar
from catflap.calendars.sync import Calendars
from catflap.calendars.sync_intervals import SyncIntervals

__all__ = [
    "BudgetUsed",
    "Calendars",
    "Event",
    "EventFields",
    "EventWriter",
    "Occurrence",
    "Reminder",
    "RequestBudget",
    "SyncIntervals",
    "choose_calendar",
    "find_single_occurrences",
    "initial_sync_done",
    "is_zone",
    "list_occurrences",
    "timeline",
]
