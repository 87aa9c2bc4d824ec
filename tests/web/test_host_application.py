"""A host application beside Catflap: its answers stay the same byte for byte, also on paths like ours."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from catflap.errors import OperatorMustAct
from catflap.fastapi import Catflap
from tests.support.app_client import RunningApp
from tests.support.host import embedded, host_settings, served

pytestmark = pytest.mark.slow

PREFIXES = {
    "at the root": {"auth": "", "token": "", "me": "", "mia": "/mia"},
    "below prefixes": {"auth": "/auth", "token": "/api", "me": "/api", "mia": "/v1"},
}
MEGABYTE = b"x" * 2**20
ORIGIN = {"Origin": "https://partner.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "GET"}
JSON = {"Content-Type": "application/json"}
# Paths that begin, end or read like ours; a body of a megabyte; every kind of error; CORS of the host's own.
REQUESTS: list[tuple[str, str, dict[str, str], bytes | None]] = [
    ("GET", "/", {}, None),
    ("GET", "/?error=theirs&error=twice", {}, None),
    ("GET", "/v1/messages", {}, None),
    ("GET", "/v1/messages", ORIGIN, None),
    ("OPTIONS", "/v1/messages", PREFLIGHT, None),
    ("OPTIONS", "/v1/messages", {**PREFLIGHT, "Origin": "https://stranger.example"}, None),
    ("HEAD", "/v1/messages", {}, None),
    ("DELETE", "/v1/messages", {}, None),
    ("GET", "/v1/me2", {}, None),
    ("GET", "/v1/users-online", {}, None),
    ("GET", "/v1/grants.csv", {}, None),
    ("GET", "/v1/sessions/of/theirs", {}, None),
    ("POST", "/signout-survey", {}, b"a=1&a=2"),
    ("GET", "/signin/google-help", {}, None),
    ("GET", "/signin", {}, None),
    ("GET", "/consents/of/theirs?code=kept-in-the-log", {}, None),
    ("GET", "/catflap/fan-club", {}, None),
    ("GET", "/static/host.txt", {}, None),
    ("GET", "/static/nothing.txt", {}, None),
    ("POST", "/upload", {}, MEGABYTE),
    ("POST", "/upload/json", JSON, b'{"size": 1, "size": 2}'),
    ("POST", "/upload/json", JSON, b'{"size": "large"}'),
    ("GET", "/healthz", {}, None),
    ("GET", "/readyz", {}, None),
    ("GET", "/cookies", {"Cookie": "catflap_sessions=1; theirs=2", "Authorization": "Bearer theirs"}, None),
    ("GET", "/teapot", {}, None),
    ("GET", "/broken", {}, None),
    ("GET", "/lifespan", {}, None),
    ("GET", "/state", {}, None),
    ("GET", "/nowhere", {}, None),
    ("GET", "/v1/nowhere", {}, None),
    ("GET", "/auth/signin/nowhere", {}, None),
    ("GET", "/docs", {}, None),
]


class SeenScopes:
    """ASGI middleware of the host, such as an access log: what it knows of each request afterwards."""

    def __init__(self, host_app: ASGIApp, seen: list[tuple[str, bytes]]) -> None:
        self._app = host_app
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        if scope["type"] == "http":
            self._seen.append((scope["path"], scope["query_string"]))


def host_application(around: Any = None) -> FastAPI:
    """An application with a life of its own; `around` is a lifespan that it enters within its own."""

    @asynccontextmanager
    async def lifespan(host_app: FastAPI) -> AsyncIterator[dict[str, str]]:
        host_app.state.services = "their services"
        if around is None:
            yield {"services": "of theirs", "viewer": "theirs"}
            return
        async with around(host_app):
            yield {"services": "of theirs", "viewer": "theirs"}

    host_app = FastAPI(lifespan=lifespan, title="The host")
    host_app.state.seen = []

    @host_app.exception_handler(404)
    async def not_found(request: Request, error: Exception) -> Response:
        return PlainTextResponse("nothing here, says the host", 404)

    @host_app.exception_handler(405)
    async def wrong_method(request: Request, error: Exception) -> Response:
        return PlainTextResponse("not like this, says the host", 405)

    @host_app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Exception) -> Response:
        return PlainTextResponse("invalid, says the host", 422)

    @host_app.exception_handler(ValueError)
    async def value_error(request: Request, error: Exception) -> Response:
        return PlainTextResponse("a ValueError, says the host", 500)

    host_app.add_middleware(CORSMiddleware, allow_origins=["https://partner.example"], allow_credentials=True)
    host_app.add_middleware(SeenScopes, seen=host_app.state.seen)
    return host_app


def add_routes(host_app: FastAPI, directory: Path) -> None:
    """The host's own routes, below and beside ours."""

    async def anything(request: Request) -> Response:
        response = JSONResponse({"path": request.url.path, "query": request.url.query})
        response.set_cookie("theirs", "1")
        return response

    for path in (
        "/",
        "/v1/messages",
        "/v1/me2",
        "/v1/users-online",
        "/v1/grants.csv",
        "/v1/sessions/of/theirs",
    ):
        host_app.add_api_route(path, anything, response_model=None)
    for path in ("/signin", "/signin/google-help", "/consents/of/theirs", "/catflap/fan-club"):
        host_app.add_api_route(path, anything, response_model=None)
    for path in ("/healthz", "/readyz"):
        host_app.add_api_route(path, anything, response_model=None)
    host_app.mount("/static", StaticFiles(directory=directory))

    @host_app.post("/signout-survey")
    async def survey(request: Request) -> str:
        return (await request.body()).decode()

    @host_app.post("/upload")
    async def upload(request: Request) -> int:
        return len(await request.body())

    @host_app.post("/upload/json")
    async def upload_json(body: dict[str, int]) -> dict[str, int]:
        return body

    @host_app.get("/cookies")
    async def cookies(request: Request) -> dict[str, str]:
        return request.cookies

    @host_app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout", {"X-Host": "yes"})

    @host_app.get("/broken")
    async def broken() -> None:
        raise ValueError

    @host_app.get("/lifespan")
    async def of_lifespan(request: Request) -> list[str]:
        return [request.state.services, request.state.viewer, request.app.state.services]

    @host_app.get("/state")
    async def of_state(request: Request) -> list[str]:
        return [name for name in ("csp_nonce", "catflap") if hasattr(request.state, name)]


def include(host_app: FastAPI, catflap: Catflap, prefixes: dict[str, str]) -> None:
    host_app.include_router(catflap.auth_router(), prefix=prefixes["auth"])
    host_app.include_router(catflap.token_router(), prefix=prefixes["token"])
    host_app.include_router(catflap.me_router(), prefix=prefixes["me"])
    host_app.include_router(catflap.mia_router(), prefix=prefixes["mia"])


async def answers(origin: str) -> list[tuple[int, list[tuple[bytes, bytes]], bytes]]:
    """Every answer of the host, byte for byte but for the time."""
    found = []
    async with httpx2.AsyncClient(base_url=origin) as http:
        for method, path, headers, body in REQUESTS:
            answer = await http.request(method, path, headers=headers, content=body)
            headers_sent = [one for one in answer.headers.raw if one[0].lower() != b"date"]
            found.append((answer.status_code, headers_sent, answer.content))
    return found


@pytest.mark.parametrize("prefixes", PREFIXES.values(), ids=PREFIXES.keys())
@pytest.mark.parametrize("ours_first", [True, False])
async def test_the_host_answers_as_it_does_without_catflap(
    app: RunningApp, tmp_path: Path, prefixes: dict[str, str], ours_first: bool
) -> None:
    (tmp_path / "host.txt").write_text("a file of the host")
    alone = host_application()
    add_routes(alone, tmp_path)
    async with served(alone) as origin:
        without = await answers(origin)

    def build(catflap: Catflap) -> FastAPI:
        host_app = host_application(catflap.lifespan)
        if ours_first:
            include(host_app, catflap, prefixes)
        add_routes(host_app, tmp_path)
        if not ours_first:
            include(host_app, catflap, prefixes)
        return host_app

    async with embedded(app, tmp_path, build, auth=prefixes["auth"]) as (guest, host_app):
        within = await answers(guest.origin)
        for request, one, other in zip(REQUESTS, without, within, strict=True):
            assert one == other, request[:2]
        # An answer may arrive before its request is noted.
        assert sorted(host_app.state.seen) == sorted(alone.state.seen)
        ours = await guest.client.get(f"{guest.origin}{prefixes['me']}/v1/me")
        assert ours.status_code == 401
        assert ours.headers["Content-Type"] == "application/problem+json"
        assert ours.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in ours.headers
        assert set(host_app.state._state) == {"seen", "services", "catflap"}
    described, theirs = host_app.openapi()["paths"], alone.openapi()["paths"]
    assert {path: described[path] for path in theirs} == theirs
    assert len(host_app.user_middleware) == len(alone.user_middleware)
    assert set(host_app.exception_handlers) == set(alone.exception_handlers)


async def test_our_routes_protect_themselves_inside_the_host(app: RunningApp, tmp_path: Path) -> None:
    seen: list[tuple[str, bytes]] = []

    def build(catflap: Catflap) -> FastAPI:
        host_app = FastAPI(lifespan=catflap.lifespan)
        include(host_app, catflap, PREFIXES["below prefixes"])
        host_app.add_middleware(SeenScopes, seen=seen)
        return host_app

    allowed = {"allowed_origins": ("https://app.example",)}
    async with embedded(app, tmp_path, build, auth="/auth", **allowed) as (guest, _):
        key = await app.api_key("users", "proxy")

        async def ask(method: str, path: str, **more: Any) -> httpx2.Response:
            return await guest.client.request(method, guest.origin + path, **more)

        def chunked() -> AsyncIterator[bytes]:
            async def chunks() -> AsyncIterator[bytes]:
                for _ in range(3):
                    yield b"x" * 40_000

            return chunks()

        for body in (MEGABYTE, chunked()):
            refused = await ask("POST", "/api/v1/users", content=body, headers={**key, **JSON})
            assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
        for path in ("/auth/signin/google/code", "/auth/signout"):
            assert (await ask("POST", path, content=MEGABYTE)).json()["code"] == "too_large"
        plain = await ask("POST", "/auth/storeauthcode", content=MEGABYTE)
        assert (plain.status_code, [*plain.json()]) == (413, ["error"])
        # The proxy's bodies are Google's to limit.
        proxied = await ask(
            "PUT", "/api/v1/users/1/google/www.googleapis.com/x", content=MEGABYTE, headers=key
        )
        assert proxied.json()["code"] == "call_not_allowed"
        wrong = await ask("PUT", "/api/v1/me")
        assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
        assert wrong.headers["Allow"]
        unread = await ask("POST", "/api/v1/users", content=b"{", headers={**key, **JSON})
        assert (unread.status_code, unread.json()["code"]) == (400, "invalid_request")
        preflight = {**PREFLIGHT, "Origin": "https://app.example"}
        answer = await ask("OPTIONS", "/api/v1/me", headers=preflight)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        answer = await ask("GET", "/api/v1/me", headers={"Origin": "https://app.example"})
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        answer = await ask("GET", "/api/v1/me", headers={"Origin": "https://stranger.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers
        seen.clear()
        await ask("GET", "/auth/signin/google/callback?code=canary&state=canary")
        await ask("GET", "/auth/consents/canary")
        await ask("GET", "/v1/v1/sounds/canary.wav")
        for method in ("GET", "HEAD", "OPTIONS"):
            await ask(method, "/auth/consents/canary/")
            await ask(method, "/v1/v1/sounds/canary.wav/")
        assert seen and "canary" not in str(seen)


@pytest.mark.parametrize(
    ("include", "code", "said"),
    [
        (lambda host_app, c: host_app.include_router(c.token_router()), "router_missing", "auth_router()"),
        (lambda host_app, c: host_app.include_router(c.mia_router()), "router_missing", "auth_router()"),
        (
            lambda host_app, c: [host_app.include_router(one()) for one in (c.mia_router, c.auth_router)],
            "router_missing",
            "me_router()",
        ),
        (
            lambda host_app, c: [host_app.include_router(c.me_router(), prefix=p) for p in ("/a", "/b")],
            "router_included_twice",
            "me_router()",
        ),
        (
            lambda host_app, c: host_app.include_router(c.auth_router(), prefix="/{tenant}/auth"),
            "prefix_not_fixed",
            "/{tenant}/auth",
        ),
    ],
)
async def test_what_is_missing_or_doubled_is_named_at_the_start(
    app: RunningApp, tmp_path: Path, include: Callable[[FastAPI, Catflap], Any], code: str, said: str
) -> None:
    catflap = Catflap(host_settings(app, tmp_path))
    host_app = FastAPI(lifespan=catflap.lifespan)
    include(host_app, catflap)
    with pytest.raises(OperatorMustAct, match=code) as failed:
        async with host_app.router.lifespan_context(host_app):
            pass
    assert said in failed.value.message
    assert not hasattr(host_app.state, "catflap")


async def test_calendars_that_are_switched_off_are_not_shown(app: RunningApp, tmp_path: Path) -> None:
    catflap = Catflap(host_settings(app, tmp_path, calendars=False))
    host_app = FastAPI(lifespan=catflap.lifespan)
    include(host_app, catflap, PREFIXES["below prefixes"])
    with pytest.raises(OperatorMustAct, match="calendars_off"):
        async with host_app.router.lifespan_context(host_app):
            pass


async def test_an_application_can_have_one_catflap(app: RunningApp, tmp_path: Path) -> None:
    first, second = (Catflap(host_settings(app, tmp_path), worker=False) for _ in range(2))
    host_app = FastAPI()
    async with first.lifespan(host_app):
        with pytest.raises(OperatorMustAct, match="second_catflap"):
            async with second.lifespan(host_app):
                pass
        with pytest.raises(OperatorMustAct, match="second_catflap"):
            async with first.lifespan(FastAPI()):
                pass
    mixed = FastAPI(lifespan=first.lifespan)
    mixed.include_router(second.me_router())
    with pytest.raises(OperatorMustAct, match="second_catflap"):
        async with mixed.router.lifespan_context(mixed):
            pass


async def test_routers_without_a_started_catflap_fail_at_the_start_and_on_request(
    app: RunningApp, tmp_path: Path
) -> None:
    catflap = Catflap(host_settings(app, tmp_path))
    host_app = FastAPI()
    host_app.include_router(catflap.me_router())
    with pytest.raises(OperatorMustAct, match="not_started"):
        async with host_app.router.lifespan_context(host_app):
            pass
    transport = httpx2.ASGITransport(host_app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://host.test") as http:
        answer = await http.get("/v1/me")
        assert (answer.status_code, answer.json()["code"]) == (500, "not_started")


@pytest.mark.parametrize("names", [["me"], ["auth"], ["auth", "token"], ["auth", "me", "mia"], []])
async def test_any_subset_that_is_complete_starts(app: RunningApp, tmp_path: Path, names: list[str]) -> None:
    catflap = Catflap(host_settings(app, tmp_path), worker=False)
    host_app = FastAPI(lifespan=catflap.lifespan)
    for name in names:
        host_app.include_router(getattr(catflap, f"{name}_router")(), prefix=f"/{name}")
    # Twice, because an application may be started again, by a test client for example.
    for _ in range(2):
        async with host_app.router.lifespan_context(host_app):
            assert host_app.state.catflap.paths.auth == ("/auth" if "auth" in names else "")
            assert host_app.state.catflap.settings.calendars == ("mia" in names)
        assert not hasattr(host_app.state, "catflap")
