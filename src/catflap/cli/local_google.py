"""`catflap sandbox`: a Google on this machine, for whoever tests an app against it."""

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from catflap.cli.calendar_file import import_calendar, read_calendar
from catflap.cli.running import command, run
from catflap.cli.serving import bind
from catflap.errors import BadRequest
from catflap.sandbox import Sandbox
from catflap.sandbox.people import ClientType
from catflap.sandbox.proxy import proxying

cli = command()

GOOGLE_ISSUER = "https://accounts.google.com"
CaFile = Annotated[Path, typer.Option(help="Where to write the certificate that the proxy's clients trust.")]
Allow = Annotated[
    list[str] | None, typer.Option(help="Another host the proxy may reach, for real; may be repeated.")
]


@dataclass(frozen=True)
class _Wanted:
    """What the sandbox shall know from the start. `state_file` None forgets everything at the end."""

    host: str
    port: int
    client_id: str
    client_secret: str
    client_type: ClientType | None
    redirect_uris: tuple[str, ...]
    origins: tuple[str, ...]
    accounts: tuple[str, ...]
    calendar: Path | None
    issuer: str | None
    seed: int
    state_file: Path | None
    testing: bool
    proxy_port: int | None
    ca_file: Path
    allow: tuple[str, ...]


@cli.callback(
    invoke_without_command=True,
    epilog="Example:  catflap sandbox --port 8401 --redirect-uri http://127.0.0.1:3000/callback "
    "--origin http://127.0.0.1:3000 --account me@example.com --calendar my.ics",
)
def sandbox(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8401,
    client_id: Annotated[
        str, typer.Option(help="The OAuth client it knows.")
    ] = "sandbox.apps.googleusercontent.com",
    client_secret: Annotated[str, typer.Option(help="Its secret.")] = "GOCSPX-sandbox",  # noqa: S107 (it guards nothing)
    client_type: Annotated[
        ClientType | None,
        typer.Option(help="web, desktop or tv: as strict as Google is with it [all of them at once]."),
    ] = None,
    redirect_uri: Annotated[
        list[str] | None,
        typer.Option(help="Registered redirect URI; may be repeated [any loopback address]."),
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
    proxy_port: Annotated[
        int | None, typer.Option(help="Also run the proxy for clients with fixed addresses on this port.")
    ] = None,
    ca_file: CaFile = Path("sandbox-ca.pem"),
    allow: Allow = None,
) -> None:
    """Run only the local Google, to test an app of yours against it."""
    if context.invoked_subcommand is not None:
        return
    wanted = _Wanted(
        host=host,
        port=port,
        client_id=client_id,
        client_secret=client_secret,
        client_type=client_type,
        redirect_uris=tuple(redirect_uri or ["http://localhost"]),
        origins=tuple(origin or []),
        accounts=tuple(account or ["mia@example.com"]),
        calendar=calendar,
        issuer=issuer,
        seed=seed,
        state_file=state_file,
        testing=testing,
        proxy_port=proxy_port,
        ca_file=ca_file,
        allow=tuple(allow or []),
    )
    run(_serve(wanted))


async def _serve(wanted: _Wanted) -> None:
    """Serve until somebody presses Ctrl-C.

    Raises:
        BadRequest: `calendar_unreadable`, `sandbox_invalid`.
        OperatorMustAct: `port_taken`.
    """
    data = None if wanted.calendar is None else await asyncio.to_thread(read_calendar, wanted.calendar)
    bind(wanted.host, wanted.port).close()
    try:
        sandbox = _furnished(wanted)
    except (ValueError, OSError) as error:
        raise BadRequest("sandbox_invalid", str(error)) from None
    told = _imported(sandbox, wanted, data)
    async with contextlib.AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(sandbox.serve(wanted.host, wanted.port))
        typer.echo(f"discovery       {base_url}/.well-known/openid-configuration")
        typer.echo(f"APIs            {base_url}")
        typer.echo(f"browser script  {base_url}/gsi/client")
        typer.echo(f"client id       {wanted.client_id}")
        typer.echo(f"client secret   {wanted.client_secret}")
        typer.echo(f"people          {', '.join(wanted.accounts)}")
        for line in told:
            typer.echo(line)
        if wanted.proxy_port is not None:
            bind(wanted.host, wanted.proxy_port, option="--proxy-port").close()
            proxy = _proxy(base_url, wanted.ca_file, wanted.host, wanted.proxy_port, wanted.allow)
            await stack.enter_async_context(proxy)
        typer.echo("Nothing here is real. Ctrl-C stops it. docs/sandbox.md tells what it can do.", err=True)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _proxy(
    sandbox_url: str, ca_file: Path, host: str, port: int, allow: tuple[str, ...]
) -> AsyncIterator[None]:
    """Run the proxy and tell what to set in a client's environment.

    Raises:
        BadRequest: `sandbox_invalid`.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            running = await stack.enter_async_context(proxying(sandbox_url, ca_file, host, port, allow))
        except (ValueError, OSError) as error:
            raise BadRequest("sandbox_invalid", str(error)) from None
        typer.echo(f"proxy           {running.url}")
        typer.echo(f"its certificate {running.ca_file}")
        typer.echo("for clients with fixed addresses:")
        for name, value in running.environment().items():
            typer.echo(f"  export {name}={shlex.quote(value)}")
        yield


@cli.command(
    epilog="Example:  catflap sandbox proxy --sandbox http://127.0.0.1:8401 --port 8402 --ca-file ca.pem"
)
def proxy(
    sandbox: Annotated[str, typer.Option(help="Address of a running sandbox.")] = "http://127.0.0.1:8401",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8402,
    ca_file: CaFile = Path("sandbox-ca.pem"),
    allow: Allow = None,
) -> None:
    """Send what clients with fixed addresses ask of Google to a sandbox that runs elsewhere."""

    async def serve() -> None:
        bind(host, port).close()
        async with _proxy(sandbox, ca_file, host, port, tuple(allow or [])):
            typer.echo("Ctrl-C stops it. Start it again and its certificate is another.", err=True)
            await asyncio.Event().wait()

    run(serve())


def _imported(sandbox: Sandbox, wanted: _Wanted, data: bytes | None) -> list[str]:
    if wanted.calendar is None or data is None:
        return []
    return import_calendar(sandbox, wanted.accounts[0], wanted.calendar, data)


def _furnished(wanted: _Wanted) -> Sandbox:
    state_file = None if wanted.state_file is None else str(wanted.state_file)
    through_proxy = None if wanted.proxy_port is None else GOOGLE_ISSUER
    sandbox = Sandbox(seed=wanted.seed, issuer=wanted.issuer or through_proxy, state_file=state_file)
    sandbox.add_client(
        wanted.client_id,
        wanted.client_secret,
        redirect_uris=wanted.redirect_uris,
        origins=wanted.origins,
        testing=wanted.testing,
        client_type=wanted.client_type,
    )
    for email in wanted.accounts:
        sandbox.add_account(email)
    return sandbox
