"""The command line: one module a command, loaded when it is asked for, so that `serve` is up at once."""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

_COMMANDS = {
    "demo": "catflap.cli.demo",
    "serve": "catflap.cli.serve",
    "work": "catflap.cli.work",
    "migrate": "catflap.cli.migrate",
    "sandbox": "catflap.cli.local_google",
    "say": "catflap.cli.say",
    "keys": "catflap.cli.keys",
    "apikeys": "catflap.cli.api_keys",
    "webhooks": "catflap.cli.webhooks",
    "risc": "catflap.cli.risc",
    "import": "catflap.cli.importing",
}


class _OnDemand(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which people meet them."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, its module loaded now."""
        module = _COMMANDS.get(cmd_name)
        return None if module is None else typer.main.get_command(importlib.import_module(module).cli)


cli = typer.Typer(
    name="catflap",
    cls=_OnDemand,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@cli.callback()
def catflap() -> None:
    """One yes to Google, and your app lets itself in to the calendar. With Mia, who reads the day aloud."""


def main() -> None:
    """The `catflap` command."""
    cli()
