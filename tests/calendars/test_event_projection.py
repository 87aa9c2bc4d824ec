"""What is stored of an event: bounded, of the right type, and nothing else, whatever Google sends."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catflap.calendars import Occurrence
from catflap.calendars.event_projection import StoredEvent, project_event
from catflap.calendars.recurrence.series import expand_events

AT = datetime(2026, 12, 2, 10, tzinfo=UTC)
MEET = "https://meet.google.com/abc-defg-hij"


def occurrence(**members: Any) -> Occurrence:
    times = {"start": {"dateTime": AT.isoformat()}, "end": {"dateTime": AT.isoformat()}}
    stored = StoredEvent(1, project_event({"id": "e", "summary": "Sync", **times, **members}), "UTC")
    (found,) = expand_events([stored], AT - timedelta(days=1), AT + timedelta(days=1), UTC)
    return found


def conference(*entries: Any) -> dict[str, Any]:
    return {"conferenceData": {"entryPoints": list(entries)}}


def video(uri: Any) -> dict[str, Any]:
    return {"entryPointType": "video", "uri": uri, "pin": "123456", "label": "meet"}


@pytest.mark.parametrize(
    ("place", "stored"),
    [
        ("Station Street 5", "Station Street 5"),
        (" Room 1\n", "Room 1"),
        ("x" * 30_000, "x" * 500),
        ("\0駅\ud800", "駅?"),
        ("", ""),
        (None, ""),
        (5, ""),
        (["a"], ""),
        ({"a": 1}, ""),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_place_is_bounded_text(place: object, stored: str) -> None:
    assert occurrence(location=place).place == stored


@pytest.mark.parametrize(
    ("members", "link"),
    [
        ({}, ""),
        ({"hangoutLink": MEET}, MEET),
        (conference(video("https://zoom.example/j/1?pwd=a%20b")), "https://zoom.example/j/1?pwd=a%20b"),
        ({"hangoutLink": MEET, **conference(video("https://zoom.example/j/1"))}, "https://zoom.example/j/1"),
        ({"hangoutLink": MEET, **conference(video("javascript:alert(1)"))}, MEET),
        (conference({"entryPointType": "phone", "uri": "tel:+1-555-0100"}, video(MEET)), MEET),
        (conference({"entryPointType": "more", "uri": "https://tel.meet/abc"}), ""),
        (conference(None, 5, "x", [], {}, video(None), video(5), video([MEET]), video(MEET)), MEET),
        ({"conferenceData": [video(MEET)]}, ""),
        ({"conferenceData": {"entryPoints": video(MEET)}}, ""),
    ],
)
def test_the_link_of_a_conference_is_that_of_its_video_or_of_google_meet(
    members: dict[str, Any], link: str
) -> None:
    assert occurrence(**members).conference_link == link


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JavaScript://meet.google.com/%0aalert(1)",
        "data:text/html,x",
        "http://meet.google.com/abc",
        "//meet.google.com/abc",
        "https:meet.google.com",
        "https://",
        "https:///abc",
        "https://meet.google.com@evil.example/",
        "https://meet.google.com:x@evil.example/",
        "https://evil.example\\.google.com/",
        "https://meet.google.com/ abc",
        " https://meet.google.com/abc",
        "https://meet.google.com/abc\n",
        "https://meet.google.com/\0",
        "https://meet.google.com/\">",
        "https://mеet.google.com/abc",
        "https://[::1/abc",
        "https://meet.google.com:99999/",
        "https://meet.google.com/" + "a" * 2000,
        5,
        None,
        [MEET],
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_a_link_that_is_no_plain_https_address_is_not_stored(link: object) -> None:
    assert "conferenceLink" not in project_event({"id": "e", "hangoutLink": link})
    assert "conferenceLink" not in project_event({"id": "e", **conference(video(link))})


ME, OTHER = {"self": True, "responseStatus": "accepted"}, {"responseStatus": "needsAction"}
ROOM = {"resource": True, "responseStatus": "accepted"}


@pytest.mark.parametrize(
    ("members", "count"),
    [
        ({}, 0),
        ({"attendees": []}, 0),
        ({"attendees": [ME, OTHER, OTHER]}, 3),
        ({"attendees": [ME, ROOM]}, 1),
        ({"attendees": [ROOM]}, 0),
        ({"attendees": [ME], "attendeesOmitted": True}, None),
        ({"attendeesOmitted": True}, None),
        ({"attendees": [ME] + [OTHER] * 4999}, 5000),
        ({"attendees": "everybody"}, 0),
        ({"attendees": {"self": True}}, 0),
        ({"attendees": [None, 5, "x", [ME], OTHER]}, 1),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_people_are_counted_without_rooms_and_not_where_google_leaves_some_out(
    members: dict[str, Any], count: int | None
) -> None:
    assert occurrence(**members).attendee_count == count


def test_of_five_thousand_attendees_only_the_users_own_answer_is_stored() -> None:
    crowd = [{**OTHER, "email": f"canary{n}@example.com", "displayName": "canary"} for n in range(4999)]
    stored = project_event({"id": "e", "attendees": [*crowd, {**ME, "email": "canary@example.com"}]})
    assert stored == {"id": "e", "attendees": [ME], "attendeeCount": 5000}


@pytest.mark.parametrize(
    ("organizer", "is_organizer", "name"),
    [
        ({"self": True, "displayName": "Mia", "email": "mia@example.com"}, True, ""),
        ({"displayName": "Leo", "email": "leo@example.com", "id": "7"}, False, "Leo"),
        ({"self": "true", "displayName": "L" * 5000}, False, "L" * 200),
        ({"email": "leo@example.com"}, False, ""),
        ({"displayName": 5}, False, ""),
        ([], False, ""),
        ("leo", False, ""),
        (None, False, ""),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_of_the_organizer_only_the_name_is_stored_and_only_if_it_is_somebody_else(
    organizer: object, is_organizer: bool, name: str
) -> None:
    found = occurrence(organizer=organizer)
    assert (found.is_organizer, found.organizer) == (is_organizer, name)
    assert "@" not in json.dumps(project_event({"id": "e", "organizer": organizer}))


def test_nothing_that_a_person_wrote_is_in_the_text_of_an_occurrence() -> None:
    found = occurrence(summary="canary", location="canary", organizer={"displayName": "canary"})
    assert "canary" not in repr(found)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["self", "responseStatus", "resource", "entryPoints", "uri", "displayName", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_MEMBERS = (
    "location",
    "hangoutLink",
    "conferenceData",
    "attendees",
    "attendeesOmitted",
    "organizer",
    "updated",
)


@given(st.dictionaries(st.sampled_from(_MEMBERS), _JSON))
def test_members_of_any_form_give_an_occurrence_and_something_small_to_store(members: dict[str, Any]) -> None:
    occurrence(**members)
    assert len(json.dumps(project_event({"id": "e", **members}))) < 5000
