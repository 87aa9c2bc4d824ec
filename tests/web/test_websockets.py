"""`current_user` and `optional_user` in WebSocket routes of a host application."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket

from catflap.fastapi import Catflap, CurrentUser, OptionalUser
from tests.support.app_client import RunningApp
from tests.support.host import embedded


def build(catflap: Catflap) -> FastAPI:
    host_app = FastAPI(lifespan=catflap.lifespan)
    host_app.include_router(catflap.auth_router())
    host_app.include_router(catflap.me_router())

    @host_app.websocket("/hello")
    async def hello(websocket: WebSocket, user: CurrentUser) -> None:
        await websocket.accept()
        await websocket.send_text(user.email or "")

    @host_app.websocket("/perhaps")
    async def perhaps(websocket: WebSocket, user: OptionalUser) -> None:
        await websocket.accept()
        await websocket.send_text("nobody" if user is None else user.email or "")

    @host_app.get("/plain")
    async def plain(user: CurrentUser) -> None: ...

    return host_app


@pytest.fixture
async def host(app: RunningApp, tmp_path: Path) -> AsyncIterator[tuple[RunningApp, FastAPI]]:
    async with embedded(app, tmp_path, build, allowed_origins=("https://partner.example",)) as opened:
        yield opened


async def opened(host_app: FastAPI, path: str, headers: dict[str, str]) -> str | int:
    """Open a WebSocket as an ASGI server does: the text that it sends, or the status of the refusal."""
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "ws",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "subprotocols": [],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }
    sent: list[Any] = []
    received: asyncio.Queue[Any] = asyncio.Queue()
    received.put_nowait({"type": "websocket.connect"})

    async def send(message: Any) -> None:
        sent.append(message)

    await host_app(scope, received.get, send)
    if sent[0]["type"] == "websocket.http.response.start":
        return int(sent[0]["status"])
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]
    return str(sent[1]["text"])


async def test_a_websocket_knows_the_user_of_a_page_of_an_allowed_origin(
    host: tuple[RunningApp, FastAPI],
) -> None:
    guest, host_app = host
    browser = await guest.browser()
    await browser.sign_in()
    cookie = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    for path in ("/hello", "/perhaps"):
        for origin in (guest.origin, "https://partner.example"):
            headers = {"Cookie": cookie, "Origin": origin}
            assert await opened(host_app, path, headers) == browser.email
        for origin in ("https://stranger.example", "null", guest.origin + "0"):
            assert await opened(host_app, path, {"Cookie": cookie, "Origin": origin}) == 403
        assert await opened(host_app, path, {"Cookie": cookie}) == 403
        bearer = await guest.bearer_of((await browser.me())["user_id"])
        assert await opened(host_app, path, bearer) == browser.email
        assert await opened(host_app, path, {"Cookie": cookie, "Origin": guest.origin, **bearer}) == 400
    assert await opened(host_app, "/hello", {"Origin": guest.origin}) == 401
    assert await opened(host_app, "/perhaps", {"Origin": guest.origin}) == "nobody"


async def test_our_paths_open_no_websocket(host: tuple[RunningApp, FastAPI]) -> None:
    _, host_app = host
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": "/v1/me",
        "headers": [],
        "root_path": "",
        "state": {},
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await host_app(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_the_hosts_document_names_how_to_sign_in(host: tuple[RunningApp, FastAPI]) -> None:
    _, host_app = host
    security = host_app.openapi()["paths"]["/plain"]["get"]["security"]
    assert security == [{"catflapSessionCookie": []}, {"catflapSessionToken": []}]
