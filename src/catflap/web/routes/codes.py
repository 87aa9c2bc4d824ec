"""Sign-in with one-time codes and ID tokens: popups, native apps, pages after Google's older guide.

A browser's request must come from a page of ours; a native app's must not come from a browser at all. So a
code can't be slipped in by another site, whichever client it claims to be.
"""

import hmac
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Security
from fastapi.responses import RedirectResponse, Response

from catflap.errors import BadRequest, CatflapError
from catflap.google.scopes import SIGN_IN, expand_requested
from catflap.log import log
from catflap.signin import (
    Completion,
    ConsentNeeded,
    ConsentRequest,
    NewSession,
    Purpose,
    Session,
    SignInResult,
)
from catflap.signin.authorization_requests import PendingAuthorization
from catflap.signin.consent_request import with_prompt
from catflap.signin.flow import NATIVE_REDIRECT_URI, POPUP_REDIRECT_URI
from catflap.web.authentication import (
    SIGNIN_COOKIE_SECONDS,
    CookieNames,
    Cookies,
    ServicesDep,
    UncheckedSession,
    check_native,
    check_page,
    csrf_token,
    find_session,
    limit_begins,
    limit_codes,
    single_parameters,
)
from catflap.web.consent import browser_session, consent_for, still_valid
from catflap.web.input_types import Text
from catflap.web.problem_route import PlainErrors, new_router
from catflap.web.problems import problem_of
from catflap.web.request_bodies import BARE, FORM, media_type, read_bare, read_form, read_object, request_body
from catflap.web.schemas.base import REDIRECT, json_response
from catflap.web.schemas.problems import GOOGLE_SIGN_IN, SESSION, plain_errors, problems
from catflap.web.schemas.security import SESSION_BEARER, SESSION_COOKIE
from catflap.web.schemas.signin import CodeBody, CredentialBody, CredentialForm, PopupResource, SignInResource
from catflap.web.services import Services

router = new_router(tag="signin", dependencies=[Depends(single_parameters)])
plain_router = new_router(tag="signin", dependencies=[Depends(single_parameters)], route_class=PlainErrors)
_G_CSRF = "g_csrf_token"
_FROM_PAGE: dict[str, Any] = {
    "security": [{}],
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": f"{what}; needed unless a native app sends this.",
        }
        for name, what in (("X-Requested-With", "`XMLHttpRequest`"), ("Origin", "An allowed origin"))
    ],
}
_SESSION_COOKIE = {"Set-Cookie": {"schema": {"type": "string"}, "description": "The session of a browser."}}
_SENT_CODE = problems(*SESSION, *GOOGLE_SIGN_IN, "forbidden", "origin_not_allowed", "rate_limited")


@router.get(
    "/signin/google/popup",
    operation_id="beginPopup",
    summary="Begin a sign-in in Google's popup",
    response_model=PopupResource,
    response_description="What a page hands to Google's code client.",
    responses=problems(*SESSION, "invalid_request", "not_found", "rate_limited", "signin_by_command"),
    openapi_extra={"security": [{}]},
    dependencies=[Depends(limit_begins)],
)
async def begin_popup(
    request: Request,
    services: ServicesDep,
    names: CookieNames,
    session: UncheckedSession,
    scopes: Annotated[Text, Query(max_length=2000)] = "",
    purpose: Purpose | None = None,
    account: Annotated[Text | None, Query(max_length=255)] = None,
    prompt: Annotated[Text, Query(max_length=100)] = "",
) -> Response:
    """Return the parameters of Google's code client; state and cookie bind the code to this browser."""
    asks = await consent_for(services, session, scopes=scopes, purpose=purpose, account=account)
    asks = with_prompt(asks, prompt)
    if asks.forced:
        raise BadRequest(
            "invalid_request",
            "Google's popup can't be told to ask for consent again; send prompt=consent to /signin/google.",
        )
    popup = await services.signin.begin_popup(
        asks, browser_secret=request.cookies.get(names.signin), session_id=session.id if session else None
    )
    returned = names.signin in request.cookies
    response = json_response(PopupResource.of(popup, SIGNIN_COOKIE_SECONDS, cookie_returned=returned))
    names.set_signin(request, response, popup.state, popup.browser_secret)
    return response


@router.post(
    "/signin/google/code",
    operation_id="redeemCode",
    summary="Sign in with a one-time code",
    response_model=SignInResource,
    response_description="Who signed in, and what they allowed.",
    responses={200: {"headers": _SESSION_COOKIE}, **_SENT_CODE},
    openapi_extra={**request_body(CodeBody, bare=True), **_FROM_PAGE},
    dependencies=[Depends(limit_codes)],
)
async def take_code(
    request: Request, services: ServicesDep, names: CookieNames, session: UncheckedSession
) -> Response:
    """Redeem a code of a popup (a cookie is set) or of a native app (`token` is a bearer token).

    A page must send X-Requested-With and come from an allowed origin. A native app must send no Origin,
    Sec-Fetch-* or cookie. A bare code counts as a popup's.
    """
    if media_type(request) == BARE:
        return await _from_popup(
            request, services, names, session, CodeBody(code=await read_bare(request), client="popup")
        )
    body = await read_object(request, CodeBody)
    if body.client == "popup":
        return await _from_popup(request, services, names, session, body)
    check_native(request)
    asks = await consent_for(
        services, session, scopes=body.scopes or "", purpose=body.purpose, account=body.account
    )
    received = await services.signin.exchange_code(
        asks, body.code, redirect_uri=NATIVE_REDIRECT_URI, completion=_of_app(request, asks)
    )
    return json_response(SignInResource.of(received, bearer=received.session_token))


@plain_router.post(
    "/storeauthcode",
    operation_id="storeAuthCode",
    summary="Sign in with a bare one-time code",
    response_model=SignInResource,
    response_description="Who signed in, and what they allowed.",
    responses={
        200: {"headers": _SESSION_COOKIE},
        **plain_errors(*SESSION, *GOOGLE_SIGN_IN, "forbidden", "origin_not_allowed", "rate_limited"),
    },
    openapi_extra={**request_body(bare=True), **_FROM_PAGE},
)
async def store_auth_code(
    request: Request,
    services: ServicesDep,
    names: CookieNames,
    _cookie: Annotated[None, Security(SESSION_COOKIE)],
    _token: Annotated[str | None, Security(SESSION_BEARER)],
) -> Response:
    """Redeem a bare code, as Google's server-side sign-in guide sends it; errors are `{"error": …}`."""
    try:
        await limit_codes(request, services)
        check_page(request, services)
        # Not a dependency, which would ask the database before the limit.
        session = await find_session(request, services, names)
        code = await read_bare(request)
        return await _from_popup(request, services, names, session, CodeBody(code=code, client="popup"))
    except CatflapError as error:
        log.warning("signin_failed", code=error.code, detail=error.detail)
        raise


@router.post(
    "/signin/google/credential",
    operation_id="signInWithIdToken",
    summary="Sign in with an ID token",
    response_model=SignInResource,
    response_description="Who signed in.",
    responses={
        200: {"headers": _SESSION_COOKIE},
        303: {**REDIRECT, "description": "To the page; the answer to a form."},
        **_SENT_CODE,
    },
    openapi_extra={**request_body(CredentialBody, form=CredentialForm), **_FROM_PAGE},
    dependencies=[Depends(limit_codes)],
)
async def take_credential(
    request: Request, services: ServicesDep, names: CookieNames, session: UncheckedSession
) -> Response:
    """Open a session without a grant. The form is what Google's button posts in redirect mode."""
    if media_type(request) == FORM:
        return await _from_login_uri(request, services, names, session)
    body = await read_object(request, CredentialBody)
    asks, nonce = ConsentRequest("signin", SIGN_IN), body.nonce
    if body.client == "native":
        check_native(request)
        received = await services.signin.sign_in_with_id_token(
            asks, body.credential, nonce=nonce, completion=_of_app(request, asks)
        )
        return json_response(SignInResource.of(received, bearer=received.session_token))
    check_page(request, services)
    async with _popup_back(request, services, names, session, body.state) as attempt:
        if attempt is not None:
            asks, nonce = (
                replace(asks, signed_in_user_id=still_valid(attempt, session).signed_in_user_id),
                attempt.nonce,
            )
        received = await services.signin.sign_in_with_id_token(
            asks,
            body.credential,
            nonce=nonce,
            completion=Completion(attempt, browser_session(request, asks, session)),
        )
    return _as_page(request, names, asks, received)


async def _from_popup(
    request: Request, services: Services, names: Cookies, session: Session | None, body: CodeBody
) -> Response:
    origin = check_page(request, services)
    redirect_uri = origin if services.settings.popup_redirect_uri == "origin" else POPUP_REDIRECT_URI
    try:
        async with _popup_back(request, services, names, session, body.state) as attempt:
            if attempt is not None:
                asks = still_valid(attempt, session)
                if body.scopes is not None:
                    asks = replace(asks, scopes=expand_requested(body.scopes) | SIGN_IN)
            else:
                asks = await consent_for(
                    services,
                    session,
                    scopes=body.scopes or "",
                    purpose=body.purpose or "signin",
                    account=body.account,
                )
            received = await services.signin.exchange_code(
                asks,
                body.code,
                redirect_uri=redirect_uri,
                completion=Completion(attempt, browser_session(request, asks, session)),
            )
    except ConsentNeeded as needed:
        return _lead_to_consent(services, needed)
    return _as_page(request, names, asks, received)


def _popup_back(
    request: Request, services: Services, names: Cookies, session: Session | None, state: str | None
) -> AbstractAsyncContextManager[PendingAuthorization | None]:
    """Return the pending authorization request of a popup; None without a state.

    A failure inside leaves the state to the next click.
    """
    if state is None:
        return nullcontext()
    return services.signin.resume(state, names.signin_secrets(request, state))


async def _from_login_uri(
    request: Request, services: Services, names: Cookies, session: Session | None
) -> Response:
    """Sign in with the form of Google's button in redirect mode; its cookie must match (GIS reference)."""
    form = await read_form(request)
    sent, kept = form.get(_G_CSRF, ""), request.cookies.get(_G_CSRF, "")
    if not sent or not hmac.compare_digest(sent.encode(), kept.encode()):
        raise BadRequest("csrf", "This form did not come from our own page; please start again.")
    asks = ConsentRequest("signin", SIGN_IN)
    received = await services.signin.sign_in_with_id_token(
        asks,
        form.get("credential", ""),
        completion=Completion(session=browser_session(request, asks, session)),
    )
    response = RedirectResponse(services.paths.home, 303)
    assert received.session_token is not None
    names.set_session(response, received.session_token)
    return response


def _as_page(request: Request, names: Cookies, asks: ConsentRequest, received: SignInResult) -> Response:
    if asks.purpose != "signin":
        return json_response(SignInResource.of(received))
    # Without a new session: signed in meanwhile in another tab, whose page belongs to that session.
    token = received.session_token or request.cookies[names.session]
    response = json_response(SignInResource.of(received, csrf_token=csrf_token(token)))
    if received.session_token is not None:
        names.set_session(response, received.session_token)
    return response


def _of_app(request: Request, asks: ConsentRequest) -> Completion:
    """Return the session to start for a native app that signs in."""
    if asks.purpose != "signin":
        return Completion()
    return Completion(session=NewSession("bearer", request.headers.get("User-Agent")))


def _lead_to_consent(services: Services, needed: ConsentNeeded) -> Response:
    """Build the `consent_needed` problem with `consent_url`, which the page has to open."""
    asks = needed.request
    wanted = {"scopes": " ".join(sorted(asks.scopes - SIGN_IN)), "purpose": asks.purpose, "prompt": "consent"}
    address = f"{services.paths.auth}/signin/google?{urlencode(wanted)}"
    return problem_of(needed, consent_url=address)
