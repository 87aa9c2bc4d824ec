"""The hash of login secrets as stored: session tokens, API keys, device tokens, states, consent links."""

import hashlib


def hash_token(token: str) -> bytes:
    """Return the SHA-256 of a random token of 256 bits; without salt, because it can't be guessed.

    Any text can be hashed, lone surrogates included, because clients may send anything as a token.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
