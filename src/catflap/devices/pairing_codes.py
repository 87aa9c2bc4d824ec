"""The short codes of pairings: how they are made, read and hashed."""

import hashlib
import hmac
import secrets
import unicodedata
from typing import Final, Literal, NamedTuple

# Eight letters to be shown, or six digits to be spoken.
CodeKind = Literal["letters", "digits"]
# RFC 8628 section 6.1: no vowels, so that no words appear; 34.5 bits.
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_ALPHABETS: dict[CodeKind, tuple[str, int]] = {"letters": (_LETTERS, 8), "digits": ("0123456789", 6)}


class Code(NamedTuple):
    """A code without its separators."""

    kind: CodeKind
    text: str

    @property
    def shown(self) -> str:
        """As a device shows it."""
        return f"{self.text[:4]}-{self.text[4:]}" if self.kind == "letters" else self.text


def make_code(kind: CodeKind) -> Code:
    """Return a random code."""
    alphabet, length = _ALPHABETS[kind]
    return Code(kind, "".join(secrets.choice(alphabet) for _ in range(length)))


def read_code(typed: str) -> Code | None:
    """Return the code that somebody typed, in any case and width, with any separators; None if it is none."""
    text = "".join(one for one in unicodedata.normalize("NFKC", typed).upper() if one.isalnum())
    for kind, (alphabet, length) in _ALPHABETS.items():
        if len(text) == length and set(text) <= set(alphabet):
            return Code(kind, text)
    return None


def hash_code(key: bytes, code: Code) -> bytes:
    """Return the keyed hash by which a code is stored; with its few bits, a plain one could be reversed."""
    return hmac.digest(key, code.text.encode(), hashlib.sha256)
