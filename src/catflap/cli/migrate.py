"""`catflap migrate`: create or upgrade roles and tables on an external PostgreSQL."""

from dataclasses import replace

import typer

from catflap.cli.runner import command, run
from catflap.settings import Settings
from catflap.store.connect import external_urls
from catflap.store.migrate import create_database
from catflap.store.migrate import migrate as migrate_database

cli = command()


@cli.command(
    epilog="Example:  CATFLAP_OWNER_DATABASE_URL=postgresql://postgres:…@db/postgres "
    "CATFLAP_DATABASE_URL=postgresql://catflap_app:…@db/catflap "
    "CATFLAP_VAULT_DATABASE_URL=postgresql://catflap_vault:…@db/catflap catflap migrate"
)
def migrate() -> None:
    """On a PostgreSQL of your own: make the database, its two roles and the tables, or bring them up to date.

    CATFLAP_OWNER_DATABASE_URL names a role that may create roles and databases; nothing else needs it.
    """

    async def work() -> None:
        urls = external_urls(Settings.read(), as_owner=True)
        urls = replace(urls, owner=urls.owner.set(database=urls.app.database))
        await create_database(urls)
        await migrate_database(urls)
        typer.echo(f"{urls.app.database} is ready for {urls.app.username} and {urls.vault.username}.")

    run(work())
