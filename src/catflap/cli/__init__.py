"""The command line. Each command is a module that is imported when it is called, so that start-up is fast."""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from catflap.cli import garbage_collection
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


# Commands that need several extras, and the extra that includes them all.
_EXTRAS = {"demo": "demo"}


class _OnDemand(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands in the order of `_COMMANDS`."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the module of a command and return it."""
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        try:
            with garbage_collection.loading_modules():
                loaded = importlib.import_module(module).cli
        except ModuleNotFoundError as error:
            loaded = _unavailable(missing_extra(error, extra=_EXTRAS.get(cmd_name, "")))
        return typer.main.get_command(loaded)


def _unavailable(reason: CatflapError) -> typer.Typer:
    """Return a command for one whose extra is missing: its help and its output name the extra."""
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
    """Run the `catflap` command."""
    cli()
