"""The sandbox's own powers as methods: time, tokens without pages, revocation, trouble, log, security events.

They only pass on to `powers`, which the control API uses too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from catflap.sandbox import powers
from catflap.sandbox.calendar.setting_values import change_settings
from catflap.sandbox.faults import Fault
from catflap.sandbox.people import SandboxAccount
from catflap.sandbox.world import World


class Powers:
    """What a sandbox can do that Google cannot be asked for."""

    world: World

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self.world.now()

    def advance_clock(self, seconds: float) -> datetime:
        """Move the sandbox's time on and return it."""
        return powers.move_clock(self.world, seconds)

    def add_accounts(self, count: int, domain: str = "load.example.com") -> list[SandboxAccount]:
        """Make many accounts at once, `user0@…` to `user{count-1}@…`, for load tests."""
        return powers.add_accounts(self.world, count, domain)

    def grant(self, email: str, client_id: str, scopes: Iterable[str]) -> dict[str, str]:
        """Return `access_token`, `refresh_token`, `scope` and `sub` without any page.

        Raises:
            LookupError: if there is no such account or client.
            ValueError: if a scope is unknown.
        """
        return powers.grant(self.world, email, client_id, scopes)

    def mint_code(
        self,
        email: str,
        client_id: str,
        scopes: Iterable[str],
        kind: str = "native",
        redirect_uri: str = "",
        nonce: str | None = None,
        force_refresh_token: bool = False,
    ) -> str:
        """Return a one-time code without any page, as a phone's sign-in does (`serverAuthCode`).

        Args:
            kind: `native` (exchanged with an empty redirect URI), `popup` (`postmessage` or the origin
                given as `redirect_uri`) or `web` (the `redirect_uri`).

        Raises:
            LookupError: if there is no such account or client.
            ValueError: if the kind or a scope is unknown.
        """
        return powers.mint_code(
            self.world, email, client_id, scopes, kind, redirect_uri, nonce, force_refresh_token
        )

    def answer_device(self, user_code: str, email: str, allow: bool = True) -> list[str]:
        """Allow (or deny) a device that waits with this code; returns the scopes it was allowed.

        Raises:
            LookupError: if there is no such account, or no device waits with this code.
        """
        return powers.answer_device(self.world, user_code, email, allow)

    def revoke_access(self, email: str, project: str | None = None) -> list[str]:
        """Let a person take back what they allowed (one project or all), at Google's side.

        Raises:
            LookupError: if there is no such account.
        """
        return powers.revoke_access(self.world, email, project)

    def delete_account(self, email: str) -> None:
        """Delete an account; its refresh tokens answer `Account has been deleted`.

        Raises:
            LookupError: if there is no such account.
        """
        powers.delete_account(self.world, email)

    def expire(self, what: str, email: str | None = None) -> None:
        """Let `access`, `refresh`, `sync` tokens or push `channels` run out now.

        Raises:
            LookupError: if there is no such account.
            ValueError: if `what` is none of these.
        """
        powers.expire(self.world, what, email)

    def set_settings(self, account_email: str, **values: str) -> dict[str, str]:
        """Set Calendar settings of an account (`timezone`, `weekStart`, …) and return all of them.

        The time zone is also given to the primary calendar, as Calendar's settings page does.

        Raises:
            LookupError: if there is no such account.
            ValueError: if there is no such setting, or it cannot have this value.
        """
        return change_settings(self.world, powers.account_of(self.world, account_email), values)

    def rotate_keys(self, withdraw: bool = False) -> str:
        """Sign with a new key from now on and return its kid; `withdraw` stops publishing the old ones."""
        return self.world.keys.rotate(keep=not withdraw)

    def fault(
        self,
        endpoint: str = "*",
        *,
        account: str | None = None,
        client: str | None = None,
        status: int | None = None,
        error: str | None = None,
        latency: float = 0.0,
        drop: str | None = None,
        garbage: bool = False,
        parameter: str | None = None,
        times: int | None = None,
        seconds: float | None = None,
        every: int = 1,
    ) -> int:
        """Cause trouble and return the rule's id, for `lift`.

        Args:
            endpoint: a name or pattern: `oauth.token.refresh`, `oauth.token*`, `calendar.events.list`.
            status, error: the answer given instead of the action (`error` as Google spells it).
            latency: seconds to wait first.
            drop: cut the connection `before` the action or `after` it was done.
            garbage: answer something that is no JSON, after the action.
            parameter: only requests with this query parameter, such as `syncToken`.
            times, seconds, every: for so many requests, so long, only each nth.

        Raises:
            ValueError: if the rule makes no sense.
        """
        rule = Fault(
            endpoint=endpoint,
            account=account,
            client=client,
            status=status,
            error=error,
            latency=latency,
            drop=drop,
            garbage=garbage,
            parameter=parameter,
            times=times,
            every=every,
        )
        return powers.fault(self.world, rule, seconds)

    def lift(self, fault_id: int | None = None) -> None:
        """Lift one rule, or all."""
        self.world.faults.remove(fault_id)

    def requests(
        self,
        endpoint: str | None = None,
        account: str | None = None,
        refresh_token: str | None = None,
        status: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return what was asked, oldest first; status 0 is a connection that was cut."""
        return self.world.journal.find(endpoint, account, refresh_token, status)

    def add_service_account(self, project: str = "demo") -> dict[str, str]:
        """Return a service account key (Google's JSON) that may manage a project's event stream."""
        return powers.add_service_account(self.world, project)

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
        """Send a signed security event (`sessions-revoked`, `token-revoked`, …) to the project's stream.

        Returns the token, None if the project has no enabled stream that asked for such events.

        Raises:
            LookupError: if there is no such account, or the project has no client.
            ValueError: if the event is unknown or concerns nobody.
        """
        return powers.send_security_event(
            self.world, event, project, email, refresh_token, hashed, reason, state
        )
