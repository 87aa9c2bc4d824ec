"""In-memory state of the sandbox, with one clock and one seeded random generator.

Handlers read and change it; nothing in here depends on HTTP. With the same seed, clock and requests, two
sandboxes have the same codes, tokens and identifiers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from google_sandbox.calendar.calendar_store import CalendarStore
from google_sandbox.calendar.channels import Channels
from google_sandbox.delivery import DeliveryQueue
from google_sandbox.drive.files import Files
from google_sandbox.faults import Faults
from google_sandbox.models import Client, Project, SandboxAccount, stable_sub
from google_sandbox.oauth.device_codes import DeviceCodes
from google_sandbox.oauth.grants import Grants
from google_sandbox.oauth.signing_keys import SigningKeys
from google_sandbox.request_log import RequestLog
from google_sandbox.risc.streams import Streams


class SandboxState:
    """The state behind every endpoint."""

    def __init__(self, clock: Callable[[], datetime], seed: int, issuer: str | None) -> None:
        self._clock = clock
        self.offset = timedelta(0)
        self.seed = seed
        self.rng = random.Random(seed)  # noqa: S311 - tokens of a sandbox must repeat under a seed
        self.fixed_issuer = issuer
        self.base_url = "http://sandbox.invalid"
        self.accounts: dict[str, SandboxAccount] = {}
        self.by_email: dict[str, SandboxAccount] = {}
        self.clients: dict[str, Client] = {}
        self.projects: dict[str, Project] = {}
        self.keys = SigningKeys()
        self.grants = Grants(self.now, self.rng)
        self.device_codes = DeviceCodes(self.now, self.rng)
        self.calendar_store = CalendarStore(self.now)
        self.delivery = DeliveryQueue()
        self.channels = Channels(self.now, self.delivery)
        self.drive = Files(self.now)
        self.streams = Streams()
        self.calendar_store.on_change = lambda calendar: self.channels.changed(f"events:{calendar.id}")
        self.calendar_store.on_list_change = lambda sub: self.channels.changed(f"list:{sub}")
        self.faults = Faults()
        self.request_log = RequestLog()
        self.on_authorize: Callable[[str], None] | None = None

    @property
    def issuer(self) -> str:
        """The `iss` of security events; `Call.issuer` is that of responses."""
        return self.fixed_issuer or self.base_url

    def now(self) -> datetime:
        """Return the sandbox's time: that of its clock, moved by the offset."""
        return self._clock() + self.offset

    def add_account(
        self, email: str, name: str | None = None, sub: str | None = None, locale: str = "en"
    ) -> SandboxAccount:
        """Return the account of this address, created if there is none.

        Raises:
            ValueError: if the address has no @, or another account has this `sub`.
        """
        email = email.strip().lower()
        if email in self.by_email:
            return self.by_email[email]
        local, at, domain = email.partition("@")
        if not local or not at or not domain or len(email) > 254 or any(c.isspace() for c in email):
            raise ValueError(f"{email[:80]!r} is not an email address")
        sub = sub or stable_sub(self.seed, email)
        if sub in self.accounts:
            raise ValueError(f"another account has the sub {sub}")
        hosted = (
            None if domain in ("gmail.com", "googlemail.com") or domain.startswith("example.") else domain
        )
        account = SandboxAccount(sub, email, name or local.replace(".", " ").title(), locale, hosted)
        self.accounts[sub] = account
        self.by_email[email] = account
        return account

    def account(self, hint: str | None) -> SandboxAccount | None:
        """Return the account with this email or `sub`."""
        if not hint:
            return None
        return self.by_email.get(hint.strip().lower()) or self.accounts.get(hint)

    def project_of(self, client: Client) -> Project:
        """Return the project a client belongs to."""
        return self.projects[client.project]
