"""The web page: a sign-in button, or Mia and today's appointments.

The page is useful before any script runs and carries nobody's appointments: the scripts fetch those, so
no event title passes through a template. It refuses to show a value from the address line.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from catflap.errors import BadRequest
from catflap.google.scopes import READ_CALENDAR, missing_scopes
from catflap.vault import Grant
from catflap.web import module_graph
from catflap.web.authentication import CookieNames, Cookies, MaybeSession, ServicesDep, csrf_token
from catflap.web.headers import content_security_policy, nonce_of
from catflap.web.i18n import LANGUAGES
from catflap.web.page_route import READ, PageRoute
from catflap.web.page_templates import render
from catflap.web.privacy import privacy_notice, script_texts
from catflap.web.problem_route import new_router
from catflap.web.services import Services

# The screens of the page, each with an address of its own; the first one is the page itself.
OPERATOR: Final = "operator"
SCREENS: Final = ("today", "voice", "when", "devices", "google", "privacy", "hello")

router = new_router(route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in user for whom the page is rendered.

    Args:
        missing_scopes: What they did not allow; empty when Mia may read a calendar.
        grant_state: `active`, `reconsent`, `revoked`, or None when there is no grant at all: of the one
            that lets Mia read, else of the primary account.
        is_operator: Whether they see the screen of the operator too.
        introduced: Whether they know the first minute of the page.
    """

    user_id: int
    name: str | None
    email: str
    csrf_token: str
    missing_scopes: tuple[str, ...]
    grant_state: str | None
    is_operator: bool = False
    introduced: bool = True

    @property
    def screens(self) -> tuple[str, ...]:
        """The screens that this user has."""
        return (*SCREENS, OPERATOR) if self.is_operator else SCREENS

    @property
    def shown_name(self) -> str:
        """The name, or the address of an account without one."""
        return self.name or self.email

    @property
    def initials(self) -> str:
        """One or two letters of the name, shown in place of a picture, which a third party would serve."""
        words = self.shown_name.partition("@")[0].replace(".", " ").split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"

    @property
    def wanted(self) -> str | None:
        """The consent that the page asks for: `yes` (the same again), `calendar`, or None."""
        if self.grant_state == "reconsent":
            return "yes"
        return "calendar" if self.missing_scopes or self.grant_state != "active" else None

    @property
    def is_new(self) -> bool:
        """Whether the page begins with its first minute."""
        return not self.introduced and self.wanted is None


async def viewer(
    request: Request, services: ServicesDep, names: CookieNames, session: MaybeSession
) -> Viewer | None:
    """Dependency: the signed-in user of this browser, or None."""
    if session is None or session.kind != "cookie":
        return None
    account = next(iter(await services.users.accounts(session.user_id)), None)
    if account is None:
        return None
    grants = await services.grants.of_user(session.user_id)
    own = [grant for grant in grants if grant.account_sub == account.sub]
    # Another account may be read where the primary one may not.
    granted = next((grant for grant in (*own, *grants) if _may_be_read(grant)), next(iter(own), None))
    return Viewer(
        user_id=session.user_id,
        name=account.name,
        email=account.email,
        csrf_token=csrf_token(request.cookies[names.session]),
        missing_scopes=tuple(sorted(missing_scopes(READ_CALENDAR, granted.scopes if granted else ()))),
        grant_state=granted.state if granted else None,
        is_operator=await services.operators.include(session),
        introduced=await services.users.is_introduced(session.user_id),
    )


def _may_be_read(grant: Grant) -> bool:
    return grant.state != "revoked" and not missing_scopes(READ_CALENDAR, grant.scopes)


# What somebody who is signed out sees at the address of a screen, if not the way in.
_SIGNED_OUT: Final = {"privacy": "privacy.html"}
_Show = Callable[..., Awaitable[Response]]


def _screen(name: str, path: str) -> _Show:
    """Add the route of a screen: the one document of signed-in users, in which this one is shown."""

    @router.api_route(
        path, methods=READ, response_class=HTMLResponse, response_model=None, include_in_schema=False
    )
    async def show(
        request: Request,
        services: ServicesDep,
        names: CookieNames,
        who: Annotated[Viewer | None, Depends(viewer)],
        error: str | None = None,
        lang: str | None = None,
    ) -> Response:
        if who is not None and name not in who.screens:
            raise BadRequest("operators_only", "This is for the operators of this Catflap.")
        template = _SIGNED_OUT.get(name, "signed_out.html") if who is None else "signed_in.html"
        if error == "state_invalid" and names.keeps_none(request):
            return _probing_cookies(request, names)
        if error == "cookies_blocked" and not names.keeps_none(request):
            error = "state_invalid"
        modules = module_graph.modules_of("page/page.js")
        more = {"who": who, "screen": name, "screens": who.screens if who else (), "modules": modules}
        return _rendered(request, services, template, path=path, error=error, lang=lang, **more)

    return show


def _probing_cookies(request: Request, names: Cookies) -> Response:
    """Redirect to this page once more with a cookie, to see whether it comes back.

    An authorization request is not known again also where a browser keeps no cookies. One that keeps them may
    have none of ours either: after a day, or when somebody opens the address in another browser.
    """
    query = urlencode({**request.query_params, "error": "cookies_blocked"})
    response = RedirectResponse(f"?{query}", 303)
    names.set_probe(response)
    return response


page = _screen(SCREENS[0], "/")
for _name in (*SCREENS[1:], OPERATOR):
    _screen(_name, f"/{_name}")


@router.api_route("/signin/window", methods=READ, response_class=HTMLResponse, include_in_schema=False)
async def window(
    request: Request, services: ServicesDep, error: str | None = None, lang: str | None = None
) -> HTMLResponse:
    """Sign-in page that uses Google's popup; the only page that loads a third-party script."""
    google = urlsplit(services.settings.google_discovery_url)
    scripts = f"{google.scheme}://{google.netloc}/gsi/"
    answer = _rendered(
        request,
        services,
        "signin_window.html",
        error=error,
        lang=lang,
        gsi=f"{scripts}client",
        who=None,
    )
    answer.headers["Content-Security-Policy"] = content_security_policy(nonce_of(request), scripts)
    return answer


def _rendered(
    request: Request,
    services: Services,
    template: str,
    *,
    error: str | None,
    lang: str | None,
    path: str = "/",
    **more: Any,
) -> HTMLResponse:
    # A language that was chosen by hand is kept.
    next_page = f"{services.paths.mia}{path}" + (f"?lang={lang}" if lang in LANGUAGES else "")
    consent_url = f"{services.paths.auth}/signin/google?scopes=calendar&next={quote(next_page, safe='')}"
    return render(
        request,
        template,
        services.paths,
        path=path,
        lang=lang,
        error=error,
        consent_url=consent_url,
        command=services.signin.command,
        settings=services.settings,
        privacy_notice=privacy_notice,
        script_texts=script_texts,
        **more,
    )
