"""The one page: signed out a button, signed in Mia and the day.

The page is useful before any script runs and carries nobody's appointments: the scripts fetch those, so
no event title passes through a template. It refuses to show a value from the address line.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catflap.web.headers import content_security_policy
from catflap.web.i18n import choose_language, error_text, texts
from catflap.web.security import Parts

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"

router = APIRouter()
_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person a page is drawn for.

    Args:
        missing_scopes: What they did not allow; empty when Mia may read the calendar.
        grant_state: `active`, `reconsent`, `revoked`, or None when there is no grant at all.
    """

    user_id: int
    name: str | None
    email: str
    csrf_token: str
    missing_scopes: tuple[str, ...]
    grant_state: str | None

    @property
    def shown_name(self) -> str:
        return self.name or self.email

    @property
    def initials(self) -> str:
        """One or two letters in place of a picture, which would be a third party's."""
        words = self.shown_name.partition("@")[0].replace(".", " ").split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"

    @property
    def wanted(self) -> str | None:
        """Which consent is wanting: `yes` again, the `calendar`, or None."""
        if self.grant_state == "reconsent":
            return "yes"
        return "calendar" if self.missing_scopes or self.grant_state != "active" else None


def viewer(request: Request) -> Viewer | None:
    """Who is signed in, as the session middleware found out."""
    found: Viewer | None = request.state.viewer
    return found


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
async def page(
    request: Request,
    who: Annotated[Viewer | None, Depends(viewer)],
    error: str | None = None,
    lang: str | None = None,
) -> HTMLResponse:
    """The page, in the reader's language."""
    language = choose_language(request.headers.get("accept-language", ""), lang)
    page_texts = texts(language)
    came_from = f"/?lang={language}" if lang == language else "/"
    template = _templates.get_template("signed_out.html" if who is None else "signed_in.html")
    html = template.render(
        w=page_texts,
        language=language,
        other_language="en" if language == "ja" else "ja",
        error=error_text(page_texts, error),
        consent_url=f"/signin/google?scopes=calendar&next={quote(came_from, safe='')}",
        who=who,
        nonce=request.state.csp_nonce,
    )
    headers = {"Cache-Control": "no-store", "Content-Language": language, "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(html, headers=headers)


@router.get("/signin/window", response_class=HTMLResponse, include_in_schema=False)
async def window(
    request: Request, parts: Parts, error: str | None = None, lang: str | None = None
) -> HTMLResponse:
    """The same in Google's popup; no other page of ours loads a script of anybody else's."""
    language = choose_language(request.headers.get("accept-language", ""), lang)
    page_texts = texts(language)
    google = urlsplit(parts.settings.google_discovery_url)
    scripts = f"{google.scheme}://{google.netloc}/gsi/"
    html = _templates.get_template("signin_window.html").render(
        w=page_texts,
        language=language,
        other_language="en" if language == "ja" else "ja",
        error=error_text(page_texts, error),
        consent_url="/signin/google?scopes=calendar&next=/",
        gsi=f"{scripts}client",
        nonce=request.state.csp_nonce,
    )
    policy = content_security_policy(request.state.csp_nonce, scripts)
    return HTMLResponse(html, headers={"Cache-Control": "no-store", "Content-Security-Policy": policy})
