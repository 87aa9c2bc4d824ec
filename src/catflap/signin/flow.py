"""The one sign-in flow: send the browser to Google, take the code that comes back, keep what it gives.

Nothing secret waits in the database meanwhile: the PKCE verifier and the nonce are derived from a cookie
that only the browser has, and of the state only its hash is stored, deleted at first use.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import Tampered, UserMustAct
from catflap.google.discovery import Discovery
from catflap.google.id_token import Identity, IdTokens
from catflap.google.oauth import OAuth, TokenResponse
from catflap.google.scopes import SIGN_IN, asked, missing
from catflap.signin.sessions import Kind, Sessions, hash_token
from catflap.signin.users import Users
from catflap.store.tables import signin_attempts as t
from catflap.vault import Grants

ATTEMPT_LIVES = timedelta(minutes=10)


@dataclass(frozen=True)
class Begun:
    """Where to send the browser, and the secret it keeps in a cookie until it returns."""

    url: str
    browser_secret: str


@dataclass(frozen=True)
class SignedIn:
    """Who signed in, the token of the new session, and what was and was not allowed."""

    user_id: int
    identity: Identity
    session_token: str
    granted: frozenset[str]
    missing: frozenset[str]
    next: str


class SignIn:
    """Begin a sign-in, and complete it when the browser is back."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        clock: Clock,
        oauth: OAuth,
        discovery: Discovery,
        id_tokens: IdTokens,
        users: Users,
        sessions: Sessions,
        grants: Grants,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._oauth = oauth
        self._discovery = discovery
        self._id_tokens = id_tokens
        self._users = users
        self._sessions = sessions
        self._grants = grants

    async def begin(
        self, *, scopes: str, next_path: str, login_hint: str | None = None, force_consent: bool = False
    ) -> Begun:
        """Start the redirect flow.

        Args:
            scopes: what to ask for besides signing in, as in `?scopes=`.
            next_path: where on this site to go afterwards; anything else becomes `/`.
            force_consent: show the consent screen even if it was answered before.

        Raises:
            TryAgain: `google_unavailable`.
        """
        state, browser_secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        wanted = asked(scopes) | SIGN_IN
        now = self._clock.now()
        async with self._engine.begin() as connection:
            await connection.execute(delete(t).where(t.c.expires_at <= now))
            values = {
                "state_hash": hash_token(state),
                "browser_hash": hash_token(browser_secret),
                "scopes": sorted(wanted),
                "next": local_path(next_path),
                "expires_at": now + ATTEMPT_LIVES,
            }
            await connection.execute(insert(t).values(values))
        url = await self._oauth.authorization_url(
            scopes=wanted,
            state=state,
            nonce=_derive(browser_secret, "nonce"),
            code_verifier=_derive(browser_secret, "verifier"),
            login_hint=login_hint,
            force_consent=force_consent,
        )
        return Begun(url, browser_secret)

    async def complete(
        self,
        *,
        state: str,
        browser_secret: str,
        code: str | None,
        error: str | None = None,
        iss: str | None = None,
        kind: Kind = "cookie",
    ) -> SignedIn:
        """Finish what `begin` started, with the parameters of Google's redirect.

        Raises:
            Tampered: `state_invalid`, `iss_invalid` or `id_token_invalid`.
            UserMustAct: `access_denied`: the person said no.
            ConsentNeeded: Google sent no refresh token and none is kept.
            InvalidGrant, OperatorMustAct, TryAgain: as `OAuth.exchange`.
        """
        scopes, next_path = await self._use_up(state, browser_secret)
        if error is not None or code is None:
            raise _refused(error)
        if iss is not None and iss != (await self._discovery.endpoints()).issuer:
            raise Tampered("iss_invalid", "This answer did not come from Google; please sign in again.")
        tokens = await self._oauth.exchange(
            code,
            redirect_uri=self._oauth.client.redirect_uri,
            code_verifier=_derive(browser_secret, "verifier"),
        )
        identity = await self._verify(tokens, nonce=_derive(browser_secret, "nonce"))
        user_id = await self._users.welcome(identity)
        if await self._grants.keep(user_id, identity.sub, tokens) is None:
            raise ConsentNeeded(identity.sub, scopes, next_path)
        return SignedIn(
            user_id=user_id,
            identity=identity,
            session_token=await self._sessions.begin(user_id, kind),
            granted=tokens.scopes,
            missing=missing(scopes, tokens.scopes),
            next=next_path,
        )

    async def _use_up(self, state: str, browser_secret: str) -> tuple[frozenset[str], str]:
        """Delete the attempt, so that a state works once, and tell what it was for."""
        async with self._engine.begin() as connection:
            gone = delete(t).where(t.c.state_hash == hash_token(state)).returning(t)
            row = (await connection.execute(gone)).first()
        if (
            row is None
            or self._clock.now() >= row.expires_at
            or not hmac.compare_digest(row.browser_hash, hash_token(browser_secret))
        ):
            raise Tampered(
                "state_invalid", "This sign-in was started elsewhere or too long ago; sign in again."
            )
        return frozenset(row.scopes), row.next

    async def _verify(self, tokens: TokenResponse, *, nonce: str | None) -> Identity:
        if tokens.id_token is None:
            raise Tampered("id_token_invalid", "Google sent no ID token; please sign in again.")
        return await self._id_tokens.verify(
            tokens.id_token, audiences=(self._oauth.client.client_id,), nonce=nonce
        )


class ConsentNeeded(UserMustAct):
    """Google gave no refresh token and we have none: begin again with `force_consent`."""

    def __init__(self, sub: str, scopes: frozenset[str], next_path: str) -> None:
        super().__init__("consent_needed", "Google needs to ask once more; please allow access again.")
        self.sub = sub
        self.scopes = scopes
        self.next = next_path


def local_path(path: str) -> str:
    """`path` when it stays on this site, else `/`.

    Browsers read a backslash as a slash and drop control characters, so `/\\evil.example` would leave.
    """
    if not path.startswith("/") or path[1:2] in ("/", "\\") or any(ord(c) < 33 or c == "\\" for c in path):
        return "/"
    return path


def _derive(browser_secret: str, purpose: str) -> str:
    return hmac.new(browser_secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _refused(error: str | None) -> UserMustAct:
    if error == "access_denied":
        return UserMustAct("access_denied", "You said no at Google, so nothing was stored.")
    return UserMustAct("signin_failed", "Google did not complete the sign-in; please try again.")
