"""Sign-in by `catflap signin`: Google's redirect ends at the command, which hands the code over to us.

State, nonce and PKCE verifier are the command's, and are sent here only with the code, which Google then
refuses to take again. So somebody on the same network who asks for the same things learns nothing that helps
with the code of another person.
"""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from catflap.errors import CatflapError
from catflap.google.scopes import SIGN_IN, expand_requested, to_wire
from catflap.signin import ConsentRequest, SignInResult
from catflap.signin.handovers import HANDOVER_LIFETIME
from catflap.web.authentication import (
    CookieNames,
    ServicesDep,
    check_native,
    limit_begins,
    limit_codes,
    limit_returns,
    single_parameters,
)
from catflap.web.consent import redirect_with_error
from catflap.web.input_types import Text
from catflap.web.problem_route import new_router
from catflap.web.request_bodies import read_form, read_object, request_body
from catflap.web.schemas.accounts import ProfileResource
from catflap.web.schemas.base import NO_STORE, REDIRECT, json_response
from catflap.web.schemas.desktop import (
    DesktopClientResource,
    DesktopCodeBody,
    DesktopSignInResource,
    HandoverForm,
    HandoverResource,
)
from catflap.web.schemas.problems import GOOGLE_SIGN_IN, problems
from catflap.web.services import Services

router = new_router(tag="signin", dependencies=[Depends(single_parameters)])
_HANDOVER_PATH = "/signin/handover"


@router.get(
    "/signin/google/desktop",
    operation_id="beginDesktopSignIn",
    summary="Begin a sign-in by a command",
    response_model=DesktopClientResource,
    response_description="What the command sends its person's browser to Google with.",
    responses=problems("desktop_client_missing", "invalid_request", "rate_limited"),
    dependencies=[Depends(limit_begins)],
)
async def begin(
    services: ServicesDep, scopes: Annotated[Text | None, Query(max_length=2000)] = None
) -> DesktopClientResource:
    """Return the public id of the desktop client, and the scopes to ask for: by default the page's."""
    return DesktopClientResource(
        client_id=services.signin.desktop_client_id(),
        scope=to_wire(_scopes(services, scopes)),
        discovery_url=services.settings.google_discovery_url,
    )


@router.post(
    "/signin/google/desktop",
    operation_id="redeemDesktopCode",
    summary="Sign in with the code of a command",
    response_model=DesktopSignInResource,
    response_description="Who signed in, what they allowed, and how their browser is signed in too.",
    responses={
        200: NO_STORE,
        **problems(*GOOGLE_SIGN_IN, "desktop_client_missing", "forbidden", "rate_limited"),
    },
    openapi_extra=request_body(DesktopCodeBody),
    dependencies=[Depends(limit_codes)],
)
async def redeem(request: Request, services: ServicesDep) -> Response:
    """Redeem a code that came to a loopback address; refused if a page of a browser sends it."""
    check_native(request)
    body = await read_object(request, DesktopCodeBody)
    # The command always has Google ask, so a consent without a refresh token is not asked for again.
    asks = ConsentRequest("signin", _scopes(services, body.scopes), forced=True)
    received = await services.signin.exchange_desktop_code(
        asks, body.code, redirect_uri=body.redirect_uri, verifier=body.code_verifier, nonce=body.nonce
    )
    return json_response(await _answer(services, received, body.redirect_uri))


@router.post(
    _HANDOVER_PATH,
    status_code=303,
    operation_id="takeHandover",
    summary="Sign the browser of a command's person in",
    response_class=RedirectResponse,
    response_description="To the page, signed in; to `/?error=…` when the hand-over is of no use.",
    responses={303: REDIRECT, **problems("invalid_request", "rate_limited")},
    openapi_extra=request_body(form=HandoverForm),
    dependencies=[Depends(limit_returns)],
)
async def take_handover(request: Request, services: ServicesDep, names: CookieNames) -> Response:
    """Start the browser's session; the form must come from the loopback page of the command.

    That is another site, so the browser sends no cookie of ours along: a session that it has already is
    replaced in the browser only.
    """
    form = await read_form(request)
    try:
        user_id = await services.handovers.redeem(form.get("handover", ""), request.headers.get("Origin"))
    except CatflapError as error:
        return redirect_with_error(services, error)
    token = await services.sessions.begin(user_id, "cookie", request.headers.get("User-Agent"))
    response = RedirectResponse(services.paths.home, 303)
    names.set_session(response, token)
    return response


async def _answer(services: Services, received: SignInResult, redirect_uri: str) -> DesktopSignInResource:
    ours = urlsplit(redirect_uri)
    token = await services.handovers.create(received.user_id, f"{ours.scheme}://{ours.netloc}")
    origin, paths = services.settings.origin, services.paths
    return DesktopSignInResource(
        user_id=received.user_id,
        account=ProfileResource.of_person(received.identity),
        granted=sorted(received.granted),
        missing=sorted(received.missing),
        page=f"{origin}{paths.home}" if services.settings.calendars else None,
        handover=HandoverResource(
            action=f"{origin}{paths.auth}{_HANDOVER_PATH}",
            handover=token,
            expires_in=int(HANDOVER_LIFETIME.total_seconds()),
        ),
    )


def _scopes(services: Services, words: str | list[str] | None) -> frozenset[str]:
    default = "calendar" if services.settings.calendars else ""
    return expand_requested(default if words is None else words) | SIGN_IN
