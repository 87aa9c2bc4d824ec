"""Consent requests: purpose, scopes and account, fixed before the redirect and checked afterwards."""

from dataclasses import dataclass, replace
from typing import Literal

from catflap.errors import BadRequest, UserMustAct

Purpose = Literal["signin", "add_scopes", "link"]


@dataclass(frozen=True)
class ConsentRequest:
    """One consent, as it is requested.

    Args:
        purpose: `signin` opens a session; `add_scopes` widens the grant of an account the user has; `link`
            adds an account to the user, which then signs nobody in.
        scopes: the requested scopes, normalised, sign-in scopes included.
        user_id: the user; None for `signin`, where the account decides.
        account_sub: the only account that is accepted, if known.
        next: path on this site to redirect to afterwards.
        consent_id: the consent link of another back end.
        forced: show the consent screen even if the user has consented before.
        select_account: show Google's account chooser.
        meanwhile: the user who has signed in here since this request was created.
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
    """Google sent no refresh token and none is stored: request again with `forced`."""

    def __init__(self, request: ConsentRequest, sub: str) -> None:
        super().__init__("consent_needed", "Google needs to ask once more; please allow access again.")
        self.request = request
        self.sub = sub


def forced(request: ConsentRequest) -> ConsentRequest:
    """Return the same request with the consent screen forced."""
    return replace(request, forced=True)


def with_prompt(request: ConsentRequest, prompt: str) -> ConsentRequest:
    """Return the request with the values of `prompt` applied (OpenID Connect Core 1.0, section 3.1.2.1).

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
    """Build the error for another Google account than the requested one."""
    return BadRequest("account_mismatch", "That was a different Google account, so nothing was stored.")


def local_path(path: str) -> str:
    r"""Return `path` if it is local to this site, else `/`.

    Browsers read a backslash as a slash and drop control characters, so `/\evil.example` would leave.
    """
    if not path.startswith("/") or path[1:2] in ("/", "\\") or any(ord(c) < 33 or c == "\\" for c in path):
        return "/"
    return path
