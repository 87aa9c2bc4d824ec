"""The command line: one module a command, loaded when it is asked for, so that `serve` is up at once."""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from catflap.errors import CatflapError, exit_code
from catflap.extras import missing_extra

_COMMANDS = {
    "demo": "catflap.cli.demo.command",
    "serve": "catflap.cli.serve",
    "work": "catflap.cli.work",
    "migrate": "catflap.cli.migrate",
    "sandbox": "catflap.cli.sandbox",
    "say": "catflap.cli.say",
    "keys": "catflap.cli.keys",
    "apikeys": "catflap.cli.apikeys",
    "webhooks": "catflap.cli.webhooks",
    "risc": "catflap.cli.risc",
    "import": "catflap.cli.import_",
}


# Commands that need several extras, and the one that brings them all.
_EXTRAS = {"demo": "demo"}


class _OnDemand(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which people meet them."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, its module loaded now."""
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        try:
            loaded = importlib.import_module(module).cli
        except ModuleNotFoundError as error:
            loaded = _unavailable(missing_extra(error, extra=_EXTRAS.get(cmd_name, "")))
        return typer.main.get_command(loaded)


def _unavailable(reason: CatflapError) -> typer.Typer:
    """A command whose extra is not installed: its help and its only output say which one that is."""
    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

    @command.command(
        help=reason.message, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )
    def unavailable() -> None:
        typer.echo(f"catflap: {reason.message}", err=True)
        raise typer.Exit(exit_code(reason))

    return command


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
