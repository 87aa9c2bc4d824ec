"""Routes that answer their own errors, also inside an application that answers errors in another way.

FastAPI's own answer to a bad body repeats what was sent, which may be a code.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from catflap.errors import CatflapError
from catflap.web import problems


class OwnErrors(APIRoute):
    """Turns every error raised on purpose into a problem document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except CatflapError as error:
                return await problems.ours(request, error)
            except RequestValidationError as error:
                return await problems.invalid(request, error)

        return answer
