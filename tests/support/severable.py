"""A TCP proxy that a test takes away and brings back."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Severable:
    """Passes connections on to a server, until it is cut."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._to = (host, port)
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def restore(self) -> None:
        """Pass connections on, at the same port as before."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all connections, and refuse new ones."""
        if self._server:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if self._server:
            await self._server.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there}
        await asyncio.gather(self._copy(reader, there), self._copy(there_reader, writer))
        self._writers -= {writer, there}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(1 << 16):
                writer.write(piece)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def severable(address: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Severable]:
    """Open a proxy of a server at `host:port`; with `tls` its clients have to use TLS."""
    host, _, port = address.rpartition(":")
    proxy = Severable(host, int(port), tls)
    await proxy.restore()
    try:
        yield proxy
    finally:
        await proxy.cut()
