"""Errors raised when the token API gives no token; `code` is the stable `code` of its problem document.

CatflapError
├── UserMustAct   the user must open a consent: `reconsent_required`, `scope_missing`
├── TryAgain      Google or Catflap is unavailable or limits the rate; the same call may succeed later
└── BadRequest    the request is wrong: an unknown user, an API key without the right, …
"""


class CatflapError(Exception):
    """Base class of all errors of this package.

    Args:
        code: stable, snake_case; for programs to branch on.
        message: one sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class UserMustAct(CatflapError):
    """The user has to consent again at Google, or to more scopes."""


class TryAgain(CatflapError):
    """The same call may succeed later."""


class BadRequest(CatflapError):
    """The API refuses this request; repeating it does not help."""
