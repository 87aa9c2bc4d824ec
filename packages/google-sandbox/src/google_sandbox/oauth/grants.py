"""Grants, authorization codes and tokens: their lifetime and revocation rules.

Sources: Google's OAuth pages ("Using OAuth 2.0", "OAuth 2.0 for web server apps"). It is independent of HTTP.
"""

from __future__ import annotations

import random
import string
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from google_sandbox.models import Client, Project
from google_sandbox.oauth.scopes import SIGN_IN

ACCESS_SECONDS = 3599
CODE_LIFETIME = timedelta(minutes=10)
TESTING_SECONDS = 604799
UNUSED_LIFETIME = timedelta(days=183)
LIVE_REFRESH_TOKENS = 100
ALPHABET = string.ascii_letters + string.digits + "-_"


@dataclass(slots=True, eq=False)
class Grant:
    """What one account granted one project; `offline_clients` have had a refresh token since."""

    scopes: set[str] = field(default_factory=set)
    offline_clients: set[str] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Code:
    """A one-time authorization code; `kind` is web, popup or native, `redirect_uri` what must be repeated."""

    value: str
    sub: str
    client_id: str
    kind: str
    redirect_uri: str
    scopes: frozenset[str]
    expires_at: datetime
    offline: bool = False
    with_refresh_token: bool = False
    nonce: str | None = None
    challenge: str | None = None
    challenge_method: str = "plain"
    used: bool = False


@dataclass(slots=True, eq=False)
class RefreshToken:
    """A refresh token; `uses` counts every presentation, also the rejected ones."""

    value: str
    sub: str
    client_id: str
    project: str
    scopes: frozenset[str]
    issued_at: datetime
    used_at: datetime
    expires_at: datetime | None = None
    revoked: bool = False
    uses: int = 0


@dataclass(slots=True, eq=False)
class AccessToken:
    """An access token and its scopes."""

    value: str
    sub: str
    client_id: str
    project: str
    scopes: frozenset[str]
    expires_at: datetime
    refresh_token: str | None = None


class Grants:
    """Every grant, code and token of the sandbox, in dictionaries."""

    def __init__(self, now: Callable[[], datetime], rng: random.Random) -> None:
        self._now = now
        self._rng = rng
        self.given: dict[tuple[str, str], Grant] = {}
        self.codes: dict[str, Code] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self._live: dict[tuple[str, str], deque[RefreshToken]] = {}
        self._oldest_first: deque[AccessToken] = deque()

    def text(self, length: int) -> str:
        """Return random text in the alphabet of tokens."""
        bits = self._rng.getrandbits(6 * length)
        return "".join([ALPHABET[(bits >> shift) & 63] for shift in range(0, 6 * length, 6)])

    def grant_of(self, sub: str, project: str) -> Grant:
        """Return what the account granted the project, an empty grant if nothing."""
        return self.given.setdefault((sub, project), Grant())

    def issue_code(self, code: Code) -> Code:
        """Register a code whose value is still empty, with a value like Google's."""
        code.value = "4/0A" + self.text(69)
        self.codes[code.value] = code
        return code

    def redeem(
        self, code: Code, client: Client, project: Project, short_lived: bool = False
    ) -> tuple[AccessToken, RefreshToken | None]:
        """Exchange a valid code for tokens; the refresh token is None when Google would send none."""
        code.used = True
        refresh = None
        if code.offline and code.with_refresh_token:
            refresh = self._issue_refresh(code.sub, client, project, code.scopes, short_lived)
        return self.issue_access(code.sub, client, code.scopes, refresh), refresh

    def issue_access(
        self, sub: str, client: Client, scopes: frozenset[str], refresh: RefreshToken | None
    ) -> AccessToken:
        """Issue an access token, and delete expired ones."""
        now = self._now()
        while self._oldest_first and self._oldest_first[0].expires_at <= now:
            self.access_tokens.pop(self._oldest_first.popleft().value, None)
        token = AccessToken(
            value="ya29.a0" + self.text(100),
            sub=sub,
            client_id=client.client_id,
            project=client.project,
            scopes=scopes,
            expires_at=now + timedelta(seconds=ACCESS_SECONDS),
            refresh_token=refresh.value if refresh else None,
        )
        self.access_tokens[token.value] = token
        self._oldest_first.append(token)
        return token

    def access(self, value: str) -> AccessToken | None:
        """Return the live access token of this value, if there is one."""
        token = self.access_tokens.get(value)
        return token if token and token.expires_at > self._now() else None

    def is_dead(self, token: RefreshToken) -> bool:
        """Return whether a refresh token was revoked, expired, or unused for half a year."""
        now = self._now()
        ran_out = token.expires_at is not None and token.expires_at <= now
        return token.revoked or ran_out or now - token.used_at > UNUSED_LIFETIME

    def revoke_project(self, sub: str, project: str) -> None:
        """Revoke everything the account granted the project, for all its clients."""
        self.given.pop((sub, project), None)
        for refresh in list(self.refresh_tokens.values()):
            if refresh.sub == sub and refresh.project == project:
                refresh.revoked = True
        self._forget_access(lambda token: token.sub == sub and token.project == project)
        for code in [c for c in list(self.codes.values()) if c.sub == sub]:
            code.used = True

    def revoke_account(self, sub: str) -> list[str]:
        """Revoke everything the account granted; return the projects concerned."""
        projects = [project for owner, project in list(self.given) if owner == sub]
        for project in projects:
            self.revoke_project(sub, project)
        return projects

    def expire_access(self, subs: Iterable[str] | None = None) -> None:
        """Expire the access tokens of these accounts, or of all."""
        wanted = None if subs is None else set(subs)
        self._forget_access(lambda token: wanted is None or token.sub in wanted)

    def expire_refresh(self, subs: Iterable[str] | None = None) -> None:
        """Expire the refresh tokens of these accounts, or of all; the grants stay."""
        wanted = None if subs is None else set(subs)
        for refresh in list(self.refresh_tokens.values()):
            if wanted is None or refresh.sub in wanted:
                refresh.expires_at = self._now()

    def restore(self, refresh: RefreshToken) -> None:
        """Restore a refresh token read from a state file."""
        self.refresh_tokens[refresh.value] = refresh
        if not refresh.revoked:
            self._live.setdefault((refresh.sub, refresh.client_id), deque()).append(refresh)

    def restore_access(self, token: AccessToken) -> None:
        """Restore an access token read from a state file."""
        self.access_tokens[token.value] = token
        self._oldest_first.append(token)

    def _forget_access(self, concerns: Callable[[AccessToken], bool]) -> None:
        for token in [t for t in list(self.access_tokens.values()) if concerns(t)]:
            del self.access_tokens[token.value]

    def _issue_refresh(
        self, sub: str, client: Client, project: Project, scopes: frozenset[str], short_lived: bool
    ) -> RefreshToken:
        now = self._now()
        short = (project.testing or short_lived) and not scopes <= SIGN_IN
        token = RefreshToken(
            value="1//0" + self.text(97),
            sub=sub,
            client_id=client.client_id,
            project=project.name,
            scopes=scopes,
            issued_at=now,
            used_at=now,
            expires_at=now + timedelta(seconds=TESTING_SECONDS) if short else None,
        )
        self.grant_of(sub, project.name).offline_clients.add(client.client_id)
        self.refresh_tokens[token.value] = token
        live = self._live.setdefault((sub, client.client_id), deque())
        live.append(token)
        if len(live) > LIVE_REFRESH_TOKENS:
            self._drop_dead(live)
        return token

    def _drop_dead(self, live: deque[RefreshToken]) -> None:
        alive = [token for token in live if not self.is_dead(token)]
        for token in alive[:-LIVE_REFRESH_TOKENS]:
            token.revoked = True
        live.clear()
        live.extend(alive[-LIVE_REFRESH_TOKENS:])
