"""Cache of an issuer's signing keys (JWKS, RFC 7517), for as long as Cache-Control allows.

Public keys only: a symmetric key in a key set would let every reader of the set sign.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx2
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from catflap.clock import Clock
from catflap.errors import CatflapError, TryAgain
from catflap.google.fetch import FetchedResponse, FetchError, fetch

Key = RSAKey | ECKey | OKPKey
_KINDS: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_KEYS_LIVE = timedelta(hours=1)
_REFETCH_AFTER = timedelta(seconds=60)
_MAX_TOKEN_BYTES = 16_384
# Google's signing algorithm, and its kind of key.
RS256 = {"RS256": "RSA"}


class JwksCache:
    """The keys of one issuer, by `kid`.

    An unknown `kid` triggers a fetch, at most once a minute, so that forged tokens can't cause a flood of
    requests.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        jwks_uri: Callable[[], Awaitable[str]],
        clock: Clock,
        unavailable: Callable[[str], TryAgain] | None = None,
    ) -> None:
        """`unavailable` builds the error when the keys can't be fetched; by default Google's."""
        self._http = http
        self._jwks_uri = jwks_uri
        self._clock = clock
        self._unavailable = unavailable or _google_unavailable
        self._failures = 0
        self._lock = asyncio.Lock()
        self._keys: dict[str, Key] = {}
        self._fresh_until: datetime | None = None
        self._fetched_at: datetime | None = None

    async def claims(
        self, token: str, algorithms: Mapping[str, str], refuse: Callable[[str], CatflapError]
    ) -> dict[str, Any]:
        """Verify a token's signature and return its claims, which are not checked (RFC 7519).

        Args:
            algorithms: the accepted `alg` values, each with its `kty`.
            refuse: builds the error for the failed check: `size`, `alg`, `kid` or `signature`.

        Raises:
            TryAgain: the keys can't be fetched.
        """
        if len(token) > _MAX_TOKEN_BYTES:
            raise refuse("size")
        try:
            header = jws.extract_compact(token.encode()).headers()
            algorithm = str(header.get("alg"))
            kind = algorithms.get(algorithm)
            if kind is None:
                raise refuse("alg")
            key = await self.find(str(header.get("kid")))
            if key is None or key.key_type != kind:
                raise refuse("kid")
            return dict(jwt.decode(token, key, algorithms=[algorithm]).claims)
        except (JoseError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            raise refuse("signature") from None

    async def find(self, kid: str) -> Key | None:
        """Return the key with this `kid`, or None.

        Raises:
            TryAgain: `google_unavailable`, or the issuer's own code.
        """
        if self._must_fetch(kid):
            failures = self._failures
            async with self._lock:
                if self._failures != failures:
                    # The fetch we waited for failed; waiting callers must not run into one timeout each.
                    raise self._unavailable("a fetch at the same time failed")
                if self._must_fetch(kid):
                    await self._fetch()
        return self._keys.get(kid)

    def _must_fetch(self, kid: str) -> bool:
        now = self._clock.now()
        if self._fresh_until is None or self._fetched_at is None or now >= self._fresh_until:
            return True
        return kid not in self._keys and now - self._fetched_at >= _REFETCH_AFTER

    async def _fetch(self) -> None:
        try:
            answer = await fetch(self._http, "GET", await self._jwks_uri())
            keys = _readable(answer)
        except FetchError as error:
            self._failures += 1
            raise self._unavailable(error.reason) from None
        except TryAgain:
            self._failures += 1
            raise
        self._keys = keys
        self._fetched_at = self._clock.now()
        self._fresh_until = self._fetched_at + _max_age(answer.headers.get("Cache-Control", ""))


def _google_unavailable(detail: str) -> TryAgain:
    return TryAgain(
        "google_unavailable",
        "The keys that sign identities can't be fetched right now; please try again in a moment.",
        detail=detail,
    )


def _readable(answer: FetchedResponse) -> dict[str, Key]:
    """Return the keys of a key set, without those of unknown kinds (RFC 7517 section 5).

    Raises:
        FetchError: this is not a key set, or none of its keys is readable.
    """
    listed = (answer.json_object() or {}).get("keys") if answer.status == 200 else None
    keys: dict[str, Key] = {}
    readable = 0
    for one in listed if isinstance(listed, list) else []:
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, JoseError):
            if _signs(one) and isinstance(one["kid"], str):
                keys[one["kid"]] = _read(one)
            readable += isinstance(one["kid"], str)
    if not readable:
        raise FetchError(f"HTTP {answer.status}, no key that can be read")
    return keys


def _read(key: dict[str, Any]) -> Key:
    return _KINDS[key["kty"]].import_key(key)


def _signs(key: dict[str, Any]) -> bool:
    return key.get("kty") in _KINDS and key.get("use", "sig") == "sig"


def _max_age(cache_control: str) -> timedelta:
    found = re.search(r"max-age=(\d{1,6})", cache_control)
    return timedelta(seconds=int(found[1])) if found else _KEYS_LIVE
