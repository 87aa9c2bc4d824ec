"""Build utterances, one function per kind of announcement, from plain values.

Displayed and spoken text are separate, because engines need other spellings than readers. Independent of
calendars: the caller marks a `Title` that must not be said. About whole days: `day_summaries`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from catflap.speech import english, japanese
from catflap.speech.errors import NothingToSay
from catflap.speech.phrasebooks import phrasebook
from catflap.speech.reading_dictionary import apply_readings, readings_in
from catflap.speech.sentences import (
    Talkativeness,
    Utterance,
    concatenate,
    fits,
    next_seed,
    sentence,
    sentence_with_titles,
)
from catflap.speech.spoken_times import TextPair, format_day, format_duration, format_time
from catflap.speech.text import display_text, has_words, truncate
from catflap.speech.titles import Title, spoken_title, substitute_title

_MAX_FREE_TEXT = 200
# Of a spoken name, in moras or letters.
_MAX_NAME = 20


def say_before(
    dialect: str,
    titles: Sequence[Title | str],
    starts_at: datetime,
    minutes: int,
    seed: int = 0,
    talk: Talkativeness = "normal",
) -> Utterance:
    """Return a reminder.

    Args:
        dialect: Id of a phrasebook.
        titles: Titles of the events with this start.
        starts_at: The start in the user's zone.
        minutes: How long before the start it is played; with 0 it is `say_start`.
        seed: Chooses the variant of the phrase, see `Phrasebook.phrase`.
        talk: How much is said.
    """
    if minutes <= 0:
        return say_start(dialect, titles, starts_at, seed, talk)
    if talk == "brief":
        kind = "brief_before" if minutes < 60 else "brief_hours"
    else:
        kind = "before_one" if minutes == 1 else "before_many" if minutes < 60 else "before_hours"
    return _say(dialect, kind, titles, starts_at, minutes, seed, talk)


def say_start(
    dialect: str,
    titles: Sequence[Title | str],
    starts_at: datetime,
    seed: int = 0,
    talk: Talkativeness = "normal",
) -> Utterance:
    """Return an announcement of events that start now; arguments as of `say_before`."""
    return _say(dialect, "brief_start" if talk == "brief" else "start", titles, starts_at, 0, seed, talk)


def say_leave(
    dialect: str, titles: Sequence[Title | str], starts_at: datetime, minutes: int, seed: int = 0
) -> Utterance:
    """Return that it is time to leave for events at `starts_at`, with `minutes` (at least 1) on the way."""
    return _say(dialect, "leave", titles, starts_at, max(1, minutes), seed)


def say_countdown(dialect: str, titles: Sequence[Title | str], minutes: int, seed: int = 0) -> Utterance:
    """Return how many minutes are left until events; with 0 that they have just started."""
    if minutes <= 0:
        return say_late(dialect, titles, 0, seed)
    return _say_with_span(dialect, "countdown", titles, minutes, seed)


def say_late(dialect: str, titles: Sequence[Title | str], minutes: int, seed: int = 0) -> Utterance:
    """Return a late or repeated reminder of events that started `minutes` ago; with 0 just now."""
    return _say_with_span(dialect, "late" if minutes > 0 else "late_now", titles, minutes, seed)


def say_all_day(
    dialect: str, titles: Sequence[Title | str], day: date, today: date, seed: int = 0
) -> Utterance:
    """Return a reminder of all-day events of `day`, played on `today`."""
    book = phrasebook(dialect)
    words = format_day(day, today, book.dialect.language)
    return sentence_with_titles(book, "all_day", titles, seed, day=words)


def say_moved(
    dialect: str, titles: Sequence[Title | str], starts_at: datetime, today: date, seed: int = 0
) -> Utterance:
    """Return a notice that events now start at `starts_at` (the user's zone), played on `today`."""
    return _say_with_time(dialect, "moved", titles, starts_at, today, seed)


def say_cancelled(
    dialect: str, titles: Sequence[Title | str], starts_at: datetime, today: date, seed: int = 0
) -> Utterance:
    """Return a notice that events at `starts_at` (the user's zone) are cancelled, played on `today`."""
    return _say_with_time(dialect, "cancelled", titles, starts_at, today, seed)


def say_catch_up(dialect: str, titles: Sequence[Title | str], seed: int = 0) -> Utterance:
    """Return a summary of announcements that were missed, for instance while the device was offline."""
    return sentence_with_titles(phrasebook(dialect), "catch_up", titles, seed)


def say_reconnect(dialect: str, seed: int = 0) -> Utterance:
    """Return the request to consent again, because the calendar can no longer be read."""
    return sentence(phrasebook(dialect), "reconnect", seed=seed)


def say_paired(dialect: str, seed: int = 0) -> Utterance:
    """Return what a device says to its owner at first."""
    return sentence(phrasebook(dialect), "paired", seed=seed)


def address(utterance: Utterance, name: str, readings: Sequence[tuple[str, str]] = ()) -> Utterance:
    """Return an utterance that begins with the name of the one it is for.

    Without it, if the name has nothing that can be pronounced, or if both together do not fit into a sound.

    Args:
        utterance: What is said.
        name: The name.
        readings: Words of the name and how they are spoken instead (`readings_in`).
    """
    shown = display_text(name)
    spoken = spoken_title(shown, utterance.language, _MAX_NAME, readings)
    if not has_words(spoken):
        return utterance
    called = sentence(phrasebook(utterance.dialect), "addressed", name=TextPair(shown, spoken))
    both = concatenate([called, utterance])
    return both if fits(both) else utterance


def say_text(dialect: str, text: str, readings: Mapping[str, str] | None = None) -> Utterance:
    """Return an utterance of any text, cut to 200 spoken characters.

    Args:
        dialect: Id of a phrasebook.
        text: The text.
        readings: The listener's reading dictionary.

    Raises:
        NothingToSay: it has nothing that can be pronounced.
    """
    book = phrasebook(dialect)
    language = book.dialect.language
    found = readings_in(text, readings or {})
    spoken = apply_readings(text, found, language) if found else text
    words = truncate((japanese if language == "ja" else english).reading(spoken), _MAX_FREE_TEXT)
    if not has_words(words):
        raise NothingToSay
    return Utterance(display_text(text), words, dialect, language)


def private_title(dialect: str) -> str:
    """Return what is said instead of a private title, such as 予定 or "a secret appointment"."""
    return phrasebook(dialect).private


def shown_title(dialect: str, title: Title) -> str:
    """Return a title for display, or the substitute for one that is private or missing."""
    return substitute_title(phrasebook(dialect), title) or title.text


def _say(
    dialect: str,
    kind: str,
    titles: Sequence[Title | str],
    starts_at: datetime,
    minutes: int,
    seed: int,
    talk: Talkativeness = "normal",
) -> Utterance:
    """Return a phrase that is played `minutes` before a start, with a remark after it if `chatty`."""
    book = phrasebook(dialect)
    language = book.dialect.language
    heard_on = (starts_at - timedelta(minutes=minutes)).date()
    time = format_time(starts_at, heard_on, language, soon=minutes < 60)
    span = format_duration(minutes, language)
    said = sentence_with_titles(book, kind, titles, seed, time=time, span=span)
    if talk != "chatty":
        return said
    with_remark = concatenate([said, sentence(book, "remark", seed=next_seed(seed, 1))])
    return with_remark if fits(with_remark) else said


def _say_with_span(
    dialect: str, kind: str, titles: Sequence[Title | str], minutes: int, seed: int
) -> Utterance:
    book = phrasebook(dialect)
    span = format_duration(minutes, book.dialect.language)
    return sentence_with_titles(book, kind, titles, seed, span=span)


def _say_with_time(
    dialect: str, kind: str, titles: Sequence[Title | str], starts_at: datetime, today: date, seed: int
) -> Utterance:
    book = phrasebook(dialect)
    time = format_time(starts_at, today, book.dialect.language)
    return sentence_with_titles(book, kind, titles, seed, time=time)
