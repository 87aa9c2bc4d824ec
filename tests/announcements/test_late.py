"""What a device says that was offline when something was due."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from catflap.announcements.appointments import appointments
from catflap.announcements.context import PlanContext
from catflap.announcements.facts import Facts
from catflap.announcements.holding import Holding
from catflap.announcements.late import late_announcements
from catflap.announcements.planned import KINDS, PlannedAnnouncement, occurrence_reference
from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from tests.support.occurrences import HOUR, NOON, timed, whole

MINUTE = timedelta(minutes=1)
USUAL = Preferences(dialect_en="plain", dialect_ja="standard")


def said(
    *occurrences: Occurrence,
    missed: tuple[Occurrence, ...] | None = None,
    preferences: Preferences = USUAL,
    acknowledged: tuple[Occurrence, ...] = (),
    at: datetime = NOON,
) -> list[PlannedAnnouncement]:
    """What is said at noon if all of these, or only `missed`, were missed."""
    found = appointments(occurrences, preferences)
    facts = Facts(acknowledged=frozenset(map(occurrence_reference, acknowledged)))
    context = PlanContext(found, preferences, facts, Holding(found, preferences), at, at)
    references = {occurrence_reference(one) for one in (occurrences if missed is None else missed)}
    return list(late_announcements(context, references, at))


def test_before_the_start_the_minutes_left_are_said() -> None:
    (one,) = said(timed("Tea", NOON + 7 * MINUTE))
    assert one.kind == "late" and one.kind not in KINDS
    assert "7 minutes" in one.display and one.titles == ("Tea",)
    assert NOON < one.play_at < NOON + MINUTE
    assert one.expires_at - one.play_at == 2 * MINUTE
    (tomorrow,) = said(timed("Tea", NOON + 20 * HOUR))
    assert "20 hours" in tomorrow.display


def test_after_the_start_it_is_said_since_when_it_lasts() -> None:
    (one,) = said(timed("Tea", NOON - 7 * MINUTE))
    assert "7 minutes ago" in one.display


@pytest.mark.parametrize(
    "over",
    [
        timed("Tea", NOON - 16 * MINUTE),
        timed("Tea", NOON - 10 * MINUTE, ends_at=NOON - MINUTE),
        timed("Tea", NOON - 3 * HOUR),
        whole("Tea", NOON.date()),
        timed("Tea", NOON + 5 * MINUTE, declined=True),
    ],
    ids=["long under way", "ended", "long over", "all day", "declined"],
)
def test_what_is_of_no_use_any_more_is_not_said(over: Occurrence) -> None:
    assert said(over) == []


def test_what_was_not_missed_is_not_said() -> None:
    tea, retro = timed("Tea", NOON + 7 * MINUTE), timed("Retro", NOON + 7 * MINUTE)
    (one,) = said(tea, retro, missed=(retro,))
    assert one.titles == ("Retro",)


def test_events_of_one_time_are_one_sentence_with_its_minutes() -> None:
    (one,) = said(*(timed(title, NOON + 7 * MINUTE) for title in ("Tea", "Retro")))
    assert "7 minutes" in one.display and set(one.titles) == {"Tea", "Retro"}


def test_of_however_many_events_there_is_one_announcement_per_language_with_three_titles() -> None:
    many = [timed(f"Tea {n}", NOON + n * MINUTE) for n in range(1, 40)]
    many += [timed(f"会議{n}", NOON + n * MINUTE) for n in range(1, 40)]
    found = said(*many)
    assert sorted(one.language for one in found) == ["en", "ja"]
    for one in found:
        assert len(one.titles) == 3
        assert len(one.occurrences) == 39


def test_the_nearest_are_named() -> None:
    hours = (9, 1, -0.1, 5, 3)
    (one,) = said(*(timed(f"In {hour}", NOON + hour * HOUR) for hour in hours))
    assert one.titles == ("In -0.1", "In 1", "In 3")


def test_the_key_depends_on_what_it_is_about_and_not_on_the_time() -> None:
    tea, retro = timed("Tea", NOON + 9 * MINUTE), timed("Retro", NOON + 9 * MINUTE)
    (first,), (again,), (other,) = said(tea), said(tea, at=NOON + 3 * MINUTE), said(tea, retro)
    assert first.key == again.key != other.key
    assert "6 minutes" in again.display


@pytest.mark.parametrize(
    "choices",
    [
        {"quiet_from": time(11), "quiet_until": time(13)},
        {"in_meetings": "silent"},
    ],
    ids=["quiet", "meeting"],
)
def test_what_is_held_is_not_said_late(choices: dict[str, Any]) -> None:
    meeting = timed("Meeting", NOON - 3 * MINUTE, attendee_count=3)
    tea = timed("Tea", NOON + 7 * MINUTE)
    held = Preferences(dialect_en="plain", **choices)
    assert said(tea, meeting, missed=(tea,), preferences=held) == []
    assert said(tea, meeting, missed=(tea,)) != [], "reminders are let through by default"


def test_what_somebody_acknowledged_is_not_said() -> None:
    tea = timed("Tea", NOON + 7 * MINUTE)
    assert said(tea, acknowledged=(tea,)) == []


def test_private_titles_are_not_said() -> None:
    (one,) = said(timed("Doctor", NOON + 7 * MINUTE, private=True))
    assert "Doctor" not in one.display + str(one.titles)
