"""Return access tokens of a user's grants, refreshed when they expire."""

import hashlib
from collections.abc import Collection
from datetime import timedelta

from catflap.clock import Clock
from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.oauth import OAuth
from catflap.google.scopes import missing_scopes, normalise
from catflap.store.counters import Count, count_nothing
from catflap.store.notify import NotificationListener
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.bulk_refresh import BulkRefresh, Due
from catflap.vault.circuit_breaker import CircuitBreaker
from catflap.vault.grant import Grant, GrantToken
from catflap.vault.grants import Grants
from catflap.vault.lease import Leases
from catflap.vault.lifetimes import MIN_TTL, MIN_USABLE_TTL
from catflap.vault.rate_limit import TokenBucket
from catflap.vault.revocation import Revocation
from catflap.vault.token_refresh import AccessToken, TokenRefresher, reconsent_required


class Vault:
    """Token manager: returns access tokens and refreshes each once, however many callers wait."""

    def __init__(
        self,
        grants: Grants,
        oauth: OAuth,
        clock: Clock,
        *,
        notifications: NotificationListener,
        leases: Leases,
        circuit: CircuitBreaker | None = None,
        other_clients: Collection[OAuth] = (),
        rate_limit: TokenBucket | None = None,
        timeout: timedelta = timedelta(seconds=60),
        count: Count = count_nothing,
    ) -> None:
        """Create a token manager.

        Args:
            notifications: wakes callers that wait for another process's refresh.
            leases: decide which process refreshes a token.
            circuit: that of `oauth`.
            other_clients: the other OAuth clients of this installation, which refresh the tokens issued to
                them.
            rate_limit: limits requests to Google's token endpoint; None for no limit.
            timeout: the longest wait of a caller, and of a request to Google.
            count: counts refreshes by how they ended.
        """
        self.grants = grants
        self.revocation = Revocation(grants, oauth)
        self._clock = clock
        self._refreshers: dict[str, TokenRefresher] = {}
        self._bulk: dict[str, BulkRefresh] = {}
        # A circuit each: Google may reject one of the clients and accept the other.
        for client, breaker in ((oauth, circuit), *((other, None) for other in other_clients)):
            breaker = breaker or CircuitBreaker()
            refresher = TokenRefresher(
                grants,
                client,
                clock,
                notifications=notifications,
                leases=leases,
                circuit=breaker,
                rate_limit=rate_limit,
                timeout=timeout,
                count=count,
            )
            client_id = client.client.client_id
            self._refreshers[client_id] = refresher
            self._bulk[client_id] = BulkRefresh(refresher, leases, breaker, rate_limit)
        self._refresher = self._refreshers[oauth.client.client_id]
        self._bulk_refresh = self._bulk[oauth.client.client_id]

    async def access_token(
        self,
        user_id: int,
        account_sub: str | None = None,
        *,
        scopes: Collection[str] = (),
        prefer: Collection[str] = (),
        within: Collection[str] | None = None,
        min_ttl: timedelta = MIN_TTL,
        rejected: str | None = None,
        rejected_sha256: str | None = None,
    ) -> AccessToken:
        """Return an access token that is valid for at least `min_ttl`, refreshing it if necessary.

        A token with less time left is returned only while Google can't be reached for a new one.

        Args:
            account_sub: the Google account; the user's oldest grant if not given.
            scopes: what the token must allow; checked before Google is asked.
            prefer: what the token should allow: of several tokens the one that lacks the fewest is returned.
            within: the scopes that the token must not exceed; None for no limit.
            rejected: a token that Google did not accept; it is not returned again.
            rejected_sha256: the same, as the token's SHA-256 in hexadecimal.

        Raises:
            BadRequest: `not_found`: no such grant; `key_narrower_than_grant`: no token is within `within`.
            UserMustAct: `reconsent_required` or `scope_missing`.
            TryAgain: `google_unavailable`, with the time to wait.
            OperatorMustAct: `google_client_rejected`, `keyset_lacks_key`.
        """
        if rejected is not None:
            rejected_sha256 = _sha256(rejected)
        tried: set[int] = set()
        failure: CatflapError | None = None
        while True:
            token = await self._choose(user_id, account_sub, scopes, prefer, within, tried, failure)
            try:
                live = await self._token_with_ttl(token, min_ttl, rejected_sha256)
            except CatflapError as error:
                # Another token of the same grant may still work.
                failure = failure or error
                tried.add(token.id)
            else:
                self.grants.note_use(token)
                return live

    async def _choose(
        self,
        user_id: int,
        account_sub: str | None,
        scopes: Collection[str],
        prefer: Collection[str],
        within: Collection[str] | None,
        tried: Collection[int],
        failure: CatflapError | None,
    ) -> GrantToken:
        grant = await self.grants.find(user_id, account_sub)
        if grant is None:
            raise failure or BadRequest("not_found", "This user has not allowed access to Google yet.")
        choices = grant.choices(self.grants.client_ids, scopes=scopes, prefer=prefer, within=within)
        for token in choices:
            if token.id not in tried:
                return token
        raise failure or self._why_none(grant, scopes)

    def _why_none(self, grant: Grant, scopes: Collection[str]) -> CatflapError:
        if not grant.choices(self.grants.client_ids):
            return reconsent_required(grant)
        if lacking := missing_scopes(scopes, grant.scopes):
            return UserMustAct(
                "scope_missing", f"Google access lacks {', '.join(sorted(lacking))}; ask for it."
            )
        if not grant.choices(self.grants.client_ids, scopes=scopes):
            return UserMustAct(
                "scope_missing",
                f"{', '.join(sorted(normalise(scopes)))} were allowed one by one, so no token has them all; "
                "ask for them in one consent, or for one token each.",
            )
        return BadRequest(
            "key_narrower_than_grant", "Every token of this grant allows more than this key may use."
        )

    async def _token_with_ttl(
        self, token: GrantToken, min_ttl: timedelta, rejected_sha256: str | None
    ) -> AccessToken:
        stored = self._refresher.stored(token, MIN_USABLE_TTL)
        if stored is not None and rejected_sha256 is not None and _sha256(stored.token) == rejected_sha256:
            stored = None
        if stored is None or stored.expires_at - self._clock.now() < min_ttl:
            return await self._refresh_or_stored(token, stored)
        return stored

    async def revoke(self, user_id: int, account_sub: str) -> bool:
        """Revoke a grant; see `Revocation.revoke`."""
        return await self.revocation.revoke(user_id, account_sub)

    async def refresh_all(self, due: Due) -> int:
        """Refresh the tokens that are due; see `BulkRefresh.run`."""
        return sum([await one.run(_of_client(client_id, due)) for client_id, one in self._bulk.items()])

    async def _refresh_or_stored(self, token: GrantToken, stored: AccessToken | None) -> AccessToken:
        try:
            return await self._refreshers[token.client_id].refresh(token)
        except (TryAgain, OperatorMustAct):
            if stored is None:
                raise
            return stored


def _of_client(client_id: str, due: Due) -> Due:
    return lambda: (*due(), t.c.client_id == client_id)


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
