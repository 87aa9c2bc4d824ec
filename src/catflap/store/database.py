"""Connection pools to PostgreSQL, with errors translated to Catflap's."""

from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import event, make_url
from sqlalchemy.engine import URL, Dialect, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

from catflap.errors import OperatorMustAct
from catflap.store.unavailable import (
    DatabaseUnavailable,
    UnavailableLog,
    ends_all_connections,
    translate_error,
)

# Longer than a burst lasts, shorter than people and proxies wait.
_POOL_SECONDS = 10.0
# Of the time of a statement: somebody waits for both together.
_POOL_SHARE = 0.6
_CONNECT_SECONDS = 10.0
# Of one statement, also when the server has disappeared silently; see `process_settings`.
_STATEMENT_SECONDS = 30.0


@dataclass(frozen=True)
class Urls:
    """Database URLs of the three roles. `owner` creates roles and tables, and is used for nothing else."""

    owner: URL
    app: URL
    vault: URL


def parse_url(url: str) -> URL:
    """Parse a `postgresql://` URL, with asyncpg as the driver.

    Raises:
        OperatorMustAct: `database_url_invalid`.
    """
    try:
        parsed = make_url(url)
    except Exception:
        raise OperatorMustAct("database_url_invalid", _INVALID) from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise OperatorMustAct("database_url_invalid", _INVALID)
    return parsed.set(drivername="postgresql+asyncpg")


_INVALID = "CATFLAP_DATABASE_URL must look like postgresql://user:password@host:5432/database"


def connect(url: URL, *, pool_size: int = 10, seconds: float | None = None) -> AsyncEngine:
    """Create a connection pool; it opens no connection before the first use.

    Errors are translated by `unavailable.translate_error`. Connections that the server has closed are
    replaced when they are checked out, without a round trip.

    Args:
        url: The database, and the role.
        pool_size: The most connections.
        seconds: The most that a statement takes, and opening a connection; None for half a minute. For a free
            connection a caller waits 60 % of it, and not longer than ten seconds.
    """
    seconds = seconds or _STATEMENT_SECONDS
    # Parameters are tokens and titles, which must not appear in error texts.
    engine = create_async_engine(
        url,
        poolclass=_Pool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=min(_POOL_SHARE * seconds, _POOL_SECONDS),
        connect_args={"timeout": min(seconds, _CONNECT_SECONDS), "command_timeout": seconds},
        hide_parameters=True,
    )
    announced = UnavailableLog(url.username or "")

    def translate(context: ExceptionContext) -> BaseException | None:
        error = context.original_exception
        found = translate_error(error)
        # A cancellation disconnects too, and must stay a cancellation.
        if found is None and context.is_disconnect and isinstance(error, Exception):
            found = DatabaseUnavailable(type(error).__name__)
        if isinstance(error, OSError | asyncpg.InternalClientError):
            # A statement that timed out may still run; the other connections stay usable.
            context.is_disconnect, context.invalidate_pool_on_disconnect = True, False
        elif ends_all_connections(error):
            context.is_disconnect = True
        return found and announced.note(found)

    def open_connection(dialect: Dialect, _: object, arguments: Any, options: Any) -> DBAPIConnection:
        try:
            return dialect.connect(*arguments, **options)
        except Exception as error:
            found = translate_error(error)
            if found is None:
                raise
            raise announced.note(found) from error

    event.listen(engine.sync_engine, "handle_error", translate, retval=True)
    event.listen(engine.sync_engine, "do_connect", open_connection)
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


class _Pool(AsyncAdaptedQueuePool):
    """Raises `DatabaseUnavailable` when no connection becomes free in time."""

    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except PoolTimeout:
            raise DatabaseUnavailable("no free connection") from None


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    # Asks the driver; asking the server would cost each request a round trip.
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def asyncpg_options(url: URL) -> dict[str, object]:
    """Return the URL as keyword arguments of `asyncpg.connect`, for connections without SQLAlchemy."""
    options: dict[str, object] = {"user": url.username, "password": url.password, "database": url.database}
    host, port = url.query.get("host", url.host), url.port or url.query.get("port")
    if host:
        options["host"] = host
    if port:
        options["port"] = int(str(port))
    if ssl := url.query.get("ssl"):
        # Without it, these connections would be less protected than those of SQLAlchemy.
        options["ssl"] = ssl
    return options
