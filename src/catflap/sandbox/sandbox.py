"""The sandbox as tests and programs hold it: make people, clients and calendars, and serve.

Everything here can also be done over HTTP under `/sandbox/`. It refuses to be reachable as Google: it
serves plain HTTP on an address of its own, and every page says what it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from catflap.sandbox.app import App
from catflap.sandbox.calendar import endpoints as events
from catflap.sandbox.calendar import importing, lists, writing
from catflap.sandbox.calendar.diary import Diary
from catflap.sandbox.calendar.listing import single_events
from catflap.sandbox.call import Refusal
from catflap.sandbox.oauth import authorize, exchange, gis, identity
from catflap.sandbox.oauth.requests import Tickets
from catflap.sandbox.people import Client, Project, SandboxAccount
from catflap.sandbox.serving import listen, serving
from catflap.sandbox.world import World


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """A local Google.

    Args:
        clock: tells the time, as an aware datetime.
        seed: makes codes, tokens and identifiers repeat from run to run.
        issuer: the `iss` of ID tokens; the sandbox's own address if not given.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = _wall_clock,
        seed: int = 0,
        issuer: str | None = None,
        state_file: str | None = None,
    ) -> None:
        self.world = World(clock, seed, issuer)
        self.app = App(
            self.world,
            (
                *exchange.ENDPOINTS,
                *events.ENDPOINTS,
                *lists.ENDPOINTS,
                *identity.ENDPOINTS,
                *authorize.endpoints(Tickets(self.world)),
                *gis.ENDPOINTS,
            ),
        )

    @property
    def base_url(self) -> str:
        """The address everything is under, without a slash at the end; known once it is served."""
        return self.world.base_url

    @property
    def on_authorize(self) -> Callable[[str], None] | None:
        """Called with the address of the account each time a code is issued."""
        return self.world.on_authorize

    @on_authorize.setter
    def on_authorize(self, callback: Callable[[str], None] | None) -> None:
        self.world.on_authorize = callback

    @contextlib.asynccontextmanager
    async def serve(
        self, host: str = "127.0.0.1", port: int = 0, base_url: str | None = None
    ) -> AsyncIterator[str]:
        """Serve on a real socket inside this event loop; gives the base URL.

        Args:
            base_url: the address clients see, if it is not the one listened on.

        Raises:
            OSError: if the port is taken; nothing else has happened then.
        """
        sock = listen(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.world.base_url = (base_url or f"http://{shown}:{sock.getsockname()[1]}").rstrip("/")
        async with serving(self.app, sock):
            yield self.world.base_url

    def add_client(
        self,
        client_id: str,
        client_secret: str,
        redirect_uris: Iterable[str] = (),
        origins: Iterable[str] = (),
        project: str = "demo",
        testing: bool = False,
        testers: Iterable[str] = (),
    ) -> None:
        """Register an OAuth client.

        Args:
            redirect_uris: compared letter by letter; a bare `http://localhost` allows any port and path
            there, as for desktop clients. testing: puts the project into Testing mode: refresh tokens last
            seven days. testers: who may consent while it is in Testing; nobody is kept out if none are
            named.
        """
        known = self.world.projects.setdefault(project, Project(project))
        known.testing = testing
        known.testers = [email.lower() for email in testers]
        self.world.clients[client_id] = Client(
            client_id, client_secret, project, list(redirect_uris), [origin.rstrip("/") for origin in origins]
        )

    def delete_client(self, client_id: str) -> None:
        """Delete a client as Google deletes unused ones: `deleted_client` from now on.

        Raises:
            LookupError: if there is none.
        """
        client = self.world.clients.get(client_id)
        if client is None:
            raise LookupError(f"there is no client {client_id}")
        client.deleted = True

    def account(self, email: str) -> SandboxAccount:
        """Return an account.

        Raises:
            LookupError: if there is none.
        """
        return self._account(email)

    def add_account(
        self, email: str, name: str | None = None, sub: str | None = None, locale: str = "en"
    ) -> SandboxAccount:
        """Return the account with this address, made if there is none.

        Raises:
            ValueError: if this is no address, or another account has this `sub`.
        """
        return self.world.add_account(email, name, sub, locale)

    def import_ical(self, account_email: str, text: str, calendar_id: str = "primary") -> int:
        """Put the events of an iCalendar text into a calendar (made if missing); returns how many.

        Raises:
            ValueError: with a sentence, if the text is not iCalendar.
            LookupError: if there is no such account.
        """
        account = self._account(account_email)
        diary = self._diary(account, calendar_id, make=True)
        return importing.import_ical(diary, account, text, self.world.now())

    def insert_event(
        self, account_email: str, event: dict[str, Any], calendar_id: str = "primary"
    ) -> dict[str, Any]:
        """Put an event (a Calendar v3 resource) into a calendar and return it as stored.

        Raises:
            ValueError: if Calendar would refuse the event.
            LookupError: if there is no such account or calendar.
        """
        account = self._account(account_email)
        diary = self._diary(account, calendar_id)
        try:
            return writing.insert(diary, account, event, self.world.now())
        except Refusal as refusal:
            raise ValueError(refusal.body["message"]) from refusal

    def events(
        self,
        account_email: str,
        calendar_id: str = "primary",
        time_min: datetime | None = None,
        time_max: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Return the single events of a calendar that touch a time range, series expanded, by start.

        Raises:
            LookupError: if there is no such account or calendar.
        """
        diary = self._diary(self._account(account_email), calendar_id)
        return single_events(diary, time_min, time_max, self.world.now())

    def _account(self, email: str) -> SandboxAccount:
        account = self.world.account(email)
        if account is None:
            raise LookupError(f"there is no account {email}")
        return account

    def _diary(self, account: SandboxAccount, calendar_id: str, make: bool = False) -> Diary:
        found = self.world.diaries.find(account, calendar_id)
        if found:
            return found[0]
        if not make:
            raise LookupError(f"{account.email} has no calendar {calendar_id}")
        return self.world.diaries.create(account, calendar_id, calendar_id, "UTC")
