"""Build utterances about a whole day: the morning briefing, the evening look-ahead, a day without events."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from catflap.speech.clock_words import part_of_day
from catflap.speech.phrasebooks import Phrasebook, phrasebook
from catflap.speech.sentences import (
    SHARES,
    Talkativeness,
    Utterance,
    concatenate,
    fits,
    next_seed,
    sentence,
)
from catflap.speech.spoken_times import TextPair, format_clock, format_date, format_day, format_time
from catflap.speech.titles import Title, join_english, join_titles

# Of a list of appointments with their times.
_MAX_LISTED, _LISTED_SHARE = 8, 2
# The parts of their limit that titles have with a greeting: all, a half, a third. With less there is none.
_SHARES_WITH_GREETING = SHARES[:3]
# The phrases for one timed event, for several, and for a day without any.
_CountKinds = tuple[str, str, str]
_BRIEF: _CountKinds = ("brief_one", "brief_many", "brief_nothing")

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
    kinds: _CountKinds,
    seed: int,
    talk: Talkativeness,
    listed: Listed,
) -> Utterance:
    """Return the first of the versions that fits into a sound; the shortest if none does."""
    opening = [] if talk == "brief" else [greeting]
    counted = _count_sentence(book, said, _BRIEF if talk == "brief" else kinds, seed)
    endings = [counted]
    if talk == "chatty":
        entries = _entries(book, listed)
        lists = (_list_sentence(book, said, entries[:end], seed) for end in range(len(entries), 0, -1))
        endings = [*([one] for one in lists), counted]
    for sentences in _versions(book, said, seed, opening, endings):
        whole = concatenate(sentences)
        if fits(whole):
            break
    return whole


def _versions(
    book: Phrasebook,
    said: _Day,
    seed: int,
    opening: Sequence[Utterance],
    endings: Sequence[Sequence[Utterance]],
) -> Iterator[Sequence[Utterance]]:
    """Yield the sentences about a day, from the version that says most to the shortest.

    Fewer appointments are named with their times, then less of each title, then without the greeting.
    """
    for share in _SHARES_WITH_GREETING:
        about_titles = list(_title_sentences(book, said, share, seed))
        for ending in endings:
            yield [*opening, *about_titles, *ending]
    for share in SHARES[::2]:
        about_titles = list(_title_sentences(book, said, share, seed))
        yield [*about_titles, *endings[-1]]
    shortest = _count_sentence(book, said, _BRIEF, seed)
    yield [*about_titles, *shortest]
    yield [*about_titles[:1], *shortest]


def _count_sentence(book: Phrasebook, said: _Day, kinds: _CountKinds, seed: int) -> list[Utterance]:
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
    """Return the first appointments as they stand in a list, each with its title and its time.

    A time has its part of the day where that changes; in the morning it is clear.
    """
    found = []
    part_before = "morning"
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
