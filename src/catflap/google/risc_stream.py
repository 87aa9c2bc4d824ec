"""Client of the RISC management API: registers the endpoint that receives security events.

It authenticates as a service account, whose key is held only while a command runs.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from catflap.clock import Clock
from catflap.errors import OperatorMustAct, TryAgain
from catflap.google import members
from catflap.google.fetch import FetchError, fetch
from catflap.google.risc import EVENTS

RISC_API_URL = "https://risc.googleapis.com/v1beta"
_AUDIENCE = "https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService"
_PUSH = "https://schemas.openid.net/secevent/risc/delivery-method/push"


@dataclass(frozen=True)
class ServiceAccount:
    """A service account with the role `roles/riscconfigs.admin`, from its JSON key file."""

    email: str
    key_id: str
    private_key: str = field(repr=False)

    @classmethod
    def read(cls, file: Path) -> "ServiceAccount":
        """Read the JSON key file of the Google Cloud console.

        Raises:
            OperatorMustAct: `service_account_unreadable`.
        """
        try:
            found = json.loads(file.read_text())
            RSAKey.import_key(found["private_key"])
            return cls(found["client_email"], found["private_key_id"], found["private_key"])
        except (OSError, ValueError, KeyError, TypeError, JoseError):
            raise OperatorMustAct(
                "service_account_unreadable",
                f"{file.name} is not the JSON key of a service account; make one at the Google Cloud console "
                "with the role RISC Configuration Admin.",
            ) from None


class RiscStream:
    """The event stream of one Google Cloud project."""

    def __init__(
        self, http: httpx2.AsyncClient, account: ServiceAccount, clock: Clock, url: str = RISC_API_URL
    ) -> None:
        self._http = http
        self._account = account
        self._clock = clock
        self._url = url

    async def register(self, receiver: str) -> None:
        """Register `receiver`, an https URL, for every kind of event; raises as `status`."""
        body = {
            "delivery": {"delivery_method": _PUSH, "url": receiver},
            "events_requested": sorted(EVENTS),
        }
        await self._call("POST", "/stream:update", body)
        await self._call("POST", "/stream/status:update", {"status": "enabled"})

    async def verify(self, state: str) -> None:
        """Request a verification event with `state`; raises as `status`."""
        await self._call("POST", "/stream:verify", {"state": state})

    async def status(self) -> str:
        """Return the status of the stream: `enabled` or `disabled`.

        Raises:
            OperatorMustAct: `risc_refused`, with Google's message.
            TryAgain: `google_unavailable`.
        """
        return members.code(await self._call("GET", "/stream/status"), "status") or "unknown"

    def _token(self) -> str:
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self._account.email,
            "sub": self._account.email,
            "aud": _AUDIENCE,
            "iat": now,
            "exp": now + 3600,
        }
        key = RSAKey.import_key(self._account.private_key)
        return jwt.encode({"alg": "RS256", "kid": self._account.key_id}, claims, key)

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token()}"}
        try:
            answer = await fetch(self._http, method, self._url + path, json=body, headers=headers)
        except FetchError as error:
            raise TryAgain(
                "google_unavailable", "Google's RISC API does not answer.", detail=error.reason
            ) from None
        found = answer.json_object() if answer.body.strip() else {}
        if answer.status in (408, 429) or not 200 <= answer.status < 500 or found is None:
            raise TryAgain(
                "google_unavailable",
                "Google's RISC API does not answer properly; try again later.",
                detail=f"HTTP {answer.status}",
            )
        if answer.status >= 300:
            problem = found.get("error")
            message = members.shown(problem, "message", 500) if isinstance(problem, dict) else None
            raise OperatorMustAct(
                "risc_refused", f"Google refused ({answer.status}): {message or 'no reason'}"
            )
        return found
