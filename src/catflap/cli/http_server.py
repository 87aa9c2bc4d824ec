"""Serve an ASGI application on a listening socket within an async context."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from catflap.errors import OperatorMustAct

_GRACE_SECONDS = 2


def bind(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Return a listening socket; port 0 takes a free port. `option` is the option that the error names.

    Raises:
        OperatorMustAct: `port_taken` or `address_unusable`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise OperatorMustAct(
                "port_taken", f"Port {port} on {host} is taken; choose another with {option}."
            ) from None
        raise OperatorMustAct(
            "address_unusable", f"Can't listen on {host} port {port}: {error.strerror}."
        ) from None
    listener.setblocking(False)
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port of a listening socket."""
    return int(listener.getsockname()[1])


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers: `cli.runner` handles signals and stops everything in order."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app`; on exit, open requests get two seconds to end."""
    config = uvicorn.Config(
        app,
        log_config=None,
        # Signed sound URLs are secrets, so uvicorn's access log must stay off.
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
