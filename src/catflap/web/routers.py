"""The four routers that `catflap.fastapi` offers and `catflap serve` includes; see docs/embedding.md."""

from fastapi import APIRouter, FastAPI
from starlette.types import Lifespan

from catflap.web import static_files
from catflap.web.routes import (
    api_keys,
    backends,
    calendar_push,
    calendars,
    codes,
    desktop,
    device_members,
    device_mqtt,
    device_schedule,
    devices,
    events,
    google_proxy,
    installable,
    me,
    mobile,
    mute,
    operator,
    pages,
    pairings,
    plays,
    preview,
    reactions,
    readings,
    saying,
    security_events,
    signin,
    speakers,
    tokens,
    voices,
)

_Lifespan = Lifespan[FastAPI] | None


def auth_router(lifespan: _Lifespan = None) -> APIRouter:
    """Sign-in with Google: redirects, codes of popups and apps, consent links, sign-out, security events."""
    return _together(
        lifespan,
        signin.router,
        codes.router,
        codes.plain_router,
        desktop.router,
        mobile.router,
        security_events.router,
        static_files.embed_router,
    )


def token_router(lifespan: _Lifespan = None) -> APIRouter:
    """Tokens, calls and users for other back ends, by API key."""
    # The proxy's path takes any host, so whatever else is below a user's `google/` comes before it.
    return _together(
        lifespan,
        tokens.router,
        backends.router,
        api_keys.router,
        events.key_router,
        saying.key_router,
        google_proxy.router,
    )


def me_router(lifespan: _Lifespan = None) -> APIRouter:
    """The signed-in user's accounts, grants and sessions, and the numbers of the operator."""
    return _together(lifespan, me.router, operator.router)


def mia_router(lifespan: _Lifespan = None) -> APIRouter:
    """Calendars, announcements, devices and the page with Mia."""
    # Routes are tried in order, and thousands of devices ask for their schedules and send heartbeats.
    return _together(
        lifespan,
        device_schedule.router,
        devices.router,
        calendars.router,
        readings.router,
        voices.router,
        calendar_push.router,
        events.router,
        pairings.router,
        device_members.router,
        plays.router,
        device_mqtt.router,
        speakers.router,
        mute.router,
        preview.router,
        reactions.router,
        saying.router,
        pages.router,
        installable.router,
        static_files.page_router,
    )


def _together(lifespan: _Lifespan, *routers: APIRouter) -> APIRouter:
    """Return one router with the routes of several; including it adds `lifespan` to the application."""
    together = APIRouter(lifespan=lifespan, redirect_slashes=False)
    for router in routers:
        together.routes.extend(router.routes)
    return together
