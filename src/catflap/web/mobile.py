"""The mobile app's own call, byte for byte as it was before Catflap: its shapes, its words, its statuses.

The app has its own login and names its user; whoever asks must be that user, and is told nothing about
anybody else, not even whether they exist.
"""

from typing import Annotated

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from catflap.errors import BadRequest, CatflapError
from catflap.log import log
from catflap.signin import ConsentRequest
from catflap.signin.flow import NATIVE_REDIRECT_URI
from catflap.signin.pasted import MAX_SENT, one_time_code
from catflap.store.unavailable import DatabaseUnavailable
from catflap.web.bodies import Members, described, read_object
from catflap.web.inputs import Id, Text
from catflap.web.problems import plain
from catflap.web.routing import new_router
from catflap.web.security import CookieNames, Parts, find_session, single_parameters

router = new_router()


class TokensBody(Members):
    """What the app sends."""

    # Any id the app may have: positive, and within what its own 64-bit integers hold.
    userId: Id  # noqa: N815 (the app's spelling)
    authCode: Annotated[Text, Field(min_length=1, max_length=MAX_SENT)]  # noqa: N815


@router.post("/app/google-calendar/tokens", openapi_extra=described(TokensBody))
async def save_tokens(request: Request, parts: Parts, names: CookieNames) -> Response:
    """Redeem the app's `serverAuthCode` for the user whose bearer this is."""
    try:
        single_parameters(request)
        session = await find_session(request, parts, names)
        if session is None or session.kind == "cookie":
            raise BadRequest("unauthenticated", "Unauthorized")
        body = await read_object(request, TokensBody)
        code = one_time_code(body.authCode)
        if str(body.userId) != await parts.users.called(session.user_id):
            raise BadRequest("forbidden", "Forbidden")
    except CatflapError as error:
        return plain(error)
    try:
        asks = ConsentRequest("link", frozenset(), session.user_id)
        await parts.signin.redeem(asks, code, redirect_uri=NATIVE_REDIRECT_URI)
    except CatflapError as error:
        log.warning("auth_code_not_exchanged", code=error.code, detail=error.detail)
        # The app's contract has 500 for a refusal of Google's; a database that is away is no refusal.
        away = isinstance(error, DatabaseUnavailable)
        return plain(error) if away else plain(error, 500, "Failed to exchange auth code")
    return JSONResponse({"message": "Token saved successfully"})
