"""Accounts, projects and OAuth clients.

Plain records without behaviour, so that every endpoint reads the same facts. Workspace administration is
left out: a hosted domain is a string on an account.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

ClientType = Literal["web", "desktop", "tv"]


@dataclass(slots=True, eq=False)
class SandboxAccount:
    """A Google account: `sub` is the stable key, `email` what people type.

    `settings` holds the Calendar settings this person has changed.
    """

    sub: str
    email: str
    name: str
    locale: str = "en"
    hd: str | None = None
    deleted: bool = False
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def magic(self) -> str:
        """The local part up to a plus sign, which is what magic accounts are known by."""
        return self.email.partition("@")[0].partition("+")[0]

    @property
    def given_name(self) -> str:
        """The first word of the name."""
        return self.name.partition(" ")[0]

    @property
    def family_name(self) -> str:
        """The name without its first word."""
        return self.name.partition(" ")[2]


@dataclass(slots=True, eq=False)
class Client:
    """An OAuth client; `origins` are its authorised JavaScript origins.

    `client_type` is what Google's console calls the application type: `web`, `desktop` or `tv` ("TVs and
    limited input devices"). Left open (None), the client may do what any of them may.
    """

    client_id: str
    client_secret: str
    project: str
    redirect_uris: list[str] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    deleted: bool = False
    client_type: ClientType | None = None


@dataclass(slots=True, eq=False)
class Project:
    """A Cloud project: consent is given to it, whichever of its clients asked."""

    name: str
    testing: bool = False
    testers: list[str] = field(default_factory=list)


def stable_sub(seed: int, email: str) -> str:
    """Return the 21-digit `sub` this seed always gives this address."""
    digest = hashlib.sha256(f"{seed}:{email}".encode()).digest()
    return f"1{int.from_bytes(digest[:9], 'big') % 10**20:020d}"
