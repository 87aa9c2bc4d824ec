"""A grant: what a user allowed for one Google account, and its tokens.

Each token is one row of `vault.google_tokens`, still encrypted. Nearly every grant has one. A consent whose
scopes do not cover those of an earlier one adds a row, so that no access that Google still gives is lost.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from catflap.google.scopes import covered, missing_scopes
from catflap.store.row_mapping import Columns, columns_of, from_row

CLIENT_CHANGED = "client_changed"


@dataclass(frozen=True)
class GrantToken:
    """One refresh token, and the last access token obtained with it.

    `supplements` is the id of the grant's main row, None in the main row itself. `state` is `active`,
    `reconsent` or `revoked`; in `reconsent` the refresh token is deleted when Google said `invalid_grant`,
    and kept when Google may accept it again. `refresh_expires_at` is set when Google limits the refresh
    token's life (7 days in Testing mode).
    """

    id: int
    supplements: int | None
    user_id: int
    account_sub: str
    client_id: str
    scopes: frozenset[str]
    state: str
    reason: str | None
    ended_at: datetime | None
    version: int
    failures: int
    expires_at: datetime | None
    refreshed_at: datetime | None
    refresh_expires_at: datetime | None
    used_at: datetime | None
    created_at: datetime
    updated_at: datetime
    _refresh_token: bytes | None = field(repr=False, default=None)
    _access_token: bytes | None = field(repr=False, default=None)

    @property
    def grant_id(self) -> int:
        """Return the id of the grant: that of its main row."""
        return self.id if self.supplements is None else self.supplements

    @property
    def has_refresh_token(self) -> bool:
        """Whether a refresh token is stored."""
        return self._refresh_token is not None

    def may_work(self, client_ids: frozenset[str]) -> bool:
        """Return whether this token can be used with Google at all: of one of our clients, not revoked."""
        return self.has_refresh_token and self.client_id in client_ids and self.state != "revoked"

    def is_alive(self, client_ids: frozenset[str]) -> bool:
        """Return whether this token is usable as far as we know."""
        return self.may_work(client_ids) and (self.state == "active" or self.reason == CLIENT_CHANGED)


@dataclass(frozen=True)
class Grant:
    """What a user allowed for one Google account: all its tokens together.

    `state` is `active` while Google accepts any of its tokens; otherwise `reason` and `ended_at` say why and
    since when it is not active. `scopes` is the union over all tokens. `default` is the token that is used
    when the caller names no scopes.
    """

    main: GrantToken
    tokens: tuple[GrantToken, ...]
    default: GrantToken
    scopes: frozenset[str]
    state: str
    reason: str | None
    ended_at: datetime | None

    @property
    def id(self) -> int:
        """The id of the main row."""
        return self.main.id

    @property
    def user_id(self) -> int:
        """The user who gave the consent."""
        return self.main.user_id

    @property
    def account_sub(self) -> str:
        """The `sub` of the Google account."""
        return self.main.account_sub

    @property
    def version(self) -> int:
        """The version of the main row, which changes with each write."""
        return self.main.version

    @property
    def created_at(self) -> datetime:
        """When the first consent was stored."""
        return self.main.created_at

    @property
    def updated_at(self) -> datetime:
        """When any of its tokens last changed."""
        return max(one.updated_at for one in self.tokens)

    @property
    def client_id(self) -> str:
        """The OAuth client of the default token."""
        return self.default.client_id

    @property
    def expires_at(self) -> datetime | None:
        """When the default access token expires."""
        return self.default.expires_at

    @property
    def refresh_expires_at(self) -> datetime | None:
        """When the default refresh token expires; None when Google sets no limit."""
        return self.default.refresh_expires_at

    @property
    def failures(self) -> int:
        """How many refreshes of the default token failed in a row."""
        return self.default.failures

    def choices(
        self,
        client_ids: frozenset[str],
        *,
        scopes: Collection[str] = (),
        prefer: Collection[str] = (),
        within: Collection[str] | None = None,
    ) -> list[GrantToken]:
        """Return the tokens that may be used, best first.

        Args:
            scopes: what each must allow.
            prefer: what it should allow; the token that lacks the fewest comes first.
            within: the scopes that it must not exceed; None for no limit.
        """
        fitting = [
            one
            for one in self.tokens
            if one.may_work(client_ids)
            and not missing_scopes(scopes, one.scopes)
            and (within is None or not missing_scopes(one.scopes, within))
        ]
        return sorted(
            fitting,
            key=lambda one: (
                not one.is_alive(client_ids),
                len(missing_scopes(prefer, one.scopes)),
                *_narrow(one),
            ),
        )


def combine_tokens(rows: Sequence[GrantToken], client_ids: frozenset[str]) -> Grant:
    """Combine the token rows of one user and account into a grant, as these OAuth clients see it."""
    main = next(one for one in rows if one.supplements is None)
    alive = [one for one in rows if one.is_alive(client_ids)]
    default = min(alive or [main], key=_narrow)
    state, last = "active", default
    if not alive:
        last = max(rows, key=lambda one: (one.ended_at is not None, one.ended_at, one.id))
        state = "revoked" if main.state == "revoked" else "reconsent"
    reason = last.reason
    if state == "reconsent" and last.state == "active" and last.client_id not in client_ids:
        reason = CLIENT_CHANGED
    return Grant(
        main=main,
        tokens=tuple(rows),
        default=default,
        scopes=frozenset[str]().union(*(one.scopes for one in alive or rows)),
        state=state,
        reason=None if alive else reason,
        ended_at=None if alive else last.ended_at,
    )


def _narrow(token: GrantToken) -> tuple[int, int]:
    """Sort key: most scopes first, then the newest."""
    return (-len(covered(token.scopes)), -token.id)


def token_of(row: Row[Any] | Columns) -> GrantToken:
    """Return the token in a row."""
    columns = columns_of(row)
    return from_row(GrantToken, columns, scopes=frozenset(columns["scopes"]))
