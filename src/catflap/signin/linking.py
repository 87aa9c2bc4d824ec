"""Store the outcome of a token exchange: user, linked account, grant and session.

The app's role and the vault's role can't share a transaction, so a sign-in has two: one of the app (state,
user, account, session) and one of the vault (tokens). All checks come first, and both are committed before
the client gets an answer.

For a known account, the vault's comes first. When it fails, or the process ends before the app's, there is no
session and the state is unused; the next sign-in finds the grant.

For a new account, the app's comes first, because rows of the vault refer to users. When the vault's fails,
what was created is deleted. When the process ends before it, user and account stay without a grant, with a
session whose token nobody knows. The next sign-in stores the grant, or asks for consent once more when Google
sends no second refresh token.

The app's commit does not wait for the disk (see `Sessions.insert`), the vault's does, and writes what was
committed before it too. So only the session of a known account, and what a sign-in without tokens stored, may
be lost, when PostgreSQL itself crashes in the next second; the user signs in again.

The state is used up with the result and not before Google is asked: Google refuses a code that comes twice,
and a response that fails leaves the state to the next attempt.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.errors import Tampered, UserMustAct
from catflap.google.id_token import Identity
from catflap.google.oauth import TokenResponse
from catflap.google.scopes import SIGN_IN, missing_scopes
from catflap.signin.allowlist import SignInPolicy
from catflap.signin.authorization_requests import AuthorizationRequests, PendingAuthorization
from catflap.signin.consent_request import ConsentNeeded, ConsentRequest, account_mismatch
from catflap.signin.late_identification import LateIdentification
from catflap.signin.sessions import NewSession, Sessions
from catflap.signin.users import AccountExists, StoredAccount, Users
from catflap.vault import Grants


@dataclass(frozen=True)
class Completion:
    """What a sign-in does with its last step: use up the state of `pending`, and start a session."""

    pending: PendingAuthorization | None = None
    session: NewSession | None = None

    @property
    def is_one_statement(self) -> bool:
        """Whether this is a new session and no more, which needs no transaction around it."""
        return self.pending is None and (self.session is None or self.session.replaces is None)


@dataclass(frozen=True)
class SignInResult:
    """The user and identity, which of the requested scopes were granted, and the token of a new session."""

    user_id: int
    identity: Identity
    granted: frozenset[str]
    missing: frozenset[str]
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Consent:
    """A consent to store; `tokens` is None for a sign-in with an ID token alone.

    `client_id` is the OAuth client that the tokens were issued to.
    """

    request: ConsentRequest
    identity: Identity
    tokens: TokenResponse | None
    completion: Completion = Completion()
    client_id: str | None = None

    @property
    def sub(self) -> str:
        """The Google account."""
        return self.identity.sub

    def check_lasting(self) -> None:
        """Check that a consent that leaves no grant asked for nothing that needs one.

        Raises:
            ConsentNeeded: the user must be asked once more.
            UserMustAct: `signin_failed`: that has been done already.
        """
        granted = self.tokens.scopes if self.tokens else frozenset[str]()
        if not (self.request.scopes | granted) - SIGN_IN:
            return
        if self.request.forced:
            raise UserMustAct("signin_failed", "Google gave no lasting access; please sign in again.")
        raise ConsentNeeded(self.request, self.sub)


class AccountLinker:
    """Stores the outcome of a token exchange."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        users: Users,
        grants: Grants,
        requests: AuthorizationRequests,
        sessions: Sessions,
        signin_policy: SignInPolicy,
        late_identification: LateIdentification,
    ) -> None:
        self._engine = engine
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._users = users
        self._grants = grants
        self._requests = requests
        self._sessions = sessions
        self._policy = signin_policy
        self._late_identification = late_identification

    async def link(self, consent: Consent) -> SignInResult:
        """Store the outcome of a consent.

        Raises:
            BadRequest: `account_mismatch`, `not_allowed`, `not_found`.
            Tampered: `state_invalid`: another user signed in, or another response was accepted, meanwhile.
            ConsentNeeded: Google sent no refresh token and none is stored.
        """
        account = await self._check_account(consent.request, consent.identity)
        if account is not None:
            return await self._store_known(account, consent)
        try:
            return await self._store_new(consent)
        except AccountExists:
            # By another request, between the check and the transaction.
            return await self.link(consent)

    async def _check_account(self, request: ConsentRequest, identity: Identity) -> StoredAccount | None:
        """Check that the account is the requested one; return what is stored of it."""
        if request.account_sub is not None and identity.sub != request.account_sub:
            raise account_mismatch()
        if request.purpose == "signin":
            self._policy.check(identity)
        account = await self._users.account(identity.sub, request.user_id)
        if request.purpose == "signin":
            user_id = account.user_id if account else None
            if request.signed_in_user_id not in (None, user_id):
                raise Tampered("state_invalid", "Somebody else is signed in here now; please start again.")
            if account is not None:
                account.check_enabled()
        if request.purpose == "add_scopes" and request.account_sub is None and account is None:
            raise account_mismatch()
        return account

    async def _store_known(self, account: StoredAccount, consent: Consent) -> SignInResult:
        has_grant = False
        if consent.tokens is not None:
            kept = await self._grants.store(account.user_id, consent.sub, consent.tokens, consent.client_id)
            has_grant = kept is not None
            if not has_grant:
                consent.check_lasting()
        token = None
        changes = account.differs(consent.identity, consent.request.scopes)
        if changes or consent.completion != Completion():
            engine = self._engine if changes or not consent.completion.is_one_statement else self._single
            async with self._completing(consent, engine) as connection:
                if changes:
                    await self._users.update_account(
                        connection, account.user_id, consent.identity, consent.request.scopes
                    )
                token = await self._start_session(connection, account.user_id, consent)
        if has_grant and account.has_unnamed:
            await self._late_identification.merge_unnamed_account(account.user_id, consent.identity)
        return _result(consent, account.user_id, account.completed(consent.identity), token)

    async def _store_new(self, consent: Consent) -> SignInResult:
        has_grant = consent.tokens is not None and consent.tokens.refresh_token is not None
        if consent.tokens is not None and not has_grant:
            consent.check_lasting()
        async with self._completing(consent, self._engine) as connection:
            user_id = await self._create(connection, consent)
            token = await self._start_session(connection, user_id, consent)
        if consent.tokens is not None and has_grant:
            try:
                await self._grants.store(user_id, consent.sub, consent.tokens, consent.client_id)
            except BaseException:
                await asyncio.shield(self._undo(consent, user_id))
                raise
            if consent.request.purpose != "signin":
                await self._late_identification.merge_unnamed_account(user_id, consent.identity)
        return _result(consent, user_id, consent.identity, token)

    @asynccontextmanager
    async def _completing(self, consent: Consent, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """Open the app's transaction, which uses up the state."""
        async with engine.begin() as connection:
            if consent.completion.pending is not None:
                await self._requests.use(connection, consent.completion.pending)
            yield connection

    async def _create(self, connection: AsyncConnection, consent: Consent) -> int:
        request = consent.request
        if request.user_id is None:
            return await self._users.create_with_account(connection, consent.identity, request.scopes)
        if not await self._users.link(connection, request.user_id, consent.identity, request.scopes):
            raise AccountExists
        return request.user_id

    async def _start_session(self, connection: AsyncConnection, user_id: int, consent: Consent) -> str | None:
        new = consent.completion.session
        return None if new is None else await self._sessions.insert(connection, user_id, new)

    async def _undo(self, consent: Consent, user_id: int) -> None:
        if consent.request.user_id is None:
            await self._users.erase(user_id)
        else:
            await self._users.unlink_account(user_id, consent.sub)
        if consent.completion.pending is not None:
            await self._requests.release(consent.completion.pending)


def _result(consent: Consent, user_id: int, identity: Identity, token: str | None) -> SignInResult:
    granted = consent.tokens.scopes if consent.tokens else frozenset[str]()
    missing = missing_scopes(consent.request.scopes - SIGN_IN, granted)
    return SignInResult(user_id, identity, granted, missing, token)
