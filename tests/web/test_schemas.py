"""Bodies of requests and responses: what is sent and accepted, to the byte."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from catflap.google.id_token import Identity
from catflap.signin import SignInResult
from catflap.vault import AccessToken
from catflap.web.schemas.base import Answer, Instant, StrictBody, absent
from catflap.web.schemas.devices import AckBody, DeviceChange
from catflap.web.schemas.preferences import PreferencesBody
from catflap.web.schemas.problems import problem_document
from catflap.web.schemas.signin import SignInResource
from catflap.web.schemas.tokens import AccessTokenResource

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PREFERENCES = {"zone": None, "reminder_minutes": [10], "dialect_ja": "kansai", "dialect_en": "kitten"}


class Moment(Answer):
    at: Instant
    said: str | None = absent("Left out when there is nothing.")


class Count(StrictBody):
    number: int


def test_a_token_is_answered_as_it_always_was() -> None:
    live = AccessToken("ya29.x", NOON, frozenset({"openid", "email"}))
    expected = '{"access_token":"ya29.x","expires_at":"2026-11-24T12:00:00Z","scopes":["email","openid"]}'
    assert AccessTokenResource.of(live).model_dump_json() == expected


def test_members_without_a_value_are_null_and_only_absent_ones_are_left_out() -> None:
    result = SignInResult(17, Identity("1", "a@example.com", True), frozenset({"openid"}), frozenset())
    profile = '"given_name":null,"family_name":null,"picture":null,"locale":null'
    assert SignInResource.of(result).model_dump_json() == (
        '{"user_id":17,"account":{"sub":"1","email":"a@example.com","email_verified":true,"name":null,'
        f'{profile}}},"granted":["openid"],"missing":[]}}'
    )
    assert '"missing":[],"token":"t","token_type":"Bearer","expires_in":7776000}' in (
        SignInResource.of(result, bearer="t").model_dump_json()
    )


def test_times_are_answered_in_utc_with_a_z() -> None:
    tokyo = datetime(2026, 11, 24, 21, 0, 0, 1500, timezone(timedelta(hours=9)))
    assert Moment(at=tokyo).model_dump_json() == '{"at":"2026-11-24T12:00:00.001500Z"}'


def test_an_error_has_its_members_in_order_and_none_that_is_empty() -> None:
    assert problem_document(404, "not_found", "No.").model_dump_json() == (
        '{"type":"urn:catflap:problem:not_found","title":"not found","status":404,"code":"not_found",'
        '"detail":"No."}'
    )


@pytest.mark.parametrize(
    "body", [{"number": "1"}, {"number": True}, {"number": 1, "more": 1}, {"number": 1.0}]
)
def test_a_body_is_not_bent_into_shape(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Count.model_validate(body)


@pytest.mark.parametrize("at", [1_764_000_000, "1764000000", "2026-11-24", "2026-11-24T12:00:00"])
def test_a_time_must_be_rfc_3339(at: object) -> None:
    with pytest.raises(ValidationError):
        AckBody.model_validate({"announcement": "a", "state": "played", "at": at})
    with pytest.raises(ValidationError):
        DeviceChange.model_validate({"muted_until": at})


def test_a_time_of_another_zone_is_taken_as_the_same_instant() -> None:
    assert DeviceChange.model_validate({"muted_until": "2026-11-24T21:00:00+09:00"}).muted_until == NOON


@pytest.mark.parametrize("at", [28800, "28800", "25:00", "8"])
def test_a_time_of_day_must_be_one(at: object) -> None:
    with pytest.raises(ValidationError):
        PreferencesBody.model_validate({**PREFERENCES, "briefing_at": at})
