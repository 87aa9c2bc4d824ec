"""`catflap webhooks`: manage the receivers of events about grants and calendars."""

from typing import Annotated

import httpx2
import typer

from catflap.cli.context import CliContext, cli_context
from catflap.cli.runner import command, run
from catflap.vault.outbox import CALENDAR_CHANGED, GRANT_EVENTS
from catflap.vault.webhooks import Webhooks

cli = command()
_EVENT_HELP = (
    f"What to send; may be repeated. Without it {', '.join(GRANT_EVENTS)}. {CALENDAR_CHANGED}, for each "
    "change of a calendar, must be named."
)


@cli.callback()
def webhooks() -> None:
    """Receivers of events about grants and calendars."""


@cli.command(
    epilog="Example:  catflap webhooks add https://shop.example.com/catflap --event grant.revoked "
    "--event calendar.changed"
)
def add(
    url: Annotated[str, typer.Argument(help="An https address on the public internet.")],
    event: Annotated[list[str] | None, typer.Option(help=_EVENT_HELP, metavar="<event>")] = None,
) -> None:
    """Register a webhook. Its secret is shown now and never again."""

    async def work() -> None:
        async with cli_context() as context, httpx2.AsyncClient(trust_env=False) as http:
            made, secret = await _webhooks(context, http).create(url, event or GRANT_EVENTS)
            typer.echo(f"webhook {made.id}; verify its signatures with, shown only now:", err=True)
            typer.echo(secret)

    run(work())


@cli.command("list", epilog="Example:  catflap webhooks list")
def list_webhooks() -> None:
    """Every webhook."""

    async def work() -> None:
        async with cli_context() as context:
            for one in await _webhooks(context, context.http).all():
                typer.echo(f"{one.id:>4}  {one.url}  {' '.join(sorted(one.events))}")

    run(work())


@cli.command(epilog="Example:  catflap webhooks remove 2")
def remove(webhook_id: int) -> None:
    """Forget a webhook and what is still to be delivered to it."""

    async def work() -> None:
        async with cli_context() as context:
            await _webhooks(context, context.http).remove(webhook_id)
            typer.echo(f"webhook {webhook_id} is gone.")

    run(work())


def _webhooks(context: CliContext, http: httpx2.AsyncClient) -> Webhooks:
    # Where the setting leaves it open, the application decides.
    calendars = context.settings.calendars is not False
    return Webhooks(context.vault_engine, context.cipher, context.clock, http, calendars=calendars)
