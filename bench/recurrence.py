"""CPU time to expand recurring events: Catflap, python-dateutil (two versions) and recurring-ical-events.

Each answers the same question from the text of the rule: which instances begin within a day of November 2026?
Nothing is kept between two questions. Every engine runs in a process of its own, `python -m bench.recurrence
NAME`, in turns with the others; a row is the median of the rounds. Needs a package index for dateutil 4,
which can't be installed beside recurring-ical-events 3.
"""

import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import recurring_ical_events
from dateutil.rrule import rrulestr

from bench.records import ROOT, Rows
from catflap.calendars.event_projection import StoredEvent
from catflap.calendars.recurrence.rrule import parse_rrule
from catflap.calendars.recurrence.series import expand_events

DAY = datetime(2026, 11, 24, tzinfo=UTC)
LEAST_SECONDS = 0.05
DATEUTIL_4 = Path(__file__).parent / "peers" / "dateutil-4.txt"


@dataclass(frozen=True)
class Case:
    """A series of half an hour, from `start` on; `hours` is the length of the window."""

    start: datetime
    lines: tuple[str, ...]
    hours: int = 24

    @property
    def end(self) -> datetime:
        return DAY + timedelta(hours=self.hours)


Question = Callable[[], list[datetime]]


def _rule(rule: str, days: int, *more: str, hours: int = 24) -> Case:
    """A series that began `days` before the window, a Tuesday."""
    start = DAY - timedelta(days=days) + timedelta(minutes=30)
    return Case(start, (f"RRULE:{rule}", *more), hours)


def _excluded(count: int) -> str:
    days = (DAY + timedelta(days=2 * number + 1, minutes=30) for number in range(-count // 2, count // 2))
    return "EXDATE:" + ",".join(f"{day:%Y%m%dT%H%M%SZ}" for day in days)


CASES = {
    "weekly, for a year": _rule("FREQ=WEEKLY", 364),
    "weekdays, for 10 years": _rule("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", 3_640),
    "daily, for 10 years": _rule("FREQ=DAILY", 3_652),
    "last Tuesday of a month, for 5 years": _rule("FREQ=MONTHLY;BYDAY=-1TU", 1_820),
    "birthday, for 50 years": _rule("FREQ=YEARLY", 18_262),
    "daily, 3,000 excluded dates": _rule("FREQ=DAILY", 3_652, _excluded(3_000)),
    "30 February": _rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", 364),
    "Monday, each 7th day from a Tuesday": _rule("FREQ=DAILY;INTERVAL=7;BYDAY=MO", 364),
    "each minute, for a year": _rule("FREQ=MINUTELY", 364, hours=1),
}


def measure(rounds: int = 3) -> Rows:
    """Return the milliseconds of CPU that each engine needs for each case."""
    with tempfile.TemporaryDirectory(prefix="catflap-dateutil-") as site:
        _install(DATEUTIL_4, site)
        runs = [("Catflap", ""), ("dateutil", ""), ("dateutil", site), ("recurring-ical-events", "")]
        answers = [_run(name, site) for _ in range(rounds) for name, site in runs]
    _check_same([answer["found"] for answer in answers])
    engines = dict.fromkeys(answer["engine"] for answer in answers)
    return {
        f"{case}: {engine}": round(
            statistics.median(one["taken"][case] for one in answers if one["engine"] == engine), 3
        )
        for case in CASES
        for engine in engines
    }


def _run(name: str, site: str) -> dict[str, Any]:
    """Run an engine in a process that looks for packages in the folder `site` first."""
    command = [sys.executable, "-m", "bench.recurrence", name]
    environment = {**os.environ, **({"PYTHONPATH": site} if site else {})}
    done = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _check_same(found: list[dict[str, list[str]]]) -> None:
    for case in CASES:
        if len({tuple(answer[case]) for answer in found}) > 1:
            raise AssertionError(f"{case}: the engines disagree")


def _install(requirements: Path, site: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    options = ["--target", site, "--requirement", str(requirements)]
    subprocess.run([*command, *options], check=True, capture_output=True)


def _catflap(case: Case) -> Question:
    times = {
        name: {"dateTime": at.isoformat(), "timeZone": "UTC"}
        for name, at in (("start", case.start), ("end", case.start + timedelta(minutes=30)))
    }
    event = StoredEvent(1, {"id": "series", **times, "recurrence": list(case.lines)}, "UTC")

    def ask() -> list[datetime]:
        parse_rrule.cache_clear()
        found = expand_events([event], DAY, case.end, UTC)
        return [one.starts_at for one in found if one.starts_at >= DAY]

    return ask


def _dateutil(case: Case) -> Question:
    text = "\n".join(case.lines)
    last = case.end - timedelta(seconds=1)
    return lambda: list(rrulestr(text, dtstart=case.start, forceset=True).between(DAY, last, inc=True))


def _recurring_ical_events(case: Case) -> Question:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:bench", "BEGIN:VEVENT", "UID:series"]
    times = (("DTSTART", case.start), ("DTEND", case.start + timedelta(minutes=30)))
    lines += [f"{name}:{at:%Y%m%dT%H%M%SZ}" for name, at in times]
    calendar = icalendar.Calendar.from_ical(
        "\r\n".join([*lines, *case.lines, "END:VEVENT", "END:VCALENDAR", ""])
    )

    def ask() -> list[datetime]:
        found = recurring_ical_events.of(calendar).between(DAY, case.end)
        return sorted(start for event in found if (start := event["DTSTART"].dt) >= DAY)

    return ask


ENGINES: dict[str, Callable[[Case], Question]] = {
    "Catflap": _catflap,
    "dateutil": _dateutil,
    "recurring-ical-events": _recurring_ical_events,
}
_PACKAGES = {"dateutil": "python-dateutil", "recurring-ical-events": "recurring-ical-events"}


def _label(name: str) -> str:
    return f"{name} {importlib.metadata.version(_PACKAGES[name])}" if name in _PACKAGES else name


def _cpu_ms(ask: Question) -> float:
    """Return the CPU time of a question; one that is short is asked until it can be measured."""
    count, began = 0, time.process_time()
    while not count or time.process_time() - began < LEAST_SECONDS:
        ask()
        count += 1
    return (time.process_time() - began) / count * 1000


def main(name: str) -> None:
    """Print what one engine finds and how long it takes, as JSON."""
    warnings.simplefilter("ignore")
    questions = {title: ENGINES[name](case) for title, case in CASES.items()}
    found = {title: [one.astimezone(UTC).isoformat() for one in ask()] for title, ask in questions.items()}
    taken = {title: _cpu_ms(ask) for title, ask in questions.items()}
    print(json.dumps({"engine": _label(name), "found": found, "taken": taken}))


if __name__ == "__main__":
    main(sys.argv[1])
