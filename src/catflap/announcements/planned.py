"""Planned announcements and their stable keys."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from catflap.speech import Language, Title, Utterance, shown_title

# Briefings expire after two hours, all other announcements earlier.
MAX_LIFETIME = timedelta(hours=2)
Kind = Literal["before", "start", "briefing"]


@dataclass(frozen=True)
class PlannedAnnouncement:
    """An announcement that is to be played on the user's devices.

    Args:
        key: Identifies the announcement across plans, independent of its text.
        kind: `before` or at the `start` of events, or a `briefing`.
        play_at: When it is played, in UTC.
        expires_at: From when on it is not played any more.
        titles: The titles of all its events, with placeholders for private and missing ones.
        event_start: ISO 8601 in the user's zone; a date for a briefing or an all-day event.
        language: Language of the text.
        dialect: Id of the phrasebook.
        display: The text to show.
        spoken: The text to synthesise.
    """

    key: str
    kind: Kind
    play_at: datetime
    expires_at: datetime
    titles: tuple[str, ...] = field(repr=False)
    event_start: str
    language: Language
    dialect: str
    display: str = field(repr=False)
    spoken: str = field(repr=False)


def make_announcement(
    utterance: Utterance,
    *,
    key: str,
    kind: Kind,
    play_at: datetime,
    expires_at: datetime,
    titles: Sequence[Title],
    event_start: str,
) -> PlannedAnnouncement:
    """Build an announcement from an utterance and its schedule."""
    return PlannedAnnouncement(
        key=key,
        kind=kind,
        play_at=play_at,
        expires_at=expires_at,
        titles=tuple(shown_title(utterance.dialect, title) for title in titles),
        event_start=event_start,
        language=utterance.language,
        dialect=utterance.dialect,
        display=utterance.display,
        spoken=utterance.spoken,
    )


def announced_title(one: Occurrence, preferences: Preferences) -> Title:
    """Return what may be said of an occurrence; the text of a private title is removed here."""
    return Title(
        text="" if one.private else one.title,
        private=one.private,
        tentative=one.tentative and preferences.tentative == "maybe",
        birthday=one.birthday,
    )


def dialect_for(preferences: Preferences, language: Language) -> str:
    """Return the dialect that the user chose for a language."""
    return preferences.dialect_ja if language == "ja" else preferences.dialect_en


def announcement_key(kind: Kind, play_at: datetime, minutes: int, language: Language, about: object) -> str:
    """Return the key of an announcement, a hash that does not depend on its text."""
    identity = json.dumps([kind, play_at.astimezone(UTC).isoformat(), minutes, language, about])
    return hashlib.sha256(identity.encode()).hexdigest()
