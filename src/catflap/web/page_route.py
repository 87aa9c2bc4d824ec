"""Route class of addresses that people open: compressed, and with errors that a person can read.

A page holds a secret, its CSRF token, and is compressed all the same: nothing in it was chosen by a site
that made a browser ask for it, so its length tells that site nothing (the attack BREACH needs both).
"""

from typing import Final

from fastapi import Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from catflap.web import problems
from catflap.web.page_templates import render
from catflap.web.paths import Paths
from catflap.web.problem_route import ProblemRoute
from catflap.web.services import installed

# The methods of pages and files, of which nothing changes.
READ: Final = ["GET", "HEAD"]
# Statuses with words of their own; the others have those of their hundred.
_WITH_WORDS = ("404", "405", "429", "503")


class PageRoute(ProblemRoute):
    """Route whose errors are pages for browsers, and problem documents for other clients."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a matched request, compressed where the client allows it."""
        await GZipMiddleware(super().handle)(scope, receive, send)

    def answer_error(self, error: Exception, scope: Scope) -> Response:
        """Answer an error as a page, or as a problem document."""
        return as_page(super().answer_error(error, scope), scope)


def as_page(problem: Response, scope: Scope) -> Response:
    """Return a page with the status and headers of a problem document, if a person is to read it."""
    if not _is_for_a_person(scope):
        return problem
    services = installed(scope)
    paths = services.paths if services is not None else Paths()
    status = problem.status_code
    hundred = "4xx" if status < 500 else "5xx"
    kind = str(status) if str(status) in _WITH_WORDS else hundred
    page = render(HTTPConnection(scope), "broken.html", paths, status=status, kind=kind)
    for name in ("Retry-After", "Allow"):
        if name in problem.headers:
            page.headers[name] = problem.headers[name]
    return page


async def http_error(request: HTTPConnection, error: Exception) -> Response:
    """Exception handler for an application that is all ours: paths that no route has."""
    assert isinstance(error, HTTPException)
    return as_page(problems.problem_of(error), request.scope)


def _is_for_a_person(scope: Scope) -> bool:
    """Return whether a browser asks in order to show the answer."""
    if scope["method"] not in ("GET", "HEAD") or scope["path"].startswith("/v1/"):
        return False
    accepted = HTTPConnection(scope).headers.get("accept", "")
    return "text/html" in accepted
