"""The two names that RISC has for a refresh token, as we may store them: good for lookups only.

`prefix` is the first 16 characters of a token; we store their hash, so that no part of a token is ever in
clear at rest. `hash_base64_sha512_sha512` is the token's double SHA-512, which is stored as it is.
"""

import base64
import binascii
import hashlib


def prefix_hash(prefix: str) -> bytes:
    """What is stored for the first 16 characters of a token."""
    return hashlib.sha512(prefix.encode()).digest()


def double_hash(token: str) -> bytes:
    """What is stored for a whole token."""
    return hashlib.sha512(hashlib.sha512(token.encode()).digest()).digest()


def decode_double_hash(text: str) -> bytes | None:
    """The hash that RISC sent in base64, in either alphabet; None when it is none."""
    try:
        return base64.b64decode(
            text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True
        )
    except binascii.Error:
        return None
