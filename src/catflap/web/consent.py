"""Helpers of the sign-in and consent routes: build the consent request, redirect to Google and back."""

from dataclasses import replace

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from catflap.errors import BadRequest, CatflapError, Tampered
from catflap.google.id_token import is_unnamed
from catflap.google.scopes import SIGN_IN, expand_requested
from catflap.log import log
from catflap.signin import AuthorizationRedirect, ConsentRequest, NewSession, Purpose, Session
from catflap.signin.authorization_requests import PendingAuthorization
from catflap.signin.consent_request import local_path
from catflap.store.unavailable import DatabaseUnavailable
from catflap.web.authentication import Cookies
from catflap.web.services import Services


async def consent_for(
    services: Services,
    session: Session | None,
    *,
    scopes: str | list[str],
    purpose: Purpose | None,
    account: str | None = None,
    next: str = "",
) -> ConsentRequest:
    """Build the consent request: in a session for more scopes, unless `purpose` says otherwise.

    Raises:
        BadRequest: `unauthenticated`, `not_found`.
    """
    wanted = expand_requested(scopes) | SIGN_IN
    if purpose == "signin" or (purpose is None and session is None):
        return ConsentRequest("signin", wanted, next=local_path(next or services.paths.home))
    if session is None:
        raise BadRequest("unauthenticated", "Sign in first.")
    accounts = [one.sub for one in await services.users.accounts(session.user_id) if not is_unnamed(one.sub)]
    if account is not None and account not in accounts and purpose != "link":
        raise BadRequest("not_found", "You have no such account.")
    purpose = purpose or ("add_scopes" if accounts else "link")
    if purpose == "add_scopes" and account is None:
        if not accounts:
            raise BadRequest("not_found", "You have no account yet that could allow more.")
        account = accounts[0]
    # "Another account" can't be the one that Google would take without asking.
    choose = purpose == "link" and account is None
    return ConsentRequest(
        purpose,
        wanted,
        session.user_id,
        account,
        local_path(next or services.paths.home),
        select_account=choose,
    )


def browser_session(request: Request, asks: ConsentRequest, session: Session | None) -> NewSession | None:
    """Return the session to start for a browser that signs in, in place of the one it has; None for none.

    Signed in meanwhile, another tab shows a page that belongs to its session; replaced, it would fail.
    """
    if asks.purpose != "signin" or asks.signed_in_user_id is not None:
        return None
    return NewSession("cookie", request.headers.get("User-Agent"), replaces=session)


def redirect_to_google(request: Request, begun: AuthorizationRedirect, names: Cookies) -> Response:
    """Redirect the browser to Google, and set the cookie that it is recognised by when it returns."""
    response = RedirectResponse(begun.url, 303)
    names.set_signin(request, response, begun.state, begun.browser_secret)
    return response


def still_valid(attempt: PendingAuthorization, session: Session | None) -> ConsentRequest:
    """Return what `attempt` asked for, checked against the session that the browser has now.

    Raises:
        Tampered: `state_invalid`: it was begun for another user than the one signed in now.
    """
    asks = attempt.request
    if asks.user_id is not None and (session is None or session.user_id != asks.user_id):
        raise Tampered("state_invalid", "Somebody else is signed in here now; please start again.")
    return replace(
        asks, signed_in_user_id=session.user_id if begun_since(attempt, session) and session else None
    )


def begun_since(attempt: PendingAuthorization, session: Session | None) -> bool:
    """Whether this session was opened in another tab after `attempt` was begun."""
    return session is not None and session.kind == "cookie" and session.id != attempt.session_id


def redirect_with_error(services: Services, error: CatflapError, began: str = "") -> Response:
    """Redirect to the page, or to the screen where a consent was begun, which shows sentences for the error.

    Raises:
        DatabaseUnavailable, TryAgain: `rate_limited`: answered as problem documents with Retry-After.
            The state of a sign-in may be used up by then; it has to be started again.
    """
    if isinstance(error, DatabaseUnavailable) or error.code == "rate_limited":
        raise error
    log.warning("signin_failed", code=error.code, detail=error.detail)
    return RedirectResponse(services.paths.began_with(began, f"error={error.code}"), 303)
