"""Render the templates of the page in the reader's language.

Nothing that a request sent is shown, but a session's own name: an error code selects one of our sentences.
"""

from pathlib import Path
from typing import Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import HTTPConnection

from catflap.web import static_version
from catflap.web.headers import nonce_of
from catflap.web.i18n import LANGUAGES, choose_language, texts
from catflap.web.paths import Paths
from catflap.web.signin_problems import problem_for

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(
    request: HTTPConnection,
    template: str,
    paths: Paths,
    *,
    status: int = 200,
    path: str = "/",
    lang: str | None = None,
    error: str | None = None,
    **more: Any,
) -> HTMLResponse:
    """Render a template that extends `page.html`.

    Args:
        path: Of this page, below the prefix of the page's router; the link to the other language leads there.
        lang: The value of `?lang=`, which is kept in links.
        error: An error code of a sign-in, of which the template gets what the page says as `problem`.
        more: What else the template uses.
    """
    language = choose_language(request.headers.get("accept-language", ""), lang)
    html = _TEMPLATES.get_template(template).render(
        texts=texts(language),
        language=language,
        other_language="en" if language == "ja" else "ja",
        problem=problem_for(texts(language), error),
        paths=paths,
        path=path,
        query=f"?lang={lang}" if lang in LANGUAGES else "",
        static=f"{paths.mia}/static/{static_version.prefix()}",
        version=static_version.prefix().rstrip("/"),
        nonce=nonce_of(request),
        **more,
    )
    headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(html, status, headers)
