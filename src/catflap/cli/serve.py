"""`catflap serve`: the web server, and with it the background jobs."""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated

import typer

from catflap import tracing
from catflap.cli import garbage_collection
from catflap.cli.http_server import serving
from catflap.cli.open_files import raise_open_files
from catflap.cli.runner import command, ending_within, run, seconds_to_end, until_terminated
from catflap.cli.sockets import bind, port_of
from catflap.components import open_components
from catflap.google.client_check import check_google
from catflap.log import configure
from catflap.settings import Settings

cli = command()


@cli.command(epilog="Example:  GOOGLE_CLIENT_ID=… GOOGLE_CLIENT_SECRET=… catflap serve --port 8400")
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [CATFLAP_HOST, 127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [CATFLAP_PORT, 8400].")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Directory of all data [CATFLAP_DATA_DIR].")] = None,
    worker: Annotated[bool, typer.Option(help="Also run background jobs in this process.")] = True,
    check: Annotated[bool, typer.Option(help="First check the OAuth client with Google.")] = True,
) -> None:
    """Run the web server, and with it (unless --no-worker) the background jobs."""
    options = {"host": host, "port": port, "data_dir": data_dir}

    async def work() -> None:
        raise_open_files()
        settings = Settings.read(options).for_requests(with_jobs=worker)
        configure(settings.log_format, settings.log_level)
        # The routes are imported while Google answers and PostgreSQL starts.
        loading = asyncio.create_task(asyncio.to_thread(garbage_collection.load_module, "catflap.app"))
        if check:
            await check_google(settings)
        listener = bind(settings.host, settings.port)
        settings = settings.model_copy(update={"port": port_of(listener)})
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(tracing.exporting(settings.otel_exporter_otlp_endpoint))
            components = await stack.enter_async_context(open_components(settings))
            application = await stack.enter_async_context((await loading).open_application(components))
            if worker:
                await stack.enter_async_context(components.work())
            served = await stack.enter_async_context(
                serving(application.web, listener, grace_seconds=settings.grace_seconds)
            )
            stack.callback(application.services.schedule_streams.close_all)
            garbage_collection.exclude_started()
            typer.echo(settings.origin)
            with ending_within(seconds_to_end(settings, graces=2)):
                await until_terminated()
                components.readiness.drain()
                served.close_after_answers()
                await asyncio.sleep(settings.drain_seconds)

    run(work())
