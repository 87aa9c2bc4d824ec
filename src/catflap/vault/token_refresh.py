"""Refresh access tokens, once for all concurrent callers (single flight).

Within a process callers share one task; between processes the row's lease decides which one asks Google, and
the others wait for the notification that the row changed. No database connection is held meanwhile.

Google's errors are handled here: an invalid refresh token is deleted, a refusal that may be withdrawn
suspends the token, a rejected OAuth client opens the circuit, anything else pauses this token.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from catflap.clock import Clock
from catflap.errors import CatflapError, OperatorMustAct, Tampered, TryAgain, UserMustAct
from catflap.google.oauth import GrantRefused, InvalidGrant, OAuth, RefreshRefused, TokenResponse
from catflap.log import log
from catflap.store.counters import SUCCEEDED, Count, count_nothing
from catflap.store.notify import NotificationListener
from catflap.store.task_types import grant_topic
from catflap.vault.circuit_breaker import CircuitBreaker, unavailable
from catflap.vault.failpoint import failpoint
from catflap.vault.grant import CLIENT_CHANGED, Grant, GrantToken
from catflap.vault.grants import Grants
from catflap.vault.lease import Lease, LeaseHeld, Leases
from catflap.vault.lifetimes import MIN_USABLE_TTL
from catflap.vault.rate_limit import TokenBucket

_MAX_REFUSED_PAUSE_SECONDS = 300.0
_MAX_SUSPENDED_PAUSE_SECONDS = 3600.0


@dataclass(frozen=True)
class AccessToken:
    """An access token for Google's APIs, with its expiry and scopes."""

    token: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]


class TokenRefresher:
    """Refreshes access tokens of one OAuth client, once for all concurrent callers."""

    def __init__(
        self,
        grants: Grants,
        oauth: OAuth,
        clock: Clock,
        *,
        notifications: NotificationListener,
        leases: Leases,
        circuit: CircuitBreaker,
        rate_limit: TokenBucket | None,
        timeout: timedelta,
        count: Count = count_nothing,
    ) -> None:
        """Create a refresher; the arguments are those of `Vault`."""
        self.grants = grants
        self._oauth = oauth
        self._clock = clock
        self._notifications = notifications
        self._leases = leases
        self._circuit = circuit
        self._rate_limit = rate_limit
        self._timeout = timeout
        self._count = count
        self._refreshing: dict[int, asyncio.Task[AccessToken]] = {}

    def check(self, token: GrantToken) -> None:
        """Raise `reconsent_required` unless the token can be used with Google at all."""
        if not token.may_work(self.grants.client_ids):
            raise reconsent_required(token)

    def stored(self, token: GrantToken, min_ttl: timedelta) -> AccessToken | None:
        """Return the stored access token, if it is valid for `min_ttl` and decrypts."""
        if token.expires_at is None or token.expires_at - self._clock.now() < min_ttl:
            return None
        try:
            access_token = self.grants.open_access_token(token)
        except OperatorMustAct:
            # The refresh token may have another key, and gives a new access token.
            return None
        except Tampered as error:
            log.warning("access_token_decrypt_failed", token=token.id, code=error.code, detail=error.detail)
            return None
        return None if access_token is None else AccessToken(access_token, token.expires_at, token.scopes)

    async def refresh(self, token: GrantToken) -> AccessToken:
        """Return a new access token; concurrent callers share one request.

        Raises:
            UserMustAct: `reconsent_required`.
            TryAgain: `google_unavailable`, with the time to wait.
            OperatorMustAct: `google_client_rejected`, `keyset_lacks_key`.
        """
        task = self._refreshing.get(token.id)
        if task is None:
            task = asyncio.create_task(self._refresh_until_fresh(token))
            self._refreshing[token.id] = task
            task.add_done_callback(lambda _: self._refreshing.pop(token.id, None))
        # Shielded: a caller that is cancelled must not cancel the refresh for the others.
        return await asyncio.shield(task)

    async def _refresh_until_fresh(self, token: GrantToken) -> AccessToken:
        """Return a token newer than `token`, refreshed here or by another process."""
        seen = token.version
        deadline = time.monotonic() + self._timeout.total_seconds()
        with self._notifications.watch(grant_topic(token.id)) as changed:
            while True:
                if token.version != seen and (stored := self.stored(token, MIN_USABLE_TTL)) is not None:
                    return stored
                self._circuit.check()
                changed.clear()
                lease = await self._leases.acquire(token)
                if isinstance(lease, Lease):
                    if (live := await self._refresh_with_lease(token, lease)) is not None:
                        return live
                elif isinstance(lease, LeaseHeld):
                    if lease.paused and not token.is_alive(self.grants.client_ids):
                        raise reconsent_required(token)
                    if lease.paused or time.monotonic() > deadline:
                        raise unavailable(lease.left)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(lease.left.total_seconds() + 0.01):
                            await changed.wait()
                token = await self._read_again(token)

    async def _read_again(self, token: GrantToken) -> GrantToken:
        current = await self.grants.token(token.id)
        if current is None:
            raise reconsent_required(token)
        self.check(current)
        return current

    async def _refresh_with_lease(self, token: GrantToken, lease: Lease) -> AccessToken | None:
        """Refresh while holding the lease; return None when the row has changed and must be read again."""
        async with self._leases.renewing(lease.id, [lease.token_id]):
            await self._wait_for_rate_limit(lease)
            tokens = await self.request(token, lease)
            if tokens is None:
                return None
            kept = await self.grants.store_refreshed(token, lease.id, tokens)
        failpoint("refresh.end")
        if kept is None or kept.expires_at is None:
            return None
        return AccessToken(tokens.access_token, kept.expires_at, kept.scopes)

    async def request(self, token: GrantToken, lease: Lease) -> TokenResponse | None:
        """Request a new access token from Google; the caller stores it and ends the lease.

        Return None when the row has changed and must be read again. After an error the lease has ended;
        raises as `refresh`.
        """
        failpoint("refresh.leased")
        refresh_token = await self._decrypt_refresh_token(token, lease)
        try:
            self._circuit.acquire()
        except CatflapError:
            await self._leases.release(lease)
            raise
        try:
            tokens = await self._call_token_endpoint(refresh_token)
        except InvalidGrant as error:
            self._record_success()
            await self._mark_invalid(token, lease, error.detail or "invalid_grant")
            return None
        except GrantRefused as error:
            self._record_success()
            await self._suspend(token, lease, error.reason)
            return None
        except RefreshRefused as error:
            self._record_success()
            self._count("token_refreshes", "refused")
            pause = await self._leases.pause(lease, token.failures, _refused_pause(token.failures))
            log.warning("token_refresh_refused", grant=token.grant_id, detail=error.detail)
            raise unavailable(pause, error.detail) from None
        except TryAgain as error:
            self._circuit.record_failure(token.grant_id)
            self._count("token_refreshes", "unavailable")
            pause = await self._leases.pause(lease, token.failures, error.after)
            log.warning("google_unavailable", grant=token.grant_id, detail=error.detail)
            raise unavailable(pause, error.detail) from None
        except OperatorMustAct as error:
            self._count("token_refreshes", "client_rejected")
            await self._leases.release(lease)
            raise self._client_rejected(error) from None
        except BaseException:
            await asyncio.shield(self._leases.release(lease))
            raise
        self._record_success()
        self._count("token_refreshes", SUCCEEDED)
        failpoint("refresh.answered")
        return tokens

    def _record_success(self) -> None:
        if self._circuit.record_success():
            log.info("google_client_accepted_again")

    def _client_rejected(self, error: OperatorMustAct) -> OperatorMustAct:
        if self._circuit.record_rejection(error):
            log.error("google_client_rejected", code=error.code, message=error.message)
        return OperatorMustAct(error.code, error.message, detail=error.detail, logged=True)

    async def _wait_for_rate_limit(self, lease: Lease) -> None:
        if self._rate_limit is None:
            return
        try:
            await self._rate_limit.acquire()
        except BaseException:
            await asyncio.shield(self._leases.release(lease))
            raise

    async def _decrypt_refresh_token(self, token: GrantToken, lease: Lease) -> str:
        try:
            refresh_token = self.grants.open_refresh_token(token)
        except OperatorMustAct:
            await self._leases.release(lease)
            raise
        except Tampered as error:
            log.error("refresh_token_decrypt_failed", grant=token.grant_id, detail=error.detail)
            await self._suspend(token, lease, error.code)
            raise reconsent_required(token) from None
        assert refresh_token is not None
        return refresh_token

    async def _call_token_endpoint(self, refresh_token: str) -> TokenResponse:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await self._oauth.refresh(refresh_token)
        except TimeoutError:
            raise TryAgain(
                "google_unavailable", "Google does not answer in time.", detail="timeout"
            ) from None

    async def _mark_invalid(self, token: GrantToken, lease: Lease, reason: str) -> None:
        """Mark the token invalid, unless it was refreshed or replaced by a consent since."""
        if await self.grants.mark_invalid(token, lease.id, reason):
            self._count("token_refreshes", "invalid_grant")
            log.warning("grant_reconsent_required", grant=token.grant_id, user=token.user_id, reason=reason)
            raise reconsent_required(token)

    async def _suspend(self, token: GrantToken, lease: Lease, reason: str) -> None:
        """Suspend a token that Google may accept again, for instance when an administrator allows the app."""
        pause = _suspended_pause(token.failures)
        if await self.grants.suspend(token, lease.id, reason, pause):
            self._count("token_refreshes", "suspended")
            if token.reason != reason:
                log.warning("grant_refused", grant=token.grant_id, user=token.user_id, reason=reason)
            raise reconsent_required(token)


# Why a new consent is needed, for reasons other than that Google ended the grant.
_WHY = {
    CLIENT_CHANGED: "This grant was issued to another OAuth client than the present one",
    "keyset_lost": "The token of this grant was lost here",
    "seal_broken": "The token of this grant was lost here",
    "org_internal": "Google lets only members of the app's organisation use it",
    "admin_policy": "The administrator of the user's organisation does not allow this app",
    "access_denied": "Google denies this app access to the account",
}


def reconsent_required(of: Grant | GrantToken) -> UserMustAct:
    """Build the error for a grant that is not active."""
    why = _WHY.get(of.reason or "", "Google no longer accepts this grant")
    return UserMustAct(
        "reconsent_required", f"{why}; the user must allow access once more.", detail=of.reason
    )


def _refused_pause(failures: int) -> timedelta:
    """Return the pause after a refusal: doubled each time."""
    return timedelta(seconds=min(_MAX_REFUSED_PAUSE_SECONDS, 5.0 * 2.0 ** min(failures, 10)))


def _suspended_pause(failures: int) -> timedelta:
    """Return the pause of a suspended token: from half a minute, doubled each time, up to an hour."""
    return timedelta(seconds=min(_MAX_SUSPENDED_PAUSE_SECONDS, 30.0 * 2.0 ** min(failures, 10)))
