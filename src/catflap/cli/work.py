"""`catflap work`: background jobs only."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from catflap.cli import garbage_collection
from catflap.cli.runner import command, run
from catflap.components import open_components
from catflap.log import configure
from catflap.settings import Settings

cli = command()


@cli.command(epilog="Example:  catflap work")
def work(
    data_dir: Annotated[Path | None, typer.Option(help="Directory of all data [CATFLAP_DATA_DIR].")] = None,
) -> None:
    """Run background jobs only; start as many as you need beside `catflap serve --no-worker`."""

    async def jobs() -> None:
        settings = Settings.read(**({"data_dir": data_dir} if data_dir else {}))
        configure(settings.log_format, settings.log_level)
        async with open_components(settings) as components, components.work():
            garbage_collection.exclude_started()
            typer.echo("Catflap works.", err=True)
            await asyncio.Event().wait()

    run(jobs())
