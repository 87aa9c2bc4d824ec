"""Which events are announced and with which words."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catflap.announcements.planned import PlannedAnnouncement
from catflap.announcements.planning import plan
from catflap.announcements.preferences import Preferences
from catflap.speech import dialects, language_of
from tests.support.occurrences import HOUR, NOON, QUIET, timed, whole
from tests.support.phrases import has_phrase

GOOGLE = Preferences(reminders_from="google", briefing_at=None)
DAY = date(2026, 11, 25)
BRIEFING = datetime(2026, 11, 25, 8, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)


def before(titles: list[Any], **choices: Any) -> list[PlannedAnnouncement]:
    return plan(titles, Preferences(**{"reminder_minutes": (10,), "briefing_at": None, **choices}), NOON)


def briefing(*occurrences: Any, **choices: Any) -> PlannedAnnouncement:
    chosen = Preferences(reminder_minutes=(), **{"dialect_en": "plain", "dialect_ja": "standard", **choices})
    (said,) = plan(occurrences, chosen, MIDNIGHT)
    return said


@pytest.mark.parametrize("kind", ["focusTime", "outOfOffice", "workingLocation"])
def test_blocks_of_time_and_places_are_announced_only_when_asked_for(kind: str) -> None:
    at = [timed("Focus", NOON + HOUR, event_type=kind)]
    whole_day = whole("Focus", DAY, event_type=kind)
    assert before(at) == []
    assert has_phrase(briefing(whole_day).display, "nothing")
    assert [one.titles for one in before(at, event_types=(kind,))] == [("Focus",)]
    assert briefing(whole_day, event_types=(kind,)).titles == ("Focus",)
    others = tuple({"focusTime", "outOfOffice", "workingLocation"} - {kind})
    assert before(at, event_types=others) == []


@pytest.mark.parametrize("kind", ["default", "fromGmail", "birthday", "something Google adds later"])
def test_all_other_types_are_announced(kind: str) -> None:
    assert [one.titles for one in before([timed("Flight", NOON + HOUR, event_type=kind)])] == [("Flight",)]


@pytest.mark.parametrize("title", ["Ann's birthday", "花子さんの誕生日", "Geburtstag von Anna"])
def test_a_birthday_says_whose_it_is(title: str) -> None:
    said = briefing(whole(title, DAY, event_type="birthday", birthday="birthday"))
    assert said.titles == (title,)
    assert title in said.display


def test_a_birthday_without_a_title_is_a_birthday() -> None:
    said = briefing(whole("", DAY, birthday="birthday")).display
    assert has_phrase(said, "all_day", day="today", titles="a birthday")
    assert briefing(whole("", DAY, birthday="self")).titles == ("your birthday",)
    assert briefing(whole("", DAY, birthday="anniversary")).titles == ("an appointment",)


@pytest.mark.parametrize("title", ["", "(No title)", "(no title)", "Untitled event"])
def test_an_event_without_a_title_is_an_appointment_and_no_secret(title: str) -> None:
    (said,) = before([timed(title, NOON + HOUR)], dialect_en="kitten")
    assert said.titles == ("an appointment",)
    assert "an appointment" in said.display.lower()
    assert "secret" not in said.display
    (secret,) = before([timed(title, NOON + HOUR, private=True)], dialect_en="kitten")
    assert secret.titles == ("a secret appointment",)


def test_a_title_of_emoji_is_shown_and_called_an_appointment() -> None:
    (said,) = before([timed("🎉🎉", NOON + HOUR)], dialect_en="kitten")
    assert said.titles == ("🎉🎉",)
    assert "“🎉🎉”" in said.display
    assert "an appointment" in said.spoken.lower()
    assert "secret" not in said.spoken


@pytest.mark.parametrize("dialect", dialects(), ids=lambda dialect: dialect.id)
def test_a_tentative_event_is_announced_with_a_word_that_says_so(dialect: Any) -> None:
    title = "会議" if dialect.language == "ja" else "Sync"
    chosen = {f"dialect_{dialect.language}": dialect.id}
    certain = before([timed(title, NOON + HOUR)], **chosen)[0]
    tentative = before([timed(title, NOON + HOUR, tentative=True)], **chosen)[0]
    assert tentative.key == certain.key
    assert tentative.titles == certain.titles
    for one, other in ((certain.display, tentative.display), (certain.spoken, tentative.spoken)):
        words = (
            ("かも", "カモ", "がも", "ガモ")
            if dialect.language == "ja"
            else ("maybe", "possibly", "perchance")
        )
        assert any(word in other.lower() for word in words)
        assert not any(word in one.lower() for word in words)


def test_tentative_events_can_be_said_like_others_or_not_at_all() -> None:
    certain, tentative = timed("Sync", NOON + HOUR), timed("Sync", NOON + HOUR, tentative=True)
    assert before([tentative], tentative="plain") == before([certain])
    assert before([tentative], tentative="skip") == []
    assert before([certain], tentative="skip") == before([certain])


def test_only_the_tentative_one_of_several_is_in_doubt() -> None:
    both = [timed("Review", NOON + HOUR), timed("Sync", NOON + HOUR, tentative=True)]
    (said,) = before(both, dialect_en="plain")
    assert "“Review” and maybe “Sync”" in said.display
    (said,) = before(both[1:], dialect_en="plain")
    assert "maybe “Sync”" in said.display.replace("Maybe", "maybe")


def test_an_event_accepted_in_one_of_two_calendars_is_certain() -> None:
    accepted = timed("Sync", NOON + HOUR, uid="u")
    unanswered = timed("Sync", NOON + HOUR, uid="u", calendar_id=2, tentative=True)
    for twice in ([accepted, unanswered], [unanswered, accepted]):
        (said,) = before(twice)
        assert "aybe" not in said.display
        assert before(twice, tentative="skip") == before([accepted])


def test_free_events_are_announced_as_google_reminds_of_them() -> None:
    # An occurrence does not even know of `transparency`: "free" concerns others, not the person's own day.
    assert [one.titles for one in before([timed("Lunch", NOON + HOUR)])] == [("Lunch",)]


def test_googles_own_reminders_are_used_where_chosen() -> None:
    events = [
        timed("Own", NOON + 3 * HOUR, reminders=(0, 60)),
        timed("None wanted", NOON + 3 * HOUR),
        timed("Default", NOON + 5 * HOUR, reminders=(30,)),
    ]
    found = plan(events, GOOGLE, NOON)
    assert [(one.titles, one.kind, one.play_at) for one in found] == [
        (("Own",), "before", NOON + 2 * HOUR),
        (("Own",), "start", NOON + 3 * HOUR),
        (("Default",), "before", NOON + 4.5 * HOUR),
    ]
    assert {one.play_at for one in before(events, reminder_minutes=(10,))} == {
        NOON + 3 * HOUR - timedelta(minutes=10),
        NOON + 5 * HOUR - timedelta(minutes=10),
    }


def test_reminders_from_both_sources_have_the_same_key() -> None:
    event = timed("Sync", NOON + HOUR, reminders=(10,))
    assert plan([event], GOOGLE, NOON) == plan([event], QUIET, NOON)


def test_only_googles_reminders_apply_to_all_day_events() -> None:
    day = whole("Rubbish", date(2026, 11, 26), reminders=(900,))
    (said,) = plan([day], GOOGLE, NOON, timedelta(hours=48))
    assert (said.kind, said.play_at) == ("before", datetime(2026, 11, 25, 9, tzinfo=UTC))
    assert said.event_start == "2026-11-26"
    assert has_phrase(said.display, "all_day", "kitten", day="tomorrow", titles="“Rubbish”")
    assert [one.kind for one in plan([day], QUIET, NOON, timedelta(hours=48))] == ["all_day"]


def test_a_reminder_four_weeks_ahead_is_said() -> None:
    far = timed("Passport", NOON + timedelta(minutes=40_320) + HOUR, reminders=(40_320,))
    (said,) = plan([far], GOOGLE, NOON)
    assert said.play_at == NOON + HOUR


def test_the_same_event_in_two_calendars_has_the_reminders_of_both() -> None:
    at = NOON + 3 * HOUR
    twice = [
        timed("Sync", at, uid="u", reminders=(10,)),
        timed("Sync", at, uid="u", calendar_id=2, reminders=(10, 60)),
    ]
    assert [one.play_at for one in plan(twice, GOOGLE, NOON)] == [at - HOUR, at - timedelta(minutes=10)]


def test_the_briefing_names_ongoing_events_with_their_end() -> None:
    shift = timed("Night shift", BRIEFING - 10 * HOUR, ends_at=BRIEFING + 2 * HOUR)
    said = briefing(shift)
    assert said.titles == ("Night shift",)
    assert has_phrase(said.display, "under_way", titles="“Night shift” until 10:00 am")
    assert "ten o'clock this morning" in said.spoken


def test_the_middle_day_of_a_conference_is_not_a_day_with_nothing() -> None:
    conference = timed("Conference", BRIEFING - 23 * HOUR, ends_at=BRIEFING + 33 * HOUR)
    assert "“Conference” until 5:00 pm tomorrow" in briefing(conference).display
    japanese = briefing(timed("学会", BRIEFING - 23 * HOUR, ends_at=BRIEFING + 57 * HOUR))
    assert "いまは金曜日までの「学会」の最中です。" in japanese.display
    for_weeks = timed("Course", BRIEFING - HOUR, ends_at=BRIEFING + timedelta(days=16))
    assert "“Course” until December 11." in briefing(for_weeks).display


def test_an_event_until_midnight_ends_today() -> None:
    long = timed("Move", BRIEFING - HOUR, ends_at=MIDNIGHT + timedelta(days=1))
    assert "until midnight." in briefing(long).display


def test_events_that_end_before_or_begin_at_the_briefing_are_not_ongoing() -> None:
    over = timed("Run", BRIEFING - 2 * HOUR, ends_at=BRIEFING)
    assert has_phrase(briefing(over).display, "nothing")
    now = timed("Run", BRIEFING, ends_at=BRIEFING + HOUR)
    assert has_phrase(briefing(now).display, "timed_one", time="8:00 am")
    assert not has_phrase(briefing(now).display, "under_way", titles="“Run” until 9:00 am")


def test_the_last_day_of_a_trip_is_announced_and_the_day_after_is_not() -> None:
    last = briefing(whole("Trip", DAY - timedelta(days=2), days=3)).display
    assert has_phrase(last, "all_day", day="today", titles="“Trip”")
    assert has_phrase(briefing(whole("Trip", DAY - timedelta(days=3), days=3)).display, "nothing")


def test_ongoing_events_are_not_counted_again() -> None:
    said = briefing(
        timed("Shift", BRIEFING - HOUR, ends_at=BRIEFING + HOUR), timed("Sync", BRIEFING + 2 * HOUR)
    )
    assert "“Shift” until 9:00 am. " in said.display
    assert has_phrase(said.display, "timed_one", time="10:00 am")


def test_a_private_ongoing_event_stays_private() -> None:
    shift = timed("Therapy", BRIEFING - HOUR, ends_at=BRIEFING + HOUR, private=True)
    assert "an appointment until 9:00 am" in briefing(shift).display
    assert "Therapy" not in str(briefing(shift)) + briefing(shift).spoken


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Sync", "会議", "", "🎉"]), st.integers(-3000, 3000), st.integers(0, 5000)
        ),
        max_size=6,
    ),
    st.lists(st.tuples(st.sampled_from(["Trip", "出張"]), st.integers(-3, 3), st.integers(1, 4)), max_size=3),
    st.times(),
)
@settings(max_examples=150, deadline=None, database=None)
def test_nothing_is_never_said_while_something_is_under_way_or_to_come(
    events: list[tuple[str, int, int]], days: list[tuple[str, int, int]], at: time
) -> None:
    found = [
        timed(
            title,
            BRIEFING + timedelta(minutes=start),
            ends_at=BRIEFING + timedelta(minutes=start + length),
            event_id=str(number),
        )
        for number, (title, start, length) in enumerate(events)
    ] + [whole(title, DAY + timedelta(days=start), length) for title, start, length in days]
    chosen = Preferences(reminder_minutes=(), briefing_at=at, dialect_en="plain", dialect_ja="standard")
    said = plan(found, chosen, MIDNIGHT)
    moment = datetime.combine(DAY, at, UTC)
    tomorrow = MIDNIGHT + timedelta(days=1)
    busy = [
        one
        for one in found
        if one.covers(DAY)
        or (not one.all_day and (one.starts_at < moment < one.ends_at or moment <= one.starts_at < tomorrow))
    ]
    nothing = [has_phrase(one.display, "nothing", one.voice.dialect) for one in said]
    assert any(nothing) == (not busy)
    assert {one.language for one in said} >= {
        language_of(one.title) for one in busy if one.all_day or one.starts_at < moment
    }
