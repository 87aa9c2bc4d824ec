"""The sign-in flow: redirect, one-time code of a popup, native app or command, or ID token.

Every client goes through the same steps: exchange the code, verify the ID token, store user and grant.
Nothing is stored of a consent that differs from the requested one.
"""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest
from catflap.google.authorization_response import AuthorizationResponse
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
        desktop: OAuth | None = None,
        command: str | None = None,
    ) -> None:
        """Create it.

        Args:
            oauth: the primary client.
            audiences: further client ids of the project, whose ID tokens are accepted too.
            desktop: the desktop client, which may be the primary one.
            command: how people sign in where Google can't send their browsers back to us; None where it can.
        """
        self.command = command
        self._desktop = desktop
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
            BadRequest: `signin_by_command`.
            TryAgain: `google_unavailable`.
        """
        self._check_browsers_come_back()
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
        """Start a popup; Google's code client takes no PKCE challenge, so the state alone binds it.

        Raises:
            BadRequest: `signin_by_command`.
        """
        self._check_browsers_come_back()
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
        return answer.authorization_code(await self._discovery.endpoints())

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
        if self._oauth is self._desktop:
            raise self._by_command()
        return await self._exchange(self._oauth, request, code, redirect_uri, verifier, nonce, completion)

    def desktop_client_id(self) -> str:
        """Return the public id of the desktop client.

        Raises:
            BadRequest: `desktop_client_missing`.
        """
        return self._desktop_client().client.client_id

    async def exchange_desktop_code(
        self, request: ConsentRequest, code: str, *, redirect_uri: str, verifier: str, nonce: str
    ) -> SignInResult:
        """Exchange the code of a command, which got it by a loopback redirect (RFC 8252 section 7.3).

        Raises:
            BadRequest: `desktop_client_missing`.
            CatflapError: as `finish`.
        """
        desktop = self._desktop_client()
        return await self._exchange(desktop, request, code, redirect_uri, verifier, nonce, Completion())

    async def _exchange(
        self,
        oauth: OAuth,
        request: ConsentRequest,
        code: str,
        redirect_uri: str,
        verifier: str | None,
        nonce: str | None,
        completion: Completion,
    ) -> SignInResult:
        code = one_time_code(code)
        try:
            tokens = await oauth.exchange(code, redirect_uri=redirect_uri, code_verifier=verifier)
        except RedirectUriMismatch:
            if redirect_uri == oauth.client.redirect_uri:
                raise
            raise _redirect_uri_mismatch(redirect_uri) from None
        identity = await self._identify(request, tokens, nonce, oauth.client.client_id)
        return await self._linker.link(Consent(request, identity, tokens, completion, oauth.client.client_id))

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
        # The desktop client's ID tokens come with codes only, so one that is sent alone is somebody else's.
        ours = () if self._oauth is self._desktop else (self._oauth.client.client_id,)
        audiences = (*ours, *self._audiences)
        identity = await self._id_tokens.verify(id_token(credential), audiences=audiences, nonce=nonce)
        return await self._linker.link(Consent(request, identity, None, completion))

    async def _identify(
        self, request: ConsentRequest, tokens: TokenResponse, nonce: str | None, client_id: str
    ) -> Identity:
        if tokens.id_token is None:
            # Android's AuthorizationClient requests no sign-in scope by default, and Google then sends no ID
            # token. For a known user the grant is usable all the same.
            if request.purpose == "link" and request.user_id is not None:
                return unnamed(request.user_id)
            raise BadRequest("id_token_missing", "Ask Google for the scope openid too; nothing was stored.")
        return await self._id_tokens.verify(tokens.id_token, audiences=(client_id,), nonce=nonce)

    def _desktop_client(self) -> OAuth:
        if self._desktop is None:
            raise BadRequest(
                "desktop_client_missing",
                "This Catflap has no Google client of type 'Desktop app', which `catflap signin` needs. "
                "docs/google.md says how its operator makes one.",
            )
        return self._desktop

    def _check_browsers_come_back(self) -> None:
        if self.command is not None:
            raise self._by_command()

    def _by_command(self) -> BadRequest:
        return BadRequest(
            "signin_by_command",
            "Google sends no browser back to this Catflap. Sign in on a computer: pipx install catflap, then "
            f"{self.command}",
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
