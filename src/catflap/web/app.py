"""The web application of `catflap serve`: all routers at the root of a host name, metrics, health."""

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from catflap.web import openapi, routers
from catflap.web.headers import SecurityHeaders
from catflap.web.page_route import http_error
from catflap.web.request_tracing import RequestTracing
from catflap.web.routes import health, metrics
from catflap.web.services import STATE_KEY, Services

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
    _add_routes(app, health.router)
    app.add_middleware(RequestTracing)
    app.add_middleware(SecurityHeaders, https=services.settings.origin.startswith("https://"))
    return app


def _add_routes(app: FastAPI, router: APIRouter) -> None:
    # As they are: include_router() would build each route a second time, 0.1 s in all at the first request.
    app.router.routes.extend(router.routes)
