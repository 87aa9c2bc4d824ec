"""Users, their Google accounts, grants and sessions."""

from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field

from catflap.google.id_token import Identity
from catflap.google.scopes import READ_CALENDAR, SIGN_IN, missing_scopes
from catflap.signin import Account, Session
from catflap.signin.sessions import Kind
from catflap.vault import Grant
from catflap.web.schemas.base import Answer, Instant, Scopes, absent

GrantState = Literal["active", "reconsent", "revoked"]
CSRF_MEMBER = "What the browser sends as X-CSRF-Token with anything but GET; only in a session of a cookie."


class ProfileResource(Answer):
    """Profile of a Google account, from the claims of its ID token."""

    sub: str = Field(description="The account's stable id.", examples=["110169484474386276334"])
    email: str = Field(examples=["alice@example.com"])
    email_verified: bool
    name: str | None
    given_name: str | None
    family_name: str | None
    picture: str | None
    locale: str | None

    @classmethod
    def members_of(cls, who: Identity | Account) -> dict[str, Any]:
        """Return the profile members of `who`."""
        return {name: getattr(who, name) for name in ProfileResource.model_fields}

    @classmethod
    def of_person(cls, who: Identity | Account) -> "ProfileResource":
        """Build the profile alone."""
        return ProfileResource(**cls.members_of(who))


class AccountResource(ProfileResource):
    """A Google account of a user."""

    primary: bool = Field(description="Exactly one of a user's accounts is.")
    signs_in: bool = Field(description="Whether signing in with it opens a session of this user.")

    @classmethod
    def of(cls, account: Account) -> Self:
        """Build it from a stored account."""
        return cls(**cls.members_of(account), primary=account.is_primary, signs_in=account.signs_in)


class GrantResource(Answer):
    """Grant for one Google account: granted and missing scopes, and its state; never a token."""

    id: int = Field(examples=[17])
    account: str = Field(description="The account's `sub`.", examples=["110169484474386276334"])
    email: str | None
    primary: bool
    state: GrantState = Field(
        description="`reconsent`: Google no longer accepts it; a new consent is needed."
    )
    reason: str | None = Field(description="Why it is not active, such as `invalid_grant`.")
    ends_at: Instant | None = Field(description="When Google ends it, where that is known.")
    scopes: Scopes
    missing_scopes: Scopes = Field(description="What was asked and not allowed.")
    created_at: Instant
    updated_at: Instant

    @classmethod
    def members_of(cls, grant: Grant, accounts: Iterable[Account]) -> dict[str, Any]:
        """Return the members for `grant`; `accounts` are those of its user."""
        account = next((one for one in accounts if one.sub == grant.account_sub), None)
        asked = frozenset(account.asked_scopes) - SIGN_IN if account else frozenset[str]()
        return {
            "id": grant.id,
            "account": grant.account_sub,
            "email": account.email if account else None,
            "primary": account is not None and account.is_primary,
            "state": grant.state,
            "reason": grant.reason,
            "ends_at": grant.refresh_expires_at,
            "scopes": sorted(grant.scopes),
            "missing_scopes": sorted(missing_scopes(asked, grant.scopes)),
            "created_at": grant.created_at,
            "updated_at": grant.updated_at,
        }

    @classmethod
    def of(cls, grant: Grant, accounts: Iterable[Account]) -> "GrantResource":
        """Build it from a stored grant and its user's accounts."""
        return GrantResource(**cls.members_of(grant, accounts))


class ListedGrant(GrantResource):
    """Grant with what a page says about it: what ends with it, and what reading the calendar still needs."""

    also_ends: int = Field(
        description="Other users' grants for the same account, which Google ends together with this one."
    )
    missing_for_calendar: Scopes = Field(
        description="What it takes to read calendars and is not allowed, asked for or not."
    )

    @classmethod
    def with_others(cls, grant: Grant, accounts: Iterable[Account], also_ends: int) -> Self:
        """Build it; `also_ends` is the number of other grants that end with it."""
        return cls(
            **cls.members_of(grant, accounts),
            also_ends=also_ends,
            missing_for_calendar=sorted(missing_scopes(READ_CALENDAR, grant.scopes)),
        )


class GrantList(Answer):
    """All grants of a user."""

    grants: list[ListedGrant]


class Me(Answer):
    """The signed-in user with accounts and grants."""

    user_id: int = Field(examples=[17])
    accounts: list[AccountResource]
    grants: list[GrantResource]
    csrf_token: str | None = absent(CSRF_MEMBER)


class SessionLifetime(Answer):
    """User and lifetime of the session of this request."""

    user_id: int = Field(examples=[17])
    kind: Kind = Field(
        description="`cookie`: a browser; `bearer`: a native app; `app`: a JWT of the app's own."
    )
    expires_at: Instant


class SessionResource(Answer):
    """A session of the user, of a browser or of a native app."""

    id: int
    kind: Kind
    current: bool = Field(description="Whether this request belongs to it.")
    user_agent: str | None = Field(
        description="Browser or app, and system, where they are known; no more of the header is stored.",
        examples=["Firefox (Linux)"],
    )
    created_at: Instant
    last_used_at: Instant
    expires_at: Instant

    @classmethod
    def of(cls, session: Session, *, current: bool) -> Self:
        """Build it from a stored session, which has an id."""
        assert session.id is not None
        return cls(
            id=session.id,
            kind=session.kind,
            current=current,
            user_agent=session.user_agent,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
        )


class SessionList(Answer):
    """All sessions of a user."""

    sessions: list[SessionResource]


class Export(Answer):
    """Export of all stored data of the user: rows by table, beside the members named here."""

    model_config = ConfigDict(extra="allow", frozen=True)

    exported_at: str = Field(json_schema_extra={"format": "date-time"})
    user_id: int
    grants: list[dict[str, Any]]
