"""Security event streams by project, and the service accounts that manage them.

Source: Cross-Account Protection page.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PUSH = "https://schemas.openid.net/secevent/risc/delivery-method/push"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
OAUTH = "https://schemas.openid.net/secevent/oauth/event-type/"
EVENTS = {
    "sessions-revoked": RISC + "sessions-revoked",
    "tokens-revoked": OAUTH + "tokens-revoked",
    "token-revoked": OAUTH + "token-revoked",
    "account-disabled": RISC + "account-disabled",
    "account-enabled": RISC + "account-enabled",
    "account-credential-change-required": RISC + "account-credential-change-required",
    "verification": RISC + "verification",
}


@dataclass(slots=True, eq=False)
class Stream:
    """A project's event stream."""

    url: str
    events: list[str]
    enabled: bool = True


@dataclass(slots=True, eq=False)
class ServiceAccount:
    """A service account that may manage its project's stream; `public_key` is PEM."""

    email: str
    project: str
    public_key: str


@dataclass(slots=True)
class Streams:
    """Every stream, by project, and every service account, by email."""

    by_project: dict[str, Stream] = field(default_factory=dict)
    managers: dict[str, ServiceAccount] = field(default_factory=dict)
