"""Find the IANA name of this machine's time zone, which the standard library does not provide."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LINK = Path("/etc/localtime")


def local_zone() -> str:
    """Return the name in TZ, else the one that /etc/localtime links to, else UTC."""
    for name in (os.environ.get("TZ", "").removeprefix(":"), _linked()):
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return "UTC"


def _linked() -> str:
    _, _, name = str(_LINK.resolve()).partition("/zoneinfo/")
    return name
