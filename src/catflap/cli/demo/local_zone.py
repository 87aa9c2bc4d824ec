"""The IANA name of the zone this machine keeps, which Python itself does not tell."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LINK = Path("/etc/localtime")


def local_zone() -> str:
    """The name in TZ, or the one that /etc/localtime links to, or UTC."""
    for name in (os.environ.get("TZ", "").removeprefix(":"), _linked()):
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return "UTC"


def _linked() -> str:
    _, _, name = str(_LINK.resolve()).partition("/zoneinfo/")
    return name
