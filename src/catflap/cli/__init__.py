"""The command line. Each command is a module that is imported when it is called, so that start-up is fast."""

from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from catflap.cli import garbage_collection
from catflap.errors import CatflapError, exit_code
from catflap.extras import missing_extra


class _Command(NamedTuple):
    """The module of a command and its line in `catflap --help`, which imports no command."""

    module: str
    summary: str
    # Named when it is missing, for a command that needs several extras.
    extra: str = ""


_COMMANDS = {
    "demo": _Command("catflap.cli.demo.command", "Everything offline, with a local Google.", extra="demo"),
    "serve": _Command("catflap.cli.serve", "The web server, and with it the background jobs."),
    "work": _Command("catflap.cli.work", "Background jobs only."),
    "migrate": _Command("catflap.cli.migrate", "Prepare a PostgreSQL of your own."),
    "sandbox": _Command("catflap.cli.sandbox", "The local Google only, to test an app of yours."),
    "say": _Command("catflap.cli.say", "Have Mia say something."),
    "wyoming": _Command("catflap.cli.wyoming", "Mia's voice for Home Assistant (Wyoming protocol)."),
    "phrases": _Command("catflap.cli.phrases", "Check and hear the phrasebooks of dialects."),
    "keys": _Command("catflap.cli.keys", "The keys that encrypt stored tokens."),
    "apikeys": _Command("catflap.cli.apikeys", "API keys of other back ends."),
    "webhooks": _Command("catflap.cli.webhooks", "Receivers of events about grants and calendars."),
    "status": _Command("catflap.cli.status", "How far behind calendars are, and Google's quota."),
    "risc": _Command("catflap.cli.risc", "Google's security events (Cross-Account Protection)."),
    "import": _Command("catflap.cli.import_", "Import refresh tokens of this OAuth client."),
}


class _OnDemand(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands in the order of `_COMMANDS`."""
        return list(_COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the line of each command, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.summary) for name, one in _COMMANDS.items()])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the module of a command and return it."""
        command = _COMMANDS.get(cmd_name)
        if command is None:
            return None
        try:
            loaded = garbage_collection.load_module(command.module).cli
        except ModuleNotFoundError as error:
            loaded = _unavailable(missing_extra(error, extra=command.extra))
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
