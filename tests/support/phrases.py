"""Find the phrases of a phrasebook in what is said, whichever variant was chosen."""

from catflap.speech.phrasebooks import phrasebook
from catflap.speech.spoken_times import TextPair


def has_phrase(display: str, kind: str, dialect: str = "plain", **values: str) -> bool:
    """Whether a displayed text has a variant of this phrase with these values in it."""
    pairs = {name: TextPair(value, value) for name, value in values.items()}
    pairs |= {name.capitalize(): words.capitalised() for name, words in pairs.items()}
    return any(phrase.format(**pairs).display in display for phrase in phrasebook(dialect).phrases[kind])
