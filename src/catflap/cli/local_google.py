"""`catflap sandbox`: a Google on this machine, for whoever tests an app against it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import typer

from catflap.cli.calendar_file import read_calendar
from catflap.cli.serving import bind
from catflap.errors import BadRequest
from catflap.sandbox import Sandbox


@dataclass(frozen=True)
class LocalGoogle:
    """What the sandbox shall know from the start. `state_file` None forgets everything at the end."""

    host: str
    port: int
    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    origins: tuple[str, ...]
    accounts: tuple[str, ...]
    calendar: Path | None
    issuer: str | None
    seed: int
    state_file: Path | None
    testing: bool


async def run(wanted: LocalGoogle) -> None:
    """Serve until somebody presses Ctrl-C.

    Raises:
        BadRequest: `calendar_unreadable`, `sandbox_invalid`.
        OperatorMustAct: `port_taken`.
    """
    text = None if wanted.calendar is None else await asyncio.to_thread(read_calendar, wanted.calendar)
    bind(wanted.host, wanted.port).close()
    try:
        sandbox = _furnished(wanted, text)
    except (ValueError, OSError) as error:
        raise BadRequest("sandbox_invalid", str(error)) from None
    async with sandbox.serve(wanted.host, wanted.port) as base_url:
        typer.echo(f"discovery       {base_url}/.well-known/openid-configuration")
        typer.echo(f"APIs            {base_url}")
        typer.echo(f"browser script  {base_url}/gsi/client")
        typer.echo(f"client id       {wanted.client_id}")
        typer.echo(f"client secret   {wanted.client_secret}")
        typer.echo(f"people          {', '.join(wanted.accounts)}")
        typer.echo("Nothing here is real. Ctrl-C stops it. docs/sandbox.md tells what it can do.", err=True)
        await asyncio.Event().wait()


def _furnished(wanted: LocalGoogle, text: str | None) -> Sandbox:
    state_file = None if wanted.state_file is None else str(wanted.state_file)
    sandbox = Sandbox(seed=wanted.seed, issuer=wanted.issuer, state_file=state_file)
    sandbox.add_client(
        wanted.client_id,
        wanted.client_secret,
        redirect_uris=wanted.redirect_uris,
        origins=wanted.origins,
        testing=wanted.testing,
    )
    for email in wanted.accounts:
        sandbox.add_account(email)
    if text is not None:
        sandbox.import_ical(wanted.accounts[0], text)
    return sandbox
