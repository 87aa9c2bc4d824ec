"""`catflap work`: background jobs only."""

import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from catflap import tracing
from catflap.cli import garbage_collection
from catflap.cli.health_server import answering_health
from catflap.cli.runner import command, ending_within, run, seconds_to_end, until_terminated
from catflap.cli.sockets import bind
from catflap.components import open_components
from catflap.log import configure
from catflap.settings import Settings

cli = command()


@cli.command(epilog="Examples:  catflap work    catflap work --health-port 8401")
def work(
    data_dir: Annotated[Path | None, typer.Option(help="Directory of all data [CATFLAP_DATA_DIR].")] = None,
    health_port: Annotated[
        int | None,
        typer.Option(help="Answer /healthz and /readyz on this port of CATFLAP_HOST [CATFLAP_HEALTH_PORT]."),
    ] = None,
) -> None:
    """Run background jobs only; start as many as you need beside `catflap serve --no-worker`."""

    async def jobs() -> None:
        settings = Settings.read({"data_dir": data_dir, "health_port": health_port})
        configure(settings.log_format, settings.log_level)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(tracing.exporting(settings.otel_exporter_otlp_endpoint))
            health = _health_listener(settings)
            components = await stack.enter_async_context(open_components(settings))
            if health is not None:
                reasons = components.readiness.reasons_of_jobs
                await stack.enter_async_context(answering_health(health, reasons))
            await stack.enter_async_context(components.work())
            garbage_collection.exclude_started()
            typer.echo("Catflap works.", err=True)
            with ending_within(seconds_to_end(settings, graces=1)):
                await until_terminated()
                components.readiness.drain()

    run(jobs())


def _health_listener(settings: Settings) -> socket.socket | None:
    if settings.health_port is None:
        return None
    return bind(settings.host, settings.health_port, option="--health-port")
