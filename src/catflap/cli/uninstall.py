"""`catflap uninstall`: revoke all grants at Google, then delete everything that Catflap has stored."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import httpx2
import typer
from pydantic import SecretStr
from sqlalchemy import select

from catflap.cli.asking import ask, confirm
from catflap.cli.context import progress
from catflap.cli.removing import drop_schemas, remove_data, statements, units
from catflap.cli.runner import command, run
from catflap.clock import SystemClock
from catflap.errors import BadRequest, TryAgain
from catflap.extras import load_optional
from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth
from catflap.google_client_settings import GoogleClient
from catflap.installer import uninstall_command
from catflap.log import configure
from catflap.settings import Settings
from catflap.store.archive.load import refuse_running
from catflap.store.connect import external_urls, open_existing_database
from catflap.store.database import Urls, connect
from catflap.store.tables import accounts
from catflap.tls import tls_context
from catflap.vault import Grants, TokenCipher
from catflap.vault.keyset import Keyset, keyset_source
from catflap.vault.revoke_all import RevokeAll, Unrevoked

if TYPE_CHECKING:
    from catflap.store.embedded import EmbeddedServer

cli = command()
# Google's revocation asks for none.
_NO_CLIENT = GoogleClient(client_id="", client_secret=SecretStr(""), redirect_uri="")


@cli.command(epilog="Examples:  catflap uninstall    catflap uninstall --revoke --yes")
def uninstall(
    revoke: Annotated[
        bool | None,
        typer.Option(
            "--revoke/--keep-grants", help="Revoke all grants at Google first. Asked, if not given."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Delete even what Google could not be told to revoke.")
    ] = False,
) -> None:
    """Revoke all grants at Google, then delete the data directory, or our schemas and roles.

    Only what Catflap has made is deleted, and nothing while it runs. If Google does not answer, nothing is.
    """
    what: list[str] = []

    async def look() -> None:
        settings = Settings.read()
        configure(settings.log_format, settings.log_level)
        await _refuse_running(settings)
        what.append(_description(settings))

    run(look())
    revokes = revoke
    if revokes is None:
        revokes = ask("Revoke all grants at Google first?", default=True, option="--revoke or --keep-grants")
    first = "Revoke all grants at Google, then delete" if revokes else "Delete"
    confirm(f"{first} {what[0]}?", yes=yes)

    async def work() -> None:
        settings = Settings.read()
        if revokes and (settings.database_url is not None or _embedded(settings).exists()):
            await _revoke(settings, force=force)
        await _delete(settings, revoked=bool(revokes) and not force)

    run(work(), interrupted="Interrupted; the same command goes on.")


def _embedded(settings: Settings) -> "EmbeddedServer":
    server: EmbeddedServer = load_optional("catflap.store.embedded").EmbeddedServer(settings.data_dir)
    return server


def _description(settings: Settings) -> str:
    if settings.database_url is None:
        return f"what Catflap has stored in {settings.data_dir}, database and keyset included"
    database = external_urls(settings).app.database
    return f"the schemas app, vault and queue of {database}, and what is ours in {settings.data_dir}"


async def _refuse_running(settings: Settings) -> None:
    if settings.database_url is None:
        if not settings.data_dir.exists():
            raise BadRequest(
                "nothing_installed",
                f"There is nothing at {settings.data_dir}. CATFLAP_DATA_DIR names another directory.",
            )
        if _embedded(settings).is_used():
            raise BadRequest(
                "catflap_runs",
                "Processes of Catflap use this database. Stop `catflap serve` and `catflap work` first; "
                "nothing was changed.",
            )
        return
    urls = external_urls(settings)
    engine = connect(urls.app)
    try:
        async with engine.connect() as connection:
            await refuse_running(connection, urls)
    finally:
        await engine.dispose()


async def _revoke(settings: Settings, *, force: bool) -> None:
    """Revoke all grants; raise an error if some are left, unless `force`."""
    async with AsyncExitStack() as stack:
        urls = await open_existing_database(settings, stack)
        engine = connect(urls.vault)
        stack.push_async_callback(engine.dispose)
        http = await stack.enter_async_context(
            httpx2.AsyncClient(verify=tls_context(), timeout=settings.google_timeout)
        )
        grants = Grants(
            engine, TokenCipher(Keyset(keyset_source(settings))), SystemClock(), "", sync_calendars=False
        )
        revocation = RevokeAll(
            grants, OAuth(http, Discovery(http, settings.google_discovery_url), _NO_CLIENT)
        )
        if not (total := await revocation.count()):
            return
        with progress() as bar:
            task = bar.add_task("revoking", total=total)
            left = await revocation.run(lambda: bar.advance(task))
        typer.echo(f"{total - len(left):,} of {total:,} tokens revoked at Google.")
        if left:
            await _name(urls, left)
        if left and not force:
            raise TryAgain(
                "not_revoked",
                "Nothing was deleted. Try again later; or --force deletes all the same, and these people "
                "remove the access at https://myaccount.google.com/connections",
            )


async def _name(urls: Urls, left: Sequence[Unrevoked]) -> None:
    engine = connect(urls.app)
    try:
        async with engine.connect() as connection:
            rows = await connection.execute(select(accounts.c.user_id, accounts.c.sub, accounts.c.email))
            names = {(row.user_id, row.sub): row.email for row in rows}
    finally:
        await engine.dispose()
    typer.echo("Not revoked:", err=True)
    for one in left:
        name = names.get((one.user_id, one.account_sub)) or f"account {one.account_sub}"
        typer.echo(f"  user {one.user_id}, {name}: {one.code}", err=True)


async def _delete(settings: Settings, *, revoked: bool) -> None:
    # Again: a process may have started while somebody was asked, or Google.
    await _refuse_running(settings)
    remains: list[str] = [] if revoked else [_GRANTS]
    if settings.database_url is None:
        await asyncio.to_thread(_embedded(settings).end)
    else:
        urls = external_urls(settings)
        if settings.owner_database_url is None:
            script = "; ".join(statements(urls))
            remains.append(f"in PostgreSQL, for its owner to run in {urls.app.database}: {script}")
        else:
            await drop_schemas(external_urls(settings, as_owner=True))
            remains.append(f"the database {urls.app.database}, without our schemas and roles")
    remains += [f"{path}, which is not Catflap's" for path in remove_data(settings.data_dir)]
    remains += [f"the unit {unit}: systemctl disable --now catflap, then delete it" for unit in units()]
    typer.echo(f"Deleted: {settings.data_dir}")
    typer.echo("What remains:")
    for line in (*remains, f"the program: {uninstall_command()}", *_ALWAYS):
        typer.echo(f"  - {line}")


_GRANTS = "what Google was not told to revoke: users remove it at https://myaccount.google.com/connections"
_ALWAYS = (
    "the OAuth client: delete it at https://console.cloud.google.com/auth/clients",
    "backups and copies of the keyset that you have made: they are as secret as before",
)
