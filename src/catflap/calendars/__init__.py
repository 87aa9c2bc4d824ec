"""Local copies of users' Google calendars: synchronisation, storage and queries for occurrences."""

from catflap.calendars.queries import initial_sync_done, list_occurrences, timeline
from catflap.calendars.recurrence.occurrence import Occurrence
from catflap.calendars.sync import Calendars

__all__ = ["Calendars", "Occurrence", "initial_sync_done", "list_occurrences", "timeline"]
