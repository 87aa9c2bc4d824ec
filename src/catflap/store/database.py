"""Connect to Postgres as one of its two roles."""

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catflap.errors import OperatorMustAct


def parse_url(url: str) -> URL:
    """A `postgresql://` URL as SQLAlchemy wants it, with asyncpg as the driver.

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


def connect(url: URL, *, pool_size: int = 10) -> AsyncEngine:
    """A pool of connections; it opens none before the first use."""
    # Parameters are tokens and titles: they must not stand in the text of an error.
    return create_async_engine(
        url, pool_size=pool_size, max_overflow=0, pool_timeout=30, hide_parameters=True
    )


def asyncpg_options(url: URL) -> dict[str, object]:
    """The same place as keyword arguments of `asyncpg.connect`, for LISTEN and the job engine."""
    options: dict[str, object] = {"user": url.username, "password": url.password, "database": url.database}
    host, port = url.query.get("host", url.host), url.port or url.query.get("port")
    if host:
        options["host"] = host
    if port:
        options["port"] = int(str(port))
    return options
