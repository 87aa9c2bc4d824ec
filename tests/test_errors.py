"""One table maps codes to HTTP status, one to exit codes."""

import pytest

from catflap.errors import (
    BadRequest,
    CatflapError,
    OperatorMustAct,
    Tampered,
    TryAgain,
    UserMustAct,
    exit_code,
    http_status,
    may_retry,
)


@pytest.mark.parametrize(
    ("error", "status", "exit_status"),
    [
        (BadRequest("anything", "m"), 400, 2),
        (BadRequest("not_found", "m"), 404, 2),
        (BadRequest("method_not_allowed", "m"), 405, 2),
        (BadRequest("unauthenticated", "m"), 401, 2),
        (OperatorMustAct("settings_invalid", "m"), 500, 3),
        (UserMustAct("reconsent_required", "m"), 409, 4),
        (UserMustAct("scope_missing", "m"), 403, 4),
        (TryAgain("google_unavailable", "m"), 503, 5),
        (Tampered("state_invalid", "m"), 400, 6),
        (CatflapError("other", "m"), 500, 1),
    ],
)
def test_each_error_has_its_status_and_exit_code(error: CatflapError, status: int, exit_status: int) -> None:
    assert (http_status(error), exit_code(error)) == (status, exit_status)


def test_only_try_again_may_be_retried() -> None:
    assert may_retry(TryAgain("google_unavailable", "m"))
    assert not any(map(may_retry, (BadRequest("x", "m"), UserMustAct("x", "m"), ValueError())))


def test_the_private_detail_is_not_in_the_text() -> None:
    assert "secret hint" not in str(BadRequest("code", "public", detail="secret hint"))
