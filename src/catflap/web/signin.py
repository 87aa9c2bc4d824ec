"""The sign-in routes: to Google, back from Google, out again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from catflap.errors import CatflapError
from catflap.log import log
from catflap.signin.flow import Begun, ConsentNeeded
from catflap.signin.sessions import ABSOLUTE
from catflap.web.security import SIGNIN_COOKIE_SECONDS, CookieNames, Cookies, Parts, session_or_none

router = APIRouter()


@router.get("/signin/google")
async def begin(
    parts: Parts,
    names: CookieNames,
    scopes: Annotated[str, Query(max_length=2000)] = "",
    next: Annotated[str, Query(max_length=500)] = "/",
) -> Response:
    """Send the browser to Google."""
    try:
        begun = await parts.signin.begin(scopes=scopes, next_path=next)
    except CatflapError as error:
        return _home(error)
    return _to_google(begun, names)


@router.get("/signin/google/callback")
async def callback(
    request: Request,
    parts: Parts,
    names: CookieNames,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str | None, Query(max_length=1000)] = None,
    error: Annotated[str | None, Query(max_length=100)] = None,
    iss: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Google sends the browser back here."""
    secret = request.cookies.get(names.signin, "")
    try:
        signed_in = await parts.signin.complete(
            state=state, browser_secret=secret, code=code, error=error, iss=iss
        )
    except ConsentNeeded as needed:
        begun = await parts.signin.begin(
            scopes=" ".join(needed.scopes), next_path=needed.next, login_hint=needed.sub, force_consent=True
        )
        return _to_google(begun, names)
    except CatflapError as failure:
        response = _home(failure)
        names.clear(response, names.signin)
        return response
    old = request.cookies.get(names.session)
    if old:
        await parts.sessions.end(old)
    response = RedirectResponse(signed_in.next, status_code=303)
    names.clear(response, names.signin)
    names.set(response, names.session, signed_in.session_token, int(ABSOLUTE.total_seconds()))
    return response


@router.post("/signout", dependencies=[Depends(session_or_none)])
async def sign_out(request: Request, parts: Parts, names: CookieNames) -> Response:
    """End the session; the grant stays until the person takes it back."""
    token = request.cookies.get(names.session)
    if token:
        await parts.sessions.end(token)
    response = RedirectResponse("/", status_code=303)
    names.clear(response, names.session)
    return response


def _to_google(begun: Begun, names: Cookies) -> Response:
    response = RedirectResponse(begun.url, status_code=303)
    names.set(response, names.signin, begun.browser_secret, SIGNIN_COOKIE_SECONDS)
    return response


def _home(error: CatflapError) -> Response:
    """Back to the page, which has a sentence for the code; people don't read problem documents."""
    log.warning("signin_failed", code=error.code, detail=error.detail)
    return RedirectResponse(f"/?error={error.code}", status_code=303)
