"""Several event titles in one breath, shown and spoken.

A title is a stranger's text: it is cleaned, capped, and never parsed as a template. One that must not be
said, that is missing or that has no words (nothing but emoji) is replaced by words of the phrasebook.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import accumulate, islice

from catflap.speech import english, japanese, other_languages
from catflap.speech.language import Language
from catflap.speech.phrasebooks import Phrasebook
from catflap.speech.segments import marked
from catflap.speech.spoken_times import Words, end_of
from catflap.speech.text import displayed, has_words
from catflap.speech.title_language import UNDETERMINED, title_language

MAX_TITLES = 3
# How much of one title is said, and how much of all together: moras or letters, so that the longest
# briefing stays under twenty seconds.
MAX_SPOKEN = 60
_TOGETHER: Mapping[Language, int] = {"ja": 60, "en": 100}
# The last sign of a title that ends in a verb: 「歯医者に行く」の時間 stumbles, with の予定 it reads right.
_VERB_ENDINGS = frozenset("うくぐすつぬぶむるただてでいよねか")
# What calendar programs show, and sometimes write into a file, where there is no title.
_UNTITLED = frozenset(
    {"(no title)", "(untitled)", "untitled event", "(タイトルなし)", "(無題)", "(無題の予定)", "(제목 없음)"}
    | {"(ohne titel)", "(kein titel)", "(sans titre)", "(sin título)", "(senza titolo)", "(sem título)"}
    | {"(geen titel)", "(ingen titel)", "(без названия)", "(bez názvu)", "(无标题)", "(無標題)"}
)
_QUOTES: Mapping[Language, tuple[str, str]] = {"ja": ("「", "」"), "en": ("“", "”")}


@dataclass(frozen=True)
class Title:
    """What an announcement is about.

    Args:
        text: The event's title; "" for none.
        private: It must not be said.
        tentative: Say that it is not certain.
        birthday: For a birthday without a title: `self` for the listener's own, else `birthday`.
        until: When it ends, in the user's zone, for what is under way.
    """

    text: str = field(default="", repr=False)
    private: bool = False
    tentative: bool = False
    birthday: str = ""
    until: datetime | None = None


def titles_in(
    book: Phrasebook, titles: Sequence[Title | str], today: date | None = None, share: int = 1
) -> Words:
    """Titles joined as the language joins them; what is too much for one breath is counted.

    Args:
        book: Whose words to use.
        titles: What to name, a plain text for an ordinary title; without any, an appointment.
        today: The day it is heard on; needed for titles with an `until`.
        share: How many such lists one announcement has; each gets its part of the time.
    """
    limit = MAX_SPOKEN // share
    named = [Title(title) if isinstance(title, str) else title for title in titles or [Title()]]
    one_each = list(dict.fromkeys(_decorated(book, title, today, limit) for title in named))
    said = one_each[: _fitting([words.spoken for words in one_each], book.dialect.language, share)]
    more = len(one_each) - len(said)
    sides = [words.display for words in said], [words.spoken for words in said]
    if book.dialect.language == "ja":
        tail = f"、ほか{more}件" if more else ""
        return Words(*("と".join(side) + tail for side in sides))
    return Words(*(_listed([*side, f"{more} more"] if more else side) for side in sides))


def stand_in(book: Phrasebook, title: Title) -> str:
    """The phrasebook's words in place of a title that must not be said or is missing; "" when it is there."""
    if title.private:
        return book.private
    shown = displayed(title.text)
    if not shown or shown.casefold() in _UNTITLED:
        return book.birthdays.get(title.birthday, book.untitled)
    return shown if shown in (book.private, book.untitled) else ""


def title_in(book: Phrasebook, title: Title, limit: int = MAX_SPOKEN) -> Words:
    """One title in a sentence of this phrasebook, in its quotes, or what stands in for it."""
    if ours := stand_in(book, title):
        return Words(ours, ours)
    language = book.dialect.language
    shown, spoken = displayed(title.text), spoken_title(title.text, language, limit)
    opening, closing = _QUOTES[language]
    quoted = f"{opening}{shown}{closing}"
    if not has_words(spoken):
        return Words(quoted, book.untitled)
    if language == "en":
        return Words(quoted, spoken)
    plan = "の予定" if shown[-1] in _VERB_ENDINGS else ""
    return Words(f"{quoted}{plan}", f"「{spoken}」{plan}")


def spoken_title(title: str, language: Language, limit: int = MAX_SPOKEN) -> str:
    """What the engine gets for a title: each in its own language, in every sentence.

    English titles in a Japanese sentence are read in katakana, as people there read them.
    """
    spoken_in = title_language(title)
    if spoken_in == "ja" or (spoken_in == "en" and language == "ja"):
        return japanese.title_reading(title, limit)
    if spoken_in == "en":
        return english.title_reading(title, limit)
    words = "" if spoken_in == UNDETERMINED else other_languages.title_reading(title, limit)
    return marked(spoken_in, words) if has_words(words) else ""


def at_sentence_start(book: Phrasebook, words: Words) -> Words:
    """Joined titles where a sentence begins: our own word takes a capital there, a title stays as it is."""
    capital = words.capitalised()
    before_title = book.phrases["maybe"].display.partition("{")[0]
    ours = tuple(filter(None, (book.private, book.untitled, *book.birthdays.values(), before_title)))
    return Words(
        capital.display if words.display.startswith(ours) else words.display,
        capital.spoken if words.spoken.startswith(ours) else words.spoken,
    )


def _decorated(book: Phrasebook, title: Title, today: date | None, limit: int) -> Words:
    """The title with what is to be said about it: that it is not certain, when it ends."""
    words = title_in(book, title, limit)
    if title.tentative:
        words = book.phrases["maybe"].filled(title=words)
    if title.until is None:
        return words
    until = end_of(title.until, today or title.until.date(), book.dialect.language)
    return book.phrases["until"].filled(title=words, time=until)


def _fitting(spoken: Sequence[str], language: Language, share: int) -> int:
    """How many of these titles go into one breath; at least the first."""
    cost = japanese.moras if language == "ja" else other_languages.letters
    lengths = accumulate(sum(map(cost, words)) for words in spoken)
    together = _TOGETHER[language] // share
    return max(1, sum(length <= together for length in islice(lengths, MAX_TITLES)))


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
