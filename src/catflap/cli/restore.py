"""`catflap restore`: bring a backup back, here or on another machine."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.cli.asking import confirm
from catflap.cli.context import progress
from catflap.cli.runner import command, run
from catflap.clock import SystemClock
from catflap.errors import BadRequest
from catflap.extras import load_optional
from catflap.log import configure
from catflap.settings import Settings
from catflap.store.archive.load import Target, open_target
from catflap.store.archive.manifest import Archive, open_archive
from catflap.store.connect import external_urls
from catflap.store.data_dir import prepare_data_dir
from catflap.store.database import Urls
from catflap.store.migrate import create_database
from catflap.vault.keyset import keyset_source
from catflap.vault.keyset_copy import RestoredKeyset

if TYPE_CHECKING:
    from catflap.store.embedded import EmbeddedServer

cli = command()


@cli.command(
    epilog="Example:  catflap restore catflap-20261130T004000Z.catflap-backup "
    "--keyset /media/stick/vault-keyset.json"
)
def restore(
    file: Annotated[Path, typer.Argument(help="Made by `catflap backup`.")],
    keyset: Annotated[
        Path | None, typer.Option(help="The copy of the keyset that belongs to the backup.")
    ] = None,
    replace_all: Annotated[
        bool, typer.Option("--replace", help="Replace all data of an installation that is in use.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    keep_sessions: Annotated[
        bool,
        typer.Option("--keep-sessions", help="People stay signed in: for a move right after the backup."),
    ] = False,
    without_keyset: Annotated[
        bool, typer.Option("--without-keyset", help="The keyset is lost: everything but the tokens.")
    ] = False,
) -> None:
    """Bring the database of a backup back, here or on another machine, while nothing of Catflap runs.

    An interrupted or failed restore changes nothing. Devices go on with their tokens; people sign in again.
    On a PostgreSQL of your own it needs CATFLAP_OWNER_DATABASE_URL, as `catflap migrate` does.
    """
    if replace_all:
        confirm("Replace all data of this installation by the backup?", yes=yes)

    async def work() -> None:
        settings = Settings.read()
        configure(settings.log_format, settings.log_level)
        keys = RestoredKeyset(keyset_source(settings), keyset)
        with open_archive(file) as archive:
            if not without_keyset:
                keys.check_ids(set(archive.manifest.keys))
            _verify(archive)
            async with _urls(settings) as urls, open_target(urls) as target:
                if not replace_all:
                    _refuse_used(await target.users())
                await _load(archive, target, keys, keep_sessions=keep_sessions, without_keyset=without_keyset)
        typer.echo(f"{archive.manifest.rows:,} rows are back, as they were at {archive.manifest.made_at}.")
        for line in _REMARKS if keep_sessions else (_SIGN_IN, *_REMARKS):
            typer.echo(line, err=True)
        if without_keyset and archive.manifest.keys:
            typer.echo(_ADOPT, err=True)

    run(work(), interrupted="Interrupted; nothing was changed.")


def _verify(archive: Archive) -> None:
    with progress(in_bytes=True) as bar:
        task = bar.add_task("checking", total=archive.manifest.size)
        archive.verify(lambda size: bar.advance(task, size))


async def _load(
    archive: Archive, target: Target, keys: RestoredKeyset, *, keep_sessions: bool, without_keyset: bool
) -> None:
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(progress(in_bytes=True))
        task = bar.add_task("restoring", total=archive.manifest.size)

        async def check(connection: AsyncConnection) -> None:
            if not without_keyset:
                await keys.check(connection)
            stack.enter_context(keys.in_place())

        await target.restore(
            archive,
            SystemClock().now(),
            check,
            lambda size: bar.advance(task, size),
            keep_sessions=keep_sessions,
        )


def _refuse_used(users: int) -> None:
    if users:
        raise BadRequest(
            "not_empty",
            f"This installation has {users:,} user{'' if users == 1 else 's'}. Nothing was changed; "
            "--replace replaces all its data by the backup. Make a backup of it first.",
        )


@asynccontextmanager
async def _urls(settings: Settings) -> AsyncIterator[Urls]:
    """Return the URLs of a database, which is created when it is missing."""
    async with AsyncExitStack() as stack:
        prepare_data_dir(settings.data_dir)
        if settings.database_url is None:
            server: EmbeddedServer = load_optional("catflap.store.embedded").EmbeddedServer(settings.data_dir)
            urls = await asyncio.to_thread(server.start)
            stack.push_async_callback(asyncio.to_thread, server.stop)
        else:
            urls = external_urls(settings, as_owner=True)
            urls = replace(urls, owner=urls.owner.set(database=urls.app.database))
        await create_database(urls)
        yield urls


_SIGN_IN = "Devices and API keys work as before; people sign in again."
_REMARKS = (
    "What was deleted or revoked after the backup is back too: look at `catflap apikeys list`, and delete "
    "users who have left since.",
    "Never let two machines work with one backup: stop the former one. Then start `catflap serve`.",
)
_ADOPT = (
    "The tokens stay unreadable: `catflap keys adopt --accept-lost-grants` gives them up, and users consent "
    "again."
)
