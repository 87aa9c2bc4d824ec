"""Who may write events, what is refused, and what a caller is told to do."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from catflap.calendars import EventFields, RequestBudget
from catflap.errors import BadRequest
from catflap.store.task_types import AccountKey
from tests.support.app_client import ALICE, BOB, CALENDAR, RunningApp, raw
from tests.support.events import ID, Writer, at, event, writer

pytestmark = pytest.mark.slow  # starts an application for each test

READ_ONLY = ("openid", "email", *CALENDAR)
ROUTES = [("POST", ""), ("PATCH", ID), ("DELETE", ID)]


@pytest.fixture
async def alice(app: RunningApp) -> Writer:
    return await writer(app)


def body_of(method: str) -> Any:
    return {"POST": event(), "PATCH": {"title": "Doctor"}}.get(method)


@pytest.mark.parametrize(("method", "event_id"), ROUTES)
async def test_without_the_scope_the_consent_to_open_is_named(
    app: RunningApp, method: str, event_id: str
) -> None:
    browser = await app.browser()
    await browser.sign_in()
    path = f"/v1/calendars/primary/events{f'/{event_id}' if event_id else ''}"
    answer = await browser.send(method, path, json=body_of(method))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert not [one for one in app.sandbox.requests() if one["endpoint"].startswith("calendar.")]
    await browser.sign_in(answer.json()["consent_url"])
    again = await browser.send("POST", "/v1/calendars/primary/events", json=event())
    assert again.status_code == 201, again.text


async def test_the_consent_is_that_of_the_account_whose_calendar_it_is(app: RunningApp) -> None:
    alice = await writer(app, READ_ONLY)
    sub = app.sandbox.account(alice.email).sub
    answer = (await alice.insert(account=sub)).json()
    asked = parse_qs(urlsplit(answer["consent_url"]).query)
    assert asked == {"scopes": ["calendar.events"], "purpose": ["add_scopes"], "account": [sub]}


async def test_a_consent_links_an_account_that_is_not_the_users_or_not_any_more(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    for event_id, email in (("abcd0", BOB), ("abcd1", BOB), ("abcd2", ALICE)):
        path = f"/v1/calendars/primary/events?account={app.sandbox.account(email).sub}"
        answer = await browser.send("POST", path, json=event(event_id))
        await browser.sign_in(answer.json()["consent_url"], email=email)
        again = await browser.send("POST", path, json=event(event_id))
        assert again.status_code == 201, again.text
        for grant in (await browser.get("/v1/grants")).json()["grants"]:
            if grant["state"] == "active":
                await browser.send("DELETE", f"/v1/grants/{grant['id']}")


async def test_a_user_who_allowed_nothing_is_led_to_a_consent(app: RunningApp) -> None:
    user_id, _ = await app.catflap.services.users.get_or_create("somebody")
    nobody = Writer(app, user_id, await app.bearer_of(user_id))
    answer = await nobody.insert()
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["consent_url"] == "/signin/google?scopes=calendar.events"


async def test_a_parameter_that_is_sent_twice_is_refused(alice: Writer) -> None:
    path = alice.path() + "?account=1&account=2"
    answer = await alice.app.client.post(path, headers=alice.headers, json=event())
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_a_condition_that_is_sent_twice_or_that_no_event_meets_changes_nothing(alice: Writer) -> None:
    etag = (await alice.insert()).json()["etag"]
    for tags in (("*", etag), (etag, etag), (f"{etag}, *",), (f"W/{etag}",), ("",), ("0",)):
        headers = [*alice.headers.items(), *(("If-Match", tag) for tag in tags)]
        for method, body in (("PATCH", {"title": "Doctor"}), ("DELETE", None)):
            answer = await alice.app.client.request(method, alice.path(ID), headers=headers, json=body)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), tags
    assert [one["summary"] for one in alice.at_google()] == ["Dentist"]


async def test_the_library_refuses_ids_and_etags_that_no_event_has(alice: Writer) -> None:
    await alice.insert()
    events, fields = alice.app.catflap.services.events, EventFields(title="Doctor")
    for event_id, etag, code in (
        ("", None, "event_not_found"),
        ("..", None, "event_not_found"),
        (ID, "", "etag_mismatch"),
        (ID, "0\r\nX: y", "etag_mismatch"),
    ):
        for writing in (
            events.change(alice.user_id, event_id, fields, etag=etag),
            events.delete(alice.user_id, event_id, etag=etag),
        ):
            with pytest.raises(BadRequest, match=code):
                await writing
    assert [one["summary"] for one in alice.at_google()] == ["Dentist"]


async def test_a_grant_that_was_revoked_needs_a_new_consent(alice: Writer) -> None:
    alice.app.sandbox.revoke_access(alice.email)
    answer = await alice.insert()
    assert (answer.status_code, answer.json()["code"]) == (409, "reconsent_required")
    assert "/signin/google?scopes=calendar.events" in answer.json()["consent_url"]
    assert alice.at_google() == []


async def test_a_token_that_google_refuses_is_replaced_once(alice: Writer) -> None:
    alice.app.sandbox.fault("calendar.events.insert", status=401, times=1)
    assert (await alice.insert()).status_code == 201
    assert alice.app.google_was_asked("oauth.token.refresh") == 1
    alice.app.sandbox.fault("calendar.events.delete", status=401)
    refused = await alice.delete()
    assert (refused.status_code, refused.json()["code"]) == (503, "access_token_refused")
    assert alice.app.google_was_asked("calendar.events.delete") == 2


async def test_google_says_that_the_scope_is_missing(alice: Writer) -> None:
    alice.app.sandbox.fault("calendar.events.insert", status=403, error="insufficientPermissions")
    answer = (await alice.insert()).json()
    assert answer["code"] == "scope_missing" and "calendar.events" in answer["consent_url"]


FAULTS: list[tuple[dict[str, Any], int, str]] = [
    ({"status": 403, "error": "userRateLimitExceeded"}, 503, "google_rate_limited"),
    ({"status": 429}, 503, "google_rate_limited"),
    ({"status": 403, "error": "quotaExceeded"}, 503, "google_quota_exceeded"),
    ({"status": 403, "error": "accessNotConfigured"}, 500, "google_api_disabled"),
    ({"status": 403, "error": "forbiddenForNonOrganizer"}, 403, "write_forbidden"),
    ({"status": 403, "error": "domainPolicy"}, 409, "google_account_refused"),
    ({"status": 400, "error": "timeRangeEmpty"}, 400, "event_invalid"),
    ({"status": 500}, 503, "google_unavailable"),
    ({"status": 503}, 503, "google_unavailable"),
    ({"garbage": True}, 503, "google_unavailable"),
    ({"drop": "before"}, 503, "google_unavailable"),
]  # fmt: skip


async def test_what_google_refuses_is_told_by_its_code(alice: Writer) -> None:
    for fault, status, code in FAULTS:
        alice.app.sandbox.fault("calendar.events.insert", times=1, **fault)
        answer = await alice.insert()
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert ("Retry-After" in answer.headers) == (code in ("google_rate_limited", "google_quota_exceeded"))
        assert (await alice.insert()).status_code in (200, 201)
        assert len(alice.at_google()) == 1


async def test_a_calendar_that_may_only_be_read_is_not_written_to(app: RunningApp) -> None:
    bob = await writer(app, email=BOB)
    app.sandbox.share_calendar(bob.email, "alice@example.com", role="reader")
    await bob.insert()
    alice = await writer(app)
    for answer in (await alice.insert(calendar=BOB), await alice.delete(calendar=BOB)):
        assert (answer.status_code, answer.json()["code"]) == (403, "write_forbidden")
    assert len(bob.at_google()) == 1


async def test_a_calendar_of_somebody_else_is_not_there(app: RunningApp) -> None:
    bob, alice = await writer(app, email=BOB), await writer(app)
    await app.catflap.components.jobs.sync(AccountKey(bob.user_id, app.sandbox.account(BOB).sub))
    ((number,),) = await app.rows(
        "SELECT id FROM app.calendars WHERE user_id = $1 AND is_primary", bob.user_id
    )
    assert (await bob.insert(calendar=str(number))).status_code == 201
    for calendar in (BOB, str(number), str(number + 1), "nobody@group.calendar.google.com"):
        for answer in (await alice.insert(calendar=calendar), await alice.delete(calendar=calendar)):
            assert (answer.status_code, answer.json()["code"]) == (404, "event_not_found")
    sub = app.sandbox.account(BOB).sub
    assert (await alice.insert(account=sub)).json()["code"] == "not_found"
    assert len(bob.at_google()) == 1


NOT_CALENDARS = (b"..", b".", b"%2e%2e", b"0", b"017", b"a@..%2Fb", b"someone", b"%00", b"x" * 900)
NOT_EVENTS = (b"..", b".", b"%2E%2E", b"a%2Fb", b"a%20b", b"%C3%A9", b"x" * 1025)


async def test_an_address_that_names_nothing_reaches_nobody(alice: Writer) -> None:
    """Sent as they are: HTTP clients resolve dots, and Google's servers may do so too."""
    before = len(alice.app.sandbox.requests())
    paths = [b"%s/events/abcde" % one for one in NOT_CALENDARS] + [
        b"primary/events/" + one for one in NOT_EVENTS
    ]
    head = f"Host: {alice.app.netloc}\r\nAuthorization: {alice.headers['Authorization']}\r\nConnection: close"
    for path in paths:
        status, _, body = await raw(
            alice.app, b"DELETE /v1/calendars/%s HTTP/1.1\r\n%s\r\n\r\n" % (path, head.encode())
        )
        assert 400 <= status < 500, (path, body)
    assert len(alice.app.sandbox.requests()) == before


UTC = {"date_time": "2026-12-01T08:00:00Z"}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"id": "abcd"}, "invalid_request", "id"),
    ({"id": "a" * 1025}, "invalid_request", "id"),
    ({"id": "wxyz0"}, "invalid_request", "id"),
    ({"id": "ABCDE"}, "invalid_request", "id"),
    ({"start": None}, "invalid_request", "start"),
    ({"end": at("08:59")}, "event_invalid", "end"),
    ({"end": {"date": "2026-12-02"}}, "event_invalid", "start, end"),
    ({"start": {"date": "2026-12-02"}, "end": {"date": "2026-12-02"}}, "event_invalid", "end"),
    ({"start": {**at("09:00"), "date": "2026-12-01"}}, "event_invalid", "start"),
    ({"start": {}}, "event_invalid", "start"),
    ({"start": {"date": "2026-12-02", "time_zone": "Europe/Berlin"}}, "event_invalid", "start"),
    ({"start": at("09:00", None)}, "event_invalid", "start"),
    ({"start": at("09:00", "Mars/Olympus")}, "zone_unknown", "start"),
    ({"start": at("09:00", "../etc/passwd")}, "zone_unknown", "start"),
    ({"start": {"date_time": 1764579600}}, "invalid_request", "start.date_time"),
    ({"start": {"date": "2026-13-01"}}, "invalid_request", "start.date"),
    ({"start": {"date_time": "0001-01-01T00:00:00+14:00", "time_zone": "UTC"}}, "event_invalid", "start"),
    ({"start": {"date_time": "0001-01-01T00:00:00+14:00"}}, "event_invalid", "start"),
    ({"end": {"date_time": "9999-12-31T23:00:00", "time_zone": "Etc/GMT+12"}}, "event_invalid", "end"),
    ({"title": "x" * 1025}, "invalid_request", "title"),
    ({"title": "a\0b"}, "invalid_request", "title"),
    ({"description": "x" * 8193}, "invalid_request", "description"),
    ({"recurrence": ["DTSTART:20261201T090000"]}, "event_invalid", "recurrence"),
    ({"recurrence": ["EXDATE:20261201T090000Z"]}, "event_invalid", "recurrence"),
    ({"recurrence": ["RRULE:FREQ=DAILY\r\nSUMMARY:x"]}, "event_invalid", "recurrence"),
    ({"recurrence": ["RRULE:FREQ=DAILY"], "start": UTC}, "event_invalid", "recurrence"),
    ({"recurrence": ["RRULE:FREQ=NEVER"]}, "event_invalid", "Google"),
    ({"reminders": [{"method": "popup", "minutes": 40_321}]}, "invalid_request", "reminders"),
    ({"reminders": [{"method": "sms", "minutes": 1}]}, "invalid_request", "reminders"),
    ({"reminders": [{"method": "popup", "minutes": 1}] * 6}, "invalid_request", "reminders"),
    ({"transparency": "busy"}, "invalid_request", "transparency"),
    ({"attendees": ["bob"]}, "invalid_request", "attendees"),
    ({"attendees": ["b@example.com"] * 201}, "invalid_request", "attendees"),
    ({"conferenceData": {}}, "invalid_request", "the body"),
]  # fmt: skip


async def test_what_makes_no_event_is_refused_and_its_place_named(alice: Writer) -> None:
    for change, code, place in REFUSED:
        answer = await alice.insert({**event(), **change})
        assert (answer.status_code, answer.json()["code"]) == (400, code), (change, answer.text)
        assert answer.json()["detail"].startswith(place), (change, answer.text)
    changes: list[dict[str, Any]] = [{}, {"start": None}, {"end": None}, {"id": ID}, {"attendees": []}]
    for body in changes:
        assert (await alice.change(body)).status_code == 400, body
    assert alice.at_google() == []


async def test_a_body_is_bounded(alice: Writer) -> None:
    large = event(description="x" * 70_000)
    assert (await alice.insert(large)).status_code == 413
    largest = event(title="ü" * 1024, place="ü" * 1024, description="ü" * 8192)
    assert (await alice.insert(largest)).status_code == 201


async def test_a_malformed_etag_is_refused(alice: Writer) -> None:
    await alice.insert()
    for etag in ("x", '"', 'W/"x"', '"a", "b"'):
        assert (await alice.change({"title": "Doctor"}, etag=etag)).status_code == 400
    assert (await alice.change({"title": "Doctor"}, etag="*")).status_code == 200


async def test_a_write_for_which_there_is_no_permit_is_to_be_repeated_later(
    app: RunningApp, alice: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = RequestBudget(app.catflap.services.engine, app.clock, 3, 3)
    monkeypatch.setattr(app.catflap.services.events, "_budget", budget)
    assert (await alice.insert()).status_code == 201
    # To insert it, and to read what was inserted before.
    assert (await alice.insert()).status_code == 200
    answer = await alice.insert()
    assert (answer.status_code, answer.json()["code"]) == (503, "google_budget_used")
    app.clock.advance(timedelta(seconds=int(answer.headers["Retry-After"])))
    assert (await alice.insert()).status_code == 200
