"""The redirect flow: to Google, back from Google, out again."""

from dataclasses import replace
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from catflap.errors import BadRequest, CatflapError, Tampered
from catflap.google.id_token import is_unnamed
from catflap.google.scopes import SIGN_IN, asked
from catflap.log import log
from catflap.settings import CALLBACK_PATH, is_loopback
from catflap.signin import Answer, Begun, ConsentNeeded, ConsentRequest, Purpose, Session
from catflap.signin.attempts import Attempt, StateUsed
from catflap.signin.request import forced, local_path, prompted
from catflap.store.unavailable import DatabaseUnavailable
from catflap.web.inputs import Text
from catflap.web.routing import OwnErrors
from catflap.web.security import (
    CookieNames,
    Cookies,
    MaybeSession,
    Parts,
    limit_begins,
    limit_returns,
    single_parameters,
)
from catflap.web.services import Services

router = APIRouter(dependencies=[Depends(single_parameters)], route_class=OwnErrors)


@router.get("/signin/google", dependencies=[Depends(limit_begins)])
async def begin(
    request: Request,
    parts: Parts,
    names: CookieNames,
    session: MaybeSession,
    scopes: Annotated[Text, Query(max_length=2000)] = "",
    next: Annotated[Text, Query(max_length=500)] = "/",
    purpose: Purpose | None = None,
    account: Annotated[Text | None, Query(max_length=255)] = None,
    prompt: Annotated[Text, Query(max_length=100)] = "",
    by_origin: Annotated[Text, Query(max_length=1, include_in_schema=False)] = "",
) -> Response:
    """Send the browser to Google; in a session, to ask for more."""
    if not by_origin and _came_by_another_name(request, parts.settings.origin):
        return _by_origin(request, parts.settings.origin)
    try:
        asks = await consent_for(parts, session, scopes=scopes, purpose=purpose, account=account, next=next)
        if await _is_lost(parts, asks):
            asks = forced(asks)
    except CatflapError as error:
        return home(error)
    asks = prompted(asks, prompt)
    try:
        begun = await parts.signin.begin(
            asks, browser_secret=request.cookies.get(names.signin), session_id=session.id if session else None
        )
    except CatflapError as error:
        return home(error)
    return to_google(request, begun, names)


@router.get(CALLBACK_PATH, dependencies=[Depends(limit_returns)])
async def callback(
    request: Request,
    parts: Parts,
    names: CookieNames,
    session: MaybeSession,
    state: Annotated[Text, Query(max_length=200)] = "",
    code: Annotated[Text | None, Query(max_length=1000)] = None,
    error: Annotated[Text | None, Query(max_length=100)] = None,
    iss: Annotated[Text | None, Query(max_length=200)] = None,
) -> Response:
    """Google sends the browser back here."""
    answer = Answer(code, error, iss)
    try:
        attempt = await parts.signin.returned(state, names.signin_secrets(request, state))
    except StateUsed as failure:
        # A second click on the same answer: the first one has signed this browser in already.
        return RedirectResponse("/", 303) if session is not None else home(failure)
    except CatflapError as failure:
        return home(failure)
    try:
        if attempt.request.consent_id is not None:
            return await _answer_link(parts, attempt, answer, session)
        try:
            return await _complete(request, parts, names, attempt, answer, session)
        except ConsentNeeded as needed:
            return await _ask_again(request, parts, names, attempt, needed)
    except CatflapError as failure:
        return home(failure)


@router.post("/signout")
async def sign_out(request: Request, session: MaybeSession, parts: Parts, names: CookieNames) -> Response:
    """End the session; the grant stays until the person takes it back."""
    if session is not None:
        await parts.sessions.end_one(session.user_id, session.id)
    response = RedirectResponse("/", 303) if names.session in request.cookies else Response(status_code=204)
    names.clear(response, names.session)
    return response


async def consent_for(
    parts: Services,
    session: Session | None,
    *,
    scopes: str | list[str],
    purpose: Purpose | None,
    account: str | None = None,
    next: str = "/",
) -> ConsentRequest:
    """What is asked for, and of whom: in a session more scopes, unless told otherwise.

    Raises:
        BadRequest: `unauthenticated`, `not_found`.
    """
    wanted = asked(scopes) | SIGN_IN
    if purpose == "signin" or (purpose is None and session is None):
        return ConsentRequest("signin", wanted, next=local_path(next))
    if session is None:
        raise BadRequest("unauthenticated", "Sign in first.")
    accounts = [one.sub for one in await parts.users.accounts(session.user_id) if not is_unnamed(one.sub)]
    if account is not None and account not in accounts and purpose != "link":
        raise BadRequest("not_found", "You have no such account.")
    purpose = purpose or ("add_scopes" if accounts else "link")
    if purpose == "add_scopes" and account is None:
        if not accounts:
            raise BadRequest("not_found", "You have no account yet that could allow more.")
        account = accounts[0]
    # "Another account" can't be the one that Google would take without asking.
    choose = purpose == "link" and account is None
    return ConsentRequest(purpose, wanted, session.user_id, account, local_path(next), select_account=choose)


async def open_session(request: Request, parts: Services, session: Session | None, user_id: int) -> str:
    """A fresh session for this browser, in place of the one it had; its token."""
    agent = request.headers.get("User-Agent")
    if session is not None:
        return await parts.sessions.replace(session, user_id, agent)
    return await parts.sessions.begin(user_id, "cookie", agent)


def to_google(request: Request, begun: Begun, names: Cookies) -> Response:
    """Send the browser on its way, with the secret it will be recognised by."""
    response = RedirectResponse(begun.url, 303)
    names.set_signin(request, response, begun.state, begun.browser_secret)
    return response


def still_valid(attempt: Attempt, session: Session | None) -> ConsentRequest:
    """What `attempt` asked for, now that it is back; the session may be another than when it began.

    Raises:
        Tampered: `state_invalid`: it was asked of somebody else than who is signed in now.
    """
    asks = attempt.request
    if asks.user_id is not None and (session is None or session.user_id != asks.user_id):
        raise Tampered("state_invalid", "Somebody else is signed in here now; please start again.")
    return replace(asks, meanwhile=session.user_id if begun_since(attempt, session) and session else None)


def begun_since(attempt: Attempt, session: Session | None) -> bool:
    """Whether this session was begun while `attempt` was on its way, in another tab that is."""
    return session is not None and session.kind == "cookie" and session.id != attempt.session_id


def home(error: CatflapError) -> Response:
    """Back to the page, which has a sentence for the code; people don't read problem documents.

    Raises:
        DatabaseUnavailable, TryAgain: `rate_limited`: as it is, with the time after which to try again. On
            the way back from Google the state may be used up by then, and signing in begins anew.
    """
    if isinstance(error, DatabaseUnavailable) or error.code == "rate_limited":
        raise error
    log.warning("signin_failed", code=error.code, detail=error.detail)
    return RedirectResponse(f"/?error={error.code}", 303)


async def _ask_again(
    request: Request, parts: Services, names: Cookies, attempt: Attempt, needed: ConsentNeeded
) -> Response:
    """Lead through the consent screen once more, because Google sent no refresh token."""
    begun = await parts.signin.begin(
        forced(replace(needed.request, meanwhile=None)),
        browser_secret=attempt.browser_secret,
        session_id=attempt.session_id,
        login_hint=needed.sub,
    )
    return to_google(request, begun, names)


async def _complete(
    request: Request,
    parts: Services,
    names: Cookies,
    attempt: Attempt,
    answer: Answer,
    session: Session | None,
) -> Response:
    asks = still_valid(attempt, session)
    received = await parts.signin.complete(replace(attempt, request=asks), answer)
    response = RedirectResponse(asks.next, 303)
    # Signed in meanwhile, the other tab shows a page that belongs to its session; replaced, it would fail.
    if asks.purpose == "signin" and asks.meanwhile is None:
        names.set_session(response, await open_session(request, parts, session, received.user_id))
    return response


async def _answer_link(
    parts: Services, attempt: Attempt, answer: Answer, session: Session | None
) -> Response:
    """Lead back to the back end that made the link, whatever came of it."""
    try:
        code = await parts.signin.code_of(answer)
        if session is None:
            return RedirectResponse(await parts.consents.answered(attempt, code), 303)
        if session.user_id != attempt.request.user_id:
            raise BadRequest("account_mismatch", "This link was made for somebody else.")
        await parts.signin.complete(attempt, answer)
        return RedirectResponse(await parts.consents.done(attempt), 303)
    except CatflapError as failure:
        log.warning("consent_failed", code=failure.code, detail=failure.detail)
        return RedirectResponse(await parts.consents.failed(attempt, failure.code), 303)


def _came_by_another_name(request: Request, origin: str) -> bool:
    """Whether this machine is called `localhost` here and `127.0.0.1` there, or the reverse."""
    here = f"http://{request.headers.get('Host', '')}"
    return is_loopback(origin) and is_loopback(here) and urlsplit(here).netloc != urlsplit(origin).netloc


def _by_origin(request: Request, origin: str) -> Response:
    """Lead the browser to the name by which Google sends it back, or our cookie would be missing there.

    Once: a proxy that passes its upstream's name as Host (nginx unless told otherwise, Vite's `changeOrigin`)
    makes every request look as if it came by another name. Who was led here is where they should be.
    """
    query = f"{request.url.query}&by_origin=1".removeprefix("&")
    return RedirectResponse(f"{origin}{request.url.path}?{query}", 307)


async def _is_lost(parts: Services, asks: ConsentRequest) -> bool:
    """Whether Google refuses the grant we hold, so that it must be given anew."""
    if asks.user_id is None or asks.account_sub is None:
        return False
    grant = await parts.vault.grants.find(asks.user_id, asks.account_sub)
    return grant is not None and grant.state != "active"
