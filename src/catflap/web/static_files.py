"""Static files: scripts for pages of the host application, and the files of our own page."""

from pathlib import Path
from typing import Final

from fastapi import Request, Response
from starlette.staticfiles import StaticFiles

from catflap.web.page_route import PageRoute
from catflap.web.problem_route import new_router
from catflap.web.static_version import STATIC, without_prefix

embed_router = new_router()
page_router = new_router(route_class=PageRoute)
_files = StaticFiles(directory=STATIC)
# A picture of the documentation: in docs/ of the checkout, and beside the other files in the wheel.
_WIRING: Final = "wiring.svg"
_wiring = StaticFiles(directory=Path(__file__).parents[3] / "docs", check_dir=False)
_is_wheel: Final = (STATIC / _WIRING).exists()
_READ = ["GET", "HEAD"]


@embed_router.api_route("/static/popup.js", methods=_READ, include_in_schema=False)
async def popup_script(request: Request) -> Response:
    """Sign in, or allow more, in Google's popup: a module for pages of the host application."""
    return await answer_file("embed/popup.js", request)


@embed_router.api_route("/static/gapi.js", methods=_READ, include_in_schema=False)
async def gapi_script(request: Request) -> Response:
    """`gapi.auth2` for older pages; the one script that pages of other origins load."""
    response = await answer_file("embed/gapi.js", request)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@page_router.api_route("/static/{name:path}", methods=_READ, include_in_schema=False)
async def page_file(name: str, request: Request) -> Response:
    """A script, style or picture of our own page; kept by browsers under the address of this version."""
    file, is_present = without_prefix(name)
    return await answer_file(
        file, request, cache="public, max-age=31536000, immutable" if is_present else "no-cache"
    )


async def answer_file(name: str, request: Request, *, cache: str = "no-cache") -> Response:
    """Answer with a file below `static/`, which browsers by default ask for (304) each time."""
    files = _wiring if name == _WIRING and not _is_wheel else _files
    response = await files.get_response(name, request.scope)
    response.headers["Cache-Control"] = cache
    return response
