"""Fields of an event become Google's event resource, and Google's answer becomes an event."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catflap.calendars.event_fields import EventFields, Reminder, content_hash, from_resource, to_resource
from catflap.errors import BadRequest
from google_sandbox import Sandbox

BERLIN = ZoneInfo("Europe/Berlin")
NINE = datetime(2026, 12, 1, 9, tzinfo=BERLIN)
HALF_PAST_TWO = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
QUARTER_PAST_TWO_AGAIN = datetime(2026, 10, 25, 2, 15, tzinfo=BERLIN, fold=1)
FIRST_HOUR = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
LAST_HOUR = datetime(9999, 12, 31, 23, tzinfo=ZoneInfo("America/Los_Angeles"))
ANSWER = {"id": "abcde", "etag": '"1"', "status": "confirmed"}


def test_only_what_is_given_is_written_and_none_removes() -> None:
    assert to_resource({"title": "Dentist", "place": None}) == {"summary": "Dentist", "location": None}
    assert to_resource({"recurrence": []}) == {"recurrence": None}


def test_a_time_keeps_its_zone_and_replaces_a_date() -> None:
    assert to_resource({"start": NINE})["start"] == {
        "date": None,
        "dateTime": "2026-12-01T09:00:00+01:00",
        "timeZone": "Europe/Berlin",
    }
    offset = datetime(2026, 12, 1, 9, 0, 0, 5, tzinfo=timezone(timedelta(hours=9)))
    assert to_resource({"end": offset})["end"] == {
        "date": None,
        "dateTime": "2026-12-01T09:00:00+09:00",
        "timeZone": None,
    }
    assert to_resource({"start": date(2026, 12, 1)})["start"] == {
        "date": "2026-12-01",
        "dateTime": None,
        "timeZone": None,
    }


def test_reminders_are_the_calendars_own_or_others_or_none() -> None:
    own = to_resource({"reminders": [Reminder("popup", 10)]})["reminders"]
    assert own == {"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]}
    assert to_resource({"reminders": None})["reminders"] == {"useDefault": True, "overrides": []}
    assert to_resource({"reminders": []})["reminders"] == {"useDefault": False, "overrides": []}


@pytest.mark.parametrize(
    "fields",
    [
        {"start": NINE, "end": NINE - timedelta(minutes=1)},
        # Within one zone Python compares what clocks show.
        {"start": QUARTER_PAST_TWO_AGAIN, "end": HALF_PAST_TWO},
        {"start": NINE, "end": date(2026, 12, 2)},
        {"start": date(2026, 12, 1), "end": date(2026, 12, 1)},
        {"start": NINE.replace(tzinfo=None)},
        {"start": NINE.replace(tzinfo=None), "end": NINE},
        {"start": FIRST_HOUR, "end": NINE},
        {"start": NINE, "end": LAST_HOUR},
        {"title": "\ud800"},
        {"attendees": ["\ud800@example.com"]},
        {"start": NINE, "recurrence": ["RRULE"]},
        {"start": NINE, "recurrence": ["RRULE:FREQ=DAILY\n"]},
        {"start": NINE.astimezone(UTC), "recurrence": ["RRULE:FREQ=DAILY"]},
    ],
)  # fmt: skip
def test_what_makes_no_event_is_refused(fields: Any) -> None:
    with pytest.raises(BadRequest, match="event_invalid"):
        to_resource(fields)


def test_an_event_may_end_when_it_starts_and_in_another_zone() -> None:
    to_resource({"start": NINE, "end": NINE})
    to_resource({"start": NINE, "end": datetime(2026, 12, 1, 17, tzinfo=ZoneInfo("Asia/Tokyo"))})


def test_an_answer_that_is_malformed_is_read_as_far_as_it_goes() -> None:
    broken = {"summary": 5, "start": "x", "end": {}, "recurrence": "x", "reminders": [], "attendees": [5, {}]}
    event = from_resource({**ANSWER, **broken, "visibility": None})
    assert (event.title, event.start, event.end, event.recurrence) == ("", None, None, ())
    assert event.reminders is None and event.visibility == "default"
    assert [one.email for one in event.attendees] == [""]
    overrides = [{"method": "sms", "minutes": 1}, {"method": "popup", "minutes": "1"}, 5]
    read = from_resource({**ANSWER, "reminders": {"useDefault": False, "overrides": overrides}})
    assert read.reminders == ()


def test_nothing_of_an_event_is_in_its_text() -> None:
    event = from_resource(
        {**ANSWER, "summary": "canary", "location": "canary", "attendees": [{"email": "canary"}]}
    )
    assert "canary" not in repr(event)


def test_the_hash_tells_contents_apart_and_not_their_order() -> None:
    first: EventFields = {"title": "Dentist", "start": NINE}
    second: EventFields = {"start": NINE, "title": "Dentist"}
    assert content_hash(to_resource(first)) == content_hash(to_resource(second))
    other: EventFields = {**first, "title": "Barber"}
    assert content_hash(to_resource(first)) != content_hash(to_resource(other))


ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC")]
)
FIRST, LAST = datetime(2026, 1, 1), datetime(2027, 12, 31)  # noqa: DTZ001 (the strategies add a zone)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
REMINDERS = st.builds(Reminder, st.sampled_from(["email", "popup"]), st.integers(0, 40_320))


@st.composite
def written(draw: st.DrawFn) -> EventFields:
    """Fields that make an event, times in gaps and folds included."""
    fields: EventFields = {"title": draw(TEXTS), "place": draw(TEXTS), "description": draw(TEXTS)}
    if draw(st.booleans()):
        day = draw(st.dates(FIRST.date(), LAST.date()))
        fields |= {"start": day, "end": day + timedelta(days=draw(st.integers(1, 20)))}
    else:
        start = draw(st.datetimes(FIRST, LAST, timezones=ZONES, allow_imaginary=True))
        end = start.astimezone(UTC) + timedelta(minutes=draw(st.integers(0, 5000)))
        fields |= {"start": start, "end": end.astimezone(draw(ZONES))}
    fields["reminders"] = draw(st.none() | st.lists(REMINDERS, max_size=5))
    fields["transparency"] = draw(st.sampled_from(["opaque", "transparent"]))
    fields["visibility"] = draw(st.sampled_from(["default", "public", "private", "confidential"]))
    return fields


def _comparable(value: date | datetime | None) -> object:
    if not isinstance(value, datetime):
        return value
    assert isinstance(value.tzinfo, ZoneInfo)
    return value.astimezone(UTC).replace(microsecond=0), value.tzinfo.key


@given(written())
@settings(max_examples=200)
def test_google_stores_what_is_written(fields: EventFields) -> None:
    sandbox = Sandbox()
    sandbox.add_account("a@example.com")
    read = from_resource({"etag": '"1"', **sandbox.insert_event("a@example.com", to_resource(fields))})
    assert (read.title, read.place, read.description) == (
        fields["title"],
        fields["place"],
        fields["description"],
    )
    assert _comparable(read.start) == _comparable(fields["start"])
    assert _comparable(read.end) == _comparable(fields["end"])
    reminders = fields["reminders"]
    assert read.reminders == (None if reminders is None else tuple(reminders))
    assert (read.transparency, read.visibility) == (fields["transparency"], fields["visibility"])
