"""Responses to writes are mapped by Google's reason; what is no answer of Google's is temporary."""

import json
from typing import Any

import httpx2
import pytest

from catflap.errors import BadRequest, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.calendar_errors import ERROR_RULES, AccessRefused, CalendarGone
from catflap.google.calendar_writing import (
    WRITE_RULES,
    EtagMismatch,
    EventDeleted,
    EventExists,
    EventWriteApi,
    write_refusal,
)
from catflap.google.fetch import FetchedResponse


def refusal(status: int, *reasons: str, **headers: str) -> Any:
    body = (
        {"error": {"code": status, "errors": [{"reason": reason} for reason in reasons]}} if reasons else None
    )
    return write_refusal(FetchedResponse(status, httpx2.Headers(headers), b""), body)


@pytest.mark.parametrize(
    ("status", "reason", "kind", "code"),
    [
        (400, "timeRangeEmpty", BadRequest, "event_invalid"),
        (400, "aNewReason", BadRequest, "event_invalid"),
        (401, "authError", AccessRefused, "access_token_refused"),
        (403, "forbiddenForNonOrganizer", BadRequest, "write_forbidden"),
        (403, "requiredAccessLevel", BadRequest, "write_forbidden"),
        (403, "aNewReason", BadRequest, "write_forbidden"),
        (403, "insufficientPermissions", UserMustAct, "scope_missing"),
        (403, "rateLimitExceeded", TryAgain, "google_rate_limited"),
        (403, "quotaExceeded", TryAgain, "google_quota_exceeded"),
        (403, "accessNotConfigured", OperatorMustAct, "google_api_disabled"),
        (404, "notFound", BadRequest, "event_not_found"),
        (409, "duplicate", EventExists, "event_exists"),
        (409, "conflict", TryAgain, "google_unavailable"),
        (410, "deleted", EventDeleted, "event_deleted"),
        (412, "conditionNotMet", EtagMismatch, "etag_mismatch"),
        (429, "aNewReason", TryAgain, "google_rate_limited"),
        (500, "backendError", TryAgain, "google_unavailable"),
    ],
)
def test_the_reason_says_what_to_do(status: int, reason: str, kind: type, code: str) -> None:
    error = refusal(status, reason)
    assert (type(error), error.code) == (kind, code)
    assert error.detail is None or error.detail == f"{status} {reason}"


@pytest.mark.parametrize("status", [302, 400, 403, 404, 409, 410, 412, 500, 503])
def test_an_answer_without_a_reason_is_not_googles(status: int) -> None:
    assert refusal(status).code == "google_unavailable"


def test_the_pause_that_google_asks_for_is_kept() -> None:
    assert refusal(429, **{"Retry-After": "7"}).after.total_seconds() == 7
    assert refusal(503, "backendError", **{"Retry-After": "7"}).after.total_seconds() == 7


def test_every_rule_about_reading_holds_for_writing_but_those_about_a_calendar_that_is_gone() -> None:
    found = {rule.code for rule in WRITE_RULES}
    assert found >= {rule.code for rule in ERROR_RULES if rule.kind is not CalendarGone}
    assert not any("read again" in rule.message or "forgotten" in rule.message for rule in WRITE_RULES)


@pytest.mark.parametrize("change", [{"id": None}, {"etag": 5}, {"status": ""}, {"id": "a b"}])
async def test_an_event_without_id_etag_or_status_is_no_answer(change: dict[str, Any]) -> None:
    body = json.dumps({"id": "abcde", "etag": '"1"', "status": "confirmed", **change})
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, text=body))
    async with httpx2.AsyncClient(transport=transport) as http:
        with pytest.raises(TryAgain, match="google_unavailable"):
            await EventWriteApi(http, "https://google.example").get_event("token", "primary", "abcde")
