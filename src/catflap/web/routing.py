"""Routes that answer their own errors, also inside an application that answers errors in another way.

FastAPI's own answer to a bad body repeats what was sent, which may be a code.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from catflap.errors import CatflapError
from catflap.web import problems
from catflap.web.inputs import parse_json


class _Strict(Request):
    """A request whose JSON body is read in one way only."""

    async def json(self) -> Any:
        body = await self.body()
        try:
            return parse_json(body)
        except ValueError as error:
            # What FastAPI takes for a bad body; the text is not repeated.
            raise json.JSONDecodeError(type(error).__name__, "", 0) from None


class OwnErrors(APIRoute):
    """Turns every error raised on purpose into a problem document, and reads JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(_Strict(request.scope, request.receive))
            except CatflapError as error:
                return await problems.ours(request, error)
            except RequestValidationError as error:
                return await problems.invalid(request, error)

        return answer
