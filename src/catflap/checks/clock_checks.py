"""The clocks of this machine, of Google and of the database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from sqlalchemy import text

from catflap.checks.catalogue import found
from catflap.checks.finding import Finding
from catflap.checks.installation import Database, Installation
from catflap.google.fetch import FetchError, fetch
from catflap.google.token_times import SKEW

# `Date` has whole seconds, and the answer takes a moment.
_DRIFT = timedelta(seconds=5)


async def check_clock(here: Installation) -> Sequence[Finding]:
    """Compare this machine's clock with the `Date` of Google's answer (RFC 9110, section 6.6.1)."""
    began = here.clock.now()
    try:
        answer = await fetch(here.http, "GET", here.settings.google_discovery_url)
        theirs = parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (FetchError, ValueError, TypeError, OverflowError):
        # That Google does not answer, the check of the client reports.
        return []
    ahead = _ahead(began, here.clock.now(), theirs)
    if abs(ahead) <= _DRIFT:
        return []
    return [found("clock_wrong" if abs(ahead) > SKEW else "clock_drifts", **_shown(ahead))]


async def check_database_clock(here: Installation, database: Database) -> Sequence[Finding]:
    """Compare this machine's clock with that of the database, whose queue of jobs has its own times."""
    async with database.app.connect() as connection:
        began = here.clock.now()
        theirs = await connection.scalar(text("SELECT clock_timestamp()"))
        ended = here.clock.now()
    assert isinstance(theirs, datetime)
    ahead = -_ahead(began, ended, theirs)
    return [found("database_clock_wrong", **_shown(ahead))] if abs(ahead) > _DRIFT else []


def _ahead(began: datetime, ended: datetime, theirs: datetime) -> timedelta:
    """Return by how much our clock is ahead: nothing, if theirs is between the two times of ours."""
    if theirs > ended:
        return ended - theirs
    return max(began - theirs, timedelta(0))


def _shown(ahead: timedelta) -> dict[str, str]:
    seconds = ahead.total_seconds()
    return {"seconds": f"{abs(seconds):.0f}", "direction": "ahead of" if seconds > 0 else "behind"}
