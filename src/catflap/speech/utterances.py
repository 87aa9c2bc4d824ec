"""What Mia says: one function for each kind of announcement, from plain values to words.

Shown and spoken text are kept apart, since engines need spellings people don't. Nothing here knows a
calendar; whoever calls decides what may be said and passes "" for a title that may not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from catflap.speech import english, japanese
from catflap.speech.cleaning import capped, displayed, has_words
from catflap.speech.failures import NothingToSay
from catflap.speech.language import Language
from catflap.speech.moments import Words, date_of, day_of, span_of, time_of
from catflap.speech.phrasebooks import Phrasebook, phrasebook
from catflap.speech.titles import at_sentence_start, titles_in

_MAX_FREE_TEXT = 200


@dataclass(frozen=True)
class Utterance:
    """One thing to say."""

    display: str
    spoken: str
    dialect: str
    language: Language


def say_before(dialect: str, titles: Sequence[str], starts_at: datetime, minutes: int) -> Utterance:
    """A reminder.

    Args:
        dialect: A phrasebook's id.
        titles: Everything that starts then; "" for a private one.
        starts_at: The start in the user's zone.
        minutes: How long before the start this will be heard; with 0 it is `say_start`.
    """
    if minutes <= 0:
        return say_start(dialect, titles, starts_at)
    book = phrasebook(dialect)
    kind = "before_one" if minutes == 1 else "before_many" if minutes < 60 else "before_hours"
    heard_on = (starts_at - timedelta(minutes=minutes)).date()
    time = time_of(starts_at, heard_on, book.dialect.language)
    return _say(book, kind, titles, time=time, span=span_of(minutes, book.dialect.language))


def say_start(dialect: str, titles: Sequence[str], starts_at: datetime) -> Utterance:
    """It begins now. `starts_at` is in the user's zone."""
    book = phrasebook(dialect)
    return _say(book, "start", titles, time=time_of(starts_at, starts_at.date(), book.dialect.language))


def say_briefing(
    dialect: str, day: date, all_day: Sequence[str], timed: int, first: datetime | None
) -> Utterance:
    """The morning's overview: greeting and date, all-day titles, how many appointments and when the first is.

    Args:
        dialect: A phrasebook's id.
        day: The day it is heard on.
        all_day: Titles of the day's all-day events.
        timed: How many appointments with a time there are.
        first: When the first of them starts, in the user's zone; None when `timed` is 0.
    """
    book = phrasebook(dialect)
    language = book.dialect.language
    said = [_say(book, "greeting", date=date_of(day, language))]
    if all_day:
        said.append(_say(book, "all_day", all_day, day=day_of(day, day, language)))
    if timed and first is not None:
        kind = "timed_one" if timed == 1 else "timed_many"
        said.append(_say(book, kind, time=time_of(first, day, language), count=Words(str(timed), str(timed))))
    elif not all_day:
        said.append(_say(book, "nothing"))
    return _joined(said)


def say_nothing(dialect: str) -> Utterance:
    """Nothing is on the calendar today."""
    return _say(phrasebook(dialect), "nothing")


def say_all_day(dialect: str, titles: Sequence[str], day: date, today: date) -> Utterance:
    """A reminder of something that takes the whole of `day`, heard on `today`."""
    book = phrasebook(dialect)
    return _say(book, "all_day", titles, day=day_of(day, today, book.dialect.language))


def say_moved(dialect: str, titles: Sequence[str], starts_at: datetime, today: date) -> Utterance:
    """It now starts at `starts_at` (the user's zone); heard on `today`."""
    return _say_with_time(dialect, "moved", titles, starts_at, today)


def say_cancelled(dialect: str, titles: Sequence[str], starts_at: datetime, today: date) -> Utterance:
    """What was to start at `starts_at` (the user's zone) will not; heard on `today`."""
    return _say_with_time(dialect, "cancelled", titles, starts_at, today)


def say_late(dialect: str, titles: Sequence[str], minutes: int) -> Utterance:
    """It started `minutes` (at least 1) ago."""
    book = phrasebook(dialect)
    return _say(book, "late", titles, span=span_of(max(1, minutes), book.dialect.language))


def say_catch_up(dialect: str, titles: Sequence[str]) -> Utterance:
    """What could not be said in time, for instance because the device was offline."""
    return _say(phrasebook(dialect), "catch_up", titles)


def say_reconnect(dialect: str) -> Utterance:
    """The calendar can't be read any more; the user must consent again."""
    return _say(phrasebook(dialect), "reconnect")


def say_text(dialect: str, text: str) -> Utterance:
    """Somebody's own words in this dialect's voice, at most 200 spoken characters.

    Raises:
        NothingToSay: no word in it can be pronounced.
    """
    book = phrasebook(dialect)
    language = book.dialect.language
    words = capped((japanese if language == "ja" else english).reading(text), _MAX_FREE_TEXT)
    if not has_words(words):
        raise NothingToSay
    return Utterance(displayed(text), words, dialect, language)


def private_title(dialect: str) -> str:
    """What is said in place of a title that must stay private: 予定, an appointment."""
    return phrasebook(dialect).private


def _say_with_time(
    dialect: str, kind: str, titles: Sequence[str], starts_at: datetime, today: date
) -> Utterance:
    book = phrasebook(dialect)
    return _say(book, kind, titles, time=time_of(starts_at, today, book.dialect.language))


def _say(book: Phrasebook, kind: str, titles: Sequence[str] | None = None, **values: Words) -> Utterance:
    capitals = {name.capitalize(): words.capitalised() for name, words in values.items()}
    if titles is not None:
        joined = titles_in(book, titles)
        values["titles"] = joined
        capitals["Titles"] = at_sentence_start(book, joined)
    values |= capitals
    phrase = book.phrases[kind]
    return Utterance(
        phrase.display.format_map({name: words.display for name, words in values.items()}),
        phrase.spoken.format_map({name: words.spoken for name, words in values.items()}),
        book.dialect.id,
        book.dialect.language,
    )


def _joined(said: Sequence[Utterance]) -> Utterance:
    gap = "" if said[0].language == "ja" else " "
    return Utterance(
        gap.join(part.display for part in said),
        gap.join(part.spoken for part in said),
        said[0].dialect,
        said[0].language,
    )
