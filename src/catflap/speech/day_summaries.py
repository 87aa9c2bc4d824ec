"""Build utterances about a whole day: the morning briefing, the evening look-ahead, a day without events."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from catflap.speech.clock_words import part_of_day
from catflap.speech.language import Language
from catflap.speech.phrasebooks import Phrasebook, phrasebook
from catflap.speech.sentences import (
    Talkativeness,
    Utterance,
    concatenate,
    next_seed,
    sentence,
    speech_cost,
)
from catflap.speech.spoken_times import TextPair, format_clock, format_date, format_day, format_time
from catflap.speech.titles import Title, join_english, join_titles

# The text of about eighteen seconds, in moras and letters; a longer one names fewer appointments, then has
# less of each title.
_MAX_COST: Mapping[Language, int] = {"ja": 138, "en": 185}
_MAX_SHARE = 8
# Of a list of appointments with their times.
_MAX_LISTED, _LISTED_SHARE = 8, 2

Listed = Sequence[tuple[datetime, Title | str]]


class _Day(NamedTuple):
    """What is said about a day, and when."""

    day: date
    today: date
    all_day: Sequence[Title | str]
    under_way: Sequence[Title | str]
    timed: int
    first: datetime | None


def say_briefing(
    dialect: str,
    day: date,
    all_day: Sequence[Title | str],
    timed: int,
    first: datetime | None,
    under_way: Sequence[Title | str] = (),
    seed: int = 0,
    talk: Talkativeness = "normal",
    listed: Listed = (),
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
        talk: How much is said; `brief` has no greeting.
        listed: Starts and titles of the events to come, in order; only `chatty` names them, as many as can
            be said in the time of one sound.
    """
    book = phrasebook(dialect)
    said = _Day(day, day, all_day, under_way, timed, first)
    greeting = sentence(book, "greeting", seed=seed, date=format_date(day, book.dialect.language))
    return _say_day(book, said, greeting, ("timed_one", "timed_many", "nothing"), seed, talk, listed)


def say_evening(
    dialect: str,
    day: date,
    all_day: Sequence[Title | str],
    timed: int,
    first: datetime | None,
    seed: int = 0,
    talk: Talkativeness = "normal",
    listed: Listed = (),
) -> Utterance:
    """Return the look-ahead at `day`, played on the evening before; arguments as of `say_briefing`."""
    book = phrasebook(dialect)
    said = _Day(day, day - timedelta(days=1), all_day, (), timed, first)
    kinds = ("evening_one", "evening_many", "evening_nothing")
    return _say_day(book, said, sentence(book, "evening", seed=seed), kinds, seed, talk, listed)


def say_nothing(dialect: str, seed: int = 0) -> Utterance:
    """Return the sentence for a day without events."""
    return sentence(phrasebook(dialect), "nothing", seed=seed)


def _say_day(
    book: Phrasebook,
    said: _Day,
    greeting: Utterance,
    kinds: tuple[str, str, str],
    seed: int,
    talk: Talkativeness,
    listed: Listed,
) -> Utterance:
    opening = [] if talk == "brief" else [greeting]
    if talk == "brief":
        kinds = ("brief_one", "brief_many", "brief_nothing")
    limit = _MAX_COST[book.dialect.language]
    entries = _entries(book, listed) if talk == "chatty" else []
    lists = [_list_sentence(book, said, entries[:number], seed) for number in range(len(entries), 0, -1)]
    counted = _count_sentence(book, said, kinds, seed)
    for share in range(1, _MAX_SHARE + 1):
        about_titles = list(_title_sentences(book, said, share, seed))
        for ending in [*([one] for one in lists), counted]:
            whole = concatenate([*opening, *about_titles, *ending])
            if speech_cost(whole) <= limit:
                return whole
    return whole


def _count_sentence(book: Phrasebook, said: _Day, kinds: tuple[str, str, str], seed: int) -> list[Utterance]:
    """Return how many timed events there are, or that there is nothing at all, if it is so."""
    language = book.dialect.language
    one, many, nothing = kinds
    day = format_day(said.day, said.today, language)
    seed = next_seed(seed, 1)
    if said.timed and said.first is not None:
        time = (
            format_time(said.first, said.day, language)
            if said.today == said.day
            else format_clock(said.first, language)
        )
        count = TextPair(str(said.timed), str(said.timed))
        return [sentence(book, one if said.timed == 1 else many, seed=seed, day=day, time=time, count=count)]
    if not said.all_day and not said.under_way:
        return [sentence(book, nothing, seed=seed, day=day)]
    return []


def _title_sentences(book: Phrasebook, said: _Day, share: int, seed: int) -> Iterator[Utterance]:
    """Yield the sentences that name titles without a time, each with its share of the available time."""
    if said.all_day:
        titles = join_titles(book, said.all_day, said.day, share)
        day = format_day(said.day, said.today, book.dialect.language)
        yield sentence(book, "all_day", titles, seed=next_seed(seed, 2), day=day)
    if said.under_way:
        titles = join_titles(book, said.under_way, said.day, share)
        yield sentence(book, "under_way", titles, seed=next_seed(seed, 3))


def _entries(book: Phrasebook, listed: Listed) -> list[tuple[TextPair, TextPair, TextPair]]:
    """Return the first appointments as they stand in a list, each with its title and its time."""
    found = []
    part_before = ""
    for at, title in listed[:_MAX_LISTED]:
        part = part_of_day(at.time())
        words = join_titles(book, [title], at.date(), _LISTED_SHARE)
        time = format_clock(at, book.dialect.language, with_part=part != part_before)
        found.append((book.phrase("entry").format(title=words, time=time), words, time))
        part_before = part
    return found


def _list_sentence(
    book: Phrasebook, said: _Day, entries: Sequence[tuple[TextPair, TextPair, TextPair]], seed: int
) -> Utterance:
    """Return the sentence that names these appointments, and how many more there are."""
    language = book.dialect.language
    day = format_day(said.day, said.today, language)
    seed = next_seed(seed, 1)
    timed = max(said.timed, len(entries))
    if timed == 1:
        _, titles, time = entries[0]
        return sentence(book, "listed_one", titles, seed=seed, day=day, time=time)
    more = timed - len(entries)
    sides = [one.display for one, _, _ in entries], [one.spoken for one, _, _ in entries]
    if language == "ja":
        tail = [f"ほか{more}件"] if more else []
        words = TextPair(*("、".join([*side, *tail]) for side in sides))
    else:
        tail = [f"{more} more"] if more else []
        words = TextPair(*(join_english([*side, *tail]) for side in sides))
    count = TextPair(str(timed), str(timed))
    return sentence(book, "listed", seed=seed, day=day, count=count, list=words)
