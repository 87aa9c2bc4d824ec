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

from google_sandbox import batch, discovery, people_api
from google_sandbox.admin import openapi, operations
from google_sandbox.admin.account_methods import AccountMethods
from google_sandbox.admin.calendar_methods import CalendarMethods
from google_sandbox.admin.server_methods import ServerMethods
from google_sandbox.app import App
from google_sandbox.calendar import (
    acl_routes,
    calendar_list_routes,
    calendar_routes,
    colours,
    settings_routes,
    watch_routes,
)
from google_sandbox.calendar import event_routes as events
from google_sandbox.drive import file_routes as drive
from google_sandbox.drive.uploads import Uploads
from google_sandbox.http_server import listen, serving
from google_sandbox.oauth import (
    authorize_routes,
    device_routes,
    discovery_routes,
    gis,
    token_routes,
    tokeninfo,
    userinfo,
)
from google_sandbox.oauth.authorization_requests import Tickets
from google_sandbox.risc import stream_routes as risc
from google_sandbox.state import SandboxState
from google_sandbox.state_file import load, save
from google_sandbox.threaded import in_thread

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
        self.state = SandboxState(clock, seed, issuer)
        self._state_file = Path(state_file) if state_file else None
        if self._state_file:
            load(self.state, self._state_file)
        self.app = App(
            self.state,
            (
                *token_routes.ENDPOINTS,
                *events.ENDPOINTS,
                *calendar_list_routes.ENDPOINTS,
                *calendar_routes.ENDPOINTS,
                *watch_routes.ENDPOINTS,
                *acl_routes.ENDPOINTS,
                *colours.ENDPOINTS,
                *settings_routes.ENDPOINTS,
                *discovery_routes.ENDPOINTS,
                *tokeninfo.ENDPOINTS,
                *userinfo.ENDPOINTS,
                *authorize_routes.endpoints(Tickets(self.state)),
                *device_routes.ENDPOINTS,
                *gis.ENDPOINTS,
                *drive.endpoints(Uploads()),
                *risc.ENDPOINTS,
                *operations.endpoints(self),
                openapi.endpoint(type(self)),
                *people_api.ENDPOINTS,
                *discovery.ENDPOINTS,
                *batch.endpoints(lambda call: self.app.answer(call)),
            ),
        )

    @property
    def base_url(self) -> str:
        """The address everything is under, without a slash at the end; known once it is served."""
        return self.state.base_url

    @property
    def on_authorize(self) -> Callable[[str], None] | None:
        """Called with the address of the account each time a code is issued."""
        return self.state.on_authorize

    @on_authorize.setter
    def on_authorize(self, callback: Callable[[str], None] | None) -> None:
        self.state.on_authorize = callback

    @contextlib.asynccontextmanager
    async def serve(
        self, host: str = "127.0.0.1", port: int = 0, base_url: str | None = None
    ) -> AsyncIterator[str]:
        """Serve on a real socket inside this event loop; gives the base URL.

        Args:
            host: the address to listen on.
            port: the port to listen on; 0 takes a free one.
            base_url: the address clients see, if it is not the one listened on.

        Raises:
            ListenError: (an OSError) if the port is taken; nothing else has happened then.
        """
        sock = listen(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.state.base_url = (base_url or f"http://{shown}:{sock.getsockname()[1]}").rstrip("/")
        self.app.open()
        try:
            async with serving(self.app, sock, self.app.leave), self.state.delivery.delivering():
                saving = asyncio.create_task(self._keep_saving(), name="sandbox-state")
                try:
                    yield self.state.base_url
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
            save(self.state, self._state_file)

    async def _keep_saving(self) -> None:
        saved = self.state.request_log.number
        while self._state_file:
            await asyncio.sleep(SAVE_SECONDS)
            if saved != self.state.request_log.number:
                saved = self.state.request_log.number
                self.save()
