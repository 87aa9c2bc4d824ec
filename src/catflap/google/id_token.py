"""Verify Google's ID tokens (OpenID Connect Core 1.0, section 3.1.3.7) against cached keys."""

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx2
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from catflap.clock import Clock
from catflap.errors import Tampered, TryAgain
from catflap.google.discovery import Discovery

_GOOGLE = "https://accounts.google.com"
_SKEW = timedelta(seconds=60)
_KEYS_LIVE = timedelta(hours=1)
_REFETCH_AFTER = timedelta(seconds=60)
_MAX_BYTES = 16_384


@dataclass(frozen=True)
class Identity:
    """Who signed in. `sub` is the key; an email address may change hands."""

    sub: str
    email: str
    email_verified: bool
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    picture: str | None = None
    locale: str | None = None
    hosted_domain: str | None = None


class Keys:
    """Google's signing keys, kept as long as their Cache-Control says.

    An unknown key id asks once more, though at most once a minute, so that a forged `kid` can't make us
    hammer Google.
    """

    def __init__(self, http: httpx2.AsyncClient, discovery: Discovery, clock: Clock) -> None:
        self._http = http
        self._discovery = discovery
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: dict[str, RSAKey] = {}
        self._fresh_until: datetime | None = None
        self._fetched_at: datetime | None = None

    async def find(self, kid: str) -> RSAKey | None:
        """The key named `kid`, or None.

        Raises:
            TryAgain: `google_unavailable`.
        """
        if self._must_fetch(kid):
            async with self._lock:
                if self._must_fetch(kid):
                    await self._fetch()
        return self._keys.get(kid)

    def _must_fetch(self, kid: str) -> bool:
        now = self._clock.now()
        if self._fresh_until is None or self._fetched_at is None or now >= self._fresh_until:
            return True
        return kid not in self._keys and now - self._fetched_at >= _REFETCH_AFTER

    async def _fetch(self) -> None:
        endpoints = await self._discovery.endpoints()
        try:
            response = await self._http.get(endpoints.jwks_uri)
            response.raise_for_status()
            self._keys = {
                key["kid"]: RSAKey.import_key(key) for key in response.json()["keys"] if _signs(key)
            }
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, JoseError) as error:
            raise TryAgain(
                "google_unavailable",
                "Google's keys can't be fetched right now; please try again in a moment.",
                detail=type(error).__name__,
            ) from None
        self._fetched_at = self._clock.now()
        self._fresh_until = self._fetched_at + _max_age(response.headers.get("Cache-Control", ""))


class IdTokens:
    """Verifies ID tokens issued for our client ids."""

    def __init__(self, keys: Keys, discovery: Discovery, clock: Clock) -> None:
        self._keys = keys
        self._discovery = discovery
        self._clock = clock

    async def verify(
        self,
        token: str,
        *,
        audiences: Collection[str],
        nonce: str | None = None,
        hosted_domain: str | None = None,
    ) -> Identity:
        """Who the token is about.

        Args:
            audiences: our client ids; `aud` must be one of them.
            nonce: what we sent, when we sent one; the token must then carry it.
            hosted_domain: when set, only accounts of that Workspace domain.

        Raises:
            Tampered: `id_token_invalid`, with the failed check as detail.
            TryAgain: `google_unavailable`.
        """
        claims = await self._claims(token)
        issuers = {(await self._discovery.endpoints()).issuer}
        if _GOOGLE in issuers:
            issuers.add(_GOOGLE.removeprefix("https://"))
        _check_claims(claims, issuers, audiences, self._clock.now())
        if nonce is not None and claims.get("nonce") != nonce:
            raise _invalid("nonce")
        if hosted_domain is not None and claims.get("hd") != hosted_domain:
            raise _invalid("hd")
        return _identity(claims)

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > _MAX_BYTES:
            raise _invalid("size")
        try:
            header = jws.extract_compact(token.encode()).headers()
            if header.get("alg") != "RS256":
                raise _invalid("alg")
            key = await self._keys.find(str(header.get("kid")))
            if key is None:
                raise _invalid("kid")
            return dict(jwt.decode(token, key, algorithms=["RS256"]).claims)
        except (JoseError, ValueError, TypeError, AttributeError, UnicodeError):
            raise _invalid("signature") from None


def _check_claims(
    claims: dict[str, Any], issuers: Collection[str], audiences: Collection[str], now: datetime
) -> None:
    if claims.get("iss") not in issuers:
        raise _invalid("iss")
    if not isinstance(claims.get("aud"), str) or claims["aud"] not in audiences:
        raise _invalid("aud")
    if not _presents(claims.get("azp", claims["aud"]), audiences):
        raise _invalid("azp")
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or now.timestamp() >= expires + _SKEW.total_seconds():
        raise _invalid("exp")
    if not isinstance(issued, int | float) or now.timestamp() < issued - _SKEW.total_seconds():
        raise _invalid("iat")
    sub = claims.get("sub")
    if not isinstance(sub, str) or not 0 < len(sub) <= 255 or not sub.isascii():
        raise _invalid("sub")


def _presents(azp: object, audiences: Collection[str]) -> bool:
    """A native app presents tokens for our web client; it then belongs to the same Google Cloud project.

    Client ids begin with the project's number and a hyphen.
    """
    projects = {audience.split("-", 1)[0] for audience in audiences if "-" in audience}
    return isinstance(azp, str) and (azp in audiences or azp.split("-", 1)[0] in projects)


def _identity(claims: dict[str, Any]) -> Identity:
    def text(name: str) -> str | None:
        value = claims.get(name)
        return value if isinstance(value, str) else None

    return Identity(
        sub=claims["sub"],
        email=text("email") or "",
        email_verified=claims.get("email_verified") in (True, "true"),
        name=text("name"),
        given_name=text("given_name"),
        family_name=text("family_name"),
        picture=text("picture"),
        locale=text("locale"),
        hosted_domain=text("hd"),
    )


def _signs(key: dict[str, Any]) -> bool:
    return key.get("kty") == "RSA" and key.get("use", "sig") == "sig"


def _max_age(cache_control: str) -> timedelta:
    found = re.search(r"max-age=(\d{1,6})", cache_control)
    return timedelta(seconds=int(found[1])) if found else _KEYS_LIVE


def _invalid(check: str) -> Tampered:
    return Tampered(
        "id_token_invalid", "Google's ID token did not verify; please sign in again.", detail=check
    )
