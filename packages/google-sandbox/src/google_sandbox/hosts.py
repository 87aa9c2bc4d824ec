"""Google's hosts that the sandbox stands in for, when a client reaches it under Google's own names.

Clients with fixed addresses come through the CONNECT proxy, so their Host header names Google's host. Answers
to such a request name Google's addresses, all others the sandbox's own.
"""

from __future__ import annotations

HOSTS = (
    "accounts.google.com",
    "calendar-json.googleapis.com",
    "content.googleapis.com",
    "drive.googleapis.com",
    "oauth2.googleapis.com",
    "openidconnect.googleapis.com",
    "people.googleapis.com",
    "risc.googleapis.com",
    "www.google.com",
    "www.googleapis.com",
)
API_OF_HOST = {
    "calendar-json.googleapis.com": "calendar",
    "drive.googleapis.com": "drive",
    "people.googleapis.com": "people",
}


def google_host(host: str | None) -> str | None:
    """Return the Google host that a Host header names, None if it names another."""
    name = (host or "").strip().lower().removesuffix(":443").removesuffix(".")
    return name if name in HOSTS else None
