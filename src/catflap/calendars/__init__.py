"""A true local copy of a person's Google calendars, and what happens when according to it."""

from catflap.calendars.diary import happening, has_been_read, timeline
from catflap.calendars.occurrence import Occurrence
from catflap.calendars.sync import Calendars

__all__ = ["Calendars", "Occurrence", "happening", "has_been_read", "timeline"]
