"""One live access token for a grant, whoever asks and however many ask at once.

Within a process callers share one task; between processes the row's lease decides who asks Google, and the
others wait for the notice that the row changed. Nobody holds a database connection while Google answers.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from catflap.clock import Clock
from catflap.errors import BadRequest, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.oauth import GrantRefused, InvalidGrant, OAuth, RefreshRefused, TokenResponse
from catflap.google.scopes import missing
from catflap.log import log
from catflap.store.notices import Notices
from catflap.vault.circuit import Circuit, unavailable
from catflap.vault.grant import Grant, topic
from catflap.vault.grants import Grants
from catflap.vault.lease import Lease, Leases, Wait
from catflap.vault.pace import Pace
from catflap.vault.revoking import Revoking

MIN_TTL = timedelta(minutes=5)
_HARDLY_ALIVE = timedelta(seconds=30)
_UNHEARD_SECONDS = 0.25
_LONGEST_REFUSED_SECONDS = 300.0


@dataclass(frozen=True)
class AccessToken:
    """A bearer token for Google's APIs and what it opens."""

    token: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]


class Vault:
    """Hands out access tokens; refreshes when they run out, once for all who wait."""

    def __init__(
        self,
        grants: Grants,
        oauth: OAuth,
        clock: Clock,
        *,
        notices: Notices | None = None,
        leases: Leases | None = None,
        circuit: Circuit | None = None,
        pace: Pace | None = None,
        patience: timedelta = timedelta(seconds=60),
    ) -> None:
        """
        Args:
            notices: wakes those who wait for another process; without it they look again now and then.
            pace: how fast Google may be asked; None for as fast as callers come.
            patience: how long a caller waits at most, and Google has for its answer.
        """
        self.grants = grants
        self.revoking = Revoking(grants, oauth)
        self._oauth = oauth
        self._clock = clock
        self._notices = notices
        self._leases = leases or Leases(grants.engine)
        self._circuit = circuit or Circuit()
        self._pace = pace
        self._patience = patience
        self._refreshing: dict[int, asyncio.Task[AccessToken]] = {}

    async def access_token(
        self,
        user_id: int,
        account_sub: str | None = None,
        *,
        scopes: Collection[str] = (),
        min_ttl: timedelta = MIN_TTL,
        refused: str | None = None,
        refused_sha256: str | None = None,
    ) -> AccessToken:
        """A token that lives at least `min_ttl`; with less only while Google can't be asked for a new one.

        Args:
            account_sub: whose; the account the user allowed first, if not given.
            scopes: what the caller is going to do; checked before Google is asked.
            refused: a token that Google did not accept; it is not handed out again.
            refused_sha256: the same as the token's SHA-256 in hexadecimal.

        Raises:
            BadRequest: `not_found`: no such grant.
            UserMustAct: `reconsent_required` or `scope_missing`.
            TryAgain: `google_unavailable`, with the time to wait.
            OperatorMustAct: `google_client_rejected`.
        """
        grant = await self.grants.find(user_id, account_sub)
        if grant is None:
            raise BadRequest("not_found", "This person has not allowed access to Google yet.")
        self._check(grant)
        if lacking := missing(scopes, grant.scopes):
            raise UserMustAct(
                "scope_missing", f"Google access lacks {', '.join(sorted(lacking))}; ask for it."
            )
        if refused is not None:
            refused_sha256 = _sha256(refused)
        stored = self._stored(grant, _HARDLY_ALIVE)
        if stored is not None and refused_sha256 is not None and _sha256(stored.token) == refused_sha256:
            stored = None
        if stored is None or stored.expires_at - self._clock.now() < min_ttl:
            stored = await self._renewed(grant, stored)
        self.grants.note_use(grant)
        return stored

    async def revoke(self, user_id: int, account_sub: str) -> bool:
        """Take the grant back; see `Revoking.revoke`."""
        return await self.revoking.revoke(user_id, account_sub)

    async def refresh_ahead(self, grant: Grant) -> None:
        """Refresh before anybody asks, unless somebody is at it; raises as `access_token` does."""
        self._check(grant)
        await self._refresh_once(grant)

    def _check(self, grant: Grant) -> None:
        if grant.state != "active" or grant.client_id != self.grants.client_id:
            raise reconsent(grant)

    def _stored(self, grant: Grant, min_ttl: timedelta) -> AccessToken | None:
        if grant.expires_at is None or grant.expires_at - self._clock.now() < min_ttl:
            return None
        token = self.grants.open_access_token(grant)
        return None if token is None else AccessToken(token, grant.expires_at, grant.scopes)

    async def _renewed(self, grant: Grant, stored: AccessToken | None) -> AccessToken:
        try:
            return await self._refresh_once(grant)
        except (TryAgain, OperatorMustAct):
            if stored is None:
                raise
            return stored

    async def _refresh_once(self, grant: Grant) -> AccessToken:
        task = self._refreshing.get(grant.id)
        if task is None:
            task = asyncio.create_task(self._live(grant))
            self._refreshing[grant.id] = task
            task.add_done_callback(lambda _: self._refreshing.pop(grant.id, None))
        # Shielded: one caller who gives up must not take the token away from the others.
        return await asyncio.shield(task)

    async def _live(self, grant: Grant) -> AccessToken:
        """A token that is newer than `grant`, made by us or by whoever was faster."""
        seen = grant.version
        deadline = time.monotonic() + self._patience.total_seconds()
        with self._watching(grant) as changed:
            while True:
                if grant.version != seen and (stored := self._stored(grant, _HARDLY_ALIVE)) is not None:
                    return stored
                self._circuit.check()
                changed.clear()
                lease = await self._leases.take(grant)
                if isinstance(lease, Lease):
                    if (token := await self._refresh(grant, lease)) is not None:
                        return token
                elif isinstance(lease, Wait):
                    if lease.paused or time.monotonic() > deadline:
                        raise unavailable(lease.left)
                    await self._wait(changed, lease.left)
                grant = await self._read_again(grant)

    async def _wait(self, changed: asyncio.Event, left: timedelta) -> None:
        seconds = left.total_seconds() + 0.01
        if self._notices is None:
            seconds = min(seconds, _UNHEARD_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await changed.wait()

    @contextlib.contextmanager
    def _watching(self, grant: Grant) -> Iterator[asyncio.Event]:
        if self._notices is None:
            yield asyncio.Event()
        else:
            with self._notices.watch(topic(grant.id)) as changed:
                yield changed

    async def _read_again(self, grant: Grant) -> Grant:
        current = await self.grants.get(grant.id)
        if current is None:
            raise reconsent(grant)
        self._check(current)
        return current

    async def _refresh(self, grant: Grant, lease: Lease) -> AccessToken | None:
        """Ask Google while holding the lease; None when the row moved on and must be read again."""
        self.grants.at_step("refresh.leased")
        async with self._leases.kept(lease):
            await self._enter(lease)
            try:
                tokens = await self._ask(grant)
            except InvalidGrant as error:
                self._google_answered()
                await self._end(grant, lease, error.detail or "invalid_grant")
                return None
            except GrantRefused as error:
                self._google_answered()
                await self._end(grant, lease, error.reason)
                return None
            except RefreshRefused as error:
                self._google_answered()
                pause = await self._leases.pause(lease, grant.failures, _refused_pause(grant.failures))
                log.warning("google_refuses_refresh", grant=grant.id, detail=error.detail)
                raise unavailable(pause, error.detail) from None
            except TryAgain as error:
                self._circuit.failed(grant.id)
                pause = await self._leases.pause(lease, grant.failures, error.after)
                log.warning("google_unavailable", grant=grant.id, detail=error.detail)
                raise unavailable(pause, error.detail) from None
            except OperatorMustAct as error:
                await self._leases.give_back(lease)
                raise self._client_rejected(error) from None
            except BaseException:
                await asyncio.shield(self._leases.give_back(lease))
                raise
            self._google_answered()
            self.grants.at_step("refresh.answered")
            kept = await self.grants.refreshed(grant, lease.id, tokens)
        self.grants.at_step("refresh.end")
        if kept is None or kept.expires_at is None:
            return None
        return AccessToken(tokens.access_token, kept.expires_at, kept.scopes)

    def _google_answered(self) -> None:
        if self._circuit.worked():
            log.info("google_accepts_our_client_again")

    def _client_rejected(self, error: OperatorMustAct) -> OperatorMustAct:
        if self._circuit.rejected(error):
            log.error("google_rejects_our_client", code=error.code, message=error.message)
        return OperatorMustAct(error.code, error.message, detail=error.detail, logged=True)

    async def _enter(self, lease: Lease) -> None:
        try:
            if self._pace is not None:
                await self._pace.turn()
            self._circuit.enter()
        except BaseException:
            await asyncio.shield(self._leases.give_back(lease))
            raise

    async def _ask(self, grant: Grant) -> TokenResponse:
        refresh_token = self.grants.open_refresh_token(grant)
        if refresh_token is None:
            raise InvalidGrant("no_refresh_token")
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                return await self._oauth.refresh(refresh_token)
        except TimeoutError:
            raise TryAgain("google_unavailable", "Google is too slow.", detail="no answer in time") from None

    async def _end(self, grant: Grant, lease: Lease, reason: str) -> None:
        """Believe that the grant is dead only if nobody refreshed or consented meanwhile."""
        if await self.grants.died(grant, lease.id, reason):
            log.warning("grant_needs_consent", grant=grant.id, user=grant.user_id, reason=reason)
            raise reconsent(grant)


def reconsent(grant: Grant) -> UserMustAct:
    """What everybody hears about a grant that is not active."""
    return UserMustAct(
        "reconsent_required",
        "Google no longer accepts this grant; the person must allow access once more.",
        detail=grant.reason,
    )


def _refused_pause(failures: int) -> timedelta:
    """Twice as long each time: nobody knows whether Google will change its mind."""
    return timedelta(seconds=min(_LONGEST_REFUSED_SECONDS, 5.0 * 2.0 ** min(failures, 10)))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
