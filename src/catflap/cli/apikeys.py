"""`catflap apikeys`: manage the API keys of other back ends."""

from datetime import timedelta
from typing import Annotated

import typer

from catflap.cli.context import cli_context
from catflap.cli.runner import command, run
from catflap.vault.api_keys import PER_MINUTE, RIGHTS, ApiKey, ApiKeys

cli = command()


@cli.callback()
def api_keys() -> None:
    """The API keys of other back ends."""


@cli.command(
    epilog="Example:  catflap apikeys create shop --right tokens --scope calendar.readonly --user 17"
)
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, for you.")],
    right: Annotated[list[str], typer.Option(help=f"What it may do: {', '.join(RIGHTS)}.")],
    user: Annotated[list[int] | None, typer.Option(help="Only for this user; repeatable.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Only with this scope; repeatable.")] = None,
    per_minute: Annotated[int, typer.Option(help="Requests a minute.")] = PER_MINUTE,
    days: Annotated[int | None, typer.Option(help="How many days it lives; for ever if not given.")] = None,
) -> None:
    """Make a key. It is shown now and never again."""

    async def work() -> None:
        async with cli_context() as context:
            made, secret = await ApiKeys(context.vault_engine, context.clock).create(
                name,
                right,
                user_ids=user or None,
                scopes=scope or None,
                per_minute=per_minute,
                expires_at=None if days is None else context.clock.now() + timedelta(days=days),
            )
            typer.echo(f"key {made.id}, shown only now:", err=True)
            typer.echo(secret)

    run(work())


@cli.command("list", epilog="Example:  catflap apikeys list")
def list_keys() -> None:
    """Every key: rights, limits, last use."""

    async def work() -> None:
        async with cli_context() as context:
            for key in await ApiKeys(context.vault_engine, context.clock).list():
                typer.echo(_line(key))

    run(work())


@cli.command(epilog="Example:  catflap apikeys revoke 3")
def revoke(key_id: int) -> None:
    """End a key at once, in every process."""

    async def work() -> None:
        async with cli_context() as context:
            ended = await ApiKeys(context.vault_engine, context.clock).revoke(key_id)
            typer.echo(f"key {ended.id} ({ended.name}) is revoked.")

    run(work())


def _line(key: ApiKey) -> str:
    users = "all users" if key.user_ids is None else "users " + ",".join(map(str, sorted(key.user_ids)))
    scopes = "all scopes" if key.scopes is None else " ".join(sorted(key.scopes))
    used = f"last used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
    state = "revoked" if key.revoked_at else used
    return f"{key.id:>4}  {key.name}  {'+'.join(sorted(key.rights))}  {users}  {scopes}  {state}"
