"""Verify the security events that Google sends (Cross-Account Protection, RISC; RFC 8417).

`catflap.vault.security_events` handles them. `exp` is ignored, because an old event is still true; what was
issued longer than MAX_AGE ago is refused, so that a replay is, even when its `jti` is no longer stored.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import httpx2

from catflap.clock import Clock
from catflap.errors import Tampered, TryAgain
from catflap.google import members
from catflap.google.fetch import FetchError, fetch
from catflap.google.jwks import RS256, JwksCache
from catflap.google.members import Malformed

_RISC = "https://schemas.openid.net/secevent/risc/event-type/"
_OAUTH = "https://schemas.openid.net/secevent/oauth/event-type/"
EVENTS = {
    _RISC + "sessions-revoked": "sessions-revoked",
    _OAUTH + "tokens-revoked": "tokens-revoked",
    _OAUTH + "token-revoked": "token-revoked",
    _RISC + "account-disabled": "account-disabled",
    _RISC + "account-enabled": "account-enabled",
    _RISC + "account-credential-change-required": "account-credential-change-required",
    _RISC + "verification": "verification",
}
_ALGORITHMS = ("prefix", "hash_base64_sha512_sha512")
# Far longer than Google delivers an event again. `iat` may also be ahead by it, of a clock that is wrong.
MAX_AGE = timedelta(days=30)
_MAX_TEXT, _MAX_ADDRESS = 255, 2048


@dataclass(frozen=True)
class RiscEvent:
    """One event. `sub` identifies the account, `algorithm` and `token` a single refresh token.

    `token` is the first 16 characters of a refresh token or its double SHA-512: no secret by itself, though
    still kept out of logs.
    """

    kind: str
    sub: str | None = None
    reason: str | None = None
    state: str | None = None
    algorithm: Literal["prefix", "hash_base64_sha512_sha512"] | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class SecurityEvents:
    """The events of one verified token; `jti` identifies repetitions."""

    jti: str
    events: tuple[RiscEvent, ...]


def configuration_url(discovery_url: str) -> str:
    """Return the URL of the RISC configuration: beside the OpenID Connect discovery document."""
    return discovery_url.rpartition("/")[0] + "/risc-configuration"


class RiscConfiguration:
    """The RISC configuration document, fetched once."""

    def __init__(self, http: httpx2.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url
        self._lock = asyncio.Lock()
        self._document: dict[str, str] | None = None

    async def issuer(self) -> str:
        """Return the `iss` of events; raises TryAgain `google_unavailable`."""
        return (await self._read())["issuer"]

    async def jwks_uri(self) -> str:
        """Return the URL of the signing keys; raises TryAgain `google_unavailable`."""
        return (await self._read())["jwks_uri"]

    async def _read(self) -> dict[str, str]:
        async with self._lock:
            if self._document is None:
                self._document = await self._fetch()
            return self._document

    async def _fetch(self) -> dict[str, str]:
        try:
            answer = await fetch(self._http, "GET", self._url)
            document = (answer.json_object() or {}) if answer.status == 200 else {}
            names = ("issuer", "jwks_uri")
            return {
                name: members.required(members.token(document, name, _MAX_ADDRESS), name) for name in names
            }
        except FetchError as error:
            why = error.reason
        except Malformed as error:
            why = f"HTTP {answer.status}, malformed {error.name}"
        raise TryAgain(
            "google_unavailable", "Google's RISC configuration can't be fetched right now.", detail=why
        )


class SecurityEventTokens:
    """Verifies security event tokens for our client ids."""

    def __init__(self, http: httpx2.AsyncClient, url: str, clock: Clock, audiences: Collection[str]) -> None:
        """`url` is that of the RISC configuration document."""
        self._configuration = RiscConfiguration(http, url)
        self._keys = JwksCache(http, self._configuration.jwks_uri, clock)
        self._clock = clock
        self._audiences = frozenset(audiences)

    async def verify(self, token: str) -> SecurityEvents:
        """Verify a token and return its events.

        Raises:
            Tampered: `security_event_invalid`, with the failed check as detail.
            TryAgain: `google_unavailable`.
        """
        claims = await self._keys.claims(token, RS256, _invalid)
        if _bare(claims.get("iss")) != _bare(await self._configuration.issuer()):
            raise _invalid("iss")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not self._audiences.intersection(one for one in named if isinstance(one, str)):
            raise _invalid("aud")
        issued_at = claims.get("iat")
        now = self._clock.now().timestamp()
        if not members.is_number(issued_at) or abs(now - issued_at) > MAX_AGE.total_seconds():
            raise _invalid("iat")
        events = claims.get("events")
        try:
            jti = members.required(members.token(claims, "jti", _MAX_TEXT), "jti")
        except Malformed as error:
            raise _invalid(error.name) from None
        if not isinstance(events, dict) or not events:
            raise _invalid("events")
        return SecurityEvents(
            jti, tuple(_event(uri, content) for uri, content in events.items() if uri in EVENTS)
        )


def _event(uri: str, content: object) -> RiscEvent:
    """Return one event; malformed members are left out."""
    event = content if isinstance(content, dict) else {}
    subject = event.get("subject")
    subject = subject if isinstance(subject, dict) else {}
    algorithm = subject.get("token_identifier_alg")
    if algorithm not in _ALGORITHMS:
        algorithm = None
    return RiscEvent(
        kind=EVENTS[uri],
        sub=_token(subject, "sub"),
        reason=members.code(event, "reason"),
        state=members.shown(event, "state", _MAX_TEXT),
        algorithm=algorithm,
        token=_token(subject, "token"),
    )


def _token(subject: dict[str, Any], name: str) -> str | None:
    try:
        return members.token(subject, name, _MAX_TEXT)
    except Malformed:
        return None


def _bare(issuer: object) -> str | None:
    # Google's sample has a trailing slash in one place and none in the other.
    return issuer.rstrip("/") if isinstance(issuer, str) else None


def _invalid(check: str) -> Tampered:
    return Tampered("security_event_invalid", "This security event did not verify.", detail=check)
