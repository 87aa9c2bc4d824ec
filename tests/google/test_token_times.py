"""The one check of `exp`, `nbf` and `iat`, for ID tokens and for an app's own tokens."""

from datetime import UTC, datetime
from typing import Any

import pytest

from catflap.errors import BadRequest
from catflap.google.token_times import check_times

NOW = datetime(2026, 11, 29, 6, 0, tzinfo=UTC)
SECONDS = NOW.timestamp()
NO_NUMBERS = [float("nan"), float("inf"), float("-inf"), True, False, "1790000000", None, [], {}, 10**400]


def _refuse(name: str) -> BadRequest:
    return BadRequest("unauthenticated", "No.", detail=name)


def _failed(claims: dict[str, Any], *required: str) -> str | None:
    try:
        check_times(claims, NOW, _refuse, required=required or ("exp",))
    except BadRequest as error:
        return error.detail
    return None


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_a_claim_that_is_no_finite_number_is_refused(name: str, value: object) -> None:
    claims = {"exp": SECONDS + 60, "nbf": SECONDS, "iat": SECONDS}
    assert _failed({**claims, name: value}) == name


@pytest.mark.parametrize(
    ("claims", "failed"),
    [
        ({"exp": SECONDS - 59}, None),
        ({"exp": SECONDS - 60}, "exp"),
        ({"exp": SECONDS + 1, "nbf": SECONDS + 60}, None),
        ({"exp": SECONDS + 1, "nbf": SECONDS + 61}, "nbf"),
        ({"exp": SECONDS + 1, "iat": SECONDS + 60}, None),
        ({"exp": SECONDS + 1, "iat": SECONDS + 60.5}, "iat"),
        ({}, "exp"),
    ],
)
def test_a_minute_of_difference_between_clocks_is_allowed(claims: dict[str, Any], failed: str | None) -> None:
    assert _failed(claims) == failed


def test_a_required_claim_must_be_there() -> None:
    assert _failed({"exp": SECONDS + 1}, "exp", "iat") == "iat"
