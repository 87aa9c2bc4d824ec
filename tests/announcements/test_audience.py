"""What a shared device says of each member, and when it says nothing; as pure functions."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from catflap.announcements.audience import ALONE, Audience
from catflap.announcements.facts import NO_FACTS, Facts, OccurrenceChange, Snooze
from catflap.announcements.planned import occurrence_reference
from catflap.announcements.planning import plan
from catflap.announcements.preferences import CalendarPreferences, Preferences
from catflap.announcements.quiet_hours import QuietHours
from catflap.calendars import Occurrence
from tests.support.generated_days import days, preferences
from tests.support.occurrences import HOUR, NOON, timed, whole

NAMED = Audience("Alice")
UNTITLED = Audience("Alice", says_titles=False)
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
SECRET = "Zebra"
ALL_KINDS = Preferences(
    reminder_minutes=(10, 0),
    countdown_minutes=(5,),
    briefing_at=time(13),
    evening_at=time(20),
    all_day_at=time(12, 30),
    repeat_minutes=5,
    talkativeness="chatty",
    says_cancelled=True,
    dialect_en="plain",
)


def one_of_each() -> tuple[list[Occurrence], Facts]:
    meeting = timed(SECRET, NOON + 3 * HOUR)
    gone = OccurrenceChange("cancelled", 1, "gone", f"{SECRET} two", False, NOON + 5 * HOUR, None, NOON)
    snoozed = Snooze(occurrence_reference(meeting), NOON + 2 * HOUR)
    days = [whole(f"{SECRET} day", (NOON + n * timedelta(days=1)).date()) for n in (0, 1)]
    return [meeting, timed(f"{SECRET} later", NOON + 7 * HOUR), *days], Facts(
        snoozes=(snoozed,), changes=(gone,)
    )


def test_the_name_is_said_before_each_announcement_and_nothing_else_changes() -> None:
    found, facts = one_of_each()
    alone = plan(found, ALL_KINDS, NOON, facts=facts)
    shared = plan(found, ALL_KINDS, NOON, facts=facts, audience=NAMED)
    assert {"before", "start", "countdown", "briefing", "evening", "cancelled", "snoozed"} <= {
        one.kind for one in shared
    }
    for ours, theirs in zip(alone, shared, strict=True):
        assert theirs.display in (f"Alice. {ours.display}", ours.display)
        assert replace(theirs, wording=ours.wording) == ours
        assert theirs.wording.fingerprint != ours.wording.fingerprint
    # What is too long with it is said without it.
    assert sum(one.display.startswith("Alice. ") for one in shared) > len(shared) * 0.7


def test_without_titles_no_announcement_of_any_kind_has_one() -> None:
    found, facts = one_of_each()
    shared = plan(found, ALL_KINDS, NOON, facts=facts, audience=UNTITLED)
    assert len(shared) == len(plan(found, ALL_KINDS, NOON, facts=facts))
    for one in shared:
        assert SECRET not in " ".join([one.display, one.spoken, *one.titles])
    before = next(one for one in shared if one.kind == "before")
    assert "appointment" in before.display


@settings(max_examples=60, deadline=None)
@given(days(), preferences())
def test_whatever_a_member_prefers_the_device_hides_titles_and_keeps_its_quiet_hours(
    day: tuple[list[Occurrence], Facts], chosen: Preferences
) -> None:
    found, facts = day
    quiet = QuietHours(time(13), time(18, 30), BERLIN)
    loud = {number: CalendarPreferences(ignores_quiet=True) for number in (1, 2, 3)}
    chosen = replace(chosen, calendars=loud, dialect_en="plain", dialect_ja="standard")
    titles = {"Standup", "urgent", "server", "朝会", "歯医者", "🎉"}
    for one in plan(found, chosen, NOON, facts=facts, audience=Audience("", False, quiet)):
        assert one.held_for == "quiet" or not quiet.include(one.play_at)
        assert not any(title in text for title in titles for text in (one.display, one.spoken, *one.titles))


def test_the_quiet_hours_of_a_device_hold_all_that_those_of_the_user_would_let_through() -> None:
    urgent = timed("urgent", NOON + 3 * HOUR, calendar_id=1)
    chosen = Preferences(
        reminder_minutes=(10,),
        briefing_at=None,
        quiet_from=time(0),
        quiet_until=time(23, 59),
        calendars={1: CalendarPreferences(ignores_quiet=True)},
    )
    facts = Facts(snoozes=(Snooze(occurrence_reference(urgent), NOON + 2 * HOUR),))
    quiet = QuietHours(time(13), time(19), BERLIN)
    for audience, reasons in ((ALONE, {None}), (Audience(quiet=quiet), {"quiet"})):
        found = plan([urgent], chosen, NOON, facts=facts, audience=audience)
        assert {one.kind for one in found} == {"before", "snoozed"}
        assert {one.held_for for one in found} == reasons


def test_a_change_is_told_when_both_kinds_of_quiet_hours_are_over() -> None:
    moved = timed("Sync", NOON + 9 * HOUR, instance="i")
    change = OccurrenceChange("moved", 1, "i", "Sync", False, NOON + HOUR, NOON + 9 * HOUR, NOON)
    chosen = Preferences(reminder_minutes=(), briefing_at=None, quiet_from=time(11), quiet_until=time(14))
    audience = Audience(quiet=QuietHours(time(14, 30), time(17, 30), BERLIN))
    (told,) = plan([moved], chosen, NOON, facts=Facts(changes=(change,)), audience=audience)
    assert told.play_at == NOON + 4.5 * HOUR


@pytest.mark.parametrize(
    ("begin", "end", "quiet"),
    [
        ("22:00", "07:00", "22:00 23:59 00:00 06:59"),
        ("12:00", "13:00", "12:00 12:59"),
        ("09:00", "09:00", ""),
    ],
)
def test_quiet_hours_include_their_beginning_and_not_their_end(begin: str, end: str, quiet: str) -> None:
    hours = QuietHours(time.fromisoformat(begin), time.fromisoformat(end), BERLIN)
    walls = ["22:00", "23:59", "00:00", "06:59", "07:00", "12:00", "12:59", "13:00", "21:59", "09:00"]
    found = {
        wall
        for wall in walls
        if hours.include(datetime.combine(NOON.date(), time.fromisoformat(wall), BERLIN))
    }
    assert found == set(quiet.split())


def test_a_name_in_another_dialect_is_addressed_as_that_does() -> None:
    event = timed("会議", NOON + 3 * HOUR)
    chosen = Preferences("Asia/Tokyo", reminder_minutes=(10,), briefing_at=None, dialect_ja="kyoto")
    (one,) = plan([event], chosen, NOON, facts=NO_FACTS, audience=Audience("花子"))
    assert one.display.startswith("花子はん。")
