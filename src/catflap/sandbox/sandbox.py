"""The sandbox as tests and programs use it.

It is not reachable as Google: it serves plain HTTP on an address of its own, and every page says what it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from catflap.sandbox import batch, documents, people_api
from catflap.sandbox.admin import openapi, operations
from catflap.sandbox.admin.account_methods import AccountMethods
from catflap.sandbox.admin.calendar_methods import CalendarMethods
from catflap.sandbox.admin.server_methods import ServerMethods
from catflap.sandbox.app import App
from catflap.sandbox.calendar import acl, calendars, colours, lists, push, settings
from catflap.sandbox.calendar import endpoints as events
from catflap.sandbox.drive import endpoints as drive
from catflap.sandbox.drive.uploads import Uploads
from catflap.sandbox.oauth import authorize, device, exchange, gis, identity, tokeninfo, userinfo
from catflap.sandbox.oauth.requests import Tickets
from catflap.sandbox.risc import endpoints as risc
from catflap.sandbox.serving import listen, serving
from catflap.sandbox.state_file import load, save
from catflap.sandbox.threaded import in_thread
from catflap.sandbox.world import World

SAVE_SECONDS = 5


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Sandbox(AccountMethods, CalendarMethods, ServerMethods):
    """A local Google.

    Its methods create accounts, clients and events, and cause what Google cannot be asked for; each of them
    is also an operation of the HTTP admin API.

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
                *operations.endpoints(self),
                openapi.endpoint(type(self)),
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
            ListenError: (an OSError) if the port is taken; nothing else has happened then.
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

    def serve_in_thread(
        self, host: str = "127.0.0.1", port: int = 0, base_url: str | None = None
    ) -> AbstractContextManager[str]:
        """Serve like `serve`, on a thread of its own, for programs that are not asynchronous.

        Raises:
            ListenError: (an OSError) if the port is taken.
        """
        return in_thread(lambda: self.serve(host, port, base_url))

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
