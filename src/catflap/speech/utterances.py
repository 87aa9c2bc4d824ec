"""Build utterances, one function per kind of announcement, from plain values.

Displayed and spoken text are separate, because engines need other spellings than readers. Independent of
calendars: the caller marks a `Title` that must not be said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from catflap.speech import english, japanese
from catflap.speech.errors import NothingToSay
from catflap.speech.language import Language
from catflap.speech.phrasebooks import Phrasebook, phrasebook
from catflap.speech.spoken_times import TextPair, format_date, format_day, format_duration, format_time
from catflap.speech.text import display_text, has_words, truncate
from catflap.speech.titles import Title, at_sentence_start, join_titles, substitute_title

# How much is said: `brief` has no more than needed, `chatty` adds a remark and names every appointment.
Talkativeness = Literal["brief", "normal", "chatty"]
_MAX_FREE_TEXT = 200
# The text of about eighteen seconds, in moras and letters; a longer briefing has less of each title.
_MAX_BRIEFING: Mapping[Language, int] = {"ja": 138, "en": 185}
_MAX_SHARE = 8


@dataclass(frozen=True)
class Utterance:
    """A text to display and to synthesise."""

    display: str
    spoken: str
    dialect: str
    language: Language


def say_before(
    dialect: str, titles: Sequence[Title | str], starts_at: datetime, minutes: int, seed: int = 0
) -> Utterance:
    """Return a reminder.

    Args:
        dialect: Id of a phrasebook.
        titles: Titles of the events with this start.
        starts_at: The start in the user's zone.
        minutes: How long before the start it is played; with 0 it is `say_start`.
        seed: Chooses the variant of the phrase, see `Phrasebook.phrase`.
    """
    if minutes <= 0:
        return say_start(dialect, titles, starts_at, seed=seed)
    book = phrasebook(dialect)
    kind = "before_one" if minutes == 1 else "before_many" if minutes < 60 else "before_hours"
    heard_on = (starts_at - timedelta(minutes=minutes)).date()
    time = format_time(starts_at, heard_on, book.dialect.language, soon=minutes < 60)
    return _utterance(
        book,
        kind,
        join_titles(book, titles),
        seed=seed,
        time=time,
        span=format_duration(minutes, book.dialect.language),
    )


def say_start(dialect: str, titles: Sequence[Title | str], starts_at: datetime, seed: int = 0) -> Utterance:
    """Return an announcement of events that start now. `starts_at` is in the user's zone."""
    book = phrasebook(dialect)
    return _utterance(
        book,
        "start",
        join_titles(book, titles),
        seed=seed,
        time=format_time(starts_at, starts_at.date(), book.dialect.language, soon=True),
    )


def say_briefing(
    dialect: str,
    day: date,
    all_day: Sequence[Title | str],
    timed: int,
    first: datetime | None,
    under_way: Sequence[Title | str] = (),
    seed: int = 0,
) -> Utterance:
    """Return a morning briefing: greeting and date, all-day events, ongoing events, and those to come.

    Args:
        dialect: Id of a phrasebook.
        day: The day on which it is played.
        all_day: Titles of the day's all-day events.
        timed: The number of timed events still to come.
        first: The start of the first of them, in the user's zone; None when `timed` is 0.
        under_way: Titles of ongoing events, each with its `until`.
        seed: Chooses the variants of the phrases.
    """
    book = phrasebook(dialect)
    language = book.dialect.language
    # The second sentence goes round at another pace than the greeting, so that they meet in all combinations.
    second = seed + seed // (5 * 288)
    sentences = [_utterance(book, "greeting", seed=seed, date=format_date(day, language))]
    to_come: list[Utterance] = []
    if timed and first is not None:
        kind = "timed_one" if timed == 1 else "timed_many"
        count = TextPair(str(timed), str(timed))
        to_come.append(
            _utterance(book, kind, seed=second, time=format_time(first, day, language), count=count)
        )
    elif not all_day and not under_way:
        to_come.append(_utterance(book, "nothing", seed=second))
    for share in range(1, _MAX_SHARE + 1):
        whole = _concatenate([*sentences, *_title_sentences(book, day, all_day, under_way, share), *to_come])
        if _speech_cost(whole) <= _MAX_BRIEFING[language]:
            break
    return whole


def _title_sentences(
    book: Phrasebook, day: date, all_day: Sequence[Title | str], under_way: Sequence[Title | str], share: int
) -> list[Utterance]:
    """Return the sentences of a briefing that name titles, each with its share of the available time."""
    sentences = []
    if all_day:
        titles = join_titles(book, all_day, day, share)
        sentences.append(_utterance(book, "all_day", titles, day=format_day(day, day, book.dialect.language)))
    if under_way:
        sentences.append(_utterance(book, "under_way", join_titles(book, under_way, day, share)))
    return sentences


def _speech_cost(utterance: Utterance) -> int:
    """Return about how long an utterance takes, in moras or letters."""
    return sum(map(japanese.moras, utterance.spoken)) if utterance.language == "ja" else len(utterance.spoken)


def say_nothing(dialect: str, seed: int = 0) -> Utterance:
    """Return the sentence for a day without events."""
    return _utterance(phrasebook(dialect), "nothing", seed=seed)


def say_all_day(dialect: str, titles: Sequence[Title | str], day: date, today: date) -> Utterance:
    """Return a reminder of all-day events of `day`, played on `today`."""
    book = phrasebook(dialect)
    return _utterance(
        book, "all_day", join_titles(book, titles), day=format_day(day, today, book.dialect.language)
    )


def say_moved(dialect: str, titles: Sequence[Title | str], starts_at: datetime, today: date) -> Utterance:
    """Return a notice that events now start at `starts_at` (the user's zone), played on `today`."""
    return _say_with_time(dialect, "moved", titles, starts_at, today)


def say_cancelled(dialect: str, titles: Sequence[Title | str], starts_at: datetime, today: date) -> Utterance:
    """Return a notice that events at `starts_at` (the user's zone) are cancelled, played on `today`."""
    return _say_with_time(dialect, "cancelled", titles, starts_at, today)


def say_late(dialect: str, titles: Sequence[Title | str], minutes: int) -> Utterance:
    """Return a late reminder of events that started `minutes` (at least 1) ago."""
    book = phrasebook(dialect)
    return _utterance(
        book, "late", join_titles(book, titles), span=format_duration(max(1, minutes), book.dialect.language)
    )


def say_catch_up(dialect: str, titles: Sequence[Title | str]) -> Utterance:
    """Return a summary of announcements that were missed, for instance while the device was offline."""
    book = phrasebook(dialect)
    return _utterance(book, "catch_up", join_titles(book, titles))


def say_reconnect(dialect: str) -> Utterance:
    """Return the request to consent again, because the calendar can no longer be read."""
    return _utterance(phrasebook(dialect), "reconnect")


def say_text(dialect: str, text: str) -> Utterance:
    """Return an utterance of any text, cut to 200 spoken characters.

    Raises:
        NothingToSay: it has nothing that can be pronounced.
    """
    book = phrasebook(dialect)
    language = book.dialect.language
    words = truncate((japanese if language == "ja" else english).reading(text), _MAX_FREE_TEXT)
    if not has_words(words):
        raise NothingToSay
    return Utterance(display_text(text), words, dialect, language)


def private_title(dialect: str) -> str:
    """Return what is said instead of a private title, such as 予定 or "a secret appointment"."""
    return phrasebook(dialect).private


def shown_title(dialect: str, title: Title) -> str:
    """Return a title for display, or the substitute for one that is private or missing."""
    return substitute_title(phrasebook(dialect), title) or title.text


def _say_with_time(
    dialect: str, kind: str, titles: Sequence[Title | str], starts_at: datetime, today: date
) -> Utterance:
    book = phrasebook(dialect)
    return _utterance(
        book, kind, join_titles(book, titles), time=format_time(starts_at, today, book.dialect.language)
    )


def _utterance(
    book: Phrasebook, kind: str, titles: TextPair | None = None, seed: int = 0, **values: TextPair
) -> Utterance:
    capitals = {name.capitalize(): words.capitalised() for name, words in values.items()}
    if titles is not None:
        values["titles"] = titles
        capitals["Titles"] = at_sentence_start(book, titles)
    words = book.phrase(kind, seed).format(**values, **capitals)
    return Utterance(words.display, words.spoken, book.dialect.id, book.dialect.language)


def _concatenate(sentences: Sequence[Utterance]) -> Utterance:
    gap = "" if sentences[0].language == "ja" else " "
    return Utterance(
        gap.join(part.display for part in sentences),
        gap.join(part.spoken for part in sentences),
        sentences[0].dialect,
        sentences[0].language,
    )
