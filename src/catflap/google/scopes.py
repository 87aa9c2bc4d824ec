"""OAuth scopes: short names in our API, Google's full names on the wire, compared as normalised sets.

Google returns scopes in another order and spelling than requested (`email` as `…/auth/userinfo.email`), so
texts are never compared.

Two functions parse names (docs/decisions/0011-scope-words.md). `expand_requested` parses what callers
request: there, `calendar` is a bundle. `normalise` parses what Google sends; a scope of Google's whose short
name is that of a bundle is always written in full, so that every set of scopes that we return means the same
when it is sent back.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from catflap.errors import BadRequest

_PREFIX = "https://www.googleapis.com/auth/"
_ALIASES = {"userinfo.email": "email", "userinfo.profile": "profile"}
SIGN_IN = frozenset({"openid", "email", "profile"})

# Names that stand for several scopes: no more than Mia needs.
_BUNDLES = {"calendar": {"calendar.events.readonly", "calendar.calendarlist.readonly"}}
READ_CALENDAR = frozenset(_BUNDLES["calendar"])
READ_SETTINGS = frozenset({"calendar.settings.readonly"})
# Insert, change and delete events of every calendar; no scope for calendars of other owners is narrower.
WRITE_EVENTS = frozenset({"calendar.events"})
# Google's own scope of that name: full access to calendars.
WHOLE_CALENDAR = f"{_PREFIX}calendar"

# A scope on the left allows everything that the scopes on its right allow (Calendar API reference).
_IMPLIES = {
    WHOLE_CALENDAR: {
        "calendar.readonly",
        "calendar.events",
        "calendar.events.readonly",
        "calendar.calendarlist.readonly",
        "calendar.settings.readonly",
    },
    "calendar.readonly": {
        "calendar.events.readonly",
        "calendar.calendarlist.readonly",
        "calendar.settings.readonly",
    },
    "calendar.events": {"calendar.events.readonly"},
    "drive": {"drive.file", "drive.appdata", "drive.readonly"},
}
# RFC 6749 section 3.3, without the comma, which separates words here.
_WORD = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,200}")


def normalise(scopes: str | Iterable[str]) -> frozenset[str]:
    """Return Google's scopes as a set of short names; full where the short name is a bundle."""
    names = scopes.split() if isinstance(scopes, str) else scopes
    return frozenset(_short(name) for name in names)


def expand_requested(words: str | Iterable[str]) -> frozenset[str]:
    """Return the requested scopes: short names, bundles and full names, separated by spaces or commas.

    Raises:
        BadRequest: `invalid_request`: a word that no scope can be (RFC 6749 section 3.3).
    """
    names: set[str] = set()
    for word in (words if isinstance(words, str) else " ".join(words)).replace(",", " ").split():
        if not _WORD.fullmatch(word):
            raise BadRequest(
                "invalid_request", "scopes: send names of scopes, such as calendar or drive.file."
            )
        names |= _BUNDLES.get(word, {word})
    return normalise(names)


def to_wire(scopes: Iterable[str]) -> str:
    """Return the `scope` parameter for Google: full names, sign-in scopes short, in a stable order."""
    short = sorted(normalise(scopes), key=lambda name: (name not in SIGN_IN, name))
    return " ".join(name if name in SIGN_IN or "://" in name else _PREFIX + name for name in short)


def missing_scopes(wanted: Iterable[str], granted: Iterable[str]) -> frozenset[str]:
    """Return the wanted scopes that the granted ones do not cover."""
    needed = normalise(wanted)
    return needed - covered(granted) if needed else needed


def covered(granted: Iterable[str]) -> frozenset[str]:
    """Return the granted scopes and those that they imply."""
    return _covered(frozenset(granted))


@lru_cache(maxsize=4096)  # Every request asks, and a deployment knows few sets of scopes.
def _covered(granted: frozenset[str]) -> frozenset[str]:
    have = normalise(granted)
    return have.union(*(_IMPLIES.get(name, set()) for name in have))


def short_name(name: str) -> str:
    """Return the name without Google's prefix."""
    return name.removeprefix(_PREFIX)


def _short(name: str) -> str:
    short = short_name(name)
    return f"{_PREFIX}{short}" if short in _BUNDLES else _ALIASES.get(short, short)
