"""Format event titles for display and speech.

Titles are untrusted: they are sanitised, truncated and never parsed as templates. One that is private,
missing or without words (only emoji) is replaced by a substitute from the phrasebook.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import accumulate, islice

from catflap.speech import english, japanese, other_languages
from catflap.speech.language import Language
from catflap.speech.phrasebooks import Phrasebook
from catflap.speech.reading_dictionary import apply_readings
from catflap.speech.segments import mark_segment
from catflap.speech.spoken_times import TextPair, format_end
from catflap.speech.text import display_text, has_words
from catflap.speech.title_language import UNDETERMINED, title_language

MAX_TITLES = 3
# Limits of one spoken title and of all together, in moras or letters, so that the longest briefing stays
# under twenty seconds.
MAX_SPOKEN = 60
_TOGETHER: Mapping[Language, int] = {"ja": 60, "en": 100}
# Last characters of titles that end in a verb: 「歯医者に行く」の時間 is awkward, with の予定 it is right.
_VERB_ENDINGS = frozenset("うくぐすつぬぶむるただてでいよねか")
# What calendar programs display, and sometimes store, instead of a missing title.
_UNTITLED = frozenset(
    {"(no title)", "(untitled)", "untitled event", "(タイトルなし)", "(無題)", "(無題の予定)", "(제목 없음)"}
    | {"(ohne titel)", "(kein titel)", "(sans titre)", "(sin título)", "(senza titolo)", "(sem título)"}
    | {"(geen titel)", "(ingen titel)", "(без названия)", "(bez názvu)", "(无标题)", "(無標題)"}
)
# Only readings have kana in a title of another language than Japanese.
_KANA = re.compile("([\u3041-\u3096\u30a1-\u30fa\u30fc]+)")
_QUOTES: Mapping[Language, tuple[str, str]] = {"ja": ("「", "」"), "en": ("“", "”")}


@dataclass(frozen=True)
class Title:
    """The title of an event, as far as it may be said.

    Args:
        text: The event's title; "" for none.
        private: Whether it must not be said.
        tentative: Whether to say that the event is not certain.
        birthday: For a birthday without a title: `self` for the listener's own, else `birthday`.
        until: The end of an ongoing event, in the user's zone.
        readings: Words of the title and how they are spoken instead (`readings_in`).
    """

    text: str = field(default="", repr=False)
    private: bool = False
    tentative: bool = False
    birthday: str = ""
    until: datetime | None = None
    readings: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def join_titles(
    book: Phrasebook, titles: Sequence[Title | str], today: date | None = None, share: int = 1
) -> TextPair:
    """Join titles as the language does; those beyond the limit are only counted.

    Args:
        book: The phrasebook.
        titles: Titles, as plain text if ordinary; without any, an appointment.
        today: The day on which it is played; needed for titles with an `until`.
        share: The number of such lists in the announcement, among which the limit is divided.
    """
    limit = MAX_SPOKEN // share
    named = [Title(title) if isinstance(title, str) else title for title in titles or [Title()]]
    # "maybe" before the first of several would count for all of them.
    named.sort(key=lambda title: title.tentative)
    one_each = list(dict.fromkeys(_with_details(book, title, today, limit) for title in named))
    said = one_each[: _count_fitting([words.spoken for words in one_each], book.dialect.language, share)]
    more = len(one_each) - len(said)
    sides = [words.display for words in said], [words.spoken for words in said]
    if book.dialect.language == "ja":
        tail = f"、ほか{more}件" if more else ""
        return TextPair(*("と".join(side) + tail for side in sides))
    return TextPair(*(join_english([*side, f"{more} more"] if more else side) for side in sides))


def substitute_title(book: Phrasebook, title: Title) -> str:
    """Return the phrasebook's substitute for a private or missing title; "" if the title can be said."""
    if title.private:
        return book.private
    shown = display_text(title.text)
    if not shown or shown.casefold() in _UNTITLED:
        return book.birthdays.get(title.birthday, book.untitled)
    return shown if shown in (book.private, book.untitled) else ""


def quote_title(book: Phrasebook, title: Title, limit: int = MAX_SPOKEN) -> TextPair:
    """Return one title in quotation marks, or its substitute."""
    if ours := substitute_title(book, title):
        return TextPair(ours, ours)
    language = book.dialect.language
    shown, spoken = display_text(title.text), spoken_title(title.text, language, limit, title.readings)
    opening, closing = _QUOTES[language]
    quoted = f"{opening}{shown}{closing}"
    if not has_words(spoken):
        return TextPair(quoted, book.untitled)
    if language == "en":
        return TextPair(quoted, spoken)
    plan = "の予定" if shown[-1] in _VERB_ENDINGS else ""
    return TextPair(f"{quoted}{plan}", f"「{spoken}」{plan}")


def spoken_title(
    title: str, language: Language, limit: int = MAX_SPOKEN, readings: Sequence[tuple[str, str]] = ()
) -> str:
    """Return the text of a title for the engine, marked with its own language.

    English titles in a Japanese sentence are converted to katakana. The language is that of the title as it
    is written, so that a reading doesn't change the voice of the other words; a reading in kana is left to
    the Japanese voice.
    """
    spoken_in = title_language(title)
    if spoken_in == UNDETERMINED:
        spoken_in = title_language(apply_readings(title, readings))
    voice: Language = "ja" if spoken_in == "ja" or (spoken_in == "en" and language == "ja") else "en"
    text = apply_readings(title, readings, voice) if readings else title
    if voice == "ja":
        return japanese.title_reading(text, limit)
    if spoken_in == "en":
        return english.title_reading(text, limit)
    words = "" if spoken_in == UNDETERMINED else other_languages.title_reading(text, limit)
    parts = (
        part if _KANA.match(part) else mark_segment(spoken_in, part) if has_words(part) else ""
        for part in _KANA.split(words)
    )
    return "".join(parts)


def at_sentence_start(book: Phrasebook, words: TextPair) -> TextPair:
    """Capitalise joined titles at the start of a sentence, if they begin with words of the phrasebook."""
    capital = words.capitalised()
    before_title = book.phrase("maybe").display.partition("{")[0]
    ours = tuple(filter(None, (book.private, book.untitled, *book.birthdays.values(), before_title)))
    return TextPair(
        capital.display if words.display.startswith(ours) else words.display,
        capital.spoken if words.spoken.startswith(ours) else words.spoken,
    )


def _with_details(book: Phrasebook, title: Title, today: date | None, limit: int) -> TextPair:
    """Return the title with its details: that it is tentative, and until when it lasts."""
    words = quote_title(book, title, limit)
    if title.tentative:
        words = book.phrase("maybe").format(title=words)
    if title.until is None:
        return words
    until = format_end(title.until, today or title.until.date(), book.dialect.language)
    return book.phrase("until").format(title=words, time=until)


def _count_fitting(spoken: Sequence[str], language: Language, share: int) -> int:
    """Return how many of these titles are within the limit; at least one."""
    cost = japanese.moras if language == "ja" else other_languages.letters
    lengths = accumulate(sum(map(cost, words)) for words in spoken)
    together = _TOGETHER[language] // share
    return max(1, sum(length <= together for length in islice(lengths, MAX_TITLES)))


def join_english(items: list[str]) -> str:
    """Join words as English does, with "and" before the last."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
