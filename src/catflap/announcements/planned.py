"""One thing to say, and what identifies it: the value that planning hands to the schedule."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from catflap.speech import Language, Title, Utterance, shown_title

# A briefing is of use for two hours, everything else for less.
LONGEST_LIFE = timedelta(hours=2)
Kind = Literal["before", "start", "briefing"]


@dataclass(frozen=True)
class Planned:
    """One thing to say.

    Args:
        key: The same for the same announcement, whatever its words are.
        play_at: When, in UTC.
        expires_at: Too late to be of use from here on.
        titles: All titles it is about, stand-ins for those that are private or missing.
        event_start: ISO 8601 in the user's zone; of a briefing or an all-day event the day.
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


def planned(
    said: Utterance,
    *,
    key: str,
    kind: Kind,
    play_at: datetime,
    expires_at: datetime,
    titles: Sequence[Title],
    event_start: str,
) -> Planned:
    """The words with everything a schedule needs."""
    return Planned(
        key=key,
        kind=kind,
        play_at=play_at,
        expires_at=expires_at,
        titles=tuple(shown_title(said.dialect, title) for title in titles),
        event_start=event_start,
        language=said.language,
        dialect=said.dialect,
        display=said.display,
        spoken=said.spoken,
    )


def title_of(one: Occurrence, preferences: Preferences) -> Title:
    """What may be said of it; the text of a private title goes no further."""
    return Title(
        text="" if one.private else one.title,
        private=one.private,
        tentative=one.tentative and preferences.tentative == "maybe",
        birthday=one.birthday,
    )


def dialect_of(preferences: Preferences, language: Language) -> str:
    """The dialect the user chose for a language."""
    return preferences.dialect_ja if language == "ja" else preferences.dialect_en


def key_of(kind: Kind, play_at: datetime, minutes: int, language: Language, about: object) -> str:
    """A stable identifier of what is said, whatever the words are."""
    told = json.dumps([kind, play_at.astimezone(UTC).isoformat(), minutes, language, about])
    return hashlib.sha256(told.encode()).hexdigest()
