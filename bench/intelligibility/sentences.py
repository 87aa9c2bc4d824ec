"""The sentences whose intelligibility is measured: every phrase of every English dialect, with 50 titles.

The titles are made up after those of public calendars: meetings, appointments, people and errands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

from catflap.speech.phrasebook_format import REQUIRED
from catflap.speech.phrasebooks import Phrasebook, dialects, phrasebook
from catflap.speech.spoken_times import TextPair, format_date, format_day, format_duration, format_time
from catflap.speech.titles import join_titles

_TITLES = Path(__file__).parent / "titles.txt"
# Starts and leads in turn; the day doesn't matter.
_DAY = datetime(2026, 11, 24, tzinfo=UTC)
_STARTS = [(9, 0), (15, 30), (10, 15), (12, 0), (17, 45), (8, 30), (14, 0), (11, 20), (19, 0), (13, 55)]
_MINUTES = [10, 5, 15, 30, 2, 20, 45]
_HOURS = [60, 120, 90, 75, 180]
_COUNTS = [2, 3, 4, 5, 7]


@dataclass(frozen=True)
class Sentence:
    """What is said in a dialect.

    Args:
        dialect: Its id.
        kind: Of the phrase, with the number of the variant.
        spoken: As of `Utterance.spoken`.
    """

    dialect: str
    kind: str
    spoken: str


def all_titles() -> list[str]:
    """Return the 50 titles."""
    return _TITLES.read_text("utf-8").splitlines()


def english_dialects() -> list[str]:
    """Return the ids of the English dialects."""
    return [one.id for one in dialects() if one.language == "en"]


def sentences(dialect: str) -> list[Sentence]:
    """Return each variant of each phrase, with another title each; further reminders have the rest of 50."""
    book = phrasebook(dialect)
    titles = all_titles()
    # Each dialect begins elsewhere, so that a title is not always in the same phrase.
    first = english_dialects().index(dialect) * len(titles) // 5
    left = cycle([*titles[first:], *titles[:first]])
    found: list[Sentence] = []
    used = 0
    for kind, variants in book.phrases.items():
        for number, phrase in enumerate(variants, 1):
            has_title = any(name in phrase.display.lower() for name in ("{title", "{list}"))
            title = next(left) if has_title else titles[0]
            used += has_title
            found.append(
                Sentence(dialect, f"{kind} {number}", _filled(book, kind, title, len(found), number))
            )
    for number in range(used, len(titles)):
        variant = number % len(book.phrases["start"]) + 1
        text = _filled(book, "start", next(left), number, variant)
        found.append(Sentence(dialect, f"start {variant}, title {number + 1}", text))
    return found


def sample(found: Sequence[Sentence], size: int | None) -> list[Sentence]:
    """Return at most so many of the sentences, evenly chosen; all of them for None."""
    if size is None or size >= len(found):
        return list(found)
    return [found[index * len(found) // size] for index in range(size)]


def _filled(book: Phrasebook, kind: str, title: str, place: int, number: int) -> str:
    hour, minute = _STARTS[place % len(_STARTS)]
    starts_at = _DAY.replace(hour=hour, minute=minute)
    minutes = (_HOURS if kind == "before_hours" else _MINUTES)[number % 5]
    names = join_titles(book, [title])
    values = {
        "titles": names,
        "title": names,
        "time": format_time(starts_at, _DAY.date(), "en", soon=kind != "before_hours"),
        "span": format_duration(minutes, "en"),
        "count": TextPair(*[str(_COUNTS[number % len(_COUNTS)])] * 2),
        "day": format_day(_DAY.date(), _DAY.date(), "en"),
        "date": format_date(_DAY.date() + timedelta(days=place), "en"),
        "name": TextPair("Grandma", "Grandma"),
    }
    values["list"] = _format(book, "entry", 1, values)
    said = _format(book, kind, number, values)
    # A part of a sentence is heard in a sentence.
    if "name" in REQUIRED[kind]:
        return f"{said.spoken} {_format(book, 'paired', 1, values).spoken}"
    is_part = "title" in REQUIRED[kind]
    return (_format(book, "start", 1, {**values, "titles": said}) if is_part else said).spoken


def _format(book: Phrasebook, kind: str, number: int, values: Mapping[str, TextPair]) -> TextPair:
    capitals = {name.capitalize(): words.capitalised() for name, words in values.items()}
    return book.phrases[kind][number - 1].format(**values, **capitals)
