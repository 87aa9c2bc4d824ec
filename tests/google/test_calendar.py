"""Responses of the Calendar API are checked, and errors mapped by status and reason."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.calendar import AccessRefused, CalendarApi, CalendarGone, SyncTokenExpired
from tests.support.canned_answers import answer, answering, refusal
from tests.support.http import http_client

TOKEN = "ya29.a-made-up-token"
NO_EVENTS = answer(200, {"items": [], "nextSyncToken": "next"})


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client(timeout=2) as client:
        yield client


async def failure(http: httpx2.AsyncClient, reply: bytes, **how: Any) -> CatflapError:
    async with answering(reply) as google:
        with pytest.raises(CatflapError) as caught:
            await CalendarApi(http, google.url).list_events(TOKEN, "primary", **how)
    assert TOKEN not in f"{caught.value} {caught.value.detail}"
    return caught.value


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (refusal(401, "authError"), AccessRefused, "access_token_refused"),
        (refusal(401, "required"), AccessRefused, "access_token_refused"),
        (answer(401, b"<html>"), AccessRefused, "access_token_refused"),
        (refusal(403, "insufficientPermissions"), UserMustAct, "scope_missing"),
        (refusal(403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), UserMustAct, "scope_missing"),
        (refusal(403, "accessNotConfigured"), OperatorMustAct, "google_api_disabled"),
        (refusal(403, "rateLimitExceeded"), TryAgain, "google_rate_limited"),
        (refusal(403, "userRateLimitExceeded"), TryAgain, "google_rate_limited"),
        (refusal(403, "quotaExceeded"), TryAgain, "google_quota_exceeded"),
        (refusal(429, "rateLimitExceeded"), TryAgain, "google_rate_limited"),
        (answer(429, b""), TryAgain, "google_rate_limited"),
        (refusal(403, "forbidden"), CalendarGone, "not_allowed"),
        (refusal(403, "oops"), BadRequest, "google_refused"),
        (answer(403, b"<html>"), TryAgain, "google_unavailable"),
        (answer(404, b"<html>"), TryAgain, "google_unavailable"),
        (answer(410, {}), TryAgain, "google_unavailable"),
        (refusal(404, "notFound"), CalendarGone, "not_found"),
        (refusal(410, "deleted"), CalendarGone, "not_found"),
        (refusal(400, "badRequest"), BadRequest, "google_refused"),
        (refusal(408, "timeout"), TryAgain, "google_unavailable"),
        (refusal(500, "backendError"), TryAgain, "google_unavailable"),
        (answer(502, b"<html>Bad Gateway"), TryAgain, "google_unavailable"),
        (answer(503, {"error": "unavailable"}), TryAgain, "google_unavailable"),
        (answer(302, b"", "Location: https://elsewhere.example/"), TryAgain, "google_unavailable"),
        (answer(200, b"<html>Sign in to the hotel's network"), TryAgain, "google_unavailable"),
        (answer(200, b"[" * 100_000), TryAgain, "google_unavailable"),
        (answer(200, [1, 2]), TryAgain, "google_unavailable"),
        (answer(200, {}), TryAgain, "google_unavailable"),
        (answer(200, {"error": "?"}), TryAgain, "google_unavailable"),
        (answer(200, {"items": {"id": "x"}}), TryAgain, "google_unavailable"),
        (answer(200, {"items": ["x"]}), TryAgain, "google_unavailable"),
        (answer(200, {"nextPageToken": 5}), TryAgain, "google_unavailable"),
        (answer(500, {"error": {"errors": "?", "details": [None, {}]}}), TryAgain, "google_unavailable"),
        (b"", TryAgain, "google_unavailable"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{", TryAgain, "google_unavailable"),
    ],
    ids=lambda value: value[9:12].decode() if isinstance(value, bytes) else None,
)  # fmt: skip
async def test_each_answer_says_who_must_act(
    http: httpx2.AsyncClient, reply: bytes, kind: type[CatflapError], code: str
) -> None:
    error = await failure(http, reply)
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize(
    "reply",
    [
        refusal(410, "fullSyncRequired"),
        refusal(410, "updatedMinTooLongAgo"),
        refusal(400, "invalid"),
        answer(410, b""),
    ],
)
async def test_a_sync_token_of_no_use_says_so(http: httpx2.AsyncClient, reply: bytes) -> None:
    assert isinstance(await failure(http, reply, sync_token="old"), SyncTokenExpired)


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ((), timedelta(minutes=1)),
        (("Retry-After: 120",), timedelta(minutes=2)),
        (
            ("Date: Tue, 24 Nov 2026 12:00:00 GMT", "Retry-After: Tue, 24 Nov 2026 12:00:30 GMT"),
            timedelta(seconds=30),
        ),
        (
            ("Date: Tue, 24 Nov 2026 12:00:00 GMT", "Retry-After: Tue, 24 Nov 2026 11:00:00 GMT"),
            timedelta(minutes=1),
        ),
        (("Retry-After: soon",), timedelta(minutes=1)),
        (("Retry-After: 99999999999999999999",), timedelta(minutes=1)),
    ],
)
async def test_a_pause_google_asks_for_is_passed_on_and_one_of_ours_where_it_names_none(
    http: httpx2.AsyncClient, headers: tuple[str, ...], after: timedelta
) -> None:
    error = await failure(http, refusal(429, "rateLimitExceeded", *headers))
    assert isinstance(error, TryAgain)
    assert error.after == after


async def test_a_pause_is_made_for_quotas_only(http: httpx2.AsyncClient) -> None:
    error = await failure(http, refusal(503, "backendError"))
    assert isinstance(error, TryAgain)
    assert error.after is None


@pytest.mark.parametrize("reply", [refusal(404, "notFound"), refusal(403, "forbidden")])
async def test_a_refused_calendar_list_does_not_mean_that_calendars_are_gone(
    http: httpx2.AsyncClient, reply: bytes
) -> None:
    async with answering(reply) as google:
        with pytest.raises(BadRequest, match="google_refused") as caught:
            await CalendarApi(http, google.url).list_calendars(TOKEN)
    assert not isinstance(caught.value, CalendarGone)


@pytest.mark.parametrize("nothing", [{}, {"error": "?"}, {"message": "Welcome to the hotel"}])
async def test_an_object_that_is_no_list_is_not_an_empty_list(
    http: httpx2.AsyncClient, nothing: dict[str, str]
) -> None:
    async with answering(answer(200, nothing)) as google:
        with pytest.raises(TryAgain, match="google_unavailable"):
            await CalendarApi(http, google.url).list_calendars(TOKEN)


async def test_an_entry_marked_as_deleted_is_not_on_the_list(http: httpx2.AsyncClient) -> None:
    items = [{"id": "a"}, {"id": "b", "deleted": True}, {"id": "c", "deleted": False}]
    async with answering(answer(200, {"items": items})) as google:
        listed = await CalendarApi(http, google.url).list_calendars(TOKEN)
    assert [entry.id for entry in listed.entries] == ["a", "c"]


async def test_a_hidden_entry_is_not_on_the_list_and_a_change_says_that_it_no_longer_is(
    http: httpx2.AsyncClient,
) -> None:
    items = [{"id": "a"}, {"id": "b", "hidden": True}, {"id": "c", "deleted": True}]
    async with answering(answer(200, {"items": items, "nextSyncToken": "next"})) as google:
        listed = await CalendarApi(http, google.url).list_calendars(TOKEN, "old")
    assert [entry.id for entry in listed.entries] == ["a"]
    assert (listed.unlisted, listed.is_incremental, listed.next_sync_token) == ({"b", "c"}, True, "next")
    (query,) = google.queries()
    # Google refuses a sync token with either of them false.
    assert query["syncToken"] == "old" and not query.keys() & {"showDeleted", "showHidden", "minAccessRole"}


async def test_each_page_of_a_changed_list_is_asked_for_with_the_sync_token(http: httpx2.AsyncClient) -> None:
    pages = (
        answer(200, {"items": [{"id": "a"}, {"id": "b"}], "nextPageToken": "2"}),
        answer(200, {"items": [{"id": "a", "deleted": True}], "nextSyncToken": "next"}),
    )
    async with answering(*pages) as google:
        listed = await CalendarApi(http, google.url).list_calendars(TOKEN, "old")
    assert [(query["syncToken"], query.get("pageToken")) for query in google.queries()] == [
        ("old", None),
        ("old", "2"),
    ]
    assert ([entry.id for entry in listed.entries], listed.unlisted) == (["b"], {"a"})


@pytest.mark.parametrize("body", [{"items": []}, {"kind": "calendar#calendarList"}])
async def test_changes_of_the_list_end_with_a_sync_token(http: httpx2.AsyncClient, body: Any) -> None:
    async with answering(answer(200, body)) as google:
        with pytest.raises(TryAgain, match="google_unavailable"):
            await CalendarApi(http, google.url).list_calendars(TOKEN, "old")


async def test_changes_of_which_none_can_be_read_are_an_incomplete_list(http: httpx2.AsyncClient) -> None:
    async with answering(answer(200, {"items": [{"id": 5}], "nextSyncToken": "next"})) as google:
        listed = await CalendarApi(http, google.url).list_calendars(TOKEN, "old")
    assert (listed.entries, listed.complete) == ((), False)


@pytest.mark.parametrize(
    "reply", [refusal(410, "fullSyncRequired"), refusal(400, "invalid"), answer(410, b"")]
)
async def test_an_expired_sync_token_of_the_list_says_so(http: httpx2.AsyncClient, reply: bytes) -> None:
    async with answering(reply) as google:
        with pytest.raises(SyncTokenExpired):
            await CalendarApi(http, google.url).list_calendars(TOKEN, "old")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("#9FE1E7", "#9fe1e7"),
        ("#fff", None),
        ("red", None),
        ("#9fe1e7;background:url(//evil.example)", None),
        (" #9fe1e7", None),
        ("#9fe1e7\n", None),
        (7, None),
        (None, None),
    ],
)
async def test_a_colour_is_six_hexadecimal_digits_or_none(
    http: httpx2.AsyncClient, sent: object, read: str | None
) -> None:
    item = {"id": "a", "backgroundColor": sent, "foregroundColor": sent, "accessRole": sent}
    async with answering(answer(200, {"items": [item]})) as google:
        (entry,) = (await CalendarApi(http, google.url).list_calendars(TOKEN)).entries
    assert (entry.background_color, entry.foreground_color) == (read, read)
    assert entry.access_role in ("", "red")


async def test_google_that_does_not_answer_is_unavailable(http: httpx2.AsyncClient) -> None:
    async with answering(NO_EVENTS) as google:
        url = google.url
    with pytest.raises(TryAgain, match="google_unavailable"):
        await CalendarApi(http, url).list_events(TOKEN, "primary")


async def test_the_token_is_in_the_header_and_the_calendar_in_the_path(http: httpx2.AsyncClient) -> None:
    async with answering(NO_EVENTS) as google:
        since = datetime(2026, 11, 17, 12, tzinfo=UTC)
        page = await CalendarApi(http, google.url).list_events(
            TOKEN, "de.german#holiday@group.v.calendar.google.com/?x", time_min=since
        )
    path = google.asked[0].split("?")[0]
    assert path == "/calendar/v3/calendars/de.german%23holiday%40group.v.calendar.google.com%2F%3Fx/events"
    assert google.authorizations == [f"Bearer {TOKEN}"]
    assert google.queries()[0]["timeMin"] == "2026-11-17T12:00:00Z"
    assert (page.items, page.next_page_token, page.next_sync_token) == ((), None, "next")


async def test_only_the_fields_in_use_are_asked_for(http: httpx2.AsyncClient) -> None:
    async with answering(NO_EVENTS) as google:
        await CalendarApi(http, google.url).list_events(TOKEN, "primary", sync_token="t", page_token="p")
    query = google.queries()[0]
    assert (query["syncToken"], query["pageToken"], query["maxAttendees"]) == ("t", "p", "25")
    assert "timeMin" not in query
    for secret in ("description", "email", "creator", "attachments", "pin", "label", "extendedProperties"):
        assert secret not in query["fields"]


async def test_the_calendar_list_is_read_to_its_last_page(http: httpx2.AsyncClient) -> None:
    first = {"id": "a", "summary": "A", "summaryOverride": "Mine", "timeZone": "Asia/Tokyo", "primary": True}
    pages = (
        answer(200, {"items": [{**first, "selected": True}], "nextPageToken": "2"}),
        answer(200, {"nextPageToken": "3"}),
        answer(200, {"items": [{"id": "b"}]}),
    )
    async with answering(*pages) as google:
        one, two = (await CalendarApi(http, google.url).list_calendars(TOKEN)).entries
    assert (one.summary, one.time_zone, one.is_primary, one.is_selected) == ("Mine", "Asia/Tokyo", True, True)
    assert (two.summary, two.time_zone, two.is_primary, two.is_selected) == ("", "", False, False)
    assert [query.get("pageToken") for query in google.queries()] == [None, "2", "3"]


async def test_a_list_that_goes_in_circles_ends(http: httpx2.AsyncClient) -> None:
    async with answering(answer(200, {"items": [], "nextPageToken": "same"})) as google:
        with pytest.raises(TryAgain, match="google_unavailable"):
            await CalendarApi(http, google.url).list_calendars(TOKEN)


async def test_a_list_whose_pages_take_turns_ends(http: httpx2.AsyncClient) -> None:
    pages = [answer(200, {"items": [], "nextPageToken": "ab"[number % 2]}) for number in range(4)]
    asked = 0

    async def count() -> None:
        nonlocal asked
        asked += 1

    async with answering(*pages) as google:
        with pytest.raises(TryAgain, match="google_unavailable"):
            await CalendarApi(http, google.url).list_calendars(TOKEN, before_next=count)
        assert len(google.queries()) == 3
    assert asked == 2
