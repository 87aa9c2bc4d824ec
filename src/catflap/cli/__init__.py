"""The command line. Each command is a module that is imported when it is called, so that start-up is fast."""

from importlib.metadata import version as version_of
from typing import Annotated

import typer

from catflap.cli.on_demand import Command, group_of

COMMANDS = {
    "demo": Command("catflap.cli.demo.command", "Everything offline, with a local Google.", extra="demo"),
    "serve": Command("catflap.cli.serve", "The web server, and with it the background jobs."),
    "signin": Command("catflap.cli.signin", "Sign in to a Catflap at home, from any computer."),
    "work": Command("catflap.cli.work", "Background jobs only."),
    "migrate": Command("catflap.cli.migrate", "Prepare a PostgreSQL of your own."),
    "sandbox": Command("catflap.cli.sandbox", "The local Google only, to test an app of yours."),
    "say": Command("catflap.cli.say", "Have Mia say something."),
    "wyoming": Command("catflap.cli.wyoming", "Mia's voice for Home Assistant (Wyoming protocol)."),
    "phrases": Command("catflap.cli.phrases", "Check and hear the phrasebooks of dialects."),
    "device": Command("catflap.cli.device", "Devices: this machine's speaker, the broker, load tests."),
    "keys": Command("catflap.cli.keys", "The keys that encrypt stored tokens."),
    "apikeys": Command("catflap.cli.apikeys", "API keys of other back ends."),
    "webhooks": Command("catflap.cli.webhooks", "Receivers of events about grants and calendars."),
    "status": Command("catflap.cli.status", "How far behind calendars are, and Google's quota."),
    "doctor": Command("catflap.cli.doctor", "What is wrong with this installation, and what to do."),
    "risc": Command("catflap.cli.risc", "Google's security events (Cross-Account Protection)."),
    "backup": Command("catflap.cli.backup", "The database in one file, the keyset in another."),
    "restore": Command("catflap.cli.restore", "Bring a backup back, here or on another machine."),
    "uninstall": Command("catflap.cli.uninstall", "Revoke all grants at Google, and delete everything."),
    "import": Command("catflap.cli.import_", "Import refresh tokens of this OAuth client."),
}

cli = typer.Typer(
    name="catflap",
    cls=group_of(COMMANDS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"catflap {version_of('catflap')}")
        raise typer.Exit()


@cli.callback()
def catflap(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """One yes to Google, and your app lets itself in to the calendar. With Mia, who reads the day aloud."""


def main() -> None:
    """Run the `catflap` command."""
    cli()
