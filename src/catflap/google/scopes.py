"""Names of scopes: short ones for people, Google's full ones on the wire, compared as normalised sets.

Google answers in another order and spelling than it was asked in (`email` comes back as
`…/auth/userinfo.email`), so text is never compared with text.
"""

from collections.abc import Iterable

_PREFIX = "https://www.googleapis.com/auth/"
_ALIASES = {f"{_PREFIX}userinfo.email": "email", f"{_PREFIX}userinfo.profile": "profile"}
SIGN_IN = frozenset({"openid", "email", "profile"})

# A scope on the left allows everything that the scopes on its right allow (Calendar API reference).
_IMPLIES = {
    "calendar": {
        "calendar.readonly",
        "calendar.events",
        "calendar.events.readonly",
        "calendar.calendarlist.readonly",
    },
    "calendar.readonly": {"calendar.events.readonly", "calendar.calendarlist.readonly"},
    "calendar.events": {"calendar.events.readonly"},
    "drive": {"drive.file", "drive.appdata", "drive.readonly"},
}

# What a word in `?scopes=` asks for: no more than the first product needs.
_BUNDLES = {"calendar": {"calendar.events.readonly", "calendar.calendarlist.readonly"}}
READ_CALENDAR = frozenset(_BUNDLES["calendar"])


def normalise(scopes: str | Iterable[str]) -> frozenset[str]:
    """A scope string (space-separated, RFC 6749 section 3.3) or several names, as a set of short names."""
    names = scopes.split() if isinstance(scopes, str) else scopes
    return frozenset(_short(name) for name in names)


def asked(words: str) -> frozenset[str]:
    """What `?scopes=` asks for: comma- or space-separated short names, bundles and full addresses."""
    names: set[str] = set()
    for word in words.replace(",", " ").split():
        names |= _BUNDLES.get(word, {word})
    return normalise(names)


def wire(scopes: Iterable[str]) -> str:
    """The `scope` parameter for Google: full names, sign-in scopes short, in a stable order."""
    short = sorted(normalise(scopes), key=lambda name: (name not in SIGN_IN, name))
    return " ".join(name if name in SIGN_IN or "://" in name else _PREFIX + name for name in short)


def missing(wanted: Iterable[str], granted: Iterable[str]) -> frozenset[str]:
    """The wanted scopes that the granted ones do not cover."""
    have = normalise(granted)
    covered = have.union(*(_IMPLIES.get(name, set()) for name in have))
    return normalise(wanted) - covered


def _short(name: str) -> str:
    return _ALIASES.get(name) or name.removeprefix(_PREFIX)
