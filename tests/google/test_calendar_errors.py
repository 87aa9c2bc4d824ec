"""Google's reason decides, in either error format; nothing else empties the stored copy."""

from typing import Any

import httpx2
import pytest

from catflap.errors import BadRequest, CatflapError, TryAgain
from catflap.google.calendar_errors import (
    ERROR_RULES,
    AccessRefused,
    CalendarGone,
    ErrorRule,
    SyncTokenExpired,
    reasons_of,
    refusal,
)
from catflap.google.fetch import FetchedResponse

Envelope = dict[str, Any]
ROWS = [(reaction, reason) for reaction in ERROR_RULES for reason in sorted(reaction.reasons)]


def classic(status: int, *reasons: str) -> Envelope:
    errors = [{"domain": "?", "reason": reason, "message": "Not Found"} for reason in reasons]
    return {"error": {"code": status, "message": "Not Found", "errors": errors}}


def modern(status: int, *reasons: str) -> Envelope:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    details = [{"@type": kind, "reason": reason, "domain": "googleapis.com"} for reason in reasons]
    error = {"code": status, "message": "Not Found", "status": "PERMISSION_DENIED", "details": details}
    return {"error": error}


def only_status(status: int, *reasons: str) -> Envelope:
    return {"error": {"code": status, "message": "Not Found", "status": reasons[0]}}


def error(status: int, body: Any, **how: Any) -> CatflapError:
    return refusal(FetchedResponse(status, httpx2.Headers(), b""), body, **how)


def test_no_reason_is_in_two_rows() -> None:
    assert len({reason for _, reason in ROWS}) == len(ROWS)


@pytest.mark.parametrize("envelope", [classic, modern, only_status])
@pytest.mark.parametrize(("reaction", "reason"), ROWS)
def test_each_reason_has_its_reaction(reaction: ErrorRule, reason: str, envelope: Any) -> None:
    for status in reaction.statuses or {403}:
        found = error(status, envelope(status, reason))
        assert (type(found), found.code, found.message) == (reaction.kind, reaction.code, reaction.message)
        assert isinstance(found, TryAgain) == (reaction.pause is not None)


@pytest.mark.parametrize("first", [reaction for reaction in ERROR_RULES if reaction.kind is not CalendarGone])
@pytest.mark.parametrize("last", [reaction for reaction in ERROR_RULES if reaction.kind is CalendarGone])
def test_of_several_reasons_the_one_that_keeps_the_copy_counts(first: ErrorRule, last: ErrorRule) -> None:
    for status in last.statuses:
        for one in sorted(first.reasons):
            for reasons in ((one, *last.reasons), (*last.reasons, one)):
                assert error(status, classic(status, *reasons)).code == first.code


@pytest.mark.parametrize("status", [400, 402, 403, 404, 405, 406, 409, 410, 411, 412, 413, 416, 417, 451])
@pytest.mark.parametrize("reason", ["somethingNew", "forbiddenForNonOrganizer", "PERMISSION_DENIED"])
def test_an_unknown_reason_keeps_the_stored_copy_and_pauses_longer(status: int, reason: str) -> None:
    found = error(status, classic(status, reason))
    assert (type(found), found.code) == (BadRequest, "google_refused")


@pytest.mark.parametrize("status", [*range(400, 418), 301, 302, 304, 500, 502, 503, 504, 529])
@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"error": None},
        {"error": "notFound"},
        {"error": ["notFound"]},
        {"error": {}},
        {"error": {"errors": None, "details": None}},
        {"error": {"errors": "notFound", "details": {"reason": "notFound"}}},
        {"error": {"errors": ["notFound", None, 5, {"reason": 404}, {"reason": None}]}},
        {"error": {"code": 404, "message": "Not Found"}},
        {"error": {"errors": [{"reason": "not found"}, {"reason": ""}], "status": ["NOT_FOUND"]}},
        {"errors": [{"reason": "notFound"}]},
    ],
)
def test_without_a_reason_of_googles_it_is_trouble_on_the_way(status: int, body: Any) -> None:
    found = error(status, body)
    assert isinstance(found, TryAgain)
    assert found.code == ("access_token_refused" if status == 401 else "google_unavailable")


@pytest.mark.parametrize(("reaction", "reason"), ROWS)
@pytest.mark.parametrize("status", [500, 503])
def test_an_answer_of_a_broken_server_is_trouble_whatever_it_says(
    reaction: ErrorRule, reason: str, status: int
) -> None:
    assert error(status, classic(status, reason)).code == "google_unavailable"


@pytest.mark.parametrize(("reaction", "reason"), ROWS)
def test_only_a_calendar_can_be_gone(reaction: ErrorRule, reason: str) -> None:
    for status in reaction.statuses or {403}:
        found = error(status, classic(status, reason), about_calendar=False)
        assert not isinstance(found, CalendarGone)
        assert found.code == ("google_refused" if reaction.kind is CalendarGone else reaction.code)


@pytest.mark.parametrize("status", [400, 401, 402, 405, 409])
@pytest.mark.parametrize("reason", ["forbidden", "notFound", "deleted", "requiredAccessLevel", "NOT_FOUND"])
def test_a_calendar_is_gone_only_with_the_status_that_fits(status: int, reason: str) -> None:
    assert not isinstance(error(status, classic(status, reason)), CalendarGone)


def test_a_token_is_refused_whatever_the_reason() -> None:
    for reason in ("authError", "required", "notFound", "CREDENTIALS_MISSING"):
        assert isinstance(error(401, classic(401, reason)), AccessRefused)


def test_a_sync_token_of_no_use_is_no_calendar_that_is_gone() -> None:
    for status in (400, 410):
        for body in (None, classic(status, "fullSyncRequired"), classic(status, "updatedMinTooLongAgo")):
            assert isinstance(error(status, body, position_sent=True), SyncTokenExpired)
    assert isinstance(error(410, classic(410, "deleted"), position_sent=True), CalendarGone)


def test_text_that_is_no_name_is_neither_a_reason_nor_logged() -> None:
    secret = "Surprise party for Anna"
    body = {"error": {"errors": [{"reason": secret}, {"reason": "x" * 61}], "status": secret}}
    assert reasons_of(body) == frozenset()
    assert secret not in str(error(403, body).detail)
