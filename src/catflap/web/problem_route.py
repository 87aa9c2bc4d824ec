"""Route class of all our routes: body limit, security headers, CORS, problem documents, access log redaction.

These belong to the matched route and never look at a path, so the routes of a host application that includes
our routers are left as they are.
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
from catflap.web.headers import add_headers, is_all_ours
from catflap.web.input_types import parse_json
from catflap.web.plain_call import PlainCall
from catflap.web.services import installed

_F = TypeVar("_F", bound=Callable[..., Any])
# Of the headers that our OpenAPI document declares, those that CORS does not allow by itself.
_ALLOWED_HEADERS = (
    *("Authorization", "Content-Type", "If-Match", "If-None-Match", "Range"),
    *("X-CSRF-Token", "X-Requested-With"),
)
_EXPOSED_HEADERS = (
    *("Accept-Ranges", "Content-Disposition", "Content-Range", "ETag"),
    *("Retry-After", "WWW-Authenticate"),
)
_SECRET = "__catflap_secret_address__"  # noqa: S105 (the name of an attribute)


class _Strict(Request):
    """Request that refuses JSON which two parsers could read differently."""

    async def json(self) -> Any:
        """Parse the body strictly; see `parse_json`."""
        body = await self.body()
        try:
            return parse_json(body)
        except ValueError as error:
            # What FastAPI takes for a bad body; the text is not repeated.
            raise json.JSONDecodeError(type(error).__name__, "", 0) from None


class ProblemRoute(APIRoute):
    """Route that answers every exception as a problem document; the module says what else it does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plain = PlainCall.of(self.dependant)
        # FastAPI limits bodies while they are read.
        limited = plain is not None and plain.may_read_body and self.max_body_size is not None
        self._plain = None if limited else plain

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler of FastAPI: strict JSON, and an answer for every exception."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(_Strict(request.scope, request.receive))
            except Exception as error:
                return self.answer_error(error, request.scope)

        return answer

    def answer_error(self, error: Exception, _scope: Scope) -> Response:
        """Answer an error as a problem document."""
        return problems.problem_of(error, self.path)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a matched request, also one with a wrong method or a CORS preflight."""
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
            await self.answer_error(problems.too_large(), scope)(scope, receive, send)
            return
        response = await self._answer_plainly(scope, receive)
        if response is not None:
            await response(scope, receive, send)
            return
        try:
            await super().handle(scope, receive, send)
        except HTTPException as error:
            await self.answer_error(error, scope)(scope, receive, send)

    async def _answer_plainly(self, scope: Scope, receive: Receive) -> Response | None:
        """Return the response of a `PlainCall`; None when FastAPI must answer.

        It must in an application of others, which may have added dependencies of theirs to our routes.
        """
        if self._plain is None or scope["method"] not in (self.methods or ()) or not is_all_ours(scope):
            return None
        try:
            return await self._plain.answer(_Strict(scope, receive))
        except Exception as error:
            return self.answer_error(error, scope)


class PlainErrors(ProblemRoute):
    """Route whose errors are `{"error": …}`, for clients that know no problem documents."""

    def answer_error(self, error: Exception, scope: Scope) -> Response:
        """Answer an error as `{"error": …}`."""
        known = problems.error_of(error)
        return super().answer_error(error, scope) if known is None else problems.plain(known)


def new_router(
    prefix: str = "",
    *,
    dependencies: Sequence[Depends] = (),
    tag: str | None = None,
    max_body_size: int | None = problems.MAX_BODY_BYTES,
    route_class: type[ProblemRoute] = ProblemRoute,
) -> APIRouter:
    """Return a router whose routes are all `ProblemRoute`s; `tag` is their group in the OpenAPI document."""
    return APIRouter(
        prefix=prefix,
        dependencies=dependencies,
        tags=None if tag is None else [tag],
        route_class=route_class,
        max_body_size=max_body_size,
        redirect_slashes=False,
    )


def secret_address(endpoint: _F) -> _F:
    """Decorator for handlers: query and last path segment of the route are secrets, kept from access logs.

    A route with a secret path segment needs another one with a slash at the end. Without it the application
    redirects such a request, and its server logs the path.
    """
    setattr(endpoint, _SECRET, True)
    return endpoint


def _without_secrets(scope: Scope) -> Scope:
    """Return a copy of `scope` for the handler, and remove query and last path segment from the original.

    Servers write their access log from the original scope, when the response starts.
    """
    inner = dict(scope)
    scope["query_string"] = b""
    if scope.get("path_params"):
        scope["path"] = scope["path"].rstrip("/").rpartition("/")[0] + "/-"
        scope["raw_path"] = scope["path"].encode()
    return inner


def _allow_origins(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Wrap `app` in CORS for `origins`, with credentials."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=_ALLOWED_HEADERS,
        expose_headers=_EXPOSED_HEADERS,
    )


def _has(scope: Scope, name: bytes) -> bool:
    return any(one == name for one, _ in scope["headers"])


def _declared_length(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0
