"""The command line: `catflap demo`, `serve`, `work`, `sandbox`, …"""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from catflap.announcements.preferences import Preferences
from catflap.app import check_google, open_catflap
from catflap.cli import demo as demos
from catflap.cli import say as saying
from catflap.cli.local_google import LocalGoogle
from catflap.cli.local_google import run as local_google
from catflap.cli.serving import bind, port_of, serving
from catflap.cli.stage import EMAIL, Play
from catflap.errors import BadRequest, CatflapError, exit_code
from catflap.log import configure
from catflap.settings import Settings

cli = typer.Typer(
    name="catflap",
    help="One yes to Google, and your app lets itself in to the calendar. With Mia, who reads the day aloud.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """The `catflap` command."""
    cli()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run until done or told to stop; an error is one line that says what to do."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(work))
    except CatflapError as error:
        detail = f" ({error.detail})" if error.detail else ""
        typer.echo(f"catflap: {error.message}{detail}", err=True)
        raise typer.Exit(exit_code(error)) from None


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest("now_invalid", f"--now {text}: write it like 2026-11-24T06:00:00+00:00.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@cli.command(
    epilog="Examples:  catflap demo   |   catflap demo --once --json --calendar my.ics "
    "--now 2026-11-24T06:00:00+00:00 --zone Asia/Tokyo"
)
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Without a browser: one day, spoken at once, then end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: one JSON object per step.")] = False,
    calendar: Annotated[Path | None, typer.Option(help="Fill the calendar from this iCalendar file.")] = None,
    now: Annotated[str | None, typer.Option(help="Set the clock, ISO 8601 with an offset.")] = None,
    zone: Annotated[str, typer.Option(help="Where the person lives, as an IANA time zone.")] = "UTC",
    port: Annotated[
        int | None, typer.Option(help="Of the web server [8400; with --once a free one].")
    ] = None,
    sandbox_port: Annotated[
        int | None, typer.Option(help="Of the local Google [8401; with --once a free one].")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep the database here instead of a temporary folder.")
    ] = None,
) -> None:
    """The whole way, offline: sign in at a local Google, read the calendar, hear Mia."""
    configure("console", "warning" if once else "info")
    default_port, default_sandbox_port = (0, 0) if once else (8400, 8401)

    async def work() -> None:
        Preferences(zone=zone)
        play = Play(
            calendar=calendar,
            zone=zone,
            port=default_port if port is None else port,
            sandbox_port=default_sandbox_port if sandbox_port is None else sandbox_port,
            data_dir=data_dir,
        )
        if once:
            demos.empty_out()
            await demos.once(play, _instant(now), as_json=as_json)
        else:
            await demos.in_browser(play, _instant(now))

    _run(work())


@cli.command(epilog="Example:  GOOGLE_CLIENT_ID=… GOOGLE_CLIENT_SECRET=… catflap serve --port 8400")
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [CATFLAP_HOST, 127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [CATFLAP_PORT, 8400].")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept [CATFLAP_DATA_DIR].")
    ] = None,
    worker: Annotated[bool, typer.Option(help="Also run background jobs in this process.")] = True,
    check: Annotated[bool, typer.Option(help="First ask Google whether it knows this client.")] = True,
) -> None:
    """Run the web server, and with it (unless --no-worker) the background jobs."""
    given = {
        name: value
        for name, value in (("host", host), ("port", port), ("data_dir", data_dir))
        if value is not None
    }

    async def work() -> None:
        settings = Settings.read(**given)
        configure(settings.log_format, settings.log_level)
        if check:
            await check_google(settings)
        listener = bind(settings.host, settings.port)
        settings = settings.model_copy(update={"port": port_of(listener)})
        async with open_catflap(settings) as house, contextlib.AsyncExitStack() as stack:
            if worker:
                await stack.enter_async_context(house.work())
            await stack.enter_async_context(serving(house.web, listener))
            typer.echo(f"Catflap is at {settings.origin}", err=True)
            await asyncio.Event().wait()

    _run(work())


@cli.command(epilog="Example:  catflap work")
def work(
    data_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept [CATFLAP_DATA_DIR].")
    ] = None,
) -> None:
    """Run background jobs only; start as many as you need beside `catflap serve --no-worker`."""

    async def run() -> None:
        settings = Settings.read(**({"data_dir": data_dir} if data_dir else {}))
        configure(settings.log_format, settings.log_level)
        async with open_catflap(settings) as house, house.work():
            typer.echo("Catflap works.", err=True)
            await asyncio.Event().wait()

    _run(run())


@cli.command(
    epilog='Examples:  catflap say "お茶の時間や"   |   catflap say Hello --dialect pirate --out ahoy.wav'
)
def say(
    text: Annotated[
        str, typer.Argument(help="What Mia shall say; without it, the dialects are listed.")
    ] = "",
    dialect: Annotated[str | None, typer.Option(help="Which dialect [kansai or kitten, by script].")] = None,
    out: Annotated[Path, typer.Option(help="The WAV file to write.")] = Path("mia.wav"),
) -> None:
    """Have Mia say something."""
    if not text:
        typer.echo(saying.dialect_list())
        return

    async def run() -> None:
        seconds = await saying.say(text, dialect, out)
        typer.echo(f"{out}: {seconds:.1f} s")

    _run(run())


@cli.command(
    epilog="Example:  catflap sandbox --port 8401 --redirect-uri http://127.0.0.1:3000/callback "
    "--origin http://127.0.0.1:3000 --account me@example.com --calendar my.ics"
)
def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8401,
    client_id: Annotated[
        str, typer.Option(help="The OAuth client it knows.")
    ] = "sandbox.apps.googleusercontent.com",
    client_secret: Annotated[str, typer.Option(help="Its secret.")] = "GOCSPX-sandbox",  # noqa: S107 (it guards nothing)
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Registered redirect URI; may be repeated [any on localhost].")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="Registered origin of a page; may be repeated.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option(help="A person's address; may be repeated [mia@example.com].")
    ] = None,
    calendar: Annotated[
        Path | None, typer.Option(help="Fill the first person's calendar from this file.")
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(help="Issuer of ID tokens, such as https://accounts.google.com.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Makes codes and tokens repeat from run to run.")] = 0,
    state_file: Annotated[Path | None, typer.Option(help="Remember everything here from run to run.")] = None,
    testing: Annotated[
        bool, typer.Option("--testing", help="As a project in Testing: grants last 7 days.")
    ] = False,
) -> None:
    """Run only the local Google, to test an app of yours against it."""
    wanted = LocalGoogle(
        host=host,
        port=port,
        client_id=client_id,
        client_secret=client_secret,
        redirect_uris=tuple(redirect_uri or ["http://localhost"]),
        origins=tuple(origin or []),
        accounts=tuple(account or [EMAIL]),
        calendar=calendar,
        issuer=issuer,
        seed=seed,
        state_file=state_file,
        testing=testing,
    )
    _run(local_google(wanted))
