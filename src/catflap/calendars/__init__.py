"""A true local copy of a person's Google calendars, and what happens when according to it."""

from catflap.calendars.queries import initial_sync_done, list_occurrences, timeline
from catflap.calendars.recurrence.occurrence import Occurrence
from catflap.calendars.sync import Calendars

__all__ = ["Calendars", "Occurrence", "initial_sync_done", "list_occurrences", "timeline"]
