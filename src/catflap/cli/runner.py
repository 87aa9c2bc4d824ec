"""Run a command's coroutine until it ends or the process gets SIGINT or SIGTERM."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any

import typer
import uvloop

from catflap.errors import CatflapError, exit_code


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; SIGINT and SIGTERM cancel it, and a CatflapError is printed as one line."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(work))
    except CatflapError as error:
        detail = f" ({error.detail})" if error.detail else ""
        typer.echo(f"catflap: {error.message}{detail}", err=True)
        raise typer.Exit(exit_code(error)) from None


def command() -> typer.Typer:
    """Return a Typer application for one command or one group of commands."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
