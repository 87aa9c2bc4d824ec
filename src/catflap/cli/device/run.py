"""`catflap device run`: this machine's loudspeaker as a device."""

import asyncio
import platform
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from catflap.cli.device.shown_code import token_by_code
from catflap.cli.runner import command, run
from catflap.clock import SystemClock
from catflap.errors import BadRequest, OperatorMustAct
from catflap.log import configure
from catflap.player.api import DeviceApi
from catflap.player.outputs import choose_output
from catflap.player.player import Player
from catflap.player.storage import Storage
from catflap.settings import Settings
from catflap.tls import tls_context

cli = command()


@cli.command(
    name="run",
    epilog="Examples:  catflap device run   |   catflap device run --server https://mia.example.com   |   "
    "catflap device run --record said",
)
def run_device(
    server: Annotated[
        str, typer.Option(help="The Catflap server, with the prefix of its routes if it has one.")
    ] = "http://127.0.0.1:8400",
    folder: Annotated[
        Path | None, typer.Option(help="Where the device keeps its token and sounds [in the data directory].")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Write WAV files to this folder instead of playing.")
    ] = None,
) -> None:
    """Make this machine a device: pair it by a code, and play its schedule on its loudspeaker.

    It speaks on while the server is away, and after a restart. The extra "speaker" plays through the sound
    card itself and begins to the hundredth of a second; without it pw-play, paplay or aplay is used.
    """
    run(_run(server.rstrip("/"), folder, record))


async def _run(server: str, folder: Path | None, record: Path | None) -> None:
    if not server.startswith(("http://", "https://")):
        raise OperatorMustAct("server_invalid", "--server must begin with http:// or https://.")
    settings = Settings.read()
    configure(settings.log_format, settings.log_level)
    output = await asyncio.to_thread(choose_output, record)
    typer.echo(f"Output: {output.name}", err=True)
    storage = Storage(folder or settings.data_dir / "device")
    async with httpx2.AsyncClient(verify=tls_context(), follow_redirects=False) as http:
        while True:
            token = storage.token(server) or await _pair(http, storage, server)
            try:
                await Player(DeviceApi(http, server, token), storage, output, SystemClock()).run()
            except BadRequest as error:
                typer.echo(f"{error.message} It begins anew.", err=True)
                storage.forget()


async def _pair(http: httpx2.AsyncClient, storage: Storage, server: str) -> str:
    model = f"Speaker of {platform.node() or 'a computer'}"[:60]
    token = await token_by_code(http, storage, server, model)
    typer.echo("Paired.", err=True)
    return token
