"""Check the time claims of a signed token: `exp`, `nbf` and `iat` (RFC 7519, section 4.1)."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from catflap.errors import CatflapError
from catflap.google.members import is_number

# The largest accepted difference between the issuer's clock and ours.
SKEW = timedelta(seconds=60)


def check_times(
    claims: Mapping[str, Any],
    now: datetime,
    refuse: Callable[[str], CatflapError],
    *,
    required: Collection[str] = ("exp",),
) -> None:
    """Refuse a token that has expired, is not valid yet, or was issued in the future.

    A claim must be a NumericDate: a finite number of seconds, so neither NaN nor Infinity, which Python's
    JSON parser accepts, nor a bool or a string. An absent one is accepted unless it is `required`.

    Raises:
        CatflapError: what `refuse` makes of the claim's name.
    """
    moment, skew = now.timestamp(), SKEW.total_seconds()
    for name in ("exp", "nbf", "iat"):
        if name not in claims and name not in required:
            continue
        value = claims.get(name)
        if not is_number(value):
            raise refuse(name)
        in_time = moment < value + skew if name == "exp" else moment >= value - skew
        if not in_time:
            raise refuse(name)
