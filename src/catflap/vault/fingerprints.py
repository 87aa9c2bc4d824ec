"""Fingerprints of refresh tokens, by which RISC events identify them; for lookups only.

`prefix` is the first 16 characters of a token; their hash is stored, so that no part of a token is at rest in
clear. `hash_base64_sha512_sha512` is the token's double SHA-512, which is stored as it is.
"""

import base64
import binascii
import hashlib


def prefix_hash(prefix: str) -> bytes:
    """Return the stored fingerprint of the first 16 characters of a token."""
    return hashlib.sha512(prefix.encode()).digest()


def double_hash(token: str) -> bytes:
    """Return the double SHA-512 of a token."""
    return hashlib.sha512(hashlib.sha512(token.encode()).digest()).digest()


def decode_double_hash(text: str) -> bytes | None:
    """Decode the hash in a RISC event, base64 or base64url; None when it is malformed."""
    try:
        return base64.b64decode(
            text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True
        )
    except binascii.Error:
        return None
