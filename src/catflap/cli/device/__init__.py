"""`catflap device`: devices that speak, and what they need."""

import typer

from catflap.cli.on_demand import Command, group_of

COMMANDS = {
    "run": Command("catflap.cli.device.run", "Play on this machine's loudspeaker."),
    "mosquitto": Command("catflap.cli.device.mosquitto", "Passwords and rights for a Mosquitto of yours."),
    "simulate": Command("catflap.cli.device.simulate", "Thousands of simulated devices, to load a server."),
    "esphome": Command("catflap.cli.device.esphome", "Write what ESPHome needs to make an ESP32 Mia."),
    "firmware": Command("catflap.cli.device.firmware", "Write what an ESP32 needs to be Mia."),
}

cli = typer.Typer(
    cls=group_of(COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@cli.callback()
def device() -> None:
    """Devices that speak, and what they need (docs/devices.md)."""
