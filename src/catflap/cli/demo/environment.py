"""The demo environment: a seeded sandbox and a Catflap application that uses it."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from catflap.app import Application, open_catflap
from catflap.cli.demo.calendar_file import import_calendar, read_calendar
from catflap.cli.demo.events import due_soon, sample_day
from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of
from catflap.clock import Clock
from catflap.settings import PUSH_PATH, Settings
from google_sandbox import Sandbox

EMAIL = "mia@example.com"
_CLIENT_ID, _CLIENT_SECRET = "1234567890-demo.apps.googleusercontent.com", "GOCSPX-demo"
_HOST = "127.0.0.1"
_POLL_SECONDS = 30.0


@dataclass(frozen=True)
class DemoOptions:
    """Options of the demo. Port 0 takes a free one. `zone` is an IANA name."""

    calendar: Path | None = None
    zone: str = "UTC"
    port: int = 0
    sandbox_port: int = 0
    data_dir: Path | None = None


@asynccontextmanager
async def run_demo_environment(
    options: DemoOptions, clock: Clock, report: Callable[[str], None], *, periodic: bool
) -> AsyncIterator[Application]:
    """Start sandbox, application, worker and web server, and stop them on exit; call `report` for each step.

    Raises:
        BadRequest: `calendar_unreadable`.
        OperatorMustAct: a port is taken, or the data directory can't be written.
    """
    data = None if options.calendar is None else read_calendar(options.calendar)
    async with AsyncExitStack() as stack:
        listener = bind(_HOST, options.port)
        stack.callback(listener.close)
        origin = f"http://{_HOST}:{port_of(listener)}"

        sandbox = Sandbox(clock=clock.now)
        google = await stack.enter_async_context(_serve(sandbox, options.sandbox_port))
        _seed(sandbox, origin, options, clock, data, report)
        report(f"local Google: {google}")

        data_dir = options.data_dir or Path(
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
            calendar_poll_seconds=_POLL_SECONDS,
            calendar_push_url=_push_url(options, origin),
        )
        catflap = await stack.enter_async_context(open_catflap(settings, clock))
        report("PostgreSQL, embedded, with its two roles and tables")
        await stack.enter_async_context(catflap.work(periodic=periodic))
        report("worker: syncs, plans, synthesises")
        await stack.enter_async_context(serving(catflap.web, listener))
        report(f"web server: {origin}")
        yield catflap


def _push_url(options: DemoOptions, origin: str) -> str:
    # A kept database has channels of the local Google of an earlier run, from which nothing arrives any more.
    return f"{origin}{PUSH_PATH}" if options.data_dir is None else "off"


@asynccontextmanager
async def _serve(sandbox: Sandbox, port: int) -> AsyncIterator[str]:
    # Bound first for a clear error message: for the sandbox a taken port is an OSError.
    bind(_HOST, port, option="--sandbox-port").close()
    async with sandbox.serve(_HOST, port) as base_url:
        yield base_url


def _seed(
    sandbox: Sandbox,
    origin: str,
    options: DemoOptions,
    clock: Clock,
    data: bytes | None,
    report: Callable[[str], None],
) -> None:
    sandbox.add_client(
        _CLIENT_ID,
        _CLIENT_SECRET,
        redirect_uris=[f"{origin}/signin/google/callback"],
        origins=[origin],
        project="Catflap",
    )
    sandbox.add_account(EMAIL, name="Mia", locale="en")
    sandbox.set_time_zone(EMAIL, options.zone)
    if options.calendar is not None and data is not None:
        for line in import_calendar(sandbox, EMAIL, options.calendar, data):
            report(line)
        return
    for event in sample_day(clock.now(), options.zone):
        sandbox.insert_event(EMAIL, event)
    sandbox.on_authorize = lambda email: keep_event_due(sandbox, email, clock.now(), options.zone)


def keep_event_due(sandbox: Sandbox, email: str, now: datetime, zone: str) -> None:
    """Let an event of this account have a reminder soon after `now`; the same one at each sign-in."""
    event = due_soon(now, zone)
    try:
        sandbox.change_event(email, event["id"], event | {"status": "confirmed"})
    except ValueError:  # It is the first sign-in of this account.
        sandbox.insert_event(email, event)
