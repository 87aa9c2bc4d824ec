"""Access control rules of calendars, and the role that an account gets from them.

Source: calendar.v3 discovery document, AclRule; guide "Calendar sharing". The data owner is an owner by
nature; everybody else has the highest role of the rules that name them, their domain, or anybody. Groups
have no members here.
"""

from __future__ import annotations

from dataclasses import dataclass

from google_sandbox.models import SandboxAccount

ROLES = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
SCOPES = ("default", "user", "group", "domain")


@dataclass(slots=True, eq=False)
class Rule:
    """One access control rule; a deleted one has the role `none`."""

    scope: str
    value: str
    role: str
    etag: int = 0
    changed: int = 0

    @property
    def id(self) -> str:
        """The id that the API gives this rule."""
        return rule_id(self.scope, self.value)

    def concerns(self, account: SandboxAccount) -> bool:
        """Return whether an account is in the scope of this rule."""
        if self.scope == "user":
            return account.email == self.value.lower()
        if self.scope == "domain":
            return account.email.partition("@")[2] == self.value.lower()
        return self.scope == "default"


def rule_id(scope: str, value: str) -> str:
    """Return the id of the rule about a scope."""
    return scope if scope == "default" else f"{scope}:{value}"


def rank(role: str) -> int:
    """Return the rank of a role, from `none` upwards."""
    return ROLES.index(role)
