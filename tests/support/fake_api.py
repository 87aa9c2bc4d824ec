"""A fake of the HTTP API that the page uses, with a schedule that a test sets.

Its answers are the response models of the real API, so they have the same shape; `tests/journeys` runs the
page with the real one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of
from catflap.errors import BadRequest
from catflap.settings import Settings
from catflap.store.unavailable import DatabaseUnavailable
from catflap.web.page_route import http_error
from catflap.web.paths import Paths
from catflap.web.problems import problem_of
from catflap.web.routes import installable
from catflap.web.routes.pages import router, viewer
from catflap.web.schemas.accounts import SessionLifetime
from catflap.web.schemas.calendars import AnnouncementList, Today
from catflap.web.schemas.devices import (
    AckBody,
    TokenBody,
)
from catflap.web.schemas.voices import DialectResource
from catflap.web.static_files import page_router
from tests.support.fake_account import add_account
from tests.support.fake_choices import add_choices
from tests.support.fake_devices import add_devices
from tests.support.fake_hello import add_hello
from tests.support.fake_operator import add_operator
from tests.support.fake_state import BARE, DIALECTS, UNTOLD, FakeApi
from tests.support.fake_voice import add_voice
from tests.support.fake_when import add_when


def build(catflap: FakeApi) -> ASGIApp:
    """The fake as an application that writes down what is asked and refuses who is not signed in."""
    app = _routes(catflap)

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            catflap.asked.append(f"{request.method} {request.url.path}")
            if (refusal := _refused(catflap, request)) is not None:
                await refusal(scope, receive, send)
                return
        await app(scope, receive, send)

    return asked


def _refused(catflap: FakeApi, request: Request) -> Response | None:
    """Return the error for a call that is not authenticated, as the real API does."""
    path = request.url.path
    if not path.startswith("/v1/") or path.startswith(("/v1/device/", "/v1/sounds/", "/v1/dialects")):
        return None
    if catflap.ailing:
        return problem_of(DatabaseUnavailable("the fake API is ailing"))
    if catflap.viewer is None:
        return problem_of(BadRequest("unauthenticated", "Sign in first."))
    sent = request.headers.get("x-csrf-token")
    if sent != catflap.viewer.csrf_token and (sent is not None or request.method != "GET"):
        return problem_of(BadRequest("csrf", "Reload the page."))
    return None


def _routes(catflap: FakeApi) -> FastAPI:
    app = FastAPI()
    app.add_exception_handler(HTTPException, http_error)
    app.state.catflap = SimpleNamespace(
        paths=Paths(), settings=Settings(), signin=SimpleNamespace(command=None)
    )
    app.include_router(router)
    app.include_router(installable.router)
    app.include_router(page_router)
    app.dependency_overrides[viewer] = lambda: catflap.viewer

    @app.get("/v1/session")
    async def session() -> SessionLifetime:
        assert catflap.viewer is not None
        ends = catflap.now() + timedelta(days=90)
        return SessionLifetime(user_id=catflap.viewer.user_id, kind="cookie", expires_at=ends)

    @app.get("/v1/appointments")
    async def appointments() -> Today:
        zone = ZoneInfo(catflap.preferences["zone"])
        today = catflap.now().astimezone(zone).date()
        return Today.model_validate(
            {
                "zone": catflap.preferences["zone"],
                "zone_source": catflap.preferences["zone_source"],
                "day": today.isoformat(),
                "starts_at": datetime.combine(today, time(), zone),
                "ends_at": datetime.combine(today + timedelta(days=1), time(), zone),
                "connected": catflap.connected,
                "calendars": catflap.calendars,
                "appointments": [{**BARE, **one} for one in catflap.appointments],
                "problems": catflap.problems,
                "syncing": catflap.syncing,
            }
        )

    @app.get("/v1/announcements")
    async def announcements() -> AnnouncementList:
        said = {ack["announcement"]: ack["state"] for ack in catflap.acks}
        listed = [
            {**one, **UNTOLD, "state": said.get(one["id"], "ready")}
            | ({"state": "held", "held_for": catflap.held[one["id"]]} if one["id"] in catflap.held else {})
            | catflap.outcomes.get(one["id"], {})
            for one in catflap.announcements
        ]
        return AnnouncementList.model_validate({"announcements": listed})

    add_choices(app, catflap)
    add_account(app, catflap)
    add_devices(app, catflap)
    add_when(app, catflap)
    add_voice(app, catflap)
    add_operator(app, catflap)
    add_hello(app, catflap)

    @app.get("/v1/dialects")
    async def dialects() -> list[DialectResource]:
        return [DialectResource.of(one) for one in DIALECTS]

    def is_device(request: Request) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return catflap.knows(token) and "cookie" not in request.headers

    @app.get("/v1/device/schedule")
    async def schedule(request: Request) -> Response:
        if not is_device(request):
            return problem_of(BadRequest("unauthenticated", "This device is not paired."))
        catflap.streams += 1
        await catflap.noticed()
        return StreamingResponse(catflap.stream(), media_type="text/event-stream")

    @app.post("/v1/device/acks")
    async def acks(request: Request) -> Response:
        if not is_device(request):
            return problem_of(BadRequest("unauthenticated", "This device is not paired."))
        AckBody.model_validate(sent := await request.json())
        catflap.acks.append(sent)
        await catflap.noticed()
        return Response(status_code=204)

    @app.post("/v1/device/heartbeat")
    async def heartbeat(request: Request) -> Response:
        if not is_device(request):
            return problem_of(BadRequest("unauthenticated", "This device is not paired."))
        catflap.heartbeats += 1
        await catflap.noticed()
        return Response(status_code=204)

    @app.post("/v1/device/token")
    async def rotate(body: TokenBody, request: Request) -> Response:
        if not is_device(request):
            return problem_of(BadRequest("unauthenticated", "This device is not paired."))
        token = request.headers["authorization"].removeprefix("Bearer ")
        catflap.rotate(token, body.token_sha256)
        await catflap.noticed()
        return Response(status_code=204)

    @app.get("/sounds/{name}.wav")
    async def sound(name: str, request: Request) -> Response:
        if "cookie" in request.headers or "authorization" in request.headers:
            return problem_of(BadRequest("forbidden", "Fetch it without credentials."))
        await catflap.noticed()
        cacheable = {"Cache-Control": "private, max-age=3600, immutable"}
        return Response(catflap.sounds[name], media_type="audio/wav", headers=cacheable)

    @app.post("/signout")
    async def signout(request: Request) -> Response:
        form = await request.form()
        if catflap.viewer is None or form.get("csrf_token") != catflap.viewer.csrf_token:
            return problem_of(BadRequest("csrf", "Reload the page."))
        await catflap.end_session()
        return RedirectResponse("/", 303)

    return app


@asynccontextmanager
async def open_fake_api(catflap: FakeApi) -> AsyncIterator[FakeApi]:
    """Serve the fake API on a free port of this machine."""
    listener = bind("127.0.0.1", 0)
    catflap.url = f"http://localhost:{port_of(listener)}"
    # With its limit on how long open streams may keep it, as the real server has.
    async with serving(build(catflap), listener):
        yield catflap
        await catflap.close()
