"""`catflap demo --once --json` from sign-in to sounds, compared with an independent library."""

import functools
import hashlib
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
import soundfile

from tests.journeys.conftest import OWN_CALENDARS, SHARED_CALENDARS, json_lines, run

LEAD = timedelta(minutes=10)
DAY = timedelta(hours=24)
WEEK = OWN_CALENDARS / "a_week.ics"
MORNING, EVENING = "2026-11-24T06:00:00+00:00", "2026-11-25T20:00:00+00:00"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo_once")]


def spoken(lines: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["step"] == "spoken" and line["kind"] in kinds]


def titles(line: dict[str, Any]) -> list[str]:
    return line["event_title"] if isinstance(line["event_title"], list) else [line["event_title"]]


def expected(file: Path, now: datetime) -> Counter[tuple[str, datetime]]:
    """Return the events, by an independent library, whose reminders are due in the next 24 hours."""
    calendar = icalendar.Calendar.from_ical(file.read_bytes())
    found = recurring_ical_events.of(calendar).between(now, now + DAY + LEAD)
    return Counter(
        (str(event["SUMMARY"]), event["DTSTART"].dt)
        for event in found
        if isinstance(event["DTSTART"].dt, datetime)
        and event.get("STATUS") != "CANCELLED"
        and now <= event["DTSTART"].dt - LEAD < now + DAY
    )


@dataclass(frozen=True)
class Ran:
    """One run of the demo: its output and its directory."""

    lines: list[dict[str, Any]]
    folder: Path


DemoOnce = Callable[..., Ran]


@pytest.fixture(scope="session")
def demo_once(tmp_path_factory: pytest.TempPathFactory) -> DemoOnce:
    """Run the demo once per calendar, time and zone, shared by tests."""

    @functools.cache
    def ran(file: Path, now: str, *more: str) -> Ran:
        folder = tmp_path_factory.mktemp("demo")
        result = run("demo", "--once", "--json", "--calendar", str(file), "--now", now, *more, cwd=folder)
        assert result.returncode == 0, result.stderr
        return Ran(json_lines(result.stdout), folder)

    return ran


def check_reminders(lines: list[dict[str, Any]], file: Path, now: datetime) -> None:
    heard = Counter(
        (title, datetime.fromisoformat(line["event_start"]))
        for line in spoken(lines, "before", "start")
        for title in titles(line)
    )
    assert heard == expected(file, now)
    for line in spoken(lines, "before"):
        start, play_at = datetime.fromisoformat(line["event_start"]), datetime.fromisoformat(line["play_at"])
        assert start - play_at == LEAD


def test_each_step_is_printed_and_every_sound_is_written(demo_once: DemoOnce) -> None:
    ran = demo_once(WEEK, MORNING)
    lines = ran.lines
    steps = [line["step"] for line in lines]
    assert steps[:4] == ["signed_in", "grant", "synced", "planned"]
    assert steps[-1] == "summary"
    summary = lines[-1]
    assert summary["planned"] == summary["spoken"] == summary["acknowledged"] == steps.count("spoken")
    sounds = set()
    for line in spoken(lines, "paired", "before", "start", "briefing"):
        content = (ran.folder / line["audio"]).read_bytes()
        info = soundfile.info(io.BytesIO(content))
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert info.duration == pytest.approx(line["seconds"], abs=0.01)
        sounds.add(hashlib.sha256(content).hexdigest())
    assert len(sounds) == summary["spoken"]


def test_our_own_week_is_spoken_as_an_independent_library_expands_it(demo_once: DemoOnce) -> None:
    lines = demo_once(WEEK, MORNING).lines
    check_reminders(lines, WEEK, datetime.fromisoformat(MORNING))
    japanese = [line for line in spoken(lines, "before") if "お茶の時間" in titles(line)]
    assert [line["dialect"] for line in japanese] == ["kansai"]
    assert {line["dialect"] for line in spoken(lines, "before") if line not in japanese} == {"kitten"}
    assert ["Call with the vet", "Stand-up"] in [line["event_title"] for line in spoken(lines, "before")]
    (briefing,) = spoken(lines, "briefing")
    assert titles(briefing) == ["Birthday of the cat"]


def test_the_users_time_zone_decides_when_the_briefing_is(demo_once: DemoOnce) -> None:
    lines = demo_once(WEEK, MORNING, "--zone", "Asia/Tokyo").lines
    (briefing,) = spoken(lines, "briefing")
    at = datetime.fromisoformat(briefing["play_at"]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert (at.date(), at.hour, at.minute) == (date(2026, 11, 25), 8, 0)


@pytest.fixture
def rust_project() -> Path:
    file = SHARED_CALENDARS / "rust-project.ics"
    if not file.exists():
        pytest.skip(
            "THE REAL CALENDARS ARE NOT HERE: ../shared/data/calendars is absent, so only our own were read"
        )
    return file


@pytest.mark.parametrize("now", [MORNING, EVENING])
def test_the_rust_projects_day_is_spoken_once_and_on_the_second(
    demo_once: DemoOnce, rust_project: Path, now: str
) -> None:
    lines = demo_once(rust_project, now).lines
    check_reminders(lines, rust_project, datetime.fromisoformat(now))


def test_the_all_day_entry_of_tomorrow_is_in_the_morning_briefing(
    demo_once: DemoOnce, rust_project: Path
) -> None:
    lines = demo_once(rust_project, EVENING).lines
    (briefing,) = spoken(lines, "briefing")
    calendar = icalendar.Calendar.from_ical(rust_project.read_bytes())
    found = recurring_ical_events.of(calendar).at(date(2026, 11, 26))
    whole_days = {str(event["SUMMARY"]) for event in found if not isinstance(event["DTSTART"].dt, datetime)}
    assert whole_days
    assert set(titles(briefing)) == whole_days
    assert briefing["play_at"] == "2026-11-26T08:00:00Z"
