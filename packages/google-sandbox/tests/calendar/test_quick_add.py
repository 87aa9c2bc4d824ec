"""`events.quickAdd`: what a line of English becomes. Now is Tuesday, 24 November 2026, 18:00 in Tokyo."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from google_sandbox import Sandbox
from google_sandbox.calendar.quick_add import quick_event
from sandbox_support.events import EVENTS, WHO
from sandbox_support.person import G, Person

QUICK = f"{EVENTS}/quickAdd"
TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def read(text: str, day_first: bool = False) -> dict[str, Any]:
    return quick_event(text, NOW, TOKYO, "Asia/Tokyo", 60, day_first)


def when(event: dict[str, Any], name: str) -> str:
    value = event[name]
    return value["date"] if "date" in value else value["dateTime"].removesuffix(":00+09:00")


@pytest.mark.parametrize(
    ("text", "title", "start", "end"),
    [
        ("Dinner with Michael 7pm tomorrow", "Dinner with Michael", "2026-11-25T19:00", "2026-11-25T20:00"),
        ("Tennis with John April 11 3pm-3:30pm", "Tennis with John", "2027-04-11T15:00", "2027-04-11T15:30"),
        ("11-1pm lunch on Thursday", "lunch", "2026-11-26T11:00", "2026-11-26T13:00"),
        ("from 3 to 4pm piano", "piano", "2026-11-25T15:00", "2026-11-25T16:00"),
        ("Party December 31 10pm to 2am", "Party", "2026-12-31T22:00", "2027-01-01T02:00"),
        ("Shift at 9am until 5:30pm on Dec 1", "Shift", "2026-12-01T09:00", "2026-12-01T17:30"),
        ("Flight 2026-12-01 14:00", "Flight", "2026-12-01T14:00", "2026-12-01T15:00"),
        ("2026-12-01T10:00 sync", "sync", "2026-12-01T10:00", "2026-12-01T11:00"),
        ("Vet in 2 hours", "Vet", "2026-11-24T20:00", "2026-11-24T21:00"),
        ("Tea in 20 minutes for 1 hour 30 min", "Tea", "2026-11-24T18:20", "2026-11-24T19:50"),
        ("Run for 90 minutes tomorrow 6am", "Run", "2026-11-25T06:00", "2026-11-25T07:30"),
        ("Nap at noon for half an hour", "Nap", "2026-11-25T12:00", "2026-11-25T12:30"),
        ("Call at 7pm", "Call", "2026-11-24T19:00", "2026-11-24T20:00"),
        ("Call at 5", "Call", "2026-11-25T17:00", "2026-11-25T18:00"),
        ("Dentist Wed at 9", "Dentist", "2026-11-25T09:00", "2026-11-25T10:00"),
        ("Party tonight", "Party", "2026-11-24T20:00", "2026-11-24T21:00"),
        ("Yoga tomorrow morning", "Yoga", "2026-11-25T09:00", "2026-11-25T10:00"),
        ("Sunday roast on Friday at 6pm", "Sunday roast", "2026-11-27T18:00", "2026-11-27T19:00"),
        ("Buy 3 apples at 5 p.m.", "Buy 3 apples", "2026-11-25T17:00", "2026-11-25T18:00"),
        ("Vacation June 3 - June 5", "Vacation", "2027-06-03", "2027-06-06"),
        ("Conference June 3rd-5th", "Conference", "2027-06-03", "2027-06-06"),
        ("Fair 30 November to 2 December", "Fair", "2026-11-30", "2026-12-03"),
        ("Trip for 3 days on 12/1", "Trip", "2026-12-01", "2026-12-04"),
        ("Meet Emily on 7/12/2027", "Meet Emily", "2027-07-12", "2027-07-13"),
        ("3rd of May, 2028 Party", "Party", "2028-05-03", "2028-05-04"),
        ("Review next Friday", "Review", "2026-12-04", "2026-12-05"),
        ("Review friday", "Review", "2026-11-27", "2026-11-28"),
        ("Pay rent in 2 weeks", "Pay rent", "2026-12-08", "2026-12-09"),
        ("Leap on Feb 29", "Leap", "2028-02-29", "2028-03-01"),
        ("Moon landing July 20 1969", "Moon landing", "1969-07-20", "1969-07-21"),
        ("day after tomorrow: laundry", ": laundry", "2026-11-26", "2026-11-27"),
        ("Call mom", "Call mom", "2026-11-24", "2026-11-25"),
        ("Read chapter 5", "Read chapter 5", "2026-11-24", "2026-11-25"),
        ("Room 12-14 at 25:99 on 31/31", "Room 12-14 at 25:99 on 31/31", "2026-11-24", "2026-11-25"),
        ("tomorrow", "tomorrow", "2026-11-25", "2026-11-26"),
    ],
)
def test_a_line_says_what_and_when(text: str, title: str, start: str, end: str) -> None:
    event = read(text)
    assert (event["summary"], when(event, "start"), when(event, "end")) == (title, start, end)
    assert "recurrence" not in event and "attendees" not in event


@pytest.mark.parametrize(
    ("text", "start", "rule"),
    [
        ("Feed the cat every day at 7am", "2026-11-25T07:00", "FREQ=DAILY"),
        ("Feed the cat daily at 7pm", "2026-11-24T19:00", "FREQ=DAILY"),
        ("Stand-up every weekday 9:30-9:45", "2026-11-25T09:30", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("Gym every Monday and Thursday at 6pm", "2026-11-26T18:00", "FREQ=WEEKLY;BYDAY=MO,TH"),
        ("Gym every tue, fri", "2026-11-24", "FREQ=WEEKLY;BYDAY=TU,FR"),
        ("Bins every other Tuesday 8pm", "2026-11-24T20:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"),
        ("Rent monthly on Dec 1", "2026-12-01", "FREQ=MONTHLY"),
        ("Birthday every year on April 4", "2027-04-04", "FREQ=YEARLY"),
        ("Pills every 3 days for 5 times", "2026-11-24", "FREQ=DAILY;INTERVAL=3;COUNT=5"),
        ("Class every Monday for 5 weeks", "2026-11-30", "FREQ=WEEKLY;BYDAY=MO;COUNT=5"),
        (
            "Class every other Monday for 5 weeks",
            "2026-11-30",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;UNTIL=20270103",
        ),
        ("Walk daily at 8pm until December 20", "2026-11-24T20:00", "FREQ=DAILY;UNTIL=20261220T145959Z"),
        ("Fast every day until Dec 20", "2026-11-24", "FREQ=DAILY;UNTIL=20261220"),
    ],
)
def test_every_makes_a_series(text: str, start: str, rule: str) -> None:
    event = read(text)
    assert (when(event, "start"), event["recurrence"]) == (start, [f"RRULE:{rule}"])


def test_a_place_stays_in_the_title_and_guests_are_those_named_by_address() -> None:
    event = read("Appointment at Somewhere on June 3rd 10am-10:25am")
    assert (event["summary"], event["location"]) == ("Appointment at Somewhere", "Somewhere")
    assert (when(event, "start"), when(event, "end")) == ("2027-06-03T10:00", "2027-06-03T10:25")
    event = read("Tea with leo@example.com and tama@example.com tomorrow at 4pm at the Blue Cafe in Kyoto")
    assert [guest["email"] for guest in event["attendees"]] == ["leo@example.com", "tama@example.com"]
    assert (event["summary"], event["location"]) == (
        "Tea at the Blue Cafe in Kyoto",
        "the Blue Cafe in Kyoto",
    )
    assert read("Piano in Kyoto tomorrow")["location"] == "Kyoto"
    assert "location" not in read("Lunch at noon") | read("Call in 2 hours")
    assert when(read("x 7/12/2027", day_first=True), "start") == "2027-12-07"


async def test_quick_add_makes_an_event_in_the_calendars_zone(mia: Person, sandbox: Sandbox) -> None:
    header = await mia.bearer(G + "calendar.events.owned")
    sandbox.set_settings(WHO, defaultEventLength="25", dateFieldOrder="DMY")
    text = {"text": "Vet every week on 7/12 at 4pm at the corner"}
    made = (await mia.http.post(QUICK, params=text, headers=header)).json()
    assert made["start"] == {"dateTime": "2026-12-07T16:00:00+09:00", "timeZone": "Asia/Tokyo"}
    assert made["end"]["dateTime"] == "2026-12-07T16:25:00+09:00"
    assert (made["summary"], made["location"]) == ("Vet at the corner", "the corner")
    assert made["recurrence"] == ["RRULE:FREQ=WEEKLY"]
    assert (await mia.http.get(f"{EVENTS}/{made['id']}", headers=header)).json() == made
    for bad in ({}, {"text": "  "}, {"text": "x" * 5000}):
        refused = await mia.http.post(QUICK, params=bad, headers=header)
        error = refused.json()["error"]["errors"][0]
        assert (refused.status_code, error["location"]) == (400, "text")
    sandbox.fault("calendar.events.quickAdd", status=503, times=1)
    assert (await mia.http.post(QUICK, params=text, headers=header)).status_code == 503
    readonly = await mia.bearer(G + "calendar.events.readonly")
    assert (await mia.http.post(QUICK, params=text, headers=readonly)).status_code == 403


WORDS = """
    every other next this on at in for until from to - and with a@b.c 3pm 11 25:61 12:30 noon midnight weekday
    monday fri days weeks times 2 999 0 31 Feb May 29th 2/30 9999 2199 2026-13-45 tonight tomorrow daily @ , x
"""


@given(st.lists(st.one_of(st.sampled_from(WORDS.split()), st.text(max_size=6)), max_size=12))
def test_any_line_becomes_an_event_that_ends_after_it_starts(words: list[str]) -> None:
    event = read(" ".join(words))
    start, end = event["start"], event["end"]
    key = "date" if "date" in start else "dateTime"
    assert datetime.fromisoformat(end[key]) > datetime.fromisoformat(start[key])
