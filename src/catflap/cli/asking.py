"""Ask before something is deleted that can't be brought back; before the event loop runs, for Ctrl-C."""

import sys

import typer

from catflap.errors import BadRequest, exit_code


def ask(question: str, *, default: bool, option: str) -> bool:
    """Ask at the terminal; without one, end the command and name the option that answers."""
    if sys.stdin.isatty():
        return typer.confirm(question, default=default, err=True)
    raise _ended(f"{question} Nobody can answer here: {option} does. Nothing was changed.")


def confirm(question: str, *, yes: bool) -> None:
    """End the command unless `yes`, or the answer is."""
    if not yes and not ask(question, default=False, option="--yes"):
        raise _ended("Nothing was changed.")


def _ended(message: str) -> typer.Exit:
    typer.echo(f"catflap: {message}", err=True)
    return typer.Exit(exit_code(BadRequest("not_confirmed", message)))
