"""The Rust Project's real meetings on two real days, against an independent library.

iCalendar file → sandbox → HTTP → copy in PostgreSQL → plan → rows of a device.
"""

import warnings
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import icalendar
import pytest
import recurring_ical_events
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planner import Planner
from catflap.clock import FixedClock
from catflap.store.tables import announcements as t
from tests.support.sandbox_calendar import EMAIL, SUB, Served

pytestmark = pytest.mark.slow

DIRECTORY = Path(__file__).parents[3] / "shared" / "data" / "calendars"
LEAD = timedelta(minutes=10)
DAY = timedelta(days=1)


NOWS = [
    datetime(2026, 11, 24, 6, tzinfo=UTC),
    datetime(2026, 11, 24, 12, tzinfo=UTC),
    datetime(2026, 11, 25, 20, tzinfo=UTC),
    datetime(2026, 11, 27, 8, tzinfo=UTC),
    datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC),
]


@pytest.fixture(params=NOWS, ids=str)
def clock(request: pytest.FixtureRequest) -> FixedClock:
    return FixedClock(request.param)


@pytest.mark.parametrize("name", ["rust-project", "fablab_cottbus"])
async def test_each_meeting_is_announced_once_at_the_right_instant_and_nothing_else(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock, name: str
) -> None:
    path = DIRECTORY / f"{name}.ics"
    if not path.exists():
        pytest.skip(f"LOUDLY: {path.name} is not there; no real day was compared")
    now = clock.now()
    text = _text(path)
    google.sandbox.import_ical(EMAIL, text)
    await google.calendars(engine, clock).sync_account(account, SUB)
    await Planner(engine, clock).plan_user(account)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(t).where(t.c.device_id == device_id))).all()
    timed, whole = _expected(text, now)
    said = Counter((row.play_at, title) for row in rows if row.kind == "before" for title in row.titles)
    assert said == timed
    briefing = Counter(
        (row.event_start, title) for row in rows if row.kind == "briefing" for title in row.titles
    )
    assert briefing == whole
    assert {row.kind for row in rows} <= {"before", "briefing"}


def _text(path: Path) -> str:
    return path.read_text()


def _expected(text: str, now: datetime) -> tuple[Counter[tuple[datetime, str]], Counter[tuple[str, str]]]:
    """The reminders of the next 24 hours, and the whole days of the briefing at 08:00 UTC among them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        query = recurring_ical_events.of(icalendar.Calendar.from_ical(text))
        found = query.between(now - DAY, now + 3 * DAY)
    timed: Counter[tuple[datetime, str]] = Counter()
    whole: Counter[tuple[str, str]] = Counter()
    briefing = datetime.combine(now.date(), time(8), UTC)
    briefing += DAY if briefing < now else timedelta(0)
    for event in found:
        start, end, title = event["DTSTART"].dt, event["DTEND"].dt, str(event["SUMMARY"]).strip()
        if isinstance(start, datetime):
            if now <= start.astimezone(UTC) - LEAD < now + DAY:
                timed[start.astimezone(UTC) - LEAD, title] += 1
        elif start <= briefing.date() < max(end, start + DAY):
            whole[briefing.date().isoformat(), title] += 1
    return timed, whole


def test_the_real_days_have_something_to_say() -> None:
    path = DIRECTORY / "rust-project.ics"
    if not path.exists():
        pytest.skip("LOUDLY: rust-project.ics is not there")
    timed, _ = _expected(_text(path), datetime(2026, 11, 24, 6, tzinfo=UTC))
    _, whole = _expected(_text(path), datetime(2026, 11, 25, 20, tzinfo=UTC))
    assert len(timed) > 3
    assert sum(whole.values()) == 1
