"""Sign-in by redirect (RFC 6749 section 4.1): begin, callback, consent links, sign-out."""

from dataclasses import replace
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from catflap.errors import BadRequest, CatflapError
from catflap.log import log
from catflap.setting_urls import is_loopback
from catflap.settings import CALLBACK_PATH
from catflap.signin import AuthorizationResponse, ConsentNeeded, ConsentRequest, Purpose, Session
from catflap.signin.authorization_requests import PendingAuthorization, StateUsed
from catflap.signin.consent_request import forced, with_prompt
from catflap.web.authentication import (
    CookieNames,
    Cookies,
    MaybeSession,
    ServicesDep,
    limit_begins,
    limit_returns,
    single_parameters,
)
from catflap.web.consent import (
    browser_session,
    consent_for,
    redirect_to_google,
    redirect_with_error,
    still_valid,
)
from catflap.web.input_types import Text
from catflap.web.page_route import PageRoute
from catflap.web.problem_route import new_router, secret_address
from catflap.web.schemas.base import REDIRECT
from catflap.web.schemas.problems import SESSION, problems
from catflap.web.services import Services

# Browsers are sent to these addresses, and somebody reads what goes wrong there.
router = new_router(tag="signin", dependencies=[Depends(single_parameters)], route_class=PageRoute)


@router.get(
    "/signin/google",
    status_code=303,
    operation_id="beginSignIn",
    summary="Sign in with Google, or allow more",
    response_class=RedirectResponse,
    response_description="To Google; to `/?error=…` when that can't be.",
    responses={
        303: REDIRECT,
        307: {**REDIRECT, "description": "To the name that Google sends the browser back to."},
        **problems(*SESSION, "invalid_request", "rate_limited"),
    },
    openapi_extra={"security": [{}]},
    dependencies=[Depends(limit_begins)],
)
async def begin(
    request: Request,
    services: ServicesDep,
    names: CookieNames,
    session: MaybeSession,
    scopes: Annotated[Text, Query(max_length=2000)] = "",
    next: Annotated[Text, Query(max_length=500)] = "",
    purpose: Purpose | None = None,
    account: Annotated[Text | None, Query(max_length=255)] = None,
    prompt: Annotated[Text, Query(max_length=100)] = "",
    by_origin: Annotated[Text, Query(max_length=1, include_in_schema=False)] = "",
) -> Response:
    """Redirect the browser to Google; in a session, for more scopes (`add_scopes`) or an account (`link`)."""
    if not by_origin and _came_by_another_name(request, services.settings.origin):
        return _by_origin(request, services)
    try:
        asks = await consent_for(
            services, session, scopes=scopes, purpose=purpose, account=account, next=next
        )
        if await _is_lost(services, asks):
            asks = forced(asks)
    except CatflapError as error:
        return redirect_with_error(services, error, next)
    asks = with_prompt(asks, prompt)
    try:
        begun = await services.signin.begin(
            asks, browser_secret=request.cookies.get(names.signin), session_id=session.id if session else None
        )
    except CatflapError as error:
        return redirect_with_error(services, error, next)
    return redirect_to_google(request, begun, names)


@router.get(
    CALLBACK_PATH,
    status_code=303,
    operation_id="finishSignIn",
    summary="Where Google sends the browser back to",
    response_class=RedirectResponse,
    response_description="To `next`, to `return_to` of a consent link, or to `/?error=…`.",
    responses={303: REDIRECT, **problems(*SESSION, "invalid_request", "rate_limited")},
    openapi_extra={"security": [{}]},
    dependencies=[Depends(limit_returns)],
)
@secret_address
async def callback(
    request: Request,
    services: ServicesDep,
    names: CookieNames,
    session: MaybeSession,
    state: Annotated[Text, Query(max_length=200)] = "",
    code: Annotated[Text | None, Query(max_length=1000)] = None,
    error: Annotated[Text | None, Query(max_length=100)] = None,
    iss: Annotated[Text | None, Query(max_length=200)] = None,
) -> Response:
    """Complete the sign-in or consent that the state names (RFC 6749 section 4.1.2)."""
    answer, began = AuthorizationResponse(code, error, iss), ""
    try:
        async with services.signin.resume(state, names.signin_secrets(request, state)) as attempt:
            began = attempt.request.next
            if attempt.request.consent_id is not None:
                return await _answer_link(services, attempt, answer, session)
            try:
                return await _complete(request, services, names, attempt, answer, session)
            except ConsentNeeded as needed:
                return await _ask_again(request, services, names, attempt, needed)
    except StateUsed as failure:
        # A second click on the same answer: the first one has signed this browser in already.
        return (
            RedirectResponse(services.paths.home, 303)
            if session is not None
            else redirect_with_error(services, failure)
        )
    except CatflapError as failure:
        return redirect_with_error(services, failure, began)


@router.get(
    "/consents/{secret}",
    status_code=303,
    operation_id="openConsentLink",
    summary="Open a consent link",
    response_class=RedirectResponse,
    response_description="To Google; to `/?error=…` when the link is over.",
    responses={303: REDIRECT, **problems("rate_limited")},
    dependencies=[Depends(limit_begins)],
)
@router.get("/consents/{secret}/", include_in_schema=False, dependencies=[Depends(limit_begins)])
@secret_address
async def open_link(
    secret: Annotated[str, Path(description="As in the `url` of a consent link.")],
    request: Request,
    services: ServicesDep,
    names: CookieNames,
) -> Response:
    """Redirect the browser that opens the `url` of `createConsent` to Google."""
    try:
        asks = await services.consents.open(secret)
        begun = await services.signin.begin(asks, browser_secret=request.cookies.get(names.signin))
    except CatflapError as error:
        return redirect_with_error(services, error)
    return redirect_to_google(request, begun, names)


@router.post(
    "/signout",
    status_code=204,
    response_class=Response,
    operation_id="signOut",
    summary="End the session",
    response_description="Ended, for a native app or when nobody was signed in.",
    responses={303: {**REDIRECT, "description": "Ended, to the page."}, **problems(*SESSION)},
    openapi_extra={"security": [{}]},
)
async def sign_out(
    request: Request, session: MaybeSession, services: ServicesDep, names: CookieNames
) -> Response:
    """End the session and clear its cookie; grants stay, see `revokeGrant`."""
    if session is not None and session.id is not None:
        await services.sessions.end_one(session.user_id, session.id)
    by_page = names.session in request.cookies
    response = RedirectResponse(services.paths.home, 303) if by_page else Response(status_code=204)
    names.clear(response, names.session)
    return response


async def _ask_again(
    request: Request, services: Services, names: Cookies, attempt: PendingAuthorization, needed: ConsentNeeded
) -> Response:
    """Redirect to the consent screen once more, because Google sent no refresh token."""
    begun = await services.signin.begin(
        forced(replace(needed.request, signed_in_user_id=None)),
        browser_secret=attempt.browser_secret,
        session_id=attempt.session_id,
        login_hint=needed.sub,
    )
    return redirect_to_google(request, begun, names)


async def _complete(
    request: Request,
    services: Services,
    names: Cookies,
    attempt: PendingAuthorization,
    answer: AuthorizationResponse,
    session: Session | None,
) -> Response:
    asks = still_valid(attempt, session)
    new = browser_session(request, asks, session)
    received = await services.signin.finish(replace(attempt, request=asks), answer, new)
    response = RedirectResponse(asks.next, 303)
    if received.session_token is not None:
        names.set_session(response, received.session_token)
    return response


async def _answer_link(
    services: Services, attempt: PendingAuthorization, answer: AuthorizationResponse, session: Session | None
) -> Response:
    """Redirect to the back end that made the link, also when it failed."""
    try:
        code = await services.signin.authorization_code(answer)
        if session is None:
            await services.signin.use_state(attempt)
            return RedirectResponse(await services.consents.store_response(attempt, code), 303)
        if session.user_id != attempt.request.user_id:
            raise BadRequest("account_mismatch", "This link was made for somebody else.")
        await services.signin.finish(attempt, answer)
        return RedirectResponse(await services.consents.finish(attempt), 303)
    except CatflapError as failure:
        log.warning("consent_failed", code=failure.code, detail=failure.detail)
        return RedirectResponse(await services.consents.store_failure(attempt, failure.code), 303)


def _came_by_another_name(request: Request, origin: str) -> bool:
    """Whether the request used another loopback name than the origin, such as `localhost` for `127.0.0.1`."""
    here = f"http://{request.headers.get('Host', '')}"
    return is_loopback(origin) and is_loopback(here) and urlsplit(here).netloc != urlsplit(origin).netloc


def _by_origin(request: Request, services: Services) -> Response:
    """Redirect the browser to the host name of the origin, where Google sends it back with our cookie.

    Only once: behind a proxy that sends its upstream's name as Host (nginx unless told otherwise, Vite's
    `changeOrigin`), every request seems to use another name.
    """
    query = f"{request.url.query}&by_origin=1".removeprefix("&")
    # The request has another path behind a proxy that removes a prefix.
    address = f"{services.settings.origin}{services.paths.auth}/signin/google"
    return RedirectResponse(f"{address}?{query}", 307)


async def _is_lost(services: Services, asks: ConsentRequest) -> bool:
    """Whether Google refuses the grant we hold, so that it must be given anew."""
    if asks.user_id is None or asks.account_sub is None:
        return False
    grant = await services.grants.find(asks.user_id, asks.account_sub)
    return grant is not None and grant.state != "active"
