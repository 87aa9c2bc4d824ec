"""Utterances: one sentence of a phrasebook, several in a row, and about how long they take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from catflap.speech import japanese
from catflap.speech.language import Language
from catflap.speech.phrasebooks import DAY_SLOTS, ROUND, Phrasebook
from catflap.speech.spoken_times import TextPair
from catflap.speech.titles import Title, at_sentence_start, join_titles

# How much is said: `brief` has no more than needed, `chatty` adds a remark and names every appointment.
Talkativeness = Literal["brief", "normal", "chatty"]
# The text of about eighteen seconds of the slowest voice, in moras and letters.
MAX_COST: Mapping[Language, int] = {"ja": 138, "en": 185}
# Titles of a longer text are cut to a half of their limit, or less.
SHARES = (1, 2, 3, 5, 8)


@dataclass(frozen=True)
class Utterance:
    """A text to display and to synthesise."""

    display: str
    spoken: str
    dialect: str
    language: Language


def sentence(
    book: Phrasebook, kind: str, titles: TextPair | None = None, seed: int = 0, **values: TextPair
) -> Utterance:
    """Return one phrase with its placeholders filled in.

    Args:
        book: The phrasebook.
        kind: The phrase.
        titles: What `{titles}` is, joined titles.
        seed: Chooses the variant, see `Phrasebook.phrase`.
        values: What the other placeholders are.
    """
    capitals = {name.capitalize(): words.capitalised() for name, words in values.items()}
    if titles is not None:
        values["titles"] = titles
        capitals["Titles"] = at_sentence_start(book, titles)
    words = book.phrase(kind, seed).format(**values, **capitals)
    return Utterance(words.display, words.spoken, book.dialect.id, book.dialect.language)


def concatenate(sentences: Sequence[Utterance]) -> Utterance:
    """Return one utterance of several sentences of a dialect."""
    first = sentences[0]
    return Utterance(
        _join([part.display for part in sentences], first.language),
        _join([part.spoken for part in sentences], first.language),
        first.dialect,
        first.language,
    )


def next_seed(seed: int, position: int) -> int:
    """Return the seed of the sentence at a position, from 0, of an utterance with several.

    Each goes round at another pace, so that any two meet in all combinations of their variants.
    """
    return seed + position * (seed // (ROUND * DAY_SLOTS))


def sentence_with_titles(
    book: Phrasebook, kind: str, titles: Sequence[Title | str], seed: int = 0, **values: TextPair
) -> Utterance:
    """Return one phrase with joined titles, cut to what fits into a sound; arguments as of `sentence`."""
    for share in SHARES:
        said = sentence(book, kind, join_titles(book, titles, share=share), seed, **values)
        if fits(said):
            break
    return said


def fits(utterance: Utterance) -> bool:
    """Return whether an utterance fits into a sound."""
    return speech_cost(utterance) <= MAX_COST[utterance.language]


def speech_cost(utterance: Utterance) -> int:
    """Return about how long an utterance takes, in moras or letters."""
    return sum(map(japanese.moras, utterance.spoken)) if utterance.language == "ja" else len(utterance.spoken)


def _join(texts: Sequence[str], language: Language) -> str:
    """Join sentences; in Japanese 。 has its own space, ! and ? of half width have none."""
    gaps = ["" if language == "ja" and text.endswith("。") else " " for text in texts[:-1]]
    return "".join(chain.from_iterable(zip(texts, [*gaps, ""], strict=True)))
