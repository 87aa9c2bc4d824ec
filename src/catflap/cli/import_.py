"""`catflap import`: import refresh tokens from another system.

Each token is verified with one refresh and stored encrypted. Tokens that are stored already are skipped, so
the command can be run again.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from catflap.cli.context import CliContext, cli_context, progress
from catflap.cli.import_sources import Row, read_file, read_query
from catflap.cli.runner import command, run
from catflap.errors import BadRequest, CatflapError, TryAgain
from catflap.google.discovery import Discovery
from catflap.google.id_token import Identity, IdTokens, unnamed
from catflap.google.jwks import JwksCache
from catflap.google.oauth import InvalidGrant, OAuth, TokenResponse
from catflap.signin import Users
from catflap.signin.late_identification import LateIdentification
from catflap.store.vault_tables import google_tokens
from catflap.vault import Grants
from catflap.vault.fingerprints import double_hash

cli = command()
_TRIES = 4


@cli.command(
    epilog="Examples:  catflap import tokens.csv   |   catflap import --from postgresql://app@db/app "
    "--sql 'SELECT user_id, refresh_token FROM google_calendar_tokens'"
)
def import_tokens(
    file: Annotated[Path | None, typer.Argument(help="CSV with a header, or a JSON array.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="postgresql://… or sqlite:///file")] = None,
    sql: Annotated[str | None, typer.Option(help="A query that gives user_id and refresh_token.")] = None,
) -> None:
    """Import refresh tokens of this OAuth client: user_id (what your app calls the person), refresh_token.

    One line for each row on standard output: number, user, outcome. Tokens that Google refuses are not kept.
    """

    async def work() -> None:
        if (file is None) == (source is None or sql is None):
            raise BadRequest("import_unreadable", "Give a file, or --from and --sql.")
        rows = read_file(file) if file is not None else await read_query(source or "", sql or "")
        async with cli_context() as context:
            importer = TokenImporter(context)
            counts: dict[str, int] = {}
            with progress() as bar:
                for row in bar.track(rows, description="importing"):
                    outcome = await importer.import_row(row)
                    counts[outcome] = counts.get(outcome, 0) + 1
                    typer.echo(f"{row.number}\t{row.user}\t{outcome}")
            typer.echo(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())), err=True)

    run(work())


class TokenImporter:
    """Importer of refresh tokens, one row at a time."""

    def __init__(self, context: CliContext) -> None:
        clients = context.settings.google_clients()
        client, others = clients.primary, [one.client_id for one in clients.all[1:]]
        discovery = Discovery(context.http, context.settings.google_discovery_url)
        self._context = context
        self._oauth = OAuth(context.http, discovery, client)
        self._grants = Grants(
            context.vault_engine, context.cipher, context.clock, client.client_id, other_clients=others
        )
        self._users = Users(context.app_engine, context.clock)
        self._naming = LateIdentification(context.app_engine, context.clock, self._users, self._grants)
        self._id_tokens = IdTokens(
            JwksCache(context.http, discovery.jwks_uri, context.clock), discovery, context.clock
        )

    async def import_row(self, row: Row) -> str:
        """Import one token; return `imported`, `here already`, `dead` or an error code."""
        if await self._is_stored(row):
            return "here already"
        try:
            answer = await self._verify(row)
            identified = await self._identity(answer)
            user_id, _ = await self._users.get_or_create(row.user)
            identity = identified or unnamed(user_id)
            await self._users.link_account(user_id, identity)
            tokens = TokenResponse(
                answer.access_token,
                answer.expires_in,
                answer.scopes,
                row.refresh_token,
                refresh_token_expires_in=answer.refresh_token_expires_in,
            )
            await self._grants.store(user_id, identity.sub, tokens)
            await self._naming.merge_unnamed_account(user_id, identity)
        except InvalidGrant:
            return "dead"
        except CatflapError as error:
            return error.code
        return "imported"

    async def _is_stored(self, row: Row) -> bool:
        t = google_tokens
        query = select(t.c.id).where(t.c.token_hash == double_hash(row.refresh_token), t.c.state == "active")
        async with self._context.vault_engine.connect() as connection:
            return (await connection.execute(query)).first() is not None

    async def _verify(self, row: Row) -> TokenResponse:
        for attempt in range(_TRIES):
            try:
                return await self._oauth.refresh(row.refresh_token)
            except TryAgain as error:
                if attempt + 1 == _TRIES:
                    raise
                await asyncio.sleep(error.after.total_seconds() if error.after else 2.0**attempt)
        raise AssertionError("unreachable")

    async def _identity(self, answer: TokenResponse) -> Identity | None:
        """Return the identity in the ID token, if the response has one."""
        if answer.id_token is None:
            return None
        audiences = (self._oauth.client.client_id,)
        return await self._id_tokens.verify(answer.id_token, audiences=audiences, nonce=None)
