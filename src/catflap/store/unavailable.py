"""Translate errors of PostgreSQL, its driver and the pool, by SQLSTATE and class.

A database that is down, full, starting or read-only becomes `DatabaseUnavailable` (503). A value that
PostgreSQL can't store becomes a bad request. Anything else is a bug and stays as it is.
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
    "53300": "too many connections",
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
# After these the connection, and every other one of the pool, is unusable.
_LOST = ("08", "57P", "25006", "58")
_UNSTORABLE = "22"
# Raised by connections outside the pool (LISTEN, the queue) when they are lost.
LOSSES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class DatabaseUnavailable(TryAgain):
    """The database does not answer at present."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "database_unavailable",
            "The database does not answer right now; please try again in a moment.",
            detail=reason,
            after=RETRY_AFTER,
        )


class Unstorable(BadRequest):
    """A value that PostgreSQL can't store: NUL, half a surrogate pair, a number or a time out of range."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_request", "A value is out of range, or holds characters that can't be stored."
        )


def translate_error(error: BaseException) -> CatflapError | None:
    """Return the error to raise instead, or None when `error` is a bug."""
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
        # The latter is raised when the server closes the connection unexpectedly.
        return DatabaseUnavailable(type(error).__name__)
    return None


def ends_all_connections(error: BaseException) -> bool:
    """Return whether every connection opened before this error is unusable."""
    return (_sqlstate(error) or "").startswith(_LOST)


class UnavailableLog:
    """Logs that a pool has no database, at most every few seconds."""

    def __init__(self, pool: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._logged_at = -_LOG_EVERY_SECONDS

    def note(self, error: CatflapError) -> CatflapError:
        """Return the same error, and log it unless that was done a moment ago."""
        now = self._monotonic()
        if isinstance(error, DatabaseUnavailable) and now - self._logged_at >= _LOG_EVERY_SECONDS:
            self._logged_at = now
            log.warning("database_unavailable", pool=self._pool, reason=error.detail)
        return error


def _sqlstate(error: BaseException) -> str | None:
    found = getattr(error, "sqlstate", None)
    return found if isinstance(found, str) else None


def _is_a(error: BaseException, kind: type[BaseException]) -> bool:
    """Check an error or its cause; SQLAlchemy wraps the driver's exceptions."""
    return isinstance(error, kind) or isinstance(error.__cause__, kind)
