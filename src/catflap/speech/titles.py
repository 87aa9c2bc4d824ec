"""Several event titles in one breath, shown and spoken.

A title is a stranger's text: it is cleaned, capped, and never parsed as a template. One that must not be
said (private, empty, nothing but emoji) is replaced by the phrasebook's own word for an appointment.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate, islice

from catflap.speech import english, japanese
from catflap.speech.cleaning import displayed, has_words
from catflap.speech.language import Language, language_of
from catflap.speech.moments import Words
from catflap.speech.phrasebooks import Phrasebook

MAX_TITLES = 3
# How much of one title is said, and how much of all together: moras or letters, so that the longest
# briefing stays under twenty seconds.
MAX_SPOKEN = 60
_TOGETHER: Mapping[Language, int] = {"ja": 60, "en": 100}
# The last sign of a title that ends in a verb: 「歯医者に行く」の時間 stumbles, with の予定 it reads right.
_VERB_ENDINGS = frozenset("うくぐすつぬぶむるただてでいよねか")


def titles_in(book: Phrasebook, titles: Sequence[str]) -> Words:
    """Titles joined as the language joins them; what is too much for one breath is counted. "" is private."""
    one_each = list(dict.fromkeys(title_in(book, title) for title in titles)) or [title_in(book, "")]
    said = one_each[: _fitting([words.spoken for words in one_each], book.dialect.language)]
    more = len(one_each) - len(said)
    sides = [words.display for words in said], [words.spoken for words in said]
    if book.dialect.language == "ja":
        tail = f"、ほか{more}件" if more else ""
        return Words(*("と".join(side) + tail for side in sides))
    return Words(*(_listed([*side, f"{more} more"] if more else side) for side in sides))


def title_in(book: Phrasebook, title: str) -> Words:
    """One title in a sentence of this phrasebook, in its quotes; the stand-in for one that can't be said."""
    language = book.dialect.language
    shown, spoken = displayed(title), spoken_title(title, language)
    if not has_words(spoken):
        if not shown or shown == book.private:
            return Words(book.private, book.private)
        spoken = book.private
    elif shown == book.private:
        return Words(book.private, book.private)
    if language == "en":
        return Words(f"“{shown}”", spoken)
    plan = "の予定" if shown[-1] in _VERB_ENDINGS else ""
    return Words(f"「{shown}」{plan}", f"「{spoken}」{plan}")


def spoken_title(title: str, language: Language) -> str:
    """What the engine gets for a title; one in Japanese is read as Japanese in every sentence."""
    if language == "ja" or language_of(title) == "ja":
        return japanese.title_reading(title, MAX_SPOKEN)
    return english.title_reading(title, MAX_SPOKEN)


def at_sentence_start(book: Phrasebook, words: Words) -> Words:
    """Joined titles where a sentence begins: our own word takes a capital there, a title stays as it is."""
    capital = words.capitalised()
    return Words(
        *(
            ours if given.startswith(book.private) else given
            for given, ours in ((words.display, capital.display), (words.spoken, capital.spoken))
        )
    )


def _fitting(spoken: Sequence[str], language: Language) -> int:
    """How many of these titles go into one breath; at least the first."""
    lengths = accumulate(
        sum(map(japanese.moras, words)) if language == "ja" else len(words) for words in spoken
    )
    return max(1, sum(length <= _TOGETHER[language] for length in islice(lengths, MAX_TITLES)))


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
