"""The sandbox as tests and programs hold it: make people, clients and calendars, and serve.

Everything here can also be done over HTTP under `/sandbox/`. It refuses to be reachable as Google: it
serves plain HTTP on an address of its own, and every page says what it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catflap.sandbox import batch, documents, people_api, powers
from catflap.sandbox.app import App
from catflap.sandbox.calendar import acl, calendars, colours, importing, lists, push, settings, writing
from catflap.sandbox.calendar import endpoints as events
from catflap.sandbox.calendar.diary import Diary, Entry
from catflap.sandbox.calendar.listing import single_events
from catflap.sandbox.calendar.sharing import ROLES
from catflap.sandbox.control import endpoints as control
from catflap.sandbox.drive import endpoints as drive
from catflap.sandbox.drive.uploads import Uploads
from catflap.sandbox.errors import ApiError
from catflap.sandbox.oauth import authorize, device, exchange, gis, identity, tokeninfo, userinfo
from catflap.sandbox.oauth.requests import Tickets
from catflap.sandbox.people import SandboxAccount
from catflap.sandbox.risc import endpoints as risc
from catflap.sandbox.sandbox_powers import Powers
from catflap.sandbox.serving import listen, serving
from catflap.sandbox.state_file import load, save
from catflap.sandbox.world import World

SAVE_SECONDS = 5


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Sandbox(Powers):
    """A local Google.

    Args:
        clock: tells the time, as an aware datetime.
        seed: makes codes, tokens and identifiers repeat from run to run.
        issuer: the `iss` of ID tokens; the sandbox's own address if not given.
        state_file: where to keep everything between runs; in memory alone if not given.

    Raises:
        ValueError: if the state file is not one of this sandbox.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = _wall_clock,
        seed: int = 0,
        issuer: str | None = None,
        state_file: str | Path | None = None,
    ) -> None:
        self.world = World(clock, seed, issuer)
        self._state_file = Path(state_file) if state_file else None
        if self._state_file:
            load(self.world, self._state_file)
        self.app = App(
            self.world,
            (
                *exchange.ENDPOINTS,
                *events.ENDPOINTS,
                *lists.ENDPOINTS,
                *calendars.ENDPOINTS,
                *push.ENDPOINTS,
                *acl.ENDPOINTS,
                *colours.ENDPOINTS,
                *settings.ENDPOINTS,
                *identity.ENDPOINTS,
                *tokeninfo.ENDPOINTS,
                *userinfo.ENDPOINTS,
                *authorize.endpoints(Tickets(self.world)),
                *device.ENDPOINTS,
                *gis.ENDPOINTS,
                *drive.endpoints(Uploads()),
                *risc.ENDPOINTS,
                *control.ENDPOINTS,
                *people_api.ENDPOINTS,
                *documents.ENDPOINTS,
                *batch.endpoints(lambda call: self.app.answer(call)),
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
        self.app.open()
        try:
            async with serving(self.app, sock, self.app.leave), self.world.courier.delivering():
                saving = asyncio.create_task(self._keep_saving(), name="sandbox-state")
                try:
                    yield self.world.base_url
                finally:
                    saving.cancel()
                    await asyncio.wait([saving])
        finally:
            self.save()

    def save(self) -> None:
        """Write the state file, if there is one."""
        if self._state_file:
            save(self.world, self._state_file)

    async def _keep_saving(self) -> None:
        saved = self.world.journal.number
        while self._state_file:
            await asyncio.sleep(SAVE_SECONDS)
            if saved != self.world.journal.number:
                saved = self.world.journal.number
                self.save()

    def add_client(
        self,
        client_id: str,
        client_secret: str,
        redirect_uris: Iterable[str] = (),
        origins: Iterable[str] = (),
        project: str = "demo",
        testing: bool = False,
        testers: Iterable[str] = (),
        client_type: str | None = None,
    ) -> None:
        """Register an OAuth client.

        Args:
            redirect_uris: compared letter by letter. Desktop clients may use any port and path of
                `localhost`, `127.0.0.1` and `[::1]`.
            testing: puts the project into Testing mode: refresh tokens last seven days.
            testers: who may consent while it is in Testing; nobody is kept out if none are named.
            client_type: `web`, `desktop` or `tv`, to be as strict as Google is with this type. If left
                open, a bare `http://localhost` among the redirect URIs makes it a desktop client too, and it
                may use the device flow.

        Raises:
            ValueError: if there is no such client type.
        """
        powers.add_client(
            self.world,
            client_id,
            client_secret,
            redirect_uris,
            origins,
            project,
            testing,
            testers,
            client_type,
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
        return powers.account_of(self.world, email)

    def add_account(
        self, email: str, name: str | None = None, sub: str | None = None, locale: str = "en"
    ) -> SandboxAccount:
        """Return the account with this address, made if there is none.

        Raises:
            ValueError: if this is no address, or another account has this `sub`.
        """
        return self.world.add_account(email, name, sub, locale)

    def import_ical(
        self, account_email: str, data: str | bytes, calendar_id: str = "primary"
    ) -> importing.ImportReport:
        """Put the events of an iCalendar file into a calendar (made if missing).

        Returns how many were `imported`, and as (uid, reason) what was `skipped` because it cannot be read
        and what was `assumed`. Bytes are better than text: writers fold lines in the middle of characters.

        Raises:
            ValueError: with a sentence, if this is no iCalendar file, or larger than 64 MiB.
            LookupError: if there is no such account.
        """
        account = powers.account_of(self.world, account_email)
        diary = self._diary(account, calendar_id, make=True)
        return importing.import_ical(diary, account, data, self.world.now())

    def insert_event(
        self, account_email: str, event: dict[str, Any], calendar_id: str = "primary"
    ) -> dict[str, Any]:
        """Put an event (a Calendar v3 resource) into a calendar and return it as stored.

        Raises:
            ValueError: if Calendar would refuse the event.
            LookupError: if there is no such account or calendar.
        """
        account = powers.account_of(self.world, account_email)
        diary = self._diary(account, calendar_id)
        try:
            return writing.insert(diary, account, event, self.world.now())
        except ApiError as refusal:
            raise ValueError(refusal.body["message"]) from refusal

    def share_calendar(
        self, owner: str, reader: str, calendar_id: str = "primary", role: str = "reader"
    ) -> None:
        """Put somebody's calendar on another account's list, with one of Calendar's access roles.

        Raises:
            LookupError: if there is no such account or calendar.
            ValueError: if there is no such role.
        """
        if role not in ROLES[1:]:
            raise ValueError(f"role must be one of {', '.join(ROLES[1:])}")
        other = powers.account_of(self.world, reader)
        diary = self._diary(powers.account_of(self.world, owner), calendar_id)
        self.world.diaries.share(diary, "user", other.email, role, self.world.accounts.values())
        entry = Entry(diary.id, role)
        self.world.diaries.list_of(other)[diary.id] = entry
        self.world.diaries.touch(other.sub, entry)

    def change_event(
        self, account_email: str, event_id: str, change: dict[str, Any], calendar_id: str = "primary"
    ) -> dict[str, Any]:
        """Patch an event, as its owner would, and return it as stored.

        Raises:
            ValueError: if Calendar would refuse the change, also because there is no such event.
            LookupError: if there is no such account or calendar.
        """
        account = powers.account_of(self.world, account_email)
        diary = self._diary(account, calendar_id)
        try:
            return writing.change(diary, account, event_id, change, self.world.now(), whole=False)
        except ApiError as refusal:
            raise ValueError(refusal.body["message"]) from refusal

    def delete_event(self, account_email: str, event_id: str, calendar_id: str = "primary") -> None:
        """Delete an event, a series or one instance, as its owner would.

        Raises:
            ValueError: if there is no such event.
            LookupError: if there is no such account or calendar.
        """
        diary = self._diary(powers.account_of(self.world, account_email), calendar_id)
        try:
            writing.cancel(diary, event_id, self.world.now())
        except ApiError as refusal:
            raise ValueError(refusal.body["message"]) from refusal

    def set_time_zone(self, account_email: str, time_zone: str, calendar_id: str = "primary") -> None:
        """Let a calendar live in another time zone, an IANA name.

        Raises:
            LookupError: if there is no such account or calendar.
            ValueError: if there is no such time zone.
        """
        diary = self._diary(powers.account_of(self.world, account_email), calendar_id)
        self.world.diaries.move_to_zone(diary, time_zone)

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
        diary = self._diary(powers.account_of(self.world, account_email), calendar_id)
        return single_events(diary, time_min, time_max, self.world.now())

    def _diary(self, account: SandboxAccount, calendar_id: str, make: bool = False) -> Diary:
        found = self.world.diaries.find(account, calendar_id)
        if found:
            return found[0]
        if not make:
            raise LookupError(f"{account.email} has no calendar {calendar_id}")
        return self.world.diaries.create(account, calendar_id, calendar_id, "UTC")
