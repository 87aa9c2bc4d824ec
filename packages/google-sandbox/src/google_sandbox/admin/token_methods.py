"""Admin methods about consent, codes, tokens and security events."""

from __future__ import annotations

from typing import Literal, TypedDict, get_args

from google_sandbox.admin.base import AdminMethods, Strings, strings
from google_sandbox.admin.operations import admin_route
from google_sandbox.models import Client
from google_sandbox.oauth.grants import CODE_LIFETIME, Code
from google_sandbox.oauth.scopes import in_order, invalid, respell
from google_sandbox.risc.events import send, subject, token_subject
from google_sandbox.risc.streams import EVENTS

CodeKind = Literal["native", "popup", "web"]
Expirable = Literal["access", "refresh", "sync", "channels"]


class Tokens(TypedDict):
    """Tokens made without any page, their scopes, and whom they belong to."""

    access_token: str
    refresh_token: str
    scope: str
    sub: str


class TokenMethods(AdminMethods):
    """Consent, codes, tokens and security events."""

    @admin_route("POST", "codes", result="code")
    def mint_code(
        self,
        email: str,
        client_id: str,
        scopes: Strings = (),
        kind: CodeKind = "native",
        redirect_uri: str = "",
        nonce: str | None = None,
        force_refresh_token: bool = False,
    ) -> str:
        """Consent on a person's behalf and return a one-time code, as a phone's sign-in does.

        Args:
            email: the account that consents.
            client_id: the client that the code is for.
            scopes: what is consented to.
            kind: `native` (exchanged with an empty redirect URI), `popup` (`postmessage` or the origin
                given as `redirect_uri`) or `web` (the `redirect_uri`).
            redirect_uri: see `kind`.
            nonce: goes into the ID token.
            force_refresh_token: whether the exchange gives a refresh token also to a client that has one.

        Raises:
            LookupError: if there is no such account or client.
            ValueError: if the kind or a scope is unknown.
        """
        account = self.account(email)
        client, names = self._consentable(client_id, scopes)
        if kind not in get_args(CodeKind):
            raise ValueError(f"kind must be one of {', '.join(get_args(CodeKind))}")
        grant = self.state.grants.grant_of(account.sub, client.project)
        allowed = respell(names)
        new = not allowed <= grant.scopes or client_id not in grant.offline_clients
        grant.scopes |= allowed
        code = Code(
            value="",
            sub=account.sub,
            client_id=client_id,
            kind=kind,
            redirect_uri=redirect_uri,
            scopes=allowed,
            expires_at=self.state.now() + CODE_LIFETIME,
            offline=True,
            with_refresh_token=new or force_refresh_token,
            nonce=nonce,
        )
        if self.state.on_authorize:
            self.state.on_authorize(account.email)
        return self.state.grants.issue_code(code).value

    def _consentable(self, client_id: str, scopes: Strings) -> tuple[Client, list[str]]:
        """Return a client and a list of scopes that consent can be given to."""
        client, names = self._client(client_id), strings(scopes)
        if bad := invalid(names):
            raise ValueError(f"no such scopes: {', '.join(bad)}")
        return client, names

    @admin_route("POST", "tokens")
    def grant(self, email: str, client_id: str, scopes: Strings = ()) -> Tokens:
        """Consent on a person's behalf and return an access token and a refresh token.

        Raises:
            LookupError: if there is no such account or client.
            ValueError: if a scope is unknown.
        """
        value = self.mint_code(email, client_id, scopes, force_refresh_token=True)
        code, client = self.state.grants.codes.pop(value), self._client(client_id)
        access, refresh = self.state.grants.redeem(code, client, self.state.project_of(client))
        assert refresh is not None
        return {
            "access_token": access.value,
            "refresh_token": refresh.value,
            "scope": in_order(access.scopes),
            "sub": access.sub,
        }

    @admin_route("POST", "device", result="scopes")
    def answer_device(self, user_code: str, email: str, deny: bool = False) -> list[str]:
        """Allow or deny a device that waits with `user_code`; return the scopes that it was allowed.

        Raises:
            LookupError: if there is no such account, or no device waits with this code.
        """
        account = self.account(email)
        device = self.state.device_codes.typed(user_code)
        client = self.state.clients.get(device.client_id) if device else None
        if device is None or client is None:
            raise LookupError("no device waits with this code")
        if deny:
            device.state = "denied"
            return []
        self.state.grants.grant_of(account.sub, client.project).scopes |= set(device.scopes)
        if self.state.on_authorize:
            self.state.on_authorize(account.email)
        device.allow(account.sub, frozenset(device.scopes))
        return list(device.scopes)

    @admin_route("POST", "revoke", result="projects")
    def revoke_access(self, email: str, project: str | None = None) -> list[str]:
        """Revoke what a person granted, as they do at their account page; return the projects concerned.

        Args:
            email: the account.
            project: the only one that loses access; all of them if not given.

        Raises:
            LookupError: if there is no such account.
        """
        account = self.account(email)
        if project is None:
            return self.state.grants.revoke_account(account.sub)
        self.state.grants.revoke_project(account.sub, project)
        return [project]

    @admin_route("POST", "expire")
    def expire(self, what: Expirable, email: str | None = None) -> None:
        """Let `access`, `refresh` or `sync` tokens or push `channels` expire now.

        Args:
            what: what expires.
            email: the only account concerned; all of them if not given.

        Raises:
            LookupError: if there is no such account.
            ValueError: if `what` is none of these.
        """
        subs = None if email is None else [self.account(email).sub]
        if what == "access":
            self.state.grants.expire_access(subs)
        elif what == "refresh":
            self.state.grants.expire_refresh(subs)
        elif what == "sync":
            self.state.calendar_store.expire_tokens(subs)
        elif what == "channels":
            self.state.channels.expire(subs)
        else:
            raise ValueError(f"what must be one of {', '.join(get_args(Expirable))}")

    @admin_route("POST", "keys/rotate", result="kid")
    def rotate_keys(self, withdraw: bool = False) -> str:
        """Sign ID tokens with a new key from now on and return its `kid`.

        Args:
            withdraw: whether the old keys are published no longer.
        """
        return self.state.keys.rotate(keep=not withdraw)

    @admin_route("POST", "security-events", result="token")
    def send_security_event(
        self,
        event: str,
        email: str | None = None,
        *,
        project: str = "demo",
        refresh_token: str | None = None,
        hashed: bool = False,
        reason: str | None = None,
        state: str | None = None,
    ) -> str | None:
        """Send a signed security event (`sessions-revoked`, `token-revoked`, …) to a project's stream.

        Returns the token, None if the project has no enabled stream that asked for such events.

        Args:
            event: its short name or URI.
            email: the account concerned.
            project: whose stream it is sent to.
            refresh_token: the token concerned, in place of an account.
            hashed: whether the refresh token is named by its hash in place of its first characters.
            reason: the claim `reason` of the event, such as `hijacking`.
            state: the claim `state` of a `verification` event.

        Raises:
            LookupError: if there is no such account, or the project has no client.
            ValueError: if the event is unknown or concerns nobody.
        """
        if event not in EVENTS and event not in EVENTS.values():
            raise ValueError(f"event must be one of {', '.join(EVENTS)}")
        claims: dict[str, object] = {}
        if refresh_token is not None:
            claims["subject"] = token_subject(refresh_token, hashed)
        elif email is not None:
            claims["subject"] = subject(self.state, self.account(email).sub)
        elif EVENTS.get(event, event) != EVENTS["verification"]:
            raise ValueError("say whom it concerns: email or refresh_token")
        details = {"reason": reason, "state": state}
        claims |= {name: value for name, value in details.items() if value is not None}
        return send(self.state, project, event, claims)
