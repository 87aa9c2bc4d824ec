"""Base of the admin methods: the state, and lookup of accounts, clients and calendars."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from google_sandbox.admin.operations import admin_route
from google_sandbox.calendar.calendar_store import SandboxCalendar
from google_sandbox.errors import ApiError
from google_sandbox.models import Client, SandboxAccount
from google_sandbox.state import SandboxState

Strings = str | Iterable[str]


def strings(value: Strings) -> list[str]:
    """Return a collection of strings as a list; one string is split at spaces."""
    return value.split() if isinstance(value, str) else list(value)


class AdminMethods:
    """Base of the classes that `Sandbox` is composed of."""

    state: SandboxState

    @admin_route("GET", "accounts/{email}")
    def account(self, email: str) -> SandboxAccount:
        """Return an account.

        Args:
            email: its address, or its `sub`.

        Raises:
            LookupError: if there is none.
        """
        account = self.state.account(email)
        if account is None:
            raise LookupError(f"there is no account {email}")
        return account

    def _client(self, client_id: str) -> Client:
        client = self.state.clients.get(client_id)
        if client is None:
            raise LookupError(f"there is no client {client_id[:200]}")
        return client

    def _calendar(self, email: str, calendar_id: str) -> SandboxCalendar:
        found = self.state.calendar_store.find(self.account(email), calendar_id)
        if found is None:
            raise LookupError(f"{email} has no calendar {calendar_id}")
        return found[0]


@contextlib.contextmanager
def api_errors_as_value_errors() -> Iterator[None]:
    """Raise a ValueError with the message of an ApiError in place of it."""
    try:
        yield
    except ApiError as error:
        raise ValueError(error.body["message"]) from error
