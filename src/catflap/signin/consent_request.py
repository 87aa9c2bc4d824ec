"""What one consent is for, and who is asked: decided before anybody goes to Google, held to afterwards."""

from dataclasses import dataclass, replace
from typing import Literal

from catflap.errors import BadRequest, UserMustAct

Purpose = Literal["signin", "add_scopes", "link"]


@dataclass(frozen=True)
class ConsentRequest:
    """One consent, as it was asked for.

    Args:
        purpose: `signin` opens a session; `add_scopes` widens the grant of an account the user has; `link`
            adds an account to the user, which then signs nobody in.
        scopes: what was asked, normalised, sign-in scopes among them.
        user_id: whose consent it is; None for `signin`, which finds that out.
        account_sub: the only account that may come back, when that is known.
        next: where on this site the browser goes afterwards.
        consent_id: the ticket of another back end that this answers.
        forced: the consent screen is shown even if it was answered before.
        select_account: Google lets the person choose among their accounts, whatever was chosen before.
        meanwhile: the user who has signed in here since this consent began; a `signin` then is theirs.
    """

    purpose: Purpose
    scopes: frozenset[str]
    user_id: int | None = None
    account_sub: str | None = None
    next: str = "/"
    consent_id: int | None = None
    forced: bool = False
    select_account: bool = False
    signed_in_user_id: int | None = None


class ConsentNeeded(UserMustAct):
    """Google gave no refresh token and we have none: ask again with `forced`."""

    def __init__(self, request: ConsentRequest, sub: str) -> None:
        super().__init__("consent_needed", "Google needs to ask once more; please allow access again.")
        self.request = request
        self.sub = sub


def forced(request: ConsentRequest) -> ConsentRequest:
    """The same consent, with the screen shown whatever was answered before."""
    return replace(request, forced=True)


def with_prompt(request: ConsentRequest, prompt: str) -> ConsentRequest:
    """The same consent with what `prompt` asks for (OpenID Connect Core 1.0, section 3.1.2.1).

    Raises:
        BadRequest: `invalid_request`.
    """
    words = set(prompt.replace(",", " ").split())
    if "none" in words:
        raise BadRequest(
            "invalid_request",
            "prompt=none is not offered: Google shows its pages only when it must. Leave prompt out, or send "
            "consent, select_account or both.",
        )
    if not words <= {"consent", "select_account"}:
        raise BadRequest("invalid_request", "prompt: send consent, select_account or both, or leave it out.")
    return replace(
        request,
        forced=request.forced or "consent" in words,
        select_account=request.select_account or "select_account" in words,
    )


def account_mismatch() -> BadRequest:
    """Another Google account came back than the one that was asked for."""
    return BadRequest("account_mismatch", "That was a different Google account, so nothing was stored.")


def local_path(path: str) -> str:
    """`path` when it stays on this site, else `/`.

    Browsers read a backslash as a slash and drop control characters, so `/\\evil.example` would leave.
    """
    if not path.startswith("/") or path[1:2] in ("/", "\\") or any(ord(c) < 33 or c == "\\" for c in path):
        return "/"
    return path
