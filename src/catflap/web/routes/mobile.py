"""Route of the mobile app, compatible with the bodies and statuses that it had before Catflap.

The app has its own login and names its user. The bearer must be that user's; the answer is the same whether
another user exists or not.
"""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.responses import Response

from catflap.errors import BadRequest, CatflapError
from catflap.log import log
from catflap.signin import ConsentRequest
from catflap.signin.client_input import one_time_code
from catflap.signin.flow import NATIVE_REDIRECT_URI
from catflap.store.unavailable import DatabaseUnavailable
from catflap.web.authentication import CookieNames, ServicesDep, find_session, single_parameters
from catflap.web.problem_route import PlainErrors, new_router
from catflap.web.problems import plain
from catflap.web.request_bodies import read_object, request_body
from catflap.web.schemas.base import json_response
from catflap.web.schemas.problems import SESSION, PlainError, plain_errors
from catflap.web.schemas.security import SESSION_BEARER
from catflap.web.schemas.signin import AppTokensBody, AppTokensSaved

router = new_router(tag="signin", route_class=PlainErrors)


@router.post(
    "/app/google-calendar/tokens",
    operation_id="saveGoogleCalendarTokens",
    summary="Redeem the mobile app's code for its user",
    response_model=AppTokensSaved,
    response_description="The grant is kept.",
    responses={
        **plain_errors(*SESSION, "forbidden", "invalid_request"),
        500: {"model": PlainError, "description": "Google refused the code."},
    },
    openapi_extra=request_body(AppTokensBody),
    dependencies=[Depends(single_parameters)],
)
async def save_tokens(
    request: Request,
    services: ServicesDep,
    names: CookieNames,
    _token: Annotated[str | None, Security(SESSION_BEARER)],
) -> Response:
    """Redeem the app's `serverAuthCode` for the user whose bearer this is; errors are `{"error": …}`."""
    session = await find_session(request, services, names)
    if session is None or session.kind == "cookie":
        raise BadRequest("unauthenticated", "Unauthorized")
    body = await read_object(request, AppTokensBody)
    code = one_time_code(body.authCode)
    if str(body.userId) != await services.users.external_id_of(session.user_id):
        raise BadRequest("forbidden", "Forbidden")
    try:
        asks = ConsentRequest("link", frozenset(), session.user_id)
        await services.signin.exchange_code(asks, code, redirect_uri=NATIVE_REDIRECT_URI)
    except CatflapError as error:
        log.warning("auth_code_not_exchanged", code=error.code, detail=error.detail)
        # The app's contract has 500 for a refusal of Google's; a database that is away is no refusal.
        if isinstance(error, DatabaseUnavailable):
            raise
        return plain(error, 500, "Failed to exchange auth code")
    return json_response(AppTokensSaved(message="Token saved successfully"))
