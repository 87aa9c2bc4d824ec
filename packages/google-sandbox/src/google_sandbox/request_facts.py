"""The facts about a request that fault rules and the request log use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from google_sandbox.models import SandboxAccount


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """One request.

    Args:
        endpoint: the name of the endpoint, such as `calendar.events.list`; empty if there is none.
        account: whom the request's token or code belongs to, if that is known.
        credentials: the client id as `client` and the refresh token as `refresh_token`, if they were sent.
    """

    method: str
    endpoint: str
    path: str
    query: QueryParams
    account: SandboxAccount | None
    credentials: Mapping[str, str]

    @property
    def email(self) -> str | None:
        """The address of the account, if that is known."""
        return self.account.email if self.account else None
