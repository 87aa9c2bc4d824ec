"""Authorization requests: validation, and those that wait for a person.

Sources: "OAuth 2.0 for web server apps", authorization parameters and errors; "OAuth 2.0 for mobile and
desktop apps" and RFC 8252, 7.3 for loopback redirect URIs: a desktop client may name any port and path of
`localhost`, `127.0.0.1` and `[::1]`, a web client only what is registered, letter by letter. Every failure
here is shown to the person and never sent to the redirect URI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from google_sandbox.models import Client, SandboxAccount
from google_sandbox.oauth.device_codes import DeviceCode
from google_sandbox.oauth.scopes import as_asked, invalid
from google_sandbox.request import Call
from google_sandbox.state import SandboxState

LOOPBACK = ("http://localhost", "http://127.0.0.1", "http://[::1]")
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
TICKET_LIFETIME = timedelta(hours=1)
MOST_TICKETS = 10_000


class ShownError(Exception):
    """An error shown to the person: Google's code, the HTTP status, and what to do about it."""

    def __init__(self, status: int, code: str, advice: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.advice = advice


@dataclass(slots=True, eq=False)
class AuthorizationRequest:
    """A validated request that waits for a person; `kind` is web, popup or device."""

    client: Client
    kind: str
    redirect_uri: str
    relay: str
    scopes: tuple[str, ...]
    state: str | None
    nonce: str | None
    offline: bool
    include_granted: bool
    prompts: frozenset[str]
    login_hint: str | None
    challenge: str | None
    challenge_method: str
    made_at: datetime
    account: SandboxAccount | None = None
    device: DeviceCode | None = None


def read(call: Call) -> AuthorizationRequest:
    """Return the validated request.

    Raises:
        ShownError: if Google would show an error page.
    """
    given = call.query if call.method == "GET" else call.form
    client = _client(call, given.get("client_id"))
    kind, redirect_uri, relay = _redirect(client, given.get("redirect_uri"))
    if "; wv)" in (call.header("user-agent") or ""):
        raise ShownError(403, "disallowed_useragent", "Embedded web views may not be used to sign in.")
    if given.get("response_type") != "code":
        raise ShownError(
            400, "invalid_request", "Required parameter is missing or wrong: response_type must be code."
        )
    challenge, method = _challenge(given)
    prompts = frozenset(given.get("prompt", "").split())
    if older := given.get("approval_prompt"):  # what `prompt` was called before
        if prompts or older not in ("auto", "force"):
            raise ShownError(400, "invalid_request", "Conflict params: approval_prompt and prompt.")
        prompts = frozenset({"consent"}) if older == "force" else prompts
    if prompts - {"none", "consent", "select_account"} or ("none" in prompts and len(prompts) > 1):
        raise ShownError(400, "invalid_request", "Invalid parameter value for prompt.")
    if given.get("access_type", "online") not in ("online", "offline"):
        raise ShownError(400, "invalid_request", "Invalid parameter value for access_type.")
    installed = client.client_type == "desktop"
    return AuthorizationRequest(
        client=client,
        kind=kind,
        redirect_uri=redirect_uri,
        relay=relay,
        scopes=_scopes(given.get("scope", "")),
        state=given.get("state"),
        nonce=given.get("nonce"),
        offline=given.get("access_type") == "offline" or installed,
        include_granted=given.get("include_granted_scopes") == "true" and not installed,
        prompts=prompts,
        login_hint=given.get("login_hint"),
        challenge=challenge,
        challenge_method=method,
        made_at=call.state.now(),
    )


def of_device(call: Call, device: DeviceCode) -> AuthorizationRequest:
    """Return the request of a device whose code a person has typed.

    Raises:
        ShownError: if its client is gone.
    """
    return AuthorizationRequest(
        client=_client(call, device.client_id),
        kind="device",
        redirect_uri="",
        relay="",
        scopes=device.scopes,
        state=None,
        nonce=None,
        offline=True,
        include_granted=False,
        prompts=frozenset({"consent"}),
        login_hint=None,
        challenge=None,
        challenge_method="plain",
        made_at=call.state.now(),
        device=device,
    )


def _client(call: Call, client_id: str | None) -> Client:
    if not client_id:
        raise ShownError(400, "invalid_request", "Missing required parameter: client_id")
    client = call.state.clients.get(client_id)
    if client is None:
        raise ShownError(401, "invalid_client", "The OAuth client was not found.")
    if client.deleted:
        raise ShownError(401, "deleted_client", "The OAuth client was deleted.")
    return client


def _redirect(client: Client, uri: str | None) -> tuple[str, str, str]:
    if not uri:
        raise ShownError(400, "invalid_request", "Missing required parameter: redirect_uri")
    if uri.startswith("storagerelay://"):
        return _popup(client, uri)
    if uri in client.redirect_uris or (_is_desktop(client) and _is_loopback(uri)):
        return "web", uri, ""
    raise ShownError(
        400, "redirect_uri_mismatch", f"Register this address for the client, letter by letter: {uri[:300]}"
    )


def _is_desktop(client: Client) -> bool:
    if client.client_type is not None:
        return client.client_type == "desktop"
    return any(bare in client.redirect_uris for bare in LOOPBACK)


def _is_loopback(uri: str) -> bool:
    if "#" in uri or "\\" in uri or not uri.isascii() or not uri.isprintable() or " " in uri:
        return False
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS and "@" not in parts.netloc


def _popup(client: Client, uri: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(uri)
        origin = f"{parts.netloc}://{parts.path.strip('/')}"
    except ValueError:
        origin = "?"
    if origin not in client.origins:
        raise ShownError(
            400, "origin_mismatch", f"Register this JavaScript origin for the client: {origin[:300]}"
        )
    return "popup", origin, parse_qs(parts.query).get("id", [""])[0]


def _challenge(given: Mapping[str, str]) -> tuple[str | None, str]:
    challenge = given.get("code_challenge")
    method = given.get("code_challenge_method", "plain")
    if method not in ("plain", "S256"):
        raise ShownError(400, "invalid_request", "Invalid parameter value for code_challenge_method.")
    if challenge is not None and not (43 <= len(challenge) <= 128 and challenge.isascii()):
        raise ShownError(400, "invalid_request", "Invalid parameter value for code_challenge.")
    return challenge, method


def _scopes(text: str) -> tuple[str, ...]:
    names = list(dict.fromkeys(text.split()))
    if not names:
        raise ShownError(400, "invalid_request", "Missing required parameter: scope")
    if bad := invalid(names):
        shown = ", ".join(bad)[:300]
        raise ShownError(400, "invalid_scope", f"Some requested scopes cannot be shown: [{shown}]")
    return as_asked(names)


class Tickets:
    """Requests that wait for a person, by the ticket in their form."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._waiting: dict[str, AuthorizationRequest] = {}

    def issue(self, request: AuthorizationRequest) -> str:
        """Return a new ticket; the oldest are dropped."""
        while len(self._waiting) >= MOST_TICKETS:
            del self._waiting[next(iter(self._waiting))]
        ticket = self._state.grants.text(32)
        self._waiting[ticket] = request
        return ticket

    def find(self, ticket: str | None, spend: bool = False) -> AuthorizationRequest:
        """Return the request of a ticket; `spend` makes the ticket useless.

        Raises:
            ShownError: if the ticket is not waiting.
        """
        request = self._waiting.get(ticket or "")
        if request is None or self._state.now() - request.made_at > TICKET_LIFETIME:
            raise ShownError(
                400, "invalid_request", "This page was used already or is too old. Please start again."
            )
        if spend:
            del self._waiting[ticket or ""]
        return request
