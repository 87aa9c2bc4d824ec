"""Every kind of announcement, as a function of what varies."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import get_args

from catflap.speech import (
    Talkativeness,
    Title,
    Utterance,
    say_all_day,
    say_before,
    say_briefing,
    say_cancelled,
    say_catch_up,
    say_countdown,
    say_evening,
    say_late,
    say_leave,
    say_moved,
    say_nothing,
    say_paired,
    say_reconnect,
    say_start,
)

AT = datetime.fromisoformat("2026-11-24T10:30+09:00")
TODAY = AT.date()
MINUTES = (0, 1, 2, 5, 15, 30, 59, 60, 61, 90, 120, 1440)
TALKS: tuple[Talkativeness, ...] = get_args(Talkativeness)

Say = Callable[[int], Utterance]


def kinds(
    dialect: str,
    titles: Sequence[Title | str],
    at: datetime = AT,
    all_minutes: Sequence[int] = MINUTES,
    all_timed: Sequence[int] = (0, 1, 2, 12),
) -> Iterator[tuple[str, Say]]:
    """Yield each kind in each of its forms, as its name and a function of the seed."""
    for minutes in all_minutes:
        yield from _with_minutes(dialect, titles, at, minutes)
    yield from _with_titles(dialect, titles, at)
    for talk in TALKS:
        yield from _whole_days(dialect, titles, at, talk, all_timed)
    yield "nothing", lambda seed: say_nothing(dialect, seed)
    yield "reconnect", lambda seed: say_reconnect(dialect, seed)
    yield "paired", lambda seed: say_paired(dialect, seed)


def _with_minutes(
    dialect: str, titles: Sequence[Title | str], at: datetime, minutes: int
) -> Iterator[tuple[str, Say]]:
    def before(talk: Talkativeness) -> Say:
        return lambda seed: say_before(dialect, titles, at, minutes, seed, talk)

    for talk in TALKS:
        yield f"before {minutes} {talk}", before(talk)
    yield f"leave {minutes}", lambda seed: say_leave(dialect, titles, at, minutes, seed)
    yield f"countdown {minutes}", lambda seed: say_countdown(dialect, titles, minutes, seed)
    yield f"late {minutes}", lambda seed: say_late(dialect, titles, minutes, seed)


def _with_titles(dialect: str, titles: Sequence[Title | str], at: datetime) -> Iterator[tuple[str, Say]]:
    def of_day(said_on: date) -> dict[str, Say]:
        return {
            "all_day": lambda seed: say_all_day(dialect, titles, at.date(), said_on, seed),
            "moved": lambda seed: say_moved(dialect, titles, at, said_on, seed),
            "cancelled": lambda seed: say_cancelled(dialect, titles, at, said_on, seed),
        }

    for days in (0, 1, 3):
        for name, say in of_day(at.date() - timedelta(days=days)).items():
            yield f"{name} {days} days ahead", say
    for talk in TALKS:
        yield f"start {talk}", _start(dialect, titles, at, talk)
    yield "catch_up", lambda seed: say_catch_up(dialect, titles, seed)


def _start(dialect: str, titles: Sequence[Title | str], at: datetime, talk: Talkativeness) -> Say:
    return lambda seed: say_start(dialect, titles, at, seed, talk)


def _whole_days(
    dialect: str, titles: Sequence[Title | str], at: datetime, talk: Talkativeness, all_timed: Sequence[int]
) -> Iterator[tuple[str, Say]]:
    day = at.date()
    listed = [(at + timedelta(minutes=50 * number), title) for number, title in enumerate(titles * 4)]
    until = [Title(one, until=at) if isinstance(one, str) else one for one in titles]

    def both(all_day: Sequence[Title | str], timed: int) -> dict[str, Say]:
        first, shown = (at, listed[:timed]) if timed else (None, [])
        return {
            "briefing": lambda seed: say_briefing(dialect, day, all_day, timed, first, (), seed, talk, shown),
            "under_way": lambda seed: say_briefing(
                dialect, day, all_day, timed, first, until, seed, talk, shown
            ),
            "evening": lambda seed: say_evening(dialect, day, all_day, timed, first, seed, talk, shown),
        }

    for timed in all_timed:
        for all_day in ((), titles):
            for name, say in both(all_day, timed).items():
                yield f"{name} {timed} {len(all_day)} {talk}", say
