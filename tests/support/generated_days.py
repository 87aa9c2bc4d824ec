"""Generated days: events, preferences and facts from which announcements are planned."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import strategies as st

from catflap.announcements.facts import Facts, OccurrenceChange, Snooze
from catflap.announcements.planned import occurrence_reference
from catflap.announcements.preferences import CalendarPreferences, Place, Preferences
from catflap.calendars import Occurrence
from tests.support.occurrences import NOON, timed, whole

MINUTE = timedelta(minutes=1)
ZONES = ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]

some_minutes = st.lists(st.sampled_from([0, 1, 5, 10, 60, 1440]), max_size=3).map(tuple)
# Beside whole minutes, because Google has seconds.
instants = st.integers(-12 * 60, 72 * 60).map(lambda minutes: NOON + minutes * MINUTE) | st.integers(
    0, 86400
).map(lambda seconds: NOON + timedelta(seconds=seconds))


@st.composite
def events(draw: st.DrawFn) -> Occurrence:
    identity = draw(st.uuids().map(str))
    common = {
        "calendar_id": draw(st.integers(1, 3)),
        "event_id": identity,
        "instance": identity,
        "uid": draw(st.sampled_from([identity, "shared"])),
        "private": draw(st.booleans()),
        "declined": draw(st.booleans()),
        "tentative": draw(st.booleans()),
        "reminders": draw(some_minutes),
    }
    title = draw(st.sampled_from(["Standup", "urgent: server", "朝会", "歯医者に行く", "", "🎉", "x{time}"]))
    if draw(st.integers(0, 4)) == 0:
        day = date(2026, 11, 24) + timedelta(days=draw(st.integers(-2, 4)))
        return whole(title, day, draw(st.integers(1, 4)), **common)
    starts_at = draw(instants)
    return timed(
        title,
        starts_at,
        ends_at=starts_at + draw(st.integers(0, 600)) * MINUTE,
        place=draw(st.sampled_from(["", "Clinic North", "gym"])),
        attendee_count=draw(st.sampled_from([0, 1, 5, None])),
        busy=draw(st.booleans()),
        **common,
    )


@st.composite
def preferences(draw: st.DrawFn) -> Preferences:
    quiet = draw(st.none() | st.tuples(st.times(), st.times())) or (None, None)
    own = st.builds(CalendarPreferences, st.none() | some_minutes, st.booleans(), st.booleans())
    return Preferences(
        zone=draw(st.sampled_from(ZONES)),
        reminder_minutes=draw(some_minutes),
        briefing_at=draw(st.none() | st.times()),
        reminders_from=draw(st.sampled_from(["preferences", "google"])),
        tentative=draw(st.sampled_from(["maybe", "skip"])),
        evening_at=draw(st.none() | st.times()),
        all_day_at=draw(st.none() | st.times()),
        countdown_minutes=draw(st.lists(st.integers(1, 60), max_size=2).map(tuple)),
        repeat_minutes=draw(st.none() | st.integers(1, 30)),
        places=draw(st.sampled_from([(), (Place("clinic", 30), Place("Gym", 10))])),
        quiet_from=quiet[0],
        quiet_until=quiet[1],
        quiet_word=draw(st.sampled_from(["", "urgent"])),
        in_meetings=draw(st.sampled_from(["speak", "reminders", "last_minutes", "silent"])),
        talkativeness=draw(st.sampled_from(["brief", "normal", "chatty"])),
        says_private_titles=draw(st.booleans()),
        says_moved=draw(st.booleans()),
        says_cancelled=draw(st.booleans()),
        calendars=draw(st.dictionaries(st.integers(1, 3), own, max_size=2)),
    )


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Occurrence], Facts]:
    found = draw(st.lists(events(), max_size=10, unique_by=lambda one: one.event_id))
    timed_ones = [one for one in found if not one.all_day]
    chosen = draw(st.lists(st.sampled_from(timed_ones), max_size=3)) if timed_ones else []
    changes = [
        OccurrenceChange(
            draw(st.sampled_from(["moved", "cancelled"])),
            one.calendar_id,
            draw(st.sampled_from([one.instance, "gone"])),
            one.title,
            one.private,
            one.starts_at - timedelta(hours=1),
            one.starts_at,
            NOON + draw(st.integers(-60, 60)) * MINUTE,
        )
        for one in chosen
    ]
    return found, Facts(
        acknowledged=frozenset(occurrence_reference(one) for one in chosen[:1]),
        snoozes=tuple(Snooze(occurrence_reference(one), draw(instants)) for one in chosen[1:]),
        changes=tuple(
            replace(one, moved_to=one.moved_to if one.change == "moved" else None) for one in changes
        ),
        needs_consent=draw(st.booleans()),
    )
