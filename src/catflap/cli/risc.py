"""`catflap risc`: register this installation as receiver of Google's security events."""

import asyncio
import secrets
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from catflap.cli.context import CliContext, cli_context
from catflap.cli.runner import command, run
from catflap.errors import OperatorMustAct
from catflap.google.risc_stream import RISC_API_URL, RiscStream, ServiceAccount
from catflap.settings import GOOGLE_API_URL
from catflap.store.tables import risc_events

cli = command()
_Account = Annotated[
    Path,
    typer.Option(
        "--service-account", help="JSON key of a service account with the role RISC Configuration Admin."
    ),
]
_WAIT_SECONDS = 60


@cli.callback()
def risc() -> None:
    """Google's security events (Cross-Account Protection): sessions and tokens that it ended."""


@cli.command(epilog="Example:  CATFLAP_PUBLIC_URL=https://… catflap risc register --service-account key.json")
def register(service_account: _Account) -> None:
    """Have Google send every kind of event to this installation's `/google/risc`."""

    async def work() -> None:
        account = ServiceAccount.read(service_account)
        async with cli_context() as context:
            receiver = f"{context.settings.origin}/google/risc"
            await _stream(context, account).register(receiver)
            typer.echo(f"Google sends security events to {receiver}. Now try: catflap risc verify")

    run(work())


@cli.command(epilog="Example:  catflap risc verify --service-account key.json")
def verify(service_account: _Account) -> None:
    """Have Google send a test event, and wait until it is here."""

    async def work() -> None:
        account = ServiceAccount.read(service_account)
        async with cli_context() as context:
            stream, state = _stream(context, account), secrets.token_urlsafe(16)
            typer.echo(f"the stream is {await stream.status()}", err=True)
            await stream.verify(state)
            for _ in range(_WAIT_SECONDS):
                if await _arrived(context, state):
                    typer.echo("The test event arrived.")
                    return
                await asyncio.sleep(1)
        raise OperatorMustAct(
            "risc_silent",
            "No test event came. Does `catflap serve` run, and does Google reach its public address?",
        )

    run(work())


async def _arrived(context: CliContext, state: str) -> bool:
    seen = select(risc_events.c.jti).where(risc_events.c.events.contains([{"state": state}]))
    async with context.app_engine.connect() as connection:
        return (await connection.execute(seen)).first() is not None


def _stream(context: CliContext, account: ServiceAccount) -> RiscStream:
    api = context.settings.google_api_url
    url = RISC_API_URL if api == GOOGLE_API_URL else f"{api}/v1beta"
    return RiscStream(context.http, account, context.clock, url)
