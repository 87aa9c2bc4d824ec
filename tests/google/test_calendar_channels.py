"""Push channels are opened and stopped as Google's guide says, and its errors are mapped by their reason."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from catflap.errors import BadRequest, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.calendar_channels import (
    CalendarChannelApi,
    ChannelIdTaken,
    NewChannel,
    OpenedChannel,
    PushNotSupported,
    channel_refusal,
)
from catflap.google.calendar_errors import AccessRefused, CalendarGone
from catflap.google.fetch import FetchedResponse

CHANNEL = NewChannel("an-id", "a-token", "https://catflap.example.com/google/calendar/push")
OPENED = {
    "kind": "api#channel",
    "id": "an-id",
    "resourceId": "o3hgv1538sdjfh",
    "resourceUri": "https://www.googleapis.com/calendar/v3/calendars/a/events?alt=json",
    "token": "a-token",
    "expiration": "1790000000123",
}


class Google:
    """Notes what was sent, and gives one answer."""

    def __init__(self, status: int = 200, body: Any = OPENED) -> None:
        self.sent: list[httpx2.Request] = []
        self.status, self.body = status, body

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        return httpx2.Response(self.status, json=self.body)

    def api(self) -> CalendarChannelApi:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self))
        return CalendarChannelApi(http, "https://google.invalid/")


def refusal(status: int, reason: str, *, about_calendar: bool = True) -> Any:
    body = {"error": {"code": status, "errors": [{"domain": "global", "reason": reason}]}}
    return channel_refusal(
        FetchedResponse(status, httpx2.Headers(), b""), body, about_calendar=about_calendar
    )


async def test_a_calendar_and_the_list_are_watched_for_a_week() -> None:
    google = Google()
    expected = OpenedChannel("o3hgv1538sdjfh", datetime(2026, 9, 21, 14, 13, 20, 123000, UTC))
    assert await google.api().watch_events("t", "a b/c#d@e", CHANNEL) == expected
    assert await google.api().watch_list("t", CHANNEL) == expected
    assert [str(request.url) for request in google.sent] == [
        "https://google.invalid/calendar/v3/calendars/a%20b%2Fc%23d%40e/events/watch",
        "https://google.invalid/calendar/v3/users/me/calendarList/watch",
    ]
    for request in google.sent:
        assert request.headers["Authorization"] == "Bearer t"
        assert httpx2.Response(200, content=request.content).json() == {
            "id": "an-id",
            "type": "web_hook",
            "address": "https://catflap.example.com/google/calendar/push",
            "token": "a-token",
            "params": {"ttl": "604800"},
        }


async def test_the_token_of_a_channel_is_in_no_text_about_it() -> None:
    assert "a-token" not in repr(CHANNEL) and "an-id" in repr(CHANNEL)


@pytest.mark.parametrize("status", [200, 204])
async def test_a_channel_is_stopped(status: int) -> None:
    google = Google(status)
    await google.api().stop("t", "an-id", "o3hgv1538sdjfh")
    (request,) = google.sent
    assert str(request.url) == "https://google.invalid/calendar/v3/channels/stop"
    sent = httpx2.Response(200, content=request.content).json()
    assert sent == {"id": "an-id", "resourceId": "o3hgv1538sdjfh"}


async def test_a_channel_that_is_gone_is_as_good_as_stopped() -> None:
    gone = {"error": {"code": 404, "errors": [{"reason": "notFound"}]}}
    await Google(404, gone).api().stop("t", "an-id", "o3hgv1538sdjfh")


async def test_another_failure_to_stop_is_told() -> None:
    limited = {"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}]}}
    with pytest.raises(TryAgain, match="google_rate_limited"):
        await Google(403, limited).api().stop("t", "an-id", "o3hgv1538sdjfh")


@pytest.mark.parametrize(
    "change",
    [
        {"resourceId": None},
        {"resourceId": ""},
        {"resourceId": "two words"},
        {"resourceId": 7},
        {"expiration": None},
        {"expiration": 1790000000123},
        {"expiration": "soon"},
        {"expiration": "-1.5"},
        {"expiration": "9999999999999999"},
    ],
    ids=str,
)
async def test_a_malformed_answer_is_temporary(change: dict[str, Any]) -> None:
    with pytest.raises(TryAgain, match="google_unavailable"):
        await Google(body=OPENED | change).api().watch_list("t", CHANNEL)


@pytest.mark.parametrize(
    ("status", "reason", "kind", "code"),
    [
        (400, "push.webhookUrlNotHttps", OperatorMustAct, "push_address_refused"),
        (400, "push.webhookUrlUnauthorized", OperatorMustAct, "push_address_refused"),
        (401, "push.webhookUrlUnauthorized", OperatorMustAct, "push_address_refused"),
        (400, "pushNotSupportedForRequestedResource", PushNotSupported, "push_not_supported"),
        (400, "channelIdNotUnique", ChannelIdTaken, "channel_id_taken"),
        (400, "aNewReason", BadRequest, "google_refused"),
        (401, "authError", AccessRefused, "access_token_refused"),
        (403, "forbidden", CalendarGone, "not_allowed"),
        (404, "notFound", CalendarGone, "not_found"),
        (403, "insufficientPermissions", UserMustAct, "scope_missing"),
        (403, "accessNotConfigured", OperatorMustAct, "google_api_disabled"),
        (403, "rateLimitExceeded", TryAgain, "google_rate_limited"),
        (429, "aNewReason", TryAgain, "google_rate_limited"),
        (500, "push.webhookUrlUnauthorized", TryAgain, "google_unavailable"),
        (503, "backendError", TryAgain, "google_unavailable"),
    ],
)
def test_the_reason_says_what_to_do(status: int, reason: str, kind: type, code: str) -> None:
    error = refusal(status, reason)
    assert (type(error), error.code) == (kind, code)
    assert error.detail in (None, f"{status} {reason}")


def test_the_operator_is_told_which_setting_to_correct() -> None:
    message = refusal(401, "push.webhookUrlUnauthorized").message
    assert "CATFLAP_CALENDAR_PUSH_URL" in message and "CATFLAP_PUBLIC_URL" in message


def test_no_calendar_is_gone_when_the_list_cannot_be_watched() -> None:
    assert refusal(404, "notFound", about_calendar=False).code == "google_refused"
