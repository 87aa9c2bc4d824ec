"""Another process's vault, and what a vault answers."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import BadRequest, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.oauth import OAuth
from catflap.store.notify import NotificationListener
from catflap.vault import Grants, Vault
from catflap.vault.lease import Leases


def another_vault(
    grants: Grants, oauth: OAuth, clock: FixedClock, notifications: NotificationListener
) -> Vault:
    """A vault as another process has one: nothing shared but the database."""
    return Vault(
        grants, oauth, clock, notifications=notifications, leases=Leases(grants.engine, timedelta(seconds=1))
    )


async def access_error(vault: Vault, user_id: int) -> Exception | None:
    try:
        await vault.access_token(user_id)
    except (UserMustAct, OperatorMustAct, TryAgain, BadRequest) as error:
        return error
    return None


async def end_pauses(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE vault.google_tokens SET lease_until = NULL"))
