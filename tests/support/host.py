"""Host applications that include routers of Catflap, served with their lifespan over real sockets."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of
from catflap.fastapi import Catflap
from catflap.settings import Settings
from tests.support.app_client import CLIENT_ID, RunningApp


@asynccontextmanager
async def served(host_app: FastAPI, listener: socket.socket | None = None) -> AsyncIterator[str]:
    """Serve `host_app` with its lifespan; yields its origin."""
    with listener or bind("127.0.0.1", 0) as listening:
        origin = f"http://127.0.0.1:{port_of(listening)}"
        async with host_app.router.lifespan_context(host_app), serving(host_app, listening):
            yield origin


def host_settings(app: RunningApp, data_dir: Path, port: int = 8400, **chosen: object) -> Settings:
    """Settings of a Catflap in a host application, with the database and the Google of `app`."""
    update = {"data_dir": data_dir, "port": port, **chosen}
    return app.catflap.services.settings.model_copy(update=update)


@asynccontextmanager
async def embedded(
    app: RunningApp, data_dir: Path, build: Callable[[Catflap], FastAPI], *, auth: str = "", **chosen: object
) -> AsyncIterator[tuple[RunningApp, FastAPI]]:
    """Serve the host application that `build` makes around a Catflap, as a `RunningApp` of its own.

    Args:
        auth: prefix of the auth router, for the redirect URI that Google knows.
        chosen: settings.
    """
    listener = bind("127.0.0.1", 0)
    origin = f"http://127.0.0.1:{port_of(listener)}"
    client = app.sandbox.state.clients[CLIENT_ID]
    client.redirect_uris.append(f"{origin}{auth}/signin/google/callback")
    client.origins.append(origin)
    settings = host_settings(app, data_dir, port_of(listener), **chosen)
    host_app = build(Catflap(settings, clock=app.clock))
    async with served(host_app, listener):
        yield (
            RunningApp(
                origin, app.sandbox, app.catflap, app.urls, app.clock, app.client, app._stack, declared=False
            ),
            host_app,
        )
