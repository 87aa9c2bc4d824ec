"""Log of the requests to the sandbox, for tests that count uses of an endpoint or of a token.

Kept in memory, the newest 20,000 requests. Tokens are shown as SHA-256 fingerprints; asking by the token
itself works.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google_sandbox.request_facts import RequestFacts

MOST = 20_000
HIDDEN = frozenset({"access_token", "code", "id_token", "oauth_token", "state", "token", "user_code"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it was answered."""

    number: int
    at: datetime
    status: int
    request: RequestFacts

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the admin API shows it: no tokens, only their fingerprints."""
        request = self.request
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "method": request.method,
            "endpoint": request.endpoint,
            "path": request.path,
            "query": {name: "…" if name in HIDDEN else value for name, value in request.query.multi_items()},
            "status": self.status,
            "account": request.email,
            **{k: fingerprint(v) if k.endswith("_token") else v for k, v in request.credentials.items()},
        }


def fingerprint(token: str) -> str:
    """Return the SHA-256 of a token in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class RequestLog:
    """The log; `number` and the counts by endpoint go on after old entries are dropped."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST)
        self.counts: Counter[str] = Counter()
        self.number = 0

    def write(self, request: RequestFacts, status: int, now: datetime) -> None:
        """Add an answered request; status 0 stands for a connection that was cut."""
        self.number += 1
        self.counts[request.endpoint] += 1
        self._entries.append(Entry(self.number, now, status, request))

    def find(
        self,
        endpoint: str | None = None,
        account: str | None = None,
        refresh_token: str | None = None,
        status: int | None = None,
        since: int = 0,
    ) -> list[dict[str, Any]]:
        """Return the matching entries, oldest first; `refresh_token` is the token or its fingerprint."""
        return [
            entry.as_json()
            for entry in self._entries.copy()
            if entry.number > since
            and (endpoint is None or entry.request.endpoint == endpoint)
            and (account is None or entry.request.email == account)
            and (status is None or entry.status == status)
            and (refresh_token is None or _used(entry.request, refresh_token))
        ]

    def clear(self) -> None:
        """Delete all entries and counts."""
        self._entries.clear()
        self.counts.clear()


def _used(request: RequestFacts, refresh_token: str) -> bool:
    sent = request.credentials.get("refresh_token")
    return sent is not None and refresh_token in (sent, fingerprint(sent))
