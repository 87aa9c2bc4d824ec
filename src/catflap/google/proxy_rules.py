"""Allow-list of the Google API proxy: host, methods and path prefix.

A call is normalised before it is compared, and the normalised form is sent. Hosts outside googleapis.com and
OAuth, token and batch endpoints are never allowed, whatever the list contains.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

from catflap.errors import BadRequest, OperatorMustAct
from catflap.google.scopes import WHOLE_CALENDAR, short_name

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_HOST = re.compile(r"[a-z0-9-]{1,63}\.googleapis\.com")
_NO_HOSTS = frozenset(
    f"{name}.googleapis.com"
    for name in ("oauth2", "openidconnect", "sts", "securetoken", "identitytoolkit", "iamcredentials", "risc")
)
_NO_SEGMENTS = frozenset({"batch", "oauth2", "o", "token", "tokeninfo", "revoke", "identitytoolkit"})
_NO_QUERY = frozenset(
    {"access_token", "oauth_token", "bearer_token", "key", "callback", "$httpmethod", "quotauser", "userip"}
)
_SAFE = "@:!$&'()*+,=~-._"

# The scope that a call needs, for keys narrower than the grant; the first match counts.
_CALENDAR: tuple[tuple[frozenset[str], re.Pattern[str], str], ...] = (
    (frozenset({"GET", "HEAD"}), re.compile("users/me/calendarList(/.*)?"), "calendar.calendarlist.readonly"),
    (frozenset({"GET", "HEAD"}), re.compile("calendars/[^/]+/events(/.*)?"), "calendar.events.readonly"),
    (frozenset({"GET", "HEAD"}), re.compile(".*"), "calendar.readonly"),
    (METHODS, re.compile("calendars/[^/]+/events(/.*)?"), "calendar.events"),
    (METHODS, re.compile(".*"), WHOLE_CALENDAR),
)


@dataclass(frozen=True)
class ProxyCall:
    """A normalised call: `path` and `query` are encoded as they are sent, `segments` decoded."""

    method: str
    host: str
    path: str
    query: str
    segments: tuple[str, ...]


@dataclass(frozen=True)
class ProxyRule:
    """One entry of the allow-list."""

    methods: frozenset[str]
    host: str
    segments: tuple[str, ...]

    def allows(self, call: ProxyCall) -> bool:
        """Return whether this rule allows `call`; a prefix ends at a slash."""
        return (
            call.method in self.methods
            and call.host == self.host
            and call.segments[: len(self.segments)] == self.segments
            and len(call.segments) > len(self.segments)
        )


def parse_rules(texts: Iterable[str]) -> tuple[ProxyRule, ...]:
    """Parse rules like `GET+POST www.googleapis.com/calendar/v3`.

    Raises:
        OperatorMustAct: `settings_invalid`.
    """
    rules = []
    for text in texts:
        words, _, target = text.strip().partition(" ")
        host, _, path = target.strip().partition("/")
        methods, segments = frozenset(words.upper().split("+")), tuple(path.strip("/").split("/"))
        if not methods <= METHODS or not _HOST.fullmatch(host) or host in _NO_HOSTS or not segments[0]:
            raise OperatorMustAct(
                "settings_invalid",
                f"CATFLAP_PROXY_ALLOW: {text!r} must look like 'GET+POST www.googleapis.com/calendar/v3'.",
            )
        rules.append(ProxyRule(methods, host, segments))
    return tuple(rules)


def normalise_call(method: str, host: str, raw_path: bytes, query: str) -> ProxyCall:
    """Normalise a request, so that it is read in the same way here, by proxies and by Google.

    Raises:
        BadRequest: `call_not_allowed`, also for an ambiguous request.
    """
    if method not in METHODS or not _HOST.fullmatch(host) or host in _NO_HOSTS:
        raise _refused("this method or host")
    segments = tuple(_segment(raw) for raw in raw_path.split(b"/"))
    if any(one.lower() in _NO_SEGMENTS for one in segments[:2]):
        raise _refused("this path")
    pairs = parse_qsl(query, keep_blank_values=True)
    if any(name.lower() in _NO_QUERY for name, _ in pairs):
        raise _refused("this query parameter")
    path = "/" + "/".join(quote(one, safe=_SAFE) for one in segments)
    return ProxyCall(method, host, path, urlencode(pairs), segments)


def check_allowed(call: ProxyCall, rules: Iterable[ProxyRule]) -> None:
    """Check that a rule allows the call.

    Raises:
        BadRequest: `call_not_allowed`.
    """
    if not any(rule.allows(call) for rule in rules):
        raise _refused(f"{call.method} {call.host}/{'/'.join(call.segments[:2])}")


def needed_scopes(call: ProxyCall, granted: Collection[str]) -> frozenset[str]:
    """Return the scopes that a key limited in scopes must have for `call`.

    For Calendar that is the scope the method needs. For other APIs it is every scope of the same API in the
    grant, because the path does not determine which one the call uses.
    """
    if call.segments[:2] == ("calendar", "v3"):
        rest = "/".join(call.segments[2:])
        for methods, pattern, scope in _CALENDAR:
            if call.method in methods and pattern.fullmatch(rest):
                return frozenset({scope})
    name = call.segments[1] if call.segments[0] == "upload" else call.segments[0]
    of_api = frozenset(one for one in granted if f"{short_name(one)}.".startswith(f"{name}."))
    return of_api or frozenset(granted)


def _segment(raw: bytes) -> str:
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise _refused("this path") from None
    if not text or text in (".", "..") or any(c in "/\\%" or ord(c) < 32 or ord(c) == 127 for c in text):
        raise _refused("this path")
    return text


def _refused(what: str) -> BadRequest:
    return BadRequest(
        "call_not_allowed", f"The proxy does not allow {what}; CATFLAP_PROXY_ALLOW lists what it does."
    )
