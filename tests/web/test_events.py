"""Events are inserted, changed and deleted for a user, and repeating a request has no further effect."""

import asyncio
from typing import Any

import pytest

from catflap.store.task_types import AccountKey
from tests.support.app_client import RunningApp
from tests.support.events import BERLIN, ID, Writer, at, event, writer

pytestmark = pytest.mark.slow  # starts an application for each test

OTHER = "0a1b2c3d4e5f"
FULL = event(
    place="Station Street 5",
    description="Bring the X-rays",
    recurrence=["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20261208T090000"],
    reminders=[{"method": "popup", "minutes": 10}, {"method": "email", "minutes": 1440}],
    transparency="transparent",
    visibility="private",
    attendees=["bob@example.com"],
)


@pytest.fixture
async def alice(app: RunningApp) -> Writer:
    return await writer(app)


async def test_an_event_is_inserted_with_all_its_fields(alice: Writer) -> None:
    answer = await alice.insert(FULL)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    times = {"date": None, "time_zone": BERLIN}
    assert made["start"] == {"date_time": "2026-12-01T09:00:00+01:00", **times}
    assert made["attendees"] == [{"email": "bob@example.com", "response": "needsAction"}]
    same = ("id", "title", "place", "description", "recurrence", "reminders", "transparency", "visibility")
    assert {name: made[name] for name in same} == {name: FULL[name] for name in same}
    assert answer.headers["ETag"] == made["etag"] and made["link"].startswith("https://www.google.com/")
    first, second = alice.at_google()
    assert (first["summary"], first["location"]) == ("Dentist", "Station Street 5")
    assert second["start"]["dateTime"] == "2026-12-15T09:00:00+01:00"


async def test_whole_days_end_on_the_day_after_the_last(alice: Writer) -> None:
    answer = await alice.insert(event(start={"date": "2026-12-24"}, end={"date": "2026-12-27"}))
    assert answer.json()["end"] == {"date": "2026-12-27", "date_time": None, "time_zone": None}
    (stored,) = alice.at_google()
    assert (stored["start"], stored["end"]) == ({"date": "2026-12-24"}, {"date": "2026-12-27"})


async def test_an_insert_that_is_repeated_inserts_nothing_more(alice: Writer) -> None:
    first, second = [await alice.insert() for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(alice.at_google()) == 1


async def test_of_inserts_at_once_one_inserts_and_all_succeed(alice: Writer) -> None:
    answers = await asyncio.gather(*(alice.insert() for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len(alice.at_google()) == 1


async def test_an_insert_whose_answer_was_lost_is_repeated_without_a_duplicate(alice: Writer) -> None:
    alice.app.sandbox.fault("calendar.events.insert", drop="after", times=1)
    lost = await alice.insert()
    assert (lost.status_code, lost.json()["code"]) == (503, "google_unavailable")
    again = await alice.insert()
    assert (again.status_code, again.json()["title"]) == (200, "Dentist")
    assert len(alice.at_google()) == 1


async def test_a_repeated_insert_keeps_what_was_edited_meanwhile(alice: Writer) -> None:
    await alice.insert()
    alice.app.sandbox.change_event(alice.email, ID, {"summary": "Dentist, moved", "location": "Room 2"})
    again = await alice.insert()
    assert (again.status_code, again.json()["title"]) == (200, "Dentist, moved")
    assert alice.at_google()[0]["location"] == "Room 2"


async def test_an_id_that_another_event_has_is_refused(alice: Writer) -> None:
    await alice.insert()
    other = await alice.insert(event(title="Barber"))
    assert (other.status_code, other.json()["code"]) == (409, "event_exists")
    times = {"start": {"dateTime": "2026-12-01T09:00:00Z"}, "end": {"dateTime": "2026-12-01T10:00:00Z"}}
    alice.app.sandbox.insert_event(alice.email, {"id": OTHER, "summary": "Dentist", **times})
    not_ours = await alice.insert(event(OTHER))
    assert not_ours.json()["code"] == "event_exists"
    assert [one["summary"] for one in alice.at_google()] == ["Dentist", "Dentist"]


async def test_an_id_of_a_deleted_event_is_not_used_again(alice: Writer) -> None:
    await alice.insert()
    assert (await alice.delete()).status_code == 204
    for body in (event(), event(title="Barber")):
        answer = await alice.insert(body)
        assert (answer.status_code, answer.json()["code"]) == (410, "event_deleted")
    assert alice.at_google() == []


async def test_an_id_of_which_google_knows_no_more_is_not_used_again(alice: Writer) -> None:
    await alice.insert()
    alice.app.sandbox.fault("calendar.events.get", status=404)
    assert (await alice.insert()).json()["code"] == "event_exists"


async def test_a_change_leaves_the_rest_as_it_is(alice: Writer) -> None:
    await alice.insert(FULL)
    answer = await alice.change({"title": "Doctor", "place": None, "reminders": None, "visibility": None})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["title"], changed["place"], changed["reminders"]) == ("Doctor", "", None)
    assert (changed["description"], changed["visibility"]) == ("Bring the X-rays", "default")
    assert len(alice.at_google()) == 2
    again = await alice.insert(FULL)
    assert (again.status_code, again.json()["title"]) == (200, "Doctor")


@pytest.mark.parametrize(
    "times",
    [
        {"start": {"date": "2026-12-02"}, "end": {"date": "2026-12-03"}},
        {"start": at("11:00", "Asia/Tokyo"), "end": at("12:00", "Asia/Tokyo")},
        {"end": at("12:30")},
    ],
)
async def test_an_event_is_moved(alice: Writer, times: dict[str, Any]) -> None:
    await alice.insert()
    answer = await alice.change(times)
    assert answer.status_code == 200, answer.text
    moved = answer.json()
    for name, sent in times.items():
        assert moved[name]["date"] == sent.get("date")
        assert moved[name]["time_zone"] == sent.get("time_zone")


async def test_times_go_back_from_whole_days(alice: Writer) -> None:
    await alice.insert(event(start={"date": "2026-12-02"}, end={"date": "2026-12-03"}))
    answer = await alice.change({"start": at("09:00"), "end": at("10:00")})
    assert answer.json()["start"]["date_time"] == "2026-12-01T09:00:00+01:00"


async def test_a_change_of_another_version_is_refused(alice: Writer) -> None:
    etag = (await alice.insert()).json()["etag"]
    changed = await alice.change({"title": "Doctor"}, etag=etag)
    assert changed.status_code == 200 and changed.json()["etag"] != etag
    stale = await alice.change({"title": "Barber"}, etag=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "etag_mismatch")
    assert alice.at_google()[0]["summary"] == "Doctor"


async def test_a_change_whose_answer_was_lost_is_repeated_with_the_same_etag(alice: Writer) -> None:
    etag = (await alice.insert()).json()["etag"]
    alice.app.sandbox.fault("calendar.events.patch", drop="after", times=1)
    assert (await alice.change({"title": "Doctor"}, etag=etag)).status_code == 503
    again = await alice.change({"title": "Doctor"}, etag=etag)
    assert (again.status_code, again.json()["title"]) == (200, "Doctor")
    alice.app.sandbox.fault("calendar.events.patch", drop="after", times=1)
    assert (await alice.change({"place": "Room 2"})).status_code == 503
    assert (await alice.change({"place": "Room 2"})).status_code == 200


async def test_what_is_deleted_or_unknown_is_not_changed(alice: Writer) -> None:
    await alice.insert()
    await alice.delete()
    deleted = await alice.change({"title": "Doctor"})
    assert (deleted.status_code, deleted.json()["code"]) == (410, "event_deleted")
    unknown = await alice.change({"title": "Doctor"}, OTHER)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "event_not_found")
    assert alice.at_google() == []


async def test_a_delete_that_is_repeated_succeeds(alice: Writer) -> None:
    etag = (await alice.insert()).json()["etag"]
    alice.app.sandbox.fault("calendar.events.delete", drop="after", times=1)
    assert (await alice.delete(etag=etag)).status_code == 503
    for more in ({"etag": etag}, {}):
        answer = await alice.delete(**more)
        assert (answer.status_code, answer.content) == (204, b"")
    assert (await alice.delete(OTHER)).status_code == 204
    assert alice.at_google() == []


async def test_a_delete_of_another_version_is_refused(alice: Writer) -> None:
    etag = (await alice.insert()).json()["etag"]
    await alice.change({"title": "Doctor"})
    answer = await alice.delete(etag=etag)
    assert (answer.status_code, answer.json()["code"]) == (412, "etag_mismatch")
    assert len(alice.at_google()) == 1


async def test_one_instance_of_a_series_is_changed_or_deleted_alone(alice: Writer) -> None:
    await alice.insert(event(recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    first, second, third = (one["id"] for one in alice.at_google())
    assert (await alice.change({"title": "Doctor"}, second)).json()["id"] == second
    assert (await alice.delete(third)).status_code == 204
    assert (await alice.delete(third)).status_code == 204
    assert [one["summary"] for one in alice.at_google()] == ["Dentist", "Doctor"]
    assert (await alice.delete()).status_code == 204
    assert alice.at_google() == [] and first


async def test_google_tells_attendees_only_if_asked_to(alice: Writer) -> None:
    await alice.insert()
    await alice.change({"title": "Doctor"}, send_updates="all")
    await alice.delete(send_updates="externalOnly")
    asked = [q["sendUpdates"] for one in alice.app.sandbox.requests() if "sendUpdates" in (q := one["query"])]
    assert asked == ["none", "all", "externalOnly"]


async def test_a_stored_calendar_is_written_to_by_its_id_and_synced_at_once(alice: Writer) -> None:
    account = AccountKey(alice.user_id, alice.app.sandbox.account(alice.email).sub)
    await alice.app.catflap.components.jobs.sync(account)
    listed = await alice.app.client.get("/v1/calendars", headers=alice.headers)
    number = str(next(one["id"] for one in listed.json()["calendars"] if one["primary"]))
    before = await alice.syncs()
    assert (await alice.insert(calendar=number)).status_code == 201
    assert (await alice.change({"title": "Doctor"}, calendar=number)).status_code == 200
    assert (await alice.insert(event(title="Barber"), calendar=number)).status_code == 409
    assert await alice.syncs() == before + 1
    await alice.app.catflap.components.jobs.sync(account)
    assert [row[0] for row in await alice.app.rows("SELECT google_id FROM app.events")] == [ID]
    assert (await alice.delete(calendar=number)).status_code == 204
    assert await alice.syncs() == before + 2
