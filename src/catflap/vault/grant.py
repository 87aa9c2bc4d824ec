"""A grant as code sees it: one row of `vault.google_tokens`, its tokens still sealed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Row

# What Google says about refresh tokens nobody uses ("Using OAuth 2.0": six months), less a month to act.
_UNUSED_FOR = timedelta(days=150)
_SOON = timedelta(days=2)


@dataclass(frozen=True)
class Grant:
    """What a user allowed for one Google account.

    `state` is `active`, `reconsent` or `revoked`; `reason` and `ended_at` tell why and since when it is not
    active. `refresh_expires_at` is set when Google limits the refresh token's life (7 days in Testing mode).
    """

    id: int
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

    def foreseen(self, now: datetime) -> str | None:
        """Why this grant is about to end, if it is: `testing` (the 7 days of Testing mode) or `unused`."""
        if self.state != "active":
            return None
        if self.refresh_expires_at is not None and self.refresh_expires_at - now < _SOON:
            return "testing"
        if now - (self.refreshed_at or self.created_at) > _UNUSED_FOR:
            return "unused"
        return None


def topic(grant_id: int) -> str:
    """What is announced whenever the row changes."""
    return f"grant:{grant_id}"


_PLAIN = tuple(name for name in Grant.__dataclass_fields__ if name != "scopes" and not name.startswith("_"))


def grant_of(row: Row[tuple[object, ...]]) -> Grant:
    """The grant in a row."""
    found = row._mapping
    return Grant(
        **{name: found[name] for name in _PLAIN},
        scopes=frozenset(found["scopes"]),
        _refresh_token=found["refresh_token"],
        _access_token=found["access_token"],
    )
