"""What was asked of the sandbox, for tests that count: "how often was this refresh token used?"

Kept in memory, the newest 20,000 requests. Tokens are shown as SHA-256 fingerprints; asking by the token
itself works.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from catflap.sandbox.call import Call

MOST = 20_000
HIDDEN = frozenset({"access_token", "code", "id_token", "oauth_token", "state", "token", "user_code"})


@dataclass(slots=True)
class Entry:
    """One request as it was answered."""

    number: int
    at: datetime
    method: str
    endpoint: str
    path: str
    query: bytes
    status: int
    account: str | None
    note: dict[str, str]

    def shown(self) -> dict[str, Any]:
        """Return the entry as JSON shows it."""
        pairs = parse_qsl(self.query.decode("latin-1"), keep_blank_values=True)
        note = {k: fingerprint(v) if k.endswith("_token") else v for k, v in self.note.items()}
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "method": self.method,
            "endpoint": self.endpoint,
            "path": self.path,
            "query": {name: "…" if name in HIDDEN else value for name, value in pairs},
            "status": self.status,
            "account": self.account,
            **note,
        }


def fingerprint(token: str) -> str:
    """Return the SHA-256 of a token in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class Journal:
    """The log; `number` and the counts by endpoint go on after old entries are dropped."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST)
        self.counts: Counter[str] = Counter()
        self.number = 0

    def write(self, call: Call, status: int, now: datetime) -> None:
        """Note an answered request; status 0 stands for a connection that was cut."""
        self.number += 1
        self.counts[call.endpoint] += 1
        self._entries.append(
            Entry(
                self.number,
                now,
                call.method,
                call.endpoint,
                call.request.scope["path"],
                call.request.scope["query_string"],
                status,
                call.account.email if call.account else None,
                call.note,
            )
        )

    def find(
        self,
        endpoint: str | None = None,
        account: str | None = None,
        refresh_token: str | None = None,
        status: int | None = None,
        since: int = 0,
    ) -> list[dict[str, Any]]:
        """Return the entries that fit, oldest first; `refresh_token` is the token or its fingerprint."""
        return [
            entry.shown()
            for entry in self._entries.copy()
            if entry.number > since
            and (endpoint is None or entry.endpoint == endpoint)
            and (account is None or entry.account == account)
            and (status is None or entry.status == status)
            and (refresh_token is None or _same(entry.note.get("refresh_token"), refresh_token))
        ]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.counts.clear()


def _same(noted: str | None, asked: str) -> bool:
    return noted is not None and asked in (noted, fingerprint(noted))
