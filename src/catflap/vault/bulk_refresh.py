"""Refresh many access tokens before they expire, at the configured rate.

A claim leases only the tokens that are sent next. So several processes share the work, and a caller hardly
waits for a token that was claimed. Only one request at a time waits for the rate limit, so that the refreshes
of callers don't queue behind these. Answers that arrive during a commit share the next one.

A process that is killed loses the answers that were not committed, and their access tokens are requested once
more. An answer with a new refresh token does not wait for others.
"""

import asyncio
import math
import secrets
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from sqlalchemy import ColumnElement

from catflap.errors import CatflapError
from catflap.google.oauth import TokenResponse
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.circuit_breaker import CircuitBreaker
from catflap.vault.failpoint import failpoint
from catflap.vault.grant import GrantToken
from catflap.vault.grants import Grants
from catflap.vault.lease import Lease, Leases
from catflap.vault.rate_limit import TokenBucket
from catflap.vault.token_refresh import TokenRefresher
from catflap.vault.token_rows import RefreshedToken

Due = Callable[[], Sequence[ColumnElement[bool]]]
# Half of the HTTP client's connections: enough for 200 requests a second that take a quarter of a second.
_REQUESTS_AT_ONCE = 50
# How long a caller may wait for a token that was claimed and not yet sent.
_CLAIMED_SECONDS = 0.25
_MAX_CLAIMED = 50
# A run ends after so many failures, and the next one tries again.
_MAX_FAILURES = 200


class BulkRefresh:
    """Refreshes every token that is due, with many requests at once."""

    def __init__(
        self,
        refresher: TokenRefresher,
        leases: Leases,
        circuit: CircuitBreaker,
        rate_limit: TokenBucket | None,
    ) -> None:
        self._refresher = refresher
        self._leases = leases
        self._circuit = circuit
        self._rate_limit = rate_limit
        self._store = _SharedCommits(refresher.grants)

    async def run(self, due: Due) -> int:
        """Refresh tokens until none is due, or Google rejects too many; return how many were refreshed.

        Args:
            due: returns the conditions of the rows that are due now.

        Raises:
            TryAgain: `database_unavailable`.
        """
        claims = _Claims(self._leases, self._circuit, self._rate_limit, due)
        try:
            if not await claims.fill():
                return 0
            async with self._leases.renewing(claims.lease_id, claims.held):
                outcomes = await asyncio.gather(
                    *(self._work(claims) for _ in range(_REQUESTS_AT_ONCE)), return_exceptions=True
                )
        finally:
            await asyncio.shield(claims.release())
        errors = [*claims.errors, *(one for one in outcomes if isinstance(one, BaseException))]
        if errors:
            raise errors[0]
        return sum(one for one in outcomes if isinstance(one, int))

    async def _work(self, claims: "_Claims") -> int:
        refreshed = 0
        while (claimed := await claims.next()) is not None:
            try:
                refreshed += await self._refresh(claims, *claimed)
            except CatflapError:
                claims.failed.append(claimed[0].id)
            except Exception as error:
                # Not only its worker would end: the others would try this token too, one after the other.
                claims.failed.append(claimed[0].id)
                claims.errors.append(error)
                continue
            claims.held.discard(claimed[0].id)
        return refreshed

    async def _refresh(self, claims: "_Claims", token: GrantToken, lease: Lease) -> bool:
        answer = await self._refresher.request(token, lease)
        if answer is None:
            return False
        kept = await claims.finish(self._keep(RefreshedToken(token, lease.id, answer)))
        failpoint("refresh.end")
        return kept

    async def _keep(self, one: RefreshedToken) -> bool:
        if _changes_grant(one.token, one.answer):
            grants = self._refresher.grants
            return await grants.store_refreshed(one.token, one.lease_id, one.answer) is not None
        return await self._store.store(one)


class _Claims:
    """The tokens that one run has leased; `next` gives them out at the configured rate."""

    def __init__(
        self, leases: Leases, circuit: CircuitBreaker, rate_limit: TokenBucket | None, due: Due
    ) -> None:
        self.lease_id = secrets.token_hex(16)
        self.held: set[int] = set()
        self.failed: list[int] = []
        self.errors: list[Exception] = []
        self._leases = leases
        self._circuit = circuit
        self._rate_limit = rate_limit
        self._due = due
        self._ready: deque[GrantToken] = deque()
        self._is_over = False
        self._turn = asyncio.Lock()
        self._storing: set[asyncio.Task[bool]] = set()

    async def fill(self) -> bool:
        """Claim the next tokens, unless some are left; return False when the run is over."""
        self._is_over |= self._circuit.is_blocking or len(self.failed) >= _MAX_FAILURES
        if not self._ready and not self._is_over:
            untried = t.c.id.not_in(self.failed)
            found = await self._leases.claim(self.lease_id, *self._due(), untried, limit=self._size())
            self._ready.extend(found)
            self.held.update(one.id for one in found)
            self._is_over = not found
        return not self._is_over

    async def next(self) -> tuple[GrantToken, Lease] | None:
        """Wait until a request may be sent; return what to send, or None when the run is over."""
        async with self._turn:
            if not await self.fill():
                return None
            if self._rate_limit is not None:
                await self._rate_limit.acquire()
            token = self._ready.popleft()
            return token, Lease(token.id, token.version, self.lease_id)

    async def finish(self, storing: Coroutine[Any, Any, bool]) -> bool:
        """Store an answer of Google's, also when the run is cancelled meanwhile."""
        task = asyncio.create_task(storing)
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)
        return await asyncio.shield(task)

    async def release(self) -> None:
        """Release what was claimed and not refreshed, once the last answers are stored under their leases."""
        if self._storing:
            await asyncio.wait(self._storing)
        if self.held:
            await self._leases.release_all(self.lease_id, self.held)

    def _size(self) -> int:
        if self._rate_limit is None:
            return _MAX_CLAIMED
        return min(_MAX_CLAIMED, max(1, math.ceil(self._rate_limit.per_second * _CLAIMED_SECONDS)))


class _SharedCommits:
    """Stores access tokens; those that arrive while a commit runs share the next one."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants
        self._waiting: list[tuple[RefreshedToken, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    async def store(self, refreshed: RefreshedToken) -> bool:
        """Store an access token; return False when the row or its lease has changed since."""
        committed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((refreshed, committed))
        if self._task is None:
            self._task = asyncio.create_task(self._write())
        return await committed

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                kept = await self._grants.store_access_tokens([one for one, _ in batch])
            except Exception as error:
                for _, committed in batch:
                    committed.set_exception(error)
            else:
                for one, committed in batch:
                    committed.set_result(one.token.id in kept)
        self._task = None


def _changes_grant(token: GrantToken, answer: TokenResponse) -> bool:
    """Whether an answer changes more than the access token, so that it is stored by itself."""
    return answer.refresh_token is not None or bool(answer.scopes and answer.scopes != token.scopes)
