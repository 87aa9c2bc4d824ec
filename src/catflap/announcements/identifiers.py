"""Identifiers that sort by when they were made (ULID: 48 bits of milliseconds, 80 bits of chance)."""

from collections.abc import Callable
from datetime import datetime

RandomBytes = Callable[[int], bytes]
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(at: datetime, random_bytes: RandomBytes) -> str:
    """26 letters and digits of Crockford's base 32.

    Args:
        at: When; aware, from 1970 on.
        random_bytes: `secrets.token_bytes`, or a stand-in for tests.
    """
    value = int(at.timestamp() * 1000) << 80 | int.from_bytes(random_bytes(10), "big")
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
