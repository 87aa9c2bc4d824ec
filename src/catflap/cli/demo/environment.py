"""The demo's stage: a local Google, Catflap before it, and somebody with a calendar."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from catflap.app import Application, open_catflap
from catflap.cli.demo.calendar_file import import_calendar, read_calendar
from catflap.cli.demo.events import due_soon, sample_day
from catflap.cli.http_server import bind, port_of, serving
from catflap.clock import Clock
from catflap.settings import Settings
from google_sandbox import Sandbox

EMAIL = "mia@example.com"
_CLIENT_ID, _CLIENT_SECRET = "1234567890-demo.apps.googleusercontent.com", "GOCSPX-demo"
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Play:
    """What is to be shown. Ports: 0 takes a free one. `zone` is an IANA name."""

    calendar: Path | None = None
    zone: str = "UTC"
    port: int = 0
    sandbox_port: int = 0
    data_dir: Path | None = None


@asynccontextmanager
async def open_stage(
    play: Play, clock: Clock, say: Callable[[str], None], *, sync_every: timedelta | None
) -> AsyncIterator[Application]:
    """Start everything, telling `say` each step; stop it all on leaving.

    Raises:
        BadRequest: `calendar_unreadable`.
        OperatorMustAct: a port is taken, or the data directory can't be written.
    """
    data = None if play.calendar is None else read_calendar(play.calendar)
    async with AsyncExitStack() as stack:
        listener = bind(_HOST, play.port)
        stack.callback(listener.close)
        origin = f"http://{_HOST}:{port_of(listener)}"

        sandbox = Sandbox(clock=clock.now)
        google = await stack.enter_async_context(_serve(sandbox, play.sandbox_port))
        _furnish(sandbox, origin, play, clock, data, say)
        say(f"a Google of its own: {google}")

        data_dir = play.data_dir or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="catflap-demo-"))
        )
        settings = Settings(
            data_dir=data_dir,
            host=_HOST,
            port=port_of(listener),
            google_client_id=_CLIENT_ID,
            google_client_secret=SecretStr(_CLIENT_SECRET),
            google_discovery_url=f"{google}/.well-known/openid-configuration",
            google_api_url=google,
        )
        catflap = await stack.enter_async_context(open_catflap(settings, clock))
        say("PostgreSQL, embedded, with its two roles and tables")
        await stack.enter_async_context(catflap.work(sync_every=sync_every))
        say("worker: syncs, plans, speaks")
        await stack.enter_async_context(serving(catflap.web, listener))
        say(f"web server: {origin}")
        yield catflap


@asynccontextmanager
async def _serve(sandbox: Sandbox, port: int) -> AsyncIterator[str]:
    # Asked first, because a taken port is the sandbox's OSError and here one clear sentence.
    bind(_HOST, port, option="--sandbox-port").close()
    async with sandbox.serve(_HOST, port) as base_url:
        yield base_url


def _furnish(
    sandbox: Sandbox, origin: str, play: Play, clock: Clock, data: bytes | None, say: Callable[[str], None]
) -> None:
    sandbox.add_client(
        _CLIENT_ID,
        _CLIENT_SECRET,
        redirect_uris=[f"{origin}/signin/google/callback"],
        origins=[origin],
        project="Catflap",
    )
    sandbox.add_account(EMAIL, name="Mia", locale="en")
    sandbox.set_time_zone(EMAIL, play.zone)
    if play.calendar is not None and data is not None:
        for line in import_calendar(sandbox, EMAIL, play.calendar, data):
            say(line)
        return
    for event in sample_day(clock.now(), play.zone):
        sandbox.insert_event(EMAIL, event)
    sandbox.on_authorize = lambda email: _soon(sandbox, email, clock, play.zone)


def _soon(sandbox: Sandbox, email: str, clock: Clock, zone: str) -> None:
    """Whoever signs in, at whatever hour, hears Mia within the next 90 seconds."""
    sandbox.insert_event(email, due_soon(clock.now(), zone))
