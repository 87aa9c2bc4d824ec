"""The sign-in flow: redirect, one-time code of a popup or native app, or ID token.

Every client goes through the same steps: exchange the code, verify the ID token, store user and grant.
Nothing is stored of a consent that differs from the requested one.
"""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest, CatflapError, Tampered, UserMustAct
from catflap.google.discovery import Discovery
from catflap.google.id_token import Identity, IdTokens, unnamed
from catflap.google.oauth import OAuth, RedirectUriMismatch, TokenResponse
from catflap.google.scopes import to_wire
from catflap.log import log
from catflap.signin.allowlist import SignInPolicy
from catflap.signin.authorization_requests import AuthorizationRequests, PendingAuthorization
from catflap.signin.client_input import id_token, one_time_code
from catflap.signin.consent_request import ConsentRequest
from catflap.signin.late_identification import LateIdentification
from catflap.signin.linking import AccountLinker, Completion, Consent, SignInResult
from catflap.signin.sessions import NewSession, Sessions
from catflap.signin.users import Users
from catflap.vault import Grants

NATIVE_REDIRECT_URI = ""
POPUP_REDIRECT_URI = "postmessage"


@dataclass(frozen=True)
class AuthorizationRedirect:
    """The authorization URL, and the secret that the browser keeps in a cookie until the callback."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    browser_secret: str = field(repr=False)


@dataclass(frozen=True)
class Popup:
    """Parameters for Google's code client (`initCodeClient`), or for Google's button (`nonce`)."""

    client_id: str
    scope: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    browser_secret: str = field(repr=False)
    login_hint: str | None = None
    select_account: bool = False


@dataclass(frozen=True)
class AuthorizationResponse:
    """The parameters of the authorization response (RFC 6749 4.1.2)."""

    code: str | None = field(default=None, repr=False)
    error: str | None = None
    iss: str | None = None


class SignIn:
    """Starts authorization requests, and completes sign-ins."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        clock: Clock,
        oauth: OAuth,
        discovery: Discovery,
        id_tokens: IdTokens,
        users: Users,
        grants: Grants,
        signin_policy: SignInPolicy | None = None,
        audiences: Collection[str] = (),
    ) -> None:
        """`audiences`: further client ids of the project, whose ID tokens are accepted too."""
        self._oauth = oauth
        self._discovery = discovery
        self._id_tokens = id_tokens
        self._policy = signin_policy or SignInPolicy()
        self._audiences = tuple(audiences)
        self._requests = AuthorizationRequests(engine, clock)
        self._linker = AccountLinker(
            engine,
            users=users,
            grants=grants,
            requests=self._requests,
            sessions=Sessions(engine, clock),
            signin_policy=self._policy,
            late_identification=LateIdentification(engine, clock, users, grants),
        )

    async def begin(
        self,
        request: ConsentRequest,
        *,
        browser_secret: str | None = None,
        session_id: int | None = None,
        login_hint: str | None = None,
    ) -> AuthorizationRedirect:
        """Start the redirect flow; return the authorization URL.

        Raises:
            TryAgain: `google_unavailable`.
        """
        pending = await self._requests.create(request, browser_secret, session_id)
        url = await self._oauth.authorization_url(
            scopes=request.scopes,
            state=pending.state,
            nonce=pending.nonce,
            code_verifier=pending.verifier,
            login_hint=login_hint or request.account_sub,
            force_consent=request.forced,
            select_account=request.select_account,
            hosted_domain=self._policy.hint if request.purpose == "signin" else None,
        )
        return AuthorizationRedirect(url, pending.state, pending.browser_secret)

    async def begin_popup(
        self, request: ConsentRequest, *, browser_secret: str | None = None, session_id: int | None = None
    ) -> Popup:
        """Start a popup; Google's code client takes no PKCE challenge, so the state alone binds it."""
        pending = await self._requests.create(request, browser_secret, session_id)
        return Popup(
            client_id=self._oauth.client.client_id,
            scope=to_wire(request.scopes),
            state=pending.state,
            nonce=pending.nonce,
            browser_secret=pending.browser_secret,
            login_hint=request.account_sub,
            select_account=request.select_account,
        )

    def resume(
        self, state: str, browser_secrets: Collection[str]
    ) -> AbstractAsyncContextManager[PendingAuthorization]:
        """Return the context in which a response is handled; see `AuthorizationRequests.resume`."""
        return self._requests.resume(state, browser_secrets)

    async def use_state(self, pending: PendingAuthorization) -> None:
        """Use a state up for a response that is stored to be confirmed later.

        Raises:
            StateUsed: another response was accepted meanwhile.
        """
        await self._requests.use_alone(pending)

    async def authorization_code(self, answer: AuthorizationResponse) -> str:
        """Return the code of an authorization response.

        Raises:
            UserMustAct: `access_denied` or `signin_failed`.
            Tampered: `iss_invalid`: the response is another server's (RFC 9207).
        """
        endpoints = await self._discovery.endpoints()
        missing = answer.iss is None and endpoints.answers_with_issuer and answer.error is None
        if missing or (answer.iss is not None and answer.iss != endpoints.issuer):
            raise Tampered("iss_invalid", "This answer did not come from Google; please sign in again.")
        if answer.error is not None or answer.code is None:
            raise _refused(answer.error)
        return answer.code

    async def finish(
        self,
        pending: PendingAuthorization,
        answer: AuthorizationResponse,
        session: NewSession | None = None,
    ) -> SignInResult:
        """Finish what `begin` started, with a new session if one is given.

        Raises:
            UserMustAct, Tampered: as `authorization_code`; also `id_token_invalid`.
            ConsentNeeded: start again, with `forced`.
            BadRequest: `account_mismatch`, `not_allowed`; `invalid_request`: that is no code;
                `redirect_uri_mismatch`: it is one for another kind of client.
            InvalidGrant, OperatorMustAct, TryAgain: as `OAuth.exchange`.
        """
        return await self.exchange_code(
            pending.request,
            await self.authorization_code(answer),
            redirect_uri=self._oauth.client.redirect_uri,
            verifier=pending.verifier,
            nonce=pending.nonce,
            completion=Completion(pending, session),
        )

    async def exchange_code(
        self,
        request: ConsentRequest,
        code: str,
        *,
        redirect_uri: str,
        verifier: str | None = None,
        nonce: str | None = None,
        completion: Completion = Completion(),
    ) -> SignInResult:
        """Exchange a one-time code, and store user and grant; `linking` has the order and the transactions.

        Args:
            redirect_uri: what the code was issued for: empty for codes of native apps, `postmessage` or the
                page's origin for popups.

        Raises:
            CatflapError: as `finish`.
        """
        code = one_time_code(code)
        try:
            tokens = await self._oauth.exchange(code, redirect_uri=redirect_uri, code_verifier=verifier)
        except RedirectUriMismatch:
            if redirect_uri == self._oauth.client.redirect_uri:
                raise
            raise _redirect_uri_mismatch(redirect_uri) from None
        identity = await self._identify(request, tokens, nonce)
        return await self._linker.link(Consent(request, identity, tokens, completion))

    async def sign_in_with_id_token(
        self,
        request: ConsentRequest,
        credential: str,
        *,
        nonce: str | None = None,
        completion: Completion = Completion(),
    ) -> SignInResult:
        """Sign in with an ID token of Google's button or a native app, without a grant.

        Raises:
            Tampered: `id_token_invalid`.
            BadRequest: `not_allowed`.
            TryAgain: `google_unavailable`.
        """
        audiences = (self._oauth.client.client_id, *self._audiences)
        identity = await self._id_tokens.verify(id_token(credential), audiences=audiences, nonce=nonce)
        return await self._linker.link(Consent(request, identity, None, completion))

    async def _identify(self, request: ConsentRequest, tokens: TokenResponse, nonce: str | None) -> Identity:
        if tokens.id_token is None:
            # Android's AuthorizationClient requests no sign-in scope by default, and Google then sends no ID
            # token. For a known user the grant is usable all the same.
            if request.purpose == "link" and request.user_id is not None:
                return unnamed(request.user_id)
            raise BadRequest("id_token_missing", "Ask Google for the scope openid too; nothing was stored.")
        return await self._id_tokens.verify(
            tokens.id_token, audiences=(self._oauth.client.client_id,), nonce=nonce
        )


def _redirect_uri_mismatch(redirect_uri: str) -> BadRequest:
    """Build the error for a code that Google issued for another redirect URI than the client's kind has."""
    if redirect_uri == NATIVE_REDIRECT_URI:
        message = (
            "Google did not issue this code for an app. Send the serverAuthCode that the app got with the "
            """web client's id as its server client id, or a popup's code with client "popup"."""
        )
    elif redirect_uri == POPUP_REDIRECT_URI or not urlsplit(redirect_uri).path:
        message = (
            "Google did not issue this code for a popup here. Send an app's serverAuthCode with client "
            """"native". If it is a popup's, the operator must change CATFLAP_POPUP_REDIRECT_URI """
            "(postmessage or origin)."
        )
    else:
        message = "Send the redirect_uri that this code was issued for, letter by letter."
    log.warning("redirect_uri_mismatch", message=message)
    return BadRequest("redirect_uri_mismatch", message)


def _refused(error: str | None) -> CatflapError:
    if error == "access_denied":
        return UserMustAct("access_denied", "You declined at Google, so nothing was stored.")
    return UserMustAct("signin_failed", "Google did not complete the sign-in; please try again.")
