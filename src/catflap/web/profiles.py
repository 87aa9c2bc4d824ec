"""How people, accounts and grants are shown in JSON."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from catflap.google.id_token import Identity
from catflap.google.scopes import SIGN_IN, missing
from catflap.signin import Account, Received
from catflap.signin.sessions import ABSOLUTE
from catflap.vault import Grant

_PROFILE = ("sub", "email", "email_verified", "name", "given_name", "family_name", "picture", "locale")


def profile(who: Identity | Account) -> dict[str, Any]:
    """What Google says about somebody."""
    return {name: getattr(who, name) for name in _PROFILE}


def account_shown(account: Account) -> dict[str, Any]:
    """One Google account of a user."""
    return {**profile(account), "primary": account.is_primary, "signs_in": account.signs_in}


def grant_shown(grant: Grant, accounts: Iterable[Account]) -> dict[str, Any]:
    """What somebody allowed, compared with what they were asked; never a token."""
    account = next((one for one in accounts if one.sub == grant.account_sub), None)
    asked = frozenset(account.asked_scopes) - SIGN_IN if account else frozenset[str]()
    return {
        "id": grant.id,
        "account": grant.account_sub,
        "email": account.email if account else None,
        "primary": account is not None and account.is_primary,
        "state": grant.state,
        "reason": grant.reason,
        "ends_at": instant(grant.refresh_expires_at) if grant.refresh_expires_at else None,
        "scopes": sorted(grant.scopes),
        "missing_scopes": sorted(missing(asked, grant.scopes)),
        "created_at": instant(grant.created_at),
        "updated_at": instant(grant.updated_at),
    }


def received_shown(received: Received) -> dict[str, Any]:
    """Who signed in or was linked, and what they allowed of what was asked."""
    return {
        "user_id": received.user_id,
        "account": profile(received.identity),
        "granted": sorted(received.granted),
        "missing": sorted(received.missing),
    }


def bearer_shown(token: str) -> dict[str, Any]:
    """A bearer token for a client to keep (RFC 6750 section 4)."""
    return {"token": token, "token_type": "Bearer", "expires_in": int(ABSOLUTE.total_seconds())}


def instant(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
