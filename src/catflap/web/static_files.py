"""Static files: scripts for pages of the host application, and the files of our own page.

They are read and compressed once: a page asks for some fifty modules.
"""

import gzip
import hashlib
import mimetypes
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from catflap.web.page_route import READ, PageRoute
from catflap.web.problem_route import new_router
from catflap.web.static_version import STATIC, without_prefix

embed_router = new_router(route_class=PageRoute)
page_router = new_router(route_class=PageRoute)
# A picture of the documentation: in docs/ of the checkout, and beside the other files in the wheel.
_WIRING: Final = "wiring.svg"
_DOCS: Final = Path(__file__).parents[3] / "docs"


@embed_router.api_route("/static/popup.js", methods=READ, include_in_schema=False)
async def popup_script(request: Request) -> Response:
    """Sign in, or allow more, in Google's popup: a module for pages of the host application."""
    return answer_file("embed/popup.js", request)


@embed_router.api_route("/static/gapi.js", methods=READ, include_in_schema=False)
async def gapi_script(request: Request) -> Response:
    """`gapi.auth2` for older pages; the one script that pages of other origins load."""
    response = answer_file("embed/gapi.js", request)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@page_router.api_route("/static/{name:path}", methods=READ, include_in_schema=False)
async def page_file(name: str, request: Request) -> Response:
    """A script, style or picture of our own page; kept by browsers under the address of this version."""
    file, is_present = without_prefix(name)
    return answer_file(
        file, request, cache="public, max-age=31536000, immutable" if is_present else "no-cache"
    )


def answer_file(name: str, request: Request, *, cache: str = "no-cache") -> Response:
    """Answer with a file below `static/`, which browsers by default ask for (304) each time.

    Raises:
        HTTPException: 404, there is no such file.
    """
    file = _files().get(name)
    if file is None:
        raise HTTPException(404)
    # Weak, as the same for both encodings (RFC 9110 8.8.1).
    headers = {"Cache-Control": cache, "ETag": f"W/{file.tag}"}
    if file.compressed:
        headers["Vary"] = "Accept-Encoding"
    # Compared weakly, so with or without `W/` (RFC 9110 13.1.2).
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if file.compressed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.compressed, headers=headers, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)


class _StaticFile:
    """A file with all that an answer says of it."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.media_type = mimetypes.guess_type(path.name)[0]
        self.tag = f'"{hashlib.sha256(self.content).hexdigest()[:20]}"'

    @cached_property
    def compressed(self) -> bytes:
        """The content for clients that take gzip; empty for pictures, which are compressed already."""
        shorter = gzip.compress(self.content, mtime=0)
        return shorter if len(shorter) < 0.9 * len(self.content) else b""


@cache
def _files() -> dict[str, _StaticFile]:
    """Return all files below `static/`, by the names in their addresses."""
    found = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*")}
    found.setdefault(_WIRING, _DOCS / _WIRING)
    return {name: _StaticFile(path) for name, path in found.items() if path.is_file()}
