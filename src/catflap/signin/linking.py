"""Store the outcome of a token exchange as user, linked account and grant.

The app's role and the vault's role can't share a transaction, so all checks come first, and a user or account
that was just created is deleted when storing the grant fails.
"""

from dataclasses import dataclass

from catflap.errors import Tampered, UserMustAct
from catflap.google.id_token import Identity
from catflap.google.oauth import TokenResponse
from catflap.google.scopes import SIGN_IN, missing_scopes
from catflap.signin.allowlist import SignInPolicy
from catflap.signin.consent_request import ConsentNeeded, ConsentRequest, account_mismatch
from catflap.signin.late_identification import LateIdentification
from catflap.signin.users import Users
from catflap.vault import Grants


@dataclass(frozen=True)
class SignInResult:
    """The user and identity, and which of the requested scopes were granted."""

    user_id: int
    identity: Identity
    granted: frozenset[str]
    missing: frozenset[str]


class AccountLinker:
    """Stores the outcome of a token exchange as user, linked account and grant."""

    def __init__(
        self,
        users: Users,
        grants: Grants,
        signin_policy: SignInPolicy,
        late_identification: LateIdentification,
    ) -> None:
        self._users = users
        self._late_identification = late_identification
        self._grants = grants
        self._policy = signin_policy

    async def link(
        self, request: ConsentRequest, identity: Identity, tokens: TokenResponse | None
    ) -> SignInResult:
        """Store the outcome of a consent; `tokens` is None for a sign-in with an ID token alone.

        Raises:
            BadRequest: `account_mismatch`, `not_allowed`, `not_found`.
            Tampered: `state_invalid`: another user signed in meanwhile.
            ConsentNeeded: Google sent no refresh token and none is stored.
        """
        user_id = await self._check_account(request, identity)
        keeps = tokens is not None and await self._can_keep(request, user_id, identity.sub, tokens)
        user_id, is_new = await self._store_user(request, user_id, identity)
        if tokens is not None and keeps:
            try:
                if await self._grants.store(user_id, identity.sub, tokens) is None:
                    raise ConsentNeeded(request, identity.sub)
            except BaseException:
                if is_new:
                    await self._undo(request, user_id, identity)
                raise
            await self._late_identification.merge_unnamed_account(user_id, identity)
        identity = await self._users.with_stored_profile(user_id, identity)
        granted = tokens.scopes if tokens else frozenset[str]()
        return SignInResult(user_id, identity, granted, missing_scopes(request.scopes - SIGN_IN, granted))

    async def _check_account(self, request: ConsentRequest, identity: Identity) -> int | None:
        """Check that the account is the requested one; return the user, None for a sign-in."""
        if request.account_sub is not None and identity.sub != request.account_sub:
            raise account_mismatch()
        if request.purpose == "signin":
            self._policy.check(identity)
            if (
                request.signed_in_user_id is not None
                and await self._users.find(identity.sub) != request.signed_in_user_id
            ):
                raise Tampered("state_invalid", "Somebody else is signed in here now; please start again.")
        if request.purpose == "add_scopes" and request.account_sub is None:
            assert request.user_id is not None
            if identity.sub not in {one.sub for one in await self._users.accounts(request.user_id)}:
                raise account_mismatch()
        return request.user_id

    async def _store_user(
        self, request: ConsentRequest, user_id: int | None, identity: Identity
    ) -> tuple[int, bool]:
        if request.purpose == "signin":
            return await self._users.get_or_create_by_google(identity, request.scopes)
        assert user_id is not None
        return user_id, await self._users.link_account(user_id, identity, request.scopes)

    async def _undo(self, request: ConsentRequest, user_id: int, identity: Identity) -> None:
        if request.purpose == "signin":
            await self._users.erase(user_id)
        else:
            await self._users.unlink_account(user_id, identity.sub)

    async def _can_keep(
        self, request: ConsentRequest, user_id: int | None, sub: str, tokens: TokenResponse
    ) -> bool:
        if tokens.refresh_token is not None:
            return True
        if request.purpose == "signin":
            user_id = await self._users.find(sub)
        grant = None if user_id is None else await self._grants.exact(user_id, sub)
        if grant is not None and self._grants.is_alive(grant):
            return True
        if not (request.scopes | tokens.scopes) - SIGN_IN:
            return False
        if request.forced:
            raise UserMustAct("signin_failed", "Google gave no lasting access; please sign in again.")
        raise ConsentNeeded(request, sub)
