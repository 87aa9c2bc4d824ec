"""What an error of PostgreSQL, its driver or the pool means to a caller: one table, by SQLSTATE and class.

A database that is away, full, starting or read-only is nobody's mistake: `DatabaseUnavailable`, so 503. A
value that PostgreSQL can't hold is the sender's. Anything else is a fault of ours and stays what it is.
"""

import time
from collections.abc import Callable
from datetime import timedelta

import asyncpg

from catflap.errors import BadRequest, CatflapError, TryAgain
from catflap.log import log

RETRY_AFTER = timedelta(seconds=2)
_LOG_EVERY_SECONDS = 5.0

# SQLSTATEs and classes of them (the first two characters): PostgreSQL, "Error Codes".
_REASONS = {
    "08": "connection lost",
    "28": "login refused",
    "3D000": "no such database",
    "53": "out of resources",
    "57014": "statement timeout",
    "57P": "shut down or starting",
    "55P03": "lock timeout",
    "25P03": "idle in transaction",
    "25P04": "transaction timeout",
    "25006": "read-only",
    "40": "serialization failure",
    "58": "system error",
}
# After these the connection, and every other one of the pool, is of no use.
_LOST = ("08", "57P", "25006", "58")
_UNSTORABLE = "22"
# What a connection of the driver's own (LISTEN, the queue) raises when it is lost in the middle of something.
LOSSES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class DatabaseUnavailable(TryAgain):
    """The database can't answer now; it, or another one in its place, will."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "database_unavailable",
            "The database does not answer right now; please try again in a moment.",
            detail=reason,
            after=RETRY_AFTER,
        )


class Unstorable(BadRequest):
    """A value that PostgreSQL can't hold: NUL, half a surrogate pair, a number or a time out of range."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_request", "A value is out of range, or holds characters that can't be stored."
        )


def translate_error(error: BaseException) -> CatflapError | None:
    """What `error` means, or None when it is a fault of ours."""
    state = _sqlstate(error)
    if state is not None:
        if state.startswith(_UNSTORABLE):
            return Unstorable()
        reason = next((why for prefix, why in _REASONS.items() if state.startswith(prefix)), None)
        return None if reason is None else DatabaseUnavailable(f"{reason} ({state})")
    if _is_a(error, asyncpg.DataError):
        return Unstorable()
    if _is_a(error, asyncpg.InvalidCachedStatementError):
        return DatabaseUnavailable("the schema changed")
    if isinstance(error, OSError) or _is_a(error, asyncpg.InternalClientError):
        # The latter is the driver out of step with a server that went away.
        return DatabaseUnavailable(type(error).__name__)
    return None


def ends_all_connections(error: BaseException) -> bool:
    """Whether no connection that was made before this error is of use any more."""
    return (_sqlstate(error) or "").startswith(_LOST)


class UnavailableLog:
    """Says in the log that a pool has no database, without a line for each request."""

    def __init__(self, pool: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._said_at = -_LOG_EVERY_SECONDS

    def note(self, error: CatflapError) -> CatflapError:
        """The same error, having said it unless that was done a moment ago."""
        now = self._monotonic()
        if isinstance(error, DatabaseUnavailable) and now - self._said_at >= _LOG_EVERY_SECONDS:
            self._said_at = now
            log.warning("database_unavailable", pool=self._pool, reason=error.detail)
        return error


def _sqlstate(error: BaseException) -> str | None:
    found = getattr(error, "sqlstate", None)
    return found if isinstance(found, str) else None


def _is_a(error: BaseException, kind: type[BaseException]) -> bool:
    """SQLAlchemy's adapter wraps the driver's exceptions, and keeps them as the cause."""
    return isinstance(error, kind) or isinstance(error.__cause__, kind)
