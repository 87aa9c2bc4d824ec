"""`catflap sandbox`: forward to the command `google-sandbox`, with its options and exit codes."""

import typer

from catflap.cli.runner import command
from google_sandbox.cli import main

cli = command()


@cli.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def sandbox(context: typer.Context) -> None:
    """Run only the local Google, to test an app of yours against it."""
    raise typer.Exit(main(context.args, prog="catflap sandbox"))
