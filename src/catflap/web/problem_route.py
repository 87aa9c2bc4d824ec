"""The class of all our routes: what happens around a handler, bound to the route and not to its path.

So a host application that includes our routers keeps its own routes as they are, whatever their paths. Each
route of ours limits the body, adds security headers, answers pages of allowed origins (CORS), turns every
exception into a problem document and keeps secrets in addresses out of the server's access log.
"""

import json
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from catflap.web import problems
from catflap.web.headers import add_headers
from catflap.web.input_types import parse_json
from catflap.web.services import installed

_F = TypeVar("_F", bound=Callable[..., Any])
_SECRET = "__catflap_secret_address__"  # noqa: S105 (the name of an attribute)


class _Strict(Request):
    """A request whose JSON body is read in one way only."""

    async def json(self) -> Any:
        body = await self.body()
        try:
            return parse_json(body)
        except ValueError as error:
            # What FastAPI takes for a bad body; the text is not repeated.
            raise json.JSONDecodeError(type(error).__name__, "", 0) from None


class ProblemRoute(APIRoute):
    """Route that answers errors as problem documents and protects what it answers; see the module."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(_Strict(request.scope, request.receive))
            except Exception as error:
                return self.answer_error(error)

        return answer

    def answer_error(self, error: Exception) -> Response:
        """Answer an error as a problem document."""
        return problems.problem_of(error, self.path)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        services = installed(scope)
        send = add_headers(scope, send)
        inner = _without_secrets(scope) if getattr(self.endpoint, _SECRET, False) else scope
        app: ASGIApp = self._handle
        if services is not None and _has(scope, b"origin"):
            app = _allow_origins(app, services.settings.allowed_origins)
        await app(inner, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Starlette answers too large a Content-Length with plain text that no handler can change.
        if self.max_body_size is not None and _declared_length(scope) > self.max_body_size:
            await self.answer_error(problems.too_large())(scope, receive, send)
            return
        try:
            await super().handle(scope, receive, send)
        except HTTPException as error:
            await self.answer_error(error)(scope, receive, send)


class PlainErrors(ProblemRoute):
    """The same for clients that know no problem documents: errors are `{"error": …}`."""

    def answer_error(self, error: Exception) -> Response:
        """Answer an error as a plain one."""
        known = problems.error_of(error)
        return super().answer_error(error) if known is None else problems.plain(known)


def new_router(
    prefix: str = "",
    *,
    dependencies: Sequence[Depends] = (),
    tag: str | None = None,
    max_body_size: int | None = problems.MAX_BODY_BYTES,
    route_class: type[ProblemRoute] = ProblemRoute,
) -> APIRouter:
    """A router whose routes are all `OwnErrors`; `tag` is their group in the OpenAPI document."""
    return APIRouter(
        prefix=prefix,
        dependencies=dependencies,
        tags=None if tag is None else [tag],
        route_class=route_class,
        max_body_size=max_body_size,
        redirect_slashes=False,
    )


def secret_address(endpoint: _F) -> _F:
    """Decorator: the query or the last segment of this route's path is a secret and must not be logged."""
    setattr(endpoint, _SECRET, True)
    return endpoint


def _without_secrets(scope: Scope) -> Scope:
    """A copy of `scope` for the handler; the original loses the query and the value of a path parameter.

    Servers write their access log from the scope they made, when the answer begins.
    """
    inner = dict(scope)
    scope["query_string"] = b""
    if scope.get("path_params"):
        scope["path"] = scope["path"].rpartition("/")[0] + "/-"
        scope["raw_path"] = scope["path"].encode()
    return inner


def _allow_origins(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """`app`, whose answers pages of `origins` may read, cookies included."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Content-Type", "X-Requested-With", "X-CSRF-Token", "Authorization"],
    )


def _has(scope: Scope, name: bytes) -> bool:
    return any(one == name for one, _ in scope["headers"])


def _declared_length(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0
