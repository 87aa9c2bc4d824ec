"""IANA zones behind the names that files use: Windows names, vendor prefixes, other spellings."""

from __future__ import annotations

import re
from functools import lru_cache
from zoneinfo import available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from google_sandbox.timestamps import zone

OFFSET = re.compile(r"(?:UTC|GMT)([+-])(\d{1,2})(?::?00)?", re.IGNORECASE)
HIDDEN = ("posix/", "right/", "SystemV/")


@lru_cache(maxsize=4096)
def iana_name(name: str) -> str | None:
    """Return the IANA name of a zone that a file names, None if it is unknown.

    `/freeassociation.sourceforge.net/Europe/Berlin` is a globally unique TZID (RFC 5545, 3.2.19) that ends
    with the IANA name.
    """
    name = name.strip().strip('"').strip()
    for candidate in _candidates(name):
        known = _by_folded_name().get(candidate.casefold())
        if known and _exists(known):
            return known
    if match := OFFSET.fullmatch(name):
        # POSIX counts the other way round: Etc/GMT-2 is two hours ahead of UTC.
        sign = "-" if match[1] == "+" else "+"
        fixed = f"Etc/GMT{sign}{int(match[2])}" if int(match[2]) else "UTC"
        return fixed if _exists(fixed) else None
    return None


def _candidates(name: str) -> list[str]:
    clean = name.strip("/")
    parts = clean.split("/")
    suffixes = ["/".join(parts[start:]) for start in range(1, len(parts))] if name.startswith("/") else []
    windows = {windows.casefold(): iana for windows, iana in WINDOWS_TO_OLSON.items()}
    found = [clean, windows.get(clean.casefold(), ""), clean.replace(" ", "_"), *suffixes]
    return [candidate for candidate in found if candidate]


@lru_cache(maxsize=1)
def _by_folded_name() -> dict[str, str]:
    folded = {name.casefold(): name for name in sorted(available_timezones())}
    return {
        **folded,
        "z": "UTC",
        "utc": "UTC",
        "gmt": "UTC",
        "coordinated universal time": "UTC",
        "tzone://microsoft/utc": "UTC",
    }


def _exists(name: str) -> bool:
    try:
        zone(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def common_names() -> tuple[str, ...]:
    """Return all IANA names; first those that stand for a whole region, as icalendar knows them."""
    places = [name for name in sorted(available_timezones()) if "/" in name and not name.startswith(HIDDEN)]
    return tuple(dict.fromkeys([*WINDOWS_TO_OLSON.values(), *places]))
