"""Security event tokens (RFC 8417): creation and delivery.

Source: Cross-Account Protection page. Tokens carry no `exp`; `iss` ends in a slash, as in Google's own
sample, so that receivers compare it with the configuration.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from google_sandbox.delivery import Message
from google_sandbox.risc.streams import EVENTS, Stream
from google_sandbox.state import SandboxState

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


def issuer(state: SandboxState) -> str:
    """Return the issuer of security events."""
    return state.issuer.rstrip("/") + "/"


def event_token(state: SandboxState, client_id: str, event: str, claims: dict[str, Any]) -> str:
    """Return a signed security event token; `event` is a short name or a URI."""
    token = {
        "iss": issuer(state),
        "aud": client_id,
        "iat": int(state.now().timestamp()),
        "jti": state.grants.text(27),
        "events": {EVENTS.get(event, event): claims},
    }
    return state.keys.sign(token, typ="secevent+jwt")


def subject(state: SandboxState, sub: str, email: str | None = None) -> dict[str, str]:
    """Return the subject of an event about an account."""
    kind = {"subject_type": "id_token_claims", "email": email} if email else {"subject_type": "iss-sub"}
    return {**kind, "iss": issuer(state), "sub": sub}


def token_subject(refresh_token: str, hashed: bool) -> dict[str, str]:
    """Return the subject of an event about one refresh token."""
    shown = refresh_token[:16]
    if hashed:
        twice = hashlib.sha512(hashlib.sha512(refresh_token.encode()).digest()).digest()
        shown = base64.b64encode(twice).decode()
    return {
        "subject_type": "oauth_token",
        "token_type": "refresh_token",
        "token_identifier_alg": "hash_base64_sha512_sha512" if hashed else "prefix",
        "token": shown,
    }


def send(state: SandboxState, project: str, event: str, claims: dict[str, Any]) -> str | None:
    """Sign an event and post it to the project's stream.

    Returns the token, None if the project has no enabled stream that asked for such events.

    Raises:
        LookupError: if the project has no client.
    """
    clients = [client for client in state.clients.values() if client.project == project]
    if not clients:
        raise LookupError(f"the project {project} has no client")
    stream = state.streams.by_project.get(project)
    uri = EVENTS.get(event, event)
    if stream is None or not stream.enabled or (uri not in stream.events and event != "verification"):
        return None
    token = event_token(state, clients[0].client_id, event, claims)
    state.delivery.send(f"risc:{project}", lambda: _message(stream, token))
    return token


def _message(stream: Stream, token: str) -> Message:
    headers = {"Content-Type": "application/secevent+jwt", "Accept": "application/json"}
    return Message(stream.url, headers, token.encode(), RETRIED_STATUSES)
