"""What is said of moved and cancelled events, and of a consent that has ended."""

from datetime import datetime, time, timedelta
from typing import Any

from catflap.announcements.facts import Facts, OccurrenceChange
from catflap.announcements.planned import PlannedAnnouncement
from catflap.announcements.planning import HORIZON, plan
from catflap.announcements.preferences import CalendarPreferences, Preferences
from catflap.calendars import Occurrence
from catflap.speech import private_title
from tests.support.occurrences import HOUR, NOON, timed

NOTICED = NOON + timedelta(minutes=1)
LATER = NOON + 4 * HOUR


def change(
    title: str, starts_at: datetime, moved_to: datetime | None, noticed_at: datetime = NOTICED, **more: Any
) -> OccurrenceChange:
    values = {"calendar_id": 1, "instance": title, "title": title, "is_private": False}
    kind = "moved" if moved_to else "cancelled"
    return OccurrenceChange(
        change=kind, starts_at=starts_at, moved_to=moved_to, noticed_at=noticed_at, **(values | more)
    )  # type: ignore[arg-type]


def event(title: str, starts_at: datetime, **more: Any) -> Occurrence:
    return timed(title, starts_at, **{"instance": title, **more})


def notices(
    occurrences: list[Occurrence], changes: list[OccurrenceChange], **choices: Any
) -> list[PlannedAnnouncement]:
    chosen = Preferences(
        **{
            "briefing_at": None,
            "reminder_minutes": (),
            "dialect_en": "plain",
            "says_cancelled": True,
            **choices,
        }
    )
    return plan(occurrences, chosen, NOON, HORIZON, Facts(changes=tuple(changes)))


def test_a_moved_event_is_told_with_its_new_time() -> None:
    (found,) = notices([event("Review", LATER)], [change("Review", NOON + HOUR, LATER)])
    assert (found.kind, found.titles) == ("moved", ("Review",))
    assert NOTICED < found.play_at < NOTICED + timedelta(minutes=1)
    assert found.expires_at <= LATER
    assert "4" in found.display


def test_a_cancelled_event_is_told_only_to_those_who_chose_it() -> None:
    gone = [change("Review", NOON + HOUR, None)]
    (found,) = notices([], gone)
    assert (found.kind, found.titles) == ("cancelled", ("Review",))
    assert notices([], gone, says_cancelled=False) == []
    assert notices([event("Review", LATER)], [change("Review", NOON, LATER)], says_moved=False) == []


def test_only_the_last_of_several_changes_is_told() -> None:
    twice = [change("Review", NOON + HOUR, NOON + 2 * HOUR), change("Review", NOON + 2 * HOUR, LATER)]
    (found,) = notices([event("Review", LATER)], twice)
    assert found.event_start == LATER.isoformat()
    and_gone = [*twice, change("Review", LATER, None)]
    assert [one.kind for one in notices([], and_gone)] == ["cancelled"]


def test_an_event_that_has_changed_since_is_not_told() -> None:
    assert notices([event("Review", NOON + 5 * HOUR)], [change("Review", NOON + HOUR, LATER)]) == []
    assert notices([], [change("Review", NOON + HOUR, LATER)]) == []
    assert notices([event("Review", LATER)], [change("Review", LATER, None)]) == []
    declined = event("Review", LATER, declined=True)
    assert notices([declined], [change("Review", NOON + HOUR, LATER)]) == []


def test_what_has_begun_by_then_is_not_told() -> None:
    soon = NOTICED + timedelta(seconds=5)
    assert notices([event("Review", soon)], [change("Review", NOON + HOUR, soon)]) == []
    assert notices([], [change("Review", NOON - HOUR, None)]) == []


def test_changes_noticed_in_quiet_hours_or_a_meeting_are_told_afterwards() -> None:
    moved = [change("Review", NOON + HOUR, LATER)]
    quiet = {"quiet_from": time(11), "quiet_until": time(14)}
    (after,) = notices([event("Review", LATER)], moved, **quiet)
    assert after.play_at == NOON + 2 * HOUR
    meeting = event("Meeting", NOON, attendee_count=2)
    (then,) = notices([event("Review", LATER), meeting], moved)
    assert then.play_at == meeting.ends_at
    assert after.key == then.key
    too_long = {"quiet_from": time(11), "quiet_until": time(17)}
    assert notices([event("Review", LATER)], moved, **too_long) == []


def test_private_titles_stay_private() -> None:
    hidden = private_title("plain")
    (moved,) = notices(
        [event("Therapy", LATER, private=True)], [change("Therapy", NOON, LATER, is_private=True)]
    )
    (gone,) = notices([], [change("", LATER, None, is_private=True)])
    (of_calendar,) = notices(
        [], [change("Therapy", LATER, None)], calendars={1: CalendarPreferences(says_titles=False)}
    )
    assert [one.titles for one in (moved, gone, of_calendar)] == [(hidden,)] * 3
    assert "Therapy" not in moved.display + of_calendar.display


def test_many_changes_at_once_are_no_flood() -> None:
    ahead = [NOON + (4 + count) * HOUR for count in range(9)]
    events = [event(f"No. {count}", at) for count, at in enumerate(ahead)]
    moved = [change(f"No. {count}", NOON + HOUR, at) for count, at in enumerate(ahead)]
    assert sorted(one.event_start for one in notices(events, moved)) == [at.isoformat() for at in ahead[:3]]


def test_those_moved_to_one_time_are_told_in_one_sentence() -> None:
    events = [event(title, LATER) for title in ("Review", "Retro")]
    (found,) = notices(events, [change(title, NOON + HOUR, LATER) for title in ("Review", "Retro")])
    assert sorted(found.titles) == ["Retro", "Review"]


def test_an_ended_consent_is_told_once_a_day() -> None:
    chosen = Preferences(reminder_minutes=(), briefing_at=time(7, 30), dialect_en="plain")
    found = plan([], chosen, NOON, 3 * HORIZON, Facts(needs_consent=True))
    told = [one for one in found if one.kind == "reconsent"]
    assert [one.play_at.time() for one in told] == [time(7, 30)] * 3
    assert len({one.key for one in told}) == 3
    assert "Google" in told[0].display
    assert (
        plan([], Preferences(briefing_at=None, all_day_at=None), NOON, HORIZON, Facts(needs_consent=True))
        != []
    )
