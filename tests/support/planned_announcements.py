"""Planned announcements with a given key, time and text."""

from datetime import datetime, timedelta
from typing import Any

from catflap.announcements.planned import PlannedAnnouncement, Wording
from catflap.speech import Utterance

LEAD = timedelta(minutes=10)


def say_as_given(dialect: str, text: str) -> Utterance:
    return Utterance(text, text, dialect, "en")


def planned(
    key: str, at: datetime, spoken: str = "Standup, in ten minutes.", **more: Any
) -> PlannedAnnouncement:
    values = {
        "key": key,
        "kind": "before",
        "play_at": at,
        "expires_at": at + LEAD,
        "titles": ("Standup",),
        "event_start": (at + LEAD).isoformat(),
        "language": "en",
        "dialect": "kitten",
        "wording": Wording(say_as_given, ("kitten", spoken)),
    }
    return PlannedAnnouncement(**(values | more))
