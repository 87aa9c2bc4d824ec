"""Device codes and the user codes that people type: pending and decided device authorizations.

Source: "OAuth 2.0 for TV and limited-input device applications". It is independent of HTTP.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

# The second one is older; it sends the device code as `code`.
GRANT_TYPES = ("urn:ietf:params:oauth:grant-type:device_code", "http://oauth.net/grant_type/device/1.0")
LIFETIME = timedelta(seconds=1800)
INTERVAL = timedelta(seconds=5)
# A client that polls every five seconds may arrive a little early.
TOLERANCE = timedelta(seconds=1)
MOST = 10_000
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


@dataclass(slots=True, eq=False)
class DeviceCode:
    """A device that waits; `state` is pending, allowed, denied or used."""

    value: str
    user_code: str
    client_id: str
    scopes: tuple[str, ...]
    expires_at: datetime
    polled_at: datetime | None = None
    state: str = "pending"
    sub: str = ""
    allowed: frozenset[str] = frozenset()

    def allow(self, sub: str, scopes: frozenset[str]) -> None:
        """Approve the device for this account."""
        self.state, self.sub, self.allowed = "allowed", sub, scopes

    def is_too_early(self, now: datetime) -> bool:
        """Return whether this poll comes too soon after the one before, and record it."""
        before, self.polled_at = self.polled_at, now
        return before is not None and now - before < INTERVAL - TOLERANCE


class DeviceCodes:
    """Every device code of the sandbox; the oldest are dropped."""

    def __init__(self, now: Callable[[], datetime], rng: random.Random) -> None:
        self._now = now
        self._rng = rng
        self._by_value: dict[str, DeviceCode] = {}
        self._by_user_code: dict[str, DeviceCode] = {}

    def issue(self, value: str, client_id: str, scopes: tuple[str, ...]) -> DeviceCode:
        """Register a new device code."""
        while len(self._by_value) >= MOST:
            oldest = self._by_value.pop(next(iter(self._by_value)))
            self._by_user_code.pop(oldest.user_code, None)
        letters = "".join(self._rng.choices(LETTERS, k=8))
        user_code = f"{letters[:4]}-{letters[4:]}"
        code = DeviceCode(value, user_code, client_id, scopes, self._now() + LIFETIME)
        self._by_value[value] = self._by_user_code[user_code] = code
        return code

    def find(self, value: str | None) -> DeviceCode | None:
        """Return a device code, also an expired or used one."""
        return self._by_value.get(value or "")

    def typed(self, text: str | None) -> DeviceCode | None:
        """Return the device code that waits for a person, by what they typed: case and dash do not matter."""
        letters = "".join(c for c in (text or "").upper() if c.isalnum())
        code = self._by_user_code.get(f"{letters[:4]}-{letters[4:]}")
        return code if code and self.is_waiting(code) else None

    def is_waiting(self, code: DeviceCode) -> bool:
        """Return whether a person may still decide."""
        return code.state == "pending" and code.expires_at > self._now()
