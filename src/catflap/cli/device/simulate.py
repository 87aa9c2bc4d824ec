"""`catflap device simulate`: thousands of simulated devices, to load a server."""

import asyncio
import contextlib
import json
import random
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from catflap.cli import garbage_collection
from catflap.cli.device.simulated_devices import Figures, Fleet, Server
from catflap.cli.device.simulated_rows import SimulatedRows, open_simulated_rows
from catflap.cli.open_files import raise_open_files
from catflap.cli.runner import command, run
from catflap.errors import BadRequest

cli = command()
# Files beside a stream and, at times, another connection for each device.
_SPARE_FILES = 600
_CONNECT_SECONDS = 120.0
_EXAMPLES = """Examples:

catflap device simulate --count 5000 --database postgresql://app@localhost/load    a database of its own

catflap device simulate --count 5000 --changes 100 --play-in 30 --sounds --json    changes, plays and sounds

catflap device simulate --tokens tokens.txt --server https://mia.example.org       devices that exist"""


@cli.command(epilog=_EXAMPLES)
def simulate(
    count: Annotated[int, typer.Option(min=1, help="How many devices.")] = 100,
    server: Annotated[str, typer.Option(help="Where `catflap serve` listens.")] = "http://127.0.0.1:8400",
    database: Annotated[
        str | None,
        typer.Option(
            envvar="CATFLAP_DATABASE_URL",
            show_envvar=False,
            help="The server's database, to add the devices to; refused if it has users that are not "
            "simulated [CATFLAP_DATABASE_URL].",
        ),
    ] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(help="Instead of that, a file with the token of one device in each line."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long to stay connected.")] = 60.0,
    changes: Annotated[
        int, typer.Option(min=0, help="Schedules to change each second, each of one device.")
    ] = 0,
    play_in: Annotated[
        float, typer.Option(min=0, help="Let all devices announce something so many seconds later; 0: not.")
    ] = 0.0,
    sounds: Annotated[bool, typer.Option(help="Fetch the sounds of schedules.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Connect simulated devices to a server: streams, heartbeats, sounds and acknowledgements.

    The devices are added to the database of the server, which must hold no real users, and are removed
    afterwards. With --tokens nothing is added, and what these devices announce meanwhile counts as played.
    """
    if (database is None) == (tokens is None):
        raise typer.BadParameter("Give --database or --tokens, and not both.")
    if tokens is not None and (changes or play_in):
        raise typer.BadParameter("--changes and --play-in need --database.")

    async def work() -> None:
        raise_open_files(count + _SPARE_FILES)
        plays = bool(play_in) or sounds or tokens is not None
        fleet = Fleet(Server.of(server), plays=plays, fetches=sounds)
        async with AsyncExitStack() as stack:
            rows = None
            if database is not None:
                rows = await stack.enter_async_context(open_simulated_rows(database))
                fleet.add(await rows.add(count))
            else:
                assert tokens is not None
                fleet.add((0, token) for token in _read_tokens(tokens)[:count])
            stack.push_async_callback(fleet.aclose)
            if rows is not None and play_in:
                play_at = datetime.now(UTC) + timedelta(seconds=play_in)
                await rows.announce([one.id for one in fleet.devices], [play_at.replace(microsecond=0)])
            took = await _connect(fleet)
            # A collection of the garbage of thousands of devices in one process is no delay of a device.
            garbage_collection.exclude_started()
            async with _running(fleet.send_heartbeats(), _change(fleet, rows, changes), _progress(fleet)):
                await asyncio.sleep(seconds)
            found = _results(fleet, took)
        typer.echo(json.dumps(found) if as_json else "\n".join(f"{what:<32}{n}" for what, n in found.items()))

    run(work())


def _read_tokens(file: Path) -> list[str]:
    try:
        found = file.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest("invalid_request", f"{file} can't be read: {type(error).__name__}.") from None
    if not found or not all(token.isascii() and token.isprintable() for token in found):
        raise BadRequest("invalid_request", f"{file} must have the token of one device in each line.")
    return found


async def _connect(fleet: Fleet) -> float:
    """Connect all devices; return how long it took.

    Raises:
        BadRequest: `unauthenticated` if the server does not know the devices.
    """
    began = time.monotonic()
    async with _running(_progress(fleet)):
        await fleet.connect(_CONNECT_SECONDS)
    if not fleet.figures.connected and fleet.figures.errors["stream: 401"]:
        raise BadRequest(
            "unauthenticated", "The server does not know these devices; does it use the same database?"
        )
    return time.monotonic() - began


async def _change(fleet: Fleet, rows: SimulatedRows | None, per_second: int) -> None:
    """Change the schedules of devices chosen by chance, evenly in time."""
    if rows is None or not per_second:
        return
    began, number = time.monotonic(), 0
    while True:
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        device, at = random.choice(fleet.devices), time.monotonic()  # noqa: S311 (no secret)
        device.expect((await rows.change([device.id]))[device.id], at)
        number += 1


async def _progress(fleet: Fleet) -> None:
    """Print a line on standard error each five seconds."""
    while True:
        await asyncio.sleep(5.0)
        now = fleet.figures
        typer.echo(
            f"{now.connected:,} of {len(fleet.devices):,} connected, {now.documents:,} documents, "
            f"{now.heartbeats:,} heartbeats, {now.errors.total():,} errors",
            err=True,
        )


@asynccontextmanager
async def _running(*works: Any) -> AsyncIterator[None]:
    """Run coroutines while the context is open; an error of one is raised at the end."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _results(fleet: Fleet, took: float) -> dict[str, Any]:
    figures: Figures = fleet.figures
    return {
        "devices": len(fleet.devices),
        "connected": figures.connected,
        "connected within, s": round(took, 2),
        "documents": figures.documents,
        **_lateness("documents late", figures.late_documents),
        "heartbeats": figures.heartbeats,
        "sounds": figures.sounds,
        "played": figures.played,
        **_lateness("plays late", figures.late_plays),
        "acknowledged": figures.acks,
        "errors": figures.errors.total(),
        **{f"error, {what}": n for what, n in figures.errors.most_common()},
    }


def _lateness(what: str, seconds: Sequence[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {}
    parts = statistics.quantiles(seconds, n=100)
    ranks = {"p50": parts[49], "p99": parts[98], "most": max(seconds)}
    return {f"{what}, {rank}, ms": round(1000 * value, 1) for rank, value in ranks.items()}
