"""`catflap backup`: the whole database in one file, and the keyset in another."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack
from errno import EDQUOT, EEXIST, EFBIG, ENOSPC, ENOSYS, ENOTSUP, EPERM
from pathlib import Path
from typing import IO, Annotated

import typer

from catflap.cli.context import progress
from catflap.cli.runner import command, run
from catflap.clock import SystemClock
from catflap.errors import BadRequest, OperatorMustAct
from catflap.log import configure
from catflap.settings import Settings
from catflap.store.archive.dump import snapshot
from catflap.store.archive.manifest import Manifest, is_archive
from catflap.store.connect import open_existing_database
from catflap.store.database import Urls, connect
from catflap.vault.keyset import KeysetFile, keyset_source
from catflap.vault.keyset_copy import save_copy
from catflap.vault.sealed_columns import keys_in_use

cli = command()
_SUFFIX = ".catflap-backup"


@cli.command(
    epilog="Examples:  catflap backup /mnt/backups    catflap backup --keyset /media/stick/vault-keyset.json"
)
def backup(
    target: Annotated[Path | None, typer.Argument(help="A directory, or a new *.catflap-backup.")] = None,
    keyset: Annotated[
        Path | None, typer.Option(help="Write the keyset, which opens the tokens, to this file.")
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="The keyset may be in the same directory as the backup.")
    ] = False,
) -> None:
    """Copy the whole database to one file, also while `catflap serve` runs. Prints its path.

    The keyset that opens the tokens is not in it, and is kept apart: --keyset FILE copies it.
    `catflap restore` brings both back.
    """

    async def work() -> None:
        if target is None and keyset is None:
            raise BadRequest("nothing_to_back_up", "Name a file or a directory, or --keyset FILE.")
        settings = Settings.read()
        configure(settings.log_format, settings.log_level)
        now = SystemClock().now()
        file = None if target is None else _file(target, f"catflap-{now:%Y%m%dT%H%M%SZ}{_SUFFIX}")
        if keyset is not None:
            if not together:
                _refuse_together(file, keyset)
            save_copy(keyset_source(settings), keyset)
            typer.echo(f"{_KEYSET_SAVED} {keyset}", err=True)
        if file is None:
            return
        async with AsyncExitStack() as stack:
            urls = await open_existing_database(settings, stack)
            with _new_file(file) as handle:
                manifest = await _write(urls, handle)
        typer.echo(file)
        typer.echo("\n".join(_remarks(settings, manifest, file)), err=True)

    run(work(), interrupted="Interrupted; no backup was written.")


def _file(target: Path, name: str) -> Path:
    """Return the file to make; a directory that is missing, or not mounted, is no name of a file."""
    try:
        if target.is_dir():
            return target / name
    except OSError as error:
        raise _unwritable(target, error) from None
    if target.suffix != _SUFFIX:
        raise BadRequest(
            "directory_missing",
            f"There is no directory {target}. The name of a file must end with {_SUFFIX}.",
        )
    return target


async def _write(urls: Urls, handle: IO[bytes]) -> Manifest:
    engine = connect(urls.vault)
    try:
        keys = await keys_in_use(engine)
    finally:
        await engine.dispose()
    async with snapshot(urls) as dump:
        with progress(in_bytes=True) as bar:
            task = bar.add_task("backing up", total=dump.size)
            manifest = await dump.write(
                handle, SystemClock().now(), sorted(keys), lambda size: bar.advance(task, size)
            )
            bar.update(task, total=manifest.size, completed=manifest.size)
    return manifest


def _refuse_together(file: Path | None, keyset: Path) -> None:
    folder = keyset.resolve().parent
    if (file is not None and file.resolve().parent == folder) or any(map(is_archive, folder.glob("*"))):
        raise BadRequest(
            "keyset_beside_backup",
            f"{folder} would hold a backup and the keyset: with this directory alone one could open every "
            "token. Keep the keyset elsewhere; --together does it all the same.",
        )


@contextlib.contextmanager
def _new_file(file: Path) -> Iterator[IO[bytes]]:
    """Open a new file, for its owner only; it has its name when everything is written, and never before."""
    part = file.with_name(f".{file.name}-{secrets.token_hex(4)}.part")
    try:
        if file.exists() or file.is_symlink():
            raise FileExistsError(EEXIST, "exists")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        _give_name(part, file)
    except OSError as error:
        raise _unwritable(file, error) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _give_name(part: Path, file: Path) -> None:
    """Give a file its name.

    Raises:
        FileExistsError: another backup has taken the name meanwhile.
    """
    try:
        os.link(part, file)
    except OSError as error:
        # USB sticks (FAT, exFAT) and some network drives have no links.
        if error.errno not in (EPERM, ENOTSUP, ENOSYS):
            raise
        if file.exists():
            raise FileExistsError(EEXIST, "exists") from None
        part.rename(file)


def _unwritable(file: Path, error: OSError) -> Exception:
    if error.errno in (ENOSPC, EDQUOT, EFBIG):
        return OperatorMustAct(
            "disk_full", f"There is no room for the backup at {file.parent}. No file was left there."
        )
    if error.errno == EEXIST:
        return BadRequest("file_exists", f"{file} exists; a backup overwrites nothing. Name a new file.")
    return OperatorMustAct("file_unwritable", f"{file} can't be written: {error.strerror}.")


def _remarks(settings: Settings, manifest: Manifest, file: Path) -> Iterator[str]:
    megabytes = file.stat().st_size / 1_000_000
    yield f"{manifest.rows:,} rows of {len(manifest.tables)} tables, {megabytes:,.1f} MB."
    yield "Names, addresses, titles of events and hashes of sessions are in it as they are: keep it private."
    source = keyset_source(settings)
    place = str(source.file) if isinstance(source, KeysetFile) else "the variable CATFLAP_VAULT_KEYSET"
    if manifest.keys:
        yield (
            f"Its tokens open only with the keyset, which is not in it but in {place}. Keep a copy of that "
            "elsewhere: catflap backup --keyset FILE"
        )
    yield "Your settings and the OAuth client's secret are not in it either."


_KEYSET_SAVED = "The keyset opens every token of a backup: keep it away from backups. Copied to"
