"""Put the routes together into one ASGI application."""

from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.staticfiles import StaticFiles
from sqlalchemy import text

from catflap.google.scopes import READ_CALENDAR, missing
from catflap.signin import Session
from catflap.vault.sealed_columns import check_ready
from catflap.web import devices, key_admin, pages, people, problems, proxy, risc, tokens
from catflap.web.passages import PASSAGES, allow_pages
from catflap.web.security import CookieNames, Parts, SafeHeaders, csrf_token, session_or_none
from catflap.web.services import Services


def create_app(parts: Services) -> FastAPI:
    """The application; it starts nothing and stops nothing."""
    app = FastAPI(title="Catflap", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.state.services = parts
    problems.install(app)
    # First, because routes are tried in order and this one is asked most.
    app.include_router(tokens.router)
    app.include_router(pages.router, dependencies=[Depends(load_viewer)])
    for router in PASSAGES:
        app.include_router(router)
    # The proxy's path takes any host, so whatever else is below a user's `google/` comes before it.
    for module in (risc, key_admin, proxy):
        app.include_router(module.router)
    app.include_router(people.router)
    app.include_router(devices.router)
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_api_route("/readyz", readyz, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=pages.STATIC))
    app.add_middleware(SafeHeaders, https=parts.settings.origin.startswith("https://"))
    allow_pages(app, parts.settings.allowed_origins)
    return app


async def load_viewer(
    request: Request,
    parts: Parts,
    names: CookieNames,
    session: Annotated[Session | None, Depends(session_or_none)],
) -> None:
    """Tell the page who looks at it."""
    request.state.viewer = None
    if session is None or session.kind != "cookie":
        return
    account = next(iter(await parts.users.accounts(session.user_id)), None)
    if account is None:
        return
    grants = await parts.vault.grants.of_user(session.user_id)
    granted = next((grant for grant in grants if grant.account_sub == account.sub), None)
    request.state.viewer = pages.Viewer(
        user_id=session.user_id,
        name=account.name,
        email=account.email,
        csrf_token=csrf_token(request.cookies[names.session]),
        missing_scopes=tuple(sorted(missing(READ_CALENDAR, granted.scopes if granted else ()))),
        grant_state=granted.state if granted else None,
    )


async def healthz() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


async def readyz(parts: Parts) -> dict[str, str]:
    """The process can serve: the database answers both roles, and the keyset opens what is in it."""
    async with parts.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    await check_ready(parts.vault.grants.engine, parts.vault.grants.seal)
    return {"status": "ready"}
