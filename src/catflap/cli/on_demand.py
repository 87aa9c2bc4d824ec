"""Groups of commands whose modules are imported when one of them is called, so that start-up is fast."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import typer
from typer._click.shell_completion import CompletionItem
from typer.core import TyperGroup

from catflap.cli import garbage_collection
from catflap.errors import CatflapError, exit_code
from catflap.extras import missing_extra


class Command(NamedTuple):
    """The module of a command and its line in the help of its group, which imports no command."""

    module: str
    summary: str
    # Named when it is missing, for a command that needs several extras.
    extra: str = ""


def group_of(commands: Mapping[str, Command]) -> type[TyperGroup]:
    """Return the class of a group of these commands; the module of each has it as `cli`."""

    class OnDemand(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            """Return the names of the commands."""
            return list(commands)

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            """Write the line of each command, without importing any."""
            with formatter.section("Commands"):
                formatter.write_dl([(name, one.summary) for name, one in commands.items()])

        def shell_complete(self, ctx: Any, incomplete: str) -> list[CompletionItem]:
            """Return what completes a word: commands, without importing any, and options of the group."""
            found = [
                CompletionItem(name, help=one.summary)
                for name, one in commands.items()
                if name.startswith(incomplete)
            ]
            # TyperGroup's own would import each command to see whether it is hidden.
            return found + super(TyperGroup, self).shell_complete(ctx, incomplete)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Import the module of a command and return it."""
            command = commands.get(cmd_name)
            if command is None:
                return None
            try:
                loaded = garbage_collection.load_module(command.module).cli
            except ModuleNotFoundError as error:
                loaded = _unavailable(missing_extra(error, extra=command.extra))
            return typer.main.get_command(loaded)

    return OnDemand


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
