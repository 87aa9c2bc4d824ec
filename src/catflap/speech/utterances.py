"""What Mia says: one function for each kind of announcement, from plain values to words.

Shown and spoken text are kept apart, since engines need spellings people don't. Nothing here knows a
calendar; the caller decides what may be said and marks a `Title` that may not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from catflap.speech import english, japanese
from catflap.speech.errors import NothingToSay
from catflap.speech.language import Language
from catflap.speech.phrasebooks import Phrasebook, phrasebook
from catflap.speech.spoken_times import Words, date_of, day_of, span_of, time_of
from catflap.speech.text import capped, displayed, has_words
from catflap.speech.titles import Title, at_sentence_start, stand_in, titles_in

_MAX_FREE_TEXT = 200
# What is said in about eighteen seconds, in moras and letters; a longer briefing names less of each title.
_MAX_BRIEFING: Mapping[Language, int] = {"ja": 138, "en": 220}
_MAX_SHARE = 8


@dataclass(frozen=True)
class Utterance:
    """One thing to say."""

    display: str
    spoken: str
    dialect: str
    language: Language


def say_before(dialect: str, titles: Sequence[Title | str], starts_at: datetime, minutes: int) -> Utterance:
    """A reminder.

    Args:
        dialect: A phrasebook's id.
        titles: Everything that starts then.
        starts_at: The start in the user's zone.
        minutes: How long before the start this will be heard; with 0 it is `say_start`.
    """
    if minutes <= 0:
        return say_start(dialect, titles, starts_at)
    book = phrasebook(dialect)
    kind = "before_one" if minutes == 1 else "before_many" if minutes < 60 else "before_hours"
    heard_on = (starts_at - timedelta(minutes=minutes)).date()
    time = time_of(starts_at, heard_on, book.dialect.language)
    return _say(book, kind, titles_in(book, titles), time=time, span=span_of(minutes, book.dialect.language))


def say_start(dialect: str, titles: Sequence[Title | str], starts_at: datetime) -> Utterance:
    """It begins now. `starts_at` is in the user's zone."""
    book = phrasebook(dialect)
    return _say(
        book,
        "start",
        titles_in(book, titles),
        time=time_of(starts_at, starts_at.date(), book.dialect.language),
    )


def say_briefing(
    dialect: str,
    day: date,
    all_day: Sequence[Title | str],
    timed: int,
    first: datetime | None,
    under_way: Sequence[Title | str] = (),
) -> Utterance:
    """The morning's overview: greeting and date, all-day titles, what is under way, and what is to come.

    Args:
        dialect: A phrasebook's id.
        day: The day it is heard on.
        all_day: Titles of the day's all-day events.
        timed: How many appointments with a time there are still to come.
        first: When the first of them starts, in the user's zone; None when `timed` is 0.
        under_way: Titles of what has begun and not ended yet, each with its `until`.
    """
    book = phrasebook(dialect)
    language = book.dialect.language
    said = [_say(book, "greeting", date=date_of(day, language))]
    to_come: list[Utterance] = []
    if timed and first is not None:
        kind = "timed_one" if timed == 1 else "timed_many"
        count = Words(str(timed), str(timed))
        to_come.append(_say(book, kind, time=time_of(first, day, language), count=count))
    elif not all_day and not under_way:
        to_come.append(_say(book, "nothing"))
    for share in range(1, _MAX_SHARE + 1):
        whole = _joined([*said, *_named(book, day, all_day, under_way, share), *to_come])
        if _cost(whole) <= _MAX_BRIEFING[language]:
            break
    return whole


def _named(
    book: Phrasebook, day: date, all_day: Sequence[Title | str], under_way: Sequence[Title | str], share: int
) -> list[Utterance]:
    """The sentences of a briefing that name titles, each with its share of the time there is."""
    said = []
    if all_day:
        titles = titles_in(book, all_day, day, share)
        said.append(_say(book, "all_day", titles, day=day_of(day, day, book.dialect.language)))
    if under_way:
        said.append(_say(book, "under_way", titles_in(book, under_way, day, share)))
    return said


def _cost(said: Utterance) -> int:
    """About how long it takes to say: moras or letters."""
    return sum(map(japanese.moras, said.spoken)) if said.language == "ja" else len(said.spoken)


def say_nothing(dialect: str) -> Utterance:
    """Nothing is on the calendar today."""
    return _say(phrasebook(dialect), "nothing")


def say_all_day(dialect: str, titles: Sequence[Title | str], day: date, today: date) -> Utterance:
    """A reminder of something that takes the whole of `day`, heard on `today`."""
    book = phrasebook(dialect)
    return _say(book, "all_day", titles_in(book, titles), day=day_of(day, today, book.dialect.language))


def say_moved(dialect: str, titles: Sequence[Title | str], starts_at: datetime, today: date) -> Utterance:
    """It now starts at `starts_at` (the user's zone); heard on `today`."""
    return _say_with_time(dialect, "moved", titles, starts_at, today)


def say_cancelled(dialect: str, titles: Sequence[Title | str], starts_at: datetime, today: date) -> Utterance:
    """What was to start at `starts_at` (the user's zone) will not; heard on `today`."""
    return _say_with_time(dialect, "cancelled", titles, starts_at, today)


def say_late(dialect: str, titles: Sequence[Title | str], minutes: int) -> Utterance:
    """It started `minutes` (at least 1) ago."""
    book = phrasebook(dialect)
    return _say(book, "late", titles_in(book, titles), span=span_of(max(1, minutes), book.dialect.language))


def say_catch_up(dialect: str, titles: Sequence[Title | str]) -> Utterance:
    """What could not be said in time, for instance because the device was offline."""
    book = phrasebook(dialect)
    return _say(book, "catch_up", titles_in(book, titles))


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
    """What is said in place of a title that must stay private: 予定, a secret appointment."""
    return phrasebook(dialect).private


def shown_title(dialect: str, title: Title) -> str:
    """The title as a list of announcements shows it; what stands in for one that is private or missing."""
    return stand_in(phrasebook(dialect), title) or title.text


def _say_with_time(
    dialect: str, kind: str, titles: Sequence[Title | str], starts_at: datetime, today: date
) -> Utterance:
    book = phrasebook(dialect)
    return _say(book, kind, titles_in(book, titles), time=time_of(starts_at, today, book.dialect.language))


def _say(book: Phrasebook, kind: str, titles: Words | None = None, **values: Words) -> Utterance:
    capitals = {name.capitalize(): words.capitalised() for name, words in values.items()}
    if titles is not None:
        values["titles"] = titles
        capitals["Titles"] = at_sentence_start(book, titles)
    words = book.phrases[kind].filled(**values, **capitals)
    return Utterance(words.display, words.spoken, book.dialect.id, book.dialect.language)


def _joined(said: Sequence[Utterance]) -> Utterance:
    gap = "" if said[0].language == "ja" else " "
    return Utterance(
        gap.join(part.display for part in said),
        gap.join(part.spoken for part in said),
        said[0].dialect,
        said[0].language,
    )
