"""Planned announcements and their stable keys."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Final, Literal, get_args

from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from catflap.speech import (
    Language,
    Title,
    Utterance,
    VoiceChoice,
    address,
    readings_in,
    shown_title,
    speech_version,
)

# Briefings expire after two hours, all other announcements earlier.
MAX_LIFETIME = timedelta(hours=2)
Kind = Literal[
    "before",
    "start",
    "briefing",
    "evening",
    "all_day",
    "leave",
    "countdown",
    "again",
    "snoozed",
    "moved",
    "cancelled",
    "reconsent",
    "late",
]
# Of what a device says that was offline.
LATE: Final = "late"
# Of the announcements that plans make; all others are made at once, and a plan leaves them alone.
KINDS: tuple[str, ...] = tuple(kind for kind in get_args(Kind) if kind != LATE)
HeldFor = Literal["quiet", "meeting"]
NO_READINGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Wording:
    """What a text is made from. Most announcements stay when a plan is made anew, and keep their text.

    Args:
        say: A function of `catflap.speech`.
        arguments: Its arguments.
        addressed_to: The name that is said before it, with its readings, on a device that others hear too.
    """

    say: Callable[..., Utterance]
    arguments: tuple[object, ...] = field(repr=False)
    addressed_to: tuple[str, Sequence[tuple[str, str]]] | None = field(default=None, repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that the text depends on, the installation's phrasebooks included."""
        parts: list[object] = [speech_version(), self.say.__name__, self.arguments]
        if self.addressed_to:
            parts.append(self.addressed_to)
        return hashlib.sha256(json.dumps(parts, default=_plain).encode()).hexdigest()

    @cached_property
    def utterance(self) -> Utterance:
        """The text."""
        said = self.say(*self.arguments)
        return address(said, *self.addressed_to) if self.addressed_to else said


def _plain(value: object) -> object:
    if isinstance(value, Title):
        return [value.text, value.private, value.tentative, value.birthday, value.until, value.readings]
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


@dataclass(frozen=True)
class PlannedAnnouncement:
    """An announcement that is to be played on the user's devices.

    Args:
        key: Identifies the announcement across plans, independent of its text.
        kind: What it says.
        play_at: When it is played, in UTC.
        expires_at: From when on it is not played any more.
        titles: The titles of all its events, with placeholders for private and missing ones.
        event_start: ISO 8601 in the user's zone; a date for a briefing or an all-day event.
        language: Language of the text.
        voice: In which it is spoken; its dialect is that of the text.
        wording: What its text is made from.
        occurrences: References of what it is about.
        held_for: Why it is not played: the `quiet` hours or a `meeting`; None if it is.
    """

    key: str
    kind: Kind
    play_at: datetime
    expires_at: datetime
    titles: tuple[str, ...] = field(repr=False)
    event_start: str
    language: Language
    voice: VoiceChoice
    wording: Wording = field(repr=False)
    occurrences: tuple[str, ...] = ()
    held_for: HeldFor | None = None

    @property
    def display(self) -> str:
        """The text to show."""
        return self.wording.utterance.display

    @property
    def spoken(self) -> str:
        """The text to synthesise."""
        return self.wording.utterance.spoken


def make_announcement(
    say: Callable[..., Utterance],
    voice: VoiceChoice,
    *arguments: object,
    key: str,
    kind: Kind,
    language: Language,
    play_at: datetime,
    expires_at: datetime,
    titles: Sequence[Title],
    event_start: str,
    occurrences: Sequence[str] = (),
    held_for: HeldFor | None = None,
) -> PlannedAnnouncement:
    """Build an announcement, whose text is `say(voice.dialect, *arguments)`."""
    return PlannedAnnouncement(
        key=key,
        kind=kind,
        play_at=play_at,
        expires_at=expires_at,
        titles=tuple(shown_title(voice.dialect, title) for title in titles),
        event_start=event_start,
        language=language,
        voice=voice,
        wording=Wording(say, (voice.dialect, *arguments)),
        occurrences=tuple(occurrences),
        held_for=held_for,
    )


def announced_title(
    one: Occurrence, preferences: Preferences, readings: Mapping[str, str] = NO_READINGS
) -> Title:
    """Return what may be said of an occurrence; the text of a private title is removed here.

    Of the readings it has only those of its own words, so that others don't change its announcements.
    """
    text = "" if one.private else one.title
    return Title(
        text=text,
        private=one.private,
        tentative=one.tentative and preferences.tentative == "maybe",
        birthday=one.birthday,
        readings=readings_in(text, readings),
    )


def occurrence_reference(one: Occurrence) -> str:
    """Return what identifies an occurrence at its time; another one after it was moved."""
    identity = f"{one.calendar_id} {one.event_id} {one.starts_at.astimezone(UTC).isoformat()}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def voice_for(preferences: Preferences, language: Language) -> VoiceChoice:
    """Return the voice that the user chose for a language."""
    dialect = preferences.dialect_ja if language == "ja" else preferences.dialect_en
    return VoiceChoice(dialect, preferences.pitch, preferences.engine_ja, preferences.engine_en)


def announcement_key(
    kind: Kind, play_at: datetime | None, minutes: int, language: Language | None, about: object
) -> str:
    """Return the key of an announcement, a hash that does not depend on its text.

    Args:
        kind: Its kind.
        play_at: Its time; None if another time does not make it another announcement.
        minutes: How long before the event it is.
        language: Of its text; None if another one does not make it another announcement.
        about: The rest that identifies it.
    """
    at = None if play_at is None else play_at.astimezone(UTC).isoformat()
    return hashlib.sha256(json.dumps([kind, at, minutes, language, about]).encode()).hexdigest()


def phrase_seed(play_at: datetime) -> int:
    """Return what chooses the variant of a phrase: the five minutes of its time, which its key has too.

    Not a hash of the key, because two neighbours would have the same of five variants each fifth time.
    Announcements that are no multiple of 25 minutes apart differ, and so do those of one time on consecutive
    days and weeks. See docs/decisions/0025-variants-by-time.md.
    """
    return int(play_at.timestamp()) // 300
