"""`catflap keys`: manage the keys that encrypt tokens at rest."""

from typing import Annotated

import typer

from catflap.cli.context import CliContext, cli_context, progress
from catflap.cli.runner import command, run
from catflap.errors import BadRequest
from catflap.settings import Settings
from catflap.vault import Grants
from catflap.vault.keyset import KeysetFile, keyset_source, only_primary, with_new_primary
from catflap.vault.keyset_adoption import KeysetAdoption
from catflap.vault.rotation import Progress, Rotation

cli = command()


@cli.callback()
def keys() -> None:
    """The keys that seal tokens at rest."""


@cli.command("list", epilog="Example:  catflap keys list")
def list_keys() -> None:
    """Each key, whether it seals, and how many values only it can open."""

    async def work() -> None:
        async with cli_context(keyset_must_fit=False) as context:
            primary = context.cipher.keyset.primary
            for key, values in sorted((await _rotation(context).used()).items()):
                held = "" if key in context.cipher.keyset.ids else "  MISSING from the keyset"
                typer.echo(f"{key:>10}  {'seals' if key == primary else '     '}  {values} values{held}")

    run(work())


@cli.command(epilog="Example:  catflap keys rotate")
def rotate() -> None:
    """Add a key, seal every token anew while tokens are served, then retire the old key.

    Interrupted, it loses nothing; the same command goes on.
    """

    async def work() -> None:
        async with cli_context() as context:
            with progress() as bar:
                task = bar.add_task("sealing anew", total=None)

                def report(far: Progress) -> None:
                    bar.update(task, completed=far.done, total=far.total)

                done = await _rotation(context).rotate(report)
            typer.echo(
                f"{done} values sealed anew with key {context.cipher.keyset.primary}; older keys are retired."
            )

    run(work())


@cli.command(epilog="Example:  CATFLAP_VAULT_KEYSET=$(catflap keys add)")
def add() -> None:
    """Print the keyset of CATFLAP_VAULT_KEYSET with a new key that seals: a secret."""

    async def work() -> None:
        async with cli_context() as context:
            typer.echo(with_new_primary(context.cipher.keyset.source.read()))

    run(work())


@cli.command(epilog="Example:  catflap keys reseal")
def reseal() -> None:
    """Seal with the current key all values that are sealed with another; older keys stay."""

    async def work() -> None:
        async with cli_context() as context:
            typer.echo(f"{await _rotation(context).reseal()} values sealed anew.")

    run(work())


@cli.command(epilog="Example:  CATFLAP_VAULT_KEYSET=$(catflap keys retire)")
def retire() -> None:
    """Print the keyset of CATFLAP_VAULT_KEYSET without the keys that nothing needs any more: a secret."""

    async def work() -> None:
        async with cli_context() as context:
            await _rotation(context).check_retired()
            typer.echo(only_primary(context.cipher.keyset.source.read()))

    run(work())


@cli.command(epilog="Example:  catflap keys adopt --accept-lost-grants")
def adopt(
    accept_lost_grants: Annotated[
        bool, typer.Option("--accept-lost-grants", help="Really give up what the keyset can't open.")
    ] = False,
) -> None:
    """Go on with the present keyset (a new one, if there is none) without what it can't open.

    Grants whose token is lost ask for a new consent, with the reason keyset_lost. Webhooks get new secrets,
    which are printed: give them to their receivers. Try to restore the right keyset first.
    """

    async def work() -> None:
        source = keyset_source(Settings.read())
        if accept_lost_grants and isinstance(source, KeysetFile):
            source.make()
        async with cli_context(keyset_must_fit=False) as context:
            # No grant is used here, so the OAuth client does not matter.
            adoption = KeysetAdoption(Grants(context.vault_engine, context.cipher, context.clock, ""))
            if not accept_lost_grants:
                tokens, webhooks = await adoption.count_lost()
                raise BadRequest(
                    "confirmation_missing",
                    f"{tokens} grants and {webhooks} webhook secrets can't be opened with this keyset and "
                    "would be given up. Restore the right keyset, or add --accept-lost-grants.",
                )
            adopted = await adoption.adopt()
        typer.echo(f"Grants given up, which ask for a new consent: {adopted.refresh_tokens}")
        for webhook_id, url, secret in adopted.webhooks:
            typer.echo(f"{webhook_id}\t{url}\t{secret}")

    run(work())


def _rotation(context: CliContext) -> Rotation:
    return Rotation(context.vault_engine, context.cipher)
