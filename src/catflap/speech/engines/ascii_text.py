"""Rewrite Latin text in ASCII, for engines that know no other letters."""

import unicodedata

_PLAIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i"}
    | {"Æ": "Ae", "Œ": "Oe", "Ø": "O", "Đ": "D", "Ð": "D", "Þ": "Th", "Ł": "L"}
    | dict.fromkeys("‘’ʼ", "'")
)


def plain_letters(text: str) -> str:
    """Return the text without accents, and with a space in place of all else that isn't printable ASCII."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    letters = (char for char in decomposed if not unicodedata.combining(char))
    return "".join(char if char.isascii() and char.isprintable() else " " for char in letters)


def is_latin(text: str) -> bool:
    """Return whether every letter and digit of the text is left in `plain_letters`."""
    return sum(map(str.isalnum, plain_letters(text))) >= sum(map(str.isalnum, text))
