"""Every error Catflap raises on purpose, sorted by who must act.

    CatflapError
    ├── UserMustAct       the person: consent again, allow a scope
    ├── OperatorMustAct   whoever runs Catflap: settings, client, keys
    ├── TryAgain          nobody: Google or the network will be back
    ├── BadRequest        the caller: input, not found, conflict, forbidden
    └── Tampered          someone tried: a sealed value or an ID token that doesn't verify

Adapters translate foreign exceptions at their edge, by protocol code and never by message text.
`message` may be shown to anybody; `detail` is for the operator's log and never holds a code, token,
key, state or event title.
"""

from datetime import timedelta


class CatflapError(Exception):
    """The root of the tree.

    Args:
        code: Stable, snake_case; what programs branch on.
        message: One sentence for people, saying what to do.
        detail: Private hint for the operator's log.
    """

    def __init__(self, code: str, message: str, *, detail: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.detail = detail


class UserMustAct(CatflapError):
    """Only the person can mend this, at Google's consent screen."""


class OperatorMustAct(CatflapError):
    """Only whoever runs Catflap can mend this.

    Args:
        logged: The log says so already; a repetition for each request would only hide other things.
    """

    def __init__(self, code: str, message: str, *, detail: str | None = None, logged: bool = False) -> None:
        super().__init__(code, message, detail=detail)
        self.logged = logged


class TryAgain(CatflapError):
    """Nothing is broken here; the same call may succeed later.

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
    """A sealed value or a signed statement did not verify."""


HTTP_STATUS = {
    "forbidden": 403,
    "csrf": 403,
    "origin_not_allowed": 403,
    "not_allowed": 403,
    "scope_missing": 403,
    "unauthenticated": 401,
    "not_found": 404,
    "method_not_allowed": 405,
    "expired": 410,
    "account_mismatch": 409,
    "conflict": 409,
    "reconsent_required": 409,
    "too_large": 413,
    "too_many": 429,
    "rate_limited": 429,
    "call_not_allowed": 403,
    "key_narrower_than_grant": 403,
    "redirect_refused": 502,
    # Nothing is lost: it works again as soon as the operator has put the keyset right.
    "keyset_lacks_key": 503,
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
    """The HTTP status for an error: by its code, else by its class."""
    return HTTP_STATUS.get(error.code) or _by_class(_STATUS_BY_CLASS, error, 500)


def exit_code(error: CatflapError) -> int:
    """The process exit code for an error, by its class."""
    return _by_class(_EXIT_BY_CLASS, error, 1)


def may_retry(error: BaseException) -> bool:
    """Whether the same call may succeed later without anybody acting."""
    return isinstance(error, TryAgain)


def _by_class(table: tuple[tuple[type[CatflapError], int], ...], error: CatflapError, default: int) -> int:
    return next((value for kind, value in table if isinstance(error, kind)), default)
