"""Catflap's errors, by who must act.

    CatflapError
    ├── UserMustAct       the user: consent again, allow a scope
    ├── OperatorMustAct   the operator: settings, OAuth client, keys
    ├── TryAgain          nobody: Google, the network or the database is unavailable
    ├── BadRequest        the caller: input, not found, conflict, forbidden
    └── Tampered          an encrypted value or a signed token that does not verify

Adapters translate foreign exceptions at their edge, by protocol code and never by message text.
`message` may be shown to anybody; `detail` is for the operator's log and never holds a code, token,
key, state or event title.
"""

from datetime import timedelta


class CatflapError(Exception):
    """Base class of all errors that Catflap raises on purpose.

    Args:
        code: Stable, snake_case, for programs.
        message: One sentence for people that says what to do.
        detail: Hint for the operator's log.
    """

    def __init__(self, code: str, message: str, *, detail: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.detail = detail


class UserMustAct(CatflapError):
    """The user must act, at Google's consent screen."""


class OperatorMustAct(CatflapError):
    """The operator must act.

    Args:
        logged: The error was logged already; it is not logged again for each request.
    """

    def __init__(self, code: str, message: str, *, detail: str | None = None, logged: bool = False) -> None:
        super().__init__(code, message, detail=detail)
        self.logged = logged


class TryAgain(CatflapError):
    """Something is unavailable; the same call may succeed later.

    Args:
        after: How long to wait, when that is known.
    """

    def __init__(
        self, code: str, message: str, *, detail: str | None = None, after: timedelta | None = None
    ) -> None:
        super().__init__(code, message, detail=detail)
        self.after = after


class BadRequest(CatflapError):
    """The caller's input can't be accepted as it is."""


class Tampered(CatflapError):
    """An encrypted value or a signed token did not verify."""


HTTP_STATUS = {
    "forbidden": 403,
    "csrf": 403,
    "origin_not_allowed": 403,
    "not_allowed": 403,
    "scope_missing": 403,
    "write_forbidden": 403,
    "operators_only": 403,
    "unauthenticated": 401,
    "not_found": 404,
    "desktop_client_missing": 404,
    "mqtt_off": 404,
    "home_assistant_off": 404,
    "speaker_unknown": 404,
    "event_not_found": 404,
    "method_not_allowed": 405,
    "event_exists": 409,
    "speaker_exists": 409,
    "expired": 410,
    "event_deleted": 410,
    "etag_mismatch": 412,
    "account_mismatch": 409,
    "conflict": 409,
    "signin_by_command": 409,
    "already_paired": 409,
    "reconsent_required": 409,
    "too_large": 413,
    "too_many": 429,
    "rate_limited": 429,
    "call_not_allowed": 403,
    "key_narrower_than_grant": 403,
    "redirect_refused": 502,
    # Not 500: nothing of ours is wrong.
    "home_assistant_refused": 502,
    "home_assistant_certificate_invalid": 503,
    "home_assistant_token_refused": 503,
    # Not 500: nothing is wrong, and it works as soon as the operator has installed one.
    "no_voice": 503,
    # Not 500: it works again as soon as the operator has restored the keyset.
    "keyset_lacks_key": 503,
    # Not 500: it works as soon as the operator has migrated the database.
    "database_not_migrated": 503,
}
_STATUS_BY_CLASS: tuple[tuple[type[CatflapError], int], ...] = (
    (UserMustAct, 409),
    (OperatorMustAct, 500),
    (TryAgain, 503),
    (BadRequest, 400),
    (Tampered, 400),
)
_EXIT_BY_CLASS: tuple[tuple[type[CatflapError], int], ...] = (
    (BadRequest, 2),
    (OperatorMustAct, 3),
    (UserMustAct, 4),
    (TryAgain, 5),
    (Tampered, 6),
)


def http_status(error: CatflapError) -> int:
    """Return the HTTP status for an error: by its code, else by its class."""
    return HTTP_STATUS.get(error.code) or _by_class(_STATUS_BY_CLASS, error, 500)


def exit_code(error: CatflapError) -> int:
    """Return the process exit code for an error, by its class."""
    return _by_class(_EXIT_BY_CLASS, error, 1)


def may_retry(error: BaseException) -> bool:
    """Return whether the same call may succeed later."""
    return isinstance(error, TryAgain)


def _by_class(table: tuple[tuple[type[CatflapError], int], ...], error: CatflapError, default: int) -> int:
    return next((value for kind, value in table if isinstance(error, kind)), default)
