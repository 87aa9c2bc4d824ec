"""Who may see the numbers of this installation: the accounts that CATFLAP_OPERATORS lists."""

from collections.abc import Collection

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.errors import BadRequest
from catflap.signin.sessions import Session
from catflap.store.tables import accounts as a

_WITH_ADDRESS = (
    select(a.c.sub)
    .where(
        a.c.user_id == bindparam("user_id"),
        a.c.signs_in,
        a.c.email_verified,
        a.c.disabled_at.is_(None),
        func.lower(a.c.email).in_(bindparam("emails", expanding=True)),
    )
    .limit(1)
)


class Operators:
    """The accounts of operators, by addresses that Google has verified.

    Only an account that signs in counts, because anybody may have an operator link theirs; and only the
    session of a browser, which nobody gets without signing in at Google: back ends with an API key can begin
    bearer sessions of any user.

    Args:
        engine: The database.
        emails: The addresses; with none, nobody is an operator.
    """

    def __init__(self, engine: AsyncEngine, emails: Collection[str]) -> None:
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._emails = sorted({email.lower() for email in emails})

    async def include(self, session: Session) -> bool:
        """Return whether a session is that of an operator."""
        if not self._emails or session.kind != "cookie":
            return False
        values = {"user_id": session.user_id, "emails": self._emails}
        async with self._reading.connect() as connection:
            return await connection.scalar(_WITH_ADDRESS, values) is not None

    async def check(self, session: Session) -> None:
        """Check that a session is that of an operator.

        Raises:
            BadRequest: `operators_only`.
        """
        if not await self.include(session):
            raise BadRequest("operators_only", "This is for the operators of this Catflap.")
