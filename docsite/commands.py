"""The page of the command line: what `--help` of each command says."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import typer

from catflap.cli import cli
from google_sandbox.cli import main as google_sandbox

INTRODUCTION = """# Command line

What `--help` of each command says. Results are on standard output, messages on standard error.

"""
_WIDTH = 84


def page() -> str:
    """Return the page in Markdown."""
    parts = [INTRODUCTION]
    for name, text in _helps(typer.main.get_command(cli), "catflap", None):
        parts.append(f"{'##' if name.count(' ') < 2 else '###'} {name}\n\n```text\n{text.rstrip()}\n```\n\n")
    return "".join(parts)


def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    """Yield names and help texts of a command and of those below it."""
    if name == "catflap sandbox":
        yield name, _help_of_the_sandbox(name)
        return
    context = command.context_class(command, info_name=name, parent=parent, terminal_width=_WIDTH)
    context.max_content_width = _WIDTH
    yield name, command.get_help(context)
    if hasattr(command, "list_commands"):
        for below in command.list_commands(context):
            yield from _helps(command.get_command(context, below), f"{name} {below}", None)


def _help_of_the_sandbox(name: str) -> str:
    # This one hands its arguments to `google-sandbox`, whose help depends on the width of a terminal.
    with contextlib.redirect_stdout(io.StringIO()) as written, contextlib.suppress(SystemExit):
        google_sandbox(["--help"], prog=name)
    return written.getvalue()
