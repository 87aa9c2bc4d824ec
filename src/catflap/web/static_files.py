"""Static files: scripts for pages of the host application, and the files of our own page."""

from pathlib import Path
from typing import Final

from fastapi import Request, Response
from starlette.staticfiles import StaticFiles

from catflap.web.problem_route import new_router

STATIC: Final = Path(__file__).parent / "static"

embed_router = new_router()
page_router = new_router()
_files = StaticFiles(directory=STATIC)
_READ = ["GET", "HEAD"]


@embed_router.api_route("/static/popup.js", methods=_READ, include_in_schema=False)
async def popup_script(request: Request) -> Response:
    """Sign in, or allow more, in Google's popup: a module for pages of the host application."""
    return await _file("embed/popup.js", request)


@embed_router.api_route("/static/gapi.js", methods=_READ, include_in_schema=False)
async def gapi_script(request: Request) -> Response:
    """`gapi.auth2` for older pages; the one script that pages of other origins load."""
    response = await _file("embed/gapi.js", request)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@page_router.api_route("/static/{name:path}", methods=_READ, include_in_schema=False)
async def page_file(name: str, request: Request) -> Response:
    """A script, style or picture of our own page."""
    return await _file(name, request)


async def _file(name: str, request: Request) -> Response:
    response = await _files.get_response(name, request.scope)
    # May be cached, but is revalidated (304) each time.
    response.headers["Cache-Control"] = "no-cache"
    return response
