"""What makes the page an app on a phone: manifest, service worker, icons, and the page without a network."""

from typing import Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from catflap.web import module_graph, static_files, static_version
from catflap.web.authentication import ServicesDep
from catflap.web.i18n import choose_language, texts
from catflap.web.page_route import READ, PageRoute
from catflap.web.page_templates import render
from catflap.web.problem_route import new_router

router = new_router(route_class=PageRoute)
# As in page.css and page.html.
_PAPER: Final = "#fbf3e7"
_ICONS: Final = (
    ("page/flap.svg", "any", "image/svg+xml", "any"),
    ("page/app/icon-192.png", "192x192", "image/png", "any"),
    ("page/app/icon-512.png", "512x512", "image/png", "any"),
    ("page/app/maskable-512.png", "512x512", "image/png", "maskable"),
)


@router.api_route("/manifest.webmanifest", methods=READ, include_in_schema=False)
async def manifest(request: Request, services: ServicesDep) -> JSONResponse:
    """The web application manifest (W3C), in the reader's language."""
    language = choose_language(request.headers.get("accept-language", ""))
    words, mia = texts(language), services.paths.mia
    files = f"{mia}/static/{static_version.prefix()}"
    content = {
        "id": f"{mia}/",
        "name": words["title"],
        "short_name": "Catflap",
        "description": words["tagline"],
        "lang": language,
        "start_url": f"{mia}/",
        "scope": f"{mia}/",
        "display": "standalone",
        "background_color": _PAPER,
        "theme_color": _PAPER,
        "icons": [
            {"src": files + name, "sizes": sizes, "type": kind, "purpose": purpose}
            for name, sizes, kind, purpose in _ICONS
        ],
    }
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language"}
    return JSONResponse(content, headers=headers, media_type="application/manifest+json")


@router.api_route("/service-worker.js", methods=READ, include_in_schema=False)
async def service_worker(request: Request) -> Response:
    """The service worker, at the root of the page, because its address limits its scope."""
    response = static_files.answer_file("page/app/service-worker.js", request)
    # Of the worker, which asks for files of its own server only.
    response.headers["Content-Security-Policy"] = "default-src 'none'; connect-src 'self'"
    return response


@router.api_route("/favicon.ico", methods=READ, include_in_schema=False)
async def favicon(request: Request) -> Response:
    """The icon that browsers ask for without being told of it."""
    return static_files.answer_file("page/app/favicon.ico", request)


@router.api_route("/offline", methods=READ, response_class=HTMLResponse, include_in_schema=False)
async def offline(request: Request, services: ServicesDep, lang: str | None = None) -> HTMLResponse:
    """What the installed app shows without a network; it holds nothing about a person.

    Its script shows the plan of the day that the page left in this browser.
    """
    modules = module_graph.modules_of("page/offline.js")
    return render(request, "offline.html", services.paths, lang=lang, modules=modules)
