"""The web application of `catflap serve`: all routers at the root of a host name, and health checks."""

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from sqlalchemy import text
from starlette.exceptions import HTTPException

from catflap.vault.sealed_columns import check_ready
from catflap.web import openapi, routers
from catflap.web.authentication import ServicesDep
from catflap.web.headers import SecurityHeaders
from catflap.web.page_route import http_error
from catflap.web.problem_route import new_router
from catflap.web.routes import metrics
from catflap.web.services import STATE_KEY, Services

operations = new_router()
# FastAPI's spans have whole query strings, ours hold codes and states.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def create_app(services: Services) -> FastAPI:
    """Return the application; starting and stopping its components is the caller's job."""
    app = FastAPI(
        **openapi.info(), docs_url=None, redoc_url=None, openapi_url="/openapi.json", telemetry=_NO_TELEMETRY
    )
    openapi.install(app)
    setattr(app.state, STATE_KEY, services)
    app.add_exception_handler(HTTPException, http_error)
    # First, because routes are tried in order and the token route is asked most.
    for router in (routers.token_router, routers.auth_router, routers.me_router):
        _add_routes(app, router())
    if services.settings.calendars:
        _add_routes(app, routers.mia_router())
    _add_routes(app, metrics.router)
    _add_routes(app, operations)
    app.add_middleware(SecurityHeaders, https=services.settings.origin.startswith("https://"))
    return app


def _add_routes(app: FastAPI, router: APIRouter) -> None:
    # As they are: include_router() would build each route a second time, 0.1 s in all at the first request.
    app.router.routes.extend(router.routes)


@operations.get("/healthz", include_in_schema=False)
async def healthz() -> dict[str, str]:
    """Liveness check: the process runs."""
    return {"status": "ok"}


@operations.get("/readyz", include_in_schema=False)
async def readyz(services: ServicesDep) -> dict[str, str]:
    """Readiness check: the database answers both roles, and the keyset opens what is in it."""
    async with services.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    await check_ready(services.grants.engine, services.grants.cipher)
    return {"status": "ready"}
