"""`catflap wyoming`: a text-to-speech server for Home Assistant."""

import asyncio
from typing import Annotated

import typer

from catflap.cli.runner import command, run
from catflap.cli.wyoming_server import WyomingServer
from catflap.errors import OperatorMustAct
from catflap.log import configure
from catflap.settings import Settings
from catflap.speech import Dialect, NoVoice, Speech, UnknownDialect, Voices, dialects, voices_of

cli = command()
_DEFAULTS = ("kansai", "kitten")


@cli.command(
    epilog="Examples:  catflap wyoming   |   catflap wyoming --host 0.0.0.0 --dialect pirate   |   "
    "then in Home Assistant: Settings, Devices & services, Add integration, Wyoming Protocol"
)
def wyoming(
    host: Annotated[
        str, typer.Option(help="Address to listen on; it asks nobody for a password.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")] = 10200,
    dialect: Annotated[
        str | None,
        typer.Option(help="Dialect for texts that ask for no voice [kansai or kitten, by script]."),
    ] = None,
) -> None:
    """Serve Mia's voice to Home Assistant, by the Wyoming protocol."""
    run(_serve(host, port, dialect))


async def _serve(host: str, port: int, dialect: str | None) -> None:
    """Serve until cancelled.

    Raises:
        OperatorMustAct: `address_unusable`, or no voice is installed.
        BadRequest: there is no such dialect.
    """
    settings = Settings.read()
    configure(settings.log_format, settings.log_level)
    voices = voices_of(settings)
    speech = Speech(engines=voices.engines)
    server = WyomingServer(speech, _offered(voices, dialect))
    try:
        async with server.listening(host, port) as (address, bound):
            shown = f"[{address}]" if ":" in address else address
            typer.echo(f"tcp://{shown}:{bound}")
            await asyncio.Event().wait()
    except OSError as error:
        raise OperatorMustAct(
            "address_unusable", f"Can't listen on {host}, port {port}: {error.strerror or 'no such address'}."
        ) from None
    finally:
        await speech.aclose()


def _offered(voices: Voices, default: str | None) -> tuple[Dialect, ...]:
    """Return the dialects that have a voice, the default of each language before the others.

    Raises:
        NoVoice: there is none.
        UnknownDialect: `default` is none of them.
    """
    missing = voices.missing_languages()
    found = [one for one in dialects() if one.language not in missing]
    if not found:
        raise NoVoice(*missing)
    if default is not None and default not in [one.id for one in found]:
        raise UnknownDialect(one.id for one in found)
    return tuple(sorted(found, key=lambda one: (one.id != default, one.id not in _DEFAULTS)))
